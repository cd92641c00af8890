//! What an agent said while the daemon did not answer: one file a call (C61a).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use ulid::Ulid;

use super::clock;
use crate::home::SessionFiles;

/// Why the spool failed.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("cannot write into the spool {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read {} of the spool", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot remove {} from the spool", path.display())]
    Remove { path: PathBuf, source: io::Error },
    #[error("cannot get random bytes for a name")]
    Random { source: io::Error },
}

/// Puts one call into the spool, behind all that lie there, and returns its name once it would survive a crash.
pub fn write(files: &SessionFiles, call: &[u8]) -> Result<String, SpoolError> {
    let dir = files.spool();
    let failed = |source| SpoolError::Write { path: dir.clone(), source };
    make(files).map_err(failed)?;
    let mut name = next_name(&dir)?;
    // Two calls may come upon one name; what they write must not meet.
    let under_way = dir.join(format!(".{name}.{}", std::process::id()));
    write_synced(&under_way, call).map_err(failed)?;
    loop {
        let target = dir.join(name.to_string());
        match renameat_with(CWD, &under_way, CWD, &target, RenameFlags::NOREPLACE) {
            Ok(()) => break,
            // Another call has just taken this name.
            Err(Errno::EXIST) => name = next_name(&dir)?,
            Err(error) => return Err(failed(error.into())),
        }
    }
    sync_dir(&dir).map_err(failed)?;
    Ok(name.to_string())
}

/// All calls in the spool with their names, oldest first. No folder: no calls.
pub fn read_all(files: &SessionFiles) -> Result<Vec<(String, Vec<u8>)>, SpoolError> {
    let dir = files.spool();
    let read = |name: Ulid| {
        let path = dir.join(name.to_string());
        let bytes = fs::read(&path).map_err(|source| SpoolError::Read { path, source })?;
        Ok((name.to_string(), bytes))
    };
    names(&dir).map_err(|source| SpoolError::Read { path: dir.clone(), source })?.into_iter().map(read).collect()
}

/// Takes a call out, once what it said is in the journal. Removing it twice is no error; after a crash it may be there
/// again.
pub fn remove(files: &SessionFiles, name: &str) -> Result<(), SpoolError> {
    let path = files.spool().join(name);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(SpoolError::Remove { path, source }),
        _ => Ok(()),
    }
}

/// Whether anything lies in it.
pub(super) fn is_filled(files: &SessionFiles) -> bool {
    names(&files.spool()).is_ok_and(|names| !names.is_empty())
}

fn make(files: &SessionFiles) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(files.spool()) {
        Ok(()) => sync_dir(files.dir()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Calls by name, oldest first. What is still being written begins with a dot and is no name.
fn names(dir: &Path) -> io::Result<Vec<Ulid>> {
    let mut names = Vec::new();
    match fs::read_dir(dir) {
        Ok(entries) => {
            for entry in entries {
                names.extend(entry?.file_name().to_str().and_then(|name| Ulid::from_string(name).ok()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    names.sort_unstable();
    Ok(names)
}

/// A name behind all that are there: the clock may have gone back, and two calls may come in one millisecond.
fn next_name(dir: &Path) -> Result<Ulid, SpoolError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| SpoolError::Random { source: io::Error::other(error.to_string()) })?;
    let fresh = Ulid::from_parts(clock::now().wall_us / 1000, u128::from_le_bytes(random));
    let last = names(dir).map_err(|source| SpoolError::Read { path: dir.to_owned(), source })?.pop();
    match last {
        Some(last) if last >= fresh => Ok(last.increment().unwrap_or(fresh)),
        _ => Ok(fresh),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool() -> (tempfile::TempDir, SessionFiles) {
        let dir = tempfile::tempdir().unwrap();
        let files = SessionFiles::at(dir.path());
        (dir, files)
    }

    #[test]
    fn c61a_calls_come_out_in_the_order_they_went_in() {
        let (_dir, files) = spool();
        assert!(read_all(&files).unwrap().is_empty(), "no folder yet");
        let names: Vec<String> = (0..50_u8).map(|call| write(&files, &[call]).unwrap()).collect();
        let found = read_all(&files).unwrap();
        assert_eq!(found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), names);
        assert_eq!(found.iter().map(|(_, call)| call[0]).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn c61a_a_call_behind_one_from_the_future_stays_behind_it() {
        let (_dir, files) = spool();
        write(&files, b"first").unwrap();
        let far = Ulid::from_parts(clock::now().wall_us / 1000 + 3_600_000, 7);
        fs::write(files.spool().join(far.to_string()), b"from a clock that was wrong").unwrap();
        let name = write(&files, b"last").unwrap();
        assert_eq!(read_all(&files).unwrap().pop(), Some((name, b"last".to_vec())));
    }

    #[test]
    fn c61a_a_call_cut_off_while_it_was_written_is_no_call() {
        let (_dir, files) = spool();
        let name = write(&files, b"whole").unwrap();
        fs::write(files.spool().join(format!(".{}.7", Ulid::from_parts(1, 1))), b"hal").unwrap();
        assert_eq!(read_all(&files).unwrap().len(), 1);
        remove(&files, &name).unwrap();
        remove(&files, &name).unwrap();
        assert!(!is_filled(&files));
    }
}
