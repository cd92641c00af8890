//! Reading a journal without a daemon: on a live one, on a copy, on a damaged one. Never writes.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directory;
use super::format::header::HeaderFault;
use super::format::payload::{self, DecodeError};
use super::format::{segment_first_lsn, segment_name};
use super::lookup::{self, Cause, Trouble};
use super::recovery::table::{Segment, Verdict, verdict};
use super::recovery::tail;
use super::scan::{Fault, Scan};
use super::window::{Copied, Mapped, Window};
use crate::model::id::Lsn;
use crate::model::record::Record;

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("there is no journal at {}", dir.display())]
    NoJournal { dir: PathBuf },
    #[error("cannot read {}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("segment {} has format version {major}.{minor}, newer than this build's {}.{}", segment.display(),
        super::format::MAJOR, super::format::MINOR)]
    Newer { segment: PathBuf, major: u16, minor: u16 },
    #[error("segment {} is damaged at byte {offset}, where record {lsn} belongs", segment.display())]
    Damaged {
        segment: PathBuf,
        offset: u64,
        lsn: Lsn,
        #[source]
        evidence: Fault,
    },
    #[error("segment {} begins with record {found}, expected {expected}", segment.display())]
    Gap { segment: PathBuf, found: Lsn, expected: Lsn },
    /// Not damage: a newer build wrote it.
    #[error("record {lsn} at byte {offset} of {} is of kind {kind}, schema {schema}, which this build does not know",
        segment.display())]
    Unknown { segment: PathBuf, offset: u64, lsn: Lsn, kind: u16, schema: u8, payload: Vec<u8> },
    #[error("record {lsn} at byte {offset} of {} has a right checksum and does not decode as kind {kind}",
        segment.display())]
    Undecodable {
        segment: PathBuf,
        offset: u64,
        lsn: Lsn,
        kind: u16,
        #[source]
        source: DecodeError,
    },
    #[error("there is no record {lsn}")]
    Missing { lsn: Lsn },
}

impl ReadError {
    /// The bytes are at fault, not the circumstances.
    pub fn is_damage(&self) -> bool {
        matches!(self, ReadError::Damaged { .. } | ReadError::Gap { .. } | ReadError::Undecodable { .. })
    }

    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        ReadError::Io { path: path.to_owned(), source }
    }

    pub(super) fn at(path: &Path, trouble: Trouble) -> Self {
        let (segment, Trouble { offset, lsn, cause }) = (path.to_owned(), trouble);
        match cause {
            Cause::Fault(Fault::Header(HeaderFault::Newer { major, minor })) => {
                ReadError::Newer { segment, major, minor }
            }
            Cause::Fault(evidence) => ReadError::Damaged { segment, offset, lsn, evidence },
            Cause::Decode { source: DecodeError::Unknown { kind, schema, payload }, .. } => {
                ReadError::Unknown { segment, offset, lsn, kind, schema, payload }
            }
            Cause::Decode { kind, source } => ReadError::Undecodable { segment, offset, lsn, kind, source },
        }
    }
}

/// A journal as it was at the last [`Reader::refresh`].
pub struct Reader {
    dir: PathBuf,
    /// First lsns of all segments but the last.
    sealed: Vec<Lsn>,
    last: Option<Last>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("dir", &self.dir).field("sealed", &self.sealed.len()).finish_non_exhaustive()
    }
}

/// One place is remembered for so many bytes of the last segment.
const STRIDE_BYTES: u64 = 64 << 10;

/// The segment that may still grow.
struct Last {
    first_lsn: Lsn,
    path: PathBuf,
    file: Arc<File>,
    scan: Scan<Copied<Arc<File>>>,
    places: Vec<(u64, Lsn)>,
    /// What stands behind the last whole group, if no crash explains it.
    damage: Option<(u64, Lsn, Fault)>,
    /// The end was looked at in full, which costs a walk over all the zeros behind it.
    looked: bool,
}

impl Reader {
    /// Reads the names, and the last segment to its end.
    ///
    /// # Errors
    ///
    /// No such folder, a newer format, or a last segment without a readable header. Damage elsewhere shows when the
    /// records are read.
    pub fn open(dir: &Path) -> Result<Self, ReadError> {
        let mut reader = Self { dir: dir.to_owned(), sealed: Vec::new(), last: None };
        reader.refresh()?;
        Ok(reader)
    }

    /// Takes in what was written since. Costs what is new. Call it upon a change in the folder.
    ///
    /// # Errors
    ///
    /// As for [`Reader::open`].
    pub fn refresh(&mut self) -> Result<(), ReadError> {
        self.sealed = segments(&self.dir)?;
        let Some(first_lsn) = self.sealed.pop() else {
            self.last = None;
            return Ok(());
        };
        // A segment without records may have been replaced by a file of the same name.
        let same = |last: &Last| last.first_lsn == first_lsn && last.scan.whole_next > first_lsn;
        let mut last = match self.last.take_if(|last| same(last)) {
            Some(last) => last,
            None => Last::open(&self.dir, first_lsn)?,
        };
        last.read_on();
        self.last = Some(last);
        Ok(())
    }

    /// The lsn of the last record; zero if there is none.
    pub fn last_lsn(&self) -> Lsn {
        self.last.as_ref().map_or(Lsn::ZERO, |last| Lsn(last.scan.whole_next.0 - 1))
    }

    /// Every record from `from` on, in order; of atomic groups that are not whole yet, none.
    ///
    /// [`ReadError::Unknown`] and [`ReadError::Undecodable`] stand for one record, and reading goes on; any other error
    /// ends it.
    pub fn records(&self, from: Lsn) -> Records<'_> {
        let from = from.max(Lsn(1));
        let index = self.sealed.partition_point(|first| *first <= from).saturating_sub(1);
        let in_last = self.last.as_ref().is_some_and(|last| last.first_lsn <= from);
        let index = if in_last { self.sealed.len() } else { index };
        let expected = self.sealed.get(index).copied().or(self.last.as_ref().map(|last| last.first_lsn));
        // The first segment of all has to begin with the first record.
        let expected = if index == 0 { Lsn(1) } else { expected.unwrap_or(Lsn(1)) };
        Records { reader: self, index, expected, from, scan: None, group: VecDeque::new(), ended: false }
    }

    /// The record `lsn`; none if the journal has not come that far.
    ///
    /// # Errors
    ///
    /// Damage between the nearest known place before the record (at most a block away) and the record.
    pub fn record(&self, lsn: Lsn) -> Result<Option<Record>, ReadError> {
        if lsn == Lsn::ZERO || lsn > self.last_lsn() {
            return Ok(None);
        }
        let (path, found) = match &self.last {
            Some(last) if last.first_lsn <= lsn => (last.path.clone(), lookup::hop(&mut last.scan_from(lsn)?, lsn)),
            _ => {
                let index = self.sealed.partition_point(|first| *first <= lsn);
                let Some(&first_lsn) = index.checked_sub(1).and_then(|index| self.sealed.get(index)) else {
                    return Err(ReadError::Missing { lsn });
                };
                let (path, mut scan) = self.sealed_scan(first_lsn)?;
                lookup::approach(&mut scan, lsn);
                (path, lookup::hop(&mut scan, lsn))
            }
        };
        found.map_err(|trouble| ReadError::at(&path, trouble))
    }

    fn sealed_scan(&self, first_lsn: Lsn) -> Result<(PathBuf, Scan<Box<dyn Window>>), ReadError> {
        let path = self.dir.join(segment_name(first_lsn));
        let file = File::open(&path).map_err(|error| ReadError::io(&path, error))?;
        let mut window = window_of_sealed(file).map_err(|error| ReadError::io(&path, error))?;
        let header = lookup::header(&mut window, first_lsn).map_err(|trouble| ReadError::at(&path, trouble))?;
        Ok((path, Scan::new(window, header)))
    }
}

/// Maps the file where that works: an empty file cannot be mapped, and some file systems cannot map at all.
pub(super) fn window_of_sealed(file: File) -> io::Result<Box<dyn Window>> {
    match Mapped::new(file.try_clone()?) {
        Ok(mapped) => Ok(Box::new(mapped)),
        Err(_) => Ok(Box::new(Copied::new(Arc::new(file))?)),
    }
}

/// First lsns of the segments in `dir`, in order.
pub(super) fn segments(dir: &Path) -> Result<Vec<Lsn>, ReadError> {
    let names = directory::list(dir).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ReadError::NoJournal { dir: dir.to_owned() },
        _ => ReadError::io(dir, source),
    })?;
    let mut segments: Vec<Lsn> = names.iter().filter_map(|name| segment_first_lsn(name)).collect();
    segments.sort();
    Ok(segments)
}

impl Last {
    fn open(dir: &Path, first_lsn: Lsn) -> Result<Self, ReadError> {
        let path = dir.join(segment_name(first_lsn));
        let file = Arc::new(File::open(&path).map_err(|error| ReadError::io(&path, error))?);
        let mut window = Copied::new(Arc::clone(&file)).map_err(|error| ReadError::io(&path, error))?;
        let header = lookup::header(&mut window, first_lsn).map_err(|trouble| ReadError::at(&path, trouble))?;
        let scan = Scan::new(window, header);
        Ok(Self { first_lsn, path, file, scan, places: Vec::new(), damage: None, looked: false })
    }

    /// Walks over what is new.
    fn read_on(&mut self) {
        self.scan.window.forget();
        self.scan.jump((self.scan.whole_at, self.scan.whole_next));
        self.damage = None;
        while let Err(fault) = self.walk() {
            let place = (self.scan.at, self.scan.next);
            let head_is_zero = matches!(fault, Fault::NoFrame) && self.scan.head_is_zero();
            if std::mem::replace(&mut self.looked, true) && head_is_zero {
                return;
            }
            let found = match tail::look(&mut self.scan, Segment::Last) {
                Ok(looked) => match verdict(looked.tail) {
                    Verdict::Clean | Verdict::Torn => return,
                    Verdict::Rot(evidence) => Fault::Rot(evidence),
                },
                Err(fault) => fault,
            };
            // A live writer may have gone on between two looks. If a later batch could be seen, this one is there now.
            self.scan.window.forget();
            if !fault.may_pass() || self.scan.check(place.0).is_err() {
                self.damage = Some((place.0, place.1, found));
                return;
            }
        }
    }

    fn walk(&mut self) -> Result<(), Fault> {
        while let Some(frame) = self.scan.step()? {
            let (offset, header) = (frame.offset, frame.header);
            let far = self.places.last().is_none_or(|(last, _)| offset - last >= STRIDE_BYTES);
            if far && !header.is_control() {
                self.places.push((offset, header.lsn));
            }
        }
        Ok(())
    }

    /// A second reading of this segment, from close before `lsn` on.
    fn scan_from(&self, lsn: Lsn) -> Result<Scan<Copied<Arc<File>>>, ReadError> {
        let window = Copied::new(Arc::clone(&self.file)).map_err(|error| ReadError::io(&self.path, error))?;
        let mut scan = Scan::new(window, self.scan.header);
        let known = self.places.partition_point(|(_, first)| *first <= lsn);
        if let Some(&place) = known.checked_sub(1).and_then(|index| self.places.get(index)) {
            scan.jump(place);
        }
        Ok(scan)
    }
}

/// Records in order; see [`Reader::records`].
pub struct Records<'a> {
    reader: &'a Reader,
    /// Of the segment being read; the last one's is the number of sealed ones.
    index: usize,
    /// The first lsn that the next segment must have.
    expected: Lsn,
    from: Lsn,
    scan: Option<(PathBuf, Scan<Box<dyn Window>>)>,
    group: VecDeque<Result<Record, ReadError>>,
    ended: bool,
}

impl std::fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("index", &self.index).field("from", &self.from).finish_non_exhaustive()
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.group.pop_front() {
                return Some(record);
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.read_group() {
                self.ended = true;
                return Some(Err(error));
            }
        }
    }
}

impl Records<'_> {
    /// Reads one atomic group, or moves to the next segment.
    fn read_group(&mut self) -> Result<(), ReadError> {
        let Some((path, mut scan)) = self.scan.take() else { return self.enter() };
        let mut group = VecDeque::new();
        loop {
            if self.is_at_end(&scan) {
                return self.end_of_journal();
            }
            let (at, next) = (scan.at, scan.next);
            let frame = match scan.step() {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    (self.index, self.expected) = (self.index + 1, scan.next);
                    return Ok(());
                }
                Err(fault) => return Err(ReadError::at(&path, Trouble::fault(at, next, fault))),
            };
            if frame.header.is_control() {
                continue;
            }
            if frame.header.lsn >= self.from {
                let record = payload::decode(&frame.header, frame.payload);
                let trouble = |error| ReadError::at(&path, Trouble::decode(frame.offset, &frame.header, error));
                group.push_back(record.map_err(trouble));
            }
            if !frame.header.more_follows() {
                self.group = group;
                self.scan = Some((path, scan));
                return Ok(());
            }
        }
    }

    fn enter(&mut self) -> Result<(), ReadError> {
        let reader = self.reader;
        let (path, mut scan): (PathBuf, Scan<Box<dyn Window>>) = match (reader.sealed.get(self.index), &reader.last) {
            (Some(&first_lsn), _) => reader.sealed_scan(first_lsn)?,
            (None, Some(last)) if self.index == reader.sealed.len() => {
                (last.path.clone(), last.scan_from(self.from)?.boxed())
            }
            (None, _) => {
                self.ended = true;
                return Ok(());
            }
        };
        let (found, expected) = (scan.header.first_lsn, self.expected);
        if found != expected {
            return Err(ReadError::Gap { segment: path, found, expected });
        }
        if self.from > scan.next && self.index < reader.sealed.len() {
            lookup::approach(&mut scan, self.from);
        }
        self.scan = Some((path, scan));
        Ok(())
    }

    /// The reader has looked no further than here.
    fn is_at_end<W: Window>(&self, scan: &Scan<W>) -> bool {
        let last = self.reader.last.as_ref().filter(|_| self.index == self.reader.sealed.len());
        last.is_some_and(|last| scan.at >= last.scan.whole_at)
    }

    fn end_of_journal(&mut self) -> Result<(), ReadError> {
        self.ended = true;
        match self.reader.last.as_ref().and_then(|last| last.damage.as_ref().map(|damage| (last, damage))) {
            Some((last, (offset, lsn, fault))) => {
                Err(ReadError::at(&last.path, Trouble::fault(*offset, *lsn, fault.clone())))
            }
            None => Ok(()),
        }
    }
}
