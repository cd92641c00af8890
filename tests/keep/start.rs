//! A start costs what came since the newest snapshot, and three short reads for each segment before it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dormouse::journal::{Journal, LockOutcome, Options, Storage, StorageFile};
use dormouse::supervisor::snapshot::Folded;

use crate::journal_disk::{SimDisk, SimFile, salts};
use crate::world::{names, open_sized};

const SEGMENT_BYTES: u64 = 128 << 10;

/// Counts the bytes that are read.
struct Counted(SimDisk, Arc<AtomicU64>);

struct CountedFile(SimFile, Arc<AtomicU64>);

impl Storage for Counted {
    type File = CountedFile;

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn lock(&self) -> io::Result<LockOutcome> {
        self.0.lock()
    }

    fn unlock(&self) {
        self.0.unlock();
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn open(&self, name: &str) -> io::Result<CountedFile> {
        Ok(CountedFile(Storage::open(&self.0, name)?, Arc::clone(&self.1)))
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<CountedFile> {
        Ok(CountedFile(Storage::create(&self.0, name, bytes)?, Arc::clone(&self.1)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.0.sync_folder()
    }

    fn quarantine(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.quarantine(name, bytes)
    }
}

impl StorageFile for CountedFile {
    fn bytes(&self) -> io::Result<u64> {
        self.0.bytes()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.1.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn forget_cache(&self) {
        self.0.forget_cache();
    }

    fn release(&self, from: u64, to: u64) {
        self.0.release(from, to);
    }
}

/// What a start reads after `rounds` of 150 records, a snapshot, and ten records more: segments, bytes, records folded.
fn start_after(rounds: usize) -> (u64, u64, u64) {
    let disk = SimDisk::default();
    let mut world = open_sized(&disk, SEGMENT_BYTES, 150).unwrap();
    world.settle(0).unwrap();
    for _ in 0..rounds {
        world.notes(150).and_then(|()| world.quiet()).unwrap();
    }
    world.notes(10).unwrap();
    let state = world.state().clone();
    drop(world);
    let (segments, read) = (names(&disk, ".jnl").len() as u64, Arc::new(AtomicU64::new(0)));
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    let mut folded = Folded::default();
    let storage = Counted(disk, Arc::clone(&read));
    let (_, recovered) = Journal::open(storage, options, 1_000_000, salts(), &mut folded).unwrap();
    assert_eq!(folded.state, state);
    (segments, read.load(Ordering::Relaxed), recovered.records)
}

#[test]
fn a_start_after_a_long_history_reads_little_more_than_after_a_short_one() {
    let (short, read_short, folded_short) = start_after(3);
    let (long, read_long, folded_long) = start_after(30);
    assert_eq!((folded_short, folded_long), (11, 11), "the proof, and ten more");
    assert!(long > 6 * short, "{short} and {long} segments");
    // A header's page, a trailer's room, and a seal.
    let labels = (long - short) * (4096 + 4096 + 4096);
    assert!(read_long <= read_short + labels + SEGMENT_BYTES, "{read_short} bytes of {short}, {read_long} of {long}");
}
