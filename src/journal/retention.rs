//! Which sealed segments may go. Pure: the figures come in, a decision comes out.

use super::format::seal::Digest;
use crate::model::event::{HistoryRemoved, RetentionReason};
use crate::model::id::Lsn;

/// A segment that is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedSegment {
    pub first_lsn: Lsn,
    pub last_lsn: Lsn,
    /// What it takes on the disk: up to behind its seal, and the trailer's room. What lies between was given back.
    pub bytes: u64,
    /// Wall clock of its last record, microseconds since 1970.
    pub last_time_us: u64,
    /// BLAKE3 of its seal's payload.
    pub head: Digest,
}

/// What the settings ask for; 0 is for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `retain_bytes`.
    pub bytes_max: u64,
    /// `retain_age`.
    pub age_ms_max: u64,
}

/// What must stay whatever the settings say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The last record folded into the older of the two snapshots that are kept; none without two.
    pub older_snapshot: Option<Lsn>,
    /// The oldest record that is still read by its lsn.
    pub oldest_record: Option<Lsn>,
}

impl Needed {
    /// Whether nobody needs any record of `segment` any more.
    fn can_spare(&self, segment: &SealedSegment) -> bool {
        // Without two snapshots the first record on is what a state can be made of.
        self.older_snapshot.is_some_and(|through| segment.last_lsn <= through)
            && self.oldest_record.is_none_or(|oldest| segment.last_lsn < oldest)
    }
}

/// The oldest of `sealed` that go, as the record that says so; none if all stay. `written` bytes stand in the segment
/// that is not sealed yet, which always stays.
pub fn plan(
    sealed: &[SealedSegment],
    written: u64,
    needed: Needed,
    limits: Limits,
    now_wall_us: u64,
) -> Option<HistoryRemoved> {
    let total = written + sealed.iter().map(|segment| segment.bytes).sum::<u64>();
    let mut left = total;
    let mut going: Option<HistoryRemoved> = None;
    for segment in sealed.iter().take_while(|segment| needed.can_spare(segment)) {
        let age_ms = now_wall_us.saturating_sub(segment.last_time_us) / 1000;
        let because = if limits.bytes_max > 0 && left > limits.bytes_max {
            RetentionReason::Size { bytes: total, bytes_max: limits.bytes_max }
        } else if limits.age_ms_max > 0 && age_ms > limits.age_ms_max {
            RetentionReason::Age { age_ms, age_ms_max: limits.age_ms_max }
        } else {
            break;
        };
        left -= segment.bytes;
        let (segments, bytes) = going.map_or((0, 0), |going| (going.segments, going.bytes));
        going = Some(HistoryRemoved {
            first_kept: segment.last_lsn.next(),
            segments: segments + 1,
            bytes: bytes + segment.bytes,
            head: hex(&segment.head),
            because,
        });
    }
    going
}

/// As records and `journal head` write a digest.
pub(super) fn hex(digest: &Digest) -> String {
    blake3::Hash::from(*digest).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: u64 = 3_600_000_000;
    const NOW: u64 = 1_700_000_000_000_000;

    /// Segments of 100 records and 1,000 bytes each; the last record of the last one is an hour old, that of each
    /// before an hour older.
    fn sealed(count: u64) -> Vec<SealedSegment> {
        let segment = |index: u64| SealedSegment {
            first_lsn: Lsn(index * 100 + 1),
            last_lsn: Lsn(index * 100 + 100),
            bytes: 1_000,
            last_time_us: NOW - (count - index) * HOUR_US,
            head: [index as u8; 32],
        };
        (0..count).map(segment).collect()
    }

    /// What goes of four segments, with 500 bytes in the fifth: how many, the first record kept, and the setting.
    fn goes(
        snapshot: Option<u64>,
        oldest: Option<u64>,
        bytes_max: u64,
        hours: u64,
    ) -> Option<(u32, u64, &'static str)> {
        let needed = Needed { older_snapshot: snapshot.map(Lsn), oldest_record: oldest.map(Lsn) };
        let limits = Limits { bytes_max, age_ms_max: hours * 3_600_000 };
        let removed = plan(&sealed(4), 500, needed, limits, NOW)?;
        assert_eq!(removed.bytes, u64::from(removed.segments) * 1_000);
        assert_eq!(removed.head, hex(&[removed.segments as u8 - 1; 32]), "the head of the last that goes");
        let setting = match removed.because {
            RetentionReason::Size { bytes, bytes_max: limit } => {
                assert_eq!((bytes, limit), (4_500, bytes_max));
                "retain_bytes"
            }
            RetentionReason::Capsule {} => panic!("retention makes no capsules"),
            RetentionReason::Age { age_ms, age_ms_max } => {
                let last = 4 - u64::from(removed.segments) + 1;
                assert_eq!((age_ms, age_ms_max), (last * 3_600_000, hours * 3_600_000));
                "retain_age"
            }
        };
        Some((removed.segments, removed.first_kept.0, setting))
    }

    #[test]
    fn only_what_nobody_needs_goes_and_only_as_far_as_asked() {
        const ALL: Option<u64> = Some(450);
        let rows = [
            // Settings that ask for nothing.
            (goes(ALL, None, 0, 0), None),
            (goes(ALL, None, 4_500, 0), None),
            (goes(ALL, None, 0, 4), None),
            // By size: as few as bring it under the limit.
            (goes(ALL, None, 4_499, 0), Some((1, 101, "retain_bytes"))),
            (goes(ALL, None, 3_500, 0), Some((1, 101, "retain_bytes"))),
            (goes(ALL, None, 3_499, 0), Some((2, 201, "retain_bytes"))),
            // All that is sealed may go; what is being written stays, however large.
            (goes(ALL, None, 1, 0), Some((4, 401, "retain_bytes"))),
            // By age: the last record counts, and one exactly as old as the limit stays.
            (goes(ALL, None, 0, 3), Some((1, 101, "retain_age"))),
            (goes(ALL, None, 0, 2), Some((2, 201, "retain_age"))),
            // Both: the reason is that of the last one that goes.
            (goes(ALL, None, 3_500, 2), Some((2, 201, "retain_age"))),
            (goes(ALL, None, 2_500, 3), Some((2, 201, "retain_bytes"))),
            // Without two snapshots every record is needed.
            (goes(None, None, 1, 1), None),
            // A segment goes only if its last record is folded into the older snapshot.
            (goes(Some(199), None, 1, 1), Some((1, 101, "retain_bytes"))),
            (goes(Some(200), None, 1, 1), Some((2, 201, "retain_bytes"))),
            (goes(Some(99), None, 1, 1), None),
            // A message that waits keeps its segment and all behind it.
            (goes(ALL, Some(100), 1, 1), None),
            (goes(ALL, Some(101), 1, 1), Some((1, 101, "retain_bytes"))),
            (goes(ALL, Some(300), 1, 1), Some((2, 201, "retain_bytes"))),
            (goes(ALL, Some(449), 1, 1), Some((4, 401, "retain_bytes"))),
        ];
        for (index, (found, expected)) in rows.into_iter().enumerate() {
            assert_eq!(found, expected, "row {index}");
        }
    }

    /// A wall clock that was set back makes nothing older than it is.
    #[test]
    fn records_from_the_future_are_not_old() {
        let needed = Needed { older_snapshot: Some(Lsn(450)), oldest_record: None };
        let limits = Limits { bytes_max: 0, age_ms_max: 1 };
        assert_eq!(plan(&sealed(4), 0, needed, limits, NOW - 100 * HOUR_US), None);
    }

    #[test]
    fn a_journal_without_a_sealed_segment_loses_nothing() {
        let needed = Needed { older_snapshot: Some(Lsn(450)), oldest_record: None };
        assert_eq!(plan(&[], 9_999, needed, Limits { bytes_max: 1, age_ms_max: 1 }, NOW), None);
    }
}
