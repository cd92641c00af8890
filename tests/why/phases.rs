//! A peer's present phase is led back to what made it, whatever has confirmed it since.

use dormouse::explain::why::{Answer, Subject, Until};
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;

use crate::asked;
use crate::told::lived_through;

fn of_ada(records: &[Record]) -> Answer {
    let ada = records.iter().filter_map(|it| it.subject.peer.clone()).find(|it| it.personality.to_string() == "ada");
    asked(records, Subject::Peer(ada.expect("it is registered")), Until::default())
}

/// What is said of ada's phase after these lines, latest first.
fn kinds(lines: &str) -> Vec<&'static str> {
    let world = lived_through(|_| {}, lines);
    of_ada(&world.records).chain.iter().map(|(it, _)| it.event.kind().name).collect()
}

const LIVE: &str = "0s send a to ada\n1s up ada\n";
/// Its wake, and what that was for.
const MADE: [&str; 5] = ["session_ready", "delivered", "delivery_ended", "wake_decided", "message_accepted"];

/// C4: registered again it is what it was.
#[test]
fn c04_a_live_peer_that_is_added_again_is_led_back_to_its_wake() {
    assert_eq!(kinds(LIVE), MADE);
    assert_eq!(kinds(&format!("{LIVE}4s added ada")), MADE);
    assert_eq!(kinds("0s added ada\n1s added ada"), ["peer_registered"], "nothing else has happened to it");
    assert_eq!(kinds("0s added ada\n0s rm ada\n1s added ada"), ["peer_registered"]);
    assert_eq!(kinds("0s added ada\n0s rm ada")[0], "peer_forgotten");
}

/// C5: what something else keeps alive is external from then on.
#[test]
fn c05_a_registration_that_hands_a_peer_over_has_changed_its_phase() {
    assert_eq!(kinds("0s stop ada\n1s managed ada"), ["peer_registered"]);
    assert_eq!(kinds("0s stop ada\n1s managed ada\n2s added ada"), ["peer_registered"]);
    let world = lived_through(|_| {}, "0s stop ada\n1s managed ada\n2s managed ada");
    let second = world.records.len() as u64 - 1;
    assert_eq!(of_ada(&world.records).chain[0].0.lsn, Lsn(second), "the first of the two has handed it over");
}

/// C60: an adoption confirms a phase, and did not make it.
#[test]
fn c60_a_peer_that_was_taken_over_is_led_back_behind_the_restart() {
    let restart = "60s daemon starts\n61s adopted ada\n62s daemon serves";
    let once = kinds(&format!("{LIVE}{restart}"));
    assert_eq!(once, [&["session_adopted"][..], &MADE].concat());
    let again = "120s daemon starts\n121s adopted ada\n122s daemon serves\n123s added ada";
    assert_eq!(kinds(&format!("{LIVE}{restart}\n{again}")), once, "the newest one says it all");
}

/// C60: a wake whose record was removed is missed where the chain would go on.
#[test]
fn c60_a_peer_that_was_taken_over_says_that_its_wake_was_removed() {
    let world = lived_through(|_| {}, &format!("{LIVE}60s daemon starts\n61s adopted ada\n62s daemon serves"));
    let is_start = |it: &Record| it.event.kind().name == "daemon_started";
    let restart = world.records.iter().rposition(is_start).expect("it was started again");
    let woken = world.records.iter().find(|it| it.event.kind().name == "wake_decided").expect("it was woken").lsn;
    assert_eq!(of_ada(&world.records[restart..]).cut_off, [woken]);
}

/// C53: what a stop has kept from being woken is woken because that was lifted.
#[test]
fn c53_the_start_that_has_lifted_a_stop_stands_before_the_wake() {
    let started = format!("{LIVE}4s stop ada\n5s gone ada signal:15\n6s start ada\n7s send b to ada\n8s up ada");
    let kinds = kinds(&started);
    let at = |kind| kinds.iter().position(|it| *it == kind).unwrap_or_else(|| panic!("no {kind} in {kinds:?}"));
    assert!(at("wake_decided") < at("stop_cleared"), "{kinds:?}");
    assert_eq!(at("stop_cleared") + 1, at("start_requested"), "{kinds:?}");
    assert!(at("start_requested") < at("stop_set"), "{kinds:?}");
    let kinds = self::kinds(&format!("{started}\n9s gone ada signal:9\n60s send c to ada\n61s up ada"));
    assert!(!kinds.contains(&"stop_cleared"), "the wake after the next rests on none: {kinds:?}");
}

/// C53: that a peer may be woken again is not why it sleeps.
#[test]
fn c53_a_peer_that_may_wake_again_is_led_back_to_the_end_of_its_session() {
    let idle = "0s send a to ada\n1s up ada\n2s turn ada ended\n3602s looked ada 3600s\n3603s gone ada signal:15\n";
    let kinds = kinds(&format!("{idle}3700s stop ada\n3800s start ada"));
    let at = |kind| kinds.iter().position(|it| *it == kind).unwrap_or_else(|| panic!("no {kind} in {kinds:?}"));
    assert_eq!(at("stop_cleared"), 0);
    assert!(at("stop_set") < at("session_ended") && at("session_ended") < at("reaped"), "{kinds:?}");
    let again = self::kinds(&format!("{idle}3700s stop ada\n3800s start ada\n3900s stop ada\n4000s start ada"));
    assert_eq!(again, kinds, "the newest stop says it all");
    assert_eq!(self::kinds("0s stop ada\n1s start ada").last(), Some(&"peer_registered"), "it never had a session");
    assert!(!self::kinds(&format!("{idle}3700s stop ada")).contains(&"reaped"), "it sleeps because it is stopped");
}
