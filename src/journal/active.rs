//! The segment that is written to, and how a segment ends.

use std::io;
use std::sync::Arc;

use super::format::frame::{FrameHeader, Seed, push};
use super::format::header::SegmentHeader;
use super::format::seal::{Digest, Seal, Sealer, Trailer, closing_room, mark};
use super::format::{
    FRAMES_AT, KIND_MARK, KIND_SEAL, SCHEMA, SEAL_BLOCK_BYTES, SEAL_FIXED_BYTES, TRAILER_ROOM, segment_name,
};
use super::retention::SealedSegment;
use super::storage::{Storage, StorageFile};

/// The spare: allocated, without a header, not part of the journal.
pub(super) const SPARE: &str = "next.tmp";

/// Pages are given back in units of this.
const PAGE_BYTES: u64 = 4096;

/// A file with room for a segment.
#[derive(Debug)]
pub(super) struct Spare<F> {
    pub file: F,
    pub capacity: u64,
}

impl<F: StorageFile> Spare<F> {
    pub(super) fn create(storage: &impl Storage<File = F>, capacity: u64) -> io::Result<Self> {
        Ok(Self { file: storage.create(SPARE, capacity)?, capacity })
    }
}

/// A segment with its header on the disk, empty or not, and not sealed.
#[derive(Debug)]
pub(super) struct Active<F> {
    pub file: Arc<F>,
    pub header: SegmentHeader,
    pub seed: Seed,
    sealer: Sealer,
    /// A MARK stands behind the last record.
    marked: bool,
}

impl<F: StorageFile> Active<F> {
    /// Makes the spare a segment; durable with its name when this returns.
    pub(super) fn begin(storage: &impl Storage<File = F>, spare: Spare<F>, header: SegmentHeader) -> io::Result<Self> {
        let page = header.page();
        spare.file.write_at(&page, 0)?;
        spare.file.sync()?;
        storage.rename(SPARE, &segment_name(header.first_lsn))?;
        storage.sync_folder()?;
        let mut sealer = Sealer::new(header.first_lsn);
        sealer.feed(&page);
        Ok(Self { file: Arc::new(spare.file), seed: Seed::new(&header.salt), header, sealer, marked: true })
    }

    /// A segment that recovery has read to the end of its last whole group.
    pub(super) fn recovered(file: Arc<F>, header: SegmentHeader, sealer: Sealer) -> Self {
        Self { file, seed: Seed::new(&header.salt), header, sealer, marked: true }
    }

    /// Where the next frame begins.
    pub(super) fn tail(&self) -> u64 {
        self.sealer.fed()
    }

    /// Bytes that records may still take.
    pub(super) fn room(&self) -> u64 {
        self.header.capacity.saturating_sub(closing_room(self.header.capacity)).saturating_sub(self.tail())
    }

    pub(super) fn records(&self) -> u64 {
        self.sealer.records()
    }

    /// More than half of it is taken.
    pub(super) fn is_half_full(&self) -> bool {
        self.tail() > self.header.capacity / 2
    }

    /// Writes `frames`, encoded for [`Active::tail`], without syncing them.
    pub(super) fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        write_new(&*self.file, frames, self.tail())?;
        let mut rest = frames;
        while !rest.is_empty() {
            let header = FrameHeader::parse(rest);
            let (frame, behind) = rest.split_at(header.frame_bytes() as usize);
            self.sealer.frame(&header, frame);
            self.marked = header.is_control();
            rest = behind;
        }
        Ok(())
    }

    /// A control frame for the present tail. Everything before it is durable.
    fn control(&self, out: &mut Vec<u8>, kind: u16, payload: &[u8]) {
        let header = FrameHeader {
            length: payload.len() as u32,
            lsn: self.sealer.last_lsn(),
            time_us: self.sealer.last_time_us(),
            kind,
            schema: SCHEMA,
            flags: 0,
            behind: 0,
        };
        push(out, &self.seed, self.tail(), &header, payload);
    }

    /// Writes a control frame, unsynced.
    pub(super) fn write_control(&mut self, kind: u16, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        self.control(&mut frame, kind, payload);
        self.write(&frame)
    }

    /// Writes a MARK, unless one stands there already or the segment is full. Not synced: its work is done if it
    /// happens to reach the disk.
    pub(super) fn mark(&mut self) -> io::Result<()> {
        let payload = mark(self.tail());
        let bytes = super::format::frame::frame_bytes(payload.len());
        if self.marked || bytes > self.room() {
            return Ok(());
        }
        self.write_control(KIND_MARK, &payload)
    }

    /// Seals the segment, durably. Its head is the new one of the chain.
    ///
    /// Two syncs, seal before trailer: so a trailer is a witness that the seal was on the disk.
    pub(super) fn seal(&self, previous: Digest) -> io::Result<SealedSegment> {
        let end = self.tail();
        let seal = self.sealer.clone().finish(previous);
        let mut frame = Vec::new();
        self.control(&mut frame, KIND_SEAL, &seal.encode());
        write_new(&*self.file, &frame, end)?;
        self.file.sync()?;
        let (head, last_lsn) = (seal.head(), seal.last_lsn);
        let trailer = Trailer { seal_at: end, seal_length: frame.len() as u32, last_lsn, head };
        write_trailer(&*self.file, &self.header, &self.seed, &trailer)?;
        let behind = end + frame.len() as u64;
        self.file.release(behind.next_multiple_of(PAGE_BYTES), self.header.capacity - TRAILER_ROOM);
        let (bytes, last_time_us) = (closed_bytes(&seal), seal.last_time_us);
        Ok(SealedSegment { first_lsn: seal.first_lsn, last_lsn, bytes, last_time_us, head })
    }
}

/// What a segment with this seal takes on the disk.
pub(super) fn closed_bytes(seal: &Seal) -> u64 {
    let frame = super::format::frame::frame_bytes(SEAL_FIXED_BYTES + seal.blocks.len() * SEAL_BLOCK_BYTES);
    (seal.end + frame).next_multiple_of(PAGE_BYTES) + TRAILER_ROOM
}

/// Writes a segment's trailer, durably. The seal is already.
pub(super) fn write_trailer(
    file: &impl StorageFile,
    header: &SegmentHeader,
    seed: &Seed,
    trailer: &Trailer,
) -> io::Result<()> {
    let offset = header.capacity - TRAILER_ROOM;
    write_new(file, &trailer.encode(seed, offset), offset)?;
    file.sync()
}

/// Writes `bytes` where zeros stand. A write that fails half-way is taken back: cut short in the middle of a sector it
/// looks like nothing that a power cut leaves, and the next opening would call it rot.
fn write_new(file: &impl StorageFile, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_at(bytes, offset).inspect_err(|_| {
        // As far as the first write came, so does this one; what fails now is found by the next opening.
        let _ = file.write_at(&vec![0; bytes.len()], offset);
    })
}

/// The size of a file for a group of `bytes` bytes of frames: `usual`, or what the group needs.
pub(super) fn capacity_for(bytes: u64, usual: u64) -> u64 {
    let fits = |capacity: u64| FRAMES_AT + bytes + closing_room(capacity) <= capacity;
    if fits(usual) {
        return usual;
    }
    let mut capacity = (FRAMES_AT + bytes + closing_room(FRAMES_AT + bytes)).next_multiple_of(PAGE_BYTES);
    while !fits(capacity) {
        capacity += PAGE_BYTES;
    }
    capacity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_fits_no_usual_segment_gets_one_of_its_own_size() {
        assert_eq!(capacity_for(1000, 64 << 10), 64 << 10);
        for bytes in [60 << 10, 70 << 10, 100 << 20] {
            let capacity = capacity_for(bytes, 64 << 10);
            assert!(FRAMES_AT + bytes + closing_room(capacity) <= capacity, "{bytes} bytes in {capacity}");
            assert!(capacity < bytes + bytes / 1000 + (16 << 10), "{bytes} bytes in {capacity}");
        }
    }
}
