//! Appending: one owner, one batch at a time, nothing answered before the sync.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::active::{Active, SPARE, Spare, capacity_for};
use super::batch::{self, Group};
use super::committed::Committed;
use super::format::header::SegmentHeader;
use super::format::payload::EncodeError;
use super::format::seal::{Digest, mark};
use super::format::{FRAMES_AT, KIND_CLOSE, TRAILER_ROOM, segment_name};
use super::recovery::{self, OpenError, Recovered};
use super::source::{Index, RecordSource};
use super::storage::{Storage, StorageFile};
use crate::model::id::Lsn;
use crate::model::record::Record;

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

/// Why an append was not done.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("record {lsn} of kind {kind} cannot be encoded")]
    Encode {
        lsn: Lsn,
        kind: &'static str,
        #[source]
        source: EncodeError,
    },
    #[error("record {lsn} has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong { lsn: Lsn, bytes: usize, bytes_max: usize },
    /// The active segment is full and the next one cannot be made.
    #[error("no room for a segment of {bytes} bytes at {}", path.display())]
    NoSpace {
        path: PathBuf,
        bytes: u64,
        part_written: bool,
        #[source]
        source: io::Error,
    },
    #[error("cannot write record {lsn} at byte {offset} of {}", segment.display())]
    Write {
        segment: PathBuf,
        offset: u64,
        lsn: Lsn,
        #[source]
        source: io::Error,
    },
    #[error("cannot sync record {lsn} in {}", segment.display())]
    Sync {
        segment: PathBuf,
        lsn: Lsn,
        #[source]
        source: io::Error,
    },
    #[error("cannot go on from {} to the next segment at record {lsn}", segment.display())]
    Rotate {
        segment: PathBuf,
        lsn: Lsn,
        #[source]
        source: io::Error,
    },
    #[error("the journal failed before, after record {durable}, and accepts nothing until it is opened again")]
    Failed { durable: Lsn },
}

impl AppendError {
    /// Nothing was written and the journal is as it was: the same or a later append may succeed.
    pub fn left_journal_usable(&self) -> bool {
        match self {
            AppendError::Encode { .. } | AppendError::TooLong { .. } => true,
            AppendError::NoSpace { part_written, .. } => !part_written,
            AppendError::Write { .. }
            | AppendError::Sync { .. }
            | AppendError::Rotate { .. }
            | AppendError::Failed { .. } => false,
        }
    }

    /// What the disk holds is unknown, and a fresh [`Journal::open`] may find out and go on (C63).
    pub fn reopening_may_help(&self) -> bool {
        !self.left_journal_usable()
    }

    /// The disk is full: time or a person may help.
    pub fn is_no_space(&self) -> bool {
        match self {
            AppendError::NoSpace { .. } => true,
            AppendError::Write { source, .. }
            | AppendError::Sync { source, .. }
            | AppendError::Rotate { source, .. } => is_no_space(source),
            AppendError::Encode { .. } | AppendError::TooLong { .. } | AppendError::Failed { .. } => false,
        }
    }
}

fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A source of random bytes, for names and salts.
type Random = Box<dyn FnMut() -> [u8; 16] + Send>;

/// The append-only journal of one writer (I7).
pub struct Journal<S: Storage> {
    storage: Arc<S>,
    options: Options,
    random: Random,
    active: Active<S::File>,
    spare: Option<Spare<S::File>>,
    /// The newest seal's digest.
    head: Digest,
    next: Lsn,
    durable: Lsn,
    /// A write or a sync has failed: nobody knows what the disk holds (I9).
    failed: bool,
    source: RecordSource,
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
    /// Takes the lock, hands every record in order to `fold`, decides what a crash has left, and is ready to append.
    ///
    /// `random` gives 16 fresh random bytes at each call. An interrupted last batch is set aside, and
    /// [`Recovered::torn`] says where.
    ///
    /// # Errors
    ///
    /// Damage that no crash explains, with its place; a record of an unknown kind; another writer; what the file
    /// system says. Records folded before the error are real, but the state made of them is not the journal's.
    pub fn open(
        storage: S,
        options: Options,
        now_wall_us: u64,
        random: impl FnMut() -> [u8; 16] + Send + 'static,
        fold: impl FnMut(Record),
    ) -> Result<(Self, Recovered), OpenError> {
        let storage = Arc::new(storage);
        let outcome = Self::open_locked(&storage, options, now_wall_us, Box::new(random), fold);
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
        fold: impl FnMut(Record),
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
        let spare = Spare::create(&**storage, capacity).map_err(recovery::writing(path.clone()))?;
        let active = Active::begin(&**storage, spare, header).map_err(recovery::writing(path))?;
        let index = Index::new(resume.segments, &active, resume.recovered.last_lsn);
        let journal = Self {
            source: RecordSource::new(Arc::clone(storage), index),
            storage: Arc::clone(storage),
            options: Options { segment_bytes: capacity, ..options },
            random,
            active,
            spare: None,
            head: resume.head,
            next,
            durable: resume.recovered.last_lsn,
            failed: false,
        };
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
        let groups = batch::encode(groups, self.next, self.options.payload_bytes_max)?;
        let (mut rest, begun) = (groups.as_slice(), self.next);
        while let Some(first) = rest.first() {
            let fitting = batch::fitting(rest, self.active.room());
            if fitting == 0 {
                let part_written = self.next != begun;
                let spare = self.take_spare(first.bytes, part_written)?;
                self.rotate(spare, first)?;
                continue;
            }
            let (now, later) = rest.split_at(fitting);
            self.commit(now)?;
            rest = later;
        }
        Ok(Committed::new(derived))
    }

    /// Writes and syncs groups that fit the active segment.
    fn commit(&mut self, groups: &[Group]) -> Result<(), AppendError> {
        let tail = self.active.tail();
        let (frames, places) = batch::place(groups, &self.active.seed, tail, self.durable);
        let (segment, lsn) = (self.segment_path(), self.next);
        // Until the sync has returned nobody knows what the disk holds, and after a failure nobody ever will.
        self.failed = true;
        self.active.write(&frames).map_err(|source| AppendError::Write {
            segment: segment.clone(),
            offset: tail,
            lsn,
            source,
        })?;
        self.active.file.sync().map_err(|source| AppendError::Sync { segment, lsn, source })?;
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
            created_us: group.time_us(),
            capacity: spare.capacity,
            previous_salt,
            ..self.active.header
        };
        self.failed = true;
        let (head, active) =
            self.exchange(spare, header).map_err(|source| AppendError::Rotate { segment, lsn, source })?;
        self.failed = false;
        self.head = head;
        self.active = active;
        self.source.rotated(&self.active);
        Ok(())
    }

    fn exchange(&self, spare: Spare<S::File>, header: SegmentHeader) -> io::Result<(Digest, Active<S::File>)> {
        // An empty segment is not sealed but replaced: two segments cannot begin with the same record.
        let head = if self.active.records() > 0 { self.active.seal(self.head)? } else { self.head };
        Ok((head, Active::begin(&*self.storage, spare, header)?))
    }

    /// A file with room for a group of `bytes` bytes of frames.
    fn take_spare(&mut self, bytes: u64, part_written: bool) -> Result<Spare<S::File>, AppendError> {
        let capacity = capacity_for(bytes, self.options.segment_bytes);
        if let Some(spare) = self.spare.take_if(|spare| spare.capacity == capacity) {
            return Ok(spare);
        }
        let path = self.storage.path().join(SPARE);
        self.spare = None;
        Spare::create(&*self.storage, capacity).map_err(|source| {
            // Room that a failed attempt has reserved is given back; if even that fails, the next attempt does it.
            let _ = self.storage.remove(SPARE);
            // With a part of the batch on the disk, nothing but a fresh look at it may go on.
            self.failed = part_written;
            AppendError::NoSpace { path, bytes: capacity, part_written, source }
        })
    }

    /// Says on the disk that everything so far is durable, and makes ready for the next segment when this one is
    /// half full. For a moment of quiet: about 250 ms after the last append. Nothing is synced.
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
        if self.spare.is_none() && self.active.is_half_full() {
            self.spare = Spare::create(&*self.storage, self.options.segment_bytes).ok();
        }
        Ok(())
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
        if self.spare.take().is_some() {
            // Reserved room that nobody needs now; if it stays, the next open takes it away.
            let _ = self.storage.remove(SPARE);
        }
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
