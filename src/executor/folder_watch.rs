//! Waits until something in a folder moves, without asking again and again.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Folders of which every change counts; of a folder that does not exist yet, its nearest one above.
#[derive(Debug)]
pub struct FolderWatch {
    events: AsyncFd<OwnedFd>,
    wanted: Vec<PathBuf>,
}

impl FolderWatch {
    /// What moves after this call is not missed: look once after it, then wait.
    ///
    /// # Errors
    ///
    /// The system has no room for one more watch.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let watch = Self { events: readable(inotify)?, wanted: folders.into_iter().collect() };
        watch.arm()?;
        Ok(watch)
    }

    /// These folders count, too: look once after it, then wait.
    ///
    /// # Errors
    ///
    /// The system has no room for one more watch.
    pub fn wants(&mut self, folders: impl IntoIterator<Item = PathBuf>) -> io::Result<()> {
        self.wanted = folders.into_iter().collect();
        self.arm()
    }

    /// Returns when something has moved since the last call, or since the watch was made.
    ///
    /// # Errors
    ///
    /// The watch itself failed.
    pub async fn moved(&mut self) -> io::Result<()> {
        let mut ready = self.events.readable().await?;
        let mut buffer = [0_u8; 4096];
        loop {
            match rustix::io::read(self.events.get_ref(), &mut buffer) {
                Ok(_) => {}
                Err(rustix::io::Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        ready.clear_ready();
        drop(ready);
        // A folder that was missing may be there by now.
        self.arm()
    }

    fn arm(&self) -> io::Result<()> {
        let flags = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE;
        for folder in &self.wanted {
            let existing = nearest(folder);
            inotify::add_watch(self.events.get_ref(), existing, flags | WatchFlags::ONLYDIR)?;
        }
        Ok(())
    }
}

/// The safe constructor is deprecated for types whose descriptor may change under it; an owned one cannot.
#[expect(deprecated, reason = "its successor is an unsafe function")]
fn readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}

fn nearest(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_in_a_folder_that_did_not_exist_yet_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        let mut watch = FolderWatch::new([folder.clone()]).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        let deadline = std::time::Duration::from_secs(5);
        tokio::time::timeout(deadline, watch.moved()).await.unwrap().unwrap();
        std::fs::write(folder.join("record"), "x").unwrap();
        tokio::time::timeout(deadline, watch.moved()).await.unwrap().unwrap();
    }
}
