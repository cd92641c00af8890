//! How long things took, in bounded memory.

use std::collections::BTreeMap;

use serde::Serialize;

/// As many different values are told apart exactly. Beyond that three digits of each count: 900 to every power of ten.
const EXACT_MAX: usize = 4_096;

/// Nearest-rank percentiles; all zero when nothing was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    pub count: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
}

/// Every value that was measured, and how often it was. Percentiles are values that were measured, or, once there are too
/// many different ones, those rounded up to three digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Counts,
    count: u64,
    max: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Counts {
    Exact(BTreeMap<u64, u64>),
    /// By [`place`]: to search among thousands for every value that is added would take longer than all else.
    ThreeDigits(Vec<u64>),
}

impl Default for Counts {
    fn default() -> Self {
        Counts::Exact(BTreeMap::new())
    }
}

impl Histogram {
    pub fn add(&mut self, value: u64) {
        self.add_times(value, 1);
        self.max = self.max.max(value);
    }

    pub fn add_all(&mut self, other: &Histogram) {
        match &other.counts {
            Counts::Exact(counts) => counts.iter().for_each(|(value, times)| self.add_times(*value, *times)),
            Counts::ThreeDigits(counts) => {
                let measured = (0..).zip(counts).filter(|(_, times)| **times > 0);
                measured.for_each(|(place, times)| self.add_times(value_at(place), *times));
            }
        }
        self.max = self.max.max(other.max);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest value that so many of a hundred do not exceed; none if nothing was measured.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (self.count * percent).div_ceil(100);
        let mut below = 0;
        let mut reaches = |times: u64| {
            below += times;
            times > 0 && below >= rank
        };
        let found = match &self.counts {
            Counts::Exact(counts) => counts.iter().find(|(_, times)| reaches(**times)).map(|(value, _)| *value),
            Counts::ThreeDigits(counts) => counts.iter().position(|times| reaches(*times)).map(value_at),
        };
        found.map(|value| value.min(self.max))
    }

    pub fn spread(&self) -> Spread {
        let rank = |percent| self.percentile(percent).unwrap_or_default();
        Spread { count: self.count, p50: rank(50), p90: rank(90), p99: rank(99), max: self.max }
    }

    fn add_times(&mut self, value: u64, times: u64) {
        self.count += times;
        match &mut self.counts {
            Counts::Exact(counts) => {
                *counts.entry(value).or_default() += times;
                if counts.len() > EXACT_MAX {
                    let mut coarse = Vec::new();
                    counts.iter().for_each(|(value, times)| add_at(&mut coarse, place(*value), *times));
                    self.counts = Counts::ThreeDigits(coarse);
                }
            }
            Counts::ThreeDigits(counts) => add_at(counts, place(value), times),
        }
    }
}

fn add_at(counts: &mut Vec<u64>, place: usize, times: u64) {
    if counts.len() <= place {
        counts.resize(place + 1, 0);
    }
    counts[place] += times;
}

/// Where a value stands among all that have three digits, rounded up: what took longer is not told as shorter.
fn place(value: u64) -> usize {
    let digits = value.checked_ilog10().unwrap_or_default();
    let further = digits.saturating_sub(2);
    further as usize * 900 + value.div_ceil(10_u64.pow(further)) as usize
}

/// The value with three digits that stands there.
fn value_at(place: usize) -> u64 {
    let further = place.saturating_sub(100) / 900;
    10_u64.pow(further as u32).saturating_mul((place - further * 900) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        values.into_iter().for_each(|value| histogram.add(value));
        histogram
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        assert_eq!(of((1..=200).rev()).spread(), Spread { count: 200, p50: 100, p90: 180, p99: 198, max: 200 });
        assert_eq!(of([7]).spread(), Spread { count: 1, p50: 7, p90: 7, p99: 7, max: 7 });
        assert_eq!(of([]).spread(), Spread::default());
    }

    #[test]
    fn many_different_values_are_told_apart_by_three_digits_and_take_no_more_room() {
        let many = of((0..1_000_000).map(|n| n * 7 + 3));
        let exact = |percent: u64| (1_000_000 * percent / 100 - 1) * 7 + 3;
        let Counts::ThreeDigits(counts) = &many.counts else { panic!("a million values") };
        assert_eq!(counts.len(), place(999_999 * 7 + 3) + 1, "four powers of ten behind a thousand values");
        assert!(counts.len() <= 1_001 + 900 * 4);
        for percent in [50, 90, 99] {
            let (found, exact) = (many.percentile(percent).unwrap(), exact(percent));
            assert!((exact..=exact + exact / 100).contains(&found), "{percent}: {found} for {exact}");
        }
        assert_eq!((many.spread().count, many.spread().max), (1_000_000, 999_999 * 7 + 3));
    }

    #[test]
    fn a_value_of_three_digits_has_a_place_of_its_own() {
        let values = (0..=999).chain([1_000, 1_010, 9_990, 10_000, 10_100, 999_000, 1_000_000, 123_000_000_000]);
        for value in values {
            assert_eq!(value_at(place(value)), value);
        }
        for (value, rounded) in [(1_001, 1_010), (9_991, 10_000), (99_999, 100_000), (123_456, 124_000)] {
            assert_eq!(value_at(place(value)), rounded);
        }
        assert!((1..100_000).all(|value| place(value) - place(value - 1) <= 1), "none between two");
        assert_eq!(value_at(place(u64::MAX)), u64::MAX, "rounded up, it is none any more");
    }

    #[test]
    fn two_histograms_make_one() {
        let mut one = of([1, 2, 3]);
        one.add_all(&of([3, 9]));
        assert_eq!(one, of([1, 2, 3, 3, 9]));
    }
}
