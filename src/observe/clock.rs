//! The daemon's door to the clocks.

use rustix::time::{ClockId, clock_gettime};

use crate::model::time::{BootId, Timestamp};
use crate::shim;

/// What every clock says now (C50a).
pub fn now() -> Timestamp {
    let wall = clock_gettime(ClockId::Realtime);
    // A wall clock before 1970 is wrong, and decides nothing.
    let wall_us = u64::try_from(wall.tv_sec).unwrap_or(0) * 1_000_000 + wall.tv_nsec.unsigned_abs() / 1000;
    Timestamp { wall_us, awake_ms: awake_ms(), boot: boot() }
}

/// When the wall clock said `wall_ms`, not after now, and told by that clock alone.
pub fn at_wall_ms(wall_ms: u64) -> Timestamp {
    now().back_at(wall_ms.saturating_mul(1000))
}

/// Milliseconds this boot has been awake.
pub fn awake_ms() -> u64 {
    shim::clock::awake_ms()
}

/// This start of the machine.
pub fn boot() -> BootId {
    BootId(shim::clock::boot())
}
