//! Seals: what closes a segment for ever, and the trailer that finds them.

use super::frame::{FrameHeader, Seed, frame_bytes};
use super::{
    BLOCK_BYTES, HEADER_BYTES, NOTE_TORN, SEAL_BLOCK_BYTES, SEAL_FIXED_BYTES, TRAILER_BYTES, TRAILER_MAGIC,
    TRAILER_ROOM, array, block_layout, is_zero, mark_layout, note_layout, seal_layout as at, trailer_layout, u32_in,
    u64_in,
};
use crate::model::id::Lsn;

/// BLAKE3.
pub type Digest = [u8; 32];

/// A block in which no record begins.
const NO_RECORD: u32 = u32::MAX;

/// One stretch of [`BLOCK_BYTES`] of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub crc: u32,
    /// The first record that begins in this block: its offset in the file, and its lsn.
    pub first: Option<(u64, Lsn)>,
}

/// The payload of a SEAL frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub records: u64,
    pub first_lsn: Lsn,
    pub last_lsn: Lsn,
    /// Wall clock of the first and the last record; zero without records.
    pub first_time_us: u64,
    pub last_time_us: u64,
    /// Where the SEAL frame stands: the digest and the blocks cover the bytes before.
    pub end: u64,
    pub digest: Digest,
    /// The head before this seal; zero in the first.
    pub previous: Digest,
    pub blocks: Vec<Block>,
    /// Of later minor versions; none so far.
    pub signature: Vec<u8>,
    pub extension: Vec<u8>,
}

impl Seal {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; SEAL_FIXED_BYTES];
        bytes[at::RECORDS].copy_from_slice(&self.records.to_le_bytes());
        bytes[at::FIRST_LSN].copy_from_slice(&self.first_lsn.0.to_le_bytes());
        bytes[at::LAST_LSN].copy_from_slice(&self.last_lsn.0.to_le_bytes());
        bytes[at::FIRST_TIME].copy_from_slice(&self.first_time_us.to_le_bytes());
        bytes[at::LAST_TIME].copy_from_slice(&self.last_time_us.to_le_bytes());
        bytes[at::END].copy_from_slice(&self.end.to_le_bytes());
        bytes[at::BLOCKS].copy_from_slice(&(self.blocks.len() as u32).to_le_bytes());
        bytes[at::SIGNATURE_LENGTH].copy_from_slice(&(self.signature.len() as u32).to_le_bytes());
        bytes[at::EXTENSION_LENGTH].copy_from_slice(&(self.extension.len() as u32).to_le_bytes());
        bytes[at::DIGEST].copy_from_slice(&self.digest);
        bytes[at::PREVIOUS].copy_from_slice(&self.previous);
        for (index, block) in (0u64..).zip(&self.blocks) {
            let (offset, lsn) = match block.first {
                Some((offset, lsn)) => ((offset - index * BLOCK_BYTES) as u32, lsn.0),
                None => (NO_RECORD, 0),
            };
            bytes.extend_from_slice(&block.crc.to_le_bytes());
            bytes.extend_from_slice(&offset.to_le_bytes());
            bytes.extend_from_slice(&lsn.to_le_bytes());
        }
        bytes.extend_from_slice(&self.signature);
        bytes.extend_from_slice(&self.extension);
        bytes
    }

    /// None if the lengths inside contradict the length of `bytes`.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < SEAL_FIXED_BYTES {
            return None;
        }
        let blocks = u32_in(bytes, at::BLOCKS) as usize;
        let signature = u32_in(bytes, at::SIGNATURE_LENGTH) as usize;
        let extension = u32_in(bytes, at::EXTENSION_LENGTH) as usize;
        let (table, further) = bytes[SEAL_FIXED_BYTES..].split_at_checked(blocks.checked_mul(SEAL_BLOCK_BYTES)?)?;
        let (signature, rest) = further.split_at_checked(signature)?;
        if rest.len() != extension {
            return None;
        }
        let table = table.chunks_exact(SEAL_BLOCK_BYTES);
        Some(Self {
            records: u64_in(bytes, at::RECORDS),
            first_lsn: Lsn(u64_in(bytes, at::FIRST_LSN)),
            last_lsn: Lsn(u64_in(bytes, at::LAST_LSN)),
            first_time_us: u64_in(bytes, at::FIRST_TIME),
            last_time_us: u64_in(bytes, at::LAST_TIME),
            end: u64_in(bytes, at::END),
            digest: array(bytes, at::DIGEST),
            previous: array(bytes, at::PREVIOUS),
            blocks: (0u64..).zip(table).map(|(index, entry)| decode_block(index, entry)).collect(),
            signature: signature.to_vec(),
            extension: rest.to_vec(),
        })
    }

    /// What the next seal chains to, and what an auditor notes down: BLAKE3 of the payload.
    pub fn head(&self) -> Digest {
        *blake3::hash(&self.encode()).as_bytes()
    }

    /// Where to begin to look for `lsn`: a record of at most that lsn, less than a block and a record before it.
    pub fn place_before(&self, lsn: Lsn) -> Option<(u64, Lsn)> {
        self.blocks.iter().rev().filter_map(|block| block.first).find(|(_, first)| *first <= lsn)
    }
}

fn decode_block(index: u64, entry: &[u8]) -> Block {
    let offset = u32_in(entry, block_layout::FIRST_RECORD);
    let first = (index * BLOCK_BYTES + u64::from(offset), Lsn(u64_in(entry, block_layout::LSN)));
    Block { crc: u32_in(entry, block_layout::CRC), first: (offset != NO_RECORD).then_some(first) }
}

/// The trailer of a sealed segment: written and synced after its seal was, so that it is a witness of the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Where the SEAL frame stands, and its length with head and padding.
    pub seal_at: u64,
    pub seal_length: u32,
    pub last_lsn: Lsn,
    pub head: Digest,
}

/// What stands where a trailer may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailerRoom {
    /// All zero: not sealed, or not yet.
    Empty,
    Trailer(Trailer),
    /// Neither.
    Damaged,
}

impl Trailer {
    /// The bytes that belong at `offset`.
    pub fn encode(&self, seed: &Seed, offset: u64) -> [u8; TRAILER_BYTES] {
        let mut bytes = [0; TRAILER_BYTES];
        bytes[trailer_layout::MAGIC].copy_from_slice(&TRAILER_MAGIC);
        bytes[trailer_layout::SEAL_AT].copy_from_slice(&self.seal_at.to_le_bytes());
        bytes[trailer_layout::SEAL_LENGTH].copy_from_slice(&self.seal_length.to_le_bytes());
        bytes[trailer_layout::LAST_LSN].copy_from_slice(&self.last_lsn.0.to_le_bytes());
        bytes[trailer_layout::HEAD].copy_from_slice(&self.head);
        let crc = seed.checksum(offset, &bytes[..trailer_layout::CRC.start]);
        bytes[trailer_layout::CRC].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// What the last [`TRAILER_ROOM`] bytes of a segment say.
    pub fn read(room: &[u8], seed: &Seed, offset: u64) -> TrailerRoom {
        if is_zero(room) {
            return TrailerRoom::Empty;
        }
        if room.len() < TRAILER_ROOM as usize || !is_zero(&room[TRAILER_BYTES..]) {
            return TrailerRoom::Damaged;
        }
        let trailer = Trailer {
            seal_at: u64_in(room, trailer_layout::SEAL_AT),
            seal_length: u32_in(room, trailer_layout::SEAL_LENGTH),
            last_lsn: Lsn(u64_in(room, trailer_layout::LAST_LSN)),
            head: array(room, trailer_layout::HEAD),
        };
        if trailer.encode(seed, offset)[..] == room[..TRAILER_BYTES] {
            TrailerRoom::Trailer(trailer)
        } else {
            TrailerRoom::Damaged
        }
    }
}

/// The payload of MARK and CLOSE: where the durable bytes end.
pub fn mark(end: u64) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[mark_layout::END].copy_from_slice(&end.to_le_bytes());
    bytes
}

/// The payload of a NOTE that `bytes` bytes from `offset` on were set aside.
pub fn note_torn(offset: u64, bytes: u64, digest: &Digest) -> [u8; 56] {
    let mut note = [0; 56];
    note[note_layout::CODE].copy_from_slice(&NOTE_TORN.to_le_bytes());
    note[note_layout::OFFSET].copy_from_slice(&offset.to_le_bytes());
    note[note_layout::BYTES].copy_from_slice(&bytes.to_le_bytes());
    note[note_layout::DIGEST].copy_from_slice(digest);
    note
}

/// A NOTE as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where the bytes that were set aside stood, and how many they were.
    pub offset: u64,
    pub bytes: u64,
    /// Of them.
    pub digest: Digest,
}

impl Note {
    /// None if `payload` is no NOTE of this version.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let known = payload.len() == 56 && payload[note_layout::CODE] == NOTE_TORN.to_le_bytes();
        known.then(|| Self {
            offset: u64_in(payload, note_layout::OFFSET),
            bytes: u64_in(payload, note_layout::BYTES),
            digest: array(payload, note_layout::DIGEST),
        })
    }
}

/// Bytes at the end of a segment of `capacity` that records may not take: for NOTE, CLOSE, SEAL and trailer.
pub fn closing_room(capacity: u64) -> u64 {
    let blocks = capacity.div_ceil(BLOCK_BYTES) as usize;
    frame_bytes(56) + frame_bytes(8) + frame_bytes(SEAL_FIXED_BYTES + blocks * SEAL_BLOCK_BYTES) + TRAILER_ROOM
}

/// Makes a seal while the bytes of a segment pass by, in order and from the first. The digest is so one of what was
/// meant, not of what the disk made of it.
///
/// A frame costs a copy. The bytes are hashed by the block, which takes a fraction of what hashing them frame by frame
/// does, and once in some hundred records only.
#[derive(Clone, Debug)]
pub struct Sealer {
    hasher: blake3::Hasher,
    blocks: Vec<Block>,
    /// Of the block that is not full: its bytes, and its first record.
    pending: Vec<u8>,
    open: Option<(u64, Lsn)>,
    fed: u64,
    records: u64,
    first_lsn: Lsn,
    first_time_us: u64,
    last_time_us: u64,
}

impl Sealer {
    /// For the segment that begins with the record `first_lsn`.
    pub fn new(first_lsn: Lsn) -> Self {
        Self {
            hasher: blake3::Hasher::new(),
            blocks: Vec::new(),
            pending: Vec::with_capacity(BLOCK_BYTES as usize),
            open: None,
            fed: 0,
            records: 0,
            first_lsn,
            first_time_us: 0,
            last_time_us: 0,
        }
    }

    pub fn fed(&self) -> u64 {
        self.fed
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    /// The lsn of the last record that passed; the one before the segment's first if none did.
    pub fn last_lsn(&self) -> Lsn {
        Lsn(self.first_lsn.0 + self.records - 1)
    }

    pub fn last_time_us(&self) -> u64 {
        self.last_time_us
    }

    /// The frames that stand where the last fed byte ended, all of them whole. Those of one block are taken in one piece.
    pub fn frames(&mut self, frames: &[u8]) {
        let (mut from, mut at) = (0, 0);
        while at < frames.len() {
            let header = FrameHeader::parse(&frames[at..]);
            if self.pending.len() + at - from >= BLOCK_BYTES as usize {
                self.feed(&frames[from..at]);
                from = at;
            }
            self.note(&header, self.fed + (at - from) as u64);
            at += header.frame_bytes() as usize;
        }
        self.feed(&frames[from..]);
    }

    /// The frame that stands where the last fed byte ended.
    pub fn frame(&mut self, header: &FrameHeader, bytes: &[u8]) {
        self.note(header, self.fed);
        self.feed(bytes);
    }

    /// A frame begins at byte `offset`.
    fn note(&mut self, header: &FrameHeader, offset: u64) {
        if !header.is_control() {
            if self.records == 0 {
                self.first_time_us = header.time_us;
            }
            self.last_time_us = header.time_us;
            self.records += 1;
            self.open.get_or_insert((offset, header.lsn));
        }
    }

    /// Bytes in which no frame begins.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = BLOCK_BYTES as usize - self.pending.len();
            let (now, later) = bytes.split_at(left.min(bytes.len()));
            self.pending.extend_from_slice(now);
            self.fed += now.len() as u64;
            bytes = later;
            if self.pending.len() == BLOCK_BYTES as usize {
                self.end_block();
            }
        }
    }

    fn end_block(&mut self) {
        self.hasher.update(&self.pending);
        self.blocks.push(Block { crc: crc32fast::hash(&self.pending), first: self.open.take() });
        self.pending.clear();
    }

    /// The seal of everything fed, chained to `previous`.
    pub fn finish(mut self, previous: Digest) -> Seal {
        if !self.pending.is_empty() {
            self.end_block();
        }
        Seal {
            records: self.records,
            first_lsn: self.first_lsn,
            last_lsn: self.last_lsn(),
            first_time_us: self.first_time_us,
            last_time_us: self.last_time_us,
            end: self.fed,
            digest: *self.hasher.finalize().as_bytes(),
            previous,
            blocks: self.blocks,
            signature: Vec::new(),
            extension: Vec::new(),
        }
    }
}

const _: () = assert!(HEADER_BYTES < super::HEADER_COPY_AT as usize);

#[cfg(test)]
mod tests {
    use super::super::frame::push;
    use super::*;

    /// Frames of all lengths up to more than a block, a control frame now and then; in batches of 1, 2, 3 … frames.
    #[test]
    fn a_seal_is_the_same_whether_frames_come_alone_or_together() {
        let seed = Seed::new(&[1; 16]);
        let (mut alone, mut together) = (Sealer::new(Lsn(1)), Sealer::new(Lsn(1)));
        let (mut lsn, mut batch, mut waiting) = (0, Vec::new(), 0);
        for index in 0..3000_usize {
            let (control, length) = (index % 7 == 3, 1 + index * 37 % 400 + index / 900 * 30_000);
            lsn += u64::from(!control);
            let kind = if control { super::super::KIND_MARK } else { 40 };
            let time_us = index as u64 + 5;
            let header =
                FrameHeader { length: length as u32, lsn: Lsn(lsn), time_us, kind, schema: 1, flags: 0, behind: 1 };
            let mut frame = Vec::new();
            push(&mut frame, &seed, alone.fed(), &header, &vec![index as u8; length]);
            alone.frame(&header, &frame);
            batch.extend(frame);
            waiting += 1;
            if waiting > index % 50 {
                together.frames(&batch);
                (waiting, batch) = (0, Vec::new());
                assert_eq!(together.fed(), alone.fed());
                assert_eq!((together.records(), together.last_time_us()), (alone.records(), alone.last_time_us()));
            }
        }
        together.frames(&batch);
        let seal = alone.finish([2; 32]);
        assert!(seal.blocks.len() > 200, "{} blocks", seal.blocks.len());
        assert!(seal.blocks.iter().any(|block| block.first.is_none()), "a block in which no record begins");
        assert_eq!(together.finish([2; 32]), seal);
    }
}
