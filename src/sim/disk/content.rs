//! One file of a disk that forgets what was not synced.

use std::collections::BTreeSet;

pub(super) const SECTOR: usize = 512;

/// A file as the device has it and as the cache shows it.
#[derive(Clone, Default)]
pub(super) struct Content {
    pub device: Vec<u8>,
    pub cache: Vec<u8>,
    /// Sectors that the next sync writes. One that differs and does not wait is lost: a sync has failed over it.
    pub waiting: BTreeSet<usize>,
}

impl Content {
    pub fn durable(bytes: Vec<u8>) -> Self {
        Self { device: bytes.clone(), cache: bytes, waiting: BTreeSet::new() }
    }

    pub fn write(&mut self, bytes: &[u8], offset: usize) {
        self.cache[offset..offset + bytes.len()].copy_from_slice(bytes);
        if !bytes.is_empty() {
            self.waiting.extend(offset / SECTOR..=(offset + bytes.len() - 1) / SECTOR);
        }
    }

    pub fn sector(&self, index: usize) -> std::ops::Range<usize> {
        index * SECTOR..((index + 1) * SECTOR).min(self.cache.len())
    }

    /// Writes those of the waiting sectors that `kept` takes, by place among them and number of them. None waits then.
    pub fn settle(&mut self, kept: impl Fn(usize, usize) -> bool) {
        let waiting = std::mem::take(&mut self.waiting);
        for (_, &index) in waiting.iter().enumerate().filter(|(place, _)| kept(*place, waiting.len())) {
            let range = self.sector(index);
            self.device[range.clone()].copy_from_slice(&self.cache[range]);
        }
    }

    /// What does not wait is read from the device again.
    pub fn forget(&mut self) {
        for index in (0..self.cache.len().div_ceil(SECTOR)).filter(|index| !self.waiting.contains(index)) {
            let range = self.sector(index);
            self.cache[range.clone()].copy_from_slice(&self.device[range]);
        }
    }
}
