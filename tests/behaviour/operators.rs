//! Operator verbs and an agent's own calls (C4, C52-C58).

use dormouse::model::actor::Actor;
use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::request::Verb;
use dormouse::policy::admit::Admission;

use crate::script::{check, happens};
use crate::world::{World, ephemeral};

fn live(shape: impl FnOnce(&mut dormouse::model::profile::Registration)) -> World {
    let mut world = World::new();
    world.add("ada", shape);
    let send = world.message("ada", crate::world::user(), "a");
    world.request(Verb::Send(Box::new(send)));
    world
}

/// C52: flag, park, end; not a death; what is queued stays, what is new is refused, saying so.
#[test]
fn c52_stop_parks_ends_and_refuses_new_messages() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada   => wake_decided[fresh first_wake]
         1s up ada          => delivery_decided, delivered, session_ready
         2s stop ada        => stop_set, parked, reaped[stopped]
         2s stop ada        =>
         3s gone ada signal:15 => session_ended
         4s send b to ada   =>",
    );
    let Event::Fact(Fact::MessageRefused(refused)) = &world.records.last().unwrap().event else { panic!() };
    assert_eq!(refused.rule, "C52");
    assert!(refused.why.contains("it is stopped (by uid 1000"), "{}", refused.why);
    assert!(world.state.presences[&world.identity("ada")].deaths.is_empty());
}

/// C53: `start` clears stop; what is queued drains.
#[test]
fn c53_start_drains_what_is_queued() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada   => wake_decided[fresh first_wake]
         1s up ada          => delivery_decided, delivered, session_ready
         1s turn ada running =>
         1s send b to ada   => delivery_decided
         2s stop ada        => stop_set, parked, reaped[stopped]
         3s gone ada signal:15 => session_ended, message_requeued, wake_refused[stopped]
         4s start ada       => stop_cleared, wake_decided[fresh no_topic]",
    );
}

/// C58: every verb that changes something is an event with its actor, and so is the decision that follows.
#[test]
fn c58_decisions_that_follow_from_a_verb_carry_its_actor() {
    let mut world = live(|_| {});
    check(&mut world, "1s stop ada => stop_set, parked, reaped[stopped]");
    let named = world.records.iter().filter(
        |record| matches!(&record.actor, Actor::User { uid: 1000, pid: 4242, program } if program == "dormouse"),
    );
    let kinds: Vec<&str> = named.map(|record| record.event.kind().name).collect();
    assert_eq!(kinds, ["message_accepted", "stop_requested", "stop_set", "parked", "reaped"]);
}

/// C55: an agent's own calls are valid only from inside its session, and only while that lives.
#[test]
fn c55_own_calls_are_refused_from_outside_and_after_the_end() {
    let mut world = live(ephemeral);
    let refused = |admission| match admission {
        Admission::Fact(draft) => matches!(draft.event, Event::Fact(Fact::RequestRefused(ref r)) if r.rule == "C55"),
        Admission::Known { .. } => false,
    };
    let outside = world.ask(Actor::User { uid: 0, pid: 1, program: "sh".into() }, Verb::SelfDone);
    assert!(refused(outside));
    let inside = Actor::Session { peer: world.identity("ada"), generation: world.session("ada").generation };
    check(&mut world, "1s gone ada never => wake_failed, wake_refused[retry_delay]");
    let after = world.ask(inside, Verb::SelfDone);
    assert!(refused(after));
}

/// C55, C17: `self fresh` marks the next wake.
#[test]
fn c55_self_fresh_marks_the_next_wake() {
    let mut world = World::new();
    world.add("ada", |registration| registration.profile.converses_with_people = true);
    check(
        &mut world,
        "0s send a to ada     => wake_decided[fresh first_wake]
         1s up ada            => delivery_decided, delivered, session_ready
         2s fresh ada         => refresh_marked
         3s turn ada idle     =>
         4s stop ada          => stop_set, parked, reaped[stopped]
         5s gone ada signal:15 => session_ended
         6s start ada         => stop_cleared
         7s send b to ada     => wake_decided[fresh refresh_mark]",
    );
}

/// C4: `rm` is refused while live unless forced; queued messages are cancelled as events; the peer is forgotten once
/// its session is gone.
#[test]
fn c4_rm_is_refused_while_live_unless_forced() {
    let mut world = live(ephemeral);
    check(&mut world, "1s send b to ada =>\n2s rm ada =>");
    assert!(matches!(&world.records.last().unwrap().event, Event::Fact(Fact::RequestRefused(r)) if r.rule == "C4"));
    check(
        &mut world,
        "3s rm-force ada       => message_cancelled, message_cancelled, reaped[removed]
         4s gone ada signal:15 => session_ended, peer_forgotten",
    );
    assert!(world.state.peers.is_empty() && world.state.messages.is_empty() && world.state.presences.is_empty());
}

/// C4, C51: a long queue goes with its peer as a short one does.
#[test]
fn c4_a_peer_is_removed_with_a_full_queue() {
    let mut world = live(ephemeral);
    for number in 0..2_000 {
        happens(&mut world, &format!("send more-{number} to ada"));
    }
    let removed = happens(&mut world, "rm-force ada");
    let cancelled = removed.iter().filter(|it| matches!(it.event, Event::Decision(Decision::MessageCancelled(_))));
    assert_eq!(cancelled.count(), 2_001);
    check(&mut world, "4s gone ada signal:15 => session_ended, peer_forgotten");
    assert!(world.state.peers.is_empty() && world.state.messages.is_empty());
}

/// C4, C13: what was accepted while the session was still ending goes with its peer, and by an event.
#[test]
fn c4_what_came_after_a_removal_is_cancelled_as_well() {
    let mut world = live(ephemeral);
    check(
        &mut world,
        "3s rm-force ada       => message_cancelled, reaped[removed]
         4s send b to ada      =>
         5s gone ada signal:15 => session_ended, message_cancelled, peer_forgotten",
    );
    assert!(world.state.messages.is_empty());
}

/// C13: only what is dead can be tried again; of anything else is said where it is.
#[test]
fn c13_a_retry_of_what_is_not_dead_says_where_it_is() {
    let mut world = World::new();
    world.add("ada", ephemeral);
    for (happened, says) in [
        (&["send a to ada", "send b to ada"][..], "it waits in the queue of demo-ada"),
        (&["up ada"][..], "it has been typed into the session of demo-ada"),
    ] {
        happened.iter().for_each(|line| drop(happens(&mut world, line)));
        for (message, says) in [("a", says), ("b", "it waits in the queue of demo-ada")] {
            match &happens(&mut world, &format!("retry {message}"))[0].event {
                Event::Fact(Fact::RequestRefused(refused)) => assert!(refused.why.ends_with(says), "{}", refused.why),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// C57: attaching to a live session starts nothing; to a sleeping one it resumes.
#[test]
fn c57_attach_to_a_live_session_starts_nothing() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]
         1s up ada        => delivery_decided, delivered, session_ready
         2s attach ada    =>",
    );
    let wakes = world.records.iter().filter(|r| matches!(r.event, Event::Decision(Decision::WakeDecided(_)))).count();
    assert_eq!(wakes, 1);
}

/// C13: a report of non-delivery waits for its sender's next session: it never wakes and never becomes a task.
#[test]
fn c13_a_report_never_wakes() {
    let mut world = World::new();
    world.add("ada", ephemeral);
    world.add("bob", |_| {});
    check(
        &mut world,
        "0s send x to bob   => wake_decided[fresh first_wake]
         0s up bob          => delivery_decided, delivered, session_ready
         1s answer task from bob to ada => wake_decided[fresh ephemeral]
         1s turn bob idle   =>
         2s stop bob        => stop_set, parked, reaped[stopped]
         2s gone bob signal:15 => session_ended
         2s start bob       => stop_cleared
         3s up ada          => delivery_decided, delivered, session_ready
         4s gone ada signal:9 => session_died, message_requeued, drained, wake_decided[fresh ephemeral]
         5s up ada          => delivery_decided, delivered, session_ready
         6s gone ada signal:9 => session_died, message_dead, report_made
         9h passes          =>",
    );
    let bob = &world.state.presences[&world.identity("bob")];
    assert_eq!((bob.queue.len(), bob.session.is_none()), (1, true), "the report waits, and wakes nobody");
    check(
        &mut world,
        "10h send y to bob  => wake_decided[fresh no_topic]
         10h up bob         => delivery_decided, delivered, session_ready, delivery_decided",
    );
}
