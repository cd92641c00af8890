//! What is missing at either end of a journal: removed and said so, or lost.

use dormouse::journal::{Journal, OpenError, Options, Storage};
use dormouse::model::event::{HistoryRemoved, RetentionReason};
use dormouse::model::id::Lsn;
use dormouse::model::record::Subject;

use crate::journal_disk::{SimDisk, salts};
use crate::world::{SEGMENT_BYTES, World, disk_of, files, names, open};

/// A journal of some segments with two snapshots.
fn grown(disk: &SimDisk, retain_bytes: u64) -> World {
    let mut world = open(disk).unwrap();
    world.settle(retain_bytes).unwrap();
    for _ in 0..3 {
        world.notes(8).and_then(|()| world.quiet()).unwrap();
    }
    world
}

#[test]
fn a_beginning_that_no_record_says_was_removed_is_lost() {
    let disk = SimDisk::default();
    drop(grown(&disk, 0));
    let mut left = files(&disk);
    left.remove(&names(&disk, ".jnl")[0]);
    let refused = open(&disk_of(&left)).err().unwrap();
    assert!(matches!(refused, OpenError::BeginningLost { named: None, .. }) && refused.is_damage(), "{refused:?}");
}

#[test]
fn more_missing_than_was_removed_is_lost() {
    let disk = SimDisk::default();
    let kept = grown(&disk, 1).state().removed.clone().unwrap().what.first_kept;
    let segments = names(&disk, ".jnl");
    assert!(segments.len() > 1 && segments[0] == format!("{:020}.jnl", kept.0), "{segments:?} from {kept}");
    let mut left = files(&disk);
    left.remove(&segments[0]);
    let refused = open(&disk_of(&left)).err().unwrap();
    // By its snapshot's place, or by the removal's own word.
    match &refused {
        OpenError::BeginningLost { named: Some(named), .. } => assert_eq!(*named, kept),
        OpenError::NoBeginning { first, .. } => assert!(*first > kept),
        other => panic!("{other:?}"),
    }
}

/// The record of a removal names the head of the last segment that went, and the first that stays has to chain to it.
#[test]
fn another_history_under_the_same_first_record_is_refused() {
    let disk = SimDisk::default();
    let mut world = grown(&disk, 0);
    let segments = names(&disk, ".jnl");
    let first_kept = Lsn(segments[1].trim_end_matches(".jnl").parse().unwrap());
    let head = "5a".repeat(32);
    let because = RetentionReason::Size { bytes: 2, bytes_max: 1 };
    let removed = HistoryRemoved { first_kept, segments: 1, bytes: 12_288, head: head.clone(), because };
    world.see(Subject::NONE, removed).unwrap();
    drop(world);
    Storage::remove(&disk, &segments[0]).unwrap();
    match open(&disk).err().unwrap() {
        OpenError::OtherBeginning { expected, found, .. } => {
            assert_eq!(expected, head);
            assert_ne!(found, head);
        }
        other => panic!("{other:?}"),
    }
}

/// A snapshot was written when its last record was on the disk: a journal that ends before it has lost its end.
#[test]
fn an_end_before_the_newest_snapshot_is_lost() {
    let disk = SimDisk::default();
    let newest = grown(&disk, 0).state().snapshots.last().unwrap().through;
    let mut left = files(&disk);
    while left.keys().rfind(|name| name.ends_with(".jnl")).is_some_and(|name| **name > *format!("{:020}", newest.0)) {
        left.pop_last_segment();
    }
    left.pop_last_segment();
    let refused = open(&disk_of(&left)).err().unwrap();
    match &refused {
        OpenError::EndMissing { through, last_lsn, .. } => assert!(*through == newest && *last_lsn < newest),
        other => panic!("{other:?}"),
    }
    left.retain(|name, _| name.starts_with("snap-"));
    let refused = open(&disk_of(&left)).err().unwrap();
    assert!(matches!(refused, OpenError::EndMissing { last_lsn: Lsn::ZERO, .. }), "{refused:?}");
}

trait Segments {
    fn pop_last_segment(&mut self);
}

impl Segments for std::collections::BTreeMap<String, Vec<u8>> {
    fn pop_last_segment(&mut self) {
        let last = self.keys().rfind(|name| name.ends_with(".jnl")).cloned().unwrap();
        self.remove(&last);
    }
}

/// Who wants to see every record is not handed a state instead.
#[test]
fn a_fold_that_knows_no_snapshots_gets_every_record_or_a_refusal() {
    let disk = SimDisk::default();
    let records = grown(&disk, 0).records.clone();
    let (_, recovered, seen) = disk.open(SEGMENT_BYTES).unwrap();
    assert_eq!((seen, recovered.snapshot), (records, None));
    let disk = SimDisk::default();
    drop(grown(&disk, 1));
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    let refused = Journal::open(disk, options, 1_000_000, salts(), |_| {}).err().unwrap();
    assert!(matches!(refused, OpenError::NoBeginning { .. }), "{refused:?}");
}

/// A snapshot may be taken before the new segment has a record: its last one is the last of the segment before. Once that
/// segment has gone too, the first that is kept still knows it by number and salt.
#[test]
fn a_snapshot_at_the_very_end_of_a_removed_segment_serves() {
    let disk = SimDisk::default();
    let mut world = open(&disk).unwrap();
    world.settle(1).and_then(|()| world.notes(7)).unwrap();
    drop(world);
    let mut world = open(&disk).unwrap();
    world.quiet().unwrap();
    let older = world.state().snapshots[0].through;
    assert_eq!(names(&disk, ".jnl").last(), Some(&format!("{:020}.jnl", older.0 + 1)), "nothing came between");
    drop(world);
    let mut world = open(&disk).unwrap();
    assert_eq!(world.recovered.snapshot, Some(older));
    world.notes(7).and_then(|()| world.quiet()).unwrap();
    let (state, newer) = (world.state().clone(), world.state().snapshots[1].through);
    assert_eq!(state.removed.as_ref().unwrap().what.first_kept, older.next());
    drop(world);
    let mut left = files(&disk);
    left.insert(format!("snap-{:020}", newer.0), b"rot".to_vec());
    let world = open(&disk_of(&left)).unwrap();
    assert_eq!((world.recovered.snapshot, world.state()), (Some(older), &state));
}
