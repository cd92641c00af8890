//! The writer's only door to files. Generic, so that a simulated disk can stand behind it.

use std::io;
use std::path::Path;

/// What came of asking for the journal's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockOutcome {
    Held,
    /// Another writer has it: its process, if it said so.
    HeldBy(Option<u32>),
}

/// A folder of files. Names are plain file names.
pub trait Storage: Send + Sync + 'static {
    type File: StorageFile;

    /// The folder, for messages.
    fn path(&self) -> &Path;

    /// Takes the lock of the one writer (I7); it ends with the process, or with [`Storage::unlock`].
    fn lock(&self) -> io::Result<LockOutcome>;

    fn unlock(&self);

    /// Every file, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// An existing file, for reading and writing.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// A file of `bytes` zeros with room reserved for all of them where the system can do so; one of that name is
    /// replaced. Not durable before [`StorageFile::sync`] and [`Storage::sync_folder`].
    fn create(&self, name: &str, bytes: u64) -> io::Result<Self::File>;

    /// Replaces `to` atomically.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes names durable.
    fn sync_folder(&self) -> io::Result<()>;

    /// Keeps `bytes` as `quarantine/NAME`, durably; one of that name is replaced.
    fn quarantine(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// One file of a [`Storage`]. Reads and writes name their place and are whole or an error.
pub trait StorageFile: Send + Sync + 'static {
    fn bytes(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset`; [`io::ErrorKind::UnexpectedEof`] beyond the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// The first place at or behind `offset` where something may have been written; the file's end if nothing was.
    /// Every byte before it reads as zero. A storage that cannot tell answers `offset`.
    fn written_from(&self, offset: u64) -> u64 {
        offset
    }

    /// Lets reads fetch no more than they ask for. What a system has read ahead it may count as written from then on.
    fn read_no_further(&self) {}

    /// Lets the system read ahead as it likes: everything is going to be asked for, in order.
    fn read_ahead(&self) {}

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// As [`StorageFile::write_at`], and the disk begins with the bytes at once where the system can have it so: what is
    /// computed before [`StorageFile::sync`] then takes no time of its own. Durable no sooner than by that.
    fn write_out_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_at(bytes, offset)
    }

    /// Returns once every byte written is durable. After an error nobody knows which are (I9).
    fn sync(&self) -> io::Result<()>;

    /// Lets the next reads come from the device, and not from a cache that may have outlived a failed sync.
    fn forget_cache(&self);

    /// Gives back the room of bytes `from..to`, which are zero. A failure costs only the room.
    fn release(&self, from: u64, to: u64);
}
