//! Evidence: what is wrong with a journal is named with its kind and place, and everything else is saved.

#[path = "../journal_disk/mod.rs"]
mod journal_disk;

mod flips;
mod kinds;
mod live;
mod removed;
mod tails;
mod watched;
mod world;
