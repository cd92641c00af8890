//! Frames: the bytes of one record or control frame, bound to their place by a checksum.

use super::{
    CONTROL_KINDS_AT, FLAG_MORE, FRAME_ALIGN, FRAME_HEADER_BYTES, aligned, array, frame_layout as at, u16_in, u32_in,
    u64_in,
};
use crate::model::id::Lsn;

/// Bytes before a frame's payload.
pub const FRAME_HEAD: usize = FRAME_HEADER_BYTES;

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes of payload. Zero is never valid, so zeros are never a frame.
    pub length: u32,
    /// Of a record its own; of a control frame that of the last record before it.
    pub lsn: Lsn,
    pub time_us: u64,
    pub kind: u16,
    pub schema: u8,
    pub flags: u8,
    /// `lsn` less the last lsn known durable when this frame was encoded.
    pub behind: u32,
}

impl FrameHeader {
    /// As the bytes say it, right or wrong. `bytes` are at least [`FRAME_HEADER_BYTES`].
    #[inline]
    pub fn parse(bytes: &[u8]) -> Self {
        // Looked at once: each field lies within.
        let bytes = &bytes[..FRAME_HEAD];
        let [schema] = array(bytes, at::SCHEMA);
        let [flags] = array(bytes, at::FLAGS);
        Self {
            length: u32_in(bytes, at::LENGTH),
            lsn: Lsn(u64_in(bytes, at::LSN)),
            time_us: u64_in(bytes, at::TIME),
            kind: u16_in(bytes, at::KIND),
            schema,
            flags,
            behind: u32_in(bytes, at::BEHIND),
        }
    }

    /// From one frame's first byte to the next one's.
    pub fn frame_bytes(&self) -> u64 {
        frame_bytes(self.length as usize)
    }

    pub fn is_control(&self) -> bool {
        self.kind >= CONTROL_KINDS_AT
    }

    /// The record that it is, or, of a control frame, the one that comes next.
    pub fn record(&self) -> Lsn {
        if self.is_control() { self.lsn.next() } else { self.lsn }
    }

    /// More frames of the same atomic group follow.
    pub fn more_follows(&self) -> bool {
        self.flags & FLAG_MORE != 0
    }

    /// The last record that was certainly on the disk when this frame was written.
    pub fn durable(&self) -> Lsn {
        Lsn(self.lsn.0.saturating_sub(u64::from(self.behind)))
    }

    /// A writer of this version could have written this head with `room` bytes left before the trailer.
    pub fn is_possible(&self, room: u64) -> bool {
        let claims_own_future = !self.is_control() && self.behind == 0;
        self.length != 0
            && self.frame_bytes() <= room
            && self.kind != 0
            && self.schema != 0
            && self.flags & !FLAG_MORE == 0
            && !(self.is_control() && self.more_follows())
            && u64::from(self.behind) <= self.lsn.0
            && !claims_own_future
    }
}

/// Bytes of a frame with a payload of `length` bytes, padding included.
pub fn frame_bytes(length: usize) -> u64 {
    aligned(FRAME_HEADER_BYTES + length) as u64
}

/// The part of every checksum that names the segment.
#[derive(Clone, Debug)]
pub struct Seed(crc32fast::Hasher);

impl Seed {
    pub fn new(salt: &[u8; 16]) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(salt);
        Self(hasher)
    }

    /// CRC-32 of the salt, of `offset` / 8 as a little-endian u64, and of `bytes`.
    pub fn checksum(&self, offset: u64, bytes: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(&(offset / FRAME_ALIGN as u64).to_le_bytes());
        hasher.update(bytes);
        hasher.finalize()
    }
}

/// Appends the frame that stands at byte `offset` of its segment to `out`. `header.length` is `payload`'s.
pub fn push(out: &mut Vec<u8>, seed: &Seed, offset: u64, header: &FrameHeader, payload: &[u8]) {
    debug_assert_eq!(header.length as usize, payload.len());
    let start = out.len();
    begin(out);
    out.extend_from_slice(payload);
    end(out, start, header);
    claim(&mut out[start..], header.behind);
    stamp(&mut out[start..], seed, offset);
}

/// Room in `out` for the head of a frame whose payload is appended next. Then comes [`end`].
pub fn begin(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; FRAME_HEAD]);
}

/// Makes a frame of the head and the payload in `out` from `start` on. It is valid nowhere before [`stamp`].
pub fn end(out: &mut Vec<u8>, start: usize, header: &FrameHeader) {
    out.resize(start + aligned(out.len() - start), 0);
    let head = &mut out[start..start + FRAME_HEAD];
    head[at::LENGTH].copy_from_slice(&header.length.to_le_bytes());
    head[at::LSN].copy_from_slice(&header.lsn.0.to_le_bytes());
    head[at::TIME].copy_from_slice(&header.time_us.to_le_bytes());
    head[at::KIND].copy_from_slice(&header.kind.to_le_bytes());
    head[at::SCHEMA].copy_from_slice(&[header.schema]);
    head[at::FLAGS].copy_from_slice(&[header.flags]);
}

/// Says in the frame at the beginning of `bytes` what is durable while it is written. Then comes [`stamp`].
pub fn claim(bytes: &mut [u8], behind: u32) {
    bytes[at::BEHIND].copy_from_slice(&behind.to_le_bytes());
}

/// Binds the bytes of one frame to their place.
pub fn stamp(frame: &mut [u8], seed: &Seed, offset: u64) {
    let crc = seed.checksum(offset, &frame[at::CRC.end..]);
    frame[at::CRC].copy_from_slice(&crc.to_le_bytes());
}

/// The checksum a frame's bytes carry, and the one they have at `offset`.
pub fn checksums(bytes: &[u8], seed: &Seed, offset: u64) -> (u32, u32) {
    (u32_in(bytes, at::CRC), seed.checksum(offset, &bytes[at::CRC.end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(offset: u64, salt: u8) -> Vec<u8> {
        let payload = b"a letter, quoted";
        let header = FrameHeader { length: 16, lsn: Lsn(7), time_us: 9, kind: 40, schema: 1, flags: 0, behind: 2 };
        let mut out = Vec::new();
        push(&mut out, &Seed::new(&[salt; 16]), offset, &header, payload);
        assert_eq!(FrameHeader::parse(&out), header);
        out
    }

    /// I8: a frame read anywhere but in its own place and segment fails its checksum.
    #[test]
    fn a_frame_is_valid_in_one_place_only() {
        let bytes = frame(4096, 1);
        let valid = |salt, offset| {
            let (found, expected) = checksums(&bytes, &Seed::new(&[salt; 16]), offset);
            found == expected
        };
        assert!(valid(1, 4096));
        assert!(!valid(1, 4104), "another place");
        assert!(!valid(2, 4096), "another segment");
    }

    #[test]
    fn frames_keep_eight_byte_boundaries() {
        assert_eq!((frame_bytes(1), frame_bytes(8), frame_bytes(9)), (40, 40, 48));
    }

    /// The durable claim: what was on the disk when the frame was written.
    #[test]
    fn a_frame_claims_what_was_durable_before_it() {
        assert_eq!(FrameHeader::parse(&frame(4096, 1)).durable(), Lsn(5));
    }
}
