//! The only source of chance: one seed is one world.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};

/// A stream of chance. Two streams of one seed know nothing of each other, so that what one agent draws does not move
/// what another one does.
#[derive(Debug)]
pub enum Chance {
    Drawn(Box<ChaCha8Rng>),
    /// Nothing is left to chance: every draw comes out in the middle, and what happens once in a while does not.
    Still,
}

impl Chance {
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self::Drawn(Box::new(generator))
    }

    /// Less than `end`; 0 if that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        match self {
            // The high half of the product: uniform but for a part in 2^64, and the same in every version.
            Chance::Drawn(generator) => ((u128::from(generator.next_u64()) * u128::from(end)) >> 64) as u64,
            Chance::Still => end / 2,
        }
    }

    /// From `low` up to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// As likely between 1 and 2 as between 100 and 200: short times are common, and long ones come.
    pub fn spread(&mut self, low: u64, high: u64) -> u64 {
        let octaves = (high / low.max(1)).max(1).ilog2() + 1;
        let floor = low << self.below(u64::from(octaves));
        self.between(floor, (floor * 2).min(high.max(floor)))
    }
}
