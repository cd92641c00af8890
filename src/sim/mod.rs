//! Simulated worlds: the supervisor, the journal and all rules as they are, on a made-up disk, with made-up sessions,
//! people and clocks. One seed is one world, and the same seed gives the same run to the byte.
//!
//! [`Sim`] drives; [`world`] is the truth; [`hands`] carries effects out as the executor would; [`oracle`] holds what
//! must be true of every world; [`disk`] forgets what was not synced; [`script`] tells a story instead of a seed.

mod agenda;
mod chance;
mod clock;
pub mod coverage;
mod daemon;
pub mod disk;
pub mod faults;
mod fleet;
pub mod hands;
pub mod oracle;
mod run;
pub mod script;
mod shrink;
mod stopped;
pub mod world;

pub use faults::Level;
pub use run::{Plan, Ran, Sim, run};
pub use shrink::shrink;
pub use stopped::STOPPED;
pub use world::people::SENDS_PER_HOUR;
