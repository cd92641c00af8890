//! A verifier is sound beside a writer, and on copies of what it leaves at any moment.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dormouse::journal::{DirStorage, Journal, Options, verify};

use crate::journal_disk::{groups, salts};
use crate::world::SEGMENT_BYTES;

/// Ends the writer even if an assertion fails beside it.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Appends, marks and rotates until it is told to stop; now and then it ends in order, or as if it were killed.
fn write_on(dir: &Path, stop: &AtomicBool) {
    let options = Options { segment_bytes: 4 * SEGMENT_BYTES, ..Options::default() };
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut journal = Journal::open(DirStorage::open(dir).unwrap(), options, 5, salts(), |_| {}).unwrap().0;
        for _ in 0..20 {
            let _ = journal.append(&groups(journal.next_lsn().0, &[1, 3, 2]), ()).unwrap();
            journal.mark().unwrap();
        }
        rounds += 1;
        if rounds % 2 == 0 {
            journal.close().unwrap();
        }
    }
}

#[test]
fn a_journal_is_whole_at_every_look_beside_its_writer() {
    let (dir, stop) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    drop(Journal::open(DirStorage::open(dir.path()).unwrap(), Options::default(), 5, salts(), |_| {}).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| write_on(dir.path(), &stop));
        let _stop = Stop(&stop);
        let mut last = 0;
        for look in 0..60 {
            let found = verify(dir.path()).unwrap();
            assert_eq!(found.damage, [], "look {look}");
            assert!(found.last_lsn.0 >= last, "look {look}: what was there once is there");
            last = found.last_lsn.0;
        }
    });
    assert_eq!(verify(dir.path()).unwrap().damage, []);
}

/// Between two operations of the writer a copy holds what is there. One that is made while bytes arrive is of several
/// moments, file by file: each file but the last is sealed by then.
#[test]
fn a_copy_taken_between_any_two_batches_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    for round in 0..4 {
        let mut journal = Journal::open(DirStorage::open(dir.path()).unwrap(), options, 5, salts(), |_| {}).unwrap().0;
        for _ in 0..6 {
            let _ = journal.append(&groups(journal.next_lsn().0, &[1, 2]), ()).unwrap();
            let copy = tempfile::tempdir().unwrap();
            for entry in fs::read_dir(dir.path()).unwrap().map(Result::unwrap).filter(|it| it.path().is_file()) {
                fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
            }
            let found = verify(copy.path()).unwrap();
            assert_eq!((found.damage, found.torn_tail), (vec![], None), "round {round}");
            assert_eq!(found.last_lsn.0 + 1, journal.next_lsn().0);
        }
        if round % 2 == 0 {
            journal.close().unwrap();
        }
    }
}
