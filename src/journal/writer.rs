//! Appending: one owner, one batch at a time, nothing answered before the sync.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::active::{Active, SPARE, Spare, capacity_for};
use super::ahead::{self, Ahead, DiskLow};
use super::append_error::AppendError;
use super::batch::{self, Batch, Group};
use super::committed::Committed;
use super::fold::Fold;
use super::format::header::SegmentHeader;
use super::format::seal::{Digest, mark};
use super::format::{FRAMES_AT, KIND_CLOSE, TRAILER_ROOM, segment_name};
use super::recovery::{self, OpenError, Recovered};
use super::retention::SealedSegment;
use super::source::{Index, RecordSource};
use super::storage::{Storage, StorageFile};
use crate::model::id::Lsn;
use crate::model::record::Record;
use crate::mutant::{Bug, bug};

/// Smallest segment: header page, trailer, and something between.
pub(super) const SEGMENT_BYTES_MIN: u64 = FRAMES_AT + TRAILER_ROOM + 4096;

/// How a journal is written. Each segment keeps the size it was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of a segment's file; a group that fits none gets one of its own size.
    pub segment_bytes: u64,
    /// Longest payload of one record.
    pub payload_bytes_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, payload_bytes_max: (1 << 20) + (64 << 10) }
    }
}

/// A source of random bytes, for names and salts.
type Random = Box<dyn FnMut() -> [u8; 16] + Send>;

/// The append-only journal of one writer (I7).
pub struct Journal<S: Storage> {
    pub(super) storage: Arc<S>,
    options: Options,
    random: Random,
    pub(super) active: Active<S::File>,
    ahead: Ahead<S::File>,
    /// Room for the frames of the next one.
    batch: Batch,
    /// Those that are complete, oldest first.
    pub(super) sealed: Vec<SealedSegment>,
    /// The newest seal's digest.
    head: Digest,
    next: Lsn,
    pub(super) durable: Lsn,
    /// A write or a sync has failed: nobody knows what the disk holds (I9).
    pub(super) failed: bool,
    pub(super) source: RecordSource,
}

impl<S: Storage> std::fmt::Debug for Journal<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("path", &self.storage.path())
            .field("next", &self.next)
            .field("durable", &self.durable)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl<S: Storage> Drop for Journal<S> {
    /// Sources of records may outlive the journal; its lock must not, or nobody could open it again.
    fn drop(&mut self) {
        self.storage.unlock();
    }
}

impl<S: Storage> Journal<S> {
    /// Takes the lock, hands the records to `fold` in order, decides what a crash has left, and is ready to append.
    ///
    /// `fold` begins with the newest snapshot that it understands and that the journal proves, else with the first
    /// record; it may be asked to begin again. Costs a few reads for each segment before the snapshot, and a walk over
    /// what came after. A removal of history that was cut off is finished.
    ///
    /// `random` gives 16 fresh random bytes at each call. An interrupted last batch is set aside, and
    /// [`Recovered::torn`] says where.
    ///
    /// # Errors
    ///
    /// Damage that no crash explains, with its place; a beginning that is gone and told by no snapshot; a record of an
    /// unknown kind; another writer; what the file system says. Records folded before the error are real, but the state
    /// made of them is not the journal's.
    pub fn open(
        storage: S,
        options: Options,
        now_wall_us: u64,
        random: impl FnMut() -> [u8; 16] + Send + 'static,
        mut fold: impl Fold,
    ) -> Result<(Self, Recovered), OpenError> {
        let storage = Arc::new(storage);
        let outcome = Self::open_locked(&storage, options, now_wall_us, Box::new(random), &mut fold);
        if outcome.is_err() {
            storage.unlock();
        }
        outcome
    }

    fn open_locked(
        storage: &Arc<S>,
        options: Options,
        now_wall_us: u64,
        mut random: Random,
        fold: &mut impl Fold,
    ) -> Result<(Self, Recovered), OpenError> {
        let resume = recovery::recover(&**storage, fold)?;
        let next = resume.recovered.last_lsn.next();
        let capacity = options.segment_bytes.max(SEGMENT_BYTES_MIN);
        let header = SegmentHeader {
            journal: resume.journal.unwrap_or_else(&mut random),
            salt: random(),
            number: resume.number,
            first_lsn: next,
            created_us: now_wall_us,
            capacity,
            previous_salt: resume.previous_salt,
        };
        let path = storage.path().join(SPARE);
        let spare = ahead::make(&**storage, capacity).map_err(recovery::writing(path.clone()))?;
        let active = Active::begin(&**storage, spare, header).map_err(recovery::writing(path))?;
        let sealed = resume.segments.iter().map(|segment| segment.first_lsn).collect();
        let index = Index::new(sealed, &active, resume.recovered.last_lsn);
        let mut journal = Self {
            source: RecordSource::new(Arc::clone(storage), index),
            storage: Arc::clone(storage),
            options: Options { segment_bytes: capacity, ..options },
            random,
            active,
            ahead: Ahead::default(),
            batch: Batch::default(),
            sealed: resume.segments,
            head: resume.head.unwrap_or_default(),
            next,
            durable: resume.recovered.last_lsn,
            failed: false,
        };
        if let Some(removed) = fold.removed() {
            // What cannot be removed now takes room, and is tried again with the next removal.
            let _ = journal.remove_before(removed.first_kept);
        }
        Ok((journal, resume.recovered))
    }

    /// The lsn of the next record. Appends take consecutive lsns from here on.
    pub fn next_lsn(&self) -> Lsn {
        self.next
    }

    /// A handle that reads records by lsn while this journal appends.
    pub fn source(&self) -> RecordSource {
        self.source.clone()
    }

    /// Appends `groups` as one batch, each of them kept whole or not at all, and returns once all are durable.
    /// `derived` comes back as proof.
    ///
    /// Costs one write and one fdatasync however many records; a few more when a segment is full.
    ///
    /// # Errors
    ///
    /// [`AppendError::left_journal_usable`] tells the two kinds apart: either nothing was written, or this journal
    /// refuses every further append and only a fresh [`Journal::open`] may decide what the disk holds.
    ///
    /// # Panics
    ///
    /// If the records' lsns are not consecutive from [`Journal::next_lsn`] on: the records would name wrong causes.
    pub fn append<T>(&mut self, groups: &[Vec<Record>], derived: T) -> Result<Committed<T>, AppendError> {
        if self.failed {
            return Err(AppendError::Failed { durable: self.durable });
        }
        let mut batch = std::mem::take(&mut self.batch);
        let outcome = batch
            .encode(groups, self.next, self.options.payload_bytes_max)
            .and_then(|()| self.append_batch(&mut batch));
        self.batch = batch;
        if !bug(Bug::FailedBatchAcknowledged) {
            outcome?;
        }
        self.ahead.look(&*self.storage, &self.active, self.options.segment_bytes);
        Ok(Committed::new(derived))
    }

    /// Makes a batch durable, in as many parts as it takes segments.
    fn append_batch(&mut self, batch: &mut Batch) -> Result<(), AppendError> {
        let (mut done, begun) = (0, self.next);
        while let Some(first) = batch.groups().get(done).cloned() {
            let fitting = batch::fitting(&batch.groups()[done..], self.active.room());
            if fitting == 0 {
                let part_written = self.next != begun;
                let spare = self.take_spare(first.bytes(), part_written)?;
                self.rotate(spare, &first)?;
                continue;
            }
            self.commit(batch, done..done + fitting)?;
            done += fitting;
        }
        Ok(())
    }

    /// Writes and syncs groups that fit the active segment.
    fn commit(&mut self, batch: &mut Batch, groups: Range<usize>) -> Result<(), AppendError> {
        let tail = self.active.tail();
        let (frames, places) = batch.place(groups, &self.active.seed, tail, self.durable);
        let lsn = self.next;
        // Until the sync has returned nobody knows what the disk holds, and after a failure nobody ever will.
        self.failed = true;
        let written = self.active.write(frames);
        written.map_err(|source| AppendError::Write { segment: self.segment_path(), offset: tail, lsn, source })?;
        let synced = if bug(Bug::SyncSkipped) { Ok(()) } else { self.active.file.sync() };
        let synced = if bug(Bug::FailedSyncCounts) { Ok(()) } else { synced };
        synced.map_err(|source| AppendError::Sync { segment: self.segment_path(), lsn, source })?;
        self.failed = false;
        self.durable = Lsn(self.next.0 + places.len() as u64 - 1);
        self.next = self.durable.next();
        self.source.committed(&places, self.durable);
        Ok(())
    }

    /// Seals the active segment and goes on in a new one, which begins with `group`.
    fn rotate(&mut self, spare: Spare<S::File>, group: &Group) -> Result<(), AppendError> {
        let (segment, lsn) = (self.segment_path(), self.next);
        let number = self.active.header.number + u64::from(self.active.records() > 0);
        let previous_salt = match self.active.records() {
            0 => self.active.header.previous_salt,
            _ => self.active.header.salt,
        };
        let header = SegmentHeader {
            salt: (self.random)(),
            number,
            first_lsn: lsn,
            created_us: group.time_us,
            capacity: spare.capacity,
            previous_salt,
            ..self.active.header
        };
        self.failed = true;
        let (sealed, active) =
            self.exchange(spare, header).map_err(|source| AppendError::Rotate { segment, lsn, source })?;
        self.failed = false;
        self.head = sealed.filter(|_| !bug(Bug::ChainForgotten)).map_or(self.head, |sealed| sealed.head);
        self.sealed.extend(sealed);
        self.active = active;
        self.source.rotated(&self.active);
        Ok(())
    }

    fn exchange(
        &self,
        spare: Spare<S::File>,
        header: SegmentHeader,
    ) -> io::Result<(Option<SealedSegment>, Active<S::File>)> {
        // An empty segment is not sealed but replaced: two segments cannot begin with the same record.
        let sealed = if self.active.records() > 0 { Some(self.active.seal(self.head)?) } else { None };
        Ok((sealed, Active::begin(&*self.storage, spare, header)?))
    }

    /// A file with room for a group of `bytes` bytes of frames.
    fn take_spare(&mut self, bytes: u64, part_written: bool) -> Result<Spare<S::File>, AppendError> {
        let capacity = capacity_for(bytes, self.options.segment_bytes);
        self.ahead.take(&*self.storage, capacity).map_err(|source| {
            // With a part of the batch on the disk, nothing but a fresh look at it may go on.
            self.failed = part_written;
            AppendError::NoSpace { path: self.storage.path().join(SPARE), bytes: capacity, part_written, source }
        })
    }

    /// Says on the disk that everything so far is durable, and reserves the next segment when this one is half full and
    /// that has failed before. For a moment of quiet: about 250 ms after the last append. Nothing is synced.
    ///
    /// # Errors
    ///
    /// As for [`Journal::append`]. A failed preallocation is none: it is tried again.
    pub fn mark(&mut self) -> Result<(), AppendError> {
        if self.failed {
            return Err(AppendError::Failed { durable: self.durable });
        }
        let (segment, lsn, offset) = (self.segment_path(), self.next, self.active.tail());
        self.failed = true;
        self.active.mark().map_err(|source| AppendError::Write { segment, offset, lsn, source })?;
        self.failed = false;
        self.ahead.look_again(&*self.storage, &self.active, self.options.segment_bytes);
        Ok(())
    }

    /// Why the next segment has no room yet, if it should have. Appends work all the same, until this one is full; room
    /// is asked for again as it fills, and at each [`Journal::mark`].
    pub fn disk_low(&self) -> Option<&DiskLow> {
        self.ahead.low()
    }

    /// Ends in order: CLOSE, and the seal of the active segment. An empty segment is left as it is.
    ///
    /// # Errors
    ///
    /// As for [`Journal::append`]. Every record is durable all the same; the next open will seal the segment.
    pub fn close(mut self) -> Result<(), AppendError> {
        if self.failed {
            return Err(AppendError::Failed { durable: self.durable });
        }
        self.ahead.give_back(&*self.storage);
        if self.active.records() == 0 {
            return Ok(());
        }
        let (segment, lsn) = (self.segment_path(), self.next);
        let payload = mark(self.active.tail());
        self.failed = true;
        self.active
            .write_control(KIND_CLOSE, &payload)
            .and_then(|()| self.active.seal(self.head))
            .map_err(|source| AppendError::Rotate { segment, lsn, source })?;
        Ok(())
    }

    fn segment_path(&self) -> PathBuf {
        self.storage.path().join(segment_name(self.active.header.first_lsn))
    }
}
