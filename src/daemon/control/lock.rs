//! One daemon per home (C59).

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::socket::{SocketError, private_folder};
use crate::home::Home;
use crate::shim::process;

/// A daemon that is killed while it starts a program leaves its lock to that child, until the child has become the
/// program. Longest time to wait for that.
const HEIR: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// Held by the one daemon of a home, and gone with its process however it ends.
#[derive(Debug)]
pub struct DaemonLock {
    _file: File,
}

/// Why this process is not the home's daemon.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another daemon serves {}: {}", home.display(), holder.map_or("its pid is not known".to_owned(), |pid| format!("pid {pid}")))]
    Held { home: PathBuf, holder: Option<u32> },
    #[error("cannot lock {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Folder(#[from] SocketError),
}

impl DaemonLock {
    /// Takes the lock or says who has it. The file names its holder for that, and is never removed: a lock on a
    /// removed file excludes nobody.
    pub fn take(home: &Home) -> Result<Self, LockError> {
        private_folder(&home.run)?;
        let path = home.daemon_lock();
        let io = |source| LockError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(io)?;
        let until = Instant::now() + HEIR;
        while let Err(errno) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if errno != Errno::WOULDBLOCK {
                return Err(io(errno.into()));
            }
            let holder = holder(&mut file);
            if holder.is_none_or(lives) || Instant::now() >= until {
                return Err(LockError::Held { home: home.run.clone(), holder });
            }
            // No event tells of a lock that is let go, and a wait for it could not be ended.
            std::thread::sleep(ASK_AGAIN);
        }
        // It may have been read to its end, and would be written on behind that.
        let emptied = file.rewind().and_then(|()| file.set_len(0));
        emptied.and_then(|()| writeln!(file, "{}", std::process::id())).map_err(io)?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Whether the holder is a process still. One that cannot be asked about is taken for alive.
fn lives(holder: u32) -> bool {
    process::stat(holder).map_or(true, |stat| stat.is_some_and(|stat| !stat.zombie))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// A lock on the home's file that a child of `holder` holds for a moment longer.
    fn inherited(home: &Home, holder: u32, seconds: &str) -> std::process::Child {
        private_folder(&home.run).unwrap();
        let mut file = File::create(home.daemon_lock()).unwrap();
        writeln!(file, "{holder}").unwrap();
        flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        Command::new("sleep").arg(seconds).stdin(Stdio::from(file)).spawn().unwrap()
    }

    /// C59, C60: the child of a killed daemon that is just becoming a program is no daemon.
    #[test]
    fn c59_a_lock_left_to_a_child_of_a_killed_daemon_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::under(dir.path());
        let mut killed = Command::new("true").spawn().unwrap();
        killed.wait().unwrap();
        let mut heir = inherited(&home, killed.id(), "0.2");
        let _held = DaemonLock::take(&home).unwrap();
        heir.wait().unwrap();
        // Whoever comes next asks it, too, whether it lives.
        let named = std::fs::read_to_string(home.daemon_lock()).unwrap();
        assert_eq!(named, format!("{}\n", std::process::id()));
    }

    /// C59: a daemon that lives is said at once.
    #[test]
    fn c59_a_lock_of_a_daemon_that_lives_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::under(dir.path());
        let mut heir = inherited(&home, std::process::id(), "600");
        let refused = DaemonLock::take(&home).unwrap_err();
        heir.kill().unwrap();
        heir.wait().unwrap();
        let own = std::process::id();
        assert!(matches!(refused, LockError::Held { holder: Some(pid), .. } if pid == own), "{refused:?}");
    }
}
