//! `screen/moved`: when the screen last moved.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::home::SessionFiles;

/// The file, open for as long as the pane is watched.
#[derive(Debug)]
pub struct ScreenClock {
    file: File,
}

impl ScreenClock {
    pub fn open(files: &SessionFiles) -> io::Result<Self> {
        let path = files.screen_clock();
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        Ok(Self { file })
    }

    /// In place: eight bytes are one write, and no name changes hands.
    pub fn moved(&self, awake_ms: u64) -> io::Result<()> {
        self.file.write_all_at(&awake_ms.to_le_bytes(), 0)
    }
}

/// The awake time at which the screen last moved. `None`: it never did, or nobody can say.
pub fn read(path: &Path) -> Option<u64> {
    let bytes = fs::read(path).ok()?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
