//! Small journals in folders of their own, and what can be done to them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use dormouse::journal::salvage::{Salvaged, salvage};
use dormouse::journal::{Damage, DamageKind, DirStorage, Journal, Options, Reader};
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;
use tempfile::TempDir;

use crate::journal_disk::{SimDisk, groups, record, salts};

pub const SEGMENT_BYTES: u64 = 12 << 10;

/// A journal in a folder, as bytes, so that each damage begins with the same.
pub struct Copy {
    pub dir: TempDir,
    pub segments: Vec<(String, Vec<u8>)>,
}

impl Copy {
    /// Puts the journal into a folder of its own.
    pub fn of(segments: &[(String, Vec<u8>)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in segments {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        Self { dir, segments: segments.to_vec() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn file(&self, index: usize) -> PathBuf {
        self.path().join(&self.segments[index].0)
    }

    /// A handle for changing single bytes of a segment.
    pub fn handle(&self, index: usize) -> File {
        File::options().write(true).open(self.file(index)).unwrap()
    }

    /// Changes a segment's bytes.
    pub fn change(&self, index: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.segments[index].1.clone();
        change(&mut bytes);
        fs::write(self.file(index), bytes).unwrap();
    }
}

/// Writes one byte and gives nothing else a reason to differ.
pub fn put(file: &File, at: usize, byte: u8) {
    file.write_all_at(&[byte], at as u64).unwrap();
}

/// A journal of several small segments, closed in order.
pub fn closed(batches: usize) -> Vec<(String, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    let mut journal = Journal::open(DirStorage::open(dir.path()).unwrap(), options, 5, salts(), |_| {}).unwrap().0;
    for _ in 0..batches {
        let _ = journal.append(&groups(journal.next_lsn().0, &[1, 2]), ()).unwrap();
    }
    journal.close().unwrap();
    segments(dir.path())
}

/// As small as a journal can be: each writer ends in order after a few short records, and the next begins a segment.
pub fn tiny(writers: usize) -> Vec<(String, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    for _ in 0..writers {
        let mut journal = Journal::open(DirStorage::open(dir.path()).unwrap(), options, 5, salts(), |_| {}).unwrap().0;
        let lsn = journal.next_lsn().0;
        let group = vec![record(lsn + 1, "begun"), record(lsn + 2, "and ended")];
        let _ = journal.append(&[vec![record(lsn, "alone")], group], ()).unwrap();
        journal.mark().unwrap();
        journal.close().unwrap();
    }
    segments(dir.path())
}

/// A closed segment, and one whose writer was killed behind a batch that nothing witnesses.
pub fn open_tail() -> Vec<(String, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(&tiny(1)[0].0), &tiny(1)[0].1).unwrap();
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    let mut journal = Journal::open(DirStorage::open(dir.path()).unwrap(), options, 5, salts(), |_| {}).unwrap().0;
    let _ = journal.append(&[vec![record(4, "synced before")]], ()).unwrap();
    let _ = journal.append(&[vec![record(5, "in the last"), record(6, "batch")]], ()).unwrap();
    drop(journal);
    segments(dir.path())
}

/// Segments with their bytes, in order.
pub fn segments(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let mut segments: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| name.ends_with(".jnl"))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect();
    segments.sort();
    segments
}

pub fn records(dir: &Path) -> Vec<Record> {
    Reader::open(dir).unwrap().records(Lsn(1)).map(Result::unwrap).collect()
}

/// Salvages into memory: what came of it, and the records of the new journal as its writer would fold them.
pub fn saved(dir: &Path) -> (Salvaged, Vec<Record>) {
    let disk = SimDisk::default();
    let salvaged = salvage(dir, disk.clone(), 9, salts()).unwrap();
    let (journal, recovered, records) = disk.open(SEGMENT_BYTES).unwrap();
    drop(journal);
    assert!(recovered.torn.is_none() && recovered.closed);
    (salvaged, records)
}

/// Kind, segment, offset and lsn of each damage.
pub fn places(damage: &[Damage]) -> Vec<(DamageKind, &str, u64, u64)> {
    damage.iter().map(|it| (it.kind, it.segment.as_str(), it.offset, it.lsn.0)).collect()
}
