//! The identity's lock: at most one live session, whatever crashes (C16).

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

/// The lock, held. Every process that came of the holder inherits it, so that it is free only when none of them is
/// left, or when those left have closed all they inherited.
#[derive(Debug)]
pub struct IdentityLock {
    _file: File,
}

impl IdentityLock {
    /// Waits for the lock as long as it takes, and writes into it which generation holds it.
    ///
    /// The kernel wakes the waiters; nothing here polls.
    pub fn take(path: &Path, generation: u64) -> io::Result<Self> {
        let mut file = open(path)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{generation}")?;
        fcntl_setfd(&file, FdFlags::empty())?;
        Ok(Self { _file: file })
    }
}

/// Who holds an identity's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    Nobody,
    /// The tree of this generation. `None`: it has just been taken and does not say by whom yet.
    Tree {
        generation: Option<u64>,
    },
}

/// Looks who holds the lock, without waiting.
///
/// Takes it shared for an instant: a shim that comes in that instant waits, and gets it.
pub fn holder(path: &Path) -> io::Result<Holder> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(error) => return Err(error),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Holder::Nobody),
        Err(Errno::WOULDBLOCK) => {
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            Ok(Holder::Tree { generation: text.parse().ok() })
        }
        Err(error) => Err(error.into()),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The generation that may start, as `wanted` says. `None`: none may, the file is absent.
///
/// # Errors
///
/// A file that cannot be read, or holds something else, allows nothing and refuses nothing.
pub fn wanted(path: &Path) -> io::Result<Option<u64>> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c16_the_lock_names_its_holder_and_is_free_once_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert_eq!(holder(&path).unwrap(), Holder::Nobody);
        let held = IdentityLock::take(&path, 812).unwrap();
        assert_eq!(holder(&path).unwrap(), Holder::Tree { generation: Some(812) });
        drop(held);
        assert_eq!(holder(&path).unwrap(), Holder::Nobody);
    }

    #[test]
    fn c16_what_is_wanted_is_a_number_or_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wanted");
        assert_eq!(wanted(&path).unwrap(), None);
        std::fs::write(&path, "812\n").unwrap();
        assert_eq!(wanted(&path).unwrap(), Some(812));
        std::fs::write(&path, "many").unwrap();
        assert!(wanted(&path).is_err(), "neither wanted nor unwanted: not known");
    }
}
