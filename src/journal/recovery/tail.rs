//! Gathers what [`super::table`] decides by: looks at everything from the first bad place to the end of a segment.

use super::one_bit::is_one_bit_off;
use super::table::{Behind, First, Group, Later, Segment, Size, Tail, TrailerSeen};
use crate::journal::format::frame::{FRAME_HEAD, FrameHeader};
use crate::journal::format::seal::TrailerRoom;
use crate::journal::format::{FRAME_ALIGN, SECTOR_BYTES, is_zero};
use crate::journal::scan::{Fault, Scan};
use crate::journal::window::Window;
use crate::model::id::Lsn;

/// So many zeros may a frame of ours end in.
const ZEROS_MAX: u64 = 4096;

/// A tail with the end of its bytes, for setting them aside.
#[derive(Clone, Copy, Debug)]
pub(in crate::journal) struct Looked {
    pub tail: Tail,
    /// The unfinished batch begins at `from`, with the record `lsn`: a group is kept whole or not at all.
    pub from: u64,
    pub lsn: Lsn,
    pub to: u64,
}

/// Looks at what stands where `scan` found no valid frame.
pub(in crate::journal) fn look<W: Window>(scan: &mut Scan<W>, segment: Segment) -> Result<Looked, Fault> {
    let size = if scan.window.size() == scan.header.capacity { Size::Right } else { Size::Wrong };
    let trailer = match scan.trailer()? {
        TrailerRoom::Empty => TrailerSeen::Nothing,
        TrailerRoom::Trailer(_) | TrailerRoom::Damaged => TrailerSeen::Something,
    };
    let group = if scan.group_is_open() { Group::Open } else { Group::Whole };
    let end = scan.end_of_bytes(scan.at)?;
    let behind = if end == scan.at {
        Behind::Zeros
    } else {
        Behind::Bytes { first: first(scan, end)?, later: later(scan, end)? }
    };
    let tail = Tail { segment, size, trailer, group, behind };
    Ok(Looked { tail, from: scan.whole_at, lsn: scan.whole_next, to: end })
}

fn first<W: Window>(scan: &mut Scan<W>, end: u64) -> Result<First, Fault> {
    let (at, next, room) = (scan.at, scan.next, scan.limit().saturating_sub(scan.at));
    if room < FRAME_HEAD as u64 {
        return Ok(First::Impossible);
    }
    let bytes = scan.window.bytes(at, FRAME_HEAD)?;
    if has_missing_sector(bytes, at) {
        return Ok(First::Blank);
    }
    let header = FrameHeader::parse(bytes);
    let lsn = header.record();
    if !header.is_possible(room) || lsn != next {
        return Ok(First::Impossible);
    }
    let frame = scan.window.bytes(at, header.frame_bytes() as usize)?;
    if !has_missing_sector(frame, at) {
        return Ok(First::Full);
    }
    // A frame that ends in more zeros than this is no frame of ours; all that is written may be a part of it.
    let reach = (end - at + ZEROS_MAX).min(room) as usize;
    let mut frame = scan.window.bytes(at, reach)?.to_vec();
    Ok(if is_one_bit_off(&mut frame, &scan.seed, at) { First::OneBit } else { First::Holed })
}

/// Some part of `bytes`, which begin at `offset` of the file, fills its share of a sector with zeros.
fn has_missing_sector(bytes: &[u8], offset: u64) -> bool {
    let to_boundary = (SECTOR_BYTES - offset % SECTOR_BYTES) as usize;
    let (head, rest) = bytes.split_at(to_boundary.min(bytes.len()));
    is_zero(head) || rest.chunks(SECTOR_BYTES as usize).any(is_zero)
}

/// Searches every place from the bad one to `end` for valid frames, and for what they say was durable.
fn later<W: Window>(scan: &mut Scan<W>, end: u64) -> Result<Later, Fault> {
    let (lost, mut found) = (scan.whole_next, Later::Nothing);
    let mut at = scan.at + FRAME_ALIGN as u64;
    while at < end {
        if let Some(header) = valid_behind(scan, at)? {
            if header.durable() >= lost {
                return Ok(Later::NextBatch { at, durable: header.durable() });
            }
            found = Later::SameBatch;
        }
        at += FRAME_ALIGN as u64;
    }
    Ok(found)
}

/// The head of a frame at `at` that is valid and belongs behind the scan's place. Checksum, place and lsn together
/// make a chance hit about one in 2^50 for a whole segment of garbage.
pub(in crate::journal) fn valid_behind<W: Window>(scan: &mut Scan<W>, at: u64) -> Result<Option<FrameHeader>, Fault> {
    let room = scan.limit().saturating_sub(at);
    if room < FRAME_HEAD as u64 {
        return Ok(None);
    }
    let header = FrameHeader::parse(scan.window.bytes(at, FRAME_HEAD)?);
    // No more records fit into a segment than frames of the smallest size.
    let window = scan.next.0..scan.next.0.saturating_add(scan.header.capacity / FRAME_HEAD as u64);
    let lsn = header.record();
    if !header.is_possible(room) || !window.contains(&lsn.0) {
        return Ok(None);
    }
    match scan.check(at) {
        Ok(header) => Ok(Some(header)),
        Err(Fault::Unreadable { error }) => Err(Fault::Unreadable { error }),
        Err(_) => Ok(None),
    }
}

/// Moves `scan` to the next valid frame behind the damage at its place that begins before `until`; false if there is none.
pub(in crate::journal) fn resume_behind<W: Window>(scan: &mut Scan<W>, until: u64) -> bool {
    let (mut at, until) = (scan.at + FRAME_ALIGN as u64, until.min(scan.limit()));
    while at < until {
        match valid_behind(scan, at) {
            Ok(Some(header)) => {
                let lsn = header.record();
                scan.jump((at, lsn));
                return true;
            }
            Ok(None) => at += FRAME_ALIGN as u64,
            Err(_) => at = (at + 1).next_multiple_of(SECTOR_BYTES),
        }
    }
    false
}
