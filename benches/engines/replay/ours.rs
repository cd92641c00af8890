//! The journal, and what memory itself takes.

use std::fs::File;
use std::path::{Path, PathBuf};

use dormouse::journal::{Reader, verify};
use dormouse::model::id::Lsn;
use dormouse::model::state::State;
use dormouse::reducer;
use memmap2::Mmap;

use super::corpus::Corpus;

/// A journal that was closed: every segment is sealed.
pub struct Sealed {
    pub dir: PathBuf,
    pub records: u64,
    maps: Vec<Mmap>,
}

/// A journal of one segment that nobody has closed.
pub struct Tail {
    dir: PathBuf,
    pub records: u64,
    bytes: Vec<u8>,
}

impl Sealed {
    pub fn write(dir: &Path, records: u64) -> Self {
        let records = Corpus::write(dir, records);
        dormouse_close(dir);
        let mut maps: Vec<(PathBuf, Mmap)> = segments(dir).into_iter().map(|path| (path.clone(), map(&path))).collect();
        // The empty segment that the next writer would go on in.
        maps.pop();
        Self { dir: dir.to_owned(), records, maps: maps.into_iter().map(|(_, map)| map).collect() }
    }

    pub fn bytes(&self) -> u64 {
        self.maps.iter().map(|map| written(map).len() as u64).sum()
    }

    pub fn sum(&self) -> u64 {
        self.maps.iter().map(|map| sum(written(map))).fold(0, u64::wrapping_add)
    }

    pub fn check(&self) -> u64 {
        Reader::open(&self.dir).expect("a journal").check().expect("no damage")
    }

    pub fn verify(&self) -> u64 {
        let found = verify(&self.dir).expect("a journal");
        assert!(found.damage.is_empty(), "{:?}", found.damage);
        found.records
    }

    pub fn decode(&self) -> u64 {
        let reader = Reader::open(&self.dir).expect("a journal");
        reader.records(Lsn(1)).map(|record| record.expect("a record").at.wall_us).fold(0, u64::wrapping_add)
    }

    pub fn fold(&self) -> u64 {
        self.folded().lsn.0
    }

    fn folded(&self) -> State {
        let reader = Reader::open(&self.dir).expect("a journal");
        let mut state = State::default();
        for record in reader.records(Lsn(1)) {
            drop(reducer::apply(&mut state, &record.expect("a record")));
        }
        state
    }

    /// Peers and messages that the state still knows at the end.
    pub fn state(&self) -> (usize, usize) {
        let state = self.folded();
        (state.peers.len(), state.messages.len())
    }
}

impl Tail {
    pub fn write(dir: &Path) -> Self {
        let records = Corpus::write(dir, 250_000);
        let path = segments(dir).pop().expect("a segment");
        let bytes = std::fs::read(&path).expect("a segment");
        let end = bytes.iter().rposition(|&byte| byte != 0).expect("records") + 1;
        assert_eq!(segments(dir).len(), 1, "one segment, and not sealed");
        Self { dir: dir.to_owned(), records, bytes: bytes[..end].to_vec() }
    }

    pub fn sum(&self) -> u64 {
        sum(&self.bytes)
    }

    pub fn check(&self) -> u64 {
        Reader::open(&self.dir).expect("a journal").check().expect("no damage")
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("a name").path());
    let mut segments: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ext| ext == "jnl")).collect();
    segments.sort();
    segments
}

fn map(path: &Path) -> Mmap {
    // SAFETY: nobody writes this file any more.
    unsafe { Mmap::map(&File::open(path).expect("a segment")).expect("a map") }
}

/// Without the room that a segment has left.
fn written(map: &[u8]) -> &[u8] {
    const TRAILER_ROOM: usize = 4096;
    let before = &map[..map.len() - TRAILER_ROOM];
    &before[..before.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)]
}

fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().fold(0, |sum, word| sum.wrapping_add(u64::from_ne_bytes(*word)))
}

fn dormouse_close(dir: &Path) {
    use dormouse::journal::{DirStorage, Journal, Options};
    let storage = DirStorage::open(dir).expect("a folder");
    let journal = Journal::open(storage, Options::default(), 5, || [9; 16], |_| ()).expect("the journal").0;
    journal.close().expect("an end in order");
}
