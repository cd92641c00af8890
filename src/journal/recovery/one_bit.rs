//! Whether one flipped bit is all that is wrong with a frame: that is rot, and never a torn write.
//!
//! A frame whose own bytes fill a sector's part with zeros (options that are none, padding), or whose length has grown by
//! a flipped bit, looks like one with a missing sector. Taken for torn, a record that was acknowledged would be dropped
//! in silence. A torn write that differs from a right frame in one bit is one whose missing sector had no other bit set
//! in its share of the frame (a frame may end a few bytes behind a boundary): that one nobody can tell from rot.

use crate::journal::format::SECTOR_BYTES;
use crate::journal::format::frame::{FRAME_HEAD, FrameHeader, Seed, checksums};

/// Bytes of the length in a frame's head.
const LENGTH: std::ops::Range<usize> = 4..8;

/// `bytes` begin with a frame's head at `offset` and go on to the last byte that it may take. Flipping one of its bits
/// makes the checksum right, and that bit stands in a sector that was written.
pub(super) fn is_one_bit_off(bytes: &mut [u8], seed: &Seed, offset: u64) -> bool {
    let room = bytes.len() as u64;
    let whole = |bytes: &[u8]| {
        let header = FrameHeader::parse(bytes);
        header.is_possible(room).then_some(header.frame_bytes() as usize)
    };
    // A wrong length says nothing about where the frame ends: each of its bits is tried.
    for bit in LENGTH.start * 8..LENGTH.end * 8 {
        flip(bytes, bit);
        let right = whole(bytes).is_some_and(|length| is_right(&bytes[..length], seed, offset));
        flip(bytes, bit);
        if right {
            return true;
        }
    }
    let wrong = |length: usize| byte_with_wrong_bit(&bytes[..length], seed, offset);
    whole(bytes).is_some_and(|length| wrong(length).is_some_and(|byte| was_written(&bytes[..length], offset, byte)))
}

/// Something stands in the share that this byte's sector has of the frame.
fn was_written(frame: &[u8], offset: u64, byte: usize) -> bool {
    let sector = (offset + byte as u64) / SECTOR_BYTES * SECTOR_BYTES;
    let from = sector.saturating_sub(offset) as usize;
    let to = ((sector + SECTOR_BYTES - offset) as usize).min(frame.len());
    frame[from..to].iter().any(|&byte| byte != 0)
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

fn is_right(frame: &[u8], seed: &Seed, offset: u64) -> bool {
    let (found, expected) = checksums(frame, seed, offset);
    found == expected
}

/// CRCs are linear: what a flipped bit changes depends on its distance from the end alone, and each distance follows
/// from the one before by a shift.
fn byte_with_wrong_bit(frame: &[u8], seed: &Seed, offset: u64) -> Option<usize> {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    let (found, expected) = checksums(frame, seed, offset);
    let difference = found ^ expected;
    if difference.is_power_of_two() {
        return Some(0);
    }
    // The last bit of the last byte is the one that the polynomial is shifted out by first.
    let mut change = POLYNOMIAL;
    for bit in 0..(frame.len() - 4) * 8 {
        if change == difference {
            return Some(frame.len() - 1 - bit / 8);
        }
        change = (change >> 1) ^ if change & 1 == 1 { POLYNOMIAL } else { 0 };
    }
    None
}

const _: () = assert!(LENGTH.end <= FRAME_HEAD);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::format::frame::push;
    use crate::model::id::Lsn;

    #[test]
    fn every_single_bit_is_recognised_and_no_missing_sector_is() {
        let seed = Seed::new(&[3; 16]);
        let payload = vec![b'x'; 700];
        let header = FrameHeader { length: 700, lsn: Lsn(7), time_us: 9, kind: 40, schema: 1, flags: 0, behind: 2 };
        let mut frame = Vec::new();
        push(&mut frame, &seed, 4096, &header, &payload);
        let length = frame.len();
        frame.resize(4096, 0);
        for bit in 0..length * 8 {
            flip(&mut frame, bit);
            // Other bits make a head that no writer could have written, which is told without this.
            let told = !FrameHeader::parse(&frame).is_possible(4096) && bit / 8 > 7;
            assert!(told || is_one_bit_off(&mut frame, &seed, 4096), "bit {bit}");
            flip(&mut frame, bit);
        }
        for sector in [0..512, 512..length] {
            let mut torn = frame.clone();
            torn[sector].fill(0);
            assert!(!is_one_bit_off(&mut torn, &seed, 4096));
        }
    }

    /// A frame that ends with one set bit behind a boundary: without that sector it is one bit off, and torn all the same.
    #[test]
    fn a_missing_sector_with_a_single_bit_is_no_rot() {
        let seed = Seed::new(&[3; 16]);
        let mut payload = vec![b'x'; 512 - FRAME_HEAD + 1];
        payload[512 - FRAME_HEAD] = 1;
        let length = payload.len() as u32;
        let header = FrameHeader { length, lsn: Lsn(7), time_us: 9, kind: 40, schema: 1, flags: 0, behind: 2 };
        let mut frame = Vec::new();
        push(&mut frame, &seed, 4096, &header, &payload);
        frame[512] = 0;
        assert!(!is_one_bit_off(&mut frame, &seed, 4096));
        // Any other bit is one of a sector that was written.
        frame[512] = 1;
        flip(&mut frame, 100 * 8);
        assert!(is_one_bit_off(&mut frame, &seed, 4096));
    }
}
