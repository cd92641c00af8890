//! Copying what can be read of a journal into a new one. The old one is only read: nothing is mended in place.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::active::{Active, Spare, capacity_for};
use super::audit::{Damage, DamageKind, Listener, Verification, Verifier, Watched, verify_watched};
use super::format::frame::{FrameHeader, frame_bytes, push};
use super::format::header::SegmentHeader;
use super::format::payload::{self, EncodeError};
use super::format::seal::{Digest, mark};
use super::format::{FLAG_MORE, KIND_CLOSE, SCHEMA};
use super::reader::ReadError;
use super::scan::Frame;
use super::storage::Storage;
use super::writer::Options;
use crate::model::actor::Actor;
use crate::model::event::RecordLost;
use crate::model::id::Lsn;
use crate::model::record::{Record, Subject};
use crate::model::time::{BootId, Timestamp};

/// Each lost record becomes a record of its own. More than this in one gap is not loss but a file that does not
/// belong here.
const LOST_IN_A_ROW_MAX: u64 = 100_000_000;

/// What a salvage has made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Salvaged {
    /// Records copied unchanged.
    pub kept: u64,
    /// Records that a `record_lost` stands for now.
    pub lost: u64,
    /// Bytes of an unfinished batch that were left behind: acknowledged to nobody.
    pub torn_bytes: u64,
    pub first_lsn: Lsn,
    pub last_lsn: Lsn,
    pub segments: u64,
    /// What is wrong with the old journal.
    pub damage: Vec<Damage>,
}

/// Why there is no new journal.
#[derive(Debug, thiserror::Error)]
pub enum SalvageError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{} is not empty: a salvage goes to a folder of its own", dir.display())]
    NotEmpty { dir: PathBuf },
    #[error("cannot write the new journal to {}", dir.display())]
    Write {
        dir: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot say that record {lsn} is lost")]
    Encode {
        lsn: Lsn,
        #[source]
        source: EncodeError,
    },
    #[error(
        "records {from} to {to} cannot all be lost: a segment that is named for the latter is none of this journal's"
    )]
    TooMany { from: Lsn, to: Lsn },
    #[error("record {found} cannot stand where record {expected} belongs")]
    NotNext { expected: Lsn, found: Lsn },
}

/// Copies every readable record of the journal in `from` into a new journal in `to`, which is empty: lsn, times and
/// payload bytes as they are. A `record_lost` takes the place of each that cannot be read, so that lsns stay dense.
///
/// `random` gives 16 fresh random bytes at each call. Costs two walks over the old journal. It must not be written
/// meanwhile.
///
/// # Errors
///
/// `to` holds something; what the file systems say. What was written to `to` by then is no journal.
pub fn salvage<S: Storage>(
    from: &Path,
    to: S,
    now_wall_us: u64,
    random: impl FnMut() -> [u8; 16],
) -> Result<Salvaged, SalvageError> {
    salvage_watched(from, to, (now_wall_us, random), &mut |_| ())
}

/// As [`salvage`], and `watch` is told of each record that is read, on both walks.
///
/// # Errors
///
/// As for [`salvage`].
pub fn salvage_watched<S: Storage>(
    from: &Path,
    to: S,
    (now_wall_us, random): (u64, impl FnMut() -> [u8; 16]),
    watch: &mut dyn FnMut(Lsn),
) -> Result<Salvaged, SalvageError> {
    let dir = to.path().to_owned();
    let writing = |source| SalvageError::Write { dir: dir.clone(), source };
    if !to.list().map_err(writing)?.is_empty() {
        return Err(SalvageError::NotEmpty { dir });
    }
    let found = verify_watched(from, watch)?;
    let (first_lsn, head) = found.start();
    let mut copyist = Copyist::begin(&to, random, now_wall_us, usual_capacity(&found), first_lsn);
    copyist.chain.head = head;
    // Looked at once more on the way: what the first look found is what is known of the end.
    let found = Verifier::new(from, &mut Watched { listener: &mut copyist, watch }).run()?;
    copyist.finish()?;
    Ok(Salvaged {
        kept: copyist.kept,
        lost: copyist.lost,
        torn_bytes: found.torn_tail.map_or(0, |torn| torn.bytes),
        first_lsn,
        last_lsn: Lsn(copyist.next.0 - 1),
        segments: copyist.segments,
        damage: found.damage,
    })
}

/// What most of the old segments have.
fn usual_capacity(found: &Verification) -> u64 {
    let mut counts = BTreeMap::<u64, usize>::new();
    for segment in &found.segments {
        *counts.entry(segment.bytes).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|&(_, count)| count).map(|(bytes, _)| bytes);
    let usual = most.unwrap_or(Options::default().segment_bytes);
    usual.next_multiple_of(4096).max(super::writer::SEGMENT_BYTES_MIN)
}

/// What the next segment of the new journal refers to.
struct Chain {
    head: Digest,
    number: u64,
    previous_salt: [u8; 16],
}

/// Writes down what a verification passes.
pub(super) struct Copyist<'a, S: Storage, R> {
    storage: &'a S,
    random: R,
    now_wall_us: u64,
    journal: [u8; 16],
    capacity: u64,
    chain: Chain,
    active: Option<Active<S::File>>,
    /// Frames of the atomic group that is not whole yet.
    group: Vec<(FrameHeader, Vec<u8>)>,
    next: Lsn,
    /// Of the last record taken.
    last_time_us: u64,
    /// Everything up to here lies in sealed segments: what the frames behind it may call durable.
    sealed_to: Lsn,
    /// The newest damage: why the next missing record is missing.
    evidence: Option<Damage>,
    kept: u64,
    lost: u64,
    segments: u64,
    failed: Option<SalvageError>,
}

impl<S: Storage, R: FnMut() -> [u8; 16]> Listener for Copyist<'_, S, R> {
    fn record(&mut self, frame: &Frame<'_>) {
        self.attempt(|it| {
            if frame.header.lsn < it.next {
                return Ok(());
            }
            it.lose_up_to(frame.header.lsn)?;
            it.kept += 1;
            it.take(frame.header, frame.payload.to_vec())
        });
    }

    fn torn(&mut self) {
        let torn = self.group.len() as u64;
        self.group.clear();
        (self.kept, self.next) = (self.kept - torn, Lsn(self.next.0 - torn));
    }

    fn damage(&mut self, damage: &Damage) {
        let counts = !matches!(damage.kind, DamageKind::Foreign | DamageKind::Duplicate);
        self.evidence = Some(damage.clone()).filter(|_| counts).or(self.evidence.take());
    }

    fn known(&mut self, next: Lsn) {
        self.attempt(|it| it.lose_up_to(next));
    }
}

impl<'a, S: Storage, R: FnMut() -> [u8; 16]> Copyist<'a, S, R> {
    /// A new journal in `storage`, which is empty, from record `first` on.
    pub(super) fn begin(storage: &'a S, mut random: R, now_wall_us: u64, capacity: u64, first: Lsn) -> Self {
        let number = 1 + u64::from(first > Lsn(1));
        Self {
            storage,
            journal: random(),
            random,
            now_wall_us,
            capacity,
            chain: Chain { head: [0; 32], number, previous_salt: [0; 16] },
            active: None,
            group: Vec::new(),
            next: first,
            last_time_us: now_wall_us,
            sealed_to: Lsn(first.0 - 1),
            evidence: None,
            kept: 0,
            lost: 0,
            segments: 0,
            failed: None,
        }
    }

    /// Of the new journal.
    pub(super) fn name(&self) -> [u8; 16] {
        self.journal
    }

    /// One more record, the next one, with its payload.
    pub(super) fn put(&mut self, record: &Record, payload: Vec<u8>, more_follows: bool) -> Result<(), SalvageError> {
        let kind = record.event.kind();
        let header = FrameHeader {
            length: payload.len() as u32,
            lsn: record.lsn,
            time_us: record.at.wall_us,
            kind: kind.number,
            schema: kind.schema,
            flags: if more_follows { FLAG_MORE } else { 0 },
            behind: 0,
        };
        self.take(header, payload)
    }

    /// The first failure is the one that counts.
    fn attempt(&mut self, work: impl FnOnce(&mut Self) -> Result<(), SalvageError>) {
        if self.failed.is_none() {
            self.failed = work(self).err();
        }
    }

    /// Puts a `record_lost` in the place of every record before `lsn` that did not come.
    fn lose_up_to(&mut self, lsn: Lsn) -> Result<(), SalvageError> {
        if lsn.0.saturating_sub(self.next.0) > LOST_IN_A_ROW_MAX {
            return Err(SalvageError::TooMany { from: self.next, to: Lsn(lsn.0 - 1) });
        }
        while self.next < lsn {
            let (header, payload) = self.record_lost()?;
            self.lost += 1;
            self.take(header, payload)?;
        }
        Ok(())
    }

    fn record_lost(&self) -> Result<(FrameHeader, Vec<u8>), SalvageError> {
        let lsn = self.next;
        let event = match &self.evidence {
            Some(Damage { segment, offset, what, .. }) => {
                RecordLost { segment: segment.clone(), offset: *offset, what: what.clone() }
            }
            None => RecordLost { segment: String::new(), offset: 0, what: "no segment holds it".to_owned() },
        };
        // Nobody knows when it was made; behind the record before it, and before the one behind it.
        let at = Timestamp { wall_us: self.last_time_us, awake_ms: 0, boot: BootId(0) };
        let record =
            Record { lsn, at, subject: Subject::NONE, cause: None, actor: Actor::Dormouse, event: event.into() };
        let mut payload = Vec::new();
        payload::encode(&record, &mut payload).map_err(|source| SalvageError::Encode { lsn, source })?;
        let header = FrameHeader {
            length: payload.len() as u32,
            lsn,
            time_us: at.wall_us,
            kind: record.event.kind().number,
            schema: SCHEMA,
            flags: 0,
            behind: 0,
        };
        Ok((header, payload))
    }

    fn take(&mut self, header: FrameHeader, payload: Vec<u8>) -> Result<(), SalvageError> {
        (self.next, self.last_time_us) = (header.lsn.next(), header.time_us);
        let whole = !header.more_follows();
        self.group.push((header, payload));
        if whole { self.write_group() } else { Ok(()) }
    }

    fn write_group(&mut self) -> Result<(), SalvageError> {
        let group = std::mem::take(&mut self.group);
        let Some((first, _)) = group.first() else { return Ok(()) };
        let bytes = group.iter().map(|(_, payload)| frame_bytes(payload.len())).sum();
        let first_lsn = first.lsn;
        if self.active.as_ref().is_none_or(|active| active.room() < bytes) {
            self.rotate(first_lsn, bytes).map_err(|source| self.unwritten(source))?;
        }
        let durable = self.sealed_to;
        let Some(active) = &mut self.active else { return Ok(()) };
        let mut frames = Vec::with_capacity(bytes as usize);
        for (header, payload) in &group {
            let behind = u32::try_from(header.lsn.0 - durable.0).unwrap_or(u32::MAX);
            let offset = active.tail() + frames.len() as u64;
            push(&mut frames, &active.seed, offset, &FrameHeader { behind, ..*header }, payload);
        }
        active.write(&frames).map_err(|source| self.unwritten(source))
    }

    fn rotate(&mut self, first_lsn: Lsn, bytes: u64) -> io::Result<()> {
        self.seal()?;
        let capacity = capacity_for(bytes, self.capacity);
        let header = SegmentHeader {
            journal: self.journal,
            salt: (self.random)(),
            number: self.chain.number,
            first_lsn,
            created_us: self.now_wall_us,
            capacity,
            previous_salt: self.chain.previous_salt,
        };
        self.active = Some(Active::begin(self.storage, Spare::create(self.storage, capacity)?, header)?);
        self.segments += 1;
        Ok(())
    }

    fn seal(&mut self) -> io::Result<()> {
        let Some(active) = self.active.take() else { return Ok(()) };
        self.chain = Chain {
            head: active.seal(self.chain.head)?.head,
            number: active.header.number + 1,
            previous_salt: active.header.salt,
        };
        self.sealed_to = Lsn(active.header.first_lsn.0 + active.records() - 1);
        Ok(())
    }

    /// Closes the new journal in order.
    pub(super) fn finish(&mut self) -> Result<(), SalvageError> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        if let Some((last, _)) = self.group.last_mut() {
            // The rest of its group is lost, and nobody can say how much that was.
            last.flags &= !FLAG_MORE;
            self.write_group()?;
        }
        let closed = match &mut self.active {
            Some(active) => active.write_control(KIND_CLOSE, &mark(active.tail())),
            None => Ok(()),
        };
        closed.and_then(|()| self.seal()).map_err(|source| self.unwritten(source))
    }

    pub(super) fn unwritten(&self, source: io::Error) -> SalvageError {
        SalvageError::Write { dir: self.storage.path().to_owned(), source }
    }
}
