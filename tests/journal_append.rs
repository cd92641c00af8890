//! Appending: what is acknowledged is durable, what failed stays failed, and everything reads back.

mod journal_disk;

use std::io::ErrorKind;
use std::path::Path;
use std::time::Instant;

use dormouse::journal::{
    AppendError, DirStorage, Journal, OpenError, Options, ReadError, Recovered, head, stat, verify,
};
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;
use journal_disk::{Op, SimDisk, groups, record, salts};

const SEGMENT_BYTES: u64 = 64 << 10;

fn open(dir: &Path) -> Result<(Journal<DirStorage>, Recovered, Vec<Record>), OpenError> {
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    let mut records = Vec::new();
    let storage = DirStorage::open(dir).unwrap();
    let (journal, recovered) = Journal::open(storage, options, 5, salts(), |record| records.push(record))?;
    Ok((journal, recovered, records))
}

/// C7, I5: records come back as they were, over several segments, and the next one goes on in order.
#[test]
fn c7_records_survive_rotation_and_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made/with/parents");
    let mut written = Vec::new();
    for round in 0..4 {
        let (mut journal, recovered, found) = open(&path).unwrap();
        assert_eq!(found, written);
        assert_eq!((recovered.records, recovered.torn), (written.len() as u64, None));
        assert_eq!(recovered.closed, round != 2, "the second writer did not end in order");
        for _ in 0..40 {
            let batch = groups(journal.next_lsn().0, &[1, 2, 3]);
            assert_eq!(journal.append(&batch, "derived").unwrap().map(str::len).into_inner(), 7);
            written.extend(batch.into_iter().flatten());
        }
        if round != 1 {
            journal.close().unwrap();
        }
    }
    let found = verify(&path).unwrap();
    assert_eq!((found.records, found.last_lsn.0, found.damage.len()), (960, 960, 0), "{:?}", found.damage);
    let labelled = stat(&path).unwrap();
    assert!(labelled.damage.is_empty(), "{:?}", labelled.damage);
    assert_eq!(found.segments, labelled.says);
    assert!(found.segments.len() > 8 && found.segments.iter().all(|segment| segment.sealed));
    assert_eq!(head(&path).unwrap().says.unwrap().last_lsn, Lsn(960));
}

/// C59, I7: one writer; a second one is told who it is. The lock ends with the journal, whoever still reads.
#[test]
fn c59_a_second_writer_is_refused_and_told_who_holds_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, _) = open(dir.path()).unwrap();
    let source = journal.source();
    match open(dir.path()).map(|_| ()) {
        Err(OpenError::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    drop(journal);
    open(dir.path()).unwrap();
    assert!(matches!(source.record(Lsn(1)), Err(ReadError::Missing { lsn: Lsn(1) })));
}

/// I9: after a failed write or sync nothing more is accepted, and a fresh open finds all that was acknowledged.
#[test]
fn i9_a_failed_write_or_sync_ends_the_writer() {
    for (op, error) in [(Op::Sync, ErrorKind::Other), (Op::Write, ErrorKind::StorageFull)] {
        let disk = SimDisk::default();
        let (mut journal, _, _) = disk.open(SEGMENT_BYTES).unwrap();
        let _ = journal.append(&groups(1, &[2]), ()).unwrap();
        disk.fail_next(op, error);
        let failed = journal.append(&groups(3, &[1]), ()).unwrap_err();
        assert!(!failed.left_journal_usable(), "{failed:?}");
        assert_eq!(failed.is_no_space(), error == ErrorKind::StorageFull);
        assert!(matches!(journal.append(&groups(3, &[1]), ()), Err(AppendError::Failed { durable: Lsn(2) })));
        assert!(journal.mark().is_err());
        assert!(journal.close().is_err());
        let (journal, _, records) = disk.open(SEGMENT_BYTES).unwrap();
        assert!(records.starts_with(&groups(1, &[2])[0]));
        assert_eq!(journal.next_lsn().0, records.len() as u64 + 1);
    }
}

/// C63: without room for the next segment an append is refused, nothing is lost, and it works once there is room.
#[test]
fn c63_a_failed_preallocation_is_harmless_and_retried() {
    let disk = SimDisk::default();
    let (mut journal, _, _) = disk.open(16 << 10).unwrap();
    let long = "x".repeat(1_800);
    let mut lsn = 1;
    let refused = loop {
        disk.fail_next(Op::Create, ErrorKind::StorageFull);
        match journal.append(&[vec![record(lsn, &long)]], ()) {
            Ok(_) => lsn += 1,
            Err(error) => break error,
        }
    };
    assert!(refused.is_no_space() && refused.left_journal_usable(), "{refused:?}");
    assert_eq!(journal.next_lsn(), Lsn(lsn));
    let _ = journal.append(&[vec![record(lsn, "a short one still fits")]], ()).unwrap();
    let _ = journal.append(&[vec![record(lsn + 1, &long)]], ()).unwrap();
    drop(journal);
    assert_eq!(disk.open(16 << 10).unwrap().2.len() as u64, lsn + 1);
}

/// C63: a busy journal, too, reserves its next segment early; where that fails it says so while it still takes records,
/// and asks again before it is full.
#[test]
fn c63_a_full_disk_is_known_while_half_of_the_segment_is_left() {
    let disk = SimDisk::default();
    let (mut journal, _, _) = disk.open(64 << 10).unwrap();
    let long = "x".repeat(1_800);
    let append = |journal: &mut Journal<SimDisk>| {
        let next = journal.next_lsn();
        journal.append(&[vec![record(next.0, &long)]], ()).map(drop).unwrap();
    };
    disk.fail_next(Op::Create, ErrorKind::StorageFull);
    while journal.disk_low().is_none() {
        append(&mut journal);
    }
    let low = journal.disk_low().unwrap();
    assert!((24 << 10..32 << 10).contains(&low.room), "half of it is left: {low:?}");
    assert_eq!((low.bytes, low.source.kind()), (64 << 10, ErrorKind::StorageFull));
    let said = journal.next_lsn();
    while journal.disk_low().is_some() {
        append(&mut journal);
    }
    let again = journal.next_lsn().0 - said.0;
    assert!((1..=4).contains(&again), "asked again {again} records later");
    let creations = || disk.calls().iter().filter(|op| **op == Op::Create).count();
    let before = creations();
    while disk.segments().len() == 1 {
        append(&mut journal);
    }
    assert_eq!(creations(), before, "the rotation has found its segment made");
}

/// A record that fits no segment gets one of its own size; one beyond the limit is refused, and nothing is written.
#[test]
fn long_records_get_a_segment_of_their_own_and_too_long_ones_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _, _) = open(dir.path()).unwrap();
    let long = "ß".repeat(200_000);
    let batch = vec![vec![record(1, "a")], vec![record(2, &long), record(3, "b")], vec![record(4, "c")]];
    let _ = journal.append(&batch, ()).unwrap();
    let source = journal.source();
    assert_eq!(source.record(Lsn(2)).unwrap(), batch[1][0]);
    match journal.append(&[vec![record(5, "d")], vec![record(6, &"x".repeat(2 << 20))]], ()) {
        Err(error @ AppendError::TooLong { lsn: Lsn(6), .. }) => assert!(error.left_journal_usable()),
        other => panic!("{other:?}"),
    }
    let _ = journal.append(&[vec![record(5, "e")]], ()).unwrap();
    drop(journal);
    assert_eq!(open(dir.path()).unwrap().2.len(), 5);
    assert_eq!(verify(dir.path()).unwrap().damage, []);
}

/// The text of a message is read by lsn while the loop appends: quickly, in sealed and active segments alike.
#[test]
fn a_source_reads_any_durable_record_beside_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _, _) = open(dir.path()).unwrap();
    let source = journal.source();
    let reading = std::thread::spawn({
        let source = source.clone();
        move || {
            let mut lsn = 1;
            while lsn <= 1200 {
                match source.record(Lsn(lsn)) {
                    Ok(found) => {
                        assert_eq!(found, groups(1, &[lsn as usize])[0][lsn as usize - 1]);
                        lsn += 37;
                    }
                    Err(ReadError::Missing { .. }) => std::thread::yield_now(),
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    });
    for _ in 0..200 {
        let _ = journal.append(&groups(journal.next_lsn().0, &[3, 3]), ()).unwrap();
    }
    reading.join().unwrap();
    let begun = Instant::now();
    (1..=1200).step_by(3).for_each(|lsn| assert_eq!(source.record(Lsn(lsn)).unwrap().lsn, Lsn(lsn)));
    assert!(begun.elapsed().as_millis() < 4_000, "400 records in {:?}", begun.elapsed());
    assert!(matches!(source.record(Lsn(1201)), Err(ReadError::Missing { .. })));
}

/// Damage, a newer version and a gap are told apart, each with its place.
#[test]
fn errors_of_opening_name_the_place() {
    let disk = SimDisk::default();
    let (mut journal, _, _) = disk.open(12 << 10).unwrap();
    for _ in 0..6 {
        let _ = journal.append(&groups(journal.next_lsn().0, &[2]), ()).unwrap();
    }
    drop(journal);
    let whole = disk.segments();
    let opened = |files: &[_]| SimDisk::with_files(files).open(12 << 10).map(|_| ()).unwrap_err();

    let mut rotten = whole.clone();
    rotten[0].1[4096 + 40] ^= 4;
    match opened(&rotten) {
        error @ OpenError::Damaged { offset: 4096, lsn: Lsn(1), .. } => assert!(error.is_damage()),
        other => panic!("{other:?}"),
    }
    let mut newer = whole.clone();
    for at in [0, 2048] {
        newer[0].1[at + 8] = 2;
        newer[0].1[at + 70] ^= 1;
    }
    let error = opened(&newer);
    assert!(matches!(error, OpenError::Newer { major: 2, .. }) && !error.is_damage(), "{error:?}");
    match opened(&whole[1..]) {
        error @ OpenError::NoBeginning { first: Lsn(3..), .. } => assert!(error.is_damage()),
        other => panic!("{other:?}"),
    }
}

/// What only a file system can refuse is told from damage.
#[test]
fn a_journal_that_may_not_be_written_says_so() {
    let disk = SimDisk::default();
    disk.fail_next(Op::Create, ErrorKind::PermissionDenied);
    let error = disk.open(SEGMENT_BYTES).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }) && !error.is_damage(), "{error:?}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("journal"), "a file").unwrap();
    assert!(DirStorage::open(&dir.path().join("journal")).is_err());
}
