//! Chance that can be had again: one seed, one course of kills.

/// SplitMix64.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// From `DORMOUSE_SEED`, else from the clock. Printed, for a failure is shown with what the test has printed.
    pub fn new() -> Self {
        let given = std::env::var("DORMOUSE_SEED").ok().map(|seed| seed.parse().expect("DORMOUSE_SEED is a number"));
        let seed = given.unwrap_or_else(|| dormouse::observe::clock::now().wall_us);
        println!("DORMOUSE_SEED={seed}");
        Self(seed)
    }

    /// From 0 to `below`, exclusive.
    pub fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}
