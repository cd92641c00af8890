//! Reading: beside a live writer, on a copy, over damage. Nothing here needs a daemon or writes a byte.

mod journal_disk;

use std::fs;
use std::path::{Path, PathBuf};

use dormouse::journal::format::frame::{self, FrameHeader, Seed};
use dormouse::journal::format::header::SegmentHeader;
use dormouse::journal::{DirStorage, Journal, OpenError, Options, ReadError, Reader, verify};
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;
use journal_disk::{groups, record, salts};

fn writer(dir: &Path, segment_bytes: u64) -> Journal<DirStorage> {
    let options = Options { segment_bytes, ..Options::default() };
    Journal::open(DirStorage::open(dir).unwrap(), options, 5, salts(), |_| {}).unwrap().0
}

/// Appends `batches` batches of three records in two groups.
fn append(journal: &mut Journal<DirStorage>, batches: usize) {
    for _ in 0..batches {
        let _ = journal.append(&groups(journal.next_lsn().0, &[1, 2]), ()).unwrap();
    }
}

fn lsns(reader: &Reader, from: u64) -> Vec<u64> {
    reader.records(Lsn(from)).map(|record| record.unwrap().lsn.0).collect()
}

fn segment_files(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ext| ext == "jnl")).collect();
    segments.sort();
    segments
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[byte] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// Where the bytes of the last frame end.
fn tail(path: &Path) -> usize {
    fs::read(path).unwrap().iter().rposition(|&byte| byte != 0).unwrap() + 1
}

/// The reader of `log -f`: what is appended shows at the next refresh, over rotations and new writers.
#[test]
fn a_reader_follows_a_live_writer() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Reader::open(&dir.path().join("none")), Err(ReadError::NoJournal { .. })));
    assert!(matches!(Reader::open(dir.path()), Err(ReadError::NoJournal { .. })), "a folder is not yet a journal");
    // What a writer makes first.
    std::fs::write(dir.path().join("LOCK"), "").unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(lsns(&reader, 1), Vec::<u64>::new());
    let mut seen = 0;
    for round in 0..3 {
        let mut journal = writer(dir.path(), 16 << 10);
        // Also before the first record: the next writer replaces the segment that this one has not used.
        reader.refresh().unwrap();
        if round == 1 {
            drop(journal);
            journal = writer(dir.path(), 16 << 10);
        }
        for _ in 0..12 {
            append(&mut journal, 2);
            journal.mark().unwrap();
            reader.refresh().unwrap();
            let new = lsns(&reader, seen + 1);
            assert_eq!(new, (seen + 1..=seen + 6).collect::<Vec<_>>());
            seen += 6;
        }
        assert_eq!(verify(dir.path()).unwrap().damage, [], "sound on a live journal");
        journal.close().unwrap();
    }
    reader.refresh().unwrap();
    assert_eq!((reader.last_lsn(), lsns(&reader, 1).len()), (Lsn(seen), seen as usize));
    assert!(segment_files(dir.path()).len() > 6);
}

/// Any record by its lsn, and the rest from any lsn on, in sealed segments of several blocks and in the open one.
#[test]
fn records_are_found_by_lsn() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = writer(dir.path(), 256 << 10);
    append(&mut journal, 350);
    let reader = Reader::open(dir.path()).unwrap();
    let all: Vec<Record> = reader.records(Lsn::ZERO).map(Result::unwrap).collect();
    assert_eq!(all.len(), 1050);
    assert!(segment_files(dir.path()).len() > 2);
    for record in all.iter().step_by(7) {
        assert_eq!(reader.record(record.lsn).unwrap().as_ref(), Some(record));
    }
    for from in (1..1050).step_by(83) {
        assert_eq!(reader.records(Lsn(from)).next().unwrap().unwrap().lsn, Lsn(from));
    }
    assert_eq!(lsns(&reader, 1049), [1049, 1050]);
    assert_eq!((reader.record(Lsn(1051)).unwrap(), reader.record(Lsn::ZERO).unwrap()), (None, None));
}

/// A kind of a later build is no damage: readers name it and go on, the writer refuses to fold around it.
#[test]
fn an_unknown_kind_is_named_and_not_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = writer(dir.path(), 16 << 10);
    append(&mut journal, 1);
    drop(journal);
    let path = segment_files(dir.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    let salt = SegmentHeader::read(&bytes[..4096]).0.unwrap().salt;
    let offset = tail(&path).next_multiple_of(8);
    let header = FrameHeader { length: 3, lsn: Lsn(4), time_us: 1, kind: 999, schema: 1, flags: 0, behind: 1 };
    let mut new = Vec::new();
    frame::push(&mut new, &Seed::new(&salt), offset as u64, &header, b"new");
    bytes[offset..offset + new.len()].copy_from_slice(&new);
    fs::write(&path, bytes).unwrap();

    let reader = Reader::open(dir.path()).unwrap();
    let found: Vec<_> = reader.records(Lsn(1)).collect();
    assert_eq!(found.len(), 4);
    assert!(matches!(found[3], Err(ReadError::Unknown { lsn: Lsn(4), kind: 999, schema: 1, .. })), "{found:?}");
    assert_eq!(verify(dir.path()).unwrap().damage, []);
    let opened = Journal::open(DirStorage::open(dir.path()).unwrap(), Options::default(), 5, salts(), |_| {});
    match opened.map(|_| ()) {
        Err(error @ OpenError::UnknownKind { lsn: Lsn(4), kind: 999, .. }) => assert!(!error.is_damage()),
        other => panic!("{other:?}"),
    }
}

/// A batch cut off by a crash is no damage: it is named, the reader ends before it, and nothing of its group shows.
#[test]
fn a_torn_tail_is_reported_and_not_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = writer(dir.path(), 64 << 10);
    append(&mut journal, 3);
    let end = tail(&segment_files(dir.path())[0]).next_multiple_of(8);
    let long = "x".repeat(3_000);
    let _ = journal.append(&[vec![record(10, "whole, of a torn group"), record(11, &long)]], ()).unwrap();
    drop(journal);
    let path = segment_files(dir.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[end.next_multiple_of(512) + 1024..][..512].fill(0);
    fs::write(&path, bytes).unwrap();

    let found = verify(dir.path()).unwrap();
    let torn = found.torn_tail.expect("a torn tail");
    assert_eq!((torn.offset, torn.lsn, found.records), (end as u64, Lsn(10), 9));
    assert_eq!(found.damage, []);
    assert_eq!(lsns(&Reader::open(dir.path()).unwrap(), 1), (1..=9).collect::<Vec<_>>());
    drop(writer(dir.path(), 64 << 10));
    let kept = fs::read_dir(dir.path().join("quarantine")).unwrap().next().unwrap().unwrap();
    assert!(fs::read(kept.path()).unwrap().len() > 3_000);
    assert_eq!((verify(dir.path()).unwrap().damage, verify(dir.path()).unwrap().torn_tail), (vec![], None));
}

/// P2: a zeroed sector looks like a torn write, but a MARK says that the record was on the disk.
#[test]
fn i8_rot_before_a_mark_is_refused_though_it_looks_torn() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = writer(dir.path(), 64 << 10);
    append(&mut journal, 2);
    let before = tail(&segment_files(dir.path())[0]).next_multiple_of(8);
    let _ = journal.append(&[vec![record(7, &"x".repeat(3_000))]], ()).unwrap();
    journal.mark().unwrap();
    drop(journal);
    let path = segment_files(dir.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[before.next_multiple_of(512) + 512..][..512].fill(0);
    fs::write(&path, bytes).unwrap();

    let found = verify(dir.path()).unwrap();
    assert_eq!((found.torn_tail, found.damage.len(), found.damage[0].lsn), (None, 1, Lsn(7)), "{:?}", found.damage);
    let last = Reader::open(dir.path()).unwrap().records(Lsn(1)).last().unwrap();
    assert!(matches!(last, Err(ReadError::Damaged { lsn: Lsn(7), .. })), "{last:?}");
    let opened = Journal::open(DirStorage::open(dir.path()).unwrap(), Options::default(), 5, salts(), |_| {});
    assert!(matches!(opened, Err(OpenError::Damaged { lsn: Lsn(7), .. })));
}

/// Every byte is audited: a change anywhere in a closed journal is named, and reading on finds the other records.
#[test]
fn an_audit_names_every_changed_byte() {
    let whole = tempfile::tempdir().unwrap();
    let mut journal = writer(whole.path(), 12 << 10);
    append(&mut journal, 4);
    journal.close().unwrap();
    let segments = segment_files(whole.path());
    assert!(segments.len() >= 2);
    let total = verify(whole.path()).unwrap().records;
    for segment in &segments {
        let bytes = fs::read(segment).unwrap();
        for byte in (0..bytes.len())
            .step_by(211)
            .chain((4096..4136).step_by(3))
            .chain((bytes.len() - 4096..bytes.len() - 4024).step_by(5))
        {
            flip(segment, byte);
            let found = verify(whole.path()).unwrap();
            assert!(!found.damage.is_empty(), "byte {byte} of {}", segment.display());
            assert!(found.torn_tail.is_none(), "byte {byte} of {}", segment.display());
            assert!(found.records + 1 >= total, "byte {byte}: {} of {total} records", found.records);
            let read = Reader::open(whole.path()).map(|reader| reader.records(Lsn(1)).count());
            assert!(read.is_ok_and(|count| count > 0), "byte {byte}");
            fs::write(segment, &bytes).unwrap();
        }
    }
    assert_eq!(verify(whole.path()).unwrap().damage, []);
}
