//! Segment headers: written once with their file, never rewritten.

use std::ops::Range;

use super::{
    CODEC_BINCODE_STANDARD, FRAME_ALIGN, FRAMES_AT, HEADER_BYTES, HEADER_COPY_AT, MAJOR, MINOR, SEGMENT_MAGIC, array,
    header_layout as at, is_zero, u16_in, u32_in, u64_in,
};
use crate::model::id::Lsn;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Names the journal: the same in all its segments.
    pub journal: [u8; 16],
    /// Random; seeds the checksum of everything in this segment.
    pub salt: [u8; 16],
    /// Counts segments from 1.
    pub number: u64,
    pub first_lsn: Lsn,
    pub created_us: u64,
    /// Size of the file.
    pub capacity: u64,
    /// The salt of the segment before; zero in the first.
    pub previous_salt: [u8; 16],
}

/// Why a header cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    #[error("the file is shorter than a header page: {bytes} bytes, expected at least {FRAMES_AT}")]
    Short { bytes: u64 },
    #[error("the header begins with {found:02x?}, expected {SEGMENT_MAGIC:02x?}")]
    Magic { found: [u8; 8] },
    #[error("format version {major}.{minor} is newer than {MAJOR}.{MINOR}")]
    Newer { major: u16, minor: u16 },
    #[error("the header has checksum {found:#010x}, expected {expected:#010x}")]
    Checksum { found: u32, expected: u32 },
    #[error("the header's field {field} holds {found}, expected {expected}")]
    Value { field: &'static str, found: u64, expected: u64 },
    #[error("the header's copy at byte {HEADER_COPY_AT} differs from the header")]
    CopyDiffers,
    #[error("byte {offset} of the header page is not zero")]
    NotZero { offset: u64 },
}

impl SegmentHeader {
    /// The header page: header, copy, zeros.
    pub fn page(&self) -> Vec<u8> {
        let header = self.encode();
        let mut page = vec![0; FRAMES_AT as usize];
        page[..HEADER_BYTES].copy_from_slice(&header);
        page[HEADER_COPY_AT as usize..][..HEADER_BYTES].copy_from_slice(&header);
        page
    }

    /// Reads a header page. The first fault that the page as a whole shows comes with the header, if either copy
    /// of it can be read.
    pub fn read(page: &[u8]) -> (Option<Self>, Option<HeaderFault>) {
        if page.len() < FRAMES_AT as usize {
            return (None, Some(HeaderFault::Short { bytes: page.len() as u64 }));
        }
        let (first, copy) = (&page[..HEADER_BYTES], &page[HEADER_COPY_AT as usize..][..HEADER_BYTES]);
        match (Self::decode(first), Self::decode(copy)) {
            (Err(fault), Err(_)) => (None, Some(fault)),
            (Err(fault), Ok(header)) => (Some(header), Some(fault)),
            (Ok(header), _) if first != copy => (Some(header), Some(HeaderFault::CopyDiffers)),
            (Ok(header), _) => (Some(header), stray_byte(page)),
        }
    }

    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[at::MAGIC].copy_from_slice(&SEGMENT_MAGIC);
        bytes[at::MAJOR].copy_from_slice(&MAJOR.to_le_bytes());
        bytes[at::MINOR].copy_from_slice(&MINOR.to_le_bytes());
        bytes[at::HEADER_LENGTH].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
        bytes[at::JOURNAL].copy_from_slice(&self.journal);
        bytes[at::SALT].copy_from_slice(&self.salt);
        bytes[at::NUMBER].copy_from_slice(&self.number.to_le_bytes());
        bytes[at::FIRST_LSN].copy_from_slice(&self.first_lsn.0.to_le_bytes());
        bytes[at::CREATED].copy_from_slice(&self.created_us.to_le_bytes());
        bytes[at::CAPACITY].copy_from_slice(&self.capacity.to_le_bytes());
        bytes[at::PREVIOUS_SALT].copy_from_slice(&self.previous_salt);
        bytes[at::CODEC].copy_from_slice(&[CODEC_BINCODE_STANDARD]);
        bytes[at::ALIGN].copy_from_slice(&[FRAME_ALIGN as u8]);
        let crc = crc32fast::hash(&bytes[..at::CRC.start]);
        bytes[at::CRC].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let magic = array(bytes, at::MAGIC);
        if magic != SEGMENT_MAGIC {
            return Err(HeaderFault::Magic { found: magic });
        }
        let (found, expected) = (u32_in(bytes, at::CRC), crc32fast::hash(&bytes[..at::CRC.start]));
        let (major, minor) = (u16_in(bytes, at::MAJOR), u16_in(bytes, at::MINOR));
        // The version is looked at first: another version may keep its checksum elsewhere. One flipped bit in it is
        // told from a new version by the checksum of this one.
        if major > MAJOR && !one_bit_from(bytes, expected, found) {
            return Err(HeaderFault::Newer { major, minor });
        }
        if found != expected {
            return Err(HeaderFault::Checksum { found, expected });
        }
        for (field, found, expected) in [
            ("major", u64::from(major), u64::from(MAJOR)),
            ("header_length", u64::from(u32_in(bytes, at::HEADER_LENGTH)), HEADER_BYTES as u64),
            ("codec", u64::from(bytes[at::CODEC.start]), u64::from(CODEC_BINCODE_STANDARD)),
            ("align", u64::from(bytes[at::ALIGN.start]), FRAME_ALIGN as u64),
        ] {
            if found != expected {
                return Err(HeaderFault::Value { field, found, expected });
            }
        }
        Ok(Self {
            journal: array(bytes, at::JOURNAL),
            salt: array(bytes, at::SALT),
            number: u64_in(bytes, at::NUMBER),
            first_lsn: Lsn(u64_in(bytes, at::FIRST_LSN)),
            created_us: u64_in(bytes, at::CREATED),
            capacity: u64_in(bytes, at::CAPACITY),
            previous_salt: array(bytes, at::PREVIOUS_SALT),
        })
    }
}

/// With this build's major in place of its own, the header's checksum is right: it is rot, not a newer version.
fn one_bit_from(bytes: &[u8], expected: u32, found: u32) -> bool {
    let mut ours = [0; HEADER_BYTES];
    ours.copy_from_slice(&bytes[..HEADER_BYTES]);
    ours[at::MAJOR].copy_from_slice(&MAJOR.to_le_bytes());
    found != expected && crc32fast::hash(&ours[..at::CRC.start]) == found
}

fn stray_byte(page: &[u8]) -> Option<HeaderFault> {
    let copy = HEADER_COPY_AT as usize;
    let stray = |room: Range<usize>| {
        let place =
            if is_zero(&page[room.clone()]) { None } else { page[room.clone()].iter().position(|&byte| byte != 0) };
        place.map(|place| HeaderFault::NotZero { offset: (room.start + place) as u64 })
    };
    stray(HEADER_BYTES..copy).or_else(|| stray(copy + HEADER_BYTES..page.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            journal: [1; 16],
            salt: [2; 16],
            number: 3,
            first_lsn: Lsn(4),
            created_us: 5,
            capacity: 6,
            previous_salt: [7; 16],
        }
    }

    /// I4: no bit of a header page can change unseen, and one damaged copy leaves the other to read by.
    #[test]
    fn every_flipped_bit_of_a_header_page_is_named() {
        let page = header().page();
        assert_eq!(SegmentHeader::read(&page), (Some(header()), None));
        let copy = HEADER_COPY_AT as usize;
        let zeros = (HEADER_BYTES..page.len()).step_by(97);
        let mut rotten = page.clone();
        for (byte, bit) in
            (0..HEADER_BYTES).chain(copy..copy + HEADER_BYTES).chain(zeros).flat_map(|b| (0..8).map(move |i| (b, i)))
        {
            rotten[byte] ^= 1 << bit;
            let (read, fault) = SegmentHeader::read(&rotten);
            assert_eq!(read, Some(header()), "bit {bit} of byte {byte}");
            assert!(fault.is_some(), "bit {bit} of byte {byte}");
            rotten[byte] = page[byte];
        }
    }

    #[test]
    fn a_newer_major_version_is_named_even_if_its_checksum_stands_elsewhere() {
        let mut page = header().page();
        for start in [0, HEADER_COPY_AT as usize] {
            page[start + 8] = 2;
            page[start + 100] = 9;
        }
        assert_eq!(SegmentHeader::read(&page), (None, Some(HeaderFault::Newer { major: 2, minor: 0 })));
    }
}
