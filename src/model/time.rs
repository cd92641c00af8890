//! Time as data (I10): every `now` comes from a record; nothing in the core can ask what time it is.

use crate::mutant::{Bug, bug};
use serde::{Deserialize, Serialize};

/// One start of the machine. Awake times of two boots cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub u64);

/// When something was: the wall clock as it was, and the awake clock, which stands still while the machine sleeps
/// (C50a).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamp {
    /// Microseconds since 1970 by the wall clock, however wrong it was.
    pub wall_us: u64,
    /// Milliseconds this boot has been awake.
    pub awake_ms: u64,
    pub boot: BootId,
}

impl Timestamp {
    /// Milliseconds from `earlier` to `self`: awake time within one boot; across boots the wall clock serves, never
    /// counted below zero (C50a).
    pub fn since(self, earlier: Timestamp) -> u64 {
        if self.boot == earlier.boot && !bug(Bug::SleepCounts) {
            self.awake_ms.saturating_sub(earlier.awake_ms)
        } else {
            self.wall_us.saturating_sub(earlier.wall_us) / 1000
        }
    }

    /// The moment `ms` after this one, with the awake clock of the same boot.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Timestamp {
        Timestamp { wall_us: self.wall_us + ms * 1000, awake_ms: self.awake_ms + ms, boot: self.boot }
    }

    /// The moment `ms` before this one, not before the clocks' own beginnings.
    #[must_use]
    pub fn minus_ms(self, ms: u64) -> Timestamp {
        Timestamp {
            wall_us: self.wall_us.saturating_sub(ms * 1000),
            awake_ms: self.awake_ms.saturating_sub(ms),
            boot: self.boot,
        }
    }

    /// When the wall clock said `wall_us`, as seen from this moment, and not after it. What the machine has slept since is taken
    /// for awake time, so this may lie too early by that much.
    #[must_use]
    pub fn back_at(self, wall_us: u64) -> Timestamp {
        let wall_us = wall_us.min(self.wall_us);
        Timestamp { wall_us, ..self.minus_ms((self.wall_us - wall_us) / 1000) }
    }

    /// The later of two moments; of two boots the one with the later wall clock.
    #[must_use]
    pub fn latest(self, other: Timestamp) -> Timestamp {
        let later = if self.boot == other.boot { other.awake_ms > self.awake_ms } else { other.wall_us > self.wall_us };
        if later { other } else { self }
    }

    /// Whether this moment was not after `other`; of two within one millisecond the wall clock tells.
    pub fn is_by(self, other: Timestamp) -> bool {
        if self.boot == other.boot {
            (self.awake_ms, self.wall_us) <= (other.awake_ms, other.wall_us)
        } else {
            self.wall_us <= other.wall_us
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall_ms: u64, awake_ms: u64, boot: u64) -> Timestamp {
        Timestamp { wall_us: wall_ms * 1000, awake_ms, boot: BootId(boot) }
    }

    /// C50a: opening a laptop reaps nothing, and a wall clock that jumps decides nothing.
    #[test]
    fn c50a_limits_count_awake_time() {
        assert_eq!(at(9_000_000, 60_000, 1).since(at(0, 50_000, 1)), 10_000);
        assert_eq!(at(0, 60_000, 1).since(at(9_000_000, 50_000, 1)), 10_000);
    }

    /// C50a: across a restart of the machine the wall clock serves, never below zero.
    #[test]
    fn c50a_across_boots_the_wall_clock_serves() {
        assert_eq!(at(70_000, 5, 2).since(at(10_000, 99_000, 1)), 60_000);
        assert_eq!(at(10_000, 5, 2).since(at(70_000, 99_000, 1)), 0);
    }
}
