//! Reading a segment's bytes: copied from a file that may still change, or mapped from one that cannot.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::{Advice, Mmap};

use super::storage::StorageFile;

/// Read ahead, and the length of the reused buffer.
const BUFFER_BYTES: u64 = 256 << 10;
const PAGE_BYTES: u64 = 4096;
/// Pages are asked for in stretches of this length before they are touched.
const POPULATE_BYTES: u64 = 2 << 20;

/// Bytes of one file by place.
pub(super) trait Window {
    fn size(&self) -> u64;

    /// The bytes `offset..offset + length`, which lie within [`Window::size`].
    fn bytes(&mut self, offset: u64, length: usize) -> io::Result<&[u8]>;

    /// The first place at or behind `offset` that may hold anything but zeros; [`Window::size`] if there is none.
    fn written_from(&self, offset: u64) -> u64;

    /// The file may have changed: what was read before is read again.
    fn forget(&mut self);
}

/// Copies by `pread`: for the active segment, and for every storage that is not a plain file.
#[derive(Debug)]
pub(super) struct Copied<F> {
    file: F,
    size: u64,
    ahead: u64,
    buffer: Vec<u8>,
    start: u64,
}

impl<F: Deref<Target: StorageFile>> Copied<F> {
    /// For reading on and on.
    pub(super) fn new(file: F) -> io::Result<Self> {
        Self::with_ahead(file, BUFFER_BYTES)
    }

    /// For one look: reads no more than `ahead` bytes at a time unless asked to.
    pub(super) fn with_ahead(file: F, ahead: u64) -> io::Result<Self> {
        file.read_no_further();
        Self::over(file, ahead)
    }

    fn over(file: F, ahead: u64) -> io::Result<Self> {
        let size = file.bytes()?;
        Ok(Self { file, size, ahead, buffer: Vec::new(), start: 0 })
    }

    fn fill(&mut self, offset: u64, length: u64) -> io::Result<()> {
        self.buffer.resize(length as usize, 0);
        self.start = offset;
        let outcome = self.file.read_at(&mut self.buffer, offset);
        if outcome.is_err() {
            self.buffer.clear();
        }
        outcome
    }
}

impl<F: Deref<Target: StorageFile>> Window for Copied<F> {
    fn size(&self) -> u64 {
        self.size
    }

    fn bytes(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let held = self.start..self.start + self.buffer.len() as u64;
        let end = offset + length as u64;
        if offset < held.start || end > held.end {
            // Whole pages: one that is only begun would count as written when the file system is asked next.
            let ahead_to = ((offset + self.ahead) / PAGE_BYTES * PAGE_BYTES).min(self.size);
            let ahead = ahead_to.saturating_sub(offset).max(length as u64);
            // One unreadable sector must not take its neighbours with it.
            self.fill(offset, ahead).or_else(|_| self.fill(offset, length as u64))?;
        }
        let from = (offset - self.start) as usize;
        Ok(&self.buffer[from..from + length])
    }

    fn written_from(&self, offset: u64) -> u64 {
        self.file.written_from(offset).min(self.size)
    }

    fn forget(&mut self) {
        self.buffer.clear();
    }
}

/// A mapped file that nobody writes any more. No page is touched before the kernel has promised it: a load from a
/// page that cannot be read would end the process.
#[derive(Debug)]
pub(super) struct Mapped {
    map: Mmap,
    populated: Vec<bool>,
    /// For stretches that the kernel will not promise: a read gives an error where a load gives a signal.
    copied: Copied<Box<File>>,
}

impl Mapped {
    /// `file` is a sealed segment.
    #[allow(unsafe_code)]
    pub(super) fn new(file: File) -> io::Result<Self> {
        // SAFETY: sealed segments are never written or shortened again, by us. Whoever else does so breaks no more
        // than the checks of the bytes: every page is populated before it is read, and read once for its checksum.
        let map = unsafe { Mmap::map(&file)? };
        let stretches = (map.len() as u64).div_ceil(POPULATE_BYTES) as usize;
        let copied = Copied::over(Box::new(file), BUFFER_BYTES)?;
        Ok(Self { map, populated: vec![false; stretches], copied })
    }

    fn populate(&mut self, offset: u64, length: usize) -> io::Result<()> {
        let last = (offset + length as u64).saturating_sub(1) / POPULATE_BYTES;
        for stretch in offset / POPULATE_BYTES..=last {
            if !self.populated[stretch as usize] {
                let from = stretch * POPULATE_BYTES;
                let to = (from + POPULATE_BYTES).min(self.map.len() as u64);
                self.map.advise_range(Advice::PopulateRead, from as usize, (to - from) as usize)?;
                self.populated[stretch as usize] = true;
            }
        }
        Ok(())
    }
}

impl Window for Mapped {
    fn size(&self) -> u64 {
        self.map.len() as u64
    }

    fn bytes(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        if length != 0 && self.populate(offset, length).is_err() {
            return self.copied.bytes(offset, length);
        }
        Ok(&self.map[offset as usize..offset as usize + length])
    }

    fn written_from(&self, offset: u64) -> u64 {
        self.copied.written_from(offset)
    }

    fn forget(&mut self) {
        self.copied.forget();
    }
}

impl Window for Box<dyn Window> {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn bytes(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        (**self).bytes(offset, length)
    }

    fn written_from(&self, offset: u64) -> u64 {
        (**self).written_from(offset)
    }

    fn forget(&mut self) {
        (**self).forget();
    }
}
