//! Reading every frame of one segment, over damage too.

use super::fault::kind;
use super::verify::Verifier;
use super::{DamageKind, Listener, TornBytes};
use crate::journal::format::frame::{FRAME_HEAD, FrameHeader};
use crate::journal::format::seal::{Digest, TrailerRoom};
use crate::journal::format::{is_zero, segment_name};
use crate::journal::recovery::table::{Segment, Verdict, verdict};
use crate::journal::recovery::tail;
use crate::journal::scan::{Fault, Frame, Scan};
use crate::journal::window::Window;
use crate::model::id::Lsn;

/// How far the words of a segment go.
pub(super) struct Walked {
    /// All records before this one were there once, as far as this segment alone can tell.
    pub known: Lsn,
    /// As the trailer has it: for when the seal is lost.
    pub head: Option<Digest>,
}

enum Judged {
    /// The journal ends here as journals do.
    Clean,
    Torn(TornBytes),
    Damage(Option<Fault>),
}

impl<L: Listener> Verifier<'_, L> {
    /// Reads `scan` to its seal, or to the end of what can be read.
    pub(super) fn walk<W: Window>(&mut self, first_lsn: Lsn, scan: &mut Scan<W>, last: bool) -> Walked {
        let mut failed = None;
        loop {
            let fault = match scan.step() {
                Ok(Some(frame)) => {
                    self.passed(&frame);
                    continue;
                }
                Ok(None) => return walked(scan, scan.next),
                Err(fault) => fault,
            };
            let (offset, lsn) = (scan.at, scan.next);
            let more = match judge(first_lsn, scan, last) {
                Judged::Clean => return walked(scan, lsn),
                Judged::Torn(torn) => {
                    self.found.torn_tail = Some(torn);
                    self.found.records -= scan.next.0 - scan.whole_next.0;
                    self.listener.torn();
                    return walked(scan, scan.whole_next);
                }
                Judged::Damage(more) => more,
            };
            // A live writer may have gone on between two looks: what is wrong may have been half written, and be so still.
            if last && (failed.as_ref() != Some(&(offset, fault.clone())) || self.patience.waits()) {
                failed = Some((offset, fault));
                scan.window.forget();
                continue;
            }
            if !self.go_around(first_lsn, scan, &fault, more) {
                let known = at_least(scan);
                // Nobody reads what is there of a group whose end is lost.
                self.found.records -= scan.next.0 - scan.whole_next.0;
                return walked(scan, known);
            }
        }
    }

    fn passed(&mut self, frame: &Frame<'_>) {
        if frame.header.is_control() {
            return;
        }
        self.found.records += 1;
        if self.found.records == 1 {
            self.found.first_lsn = frame.header.lsn;
        }
        self.retention.passed(frame);
        self.listener.record(frame);
    }

    /// Says what is wrong at `scan`'s place and moves it to the next valid frame; false if there is none.
    fn go_around<W: Window>(&mut self, first_lsn: Lsn, scan: &mut Scan<W>, fault: &Fault, more: Option<Fault>) -> bool {
        let (offset, lsn) = (scan.at, scan.next);
        scan.sealer = None;
        let ends_in_zeros = matches!(fault, Fault::NoFrame) && scan.first_nonzero(offset) == Ok(None);
        let resumed = !ends_in_zeros && tail::resume_behind(scan, u64::MAX);
        let short = scan.window.size() < scan.header.capacity;
        // That the file has lost its end is said once, with the end's place.
        if resumed || !short {
            let end_lost = ends_in_zeros && scan.trailer() == Ok(TrailerRoom::Empty);
            let kind = if end_lost { DamageKind::Truncated } else { kind(fault) };
            match more {
                Some(more) => self.damage(kind, first_lsn, offset, lsn, format!("{fault}; {more}")),
                None => self.damage(kind, first_lsn, offset, lsn, fault),
            }
        }
        resumed
    }
}

/// Decides what the place without a valid frame is.
fn judge<W: Window>(first_lsn: Lsn, scan: &mut Scan<W>, last: bool) -> Judged {
    if !last {
        return Judged::Damage(None);
    }
    let looked = match tail::look(scan, Segment::Last) {
        Ok(looked) => looked,
        Err(fault) => return Judged::Damage(Some(fault)),
    };
    match verdict(looked.tail) {
        Verdict::Clean => Judged::Clean,
        Verdict::Torn => {
            let (segment, offset, lsn) = (segment_name(first_lsn), looked.from, looked.lsn);
            let bytes = looked.to.max(scan.at) - looked.from;
            Judged::Torn(TornBytes { segment, offset, lsn, bytes })
        }
        Verdict::Rot(evidence) => Judged::Damage(Some(Fault::Rot(evidence))),
    }
}

fn walked<W: Window>(scan: &mut Scan<W>, known: Lsn) -> Walked {
    match scan.trailer() {
        Ok(TrailerRoom::Trailer(trailer)) => {
            Walked { known: scan.next.max(trailer.last_lsn.next()), head: Some(trailer.head) }
        }
        _ => Walked { known, head: None },
    }
}

/// Where nothing valid follows the damage, one record is lost at least, unless nothing or a control frame stood there.
fn at_least<W: Window>(scan: &mut Scan<W>) -> Lsn {
    let room = scan.limit().saturating_sub(scan.at).min(FRAME_HEAD as u64) as usize;
    match scan.window.bytes(scan.at, room) {
        Ok(head) if is_zero(head) => scan.next,
        Ok(head) if room == FRAME_HEAD => {
            let head = FrameHeader::parse(head);
            if head.is_control() && head.lsn.next() == scan.next { scan.next } else { scan.next.next() }
        }
        _ => scan.next.next(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::{DamageKind, Deaf};
    use super::*;
    use crate::journal::format::SECTOR_BYTES;
    use crate::journal::scan::read_header;
    use crate::journal::{DirStorage, Journal, Options};
    use crate::model::actor::Actor;
    use crate::model::event::DaemonStopped;
    use crate::model::record::{Record, Subject};
    use crate::model::time::{BootId, Timestamp};

    /// A device with one sector that cannot be read.
    struct Failing {
        bytes: Vec<u8>,
        bad: u64,
    }

    impl Window for Failing {
        fn size(&self) -> u64 {
            self.bytes.len() as u64
        }

        fn bytes(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
            let (end, sector) = (offset + length as u64, self.bad / SECTOR_BYTES * SECTOR_BYTES);
            if offset < sector + SECTOR_BYTES && end > sector {
                return Err(io::Error::from_raw_os_error(5));
            }
            Ok(&self.bytes[offset as usize..end as usize])
        }

        fn written_from(&self, offset: u64) -> u64 {
            offset
        }

        fn forget(&mut self) {}
    }

    /// A sealed segment of ten records, some of them longer than a sector.
    fn segment() -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { segment_bytes: 64 << 10, ..Options::default() };
        let storage = DirStorage::open(dir.path()).unwrap();
        let mut journal = Journal::open(storage, options, 5, || [7; 16], |_| {}).unwrap().0;
        for lsn in 1..=10 {
            let at = Timestamp { wall_us: lsn, awake_ms: lsn, boot: BootId(1) };
            let event = DaemonStopped { why: "x".repeat(100 * lsn as usize) }.into();
            let actor = Actor::Dormouse;
            let record = Record { lsn: Lsn(lsn), at, subject: Subject::NONE, cause: None, actor, event };
            let _ = journal.append(&[vec![record]], ()).unwrap();
        }
        journal.close().unwrap();
        std::fs::read(dir.path().join(segment_name(Lsn(1)))).unwrap()
    }

    /// A sector that gives an error costs the records in it, and no others.
    #[test]
    fn an_unreadable_sector_is_named_and_the_walk_goes_on_behind_it() {
        let bytes = segment();
        for bad in (4096..9 << 10).step_by(512) {
            let mut window = Failing { bytes: bytes.clone(), bad };
            let header = read_header(&mut window).0.unwrap();
            let mut scan = Scan::new(window, header);
            let mut deaf = Deaf;
            let mut verifier = Verifier::new(std::path::Path::new("nowhere"), &mut deaf);
            let walked = verifier.walk(Lsn(1), &mut scan, true);
            let kinds: Vec<_> = verifier.found.damage.iter().map(|damage| damage.kind).collect();
            assert_eq!(kinds, [DamageKind::Unreadable], "{bad}: {:?}", verifier.found.damage);
            assert!(verifier.found.records >= 5, "{bad}: {} records", verifier.found.records);
            assert_eq!(walked.known, Lsn(11), "{bad}: the trailer knows how many there were");
        }
    }
}
