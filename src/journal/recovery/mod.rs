//! Opening a journal for writing: fold what it says, decide what its end means, leave a clean place to append.

mod begin;
mod one_bit;
mod segment;
pub mod table;
pub(super) mod tail;

use std::io;
use std::path::PathBuf;

pub use table::Evidence;

use super::active::SPARE;
use super::fold::Fold;
use super::format::header::{HeaderFault, SegmentHeader};
use super::format::payload::DecodeError;
use super::format::seal::Digest;
use super::format::snapshot::Snapshot;
use super::format::{segment_first_lsn, segment_name};
use super::retention::SealedSegment;
use super::scan::Fault;
use super::snapshot::{self, NotUsed, Unusable};
use super::storage::{LockOutcome, Storage};
use crate::model::event::{Event, Fact, SnapshotTaken};
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
    /// Records are told by a snapshot alone, and none can be used.
    #[error("the journal begins with record {first}, in {}, and no snapshot tells the state before it{}",
        segment.display(), listed(unusable))]
    NoBeginning { segment: PathBuf, first: Lsn, unusable: Vec<Unusable> },
    #[error("the journal begins with record {first}, in {}, and {}", segment.display(), explained(*named))]
    BeginningLost { segment: PathBuf, first: Lsn, named: Option<Lsn> },
    #[error("segment {} chains to {found}, and the last one that was removed before it had {expected}",
        segment.display())]
    OtherBeginning { segment: PathBuf, found: String, expected: String },
    #[error("the journal ends with record {last_lsn}, and {} was taken when record {through} was on the disk",
        snapshot.display())]
    EndMissing { snapshot: PathBuf, through: Lsn, last_lsn: Lsn },
    /// Not damage: a newer build wrote it, and folding the rest without it would be a lie.
    #[error("record {lsn} at byte {offset} of {} is of kind {kind}, schema {schema}, which this build does not know{}",
        segment.display(), written_by(writer.as_deref()))]
    UnknownKind {
        segment: PathBuf,
        offset: u64,
        lsn: Lsn,
        kind: u16,
        schema: u8,
        /// The version in the last `daemon_started` before it.
        writer: Option<String>,
    },
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
        match self {
            OpenError::Damaged { .. }
            | OpenError::Gap { .. }
            | OpenError::NoBeginning { .. }
            | OpenError::BeginningLost { .. }
            | OpenError::OtherBeginning { .. }
            | OpenError::EndMissing { .. }
            | OpenError::Undecodable { .. } => true,
            OpenError::Locked { .. }
            | OpenError::NotWritable { .. }
            | OpenError::Io { .. }
            | OpenError::Newer { .. }
            | OpenError::UnknownKind { .. } => false,
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another writer".to_owned(), |pid| format!("process {pid}"))
}

fn written_by(writer: Option<&str>) -> String {
    writer.map_or_else(String::new, |version| format!("; it was written by dormouse {version}"))
}

fn listed(unusable: &[Unusable]) -> String {
    if unusable.is_empty() {
        return "; there is none".to_owned();
    }
    let one = |it: &Unusable| {
        let mut said = format!("; {it}");
        let mut cause: Option<&dyn std::error::Error> = Some(&it.because);
        while let Some(error) = cause {
            said += &format!(": {error}");
            cause = error.source();
        }
        said
    };
    unusable.iter().map(one).collect()
}

fn explained(named: Option<Lsn>) -> String {
    match named {
        None => "no record says that what came before it was removed".to_owned(),
        Some(kept) => format!("what was removed ends before record {kept}: the records between are lost"),
    }
}

/// What opening found.
#[derive(Debug)]
pub struct Recovered {
    /// Folded: all of them, or those behind the snapshot.
    pub records: u64,
    /// The last record of the snapshot that the fold began from; none if it began with the first record.
    pub snapshot: Option<Lsn>,
    /// Newer snapshots that could not be used.
    pub unusable: Vec<Unusable>,
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

/// What is known on the way through the segments, and at the end where appending goes on.
#[derive(Debug)]
pub(super) struct Resume {
    pub journal: Option<[u8; 16]>,
    /// Of the next segment.
    pub number: u64,
    pub previous_salt: [u8; 16],
    /// Of the last seal; none while the beginning is gone and no seal has come yet.
    pub head: Option<Digest>,
    /// What the first seal of all chains to.
    first_previous: Option<Digest>,
    pub segments: Vec<SealedSegment>,
    /// The snapshot that was begun from and its digest, until its record has been met; and what it lacks till then.
    digest: Option<(Lsn, String)>,
    unproved: Option<NotUsed>,
    /// The version in the last `daemon_started` that was met.
    writer: Option<String>,
    pub recovered: Recovered,
}

impl Resume {
    /// Before the segment that begins with `first`, the oldest there is.
    fn before(first: Option<Lsn>) -> Self {
        let last_lsn = first.map_or(Lsn::ZERO, |first| Lsn(first.0.saturating_sub(1)));
        let recovered =
            Recovered { records: 0, snapshot: None, unusable: Vec::new(), last_lsn, closed: true, torn: None };
        Self {
            journal: None,
            number: 1,
            previous_salt: [0; 16],
            head: (last_lsn == Lsn::ZERO).then_some([0; 32]),
            first_previous: None,
            segments: Vec::new(),
            digest: None,
            unproved: None,
            writer: None,
            recovered,
        }
    }

    /// Where the beginning was removed, the first header's own word on its place is all there is.
    fn begins_at(&mut self, header: &SegmentHeader) {
        if self.head.is_none() {
            (self.number, self.previous_salt) = (header.number, header.previous_salt);
        }
    }

    fn begins_from(&mut self, snapshot: &Snapshot) {
        self.recovered.snapshot = Some(snapshot.through);
        self.digest = Some((snapshot.through, snapshot.taken().digest));
        self.unproved = Some(NotUsed::Unproved);
    }

    /// Folds a whole group, and looks for the record that proves the snapshot.
    fn fold<F: Fold>(&mut self, group: &mut Vec<Record>, fold: &mut F) {
        for record in group.drain(..) {
            self.recovered.records += 1;
            match &record.event {
                Event::Fact(Fact::SnapshotTaken(taken)) => self.proves(taken),
                Event::Fact(Fact::DaemonStarted(started)) => self.writer = Some(started.version.clone()),
                _ => {}
            }
            fold.record(record);
        }
    }

    fn proves(&mut self, taken: &SnapshotTaken) {
        let Some((_, found)) = self.digest.as_ref().filter(|(through, _)| *through == taken.through) else { return };
        if *found == taken.digest {
            (self.digest, self.unproved) = (None, None);
        } else {
            self.unproved = Some(NotUsed::Digest { found: found.clone(), expected: taken.digest.clone() });
        }
    }

    fn sealed(&mut self, segment: SealedSegment) {
        self.head = Some(segment.head);
        self.segments.push(segment);
    }
}

/// Takes the lock, folds the records, and seals what a crash left open.
pub(super) fn recover<S: Storage, F: Fold>(storage: &S, fold: &mut F) -> Result<Resume, OpenError> {
    let dir = storage.path().to_owned();
    match storage.lock().map_err(writing(dir.clone()))? {
        LockOutcome::Held => {}
        LockOutcome::HeldBy(pid) => return Err(OpenError::Locked { dir, pid }),
    }
    let names = storage.list().map_err(failed("list", dir.clone()))?;
    for unfinished in [SPARE, snapshot::UNFINISHED] {
        if names.iter().any(|name| name == unfinished) {
            storage.remove(unfinished).map_err(writing(dir.join(unfinished)))?;
        }
    }
    let mut segments: Vec<Lsn> = names.iter().filter_map(|name| segment_first_lsn(name)).collect();
    segments.sort();
    begin::Found { storage, segments, snapshots: snapshot::newest_first(&names) }.run(fold)
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
    writer: Option<&str>,
) -> OpenError {
    let (segment, lsn, writer) = (path.to_owned(), frame.lsn, writer.map(str::to_owned));
    match error {
        DecodeError::Unknown { kind, schema, .. } => {
            OpenError::UnknownKind { segment, offset, lsn, kind, schema, writer }
        }
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
    let (named, journal) = (segment_name(header.first_lsn), journal.unwrap_or(header.journal));
    // Asked of every segment at each opening: only what differs is put into words.
    let (field, found, expected) = if name != named {
        ("name", name.to_owned(), named)
    } else if header.number != number {
        ("number", header.number.to_string(), number.to_string())
    } else if header.previous_salt != previous_salt {
        ("previous_salt", hex(header.previous_salt), hex(previous_salt))
    } else if header.journal != journal {
        ("journal", hex(header.journal), hex(journal))
    } else {
        return None;
    };
    Some(Fault::Segment { field, found, expected })
}
