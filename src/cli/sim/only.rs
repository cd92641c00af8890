//! Numbers of faults as people write them: `0-31,34,36-63`, or `none`.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::sim::faults::Struck;

/// More faults than any world has: a slip of the keyboard is told, and not counted up.
const NUMBER_MAX: u32 = 9_999_999;

/// A world of a level in which nothing strikes is another one than that without faults: who visits it is there all the same.
const NONE: &str = "none";

/// The faults that may strike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only(pub BTreeSet<u32>);

impl Only {
    /// Those that are not among what struck.
    pub fn without(&self, struck: &[Struck]) -> Self {
        let struck: BTreeSet<u32> = struck.iter().map(|struck| struck.number).collect();
        Self(self.0.difference(&struck).copied().collect())
    }
}

impl FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == NONE {
            return Ok(Self::default());
        }
        let ranges = text.split(',').map(range).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(ranges.into_iter().flatten().collect()))
    }
}

fn range(text: &str) -> Result<RangeInclusive<u32>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse().ok().filter(|number| *number <= NUMBER_MAX);
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        (Some(_), Some(_)) => Err(format!("`{text}` runs backwards: expected the smaller number first")),
        _ => Err(format!("`{text}` is neither a number up to {NUMBER_MAX} nor a range of them, as `0-31,34` has both")),
    }
}

/// As short as it reads back: two neighbours are no range.
impl fmt::Display for Only {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(NONE);
        }
        let numbers: Vec<u32> = self.0.iter().copied().collect();
        let ranges = numbers.chunk_by(|one, next| one + 1 == *next).flat_map(|run| match run {
            [first, _, .., last] => vec![format!("{first}-{last}")],
            few => few.iter().map(u32::to_string).collect(),
        });
        f.write_str(&ranges.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, numbers: &[u32]) {
        assert_eq!(text.parse(), Ok(Only(numbers.iter().copied().collect())), "{text}");
    }

    #[test]
    fn numbers_and_ranges_are_read() {
        reads("7", &[7]);
        reads("0-3,5,8-8", &[0, 1, 2, 3, 5, 8]);
        reads("5,0-2,1-4", &[0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn what_is_printed_reads_back_and_is_short() {
        for (numbers, text) in [
            (vec![], "none"),
            (vec![7], "7"),
            (vec![0, 1], "0,1"),
            (vec![0, 1, 2], "0-2"),
            ((0..=31).chain([34]).chain(36..=63).collect(), "0-31,34,36-63"),
        ] {
            let only = Only(numbers.into_iter().collect());
            assert_eq!(only.to_string(), text);
            assert_eq!(text.parse(), Ok(only));
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_the_piece_itself() {
        for (text, piece) in
            [("0-3,x", "`x`"), ("1,", "``"), ("5-2", "`5-2`"), ("1-2-3", "`1-2-3`"), ("0-4000000000", "`0-4000000000`")]
        {
            let refused = text.parse::<Only>().expect_err(text);
            assert!(refused.contains(piece), "{refused}");
        }
    }
}
