//! Checking a journal segment by segment: each stands where it belongs, and follows the one before.

use std::io;
use std::path::Path;

use super::fault::kind;
use super::labels::{Label, Labels, window};
use super::retention::Retention;
use super::walk::Walked;
use super::witness;
use super::{Damage, DamageKind, Listener, SealSeen, SegmentReport, Verification};
use crate::journal::format::header::SegmentHeader;
use crate::journal::format::seal::{Digest, Sealer, TrailerRoom};
use crate::journal::format::{FRAMES_AT, segment_name, snapshot_name};
use crate::journal::patience::Patience;
use crate::journal::reader::{FileScan, ReadError};
use crate::journal::recovery::segment_mismatch;
use crate::journal::scan::{Fault, Scan, read_header};
use crate::journal::window::Window;
use crate::model::id::Lsn;

/// A verification under way.
pub(in crate::journal) struct Verifier<'a, L> {
    dir: &'a Path,
    pub(super) listener: &'a mut L,
    pub(super) found: Verification,
    journal: Option<[u8; 16]>,
    /// What the next segment must refer to; none once that is lost in damage.
    before: Option<Before>,
    /// The record that the next segment must begin with; none if nobody can tell.
    next: Option<Lsn>,
    pub(super) retention: Retention,
    pub(super) patience: Patience,
}

struct Before {
    number: u64,
    salt: [u8; 16],
    head: Option<Digest>,
    /// Records behind its last readable one are lost, and said to be.
    lost_end: bool,
}

impl<'a, L: Listener> Verifier<'a, L> {
    pub(in crate::journal) fn new(dir: &'a Path, listener: &'a mut L) -> Self {
        let before = Before { number: 0, salt: [0; 16], head: Some([0; 32]), lost_end: false };
        Self {
            dir,
            listener,
            found: Verification::default(),
            journal: None,
            before: Some(before),
            next: Some(Lsn(1)),
            retention: Retention::default(),
            patience: Patience::new(dir),
        }
    }

    pub(in crate::journal) fn run(mut self) -> Result<Verification, ReadError> {
        // Listed before the segments are: one that a live writer takes meanwhile would speak of records not yet seen.
        let snapshots = witness::names(self.dir)?;
        let labels = Labels::read(self.dir)?;
        self.journal = labels.journal;
        let mut ours = Vec::new();
        for label in &labels.all {
            match self.stranger(label) {
                Some((kind, what)) => self.damage(kind, label.first_lsn, 0, label.first_lsn, what),
                None => ours.push(label),
            }
        }
        self.found.strangers = self.found.damage.len();
        for (index, label) in ours.iter().enumerate() {
            self.segment(label, ours.get(index + 1).copied())?;
        }
        self.hear(&snapshots);
        if let Some(damage) = self.retention.judge() {
            self.listener.damage(&damage);
            self.found.damage.push(damage);
        }
        self.found.removed = self.retention.removed();
        Ok(self.found)
    }

    /// A snapshot was written when its last record was on the disk. Damage that already ends the last segment explains why
    /// that is not there.
    fn hear(&mut self, snapshots: &[Lsn]) {
        let last = self.found.last_lsn;
        let ends_early = |damage: &Damage| Some(&damage.segment) == self.found.segments.last().map(|it| &it.segment);
        if self.found.damage.iter().any(ends_early) {
            return;
        }
        if let Some(through) = witness::behind(self.dir, snapshots, self.journal, last) {
            let (next, name) = (last.next(), snapshot_name(through));
            let what = format!("records {next} to {through} are missing: {name} was taken when they were on the disk");
            self.damage(DamageKind::Missing, next, 0, next, what);
            self.listener.known(through.next());
        }
    }

    pub(super) fn damage(&mut self, kind: DamageKind, first_lsn: Lsn, offset: u64, lsn: Lsn, what: impl ToString) {
        let damage = Damage { kind, segment: segment_name(first_lsn), offset, lsn, what: what.to_string() };
        self.listener.damage(&damage);
        self.found.damage.push(damage);
    }

    pub(super) fn fault(&mut self, first_lsn: Lsn, offset: u64, lsn: Lsn, fault: &Fault) {
        self.damage(kind(fault), first_lsn, offset, lsn, fault);
    }

    /// Why a file that is called a segment is none of this journal's, if so.
    fn stranger(&self, label: &Label) -> Option<(DamageKind, String)> {
        let header = label.header?;
        if Some(header.journal) != self.journal {
            let hex = |bytes: [u8; 16]| format!("{:032x}", u128::from_be_bytes(bytes));
            let ours = self.journal.map(hex).unwrap_or_default();
            return Some((
                DamageKind::Foreign,
                format!("the segment is one of journal {}, not of {ours}", hex(header.journal)),
            ));
        }
        let belongs = segment_name(header.first_lsn);
        label.duplicate.then(|| (DamageKind::Duplicate, format!("the segment is one more copy of {belongs}")))
    }

    fn segment(&mut self, label: &Label, follower: Option<&Label>) -> Result<(), ReadError> {
        let name = label.first_lsn;
        if let Some(fault) = &label.fault {
            let offset = if label.bytes < FRAMES_AT { label.bytes } else { 0 };
            self.fault(name, offset, label.begins(), fault);
        }
        let report = self.found.segments.len();
        self.found.segments.push(SegmentReport {
            segment: segment_name(name),
            first_lsn: label.begins(),
            last_lsn: Lsn(label.begins().0.saturating_sub(1)),
            bytes: label.bytes,
            sealed: false,
        });
        let header = label.header.filter(|header| self.next.is_none_or(|next| header.first_lsn >= next));
        let Some(header) = header else {
            if label.header.is_some() {
                let what = format!("record {} stands in an earlier segment already", label.begins());
                self.damage(DamageKind::Duplicate, name, 0, label.begins(), what);
                return Ok(());
            }
            (self.before, self.next) = (None, None);
            self.retention.begins(label.first_lsn);
            self.listener.known(follower.map_or(label.first_lsn, Label::begins));
            return Ok(());
        };
        let Some(scan) = self.open(label, header)? else {
            // Retention took it away meanwhile; whether it might, the record of that says at the end.
            self.found.segments.truncate(report);
            (self.before, self.next) = (None, None);
            self.retention.begin_anew();
            return Ok(());
        };
        self.check_place(label, &scan.header);
        self.read_through(label, scan, follower, report);
        Ok(())
    }

    /// None if it is not there any more.
    fn open(&self, label: &Label, header: SegmentHeader) -> Result<Option<FileScan>, ReadError> {
        let path = self.dir.join(segment_name(label.first_lsn));
        let gone = |error: &ReadError| matches!(error, ReadError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
        let mut window = match window(&path) {
            Err(error) if gone(&error) => return Ok(None),
            window => window?,
        };
        // A daemon that started meanwhile has made an empty segment anew, with another salt.
        let header = match read_header(&mut window) {
            (Some(now), None) if label.fault.is_none() => now,
            _ => header,
        };
        let mut scan = Scan::new(window, header);
        // Whatever stands in the trailer's room was written after the last frame.
        if scan.trailer() != Ok(TrailerRoom::Empty) {
            scan.window.read_ahead();
        }
        if !label.rebuilt {
            let mut sealer = Sealer::new(header.first_lsn);
            match scan.window.bytes(0, FRAMES_AT as usize) {
                Ok(page) if label.fault.is_none() => sealer.feed(page),
                // What is wrong with the page has been said; the rest of the seal is still worth comparing.
                _ => sealer.feed(&header.page()),
            }
            scan.sealer = Some(sealer);
        }
        Ok(Some(scan))
    }

    /// The segment stands where its header says, right behind the one before.
    fn check_place(&mut self, label: &Label, header: &SegmentHeader) {
        self.retention.begins(header.first_lsn);
        let begins = header.first_lsn;
        let next = self.next.unwrap_or(begins);
        let gap = begins > next;
        let explained = |before: &Before| before.lost_end && header.number == before.number + 1;
        if gap && !self.before.as_ref().is_some_and(explained) {
            self.before = None;
            if !self.retention.explains_start(begins) {
                let what = format!("records {next} to {} are missing: no segment holds them", Lsn(begins.0 - 1));
                self.damage(DamageKind::Missing, next, 0, next, what);
            }
        }
        let (number, salt) = match &self.before {
            Some(before) => (before.number + 1, before.salt),
            None => (header.number, header.previous_salt),
        };
        let name = segment_name(label.first_lsn);
        if !label.rebuilt
            && let Some(fault) = segment_mismatch(header, &name, number, salt, self.journal)
        {
            self.fault(label.first_lsn, 0, begins, &fault);
        }
    }

    fn read_through(&mut self, label: &Label, mut scan: FileScan, follower: Option<&Label>, report: usize) {
        let header = scan.header;
        let walked = self.walk(label.first_lsn, &mut scan, follower.is_none());
        let damage_before = self.found.damage.len();
        let head = self.check_end(label, &mut scan, follower.is_none(), &walked);
        if let Some((seal, head)) = scan.seal.as_ref().zip(head) {
            self.retention.chained_to(seal.previous);
            let (segment, last_lsn, previous) = (segment_name(label.first_lsn), seal.last_lsn, seal.previous);
            // A broken chain belongs to this segment, like anything else that is wrong with it.
            let damage_before = damage_before.max(self.found.damage.len());
            self.found.seals.push(SealSeen { segment, last_lsn, head, previous, damage_before });
        }
        let follows = follower.and_then(|label| label.header).filter(|next| next.number == header.number + 1);
        let known = follows.map_or(walked.known, |next| next.first_lsn.max(scan.next));
        self.listener.known(known);
        let lost_end = known > scan.next;
        self.before = Some(Before { number: header.number, salt: header.salt, head, lost_end });
        self.next = Some(scan.whole_next);
        self.found.last_lsn = Lsn(scan.whole_next.0 - 1);
        self.found.segments[report].last_lsn = self.found.last_lsn;
        self.found.segments[report].sealed = scan.seal.is_some();
    }

    /// Seal, trailer, and the zeros between. Returns the head that the next seal must chain to.
    fn check_end(&mut self, label: &Label, scan: &mut FileScan, last: bool, walked: &Walked) -> Option<Digest> {
        let (name, end, lsn) = (label.first_lsn, scan.at, scan.next);
        let (bytes, capacity) = (scan.window.size(), scan.header.capacity);
        if bytes != capacity && !label.rebuilt {
            self.fault(name, bytes.min(capacity), lsn, &Fault::Size { bytes, capacity });
        }
        let Some(seal) = scan.seal.clone() else { return walked.head };
        if self.before.as_ref().and_then(|before| before.head).is_some_and(|head| head != seal.previous) {
            self.fault(name, seal.end, lsn, &Fault::Seal { field: "previous" });
        }
        if let Some(fault) = scan.compare_seal(&seal) {
            let offset = match fault {
                Fault::Block { block } => block as u64 * crate::journal::format::BLOCK_BYTES,
                _ => seal.end,
            };
            self.fault(name, offset, lsn, &fault);
        }
        match scan.first_nonzero(end) {
            Ok(None) => {}
            Ok(Some(offset)) => self.fault(name, offset, lsn, &Fault::NotZero),
            Err(fault) => self.fault(name, end, lsn, &fault),
        }
        let trailer_at = capacity.saturating_sub(crate::journal::format::TRAILER_ROOM);
        match scan.compare_trailer(&seal) {
            Err(fault) => self.fault(name, trailer_at, lsn, &fault),
            // A segment gets a successor only once its trailer is on the disk.
            Ok(TrailerRoom::Empty) if !last && bytes == capacity => self.fault(name, trailer_at, lsn, &Fault::Trailer),
            Ok(_) => {}
        }
        Some(seal.head())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Deaf;
    use super::*;
    use crate::journal::{DirStorage, Journal, Options};
    use crate::model::actor::Actor;
    use crate::model::event::DaemonStopped;
    use crate::model::record::{Record, Subject};
    use crate::model::time::{BootId, Timestamp};

    /// A start makes an empty segment anew, under the same name and with another salt.
    #[test]
    fn a_segment_that_was_made_anew_since_its_label_was_read_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let open = |salt: u8| {
            let storage = DirStorage::open(dir.path()).unwrap();
            Journal::open(storage, Options::default(), 5, move || [salt; 16], |_| {}).unwrap().0
        };
        drop(open(7));
        let labels = Labels::read(dir.path()).unwrap();
        let mut journal = open(8);
        let at = Timestamp { wall_us: 1, awake_ms: 1, boot: BootId(1) };
        let event = DaemonStopped { why: "asked to".to_owned() }.into();
        let record = Record { lsn: Lsn(1), at, subject: Subject::NONE, cause: None, actor: Actor::Dormouse, event };
        let _ = journal.append(&[vec![record]], ()).unwrap();
        let mut deaf = Deaf;
        let mut verifier = Verifier::new(dir.path(), &mut deaf);
        verifier.journal = labels.journal;
        verifier.segment(&labels.all[0], None).unwrap();
        assert_eq!((&verifier.found.damage[..], verifier.found.records), (&[][..], 1));
    }
}
