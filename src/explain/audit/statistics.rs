//! What happened, counted.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::event::{Decision, Event, Fact};
use crate::model::record::Record;
use crate::model::session::{Ending, WakeMode};

/// Counts and spreads over the whole history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Records of each kind that occurred.
    pub kinds: BTreeMap<&'static str, u64>,
    pub wakes: Wakes,
    /// By reason.
    pub reaps: BTreeMap<&'static str, u64>,
    /// By ending: `code 1`, `signal 9`, …
    pub deaths: BTreeMap<String, u64>,
    /// Deliveries that were marked as possible duplicates.
    pub possible_duplicates: u64,
    /// From acceptance to proof.
    pub accepted_to_delivered_ms: Spread,
    /// From the launch to the open input box.
    pub boot_ms: Spread,
    /// From the wake's decision to ready.
    pub wake_ms: Spread,
    /// From the decision to end a session to its verified end.
    pub kill_ms: Spread,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wakes {
    pub fresh: u64,
    pub resumed: u64,
    pub failed: u64,
}

/// Nearest-rank percentiles; all zero when nothing was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    pub count: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
}

impl Spread {
    fn of(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        let Some(max) = samples.last().copied() else { return Self::default() };
        let rank = |percent: usize| samples[(samples.len() * percent).div_ceil(100) - 1];
        Self { count: samples.len() as u64, p50: rank(50), p90: rank(90), p99: rank(99), max }
    }
}

/// Statistics in the making.
#[derive(Debug, Default)]
pub struct Counts {
    so_far: Statistics,
    delivered_ms: Vec<u64>,
    boot_ms: Vec<u64>,
    wake_ms: Vec<u64>,
    kill_ms: Vec<u64>,
}

impl Counts {
    pub fn see(&mut self, record: &Record) {
        let so_far = &mut self.so_far;
        *so_far.kinds.entry(record.event.kind().name).or_default() += 1;
        match &record.event {
            Event::Fact(Fact::BoxOpened(it)) => self.boot_ms.push(it.boot_ms),
            Event::Decision(Decision::WakeDecided(it)) => match it.mode {
                WakeMode::Fresh => so_far.wakes.fresh += 1,
                WakeMode::Resumed { .. } => so_far.wakes.resumed += 1,
            },
            Event::Decision(Decision::WakeFailed(_)) => so_far.wakes.failed += 1,
            Event::Decision(Decision::SessionReady(it)) => self.wake_ms.push(it.wake_ms),
            Event::Decision(Decision::Reaped(it)) => *so_far.reaps.entry(it.reason.word()).or_default() += 1,
            Event::Decision(Decision::SessionDied(it)) => *so_far.deaths.entry(ending(&it.ending)).or_default() += 1,
            Event::Decision(Decision::SessionEnded(it)) => self.kill_ms.push(it.took_ms),
            Event::Decision(Decision::Delivered(it)) => {
                self.delivered_ms.push(it.waited_ms);
                so_far.possible_duplicates += u64::from(it.possible_duplicate);
            }
            _ => {}
        }
    }

    pub fn finish(self) -> Statistics {
        Statistics {
            accepted_to_delivered_ms: Spread::of(self.delivered_ms),
            boot_ms: Spread::of(self.boot_ms),
            wake_ms: Spread::of(self.wake_ms),
            kill_ms: Spread::of(self.kill_ms),
            ..self.so_far
        }
    }
}

/// Without the words that differ each time, so that equal endings count together.
fn ending(ending: &Ending) -> String {
    match ending {
        Ending::Code { code } => format!("code {code}"),
        Ending::Signal { signal } => format!("signal {signal}"),
        Ending::ExecFailed { errno, .. } => format!("exec failed, errno {errno}"),
        Ending::TerminalLost { .. } => "terminal lost".to_owned(),
        Ending::NeverStarted => "never started".to_owned(),
        Ending::MachineDown => "machine down".to_owned(),
        Ending::NotKnown { .. } => "not known".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        assert_eq!(
            Spread::of((1..=200).rev().collect()),
            Spread { count: 200, p50: 100, p90: 180, p99: 198, max: 200 }
        );
        assert_eq!(Spread::of(vec![7]), Spread { count: 1, p50: 7, p90: 7, p99: 7, max: 7 });
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }
}
