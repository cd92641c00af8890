//! How long a turn waits for those who are about to ask.
//!
//! Many who each ask again once they are answered fall into two groups that take turns: while one sync runs, the others
//! gather, and those it answers come just too late for the next. Each sync is then for half of them. A turn that waits a
//! moment for the ones just answered is for all.

use std::time::{Duration, Instant};

/// Of a turn: a silence as long as this part of the last one means that nobody comes any more.
const SILENCE: u32 = 8;

/// Who asked last, and when they were answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Company {
    answered: usize,
    took: Duration,
    ended: Option<Instant>,
}

impl Company {
    /// A turn that took this long has just answered so many.
    pub(super) fn of(answered: usize, took: Duration, ended: Instant) -> Self {
        Self { answered, took, ended: Some(ended) }
    }

    /// As many as there would be if all come again that were answered, beside those who `waited` already. One alone is no
    /// company: whoever asks one thing after the other waits for nobody.
    pub(super) fn expected(&self, waited: usize) -> usize {
        match self.answered + waited {
            all if self.answered > 0 && all > 1 => all,
            _ => 0,
        }
    }

    /// How long to wait at `now` for the next of them; none: not at all. Never so that the wait is longer than the turn before
    /// it was.
    pub(super) fn patience(&self, now: Instant) -> Option<Duration> {
        let left = (self.ended? + self.took).checked_duration_since(now)?;
        Some(left.min(self.took / SILENCE)).filter(|wait| !wait.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOK: Duration = Duration::from_micros(2400);

    #[test]
    fn two_groups_become_one() {
        let company = Company::of(32, TOOK, Instant::now());
        assert_eq!(company.expected(32), 64);
        assert_eq!(Company::of(64, TOOK, Instant::now()).expected(0), 64);
        assert_eq!(Company::of(1, TOOK, Instant::now()).expected(1), 2);
    }

    #[test]
    fn one_alone_waits_for_nobody() {
        assert_eq!(Company::of(1, TOOK, Instant::now()).expected(0), 0);
        // Nobody was answered: reports, or the first turn of all.
        assert_eq!(Company::of(0, TOOK, Instant::now()).expected(7), 0);
        assert_eq!(Company::default().expected(7), 0);
    }

    #[test]
    fn patience_ends_with_a_silence_or_with_the_time_that_a_turn_takes() {
        let ended = Instant::now();
        let company = Company::of(64, TOOK, ended);
        assert_eq!(company.patience(ended), Some(TOOK / 8));
        assert_eq!(company.patience(ended + Duration::from_micros(2300)), Some(Duration::from_micros(100)));
        assert_eq!(company.patience(ended + TOOK), None);
        assert_eq!(company.patience(ended + TOOK * 9), None);
        assert_eq!(Company::default().patience(ended), None);
    }
}
