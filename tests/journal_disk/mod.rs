//! A disk that forgets what was not synced, and records to put on it.

#![allow(dead_code, unused_imports, reason = "every test file takes what it needs")]

use dormouse::model::actor::Actor;
use dormouse::model::event::DaemonStopped;
use dormouse::model::id::Lsn;
use dormouse::model::record::{Record, Subject};
use dormouse::model::time::{BootId, Timestamp};

pub use dormouse::sim::disk::{Failure, Op, SimDisk, SimFile, fault, salts};

/// Record `lsn`: says `text`.
pub fn record(lsn: u64, text: &str) -> Record {
    Record {
        lsn: Lsn(lsn),
        at: Timestamp { wall_us: 1_700_000_000_000_000 + lsn, awake_ms: lsn * 10, boot: BootId(3) },
        subject: Subject::NONE,
        cause: (lsn > 1).then(|| Lsn(lsn - 1)),
        actor: Actor::Dormouse,
        event: DaemonStopped { why: text.to_owned() }.into(),
    }
}

/// Groups of `sizes` records each, from `first` on; texts have different lengths, some longer than a sector or two.
pub fn groups(first: u64, sizes: &[usize]) -> Vec<Vec<Record>> {
    let mut lsn = first - 1;
    let mut group = |size: usize| {
        let record = |_| {
            lsn += 1;
            let length = [3, 40, 700, 1500][(lsn % 4) as usize];
            record(lsn, &format!("{lsn:0length$}"))
        };
        (0..size).map(record).collect()
    };
    sizes.iter().map(|&size| group(size)).collect()
}
