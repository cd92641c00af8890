//! One failure, at every call of a whole life.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::journal_disk::{Failure, Op, SimDisk};
use crate::play::{LONG, Met, Play, SEGMENT_BYTES, for_each};

/// Every call of the script on a disk without fault, and every way in which it can fail.
fn cases() -> Vec<(usize, Op, Failure)> {
    let mut whole = Play::new(SimDisk::default(), "no failure".to_owned());
    assert!(whole.run(LONG).is_ok() && whole.met == Met::Nothing);
    assert!(whole.disk.segments().len() >= 6, "{} segments: the script rotates", whole.disk.segments().len());
    let each = |(call, op): (usize, Op)| Failure::each_of(op).into_iter().map(move |failure| (call, op, failure));
    whole.disk.calls().into_iter().enumerate().flat_map(each).collect()
}

/// C7, C63, I9: whichever call fails, and however, the journal refuses on or goes on, nothing acknowledged is lost, and
/// after opening it anew the rest of the script is as if nothing had been.
#[test]
fn c63_any_call_may_fail_and_nothing_acknowledged_is_lost() {
    let seen = Mutex::new(BTreeMap::<_, usize>::new());
    for_each(&cases(), |&(call, op, failure)| {
        let mut play = Play::failing(call, failure);
        assert!(play.run(LONG).is_ok());
        assert_eq!(play.disk.failures_left(), 0, "call {call} never came");
        play.survives_cuts();
        *seen.lock().unwrap().entry((op, play.met)).or_default() += 1;
    });
    let seen = seen.into_inner().unwrap();
    println!("{seen:?}");
    for op in [Op::Create, Op::Write, Op::Sync, Op::Rename, Op::SyncFolder, Op::Other, Op::Look] {
        assert!(seen.get(&(op, Met::Reopened)).is_some_and(|&count| count >= 2), "{op:?} of {seen:?}");
    }
    assert!(seen.contains_key(&(Op::Create, Met::Harmless)), "a full disk is waited for: {seen:?}");
}

/// C7, I8: the power goes right after a call has failed, before anybody could open the journal again.
#[test]
fn c7_a_power_cut_after_a_failure_loses_nothing_acknowledged() {
    let stopped = Mutex::new(0);
    for_each(&cases(), |&(call, op, failure)| {
        let mut play = Play::failing(call, failure).stopping();
        if op != Op::Look && play.run(LONG).is_err() {
            play.survives_cuts();
            *stopped.lock().unwrap() += 1;
        }
    });
    assert!(stopped.into_inner().unwrap() > 200);
}

/// I9: the cache shows what the device has lost. Where nothing drops it, an opening believes bytes that are not there;
/// then the next power cut shows it, and it is refused and never taken for an end.
#[test]
fn i9_pages_lost_under_a_cache_that_stays_are_reported_later() {
    let reported = Mutex::new(0);
    let syncs: Vec<_> = cases().into_iter().filter(|(_, op, _)| *op == Op::Sync).collect();
    for_each(&syncs, |&(call, _, failure)| {
        let mut play = Play::failing(call, failure).blind();
        play.disk.keep_cache();
        assert!(play.run(LONG).is_ok());
        match play.disk.after_crash(&BTreeSet::new(), false).open(SEGMENT_BYTES) {
            Ok((_, _, records)) => {
                let kept: Vec<_> = play.kept.concat();
                assert!(records.starts_with(&kept), "call {call}, {failure:?}: silently lost");
            }
            Err(error) => {
                assert!(error.is_damage(), "call {call}, {failure:?}: {error:?}");
                *reported.lock().unwrap() += 1;
            }
        }
    });
    let reported = reported.into_inner().unwrap();
    assert!(reported > 5, "{reported} of {}", syncs.len());
}
