//! What the end of a journal means, as a table: the one place that tells a crash from damage.

use std::fmt;

use crate::model::id::Lsn;

/// What is known about the first place of a segment that holds no valid frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    pub segment: Segment,
    pub size: Size,
    pub trailer: TrailerSeen,
    pub group: Group,
    pub behind: Behind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// The one that was written to last.
    Last,
    /// Another segment follows.
    Followed,
}

/// The file's length against its header's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Right,
    Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailerSeen {
    Nothing,
    /// Whole or damaged, but there: it was written once the seal before it was on the disk.
    Something,
}

/// The atomic group of the last valid record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Whole,
    /// Frames of it are missing.
    Open,
}

/// The bytes from the bad place to the trailer's room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    Zeros,
    Bytes { first: First, later: Later },
}

/// The bytes where a frame should stand. A torn write leaves of each sector all or nothing; what was there before is
/// zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// A part of the frame's head in some sector is all zero.
    Blank,
    /// A head without a missing sector, which no writer could have written here.
    Impossible,
    /// A possible head, and a part of its frame in some sector is all zero.
    Holed,
    /// The same, but one flipped bit more and the checksum is right: its zeros are its own.
    OneBit,
    /// A possible head, and no sector is missing: only the checksum is wrong.
    Full,
}

/// Valid frames behind the bad place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Later {
    Nothing,
    /// All of them were written before the bad place's record was known durable.
    SameBatch,
    /// The frame at byte `at` says that `durable` was on the disk, which the bad place's record does not exceed.
    NextBatch {
        at: u64,
        durable: Lsn,
    },
}

/// What to do with such a tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every byte is accounted for.
    Clean,
    /// An unfinished batch, acknowledged to nobody: set aside.
    Torn,
    /// Damage: refused, with its place.
    Rot(Evidence),
}

/// Why a bad place cannot be the work of a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    Followed,
    SizeChanged,
    TrailerStands,
    LaterBatch { at: u64, durable: Lsn },
    NoWriterWroteThis,
    NoSectorMissing,
    OneBit,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Evidence::Followed => f.write_str("the next segment was begun once this one was complete and synced"),
            Evidence::SizeChanged => f.write_str("a segment's file never changes its length"),
            Evidence::TrailerStands => f.write_str("the trailer was written once the seal was synced"),
            Evidence::LaterBatch { at, durable } => {
                write!(f, "a valid frame at byte {at} says that record {durable} was already synced")
            }
            Evidence::NoWriterWroteThis => {
                f.write_str("a torn write leaves whole sectors or zeros, and no frame's head looks like this")
            }
            Evidence::OneBit => f.write_str("one flipped bit is all that keeps this frame from being right"),
            Evidence::NoSectorMissing => f.write_str("a torn write leaves zeros, and no sector of this frame is zero"),
        }
    }
}

/// Decides. A batch is handed to the disk only once the one before is synced, so a crash can spoil the last batch and
/// nothing else (I8).
pub fn verdict(tail: Tail) -> Verdict {
    match tail {
        // Begun after this one's seal was synced.
        Tail { segment: Segment::Followed, .. } => Verdict::Rot(Evidence::Followed),
        // Set before the first frame, and synced with the header.
        Tail { size: Size::Wrong, .. } => Verdict::Rot(Evidence::SizeChanged),
        // Written after the seal was synced, so all before it was.
        Tail { trailer: TrailerSeen::Something, .. } => Verdict::Rot(Evidence::TrailerStands),
        Tail { behind: Behind::Zeros, group, .. } => match group {
            Group::Whole => Verdict::Clean,
            // The rest of the group never came: all or none.
            Group::Open => Verdict::Torn,
        },
        Tail { behind: Behind::Bytes { first, later }, .. } => match (later, first) {
            // It was durable once.
            (Later::NextBatch { at, durable }, _) => Verdict::Rot(Evidence::LaterBatch { at, durable }),
            // Sectors of one unsynced batch reach the disk in any order, and some never.
            (Later::Nothing | Later::SameBatch, First::Blank | First::Holed) => Verdict::Torn,
            // Old sectors are zeros and new ones are right: this is neither.
            (Later::Nothing | Later::SameBatch, First::Impossible) => Verdict::Rot(Evidence::NoWriterWroteThis),
            // A torn write is not right but for one bit; a whole one with zeros of its own may be.
            (Later::Nothing | Later::SameBatch, First::OneBit) => Verdict::Rot(Evidence::OneBit),
            // Everything of it arrived, and then it changed.
            (Later::Nothing | Later::SameBatch, First::Full) => Verdict::Rot(Evidence::NoSectorMissing),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Tail> {
        let durable = Later::NextBatch { at: 8192, durable: Lsn(9) };
        let mut behind = vec![Behind::Zeros];
        for first in [First::Blank, First::Impossible, First::Holed, First::OneBit, First::Full] {
            behind.extend([Later::Nothing, Later::SameBatch, durable].map(|later| Behind::Bytes { first, later }));
        }
        let mut tails = Vec::new();
        for segment in [Segment::Last, Segment::Followed] {
            for size in [Size::Right, Size::Wrong] {
                for trailer in [TrailerSeen::Nothing, TrailerSeen::Something] {
                    for group in [Group::Whole, Group::Open] {
                        tails.extend(behind.iter().map(|&behind| Tail { segment, size, trailer, group, behind }));
                    }
                }
            }
        }
        tails
    }

    /// I8: of all combinations exactly those that a crash can leave are accepted.
    #[test]
    fn i8_every_tail_has_its_verdict() {
        use Behind::{Bytes, Zeros};
        let tails = all();
        assert_eq!(tails.len(), 2 * 2 * 2 * 2 * 16);
        for tail in tails {
            let (last, right) = (tail.segment == Segment::Last, tail.size == Size::Right);
            let untouched = last && right && tail.trailer == TrailerSeen::Nothing;
            let expected = match (untouched, tail.group, tail.behind) {
                (false, ..) if !last => Some(Evidence::Followed),
                (false, ..) if !right => Some(Evidence::SizeChanged),
                (false, ..) => Some(Evidence::TrailerStands),
                (true, _, Bytes { later: Later::NextBatch { at, durable }, .. }) => {
                    Some(Evidence::LaterBatch { at, durable })
                }
                (true, _, Bytes { first: First::Impossible, .. }) => Some(Evidence::NoWriterWroteThis),
                (true, _, Bytes { first: First::OneBit, .. }) => Some(Evidence::OneBit),
                (true, _, Bytes { first: First::Full, .. }) => Some(Evidence::NoSectorMissing),
                (true, _, Zeros | Bytes { .. }) => None,
            };
            let clean = untouched && tail.behind == Zeros && tail.group == Group::Whole;
            match expected {
                Some(evidence) => assert_eq!(verdict(tail), Verdict::Rot(evidence), "{tail:?}"),
                None if clean => assert_eq!(verdict(tail), Verdict::Clean, "{tail:?}"),
                None => assert_eq!(verdict(tail), Verdict::Torn, "{tail:?}"),
            }
        }
    }
}
