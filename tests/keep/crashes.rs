//! The power is cut after every operation of taking snapshots and removing history (C7, C61).

use std::collections::BTreeSet;
use std::io::ErrorKind;

use dormouse::journal::{AppendError, Storage, StorageFile};
use dormouse::model::event::{Fact, RetentionReason};
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;
use dormouse::model::settings::Settings;

use crate::journal_disk::{Op, SimDisk};
use crate::world::{SEGMENT_BYTES, WAITING, World, count, first_kept, folded, names, open};

/// Room for two segments or three.
const RETAIN_BYTES: u64 = 3 * SEGMENT_BYTES;

/// A message waits in the first segment while snapshots are taken and history grows; once it is called back, the oldest
/// segments go, more than once.
fn script(world: &mut World) -> Result<(), AppendError> {
    world.settle(RETAIN_BYTES)?;
    world.send()?;
    assert!(world.state().messages.contains_key(&WAITING));
    for _ in 0..3 {
        world.notes(6)?;
        world.quiet()?;
    }
    world.cancel()?;
    for _ in 0..3 {
        world.quiet()?;
        world.notes(6)?;
    }
    world.quiet()
}

/// Runs the script until the disk gives out. Returns every record that was acknowledged.
fn run(disk: &SimDisk) -> Vec<Record> {
    let Ok(mut world) = open(disk) else { return Vec::new() };
    match script(&mut world) {
        Ok(()) => world.close().0,
        Err(_) => world.records,
    }
}

/// Opens `disk`: the state is that of a prefix of `all` with everything acknowledged, every record from the first one
/// kept is there, and nothing is left of what was said to be removed.
fn check(disk: &SimDisk, all: &[Record], acknowledged: usize, what: &str) {
    let mut world = open(disk).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let last = world.state().lsn.0 as usize;
    assert!(last >= acknowledged, "{what}: {last} of {acknowledged} acknowledged");
    assert_eq!(*world.state(), folded(&all[..last]), "{what}");
    let removed = world.state().removed.as_ref().map_or(Lsn(1), |removed| removed.what.first_kept);
    assert_eq!(first_kept(disk), removed, "{what}: all that was to go has gone, and nothing else");
    assert_eq!(names(disk, ".tmp"), [""; 0], "{what}");
    let source = world.supervisor.source();
    for record in &all[removed.0 as usize - 1..last] {
        assert_eq!(source.record(record.lsn).unwrap(), *record, "{what}");
    }
    world.notes(7).and_then(|()| world.quiet()).unwrap_or_else(|error| panic!("{what}, on: {error:?}"));
    let (state, kept) = (world.state().clone(), names(disk, "snap-"));
    assert!(kept.len() <= 2, "{what}: {kept:?}");
    drop(world);
    let again = open(disk).unwrap_or_else(|error| panic!("{what}, again: {error:?}"));
    assert_eq!(*again.state(), state, "{what}, again");
    assert_eq!(again.recovered.unusable.len(), 0, "{what}, again: {:?}", again.recovered.unusable);
}

/// C7, C61, C13: whatever a power cut leaves of a snapshot or a removal, a start ends with the same state, and what was
/// to be kept is there.
#[test]
fn c7_a_power_cut_at_any_operation_of_snapshots_and_retention_loses_nothing() {
    let whole = SimDisk::default();
    let all = run(&whole);
    assert!(count(&all, |fact| matches!(fact, Fact::SnapshotTaken(_))) >= 5);
    assert!(count(&all, |fact| matches!(fact, Fact::HistoryRemoved(_))) >= 2);
    check(&whole, &all, all.len(), "the whole script");
    for ops in 0..whole.ops() {
        let disk = SimDisk::default();
        disk.die_after(ops);
        let acknowledged = run(&disk).len();
        let dirty = disk.dirty();
        let every = |step: usize| dirty.iter().copied().step_by(step).collect::<BTreeSet<_>>();
        // Between a sync and the next write there is nothing that could be half there.
        for written in BTreeSet::from([BTreeSet::new(), every(2), every(1)]) {
            for new_names in [false, true] {
                let what = format!("after {ops} operations with {written:?}, new names: {new_names}");
                check(&disk.after_crash(&written, new_names), &all, acknowledged, &what);
            }
        }
    }
}

/// C61: a start that finishes what a crash has left may be cut off itself, at any operation.
#[test]
fn c61_a_power_cut_while_a_start_finishes_a_removal_loses_nothing_either() {
    let whole = SimDisk::default();
    let all = run(&whole);
    let mut unfinished = 0;
    for ops in 0..whole.ops() {
        let crashed = SimDisk::default();
        crashed.die_after(ops);
        let acknowledged = run(&crashed).len();
        let left = crashed.after_crash(&BTreeSet::new(), true);
        let started = crashed.after_crash(&BTreeSet::new(), true);
        let removed = open(&started).ok().and_then(|world| world.state().removed.clone());
        if removed.is_none_or(|removed| first_kept(&left) >= removed.what.first_kept) {
            continue;
        }
        unfinished += 1;
        for cut in 0..40 {
            let starting = left.after_crash(&BTreeSet::new(), true);
            starting.die_after(cut);
            // The removal is the last that a start does, and one that fails is tried again later.
            let _ = open(&starting);
            for new_names in [false, true] {
                let what = format!("after {ops} operations and {cut} of the start, new names: {new_names}");
                check(&starting.after_crash(&BTreeSet::new(), new_names), &all, acknowledged, &what);
            }
            if starting.ops() < cut {
                break;
            }
        }
    }
    assert!(unfinished >= 2, "{unfinished} removals were cut off");
}

/// C13: the segment with the text of a message that waits stays, however long ago it was sealed, and goes once the
/// message is settled.
#[test]
fn c13_no_text_of_a_waiting_message_is_removed() {
    let disk = SimDisk::default();
    let mut world = open(&disk).unwrap();
    world.settle(RETAIN_BYTES).and_then(|()| world.send()).unwrap();
    let accepted = world.state().messages[&WAITING].accepted;
    for _ in 0..5 {
        world.notes(6).and_then(|()| world.quiet()).unwrap();
    }
    assert!(names(&disk, ".jnl").len() > 5, "much more than `retain_bytes` allows: {:?}", names(&disk, ".jnl"));
    assert_eq!(first_kept(&disk), Lsn(1));
    let source = world.supervisor.source();
    assert!(source.record(accepted).is_ok());
    world.cancel().and_then(|()| world.quiet()).unwrap();
    assert!(first_kept(&disk) > accepted, "{:?}", names(&disk, ".jnl"));
    assert!(source.record(accepted).is_err(), "it was removed");
    assert_eq!(source.record(world.state().lsn).unwrap(), *world.records.last().unwrap());
}

/// C8: a remembered key keeps no history: every call of a session has one, and a day of history would stay whatever the
/// settings say. Its first outcome is in the state, and so in every snapshot.
#[test]
fn c8_a_remembered_key_outlives_the_history_of_its_message() {
    let disk = SimDisk::default();
    let mut world = open(&disk).unwrap();
    world.settle(1).and_then(|()| world.send()).unwrap();
    let accepted = world.state().messages[&WAITING].accepted;
    world.cancel().unwrap();
    assert!(world.state().messages.is_empty());
    for _ in 0..4 {
        world.notes(6).and_then(|()| world.quiet()).unwrap();
    }
    assert!(first_kept(&disk) > accepted);
    drop(world);
    let world = open(&disk).unwrap();
    assert!(world.state().keys.values().any(|key| key.message == WAITING && key.accepted == accepted));
}

/// A disk that fails while a snapshot is written or old files are removed spoils neither the journal nor the fleet.
#[test]
fn a_snapshot_that_cannot_be_written_is_tried_again_later_and_harms_nothing() {
    let disk = SimDisk::default();
    let mut world = open(&disk).unwrap();
    world.settle(0).and_then(|()| world.notes(6)).unwrap();
    disk.fail_next(Op::Create, ErrorKind::StorageFull);
    world.quiet().unwrap();
    assert_eq!(world.not_kept, ["no snapshot was taken"]);
    assert_eq!((names(&disk, "snap"), world.state().snapshots.len()), (vec![], 0));
    world.quiet().unwrap();
    assert_eq!(world.not_kept.len(), 1, "not again at once");
    world.notes(6).and_then(|()| world.quiet()).unwrap();
    assert_eq!((names(&disk, "snap").len(), world.state().snapshots.len()), (1, 1));
    drop(world);
    assert_eq!(open(&disk).unwrap().recovered.records, 1, "only the record that proves it came after it");
}

/// A file that cannot be unlinked stays, and is no part of the history any more; the next quiet moment tries again.
#[test]
fn a_segment_that_cannot_be_removed_is_tried_again_later() {
    let disk = SimDisk::default();
    let mut world = open(&disk).unwrap();
    world.settle(RETAIN_BYTES).and_then(|()| world.send()).unwrap();
    for _ in 0..4 {
        world.notes(6).and_then(|()| world.quiet()).unwrap();
    }
    world.cancel().unwrap();
    disk.fail_next(Op::Other, ErrorKind::PermissionDenied);
    world.quiet().unwrap();
    let kept = world.state().removed.as_ref().unwrap().what.first_kept;
    assert_eq!(world.not_kept, [format!("segments before record {kept} could not be removed")]);
    assert_eq!(first_kept(&disk), Lsn(1));
    assert!(world.supervisor.source().record(Lsn(1)).is_err(), "nobody looks there");
    world.quiet().unwrap();
    assert_eq!((first_kept(&disk), world.not_kept.len()), (kept, 1));
    let said = count(&world.records, |fact| matches!(fact, Fact::HistoryRemoved(_)));
    assert_eq!(said, 1, "said once");
}

/// `retain_age`: an hour passes between two records, and none older than twenty hours is kept longer than need be.
#[test]
fn history_goes_by_age_too() {
    let disk = SimDisk::default();
    let mut world = open(&disk).unwrap();
    let retain_age_ms = 20 * 3_600_000;
    world.settle_with(Settings { retain_age_ms, ..Settings::default() }).unwrap();
    for _ in 0..6 {
        world.notes(6).and_then(|()| world.quiet()).unwrap();
    }
    let removed = world.state().removed.clone().expect("something went");
    let RetentionReason::Age { age_ms, age_ms_max } = removed.what.because else { panic!("{removed:?}") };
    assert!(age_ms > age_ms_max && age_ms_max == retain_age_ms);
    let last_gone = world.records.iter().rfind(|record| record.lsn < removed.what.first_kept).unwrap();
    assert_eq!(age_ms, removed.at.since(last_gone.at), "of the last record that went");
    assert_eq!(first_kept(&disk), removed.what.first_kept);
}

/// Right before history goes, the snapshots that have to stand in for it are read again.
#[test]
fn nothing_goes_while_a_snapshot_is_not_what_its_record_says() {
    let disk = SimDisk::default();
    let mut world = open(&disk).unwrap();
    world.settle(RETAIN_BYTES).and_then(|()| world.send()).unwrap();
    for _ in 0..4 {
        world.notes(6).and_then(|()| world.quiet()).unwrap();
    }
    world.cancel().unwrap();
    let older = world.state().snapshots[0].through;
    let file = Storage::open(&disk, &format!("snap-{:020}", older.0)).unwrap();
    file.write_at(b"x", 1000).unwrap();
    world.quiet().unwrap();
    let said = format!("no segment was removed: the snapshot as of record {older} is not what its record says");
    assert_eq!((&world.not_kept[..], first_kept(&disk)), (&[said][..], Lsn(1)));
    for _ in 0..2 {
        world.notes(6).and_then(|()| world.quiet()).unwrap();
    }
    assert!(first_kept(&disk) > Lsn(1), "two whole snapshots later");
}
