//! Why an append was not done, and what may be done about it.

use std::io;
use std::path::PathBuf;

use super::format::payload::EncodeError;
use crate::model::id::Lsn;

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
    #[error("cannot reserve {bytes} bytes for the next segment at {}", path.display())]
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
    /// Nothing was written and the journal is as it was: the same or a later append may succeed. If not, what the disk
    /// holds is unknown, and only a fresh [`Journal::open`](super::Journal::open) may find out and go on (C63).
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

    /// The disk is full: time or a person may help.
    pub fn is_no_space(&self) -> bool {
        match self {
            AppendError::NoSpace { source, .. }
            | AppendError::Write { source, .. }
            | AppendError::Sync { source, .. }
            | AppendError::Rotate { source, .. } => is_no_space(source),
            AppendError::Encode { .. } | AppendError::TooLong { .. } | AppendError::Failed { .. } => false,
        }
    }
}

fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
