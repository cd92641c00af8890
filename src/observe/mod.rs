//! Eyes: whether sessions live, how they ended, what their files say. Looks, waits, and never decides.
//!
//! Nothing here polls. A question that fails is an answer of its own, never "gone" (C43).

#![allow(clippy::disallowed_methods, reason = "a door: processes, session files, the clock")]

pub mod clock;
mod end;
mod folders;
mod liveness;
mod pidfd;
mod program_folder;
pub mod spool;
mod watch;

pub use end::{EndError, Ended, end_tree};
pub use liveness::{liveness, screen_silent_ms, withdraw_unborn};
pub use program_folder::ProgramFolder;
pub use watch::{FileChange, FileWatch, WatchError, watch_end, watch_files};
