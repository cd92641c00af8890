//! What the audit counts.

use std::collections::BTreeMap;

use dormouse::explain::audit::{Auditor, Bytes, Statistics, audit};
use dormouse::model::event::*;
use dormouse::model::profile::WakePolicy;
use dormouse::model::record::Subject;
use dormouse::model::session::{Source, Turn, WakeBranch};
use dormouse::model::time::BootId;

use crate::history::{History, about, at, in_session, user};
use crate::lives::{ADA, honest, idle};

fn statistics(history: &History) -> Statistics {
    audit(&history.records, Bytes::default()).statistics
}

fn counted<K: Ord + Copy>(counts: &BTreeMap<K, u64>) -> Vec<(K, u64)> {
    counts.iter().map(|(what, times)| (*what, *times)).collect()
}

#[test]
fn wakes_are_told_by_branch_boots_by_runtime_and_turns_by_who_told_their_end() {
    let mut history = honest();
    history.accept(7, WakePolicy::Persistent);
    let session = history.live();
    history.deliver(7, session);
    let turn = Turn::Ended { at: at(0), judged: true };
    history.then(in_session(ADA, session), TurnJudged { turn, because: "silence".into() });
    // It says that it is idle, which it was.
    history.turn(session, TurnSeen::Idle);
    let found = statistics(&history);
    assert_eq!(counted(&found.wakes_by_branch), [(WakeBranch::FirstWake, 4)]);
    let boots: Vec<_> = found.boot_ms_by_runtime.iter().map(|(runtime, boot)| (runtime.as_str(), boot.count)).collect();
    assert_eq!(boots, [("claude", 4)]);
    assert_eq!((found.turns.known, found.turns.judged), (1, 1));
}

/// C45, C47: an idle reap that is followed by a wake was in vain, if that came soon enough.
#[test]
fn c47_a_reap_was_in_vain_if_its_peer_is_woken_again_soon() {
    let mut history = honest();
    history.accept(7, WakePolicy::Persistent);
    let session = history.live();
    let reaped = history.reap(session, idle(3_600_000));
    history.gone(session);
    history.ended(session, reaped);
    history.accept(8, WakePolicy::Persistent);
    history.live();
    // A second lies between two records, and once ten of them, once four.
    let in_vain = |within_ms: u64| {
        let mut auditor = Auditor::default().again_within(within_ms);
        history.records.iter().for_each(|record| auditor.see(record));
        auditor.finish(Bytes::default()).statistics.false_reaps
    };
    assert_eq!((statistics(&history).false_reaps, in_vain(9_000), in_vain(4_000), in_vain(3_999)), (2, 2, 1, 0));
    assert_eq!(statistics(&history).again_within_ms, 600_000);
}

/// C43, C60: the time of which nothing can be claimed.
#[test]
fn c43_unknown_time_is_counted_not_guessed() {
    let mut history = History::default();
    let started = || DaemonStarted { version: "0".into(), pid: 1, tmux: None };
    let ready = || DaemonReady { adopted: 0, gone: 0, not_known: 0 };
    history.fact(Subject::NONE, started());
    history.fact(Subject::NONE, ready());
    history.accept(1, WakePolicy::Persistent);
    let session = history.live();
    let asked = || SessionNotKnown { question: "does it live?".into(), why: "no answer".into() };
    history.fact(in_session(ADA, session), asked());
    history.fact(in_session(ADA, session), asked());
    history.turn(session, TurnSeen::Alive);
    history.fact(Subject::NONE, started());
    history.fact(Subject::NONE, ready());
    history.fact(Subject::NONE, DaemonStopped { why: "SIGTERM".into() });
    history.fact(Subject::NONE, started());
    history.fact(Subject::NONE, ready());
    let found = statistics(&history).unknown;
    // From the first start to its ready nobody had looked either; no record lies before it to count from.
    assert_eq!((found.not_known_ms, found.not_known, found.no_daemon_ms), (2_000, 2, 4_000));

    // With the machine: by the wall clock.
    for record in history.records.iter_mut().skip(9) {
        (record.at.boot, record.at.wall_us) = (BootId(2), record.at.wall_us + 60_000_000);
    }
    assert_eq!(statistics(&history).unknown.no_daemon_ms, 64_000);
}

#[test]
fn c6_refusals_are_told_by_their_rules() {
    let mut history = honest();
    let refused = MessageRefused {
        to: "claude-bob".into(),
        from: user("nik"),
        rule: "registered".into(),
        why: "no such peer".into(),
        hint: None,
        bytes: 5,
        digest: String::new(),
    };
    history.fact(Subject::NONE, refused);
    let request = |rule: &str| RequestRefused { verb: "rm".into(), rule: rule.into(), why: "live".into(), hint: None };
    history.fact(about(ADA), request("live"));
    history.fact(about(ADA), request("live"));
    let call = CallRefused {
        door: "mcp".into(),
        status: 401,
        rule: "secret".into(),
        why: "no secret".into(),
        uid: None,
        times: 40,
    };
    history.fact(Subject::NONE, call);
    let found = statistics(&history).refusals;
    let found: Vec<_> = found.iter().map(|(rule, times)| (rule.as_str(), *times)).collect();
    assert_eq!(found, [("live", 2), ("registered", 1), ("secret", 40)]);
}

/// A word on a turn that nobody has begun ends none.
#[test]
fn c46b_what_is_said_at_rest_is_no_turn() {
    let mut history = History::default();
    history.fact(Subject::NONE, DaemonStarted { version: "0".into(), pid: 1, tmux: None });
    history.accept(1, WakePolicy::Persistent);
    let session = history.live();
    for turn in [TurnSeen::Idle, TurnSeen::Running, TurnSeen::Ended, TurnSeen::Idle, TurnSeen::Alive] {
        let observed = TurnObserved { turn, source: Source::StatusFile, turn_id: None, said_at: None };
        history.fact(in_session(ADA, session), observed);
    }
    assert_eq!(statistics(&history).turns.known, 1);
}
