//! The journal itself: snapshots, retention, salvage.

use crate::explain::phrase::{number, span};
use crate::model::event::{HistoryRemoved, RecordLost, RetentionReason, SnapshotTaken};

pub fn snapshot_taken(it: &SnapshotTaken) -> String {
    format!("the state as of record {} lies in a snapshot of {} bytes", it.through, number(it.bytes))
}

pub fn removed(it: &HistoryRemoved) -> String {
    if it.because == (RetentionReason::Capsule {}) {
        return format!("this journal is a capsule: the records before {} were left out of it", it.first_kept);
    }
    let segments = if it.segments == 1 { "segment" } else { "segments" };
    let why = match it.because {
        RetentionReason::Size { bytes, bytes_max } => {
            format!("the journal has {} bytes, limit {} (retain_bytes)", number(bytes), number(bytes_max))
        }
        RetentionReason::Age { age_ms, age_ms_max } => {
            format!("their last is {} old, limit {} (retain_age)", span(age_ms), span(age_ms_max))
        }
        RetentionReason::Capsule {} => String::new(),
    };
    let (count, bytes) = (number(u64::from(it.segments)), number(it.bytes));
    format!("the records before {} go, {count} {segments} of {bytes} bytes: {why}", it.first_kept)
}

pub fn record_lost(it: &RecordLost) -> String {
    format!("the record that stood here was lost in byte {} of {}: {}", number(it.offset), it.segment, it.what)
}
