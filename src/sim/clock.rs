//! The machine's clocks. The world's own time is that in which the machine is awake; a sleep moves only the wall clock.

use crate::model::time::{BootId, Timestamp};

/// 2026-01-01, microseconds since 1970.
const BEGAN_US: i64 = 1_767_225_600_000_000;

/// Wall clock, awake clock and boot id, as the daemon reads them.
#[derive(Debug)]
pub struct Clock {
    boot: u64,
    /// When this boot began, in the world's own time.
    booted_ms: u64,
    /// What sleeps and jumps have added to the wall clock.
    shifted_ms: i64,
}

impl Clock {
    pub fn new() -> Self {
        Self { boot: 1, booted_ms: 0, shifted_ms: 0 }
    }

    pub fn at(&self, now_ms: u64) -> Timestamp {
        let wall_ms = i64::try_from(now_ms).unwrap_or(i64::MAX).saturating_add(self.shifted_ms);
        let wall_us = BEGAN_US.saturating_add(wall_ms.saturating_mul(1000)).max(0);
        Timestamp { wall_us: wall_us.cast_unsigned(), awake_ms: now_ms - self.booted_ms, boot: BootId(self.boot) }
    }

    /// The machine slept, or somebody set the clock: forwards or back.
    pub fn shift(&mut self, ms: i64) {
        self.shifted_ms += ms;
    }

    /// Another boot begins now.
    pub fn boot(&mut self, now_ms: u64) {
        self.boot += 1;
        self.booted_ms = now_ms;
    }

    /// The moment of the world at which the awake clock of this boot shows `awake_ms`.
    pub fn when(&self, awake_ms: u64) -> u64 {
        self.booted_ms.saturating_add(awake_ms)
    }
}
