//! Reading a segment's bytes. Where it may still change they are copied: bytes that are changed between their checksum and
//! their use were never checked, and an error from a copy is an error.

use std::io;
use std::ops::Deref;

use super::storage::StorageFile;

/// Read ahead, and the length of the reused buffer: what is copied stays close to the processor until it is looked at. With
/// four times as much a copy takes twice as long.
pub(super) const BUFFER_BYTES: u64 = 64 << 10;
const PAGE_BYTES: u64 = 4096;

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

/// Copies by `pread` into one buffer.
#[derive(Debug)]
pub(super) struct Copied<F> {
    file: F,
    size: u64,
    ahead: u64,
    buffer: Vec<u8>,
    start: u64,
}

impl<F: Deref<Target: StorageFile>> Copied<F> {
    /// For reading on and on, to an end that is not known yet.
    pub(super) fn new(file: F) -> io::Result<Self> {
        Self::with_ahead(file, BUFFER_BYTES)
    }

    /// For one look: reads no more than `ahead` bytes at a time unless asked to.
    pub(super) fn with_ahead(file: F, ahead: u64) -> io::Result<Self> {
        file.read_no_further();
        let size = file.bytes()?;
        Ok(Self { file, size, ahead, buffer: Vec::new(), start: 0 })
    }

    /// For all of a file that does not change.
    pub(super) fn sealed(file: F) -> io::Result<Self> {
        let window = Self::new(file)?;
        window.read_ahead();
        Ok(window)
    }

    pub(super) fn file(&self) -> &F {
        &self.file
    }

    /// The system may read ahead as well from here on: nobody is going to ask where zeros lie.
    pub(super) fn read_ahead(&self) {
        self.file.read_ahead();
    }

    /// Makes the buffer hold `length` bytes from `offset` on, and what comes behind them.
    #[cold]
    #[inline(never)]
    fn fill(&mut self, offset: u64, length: u64) -> io::Result<()> {
        // Whole pages: one that is only begun would count as written when the file system is asked next.
        let ahead_to = ((offset + self.ahead) / PAGE_BYTES * PAGE_BYTES).min(self.size);
        let ahead = ahead_to.saturating_sub(offset).max(length);
        // One unreadable sector must not take its neighbours with it.
        self.copy(offset, ahead).or_else(|_| self.copy(offset, length))
    }

    fn copy(&mut self, offset: u64, length: u64) -> io::Result<()> {
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

    #[inline]
    fn bytes(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let held = self.start..self.start + self.buffer.len() as u64;
        if offset < held.start || offset + length as u64 > held.end {
            self.fill(offset, length as u64)?;
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
