//! The fleet: a real daemon under load and under `kill -9`.
//!
//! What is claimed of it is compared with what its programs noted themselves: each start, and each message they found
//! in their box.

mod chance;
#[path = "../daemon_fixture/mod.rs"]
mod daemon_fixture;
mod held;
mod kills;
mod load;
mod orders;
mod worker;
