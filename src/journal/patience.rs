//! A write that is under way looks like damage to whoever reads beside it.
//!
//! The system copies a batch into its cache piece by piece, and may hold the writer up in the middle of one, even of a frame's
//! head. Nobody can tell that from a frame that has changed since, but by looking again later.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::directory::lets_writer_go_on;

/// The longest time for which a writer that has been held up is waited for, on a machine with too much to do.
const LOOKS_MAX: u32 = 200;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How often what looks wrong in the last segment of `dir` is looked at again.
#[derive(Debug)]
pub(super) struct Patience {
    dir: PathBuf,
    looks_left: u32,
}

impl Patience {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), looks_left: LOOKS_MAX }
    }

    /// Lets a writer go on for a moment. False if none is there, or if all that it may take has been waited for: what looks
    /// wrong is wrong.
    pub(super) fn waits(&mut self) -> bool {
        let waits = self.looks_left > 0 && lets_writer_go_on(&self.dir, LOOK_AGAIN);
        self.looks_left -= u32::from(waits);
        waits
    }
}
