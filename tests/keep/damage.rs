//! No damaged, foreign or unproved snapshot is ever believed: the one before serves, or the first record.

use std::collections::BTreeMap;

use dormouse::journal::format::snapshot_layout as at;
use dormouse::journal::{OpenError, Snapshot};
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;

use crate::journal_disk::SimDisk;
use crate::world::{disk_of, files, first_kept, folded, names, open};

type Files = BTreeMap<String, Vec<u8>>;

/// A journal with two snapshots that was closed in order; all its records.
fn closed(retain_bytes: u64) -> (Files, Vec<Record>) {
    let disk = SimDisk::default();
    let mut world = open(&disk).unwrap();
    world.settle(retain_bytes).unwrap();
    for _ in 0..3 {
        world.notes(7).and_then(|()| world.quiet()).unwrap();
    }
    world.notes(2).unwrap();
    // Not closed by the supervisor: that would take another snapshot.
    let records = std::mem::take(&mut world.records);
    drop(world);
    (files(&disk), records)
}

fn snapshots(files: &Files) -> [String; 2] {
    let names: Vec<String> = files.keys().filter(|name| name.starts_with("snap-")).cloned().collect();
    names.try_into().expect("two are kept")
}

fn through(name: &str) -> Lsn {
    Lsn(name.trim_start_matches("snap-").parse().unwrap())
}

/// The header's checksum made right again.
fn checked(mut file: Vec<u8>) -> Vec<u8> {
    let crc = crc32fast::hash(&file[..at::CRC.start]);
    file[at::CRC].copy_from_slice(&crc.to_le_bytes());
    file
}

/// Every way in which `file` may be wrong, with what is said of it.
fn damages(file: &[u8]) -> Vec<(String, Vec<u8>, &'static str)> {
    let mut damages = Vec::new();
    for &(field, offset, _) in at::FIELDS {
        let mut bytes = file.to_vec();
        bytes[offset] ^= 0x10;
        let unchecked = match field {
            "MAGIC" => "it begins with",
            _ => "its header has checksum",
        };
        damages.push((format!("{field}, unchecked"), bytes.clone(), unchecked));
        let says = match field {
            "MAGIC" => "it begins with",
            "MAJOR" => "newer than this build's",
            "HEADER_LENGTH" => "its field header_length holds",
            "JOURNAL" => "its journal is not that of the segment",
            "THROUGH" => "its field through holds",
            "NUMBER" => "its number is not that of the segment",
            "SALT" => "its salt is not that of the segment",
            "STATE_LENGTH" => "its field state_length holds",
            "STATE_SCHEMA" => "newer than this build's",
            // Nothing in it is read by these; the digest in the record covers them all the same.
            "MINOR" | "RESERVED" => "its record says",
            "CRC" => continue,
            other => panic!("no expectation for {other}"),
        };
        damages.push((format!("{field}, checked"), checked(bytes), says));
    }
    damages.push(("cut in the header".to_owned(), file[..100].to_vec(), "it has 100 bytes"));
    damages.push(("cut in the state".to_owned(), file[..file.len() - 1].to_vec(), "its field state_length holds"));
    damages.push(("empty".to_owned(), Vec::new(), "it has 0 bytes"));
    let mut rotten = file.to_vec();
    // A figure in the state that reads as well as before.
    let figure = rotten.windows(18).position(|text| text == b"\"boot_deadline_ms\"").unwrap() + 19;
    rotten[figure] = b'7';
    damages.push(("a figure of the state".to_owned(), rotten, "its record says"));
    let mut rotten = file.to_vec();
    rotten[130] = 0;
    damages.push(("no JSON".to_owned(), rotten, "its state cannot be used"));
    damages
}

fn said(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        said += &format!(": {error}");
        source = error.source();
    }
    said
}

#[test]
fn a_damaged_snapshot_is_never_believed_and_the_one_before_serves() {
    let (whole, records) = closed(0);
    let [older, newer] = snapshots(&whole);
    for (what, bytes, expected) in damages(&whole[&newer]) {
        let mut files = whole.clone();
        files.insert(newer.clone(), bytes);
        let world = open(&disk_of(&files)).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(world.recovered.snapshot, Some(through(&older)), "{what}");
        assert_eq!(world.recovered.records, records.len() as u64 - through(&older).0, "{what}");
        let [unusable] = &world.recovered.unusable[..] else { panic!("{what}: {:?}", world.recovered.unusable) };
        let said = said(unusable);
        assert!(said.contains(expected) && said.contains(&newer), "{what}: {said}");
        assert_eq!(*world.state(), folded(&records), "{what}");
    }
}

#[test]
fn without_a_snapshot_that_holds_the_first_record_serves() {
    let (whole, records) = closed(0);
    let [older, newer] = snapshots(&whole);
    for (what, bytes, _) in damages(&whole[&older]) {
        let mut files = whole.clone();
        files.insert(older.clone(), bytes);
        files.insert(newer.clone(), b"rot".to_vec());
        let world = open(&disk_of(&files)).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!((world.recovered.snapshot, world.recovered.unusable.len()), (None, 2), "{what}");
        assert_eq!(world.recovered.records, records.len() as u64, "{what}");
        assert_eq!(*world.state(), folded(&records), "{what}");
    }
}

/// A start with whole snapshots reads what came after the newest.
#[test]
fn a_start_folds_only_what_came_after_the_newest_snapshot() {
    let (whole, records) = closed(0);
    let [_, newer] = snapshots(&whole);
    let world = open(&disk_of(&whole)).unwrap();
    assert_eq!(world.recovered.snapshot, Some(through(&newer)));
    assert_eq!(world.recovered.records, records.len() as u64 - through(&newer).0);
    assert_eq!(*world.state(), folded(&records));
}

/// Segments before the snapshot's are not read through, and rot in their records is `verify`'s to find. Rot in what
/// holds the row together is refused.
#[test]
fn of_segments_before_the_snapshot_header_seal_and_trailer_are_checked() {
    let (whole, records) = closed(0);
    let segments: Vec<&String> = whole.keys().filter(|name| name.ends_with(".jnl")).collect();
    assert!(segments.len() >= 4);
    let flipped = |name: &String, offset: usize| {
        let mut files = whole.clone();
        files.get_mut(name).unwrap()[offset] ^= 1;
        open(&disk_of(&files))
    };
    let trailer = whole[segments[0]].len() - 4096;
    let seal = u64::from_le_bytes(whole[segments[0]][trailer + 8..trailer + 16].try_into().unwrap()) as usize;
    for offset in [20, 2100, seal + 40, trailer + 30] {
        let refused = flipped(segments[0], offset).err().unwrap_or_else(|| panic!("byte {offset} was accepted"));
        assert!(matches!(refused, OpenError::Damaged { .. }), "byte {offset}: {refused:?}");
    }
    assert_eq!(*flipped(segments[0], 4200).unwrap().state(), folded(&records), "not looked at");
    let mut files = whole.clone();
    files.remove(segments[1]);
    assert!(matches!(open(&disk_of(&files)), Err(OpenError::Gap { .. })), "a segment in the middle is missing");
}

/// Once the beginning is gone there is nothing but snapshots to begin from: without one that holds, nothing is opened,
/// and nothing is changed.
#[test]
fn a_journal_without_beginning_and_without_snapshot_is_refused_and_left_alone() {
    let (whole, records) = closed(1);
    assert!(first_kept(&disk_of(&whole)) > Lsn(1));
    assert_eq!(*open(&disk_of(&whole)).unwrap().state(), folded(&records), "whole, it opens");
    let [older, newer] = snapshots(&whole);
    let mut one_left = whole.clone();
    one_left.insert(newer.clone(), b"rot".to_vec());
    assert_eq!(*open(&disk_of(&one_left)).unwrap().state(), folded(&records), "the older one serves");
    let mut none_left = one_left.clone();
    none_left.insert(older.clone(), whole[&newer].clone());
    let disk = disk_of(&none_left);
    let refused = open(&disk).err().unwrap();
    assert!(matches!(refused, OpenError::NoBeginning { .. }) && refused.is_damage(), "{refused:?}");
    for part in [&older, &newer, "its field through holds", "it has 3 bytes"] {
        assert!(refused.to_string().contains(part), "{refused}");
    }
    assert_eq!(files(&disk), none_left, "nothing was written");
    none_left.retain(|name, _| !name.starts_with("snap-"));
    let refused = open(&disk_of(&none_left)).err().unwrap().to_string();
    assert!(refused.ends_with("no snapshot tells the state before it; there is none"), "{refused}");
}

/// A crash between a snapshot and its record leaves a file that nothing proves. It is not believed, though it is right,
/// and goes at the next quiet moment.
#[test]
fn a_snapshot_without_its_record_is_not_believed() {
    let (mut files, records) = closed(0);
    let [_, newer] = snapshots(&files);
    let right = Snapshot::read(through(&newer), files[&newer].clone()).unwrap();
    let state = folded(&records);
    let last = files.keys().rfind(|name| name.ends_with(".jnl")).unwrap();
    let header = dormouse::journal::format::header::SegmentHeader::read(&files[last]).0.unwrap();
    let json = dormouse::supervisor::snapshot::encode(&state).unwrap();
    let unproved = Snapshot::of(right.journal, state.lsn, (header.number, header.salt), 1, &json);
    let name = dormouse::journal::format::snapshot_name(state.lsn);
    files.insert(name.clone(), unproved.bytes().to_vec());
    let disk = disk_of(&files);
    let mut world = open(&disk).unwrap();
    assert_eq!(world.recovered.snapshot, Some(through(&newer)));
    assert!(said(&world.recovered.unusable[0]).ends_with("no `snapshot_taken` record names it"));
    assert_eq!(*world.state(), state);
    world.note().and_then(|()| world.quiet()).unwrap();
    assert!(!names(&disk, "snap-").contains(&name), "{:?}", names(&disk, "snap-"));
}

/// Rot before the record that proves a snapshot hides the proof. It is the rot that is said, with its place, whether or
/// not the beginning is still there.
#[test]
fn rot_before_the_proof_is_said_with_its_place() {
    for retain_bytes in [0, 1] {
        let (whole, _) = closed(retain_bytes);
        let [_, newer] = snapshots(&whole);
        let segment_of = |lsn: Lsn| {
            let name = format!("{:020}.jnl", lsn.0);
            whole.keys().rfind(|it| it.ends_with(".jnl") && **it <= name).unwrap().clone()
        };
        // The segment that holds the snapshot's last record, and all behind it.
        for name in whole.keys().filter(|it| it.ends_with(".jnl") && **it >= segment_of(through(&newer))) {
            let (frames, trailer) = whole[name].split_at(whole[name].len() - 4096);
            let end = match u64::from_le_bytes(trailer[8..16].try_into().unwrap()) {
                0 => frames.iter().rposition(|&byte| byte != 0).unwrap(),
                seal => seal as usize,
            };
            for offset in (4096..end).step_by(61) {
                let mut files = whole.clone();
                files.get_mut(name).unwrap()[offset] ^= 4;
                match open(&disk_of(&files)).err() {
                    Some(OpenError::Damaged { segment, offset: at, .. }) => {
                        assert!(segment.ends_with(name) && at <= offset as u64, "{name}, byte {offset}: at {at}");
                    }
                    other => panic!("{name}, byte {offset}: {other:?}"),
                }
            }
        }
    }
}
