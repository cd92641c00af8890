//! The bytes of format version 1. Pure: nothing here touches a file. `journal-format.md` has the same tables, and a
//! test compares the two.

pub mod codec;
pub mod frame;
pub mod header;
pub mod index;
pub mod payload;
pub mod seal;
pub mod snapshot;

use std::ops::Range;

/// Format version written and read: a newer major is refused, a newer minor only adds kinds.
pub const MAJOR: u16 = 1;
pub const MINOR: u16 = 0;

/// Begins a segment. A high byte, CR LF, ^Z and LF: a transfer that mangles text breaks it visibly.
pub const SEGMENT_MAGIC: [u8; 8] = *b"\x89JNL\r\n\x1a\n";
/// Begins a trailer.
pub const TRAILER_MAGIC: [u8; 8] = *b"\x89JNT\r\n\x1a\n";
/// Begins a snapshot.
pub const SNAPSHOT_MAGIC: [u8; 8] = *b"\x89JNS\r\n\x1a\n";
/// Begins an index.
pub const INDEX_MAGIC: [u8; 8] = *b"\x89JNI\r\n\x1a\n";

/// Bytes of a segment header; the copy is as long.
pub const HEADER_BYTES: usize = 128;
/// Where the header's copy stands: another sector.
pub const HEADER_COPY_AT: u64 = 2048;
/// Where frames begin.
pub const FRAMES_AT: u64 = 4096;
/// The last bytes of a segment, kept for its trailer.
pub const TRAILER_ROOM: u64 = 4096;
/// Bytes of a trailer; the rest of its room is zero.
pub const TRAILER_BYTES: usize = 68;
pub const FRAME_HEADER_BYTES: usize = 32;
/// Frames begin and end at multiples of this.
pub const FRAME_ALIGN: usize = 8;
/// One entry of a seal's block table covers this many bytes of the file.
pub const BLOCK_BYTES: u64 = 64 << 10;
/// Bytes of a seal before its block table, and of one entry of the table.
pub const SEAL_FIXED_BYTES: usize = 128;
pub const SEAL_BLOCK_BYTES: usize = 16;
/// Bytes of an index before its tables, and of one entry of its messages' table.
pub const INDEX_HEADER_BYTES: usize = 192;
pub const INDEX_MESSAGE_BYTES: usize = 20;
/// What a disk writes whole or not at all.
pub const SECTOR_BYTES: u64 = 512;

/// Payload codec: bincode 2 "standard", little-endian varints.
pub const CODEC_BINCODE_STANDARD: u8 = 1;
/// Schema of control frames. Records have that of their kind.
pub const SCHEMA: u8 = 1;
/// Flag: more frames of the same atomic group follow.
pub const FLAG_MORE: u8 = 1;

/// Kinds from here on are control frames: they say something about the journal and take no lsn.
pub const CONTROL_KINDS_AT: u16 = 0xFF00;
/// The segment is complete; written directly behind its last frame.
pub const KIND_SEAL: u16 = 0xFF01;
/// Everything before this frame was durable when it was written.
pub const KIND_MARK: u16 = 0xFF02;
/// The writer ended in order.
pub const KIND_CLOSE: u16 = 0xFF03;
/// Recovery has set bytes aside.
pub const KIND_NOTE: u16 = 0xFF04;

/// Control kinds with their names, as `journal-format.md` lists them.
pub const CONTROL_KINDS: &[(u16, &str)] =
    &[(KIND_SEAL, "SEAL"), (KIND_MARK, "MARK"), (KIND_CLOSE, "CLOSE"), (KIND_NOTE, "NOTE")];

/// A named stretch of bytes: name, first byte, length.
pub type Field = (&'static str, usize, usize);

macro_rules! layout {
    ($(#[$doc:meta])* $module:ident { $($field:ident $at:literal $bytes:literal)* }) => {
        $(#[$doc])*
        pub mod $module {
            use std::ops::Range;
            $(pub const $field: Range<usize> = $at..$at + $bytes;)*
            /// Every field, in order.
            pub const FIELDS: &[super::Field] = &[$((stringify!($field), $at, $bytes)),*];
        }
    };
}

layout! {
    /// The segment header.
    header_layout {
        MAGIC 0 8
        MAJOR 8 2
        MINOR 10 2
        HEADER_LENGTH 12 4
        JOURNAL 16 16
        SALT 32 16
        NUMBER 48 8
        FIRST_LSN 56 8
        CREATED 64 8
        CAPACITY 72 8
        PREVIOUS_SALT 80 16
        CODEC 96 1
        ALIGN 97 1
        RESERVED 98 26
        CRC 124 4
    }
}
layout! {
    /// The head of a frame.
    frame_layout {
        CRC 0 4
        LENGTH 4 4
        LSN 8 8
        TIME 16 8
        KIND 24 2
        SCHEMA 26 1
        FLAGS 27 1
        BEHIND 28 4
    }
}
layout! {
    /// The fixed part of a seal's payload.
    seal_layout {
        RECORDS 0 8
        FIRST_LSN 8 8
        LAST_LSN 16 8
        FIRST_TIME 24 8
        LAST_TIME 32 8
        END 40 8
        BLOCKS 48 4
        SIGNATURE_LENGTH 52 4
        EXTENSION_LENGTH 56 4
        RESERVED 60 4
        DIGEST 64 32
        PREVIOUS 96 32
    }
}
layout! {
    /// One entry of a seal's block table.
    block_layout {
        CRC 0 4
        FIRST_RECORD 4 4
        LSN 8 8
    }
}
layout! {
    /// The trailer.
    trailer_layout {
        MAGIC 0 8
        SEAL_AT 8 8
        SEAL_LENGTH 16 4
        RESERVED 20 4
        LAST_LSN 24 8
        HEAD 32 32
        CRC 64 4
    }
}
layout! {
    /// The header of a snapshot.
    snapshot_layout {
        MAGIC 0 8
        MAJOR 8 2
        MINOR 10 2
        HEADER_LENGTH 12 4
        JOURNAL 16 16
        THROUGH 32 8
        NUMBER 40 8
        SALT 48 16
        STATE_LENGTH 64 8
        STATE_SCHEMA 72 2
        RESERVED 74 50
        CRC 124 4
    }
}
layout! {
    /// What an index begins with.
    index_layout {
        MAGIC 0 8
        MAJOR 8 2
        MINOR 10 2
        HEADER_LENGTH 12 4
        HEAD 16 32
        EARLIEST 48 8
        LATEST 56 8
        FIRST_MESSAGE 64 16
        LAST_MESSAGE 80 16
        KINDS 96 4
        PEERS 100 4
        MESSAGES 104 4
        RESERVED 108 4
        NAMES_LENGTH 112 8
        NAMES_DIGEST 120 32
        MESSAGES_DIGEST 152 32
        SPARE 184 4
        CRC 188 4
    }
}
layout! {
    /// The payload of MARK and CLOSE.
    mark_layout {
        END 0 8
    }
}
layout! {
    /// The payload of NOTE.
    note_layout {
        CODE 0 2
        RESERVED 2 6
        OFFSET 8 8
        BYTES 16 8
        DIGEST 24 32
    }
}

/// NOTE: the bytes of an unfinished batch were set aside.
pub const NOTE_TORN: u16 = 1;

/// `bytes` up to the next frame boundary.
pub(super) fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(FRAME_ALIGN)
}

/// Compared with zeros, and not folded: an all-zero segment of 64 MiB is looked through at each start.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|chunk| *chunk == ZEROS[..chunk.len()])
}

fn array<const N: usize>(bytes: &[u8], field: Range<usize>) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[field]);
    out
}

fn u16_in(bytes: &[u8], field: Range<usize>) -> u16 {
    u16::from_le_bytes(array(bytes, field))
}

fn u32_in(bytes: &[u8], field: Range<usize>) -> u32 {
    u32::from_le_bytes(array(bytes, field))
}

fn u128_in(bytes: &[u8], field: Range<usize>) -> u128 {
    u128::from_le_bytes(array(bytes, field))
}

fn u64_in(bytes: &[u8], field: Range<usize>) -> u64 {
    u64::from_le_bytes(array(bytes, field))
}

/// The file name of the segment whose first record is `first_lsn`.
pub fn segment_name(first_lsn: crate::model::id::Lsn) -> String {
    format!("{:020}.jnl", first_lsn.0)
}

/// The file name of the index of the segment whose first record is `first_lsn`.
pub fn index_name(first_lsn: crate::model::id::Lsn) -> String {
    format!("{:020}.idx", first_lsn.0)
}

/// The first lsn that a segment's file name says; none if it is no segment's name.
pub fn segment_first_lsn(name: &str) -> Option<crate::model::id::Lsn> {
    first_lsn(name, ".jnl")
}

/// The first lsn of the segment that an index's file name says; none if it is no index's name.
pub fn index_first_lsn(name: &str) -> Option<crate::model::id::Lsn> {
    first_lsn(name, ".idx")
}

/// The file name of the snapshot of the state after record `through`.
pub fn snapshot_name(through: crate::model::id::Lsn) -> String {
    format!("snap-{:020}", through.0)
}

/// The last record folded into the snapshot of this file name; none if it is no snapshot's name.
pub fn snapshot_through(name: &str) -> Option<crate::model::id::Lsn> {
    lsn_of(name.strip_prefix("snap-")?)
}

fn first_lsn(name: &str, suffix: &str) -> Option<crate::model::id::Lsn> {
    lsn_of(name.strip_suffix(suffix)?)
}

fn lsn_of(digits: &str) -> Option<crate::model::id::Lsn> {
    let canonical = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    let first_lsn = if canonical { digits.parse().ok().map(crate::model::id::Lsn) } else { None };
    // Records begin with 1.
    first_lsn.filter(|lsn| *lsn > crate::model::id::Lsn::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Lsn;

    #[test]
    fn a_segment_is_named_by_twenty_digits_of_a_record_that_can_be() {
        assert_eq!(segment_first_lsn("00000000000000000007.jnl"), Some(Lsn(7)));
        for name in ["00000000000000000000.jnl", "99999999999999999999.jnl", "7.jnl", "+0000000000000000007.jnl"] {
            assert_eq!(segment_first_lsn(name), None, "{name}");
        }
    }
}
