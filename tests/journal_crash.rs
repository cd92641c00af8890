//! Crashes: whatever a power cut leaves, what was acknowledged is there, and groups are whole (C7, C61, I8).

mod journal_disk;

use std::collections::BTreeSet;

use dormouse::journal::OpenError;
use dormouse::model::record::Record;
use journal_disk::{SimDisk, groups, record};

const SEGMENT_BYTES: u64 = 12 << 10;

/// Batches of one script: three segments, groups of one to three records, a mark now and then, and a group that gets a
/// segment of its own.
const BATCHES: &[&[usize]] = &[&[1], &[2, 1], &[3], &[1, 1], &[2], &[1, 8, 3], &[2, 2], &[1], &[3], &[2]];

/// Runs the script until the disk gives out. Returns all submitted groups and how many records were acknowledged.
fn run(disk: &SimDisk) -> (Vec<Vec<Record>>, u64) {
    let (mut submitted, mut acknowledged) = (Vec::new(), 0);
    let Ok((mut journal, _, _)) = disk.open(SEGMENT_BYTES) else { return (submitted, 0) };
    for (index, sizes) in BATCHES.iter().enumerate() {
        let batch = groups(journal.next_lsn().0, sizes);
        submitted.extend(batch.iter().cloned());
        let Ok(durable) = journal.append(&batch, journal.next_lsn().0 - 1) else { return (submitted, acknowledged) };
        acknowledged = durable.into_inner() + sizes.iter().sum::<usize>() as u64;
        if index % 3 == 1 && journal.mark().is_err() {
            return (submitted, acknowledged);
        }
    }
    let _ = journal.close();
    (submitted, acknowledged)
}

/// The journal on `disk` is a prefix of `submitted` in whole groups, holds all that was acknowledged, and goes on.
fn check(disk: &SimDisk, submitted: &[Vec<Record>], acknowledged: u64, what: &str) {
    let (mut journal, recovered, records) =
        disk.open(SEGMENT_BYTES).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert!(records.len() as u64 >= acknowledged, "{what}: {} of {acknowledged} acknowledged", records.len());
    let mut rest = records.as_slice();
    for group in submitted {
        if rest.is_empty() {
            break;
        }
        assert_eq!(rest.get(..group.len()), Some(group.as_slice()), "{what}: groups are whole");
        rest = &rest[group.len()..];
    }
    assert_eq!(rest, [], "{what}: nothing that was never submitted");
    assert_eq!(recovered.last_lsn.0, records.len() as u64, "{what}");
    let next = journal.next_lsn().0;
    let _ = journal.append(&[vec![record(next, "after the crash")]], ()).unwrap();
    drop(journal);
    let (_, again, records) = disk.open(SEGMENT_BYTES).unwrap_or_else(|error| panic!("{what}, again: {error:?}"));
    assert_eq!((records.len() as u64, again.torn), (next, None), "{what}");
}

/// Subsets of the dirty sectors: all of them while they are few, else some of every kind.
fn subsets(dirty: &[(usize, usize)], seed: u64) -> Vec<BTreeSet<(usize, usize)>> {
    let pick =
        |mask: u64| dirty.iter().enumerate().filter(|(i, _)| mask >> (i % 64) & 1 == 1).map(|(_, &d)| d).collect();
    if dirty.len() <= 6 {
        return (0..1 << dirty.len()).map(pick).collect();
    }
    let mut state = seed | 1;
    let random = (0..24).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 20 ^ state << 30
    });
    [0, u64::MAX].into_iter().chain(random).map(pick).collect()
}

/// C7, C61, I8: the power is cut after every single operation of appending, marking, rotating and closing, and of the
/// unsynced sectors every subset is on the disk.
#[test]
fn c7_a_power_cut_at_any_operation_loses_nothing_acknowledged() {
    let whole = SimDisk::default();
    let (all, acknowledged) = run(&whole);
    assert_eq!(all.iter().map(Vec::len).sum::<usize>() as u64, acknowledged);
    assert!(whole.segments().len() >= 3, "the script rotates: {} segments", whole.segments().len());
    for ops in 0..=whole.ops() {
        let disk = SimDisk::default();
        disk.die_after(ops);
        let (submitted, acknowledged) = run(&disk);
        for written in subsets(&disk.dirty(), ops as u64) {
            for new_names in [false, true] {
                let what = format!("after {ops} operations with {written:?}, new names: {new_names}");
                check(&disk.after_crash(&written, new_names), &submitted, acknowledged, &what);
            }
        }
    }
}

/// C61: recovery itself may be cut off at any operation, and the next one ends the same.
#[test]
fn c61_a_power_cut_during_recovery_loses_nothing_either() {
    let torn = SimDisk::default();
    // In the middle of a batch, with half of its sectors written.
    let at = (0..).find(|&ops| {
        let disk = SimDisk::default();
        disk.die_after(ops);
        run(&disk).1 >= 6 && disk.dirty().len() >= 5
    });
    torn.die_after(at.unwrap());
    let (submitted, acknowledged) = run(&torn);
    let written: BTreeSet<_> = torn.dirty().into_iter().step_by(2).collect();
    let whole = torn.after_crash(&written, true);
    let (_, recovered, _) = whole.open(SEGMENT_BYTES).unwrap();
    let dropped = recovered.torn.expect("the batch was torn");
    assert!(dropped.bytes > 0 && dropped.lsn.0 > acknowledged, "{dropped:?}");
    for ops in 0..whole.ops() {
        let disk = torn.after_crash(&written, true);
        disk.die_after(ops);
        assert!(disk.open(SEGMENT_BYTES).is_err(), "recovery takes {} operations", whole.ops());
        for kept in subsets(&disk.dirty(), ops as u64) {
            for new_names in [false, true] {
                let what = format!("recovery after {ops} operations with {kept:?}, new names: {new_names}");
                check(&disk.after_crash(&kept, new_names), &submitted, acknowledged, &what);
            }
        }
    }
}

const BATCHES_OF_THREE_SEGMENTS: usize = 5;

/// A journal of three small segments: two sealed ones, and one that a crash left open.
fn three_segments() -> (Vec<(String, Vec<u8>)>, Vec<Record>) {
    let disk = SimDisk::default();
    let (mut journal, _, _) = disk.open(12 << 10).unwrap();
    let mut records = Vec::new();
    for batch in 0..BATCHES_OF_THREE_SEGMENTS {
        let batch = groups(journal.next_lsn().0, &[1 + batch % 2, 1]);
        records.extend(batch.iter().flatten().cloned());
        let _ = journal.append(&batch, ()).unwrap();
    }
    drop(journal);
    (disk.segments(), records)
}

fn open(files: &[(String, Vec<u8>)]) -> Result<Vec<Record>, OpenError> {
    SimDisk::with_files(files).open(12 << 10).map(|(_, _, records)| records)
}

/// I8: a journal cut short at any byte opens with a prefix that holds everything before the cut, or is refused.
#[test]
fn i8_a_journal_cut_at_any_byte_is_whole_up_to_there_or_refused() {
    let (files, records) = three_segments();
    assert_eq!(files.len(), 3);
    let mut refused = 0;
    for index in 0..files.len() {
        let mut cut = files[..=index].to_vec();
        while let Some(last) = cut[index].1.pop() {
            // Between the zeros there is nothing to tell apart: some of them stand for all.
            if last == 0 && cut[index].1.last() == Some(&0) && cut[index].1.len() % 64 != 0 {
                continue;
            }
            match open(&cut) {
                Ok(found) => assert!(records.starts_with(&found) && found.len() >= records.len(), "silently lost"),
                Err(error) => {
                    assert!(error.is_damage(), "{error:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 5_000, "a file of another length than its header says is always refused: {refused}");
}

/// I8: no flipped bit is taken for the truth: the records are all there, or the journal is refused.
#[test]
fn i8_a_flipped_bit_is_never_accepted_silently() {
    let (files, records) = three_segments();
    let mut seen = [0, 0];
    for index in 0..files.len() {
        let bytes = files[index].1.len();
        for bit in (0..bytes * 8).step_by(127) {
            let mut rotten = files.clone();
            rotten[index].1[bit / 8] ^= 1 << (bit % 8);
            let disk = SimDisk::with_files(&rotten);
            match disk.open(12 << 10) {
                Ok((_, recovered, found)) => {
                    assert_eq!(found, records, "bit {bit} of segment {index}");
                    // Only what lies behind the last record may look torn, and then it is named.
                    let in_zeros = files[index].1[bit / 8] == 0;
                    assert!(in_zeros && (recovered.torn.is_some() || index + 1 < files.len()), "bit {bit} of {index}");
                    seen[0] += 1;
                }
                Err(error) => {
                    assert!(error.is_damage() || matches!(error, OpenError::Newer { .. }), "bit {bit}: {error:?}");
                    seen[1] += 1;
                }
            }
        }
    }
    assert!(seen[1] > 500, "refused {} of {}", seen[1], seen[0] + seen[1]);
}
