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
use crate::mutant::{Bug, bug};

/// The spare: allocated, without a header, not part of the journal.
pub(super) const SPARE: &str = "next.tmp";

/// Pages are given back in units of this.
const PAGE_BYTES: u64 = 4096;

/// So much of a segment is made ready at a time, in whole pages: a mebibyte of the usual size. Of a segment that is shorter
/// than so many pages, nothing is.
const READY_SHARE: u64 = 64;

/// From so many bytes on the disk begins while they are still hashed for the seal; fewer are not worth a call of their own
/// to the disk.
const OUT_BYTES: usize = 32 << 10;

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
    /// Up to here the room is more than reserved.
    ready: u64,
    /// A MARK or another control frame stands behind the last record.
    marked: bool,
}

impl<F: StorageFile> Active<F> {
    /// Makes the spare a segment; durable with its name when this returns.
    pub(super) fn begin(storage: &impl Storage<File = F>, spare: Spare<F>, header: SegmentHeader) -> io::Result<Self> {
        let page = header.page();
        spare.file.write_at(&page, 0)?;
        spare.file.sync()?;
        storage.rename(SPARE, &segment_name(header.first_lsn))?;
        if !bug(Bug::NameNotSynced) {
            storage.sync_folder()?;
        }
        let mut sealer = Sealer::new(header.first_lsn);
        sealer.feed(&page);
        Ok(Self { file: Arc::new(spare.file), seed: Seed::new(&header.salt), header, sealer, ready: 0, marked: true })
    }

    /// A segment that recovery has read to the end of its last whole group.
    pub(super) fn recovered(file: Arc<F>, header: SegmentHeader, sealer: Sealer) -> Self {
        Self { file, seed: Seed::new(&header.salt), header, sealer, ready: u64::MAX, marked: true }
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

    /// Writes whole `frames` of records, encoded for [`Active::tail`], without syncing them.
    pub(super) fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        write_new(&*self.file, frames, self.tail())?;
        self.make_ready(self.tail() + frames.len() as u64);
        self.sealer.frames(frames);
        self.marked = false;
        Ok(())
    }

    /// Writes zeros behind `end`, if it is not ready so far. Where room is only reserved, a file system has to note at each
    /// sync what is no longer empty, which takes another write to the disk; here that is done once for many batches.
    ///
    /// Page by page: later syncs of what was written in larger pieces take longer. A failure costs only speed.
    fn make_ready(&mut self, end: u64) {
        if end <= self.ready {
            return;
        }
        let from = end.next_multiple_of(PAGE_BYTES);
        let pages = self.header.capacity / READY_SHARE / PAGE_BYTES;
        self.ready = (from + pages * PAGE_BYTES).min(self.header.capacity - TRAILER_ROOM);
        for page in (from..self.ready).step_by(PAGE_BYTES as usize) {
            let bytes = PAGE_BYTES.min(self.ready - page) as usize;
            if self.file.write_at(&[0; PAGE_BYTES as usize][..bytes], page).is_err() {
                return;
            }
        }
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
        self.write(&frame)?;
        self.marked = true;
        Ok(())
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
    let written = if bytes.len() < OUT_BYTES { file.write_at(bytes, offset) } else { file.write_out_at(bytes, offset) };
    written.inspect_err(|_| {
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
    use std::sync::Mutex;

    use super::*;
    use crate::model::id::Lsn;

    const CAPACITY: u64 = 4 << 20;

    /// Bytes in memory, and how often they were written to. With `only` only that many bytes at a time can be.
    struct Memory {
        bytes: Mutex<(Vec<u8>, usize)>,
        only: Option<usize>,
    }

    impl StorageFile for Memory {
        fn bytes(&self) -> io::Result<u64> {
            Ok(CAPACITY)
        }

        fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
            if self.only.is_some_and(|only| only != bytes.len()) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let mut held = self.bytes.lock().unwrap();
            held.1 += 1;
            held.0[offset as usize..][..bytes.len()].copy_from_slice(bytes);
            Ok(())
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        fn forget_cache(&self) {}

        fn release(&self, _: u64, _: u64) {}
    }

    /// A segment in a file of ones, so that zeros which were written can be told.
    fn active(only: Option<usize>) -> Active<Memory> {
        let header = SegmentHeader {
            journal: [1; 16],
            salt: [2; 16],
            number: 1,
            first_lsn: Lsn(1),
            created_us: 0,
            capacity: CAPACITY,
            previous_salt: [0; 16],
        };
        let mut sealer = Sealer::new(Lsn(1));
        sealer.feed(&header.page());
        let file = Arc::new(Memory { bytes: Mutex::new((vec![1; CAPACITY as usize], 0)), only });
        Active { file, seed: Seed::new(&header.salt), header, sealer, ready: 0, marked: true }
    }

    fn frame(active: &Active<Memory>) -> Vec<u8> {
        let mut frame = Vec::new();
        active.control(&mut frame, KIND_MARK, &mark(active.tail()));
        frame
    }

    /// Nearly every batch stays one write, and of the pages it comes to few were not written to before.
    #[test]
    fn room_is_made_ready_ahead_of_the_frames_and_never_over_them_or_the_trailer() {
        let mut active = active(None);
        let (mut frames, mut writes, mut alone, mut pages, mut cold) = (Vec::new(), 0, 0, 0, 0);
        while active.room() >= 40 {
            let (bytes, tail) = (frame(&active), active.tail() as usize);
            let page = (tail + bytes.len()) / PAGE_BYTES as usize * PAGE_BYTES as usize;
            if page > tail {
                pages += 1;
                cold += usize::from(active.file.bytes.lock().unwrap().0[page] != 0);
            }
            active.write(&bytes).unwrap();
            frames.extend_from_slice(&bytes);
            let written = active.file.bytes.lock().unwrap().1;
            alone += usize::from(written == writes + 1);
            writes = written;
        }
        let held = active.file.bytes.lock().unwrap();
        assert!(cold * 16 <= pages, "{cold} of {pages} pages");
        assert!(alone * 1000 >= frames.len() / 40 * 999, "{alone} of {} batches", frames.len() / 40);
        assert!(held.0[FRAMES_AT as usize..active.tail() as usize] == frames, "zeros over frames");
        let trailer = (CAPACITY - TRAILER_ROOM) as usize;
        assert!(held.0[trailer..].iter().all(|&byte| byte == 1), "the trailer's room is its own");
    }

    #[test]
    fn frames_are_written_where_no_room_can_be_made_ready() {
        let mut active = active(Some(40));
        for _ in 0..10 {
            let bytes = frame(&active);
            active.write(&bytes).unwrap();
        }
        assert_eq!(active.file.bytes.lock().unwrap().1, 10);
    }

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
