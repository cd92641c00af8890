//! A disk that fails, at every single call and in every way: nothing acknowledged is lost, nothing is acknowledged that
//! is not on the device, and the journal goes on (C7, C63, I8, I9).

#[path = "../journal_disk/mod.rs"]
mod journal_disk;
mod lies;
mod play;
mod recovery;
mod single;
