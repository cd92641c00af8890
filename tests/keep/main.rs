//! What a journal keeps besides its records, and what it keeps no longer: snapshots and retention, with the real
//! supervisor over a simulated disk.

mod beginnings;
mod crashes;
mod damage;
mod golden;
#[path = "../journal_disk/mod.rs"]
mod journal_disk;
mod readers;
mod start;
mod world;
