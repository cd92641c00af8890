//! How long things took, in bounded memory.

use std::collections::BTreeMap;

use serde::Serialize;

/// As many different values are told apart exactly. Beyond that three digits of each count, of which there are fewer.
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
    counts: BTreeMap<u64, u64>,
    count: u64,
    max: u64,
    coarse: bool,
}

impl Histogram {
    pub fn add(&mut self, value: u64) {
        self.add_times(value, 1);
        self.max = self.max.max(value);
    }

    pub fn add_all(&mut self, other: &Histogram) {
        for (value, times) in &other.counts {
            self.add_times(*value, *times);
        }
        self.max = self.max.max(other.max);
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The smallest value that so many of a hundred do not exceed; none if nothing was measured.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (self.count * percent).div_ceil(100);
        let mut below = 0;
        let found = self.counts.iter().find(|(_, times)| {
            below += **times;
            below >= rank
        });
        found.map(|(value, _)| (*value).min(self.max))
    }

    pub fn spread(&self) -> Spread {
        let rank = |percent| self.percentile(percent).unwrap_or_default();
        Spread { count: self.count, p50: rank(50), p90: rank(90), p99: rank(99), max: self.max }
    }

    fn add_times(&mut self, value: u64, times: u64) {
        let value = if self.coarse { three_digits(value) } else { value };
        *self.counts.entry(value).or_default() += times;
        self.count += times;
        if !self.coarse && self.counts.len() > EXACT_MAX {
            self.coarse = true;
            for (value, times) in std::mem::take(&mut self.counts) {
                *self.counts.entry(three_digits(value)).or_default() += times;
            }
        }
    }
}

/// Rounded up: what took longer is not told as shorter.
fn three_digits(value: u64) -> u64 {
    let unit = value.checked_ilog10().map_or(1, |digits| 10_u64.pow(digits.saturating_sub(2)));
    value.div_ceil(unit).saturating_mul(unit)
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
        assert!(many.counts.len() <= EXACT_MAX, "{}", many.counts.len());
        for percent in [50, 90, 99] {
            let (found, exact) = (many.percentile(percent).unwrap(), exact(percent));
            assert!((exact..=exact + exact / 100).contains(&found), "{percent}: {found} for {exact}");
        }
        assert_eq!((many.spread().count, many.spread().max), (1_000_000, 999_999 * 7 + 3));
    }

    #[test]
    fn two_histograms_make_one() {
        let mut one = of([1, 2, 3]);
        one.add_all(&of([3, 9]));
        assert_eq!(one, of([1, 2, 3, 3, 9]));
    }
}
