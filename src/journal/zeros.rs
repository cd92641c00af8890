//! Looking for the end of what was written: what stands behind a place of a segment, if anything does.

use super::format::{FRAME_ALIGN, is_zero};
use super::scan::{Fault, Scan};
use super::window::Window;

/// Zeros are looked through in pieces of this length.
const STEP: u64 = 64 << 10;

impl<W: Window> Scan<W> {
    /// The first byte at or behind `from` and before the limit that is not zero. Room that was reserved and never
    /// written costs a question to the file system; it has no bytes of its own that could rot.
    pub(super) fn first_nonzero(&mut self, from: u64) -> Result<Option<u64>, Fault> {
        let (limit, mut offset) = (self.limit(), from);
        loop {
            offset = self.window.written_from(offset);
            if offset >= limit {
                return Ok(None);
            }
            let next = ((offset + STEP) / STEP * STEP).min(limit);
            let bytes = self.window.bytes(offset, (next - offset) as usize)?;
            if !is_zero(bytes) {
                let place = bytes.iter().position(|&byte| byte != 0).unwrap_or_default();
                return Ok(Some(offset + place as u64));
            }
            offset = next;
        }
    }

    /// Behind the last byte from `from` to the limit that is not zero, rounded up to where a frame may begin; `from` if
    /// there is none.
    pub(super) fn end_of_bytes(&mut self, from: u64) -> Result<u64, Fault> {
        let (limit, mut end, mut offset) = (self.limit(), from, from);
        while let Some(place) = self.first_nonzero(offset)? {
            let bytes = self.window.bytes(place, STEP.min(limit - place) as usize)?;
            offset = place + bytes.len() as u64;
            let last = bytes.iter().rposition(|&byte| byte != 0).unwrap_or_default();
            end = (place + last as u64 + 1).next_multiple_of(FRAME_ALIGN as u64);
        }
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::journal::format::header::SegmentHeader;
    use crate::journal::format::{FRAMES_AT, TRAILER_ROOM};
    use crate::journal::storage::StorageFile;
    use crate::journal::window::Copied;
    use crate::model::id::Lsn;

    const CAPACITY: u64 = 64 << 20;

    /// A file of zeros with a few bytes in it, on a file system that knows its holes, or on one that does not.
    struct Sparse {
        bytes: Vec<(u64, u8)>,
        knows_holes: bool,
        read: AtomicU64,
    }

    impl StorageFile for Sparse {
        fn bytes(&self) -> io::Result<u64> {
            Ok(CAPACITY)
        }

        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            self.read.fetch_add(buffer.len() as u64, Ordering::Relaxed);
            buffer.fill(0);
            let room = offset..offset + buffer.len() as u64;
            for (place, byte) in self.bytes.iter().filter(|(place, _)| room.contains(place)) {
                buffer[(place - offset) as usize] = *byte;
            }
            Ok(())
        }

        fn written_from(&self, offset: u64) -> u64 {
            let next = || self.bytes.iter().map(|(place, _)| place / 4096 * 4096).find(|page| page + 4096 > offset);
            if self.knows_holes { next().map_or(CAPACITY, |page| page.max(offset)) } else { offset }
        }

        fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        fn forget_cache(&self) {}

        fn release(&self, _: u64, _: u64) {}
    }

    fn scan(bytes: Vec<(u64, u8)>, knows_holes: bool) -> (Arc<Sparse>, Scan<Copied<Arc<Sparse>>>) {
        let file = Arc::new(Sparse { bytes, knows_holes, read: AtomicU64::new(0) });
        let header = SegmentHeader {
            journal: [1; 16],
            salt: [2; 16],
            number: 1,
            first_lsn: Lsn(1),
            created_us: 0,
            capacity: CAPACITY,
            previous_salt: [0; 16],
        };
        (Arc::clone(&file), Scan::new(Copied::new(file).unwrap(), header))
    }

    #[test]
    fn the_first_and_the_last_byte_are_found_whether_or_not_the_file_system_knows_its_holes() {
        let far = CAPACITY - TRAILER_ROOM - 1;
        for knows_holes in [true, false] {
            let (_, mut scan) = scan(vec![(FRAMES_AT + 9, 1), (70_000, 1), (far, 1)], knows_holes);
            for (from, first) in [(FRAMES_AT, Some(FRAMES_AT + 9)), (FRAMES_AT + 10, Some(70_000)), (far, Some(far))] {
                assert_eq!(scan.first_nonzero(from), Ok(first), "from {from}, {knows_holes}");
            }
            assert_eq!(scan.end_of_bytes(FRAMES_AT), Ok(CAPACITY - TRAILER_ROOM));
            let (_, mut scan) = self::scan(vec![(FRAMES_AT + 9, 1), (70_000, 1)], knows_holes);
            assert_eq!(scan.first_nonzero(70_001), Ok(None));
            assert_eq!(scan.end_of_bytes(FRAMES_AT), Ok(70_008));
            assert_eq!(scan.end_of_bytes(70_008), Ok(70_008), "nothing there: where it began");
        }
    }

    #[test]
    fn room_that_was_never_written_is_not_read() {
        let (file, mut scan) = scan(vec![(FRAMES_AT, 1)], true);
        assert_eq!(scan.end_of_bytes(FRAMES_AT), Ok(FRAMES_AT + 8));
        let read = file.read.load(Ordering::Relaxed);
        assert!(read < 1 << 20, "{read} bytes of {CAPACITY} read");
    }
}
