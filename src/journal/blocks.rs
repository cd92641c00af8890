//! Blocks of a sealed segment, each checked once against the seal's table: one checksum for all the frames in it.

use super::format::BLOCK_BYTES;
use super::format::seal::Seal;
use super::window::Window;

/// What is known of the blocks of one segment.
pub(super) struct Blocks {
    table: Vec<u32>,
    /// Where the covered bytes end.
    end: u64,
    /// From the beginning of a block to the end of one: these bytes were checked.
    from: u64,
    to: u64,
}

impl Blocks {
    /// `seal` is one whose own checksum is right.
    pub(super) fn new(seal: &Seal) -> Self {
        Self { table: seal.blocks.iter().map(|block| block.crc).collect(), end: seal.end, from: 0, to: 0 }
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Whether the bytes `from..to` are those that were sealed. What was not checked yet is.
    #[inline]
    pub(super) fn vouch(&mut self, window: &mut impl Window, from: u64, to: u64) -> bool {
        (self.from <= from && to <= self.to) || self.check(window, from, to)
    }

    fn check(&mut self, window: &mut impl Window, from: u64, to: u64) -> bool {
        if to > self.end {
            return false;
        }
        if !(self.from..=self.to).contains(&from) {
            self.from = from - from % BLOCK_BYTES;
            self.to = self.from;
        }
        if self.to < to {
            // What is asked for and the blocks around it in one piece: the frame is read right afterwards.
            let all = to.next_multiple_of(BLOCK_BYTES).min(self.end) - from.min(self.to);
            let _ = window.bytes(from.min(self.to), all as usize);
        }
        while self.to < to {
            let length = BLOCK_BYTES.min(self.end - self.to);
            let expected = self.table.get((self.to / BLOCK_BYTES) as usize).copied();
            let found = window.bytes(self.to, length as usize).ok().map(crc32fast::hash);
            if found.is_none() || found != expected {
                return false;
            }
            self.to += length;
        }
        true
    }
}
