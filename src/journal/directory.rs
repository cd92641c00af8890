//! A journal's folder on a real file system.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, IoSlice, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{Advice, FallocateFlags, FlockOperation, SeekFrom};
use rustix::io::{Errno, ReadWriteFlags};

use super::format::{segment_first_lsn, snapshot_through};
use super::storage::{LockOutcome, Storage, StorageFile};

const LOCK: &str = "LOCK";
/// Longer than anybody takes who asks whether it is held.
const ASKED: Duration = Duration::from_millis(20);
pub(super) const QUARANTINE: &str = "quarantine";

/// `RWF_DONTCACHE` (Linux 6.14): the disk begins with the bytes as the call returns. Pages that the call itself brings into
/// the cache are dropped once they are on the disk; those that zeros were written to before stay.
const BEGIN: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);

/// The real [`Storage`].
#[derive(Debug)]
pub struct DirStorage {
    dir: PathBuf,
    lock: Mutex<Option<File>>,
}

impl DirStorage {
    /// The folder `dir`, made (0700) with its parents if it is not there.
    ///
    /// # Errors
    ///
    /// What the file system says; nothing is locked yet.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let missing = dir.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()).count();
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        // Each folder that was made is named in the one above. The journal's own name is synced at every opening: who made
        // it may have died before.
        for folder in dir.ancestors().take(missing.max(1)).filter_map(Path::parent) {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()?;
        }
        Ok(Self { dir: dir.to_owned(), lock: Mutex::new(None) })
    }
}

/// Waits a moment if a writer holds the journal in `dir`, as far as this process may know; else false.
pub(super) fn lets_writer_go_on(dir: &Path, moment: Duration) -> bool {
    let Ok(file) = File::open(dir.join(LOCK)) else { return false };
    let is_held = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK);
    if is_held {
        // Nothing tells another process that a write has gone on.
        std::thread::sleep(moment);
    }
    is_held
}

/// Who only asks, by [`lets_writer_go_on`], holds it for a moment.
fn lock_once_more(file: &File) -> Result<(), Errno> {
    let lock = || rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive);
    lock().or_else(|error| {
        if error == Errno::WOULDBLOCK {
            // Not for the lock itself, which would be for a daemon's end.
            std::thread::sleep(ASKED);
        }
        lock()
    })
}

impl Storage for DirStorage {
    type File = File;

    fn path(&self) -> &Path {
        &self.dir
    }

    fn lock(&self) -> io::Result<LockOutcome> {
        let path = self.dir.join(LOCK);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match lock_once_more(&file) {
            Err(Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid)?;
                return Ok(LockOutcome::HeldBy(pid.trim().parse().ok()));
            }
            outcome => outcome?,
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(LockOutcome::Held)
    }

    fn unlock(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn list(&self) -> io::Result<Vec<String>> {
        list(&self.dir)
    }

    fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.dir.join(name))
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<File> {
        let path = self.dir.join(name);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
        // The standard library repeats what a signal has interrupted; this call is ours to repeat.
        let reserve = || rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes);
        match rustix::io::retry_on_intr(reserve) {
            // Without preallocation the journal works the same; only a full disk is noticed later.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(bytes)?,
            outcome => outcome?,
        }
        Ok(file)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.dir.join(from), self.dir.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.dir.join(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn quarantine(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = self.dir.join(QUARANTINE);
        if !folder.is_dir() {
            DirBuilder::new().mode(0o700).create(&folder)?;
        }
        // Also if it was there: who made it may have died before this.
        self.sync_folder()?;
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        File::open(&folder)?.sync_all()
    }
}

/// The names in `dir`; those that are not UTF-8 cannot be ours.
pub(super) fn list(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        if let Ok(name) = entry?.file_name().into_string() {
            names.push(name);
        }
    }
    Ok(names)
}

/// A folder with these names holds a journal. A writer locks it before it makes the first segment; a copy need not have the
/// lock.
pub(super) fn is_journal(names: &[String]) -> bool {
    names.iter().any(|name| name == LOCK || segment_first_lsn(name).is_some() || snapshot_through(name).is_some())
}

/// A whole file, for readers that have no [`Storage`].
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

impl StorageFile for File {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn written_from(&self, offset: u64) -> u64 {
        match rustix::fs::seek(self, SeekFrom::Data(offset)) {
            Ok(place) => place.max(offset),
            Err(Errno::NXIO) => self.metadata().map_or(offset, |metadata| metadata.len().max(offset)),
            // A file system that cannot say has its bytes read.
            Err(_) => offset,
        }
    }

    fn read_no_further(&self) {
        // Zeros that were read ahead are pages like any other, and hide that nothing was ever written there. Read ahead
        // of each look, the whole of an empty segment would be.
        let _ = rustix::fs::fadvise(self, 0, None, Advice::Random);
    }

    fn read_ahead(&self) {
        let _ = rustix::fs::fadvise(self, 0, None, Advice::Sequential);
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn write_out_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let write = || rustix::io::pwritev2(self, &[IoSlice::new(bytes)], offset, BEGIN);
        let written = match rustix::io::retry_on_intr(write) {
            // A kernel or a file system that does not know the flag has written nothing.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => 0,
            outcome => outcome?,
        };
        self.write_all_at(&bytes[written..], offset + written as u64)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn forget_cache(&self) {
        // Advice: where it is not taken, reads come from the cache as they would have without it.
        let _ = rustix::fs::fadvise(self, 0, None, Advice::DontNeed);
    }

    fn release(&self, from: u64, to: u64) {
        if from < to {
            let _ =
                rustix::fs::fallocate(self, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, from, to - from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether or not the file system knows how, in pages that were written before and in new ones.
    #[test]
    fn what_goes_out_at_once_reads_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let storage = DirStorage::open(folder.path()).unwrap();
        let file: &dyn StorageFile = &Storage::create(&storage, "segment", 1 << 20).unwrap();
        file.write_at(&[0; 8192], 0).unwrap();
        let bytes: Vec<u8> = (0..200_000_u32).map(|place| (place % 251) as u8).collect();
        file.write_out_at(&bytes, 4099).unwrap();
        file.write_out_at(b"over it", 5000).unwrap();
        file.sync().unwrap();
        let mut read = vec![0; bytes.len() + 2];
        file.read_at(&mut read, 4098).unwrap();
        let over = 5000 - 4099;
        let expected = [&[0], &bytes[..over], b"over it", &bytes[over + 7..], &[0]].concat();
        assert!(read == expected, "other bytes than were written");
    }

    /// Whatever the file system says or cannot say, no written byte is ever passed over.
    #[test]
    fn what_is_said_to_be_unwritten_reads_as_zero() {
        let folder = tempfile::tempdir().unwrap();
        let storage = DirStorage::open(folder.path()).unwrap();
        let file: &dyn StorageFile = &Storage::create(&storage, "segment", 8 << 20).unwrap();
        for place in [0, 4096, (5 << 20) + 17] {
            file.write_at(b"x", place).unwrap();
        }
        let mut at = 1;
        while at < 8 << 20 {
            let from = file.written_from(at);
            assert!((at..=8 << 20).contains(&from), "{from} from {at}");
            let mut passed = vec![1; (from - at) as usize];
            file.read_at(&mut passed, at).unwrap();
            assert!(passed.iter().all(|&byte| byte == 0), "something stands between {at} and {from}");
            at = from + 4096;
        }
        assert_eq!(file.written_from(9 << 20), 9 << 20, "beyond the end there is nothing to pass over");
    }
}
