//! The power is cut after every operation of taking snapshots and removing history (C7, C61).

use std::collections::BTreeSet;

use dormouse::journal::AppendError;
use dormouse::model::event::Fact;
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;

use crate::journal_disk::SimDisk;
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

/// A disk that fails while a snapshot is written or old files are removed spoils neither the journal nor the fleet.
#[test]
fn a_snapshot_that_cannot_be_written_is_tried_again_later_and_harms_nothing() {
    let disk = SimDisk::default();
    let mut world = open(&disk).unwrap();
    world.settle(0).and_then(|()| world.notes(6)).unwrap();
    disk.fail_next(crate::journal_disk::Op::Create, std::io::ErrorKind::StorageFull);
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
