//! The audit finds each planted violation, and is silent on an honest history.

use dormouse::explain::audit::{Audit, Auditor, Bytes, Damage, Spread, audit};
use dormouse::model::actor::Sender;
use dormouse::model::delivery::{DeliveryOutcome, Proof, Settlement};
use dormouse::model::event::{Armed, DaemonStarted, Delivered, DeliverySettled, MessageAccepted, Recipient};
use dormouse::model::id::{Generation, Lsn};
use dormouse::model::profile::WakePolicy;
use dormouse::model::record::Subject;
use dormouse::model::session::{ArmedBy, ReapReason};
use dormouse::model::state::State;
use dormouse::model::time::BootId;
use dormouse::reducer::apply;

use crate::history::{History, accepted_as, id, in_session, peer};
use crate::lives::{ADA, honest};
use crate::plants::{MESSAGES, SESSIONS};

fn run(history: &History) -> Audit {
    audit(&history.records, Bytes::default())
}

fn rules(history: &History) -> Vec<&'static str> {
    run(history).violations.iter().map(|violation| violation.rule).collect()
}

#[test]
fn an_honest_history_is_clean() {
    let audit = run(&honest());
    assert_eq!(audit.violations, []);
    assert_eq!(audit.open, []);
    assert!(audit.is_clean());
    assert_eq!((audit.first_lsn, audit.last_lsn, audit.records), (1, audit.records, honest().records.len() as u64));
    let counts = &audit.statistics;
    assert_eq!((counts.wakes.fresh, counts.wakes.resumed, counts.wakes.failed), (3, 0, 0));
    assert_eq!(counts.reaps.iter().collect::<Vec<_>>(), [(&"done", &1), (&"idle", &1)]);
    assert_eq!(counts.deaths.iter().collect::<Vec<_>>(), [(&"signal 9".to_owned(), &1)]);
    assert_eq!(counts.kinds["delivered"], 3);
    assert_eq!(counts.wake_ms, Spread { count: 2, p50: 5_000, p90: 7_000, p99: 7_000, max: 7_000 });
}

/// Every prefix is what the journal of a killed daemon may hold: open, never a violation.
#[test]
fn no_prefix_of_an_honest_history_is_a_violation() {
    let honest = honest();
    for end in 0..honest.records.len() {
        assert_eq!(audit(&honest.records[..end], Bytes::default()).violations, [], "the first {end} records");
    }
    let open = audit(&honest.records[..6], Bytes::default()).open;
    let open: Vec<String> = open.into_iter().map(|open| format!("{} {}", open.lsn, open.what)).collect();
    assert_eq!(
        open,
        [
            "2 message 00000000000000000000000001 waits to be delivered",
            "3 claude-ada is waking and not yet ready",
            "6 message 00000000000000000000000002 waits to be delivered",
        ]
    );
}

/// A history that begins after retention has cut it is not blamed for what was cut.
#[test]
fn what_was_cut_off_is_not_missed() {
    let honest = honest();
    for start in 1..honest.records.len() {
        assert_eq!(audit(&honest.records[start..], Bytes::default()).violations, [], "from record {}", start + 1);
    }
}

/// Where the beginning was cut off, the oldest snapshot stands in for it, and a newer one is compared with what the records
/// between add up to.
#[test]
fn i3_a_snapshot_is_compared_wherever_the_history_begins() {
    let records = honest().records;
    let told = |through: usize| {
        let mut state = State::default();
        records[..through].iter().for_each(|record| drop(apply(&mut state, record)));
        state
    };
    let (older, newer) = (records.len() / 3, records.len() / 2);
    // From the first record, behind the first, right behind the older snapshot.
    for start in [0, 1, older] {
        for (lie, expected) in [(0, vec![]), (1, vec![newer as u64])] {
            let mut later = told(newer);
            later.settings.queue_max += lie;
            let mut auditor = Auditor::comparing(vec![told(older), later]);
            records[start..].iter().for_each(|record| auditor.see(record));
            let found = auditor.finish(Bytes::default()).violations;
            let places: Vec<u64> = found.iter().map(|violation| violation.lsn).collect();
            assert_eq!(places, expected, "from record {}: {found:?}", start + 1);
            assert!(found.iter().all(|violation| violation.rule == "I3" && violation.what.ends_with(": settings")));
        }
    }
}

/// Why a delivery failed is told to readers alone, and snapshots of an earlier build do not have it.
#[test]
fn i3_a_snapshot_that_does_not_know_why_a_delivery_failed_tells_no_other_state() {
    let records = honest().records;
    let with_messages = (1..records.len()).find_map(|through| {
        let mut state = State::default();
        records[..through].iter().for_each(|record| drop(apply(&mut state, record)));
        (!state.messages.is_empty()).then_some(state)
    });
    let mut told = with_messages.unwrap();
    told.messages.values_mut().for_each(|message| message.failure = Some("at the paste".to_owned()));
    let mut auditor = Auditor::comparing(vec![told]);
    records.iter().for_each(|record| auditor.see(record));
    assert_eq!(auditor.finish(Bytes::default()).violations, []);
}

#[test]
fn the_json_is_what_scripts_were_promised() {
    let damage =
        Damage { kind: "rot", segment: "0001.seg".into(), offset: 4_096, lsn: Some(12), what: "checksum".into() };
    let bytes = Bytes { segments: 3, damage: vec![damage], torn_tail: None };
    let audit = audit(&honest().records, bytes);
    assert!(!audit.is_clean());
    let json = serde_json::to_value(&audit).unwrap();
    assert_eq!(
        json["damage"][0],
        serde_json::json!({"kind": "rot", "segment": "0001.seg", "offset": 4096, "lsn": 12, "what": "checksum"})
    );
    let names: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(names, ["segments", "records", "first_lsn", "last_lsn", "damage", "violations", "open", "statistics"]);
}

#[test]
fn each_planted_violation_is_found_and_nothing_else() {
    for (row, (rule, plant)) in SESSIONS.iter().chain(MESSAGES).enumerate() {
        let mut history = honest();
        plant(&mut history);
        let found = run(&history).violations;
        assert!(
            !found.is_empty() && found.iter().all(|violation| violation.rule == *rule),
            "row {row}, {rule}: {found:?}"
        );
    }
}

/// C34: what is settled, or marked, may be sent again.
#[test]
fn c34_a_second_delivery_that_was_settled_or_marked_is_no_violation() {
    let unproven = || DeliveryOutcome::Unproven { waited_ms: 120_000, screen: String::new() };
    for settled in [true, false] {
        let mut history = honest();
        history.accept(5, WakePolicy::Persistent);
        let session = history.live();
        history.begin(5, session, 1);
        history.end(5, session, unproven());
        if settled {
            let settlement = DeliverySettled { settlement: Settlement::Absent };
            history.fact(in_session(ADA, session).with_message(id(5)), settlement);
        }
        history.decide_delivery(5, session, 2, !settled);
        assert_eq!(rules(&history), [""; 0]);
    }
}

/// C14, C61a: an answer out of a spool proves a delivery whose end no daemon lived to report.
#[test]
fn c14_a_delivery_proven_by_an_answer_is_in_flight_no_more() {
    let mut history = honest();
    history.accept(5, WakePolicy::Persistent);
    let session = history.live();
    history.begin(5, session, 1);
    history.fact(Subject::NONE, DaemonStarted { version: "0".into(), pid: 2, tmux: None });
    let from = Sender::Session { peer: peer(ADA), generation: Generation(Lsn(session)) };
    let to = Recipient::User("nik".into());
    let answer = MessageAccepted { answers: Some(id(5)), ..accepted_as(to, from, "done", WakePolicy::Ephemeral) };
    history.fact(in_session(ADA, session).with_message(id(11)), answer);
    let delivered = Delivered { attempt: 1, possible_duplicate: false, proof: Proof::Answer, waited_ms: 5_000 };
    history.then(in_session(ADA, session).with_message(id(5)), delivered);
    let armed = history.then(in_session(ADA, session), Armed { by: ArmedBy::Message { message: id(11) } });
    history.reap(session, ReapReason::Done { armed: Lsn(armed), quiet_ms: 20_000, quiet_ms_max: 20_000 });
    assert_eq!(rules(&history), [""; 0]);
}

/// C50a: another start of the machine begins another awake clock.
#[test]
fn c50a_the_awake_clock_may_start_anew_with_the_machine() {
    let mut history = honest();
    for record in history.records.iter_mut().skip(5) {
        (record.at.boot, record.at.awake_ms) = (BootId(2), record.lsn.0);
    }
    assert_eq!(rules(&history), [""; 0]);
}

/// I6: an effect may be repeated, and reports what it finds again; another process would be another session.
#[test]
fn i6_the_same_process_may_be_reported_again() {
    let mut history = honest();
    history.accept(5, WakePolicy::Persistent);
    history.live();
    let started = history.records[history.records.len() - 2].clone();
    history.fact(started.subject, started.event);
    assert_eq!(rules(&history), [""; 0]);
}
