//! Journals, and the ways in which they are damaged.

use std::fs;
use std::path::{Path, PathBuf};

use dormouse::journal::format::frame::{FRAME_HEAD, FrameHeader};
use dormouse::journal::format::{FRAME_ALIGN, FRAMES_AT, HEADER_COPY_AT};
use dormouse::journal::{DirStorage, Indexer, Journal as Writer, Options};
use dormouse::model::actor::Actor;
use dormouse::model::event::DaemonStopped;
use dormouse::model::record::{Record, Subject};
use dormouse::model::time::{BootId, Timestamp};
use dormouse::supervisor::snapshot::Folded;
use tempfile::TempDir;

/// A copy of a recorded journal, with indexes.
pub struct Journal {
    _dir: TempDir,
    pub path: PathBuf,
    pub peer: &'static str,
}

/// What has been done to a journal: one of these is named by whoever meets it; none, if it is in nobody's way.
pub struct Damage {
    pub says: Vec<String>,
}

pub type Place = (&'static str, fn(&Path) -> Option<Damage>);

pub const PLACES: &[Place] = &[
    ("a flipped bit in a sealed segment", |dir| Some(in_the_way(flip(&segments(dir)[0], 9_000)))),
    ("a flipped bit in the last segment", |dir| Some(in_the_way(flip(segments(dir).last()?, 9_000)))),
    ("a flipped bit in the newest snapshot", |dir| Some(in_the_way(flip(named(dir, "snap-").last()?, 600)))),
    ("a flipped bit in an index", |dir| {
        flip(named(dir, ".idx").first()?, 300);
        Some(Damage { says: Vec::new() })
    }),
    ("a flipped bit in the first header page", |dir| Some(in_the_way(flip_at(&segments(dir)[0], 20)))),
    ("a flipped bit in a header's copy", |dir| {
        Some(in_the_way(flip_at(segments(dir).last()?, HEADER_COPY_AT as usize + 40)))
    }),
    ("a torn tail", |dir| {
        torn(dir);
        Some(Damage { says: Vec::new() })
    }),
    ("a missing segment in the middle", |dir| {
        let segments = segments(dir);
        fs::remove_file(segments.get(1).filter(|_| segments.len() > 2)?).unwrap();
        // Some name the one that is not there, others the one that comes too early, or the first one, where the record that
        // says why there is none before it is gone.
        Some(Damage { says: segments[..3].iter().map(|it| name(it)).collect() })
    }),
    ("a missing beginning", |dir| {
        let segments = segments(dir);
        fs::remove_file(segments.first().filter(|_| segments.len() > 1)?).unwrap();
        Some(Damage { says: [&segments[0], &segments[1]].map(|it| name(it)).to_vec() })
    }),
    ("a segment cut short", |dir| {
        let segments = segments(dir);
        let segment = segments.get(1).filter(|_| segments.len() > 2)?.clone();
        let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
        file.set_len(4_500).unwrap();
        Some(in_the_way(segment))
    }),
];

/// What a last segment loses with its head: nobody can say any more what stood in it.
pub const LOST_HEADS: &[Place] = &[
    ("a last segment that begins with zeros", |dir| headless(dir, |bytes| bytes[..FRAMES_AT as usize].fill(0))),
    ("an empty last segment", |dir| headless(dir, Vec::clear)),
    ("a last segment without its head", |dir| headless(dir, |bytes| drop(bytes.drain(..FRAMES_AT as usize)))),
];

pub fn all() -> impl Iterator<Item = &'static Place> {
    PLACES.iter().chain(LOST_HEADS)
}

fn headless(dir: &Path, lose: fn(&mut Vec<u8>)) -> Option<Damage> {
    let segment = segments(dir).pop().filter(|_| segments(dir).len() > 1)?;
    let mut bytes = fs::read(&segment).unwrap();
    lose(&mut bytes);
    fs::write(&segment, bytes).unwrap();
    Some(in_the_way(segment))
}

fn in_the_way(file: PathBuf) -> Damage {
    Damage { says: vec![name(&file)] }
}

fn name(file: &Path) -> String {
    file.file_name().unwrap().to_str().unwrap().to_owned()
}

fn flip(file: &Path, offset: usize) -> PathBuf {
    let bytes = fs::read(file).unwrap();
    let is_written = |at: usize| bytes.get(at..at + 64).is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0));
    // Small files have less to damage.
    let at = [offset, 4_400, 100].into_iter().find(|at| is_written(*at)).unwrap();
    flip_at(file, at)
}

fn flip_at(file: &Path, at: usize) -> PathBuf {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 0x10;
    fs::write(file, bytes).unwrap();
    file.to_owned()
}

/// A daemon went on, and the power failed in the middle of its last write.
fn torn(dir: &Path) {
    let mut salt = 100;
    let random = move || {
        salt += 1;
        [salt; 16]
    };
    let options = Options { segment_bytes: 64 << 10, ..Options::default() };
    let storage = DirStorage::open(dir).unwrap();
    let (mut journal, _) = Writer::open(storage, options, 1, random, &mut Folded::default()).unwrap();
    let at = Timestamp { wall_us: 2_000_000_000_000_000, awake_ms: 1, boot: BootId(9) };
    let lsn = journal.next_lsn();
    let event = DaemonStopped { why: "x".repeat(4_000) }.into();
    let record = Record { lsn, at, subject: Subject::NONE, cause: None, actor: Actor::Dormouse, event };
    let _ = journal.append(&[vec![record]], ()).unwrap();
    drop(journal);
    let segment = segments(dir).pop().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let text = bytes.windows(600).position(|window| window == [b'x'; 600]).unwrap();
    let sector = text.next_multiple_of(512);
    bytes[sector..sector + 512].fill(0);
    fs::write(&segment, bytes).unwrap();
}

fn named(dir: &Path, part: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().contains(part));
    files.sort();
    files
}

pub fn segments(dir: &Path) -> Vec<PathBuf> {
    named(dir, ".jnl")
}

impl Journal {
    /// From its first record on.
    pub fn whole() -> Self {
        Self::of("v3-fleet", "demo-hal")
    }

    /// As retention has left it, with two snapshots.
    pub fn kept() -> Self {
        Self::of("kept-v1", "demo-ada")
    }

    fn of(name: &str, peer: &'static str) -> Self {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let journal = Self::copied(&golden, peer);
        Indexer::new(journal.path.clone()).catch_up(|| true).unwrap();
        assert!(!named(&journal.path, ".idx").is_empty());
        journal
    }

    pub fn copy(&self) -> Self {
        Self::copied(&self.path, self.peer)
    }

    /// Its last segment has lost all but so many bytes; says which that is.
    pub fn cut_last(&self, bytes: u64) -> String {
        let segment = segments(&self.path).pop().unwrap();
        fs::OpenOptions::new().write(true).open(&segment).unwrap().set_len(bytes).unwrap();
        name(&segment)
    }

    /// One bit of the record `lsn` is another one; says in which segment.
    pub fn flip_record(&self, lsn: u64) -> String {
        let behind = |file: &&PathBuf| name(file).trim_end_matches(".jnl").parse::<u64>().unwrap() <= lsn;
        let segment = segments(&self.path).into_iter().rfind(|file| behind(&file)).unwrap();
        let bytes = fs::read(&segment).unwrap();
        // Its head has the lsn, and behind that the rest of what its checksum covers.
        let heads = (FRAMES_AT as usize..bytes.len() - FRAME_HEAD).step_by(FRAME_ALIGN);
        let mut heads = heads.filter(|at| FrameHeader::parse(&bytes[*at..]).lsn.0 == lsn);
        let at = heads.find(|at| FrameHeader::parse(&bytes[*at..]).is_possible(1 << 20)).unwrap();
        name(&flip_at(&segment, at + FRAME_HEAD))
    }

    fn copied(from: &Path, peer: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        fs::create_dir(&path).unwrap();
        for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), path.join(file.file_name())).unwrap();
        }
        Self { _dir: dir, path, peer }
    }
}
