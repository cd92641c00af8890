//! A verifier is sound beside a writer, and on copies of what it leaves at any moment.

use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use dormouse::journal::{DirStorage, Journal, Options, Reader, verify};
use dormouse::model::id::Lsn;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::journal_disk::{groups, salts};
use crate::world::SEGMENT_BYTES;

/// Ends the writer even if an assertion fails beside it.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn options() -> Options {
    Options { segment_bytes: 4 * SEGMENT_BYTES, ..Options::default() }
}

/// Appends, marks and rotates until it is told to stop; now and then it ends in order, or as if it were killed.
/// `synced` is the last record that an append has returned for.
fn write_on(dir: &Path, stop: &AtomicBool, synced: &AtomicU64) {
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut journal = Journal::open(DirStorage::open(dir).unwrap(), options(), 5, salts(), |_| {}).unwrap().0;
        for _ in 0..20 {
            let _ = journal.append(&groups(journal.next_lsn().0, &[1, 3, 2]), ()).unwrap();
            synced.store(journal.next_lsn().0 - 1, Ordering::Relaxed);
            journal.mark().unwrap();
        }
        rounds += 1;
        if rounds % 2 == 0 {
            journal.close().unwrap();
        }
    }
}

/// As `cp -r` does it: the names first, then file by file. A spare that gets its name meanwhile is missed.
fn copy_files(from: &Path, to: &Path) {
    let names: Vec<_> = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for name in names {
        match fs::copy(from.join(&name), to.join(&name)) {
            Err(error) if name != "next.tmp" && name != "quarantine" => panic!("{name:?}: {error}"),
            _ => {}
        }
    }
}

#[test]
fn a_journal_is_whole_at_every_look_beside_its_writer() {
    let (dir, stop) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    drop(Journal::open(DirStorage::open(dir.path()).unwrap(), options(), 5, salts(), |_| {}).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| write_on(dir.path(), &stop, &AtomicU64::new(0)));
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

/// A copying program reads each file's bytes one after another, while they change. Whatever was synced before it began
/// is in the copy, and is whole; only what came while it copied can be torn there.
#[test]
fn a_copy_made_beside_the_writer_holds_whole_what_was_synced_before_it_began() {
    let (dir, stop, synced) = (tempfile::tempdir().unwrap(), AtomicBool::new(false), AtomicU64::new(0));
    drop(Journal::open(DirStorage::open(dir.path()).unwrap(), options(), 5, salts(), |_| {}).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| write_on(dir.path(), &stop, &synced));
        let _stop = Stop(&stop);
        for copies in 0..25 {
            let (before, copy) = (synced.load(Ordering::Relaxed), tempfile::tempdir().unwrap());
            copy_files(dir.path(), copy.path());
            let found = verify(copy.path()).unwrap();
            let torn = |lsn: u64| assert!(lsn > before, "copy {copies}: {before} was synced, and {found:?}");
            torn(found.last_lsn.0 + 1);
            found.damage.iter().for_each(|damage| torn(damage.lsn.0));
            found.torn_tail.iter().for_each(|tail| torn(tail.lsn.0));
        }
    });
}

/// Between two operations of the writer there is nothing to be torn.
#[test]
fn a_copy_taken_between_any_two_batches_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    for round in 0..4 {
        let mut journal = Journal::open(DirStorage::open(dir.path()).unwrap(), options, 5, salts(), |_| {}).unwrap().0;
        for _ in 0..6 {
            let _ = journal.append(&groups(journal.next_lsn().0, &[1, 2]), ()).unwrap();
            let copy = tempfile::tempdir().unwrap();
            copy_files(dir.path(), copy.path());
            let found = verify(copy.path()).unwrap();
            assert_eq!((found.damage, found.torn_tail), (vec![], None), "round {round}");
            assert_eq!(found.last_lsn.0 + 1, journal.next_lsn().0);
        }
        if round % 2 == 0 {
            journal.close().unwrap();
        }
    }
}

/// The system copies what is written piece by piece, and may hold the writer up in the middle of a sector. What is there then
/// is what no crash leaves; but somebody is at work on it.
#[test]
fn a_write_that_is_held_up_is_no_damage_to_who_reads_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(DirStorage::open(dir.path()).unwrap(), options(), 5, salts(), |_| {}).unwrap().0;
    let path = dir.path().join("00000000000000000001.jnl");
    let before = fs::read(&path).unwrap();
    let _ = journal.append(&groups(1, &[1, 3]), ()).unwrap();
    let after = fs::read(&path).unwrap();
    let begins = before.iter().zip(&after).position(|(before, after)| before != after).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    // Within the head of the first frame, and within its payload.
    for copied in [1, 20, 70] {
        let looks: [fn(&Path); 2] = [
            |dir| {
                let found = verify(dir).unwrap();
                assert_eq!((found.damage, found.last_lsn), (vec![], Lsn(4)));
            },
            |dir| {
                let reader = Reader::open(dir).unwrap();
                let records = reader.records(Lsn(1)).map(|record| record.unwrap().lsn);
                assert_eq!(records.collect::<Vec<_>>(), [1, 2, 3, 4].map(Lsn));
            },
        ];
        for look in looks {
            file.write_all_at(&before[begins + copied..], (begins + copied) as u64).unwrap();
            let asked = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
            inotify::add_watch(&asked, dir.path().join("LOCK"), WatchFlags::OPEN).unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    // Somebody has found what is wrong, and asks whether there is a writer.
                    let mut ends = [PollFd::new(&asked, PollFlags::IN)];
                    poll(&mut ends, Some(&Timespec { tv_sec: 20, tv_nsec: 0 })).unwrap();
                    let mut buffer = [MaybeUninit::uninit(); 512];
                    let told = inotify::Reader::new(&asked, &mut buffer).next().map(|_| ());
                    file.write_all_at(&after[begins + copied..], (begins + copied) as u64).unwrap();
                    assert_eq!(told, Ok(()), "{copied} bytes of a batch were there, and nobody asked who writes");
                });
                look(dir.path());
            });
        }
    }
    let rotten: Vec<u8> = after[begins + 8..begins + 70].iter().map(|byte| !byte).collect();
    file.write_all_at(&rotten, begins as u64 + 8).unwrap();
    assert_ne!(verify(dir.path()).unwrap().damage, [], "what stays wrong beside a writer is damage");
    assert!(Reader::open(dir.path()).unwrap().records(Lsn(1)).any(|record| record.is_err()));
    drop(journal);
}
