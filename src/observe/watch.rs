//! Being told when a session's files change, and when it ends.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use super::folders::{Change, Changes, Folder};
use super::liveness::liveness;
use super::pidfd::{ended, hold_exactly};
use super::spool;
use crate::home::{Home, SessionFiles};
use crate::model::effect::{Liveness, SessionName};
use crate::shim::files::{self, Born, Terminal};

/// What has changed in a session's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// The program has been started: `born.json` is there.
    Born,
    /// It has ended: `status.json` is there.
    Status,
    /// What the program says to its terminal is now this.
    Terminal(Terminal),
    /// Something lies in the spool.
    Spool,
}

/// Why a session's files cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error("cannot watch {}", dir.display())]
    Watch { dir: PathBuf, source: io::Error },
    #[error("too many changes in {} at once: some were not told", dir.display())]
    Overflow { dir: PathBuf },
}

/// A session's files, watched. Begins with what is there already, so that nothing falls between a look and the watch.
#[derive(Debug)]
pub struct FileWatch {
    files: SessionFiles,
    changes: Changes,
    waiting: VecDeque<FileChange>,
    /// The last one told; the same again is no change.
    terminal: Option<Terminal>,
    gone: bool,
}

/// Watches the files of a session, whose folder must exist; makes the folder of its spool.
///
/// Any number of watches costs one inotify instance, of which a user has few.
pub fn watch_files(home: &Home, name: &SessionName) -> Result<FileWatch, WatchError> {
    let files = home.session(name);
    let dir = files.dir().to_owned();
    FileWatch::begin(files).map_err(|source| WatchError::Watch { dir, source })
}

impl FileWatch {
    fn begin(files: SessionFiles) -> io::Result<Self> {
        match fs::DirBuilder::new().mode(0o700).create(files.spool()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let changes = Changes::of(&[(files.dir(), Folder::Session), (&files.spool(), Folder::Spool)])?;
        let mut watch = Self { files, changes, waiting: VecDeque::new(), terminal: None, gone: false };
        watch.look();
        Ok(watch)
    }

    /// The next change; several of one kind may come as one. `None`: the folder is gone.
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// After an overflow what is there now is told again by the calls that follow.
    pub async fn next(&mut self) -> Result<Option<FileChange>, WatchError> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                return Ok(Some(change));
            }
            if self.gone {
                return Ok(None);
            }
            let dir = || self.files.dir().to_owned();
            let first = self.changes.next().await.map_err(|source| WatchError::Watch { dir: dir(), source })?;
            // All that waits is taken at once, so that a folder that changes often is told of once.
            let changes = self.changes.all_with(first);
            if changes.contains(&Change::Overflow) {
                self.look();
                return Err(WatchError::Overflow { dir: self.files.dir().to_owned() });
            }
            self.take(&changes);
        }
    }

    /// Everything that is there now.
    fn look(&mut self) {
        if self.files.born().exists() {
            self.tell(FileChange::Born);
        }
        self.look_at_terminal();
        if spool::is_filled(&self.files) {
            self.tell(FileChange::Spool);
        }
        if self.files.status().exists() {
            self.tell(FileChange::Status);
        }
    }

    fn look_at_terminal(&mut self) {
        // Written whole, so what cannot be read will be told by the next change.
        if let Ok(Some(terminal)) = files::read::<Terminal>(&self.files.terminal())
            && self.terminal.as_ref() != Some(&terminal)
        {
            self.terminal = Some(terminal.clone());
            self.tell(FileChange::Terminal(terminal));
        }
    }

    fn tell(&mut self, change: FileChange) {
        if !self.waiting.contains(&change) {
            self.waiting.push_back(change);
        }
    }

    /// A birth is told before what came of it, an end after all of it.
    fn take(&mut self, changes: &[Change]) {
        self.gone |= changes.contains(&Change::Gone);
        if changes.contains(&Change::Born) {
            self.tell(FileChange::Born);
        }
        if changes.contains(&Change::Terminal) {
            self.look_at_terminal();
        }
        if changes.contains(&Change::Spool) {
            self.tell(FileChange::Spool);
        }
        if changes.contains(&Change::Status) {
            self.tell(FileChange::Status);
        }
    }
}

/// Resolves when a session is gone, and says how; at once if it is. Also when its own process is gone and the rest
/// cannot be told: then the answer is "not known", and [`super::end_tree`] brings certainty.
///
/// A session that is on its way is waited for. To be called within a tokio runtime.
pub async fn watch_end(home: &Home, name: &SessionName) -> Liveness {
    match await_end(home, name).await {
        Ok(()) => liveness(home, name),
        Err(why) => Liveness::NotKnown { why },
    }
}

async fn await_end(home: &Home, name: &SessionName) -> Result<(), String> {
    let files = home.session(name);
    let mut watch = None;
    loop {
        if let Some(born) = files::read::<Born>(&files.born()).map_err(|error| error.to_string())? {
            let shim = hold_exactly(born.pid, born.start_ticks).map_err(|error| error.to_string())?;
            return match shim {
                Some(shim) => ended(&shim).await.map_err(|error| error.to_string()),
                None => Ok(()),
            };
        }
        if matches!(liveness(home, name), Liveness::Gone { .. }) {
            return Ok(());
        }
        // Looked at once more after the watch has begun: it tells what is there already.
        let watch = match &mut watch {
            Some(watch) => watch,
            empty => empty.insert(watch_files(home, name).map_err(|error| error.to_string())?),
        };
        match watch.next().await {
            Ok(Some(_)) | Err(WatchError::Overflow { .. }) => {}
            Ok(None) => return Err("its folder is gone".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
    }
}
