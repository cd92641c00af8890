//! Chains of causes.

use dormouse::explain::why::{Subject as About, chain, json, text};
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::delivery::{DeliveryOutcome, Proof};
use dormouse::model::event::*;
use dormouse::model::id::{Generation, Lsn};
use dormouse::model::profile::WakePolicy;
use dormouse::model::record::{Record, Subject};
use dormouse::model::session::{ArmedBy, Ending, ReapReason, Source, WakeBranch};
use jiff::tz::TimeZone;

use crate::history::{History, about, accepted, accepted_as, at, id, in_session, peer, wake};

fn lsns(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.lsn.0).collect()
}

/// A peer is woken for a message, idles, is reaped; another one is stopped.
fn history() -> Vec<Record> {
    let mut history = History::default();
    history.fact(about("claude-ada").with_message(id(1)), accepted("claude-ada", "user:nik", "hello")); // 1
    history.then(about("claude-ada"), wake(WakeBranch::FirstWake)); // 2
    history.fact(about("claude-eve"), StopRequested { reason: Some("maintenance".into()) }); // 3
    history.then(about("claude-eve"), StopSet {}); // 4
    let proven = DeliveryOutcome::Proven { proof: Proof::Hook };
    let ended = DeliveryEnded { attempt: 1, outcome: proven, took_ms: 900 };
    history.because_of(2, in_session("claude-ada", 2).with_message(id(1)), ended); // 5
    let delivered = Delivered { attempt: 1, possible_duplicate: false, proof: Proof::Hook, waited_ms: 4_000 };
    history.then(in_session("claude-ada", 2).with_message(id(1)), delivered); // 6
    history.then(in_session("claude-ada", 2), SessionReady { wake_ms: 4_000 }); // 7
    history.fact(about("claude-ada"), DeadlinePassed { deadline: DeadlineKind::Look }); // 8
    let reason =
        ReapReason::Idle { idle_ms: 3_604_000, idle_ms_max: 3_600_000, last_sign: at(0), source: Source::Delivery };
    history.then(in_session("claude-ada", 2), Reaped { reason }); // 9
    let gone = SessionGone { ending: Ending::Code { code: 0 }, lived_ms: 1, strays: 0, found_at_start: false };
    history.fact(in_session("claude-ada", 2), gone); // 10
    let ended = SessionEnded { reaped: Lsn(9), ending: Ending::Code { code: 0 }, took_ms: 320, strays: 0 };
    history.then(in_session("claude-ada", 2), ended); // 11
    history.records[2].actor = Actor::User { uid: 1000, pid: 5, program: "dormouse".into() };
    history.records
}

#[test]
fn a_peer_is_explained_from_what_made_its_phase_back_to_what_was_observed() {
    let records = history();
    assert_eq!(lsns(&chain(&records[..], &About::Peer(peer("claude-ada")))), [11, 10, 9, 8]);
    assert_eq!(lsns(&chain(&records[..], &About::Peer(peer("claude-eve")))), [4, 3]);
    assert_eq!(lsns(&chain(&records[..], &About::Peer(peer("claude-zoe")))), [0; 0], "nobody knows zoe");
}

#[test]
fn a_message_is_explained_from_its_fate_back_to_its_acceptance() {
    let records = history();
    assert_eq!(lsns(&chain(&records[..6], &About::Message(id(1)))), [6, 5, 2, 1]);
    // Nobody has answered it, and the session that took it is gone.
    assert_eq!(lsns(&chain(&records[..], &About::Message(id(1)))), [11, 10, 9, 8, 6, 5, 2, 1]);
}

#[test]
fn a_record_is_explained_by_its_causes() {
    let records = history();
    assert_eq!(lsns(&chain(&records[..], &About::Record(Lsn(7)))), [7, 6, 5, 2, 1]);
    assert_eq!(lsns(&chain(&records[..], &About::Record(Lsn(99)))), [0; 0]);
}

/// A damaged link must not send the walk in circles.
#[test]
fn a_cause_that_does_not_precede_is_not_followed() {
    let mut records = history();
    records[0].cause = Some(Lsn(7));
    assert_eq!(lsns(&chain(&records[..], &About::Record(Lsn(7)))), [7, 6, 5, 2, 1]);
}

#[test]
fn json_carries_the_sentence_of_each_record() {
    let records = history();
    let subject = About::Peer(peer("claude-eve"));
    let json = json(&subject, &chain(&records[..], &subject));
    assert_eq!(json["subject"], "claude-eve");
    assert_eq!(json["chain"][0]["kind"], "stop_set");
    assert_eq!(json["chain"][0]["because"], "stopped: no message wakes it until it is started again (C52)");
    assert_eq!(json["chain"][1]["actor"], "uid 1000 (dormouse, pid 5)");
    assert_eq!(json["chain"].as_array().unwrap().len(), 2);
}

/// C58: who asked, why, and how long ago.
#[test]
fn c58_text_says_who_asked_and_how_long_ago() {
    let records = history();
    let chain = chain(&records[..], &About::Peer(peer("claude-eve")));
    assert_eq!(
        text(&chain, at(124_000), &TimeZone::UTC, None),
        "     4         2 min ago  claude-eve stopped: no message wakes it until it is started again (C52)\n\
         \x20    3     2 min 1 s ago  claude-eve asked to stop the peer; reason given: maintenance (by uid 1000 (dormouse, pid 5))\n"
    );
}

/// C64: the rules of every peer are asked again when a message to a person is heard, and what they decide on another peer
/// than its sender is not decided because of it.
#[test]
fn c64_what_was_only_heard_at_that_moment_is_not_told_as_a_reason() {
    let mut history = History::default();
    let from = Sender::Session { peer: peer("claude-ada"), generation: Generation(Lsn(1)) };
    let answer = accepted_as(Recipient::User("root".to_owned()), from, "done", WakePolicy::Persistent);
    history.fact(Subject::NONE.with_message(id(1)), answer); // 1
    let look = LookDecided { silent_ms: 700_000, last_sign: at(0), source: Source::Delivery };
    history.because_of(1, in_session("claude-bob", 9), look); // 2
    history.because_of(1, in_session("claude-ada", 1), Armed { by: ArmedBy::Message { message: id(1) } }); // 3
    let records = history.records;
    let moment = "heard at that moment, and no reason for it: accepted from ada";
    let said = |lsn| text(&chain(&records[..], &About::Record(Lsn(lsn))), at(9_000), &TimeZone::UTC, None);
    assert!(said(2).contains(moment), "{}", said(2));
    assert!(said(3).contains("accepted from ada") && !said(3).contains(moment), "{}", said(3));
    let subject = About::Record(Lsn(2));
    let because = json(&subject, &chain(&records[..], &subject))["chain"][1]["because"].to_string();
    assert!(because.contains(moment), "{because}");
}

/// C64: an answer to a person is kept for them, and the rules of every peer are asked behind that. Neither is a reason for what
/// becomes of another peer than the one that gave it; of the answer itself both are.
#[test]
fn c64_an_answer_that_is_kept_for_a_person_is_no_reason_for_what_becomes_of_others() {
    let mut history = History::default();
    let from = Sender::Session { peer: peer("claude-bob"), generation: Generation(Lsn(1)) };
    let answer = accepted_as(Recipient::User("root".to_owned()), from, "done", WakePolicy::Persistent);
    history.fact(Subject::NONE.with_message(id(1)), answer); // 1
    history.because_of(1, Subject::NONE.with_message(id(1)), AnswerKept { user: "root".to_owned() }); // 2
    let look = LookDecided { silent_ms: 700_000, last_sign: at(0), source: Source::Delivery };
    history.because_of(2, in_session("claude-ada", 9), look.clone()); // 3
    history.because_of(2, in_session("claude-bob", 1), look); // 4
    let mut records = history.records;
    let by = Actor::Session { peer: peer("claude-bob"), generation: Generation(Lsn(1)) };
    records[..2].iter_mut().for_each(|record| record.actor = by.clone());
    let told = |subject: About| text(&chain(&records[..], &subject), at(9_000), &TimeZone::UTC, None);
    let moment = "heard at that moment, and no reason for it: ";
    let (other, own) = (told(About::Record(Lsn(3))), told(About::Record(Lsn(4))));
    assert_eq!(other.matches(moment).count(), 2, "{other}");
    assert!(!own.contains(moment), "{own}");
    assert!(!told(About::Message(id(1))).contains(moment));
}
