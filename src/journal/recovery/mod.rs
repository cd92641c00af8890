//! Opening a journal for writing: read everything, decide what its end means, leave a clean place to append.

mod one_bit;
pub mod table;
pub(super) mod tail;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub use table::Evidence;

use super::active::{Active, SPARE, write_trailer};
use super::format::header::{HeaderFault, SegmentHeader};
use super::format::payload::{self, DecodeError};
use super::format::seal::{Digest, Trailer, TrailerRoom, note_torn};
use super::format::{KIND_NOTE, segment_first_lsn, segment_name};
use super::scan::{Fault, Scan, read_header};
use super::storage::{LockOutcome, Storage, StorageFile};
use super::window::{Copied, Window};
use crate::model::id::Lsn;
use crate::model::record::Record;

/// Why a journal cannot be opened for writing. Nothing in it has been lost by that.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("journal {} is in use by {}", dir.display(), holder(*pid))]
    Locked { dir: PathBuf, pid: Option<u32> },
    #[error("cannot write to journal {}", path.display())]
    NotWritable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot {doing} {}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("segment {} has format version {major}.{minor}, newer than this build's {}.{}", segment.display(),
        super::format::MAJOR, super::format::MINOR)]
    Newer { segment: PathBuf, major: u16, minor: u16 },
    /// Damage that no crash explains: stop and let a person decide.
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
    /// Not damage: a newer build wrote it, and folding the rest without it would be a lie.
    #[error("record {lsn} at byte {offset} of {} is of kind {kind}, schema {schema}, which this build does not know",
        segment.display())]
    UnknownKind { segment: PathBuf, offset: u64, lsn: Lsn, kind: u16, schema: u8 },
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
}

impl OpenError {
    /// The bytes are at fault, not the circumstances: opening again will not help.
    pub fn is_damage(&self) -> bool {
        matches!(self, OpenError::Damaged { .. } | OpenError::Gap { .. } | OpenError::Undecodable { .. })
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another writer".to_owned(), |pid| format!("process {pid}"))
}

/// What opening found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    pub records: u64,
    /// Zero in an empty journal.
    pub last_lsn: Lsn,
    /// The last writer ended in order, or there was none.
    pub closed: bool,
    pub torn: Option<TornTail>,
}

/// An unfinished last batch: acknowledged to nobody, set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    pub segment: String,
    pub offset: u64,
    /// The first record that is missing.
    pub lsn: Lsn,
    pub bytes: u64,
    /// File in the journal's folder that holds the bytes.
    pub quarantined: String,
}

/// Where appending goes on.
#[derive(Debug)]
pub(super) struct Resume {
    pub journal: Option<[u8; 16]>,
    pub number: u64,
    pub previous_salt: [u8; 16],
    pub head: Digest,
    pub segments: Vec<Lsn>,
    pub recovered: Recovered,
}

impl Resume {
    fn new() -> Self {
        let recovered = Recovered { records: 0, last_lsn: Lsn::ZERO, closed: true, torn: None };
        Self { journal: None, number: 1, previous_salt: [0; 16], head: [0; 32], segments: Vec::new(), recovered }
    }
}

/// Takes the lock, reads every record in order into `fold`, and seals what a crash left open.
pub(super) fn recover<S: Storage>(storage: &S, mut fold: impl FnMut(Record)) -> Result<Resume, OpenError> {
    let dir = storage.path().to_owned();
    match storage.lock().map_err(writing(dir.clone()))? {
        LockOutcome::Held => {}
        LockOutcome::HeldBy(pid) => return Err(OpenError::Locked { dir, pid }),
    }
    let names = storage.list().map_err(failed("list", dir.clone()))?;
    if names.iter().any(|name| name == SPARE) {
        storage.remove(SPARE).map_err(writing(dir.join(SPARE)))?;
    }
    let mut segments: Vec<Lsn> = names.iter().filter_map(|name| segment_first_lsn(name)).collect();
    segments.sort();
    let mut resume = Resume::new();
    for (index, &first_lsn) in segments.iter().enumerate() {
        let last = index + 1 == segments.len();
        SegmentRecovery::open(storage, first_lsn, last)?.run(&mut resume, &mut fold)?;
    }
    Ok(resume)
}

pub(super) fn failed(doing: &'static str, path: PathBuf) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::Io { doing, path, source }
}

pub(super) fn writing(path: PathBuf) -> impl FnOnce(io::Error) -> OpenError {
    move |source| match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => OpenError::NotWritable { path, source },
        _ => OpenError::Io { doing: "write", path, source },
    }
}

/// One segment on its way through recovery.
struct SegmentRecovery<'a, S: Storage> {
    storage: &'a S,
    name: String,
    path: PathBuf,
    last: bool,
    file: Arc<S::File>,
    scan: Scan<Copied<Arc<S::File>>>,
}

impl<'a, S: Storage> SegmentRecovery<'a, S> {
    fn open(storage: &'a S, first_lsn: Lsn, last: bool) -> Result<Self, OpenError> {
        let name = segment_name(first_lsn);
        let path = storage.path().join(&name);
        let file = Arc::new(storage.open(&name).map_err(writing(path.clone()))?);
        if last {
            // What is about to be believed becomes durable first, and is then read from the device: after a failed
            // sync the cache shows bytes that the disk never got.
            file.sync().map_err(failed("sync", path.clone()))?;
            file.forget_cache();
        }
        let mut window = Copied::new(Arc::clone(&file)).map_err(failed("read", path.clone()))?;
        let damaged = |fault| damage_at(&path, 0, first_lsn, fault);
        let header = match read_header(&mut window) {
            (Some(header), None) => header,
            (_, Some(fault)) => return Err(damaged(fault)),
            (None, None) => return Err(damaged(Fault::NoFrame)),
        };
        let mut scan = Scan::new(window, header);
        if last {
            scan = scan.with_sealer().map_err(damaged)?;
        }
        Ok(Self { storage, name, path, last, file, scan })
    }

    fn run(mut self, resume: &mut Resume, fold: &mut impl FnMut(Record)) -> Result<(), OpenError> {
        self.belongs(resume)?;
        let fault = self.read(fold)?;
        let records = self.scan.whole_next.0 - self.scan.header.first_lsn.0;
        if fault.is_none() && records == 0 {
            return Err(self.damaged(Fault::Seal { field: "records" }));
        }
        resume.recovered.records += records;
        resume.recovered.last_lsn = Lsn(self.scan.whole_next.0 - 1);
        resume.recovered.closed = self.scan.closed;
        resume.journal = Some(self.scan.header.journal);
        resume.segments.push(self.scan.header.first_lsn);
        let (number, salt) = (self.scan.header.number, self.scan.header.salt);
        if let Some(fault) = fault {
            resume.recovered.torn = self.end_unsealed(resume, fault)?;
            if records == 0 {
                // Nothing in it: the segment that replaces it takes its name, its number and its place in the chain.
                resume.segments.pop();
                return Ok(());
            }
        } else {
            self.end_sealed(resume)?;
        }
        (resume.number, resume.previous_salt) = (number + 1, salt);
        Ok(())
    }

    /// Number, name, journal and predecessor are those that the segments before call for.
    fn belongs(&self, resume: &Resume) -> Result<(), OpenError> {
        let header = &self.scan.header;
        let expected = resume.recovered.last_lsn.next();
        if header.first_lsn != expected {
            return Err(OpenError::Gap { segment: self.path.clone(), found: header.first_lsn, expected });
        }
        match segment_mismatch(header, &self.name, resume.number, resume.previous_salt, resume.journal) {
            Some(fault) => Err(damage_at(&self.path, 0, header.first_lsn, fault)),
            None => Ok(()),
        }
    }

    /// Folds every record of every whole group. Returns the fault that ended it, none if a seal did.
    fn read(&mut self, fold: &mut impl FnMut(Record)) -> Result<Option<Fault>, OpenError> {
        let mut group = Vec::new();
        loop {
            match self.scan.step() {
                Ok(None) => return Ok(None),
                Err(fault) => return Ok(Some(fault)),
                Ok(Some(frame)) if frame.header.is_control() => {}
                Ok(Some(frame)) => {
                    let record = payload::decode(&frame.header, frame.payload);
                    group.push(record.map_err(|error| undecodable(&self.path, frame.offset, &frame.header, error))?);
                    if !frame.header.more_follows() {
                        group.drain(..).for_each(&mut *fold);
                    }
                }
            }
        }
    }

    fn end_sealed(mut self, resume: &mut Resume) -> Result<(), OpenError> {
        let Some(seal) = self.scan.seal.clone() else { return Ok(()) };
        let (bytes, capacity) = (self.scan.window.size(), self.scan.header.capacity);
        if bytes != capacity {
            return Err(self.damaged(Fault::Size { bytes, capacity }));
        }
        if seal.previous != resume.head {
            return Err(self.damaged(Fault::Seal { field: "previous" }));
        }
        if let Some(fault) = self.scan.compare_seal(&seal) {
            return Err(self.damaged(fault));
        }
        let room = self.scan.compare_trailer(&seal).map_err(|fault| self.damaged(fault))?;
        if room == TrailerRoom::Empty {
            self.finish_trailer(&seal)?;
        }
        resume.head = seal.head();
        Ok(())
    }

    /// The seal is there and its trailer is not: a crash between the two, if this is the last segment.
    fn finish_trailer(&mut self, seal: &super::format::seal::Seal) -> Result<(), OpenError> {
        if !self.last {
            return Err(self.damaged(Fault::Trailer));
        }
        let behind = self.scan.at;
        if let Some(offset) = self.scan.first_nonzero(behind).map_err(|fault| self.damaged(fault))? {
            return Err(damage_at(&self.path, offset, self.scan.next, Fault::NotZero));
        }
        let trailer = Trailer {
            seal_at: seal.end,
            seal_length: (self.scan.at - seal.end) as u32,
            last_lsn: seal.last_lsn,
            head: seal.head(),
        };
        write_trailer(&*self.file, &self.scan.header, &self.scan.seed, &trailer).map_err(writing(self.path.clone()))
    }

    /// Decides what the end is, and seals the segment there. A segment without records stays unsealed.
    fn end_unsealed(&mut self, resume: &mut Resume, fault: Fault) -> Result<Option<TornTail>, OpenError> {
        if let Fault::Unreadable { .. } = fault {
            return Err(self.damaged(fault));
        }
        let segment = if self.last { table::Segment::Last } else { table::Segment::Followed };
        let looked = tail::look(&mut self.scan, segment).map_err(|fault| self.damaged(fault))?;
        let torn = match table::verdict(looked.tail) {
            table::Verdict::Rot(evidence) => return Err(self.damaged(Fault::Rot(evidence))),
            table::Verdict::Clean => None,
            table::Verdict::Torn => Some(self.set_aside(&looked)?),
        };
        let Some(sealer) = self.scan.sealer.take().filter(|sealer| sealer.records() > 0) else {
            return Ok(torn.map(|(torn, _)| torn));
        };
        let mut active = Active::recovered(Arc::clone(&self.file), self.scan.header, sealer);
        if let Some((torn, digest)) = &torn {
            let note = note_torn(torn.offset, torn.bytes, digest);
            active.write_control(KIND_NOTE, &note).map_err(writing(self.path.clone()))?;
        }
        resume.head = active.seal(resume.head).map_err(writing(self.path.clone()))?;
        Ok(torn.map(|(torn, _)| torn))
    }

    /// Copies an unfinished batch to the quarantine, then clears it: left where it is, its later frames could come
    /// back to life behind a new one.
    fn set_aside(&mut self, looked: &tail::Looked) -> Result<(TornTail, Digest), OpenError> {
        let length = (looked.to.max(self.scan.at) - looked.from) as usize;
        let path = self.path.clone();
        let bytes = self.scan.window.bytes(looked.from, length).map_err(failed("read", path.clone()))?.to_vec();
        let name = format!("{}-{}-{}", self.name, looked.from, length);
        self.storage.quarantine(&name, &bytes).map_err(writing(path.clone()))?;
        self.file.write_at(&vec![0; length], looked.from).map_err(writing(path.clone()))?;
        self.file.sync().map_err(writing(path))?;
        let torn = TornTail {
            segment: self.name.clone(),
            offset: looked.from,
            lsn: looked.lsn,
            bytes: length as u64,
            quarantined: format!("quarantine/{name}"),
        };
        Ok((torn, *blake3::hash(&bytes).as_bytes()))
    }

    fn damaged(&self, fault: Fault) -> OpenError {
        damage_at(&self.path, self.scan.at, self.scan.next, fault)
    }
}

fn damage_at(path: &std::path::Path, offset: u64, lsn: Lsn, evidence: Fault) -> OpenError {
    match evidence {
        Fault::Header(HeaderFault::Newer { major, minor }) => {
            OpenError::Newer { segment: path.to_owned(), major, minor }
        }
        evidence => OpenError::Damaged { segment: path.to_owned(), offset, lsn, evidence },
    }
}

fn undecodable(
    path: &std::path::Path,
    offset: u64,
    frame: &super::format::frame::FrameHeader,
    error: DecodeError,
) -> OpenError {
    let (segment, lsn) = (path.to_owned(), frame.lsn);
    match error {
        DecodeError::Unknown { kind, schema } => OpenError::UnknownKind { segment, offset, lsn, kind, schema },
        source => OpenError::Undecodable { segment, offset, lsn, kind: frame.kind, source },
    }
}

/// What in `header` does not fit its place in the journal.
pub(super) fn segment_mismatch(
    header: &SegmentHeader,
    name: &str,
    number: u64,
    previous_salt: [u8; 16],
    journal: Option<[u8; 16]>,
) -> Option<Fault> {
    let hex = |bytes: [u8; 16]| format!("{:032x}", u128::from_be_bytes(bytes));
    let journal = journal.unwrap_or(header.journal);
    let rows = [
        ("name", name.to_owned(), segment_name(header.first_lsn)),
        ("number", header.number.to_string(), number.to_string()),
        ("previous_salt", hex(header.previous_salt), hex(previous_salt)),
        ("journal", hex(header.journal), hex(journal)),
    ];
    let wrong = rows.into_iter().find(|(_, found, expected)| found != expected);
    wrong.map(|(field, found, expected)| Fault::Segment { field, found, expected })
}
