//! The journal, and what memory itself takes.

use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
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
    maps: Vec<Map>,
}

/// A journal of one segment that nobody has closed.
pub struct Tail {
    dir: PathBuf,
    pub records: u64,
    map: Map,
}

/// A segment, and where its room begins.
struct Map {
    bytes: Mmap,
    end: usize,
}

impl Sealed {
    pub fn write(dir: &Path, records: u64) -> Self {
        let records = Corpus::write(dir, records);
        dormouse_close(dir);
        segments(dir).iter().for_each(|path| forget(path));
        let mut maps: Vec<(PathBuf, Map)> = segments(dir).into_iter().map(|path| (path.clone(), map(&path))).collect();
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

    pub fn decode_beside(&self) -> u64 {
        let mut sum = 0_u64;
        Reader::open(&self.dir).expect("a journal").each_group(Lsn(1), |group| {
            let group = group.expect("records").iter();
            sum = group.map(|record| record.at.wall_us).fold(sum, u64::wrapping_add);
            ControlFlow::Continue(())
        });
        sum
    }

    pub fn fold(&self) -> u64 {
        self.folded(|_| ()).lsn.0
    }

    fn folded(&self, mut after_each: impl FnMut(&State)) -> State {
        let reader = Reader::open(&self.dir).expect("a journal");
        let mut state = State::default();
        for record in reader.records(Lsn(1)) {
            drop(reducer::apply(&mut state, &record.expect("a record")));
            after_each(&state);
        }
        state
    }

    /// Folds once more, with an eye on the memory.
    pub fn watched_fold(&self) -> Watched {
        let before = own_kib();
        let mut most = before;
        let state = self.folded(|state| {
            if state.lsn.0 % LOOKS_EVERY == 0 {
                most = most.max(own_kib());
            }
        });
        Watched { before, most: most.max(own_kib()), peers: state.peers.len(), messages: state.messages.len() }
    }
}

/// What a fold took: KiB of memory before it and at most, and what it still knew at its end.
pub struct Watched {
    pub before: u64,
    pub most: u64,
    pub peers: usize,
    pub messages: usize,
}

/// Records between two looks at the memory.
const LOOKS_EVERY: u64 = 10_000;

/// Resident memory that is no file's: the maps of the floor are as long as the history.
fn own_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

impl Tail {
    pub fn write(dir: &Path) -> Self {
        // Nearly as long as a tail gets.
        let records = Corpus::write(dir, 480_000);
        let path = segments(dir).pop().expect("a segment");
        assert_eq!(segments(dir).len(), 1, "one segment, and not sealed");
        forget(&path);
        Self { dir: dir.to_owned(), records, map: map(&path) }
    }

    pub fn sum(&self) -> u64 {
        sum(written(&self.map))
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

/// Lets the cache hold what reading the file brings there, as with any history that is older than the machine's last
/// start, and not the small pieces in which it was written a moment ago.
fn forget(path: &Path) {
    let file = File::open(path).expect("a segment");
    file.sync_all().expect("a sync");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("a cache");
    let end = end(&file);
    file.read_exact_at(&mut vec![0; end], 0).expect("the same");
    // What was read ahead of that is empty room, and would count as written.
    rustix::fs::fadvise(&file, end as u64, None, rustix::fs::Advice::DontNeed).expect("a cache");
}

fn map(path: &Path) -> Map {
    let file = File::open(path).expect("a segment");
    // SAFETY: nobody writes this file any more.
    let bytes = unsafe { Mmap::map(&file).expect("a map") };
    Map { bytes, end: end(&file) }
}

/// Without the room that a segment has left. That is not touched: what the cache holds of it would count as written, and
/// everybody who looks for the end of the segment would read it from then on.
fn written(map: &Map) -> &[u8] {
    let before = &map.bytes[..map.end];
    &before[..before.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)]
}

/// Where the room begins in which nothing was ever written.
fn end(file: &File) -> usize {
    rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(0)).expect("a hole") as usize
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
