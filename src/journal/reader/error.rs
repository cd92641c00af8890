//! Why records cannot be read.

use std::io;
use std::path::{Path, PathBuf};

use super::super::format::payload::DecodeError;
use super::super::format::{self, header::HeaderFault};
use super::super::lookup::{Cause, Trouble};
use super::super::scan::Fault;
use crate::model::id::Lsn;

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("there is no journal at {}", dir.display())]
    NoJournal {
        dir: PathBuf,
        /// One that lies in it: whoever has named a home has meant that.
        below: Option<PathBuf>,
    },
    #[error("cannot read {}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("segment {} has format version {major}.{minor}, newer than this build's {}.{}", segment.display(),
        format::MAJOR, format::MINOR)]
    Newer { segment: PathBuf, major: u16, minor: u16 },
    #[error("segment {} is damaged at byte {offset}, where record {lsn} belongs", segment.display())]
    Damaged {
        segment: PathBuf,
        offset: u64,
        lsn: Lsn,
        #[source]
        evidence: Fault,
    },
    /// One of the header's two copies can be read.
    #[error("the header page of segment {} is damaged, and no record is lost by that", segment.display())]
    Header {
        segment: PathBuf,
        #[source]
        evidence: HeaderFault,
    },
    #[error("{}segment {} begins with record {found}, expected {expected}", missing(*found, *expected), segment.display())]
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
    /// Retention unlinked their segment between the moment at which the reader took in the names and its turn.
    #[error("records up to {through} were removed while they were read")]
    Removed { through: Lsn },
    #[error("there is no record {lsn}")]
    Missing { lsn: Lsn },
    /// Of the file that the journal was packed into, outside of the journal itself.
    #[error("the capsule {} is damaged at byte {offset}: {what}", capsule.display())]
    Capsule { capsule: PathBuf, offset: u64, what: String },
    /// As whoever cut this journal out of a damaged one has noted it.
    #[error("the journal that this one was cut out of could not be read where record {first} belongs: {what}")]
    NotCopied { segment: String, offset: u64, first: Lsn, next: Option<Lsn>, what: String },
}

impl ReadError {
    /// The bytes are at fault, not the circumstances.
    pub fn is_damage(&self) -> bool {
        matches!(self, ReadError::Header { .. } | ReadError::Capsule { .. }) || self.first_unread().is_some()
    }

    /// The first record that damage keeps from being read; none: it keeps none, or is no damage.
    pub fn first_unread(&self) -> Option<Lsn> {
        match self {
            ReadError::Damaged { lsn, .. } | ReadError::Undecodable { lsn, .. } => Some(*lsn),
            ReadError::Gap { expected, .. } => Some(*expected),
            ReadError::NotCopied { first, .. } => Some(*first),
            ReadError::NoJournal { .. }
            | ReadError::Io { .. }
            | ReadError::Header { .. }
            | ReadError::Capsule { .. }
            | ReadError::Newer { .. }
            | ReadError::Unknown { .. }
            | ReadError::Removed { .. }
            | ReadError::Missing { .. } => None,
        }
    }

    /// Segment and byte of damage in this very journal.
    pub fn place(&self) -> Option<(&Path, u64)> {
        match self {
            ReadError::Damaged { segment, offset, .. } | ReadError::Undecodable { segment, offset, .. } => {
                Some((segment, *offset))
            }
            ReadError::Gap { segment, .. } | ReadError::Header { segment, .. } => Some((segment, 0)),
            _ => None,
        }
    }

    pub(in super::super) fn io(path: &Path, source: io::Error) -> Self {
        ReadError::Io { path: path.to_owned(), source }
    }

    pub(in super::super) fn at(path: &Path, trouble: Trouble) -> Self {
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

/// What is not there before a segment that begins too late.
fn missing(found: Lsn, expected: Lsn) -> String {
    match found.0.checked_sub(1) {
        Some(last) if last == expected.0 => format!("record {last} is missing: "),
        Some(last) if last > expected.0 => format!("records {expected} to {last} are missing: "),
        _ => String::new(),
    }
}
