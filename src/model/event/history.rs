//! Events about the journal itself: what was written down, removed or lost.

use serde::{Deserialize, Serialize};

use crate::model::id::Lsn;

/// Observed: the state as of a record lies in a file, so that a start need not fold what came before. The record is the
/// file's proof: a snapshot that no record names is not believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotTaken {
    /// The last record folded into it.
    pub through: Lsn,
    /// Of the whole file.
    pub bytes: u64,
    /// BLAKE3 of the whole file, hexadecimal.
    pub digest: String,
}

/// Observed: the oldest segments are about to be removed. Durable before the first of them goes, so that what is
/// missing later can be told from what was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRemoved {
    /// The first record that stays.
    pub first_kept: Lsn,
    pub segments: u32,
    /// That they took on the disk.
    pub bytes: u64,
    /// Head of the last segment that goes, hexadecimal: what the first one that stays chains to.
    pub head: String,
    pub because: RetentionReason,
}

/// Which setting asked for a removal, with the figures it compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionReason {
    /// `retain_bytes`.
    Size { bytes: u64, bytes_max: u64 },
    /// `retain_age`: of the last record that goes.
    Age { age_ms: u64, age_ms_max: u64 },
    /// No setting did: this journal is a capsule, cut out of another one that still has them.
    Capsule {},
}

/// Observed, and written by `journal salvage` alone: a record stood here and cannot be read any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordLost {
    /// File name in the journal that was salvaged.
    pub segment: String,
    pub offset: u64,
    /// The evidence.
    pub what: String,
}
