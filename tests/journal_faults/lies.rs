//! A sync that says it has worked and has not. No writer can see that; what can be seen is said by the next opening.
//!
//! The claim is "reported, never silently wrong, wherever a witness exists". A witness is whatever was made durable
//! later: a record's own word on those before it, a mark, a seal, a next segment.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::journal_disk::fault::Kept;
use crate::journal_disk::{Failure, Op, SimDisk};
use crate::play::{LONG, Play, SEGMENT_BYTES, Step, for_each};

/// To open again without a word is to have the power cut: it reads the device, and is the end of a run here.
fn script() -> Vec<Step> {
    LONG.iter().copied().filter(|step| !matches!(step, Step::Drop)).collect()
}

/// One lie, and the changing call after which the power goes.
struct Lie {
    call: usize,
    op: Op,
    kept: Kept,
    /// Changing calls before the lie, and before the power cut.
    ops: usize,
    ops_max: usize,
}

fn lies() -> Vec<Lie> {
    let whole = SimDisk::default();
    assert!(Play::new(whole.clone(), "no lie".to_owned()).run(&script()).is_ok());
    let calls = whole.calls();
    let mut lies = Vec::new();
    for (call, &op) in calls.iter().enumerate().filter(|(_, op)| matches!(op, Op::Sync | Op::SyncFolder)) {
        let ops = calls[..call].iter().filter(|op| **op != Op::Look).count();
        for kept in [Kept::None, Kept::EverySecond].into_iter().take(if op == Op::Sync { 2 } else { 1 }) {
            // A lie that is ever found out is found out soon: ten calls see two batches, or a rotation.
            lies.extend((ops + 1..=(ops + 10).min(whole.ops())).map(|ops_max| Lie { call, op, kept, ops, ops_max }));
        }
    }
    lies
}

/// How a power cut after a lie ends.
#[derive(Default, Debug)]
struct Tally {
    whole: usize,
    reported: usize,
    /// Silently without what the lie was about, and nothing durable came after it.
    unwitnessed: usize,
}

#[test]
fn i8_a_sync_that_lies_is_reported_wherever_a_witness_exists() {
    let tally = Mutex::new(Tally::default());
    for_each(&lies(), |lie| {
        let before = {
            let disk = SimDisk::default();
            disk.die_after(lie.ops);
            acknowledged(disk)
        };
        let disk = SimDisk::default();
        disk.fail_at(lie.call, Failure::Lies(lie.kept));
        disk.die_after(lie.ops_max);
        let kept = acknowledged(disk.clone());
        let later = disk.calls()[lie.call + 1..].iter().filter(|op| **op == lie.op).count();
        for written in [BTreeSet::new(), disk.dirty().into_iter().collect()] {
            for new_names in [false, true] {
                let calls = disk.calls();
                let what = format!(
                    "call {} lies, {:?}; then {:?} until the power cut",
                    lie.call,
                    lie.kept,
                    &calls[lie.call..],
                );
                let left = disk.after_crash(&written, new_names).open(SEGMENT_BYTES);
                let mut tally = tally.lock().unwrap();
                match left {
                    Err(error) => {
                        assert!(error.is_damage(), "{what}: {error:?}");
                        tally.reported += 1;
                    }
                    Ok((_, _, found)) if found.starts_with(&kept) => tally.whole += 1,
                    Ok((_, _, found)) => {
                        assert!(kept.starts_with(&found), "{what}: nothing that was never acknowledged");
                        assert!(found.starts_with(&before), "{what}: only what the lie was about");
                        assert_eq!(
                            later,
                            0,
                            "{what}: {} of {} silently lost, though something durable came after it",
                            kept.len() - found.len(),
                            kept.len()
                        );
                        tally.unwitnessed += 1;
                    }
                }
            }
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{tally:?}");
    assert!(tally.reported > 100 && tally.unwitnessed > 0, "{tally:?}");
}

/// What was acknowledged until the disk gave out.
fn acknowledged(disk: SimDisk) -> Vec<dormouse::model::record::Record> {
    let mut play = Play::new(disk, "a lie".to_owned()).blind().stopping();
    let _ = play.run(&script());
    play.kept.concat()
}
