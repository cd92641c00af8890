//! A failure met by the opening that another failure or a power cut has called for.

use std::collections::BTreeSet;
use std::sync::Mutex;

use dormouse::model::record::Record;

use crate::journal_disk::fault::Kept;
use crate::journal_disk::{Failure, Op, SimDisk};
use crate::play::{Play, SHORT, Step, for_each};

/// Every changing call of a script with a failure that ends the writer.
fn first_failures() -> Vec<(usize, Failure)> {
    let whole = SimDisk::default();
    assert!(Play::new(whole.clone(), "no failure".to_owned()).run(SHORT).is_ok());
    let failure = |op| match op {
        Op::Write => Some(Failure::Short(8, rustix::io::Errno::NOSPC)),
        Op::Sync => Some(Failure::PagesLost(Kept::EverySecond, rustix::io::Errno::IO)),
        Op::Rename | Op::SyncFolder => Some(Failure::Refused(rustix::io::Errno::IO)),
        Op::Create | Op::Other | Op::Look => None,
    };
    whole.calls().into_iter().enumerate().filter_map(|(call, op)| Some((call, failure(op)?))).collect()
}

/// Until the writer has failed.
fn stopped(call: usize, failure: Failure) -> Option<Play> {
    let mut play = Play::failing(call, failure).stopping();
    play.run(SHORT).is_err().then_some(play)
}

const AFTER: &[Step] = &[Step::Append(&[1, 1]), Step::Close];

/// C61, C63: opening again is cut off by a failure or a power cut at any of its own calls, and is done again.
#[test]
fn c61_opening_after_a_failure_may_itself_fail_at_any_call() {
    let (failed, cut) = (Mutex::new(0), Mutex::new(0));
    for_each(&first_failures(), |&(call, failure)| {
        let Some(mut play) = stopped(call, failure) else { return };
        let begun = play.disk.calls().len();
        play.go_on(&[]);
        let calls = play.disk.calls()[begun..].to_vec();
        for (at, &op) in calls.iter().enumerate() {
            for second in Failure::each_of(op) {
                let mut play = stopped(call, failure).expect("it stopped before");
                play.disk.fail_at(begun + at, second);
                play.go_on(AFTER);
                assert_eq!(play.disk.failures_left(), 0, "call {call}, then call {at} of opening");
                *failed.lock().unwrap() += 1;
            }
            if op != Op::Look {
                let play = stopped(call, failure).expect("it stopped before");
                let changes = calls[..at].iter().filter(|op| **op != Op::Look).count();
                play.disk.die_after(play.disk.ops() + changes);
                assert!(play.disk.open(crate::play::SEGMENT_BYTES).is_err());
                play.survives_cuts();
                *cut.lock().unwrap() += 1;
            }
        }
    });
    let (failed, cut) = (failed.into_inner().unwrap(), cut.into_inner().unwrap());
    println!("{failed} second failures, {cut} power cuts");
    assert!(failed > 500 && cut > 100, "{failed}, {cut}");
}

/// C61: an opening that fails sets aside or seals nothing twice: two tries end as one does.
#[test]
fn c61_an_opening_that_failed_is_repeated_with_the_same_end() {
    for_each(&first_failures(), |&(call, failure)| {
        let Some(play) = stopped(call, failure) else { return };
        let written: BTreeSet<_> = play.disk.dirty().into_iter().step_by(2).collect();
        let left = || play.disk.after_crash(&written, true);
        let once = left();
        let records = end(&once);
        let calls = once.calls();
        for (at, &op) in calls.iter().enumerate() {
            for second in Failure::each_of(op) {
                let twice = left();
                twice.fail_at(at, second);
                let first = twice.open(crate::play::SEGMENT_BYTES).map(|(_, _, records)| records);
                assert!(first.is_err() || first.unwrap() == records, "call {at} of opening: {second:?}");
                assert_eq!(end(&twice), records, "call {at} of opening: {second:?}");
                let names = |disk: &SimDisk| disk.segments().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
                assert_eq!(names(&twice), names(&once), "call {at} of opening: {second:?}");
            }
        }
    });
}

fn end(disk: &SimDisk) -> Vec<Record> {
    disk.open(crate::play::SEGMENT_BYTES).unwrap().2
}
