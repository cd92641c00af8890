//! What operators have typed into a session: `interrupt` and `compact` (C56).

use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::record::Record;

use crate::script::{check, happens};
use crate::world::World;

/// A peer that has taken its first message and works on it.
fn at_work() -> World {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada    => wake_decided[fresh first_wake]
         1s up ada           => delivery_decided, delivered, session_ready
         1s turn ada running =>",
    );
    world
}

/// Why the last request was refused.
fn refused(records: &[Record]) -> &str {
    match &records.last().expect("a record").event {
        Event::Fact(Fact::RequestRefused(refused)) => {
            assert_eq!(refused.rule, "C56");
            &refused.why
        }
        other => panic!("{other:?}"),
    }
}

/// C56, C58: one key while a turn runs, whatever waits for its end, decided by the request of a named actor.
#[test]
fn c56_an_interrupt_does_not_wait_for_what_waits_for_the_turn() {
    let mut world = at_work();
    check(
        &mut world,
        "2s send b to ada     => delivery_decided
         3s interrupt ada     => verb_decided
         3s turn ada idle     =>
         4s verb-ended interrupt ada =>
         5s begun b ada       =>",
    );
    let at = |kind: &str| world.records.iter().find(|record| record.event.kind().name == kind).unwrap();
    let (asked, decided) = (at("interrupt_requested"), at("verb_decided"));
    assert!(asked.actor.to_string().contains("uid 1000"), "{}", asked.actor);
    assert_eq!((decided.cause, decided.subject.generation), (Some(asked.lsn), asked.subject.generation));
}

/// C56: a key that ends a turn means something else to a program at rest, so nothing is pressed there.
#[test]
fn c56_an_interrupt_without_a_turn_is_refused() {
    let mut world = at_work();
    check(&mut world, "2s turn ada idle =>");
    assert_eq!(refused(&happens(&mut world, "interrupt ada")), "no turn of demo-ada is running");
    check(&mut world, "3s stop ada => stop_set, parked, reaped[stopped]");
    assert!(refused(&happens(&mut world, "interrupt ada")).contains("is not live"));
}

/// C56: what has been pressed is not pressed again before it is known what came of it.
#[test]
fn c56_one_of_each_at_a_time() {
    let mut world = at_work();
    check(&mut world, "2s interrupt ada => verb_decided\n 2s compact ada => verb_decided");
    assert!(refused(&happens(&mut world, "interrupt ada")).contains("under way already"));
    assert!(refused(&happens(&mut world, "compact ada")).contains("under way already"));
}

/// C30, C56: a command goes into the box as a delivery does, one at a time, before what is queued.
#[test]
fn c56_a_compaction_and_deliveries_go_one_at_a_time() {
    let mut world = at_work();
    check(
        &mut world,
        "2s send b to ada     => delivery_decided
         3s compact ada       =>
         3s send c to ada     =>
         4s turn ada idle     =>
         5s begun b ada       =>
         6s proven b ada      => delivered, verb_decided
         7s turn ada idle     =>
         90s verb-ended compact ada => delivery_decided",
    );
}

/// C45, C56: what is to be compacted is in use, and what was is as alive as if it had been spoken to.
#[test]
fn c56_a_compaction_keeps_its_session_and_moves_the_idle_clock() {
    let mut world = at_work();
    check(
        &mut world,
        "2s turn ada idle     =>
         3s compact ada       => verb_decided
         2h passes            =>
         2h verb-ended compact ada =>
         10799s passes        =>
         10801s passes        => look_decided",
    );
}

/// C56: a parked peer is resumed first, and compacted once its box is open; queued messages come after.
#[test]
fn c56_a_parked_peer_is_resumed_to_be_compacted() {
    let mut world = at_work();
    check(
        &mut world,
        "2s turn ada idle    =>
         2h passes           => look_decided
         2h looked ada 1h    => parked, reaped[idle]
         2h gone ada signal:15 => session_ended
         3h compact ada      => wake_decided[resumed compact]
         3h up ada           => session_ready, verb_decided
         3h send b to ada    =>
         3h verb-ended compact ada => delivery_decided",
    );
}

/// C56: nothing to resume is an error, never a silent fresh start.
#[test]
fn c56_what_was_never_live_has_nothing_to_compact() {
    let mut world = World::new();
    world.add("ada", |_| {});
    let records = happens(&mut world, "compact ada");
    let Event::Fact(Fact::RequestRefused(refused)) = &records.last().unwrap().event else { panic!("{records:?}") };
    assert!(refused.why.contains("no conversation to resume"), "{}", refused.why);
}

/// C56: what was asked of a session ends with it, and says so.
#[test]
fn c56_what_was_asked_of_a_session_is_given_up_with_it() {
    let mut world = at_work();
    check(
        &mut world,
        "2s compact ada       => verb_decided
         2s interrupt ada     => verb_decided
         3s stop ada          => stop_set, parked, reaped[stopped]
         4s gone ada signal:15 => session_ended, verb_given_up, verb_given_up",
    );
    assert_eq!(why(&world), "its session is gone");
    assert!(world.state.presences[&world.identity("ada")].verbs.is_empty());
}

/// C52, C56: a peer that is stopped before it could be resumed is not.
#[test]
fn c56_a_stop_ends_the_wait_for_a_session() {
    let mut world = at_work();
    check(
        &mut world,
        "2s turn ada idle     =>
         3s stop ada          => stop_set, parked, reaped[stopped]
         4s start ada         => stop_cleared
         5s compact ada       =>
         6s stop ada          => stop_set, verb_given_up",
    );
    assert_eq!(why(&world), "the session it was for was not resumed");
}

fn why(world: &World) -> &str {
    let given_up = world.records.iter().rev().find_map(|record| match &record.event {
        Event::Decision(Decision::VerbGivenUp(given_up)) => Some(given_up.why.as_str()),
        _ => None,
    });
    given_up.expect("it is given up")
}
