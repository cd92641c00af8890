//! Reading what others write, copy and cut short meanwhile.

mod journal_disk;

use std::fs;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use dormouse::journal::{DirStorage, Indexer, Journal, Options, Order, Question, ReadError, Reader};
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;
use journal_disk::{groups, record, salts};
use tempfile::TempDir;

fn writer(dir: &Path, segment_bytes: u64) -> Journal<DirStorage> {
    let options = Options { segment_bytes, ..Options::default() };
    Journal::open(DirStorage::open(dir).unwrap(), options, 5, salts(), |_| {}).unwrap().0
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ext| ext == "jnl")).collect();
    segments.sort();
    segments
}

/// Somebody else cuts a sealed segment short while it is read: an error with its place, and no end of the process.
#[test]
fn a_segment_that_is_cut_short_under_its_reader_is_an_error_and_no_signal() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = writer(dir.path(), 8 << 20);
    let text = "x".repeat(30_000);
    for lsn in 1..=400 {
        let _ = journal.append(&[vec![record(lsn, &text)]], ()).unwrap();
    }
    let first = segments(dir.path()).remove(0);
    for kept in [0, 4_096, 100_000, (2 << 20) + 17, 5 << 20] {
        let copy = tempfile::tempdir().unwrap();
        for segment in segments(dir.path()) {
            fs::copy(&segment, copy.path().join(segment.file_name().unwrap())).unwrap();
        }
        let reader = Reader::open(copy.path()).unwrap();
        let question = Question::default();
        let (mut records, mut found) = (reader.records(Lsn(1)), reader.find(&question, Lsn(1), Order::OldestFirst));
        for lsn in 1..=2 {
            assert_eq!(records.next().unwrap().unwrap().lsn, Lsn(lsn));
            assert_eq!(found.next().unwrap().unwrap().lsn, Lsn(lsn));
        }
        let cut = fs::File::options().write(true).open(copy.path().join(first.file_name().unwrap())).unwrap();
        cut.set_len(kept).unwrap();
        // What asks for records goes on behind the damage, and says it once.
        let errors: Vec<_> = found.filter(Result::is_err).collect();
        assert_eq!(errors.len(), 1, "{kept}: {errors:?}");
        for last in [&records.last().unwrap(), &errors[0]] {
            assert!(matches!(last, Err(ReadError::Damaged { offset, .. }) if *offset < 8 << 20), "{kept}: {last:?}");
        }
        assert!(reader.check().is_err(), "{kept}");
    }
}

/// What is read on a thread of its own, record by record, each error as it is worded.
fn read_beside(reader: &Reader, from: u64) -> Vec<Result<Record, String>> {
    let mut read = Vec::new();
    reader.each_group(Lsn(from), |group| {
        match group {
            Ok(group) => read.extend(group.iter().cloned().map(Ok)),
            Err(error) => read.push(Err(error.to_string())),
        }
        ControlFlow::Continue(())
    });
    read
}

/// From wherever it begins, and wherever it is damaged: every record and every error at its place.
#[test]
fn what_is_read_beside_is_what_is_read() {
    // Segments of one stripe, and of many.
    for (segment_bytes, records, damaged) in [(256 << 10, 2_000, 50_000), (2 << 20, 30_000, (256 << 10) + 3)] {
        reads_beside_as_it_reads(segment_bytes, records, damaged);
    }
}

fn reads_beside_as_it_reads(segment_bytes: u64, records: u64, damaged: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = writer(dir.path(), segment_bytes);
    while journal.next_lsn().0 < records {
        let _ = journal.append(&groups(journal.next_lsn().0, &[1, 3, 2, 6]), ()).unwrap();
    }
    // Larger than a load may be.
    let _ = journal.append(&[vec![record(journal.next_lsn().0, &"x".repeat(200_000))]], ()).unwrap();
    let _ = journal.append(&groups(journal.next_lsn().0, &[700]), ()).unwrap();
    drop(journal);
    let all = segments(dir.path());
    assert!(all.len() > 6, "{}", all.len());
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[damaged] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let damages: [&dyn Fn(); 3] = [&|| {}, &|| flip(&all[5]), &|| fs::remove_file(&all[3]).unwrap()];
    for (damage, errors) in damages.into_iter().zip([0, 1, 1]) {
        damage();
        let reader = Reader::open(dir.path()).unwrap();
        for from in [1, 2, 255, 256, 257, 258, records / 2] {
            let read: Vec<_> =
                reader.records(Lsn(from)).map(|record| record.map_err(|error| error.to_string())).collect();
            assert!(read_beside(&reader, from) == read, "from {from}");
            assert_eq!(read.iter().filter(|record| record.is_err()).count(), errors, "from {from}");
        }
    }
}

/// Somebody who has seen enough, or who dies, leaves no reader behind that waits for room.
#[test]
fn a_thread_that_reads_beside_ends_with_whoever_looks() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = writer(dir.path(), 8 << 20);
    for _ in 0..10 {
        let _ = journal.append(&groups(journal.next_lsn().0, &[1; 1_000]), ()).unwrap();
    }
    let reader = Reader::open(dir.path()).unwrap();
    let mut seen = 0;
    reader.each_group(Lsn(1), |group| {
        seen += group.unwrap().len();
        if seen < 300 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!(seen, 300);
    let died = catch_unwind(AssertUnwindSafe(|| reader.each_group(Lsn(1), |_| panic!("enough"))));
    assert_eq!(died.unwrap_err().downcast_ref(), Some(&"enough"));
}

/// The record that the writer made of `lsn`.
fn written(lsn: u64) -> Record {
    groups(lsn, &[1]).remove(0).remove(0)
}

/// Copied file by file while a thread writes: the copy shows the beginning of the history in whole groups, and all that
/// was durable when it was begun. Only behind that may it look damaged: the end of the last file may have been copied
/// after what was written later, and before what was written earlier.
#[test]
fn a_copy_taken_at_any_moment_is_a_beginning_of_the_history() {
    let dir = tempfile::tempdir().unwrap();
    let (stop, durable) = (AtomicBool::new(false), AtomicU64::new(0));
    drop(writer(dir.path(), 16 << 10));
    thread::scope(|threads| {
        threads.spawn(|| {
            let mut journal = writer(dir.path(), 16 << 10);
            while !stop.load(Ordering::Relaxed) && journal.next_lsn().0 < 60_000 {
                let _ = journal.append(&groups(journal.next_lsn().0, &[1, 3, 2]), ()).unwrap();
                durable.store(journal.next_lsn().0 - 1, Ordering::Release);
            }
        });
        threads.spawn(|| {
            let mut indexer = Indexer::new(dir.path().to_owned());
            while !stop.load(Ordering::Relaxed) {
                indexer.catch_up(|| true).unwrap();
                thread::yield_now();
            }
        });
        let copies = (0..40).map(|_| {
            let before = durable.load(Ordering::Acquire);
            let copy = tempfile::tempdir().unwrap();
            let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            names.sort();
            for path in names.iter().filter(|path| path.is_file()) {
                // A spare may have become a segment meanwhile.
                let _ = fs::copy(path, copy.path().join(path.file_name().unwrap()));
            }
            (before, copy)
        });
        let copies: Vec<(u64, TempDir)> = copies.collect();
        stop.store(true, Ordering::Relaxed);
        for (before, copy) in copies {
            let reader = Reader::open(copy.path()).unwrap();
            let mut records: Vec<_> = reader.records(Lsn(1)).collect();
            let damage = records.pop_if(|record| record.is_err());
            let last_segment = segments(copy.path()).pop().unwrap();
            match damage {
                Some(Err(ReadError::Damaged { segment, .. })) => assert_eq!(segment, last_segment),
                Some(other) => panic!("{other:?}"),
                None => {
                    let question = Question::default();
                    let newest = reader.find(&question, Lsn(1), Order::NewestFirst).map(Result::unwrap);
                    assert!(newest.eq(records.iter().rev().map(|record| record.as_ref().unwrap().clone())));
                }
            }
            let last = records.len() as u64;
            assert!(last >= before, "{last} of {before} records that were durable before the copy was begun");
            // Groups of one, three and two records, over and over.
            assert!([0, 1, 4].contains(&(last % 6)), "half a group: {last}");
            for (record, lsn) in records.into_iter().zip(1..) {
                assert_eq!(record.unwrap(), written(lsn));
            }
        }
    });
}

/// `log -f` while the oldest segments are removed behind it.
#[test]
fn a_reader_follows_over_rotations_and_the_removal_of_what_it_has_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = writer(dir.path(), 12 << 10);
    let mut reader = Reader::open(dir.path()).unwrap();
    let (mut seen, question) = (0, Question::default());
    let mut removed = 0;
    for _ in 0..60 {
        let _ = journal.append(&groups(journal.next_lsn().0, &[1, 2]), ()).unwrap();
        Indexer::new(dir.path().to_owned()).catch_up(|| true).unwrap();
        let sealed = segments(dir.path());
        if sealed.len() > 3 {
            fs::remove_file(&sealed[0]).unwrap();
            removed += 1;
        }
        reader.refresh().unwrap();
        let new: Vec<u64> =
            reader.find(&question, Lsn(seen + 1), Order::OldestFirst).map(|record| record.unwrap().lsn.0).collect();
        assert_eq!(new, [seen + 1, seen + 2, seen + 3]);
        seen += 3;
    }
    assert!(removed > 3, "{removed}");
}
