//! Deliveries to live sessions (C13, C14, C30-C34).

use dormouse::model::event::{Decision, Event};
use dormouse::model::message::TextPrint;

use crate::script::check;
use crate::world::{World, ephemeral, managed};

fn live() -> World {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]
         0s up ada        => delivery_decided, delivered, session_ready
         0s turn ada idle =>",
    );
    world
}

/// C30: one at a time, in order.
#[test]
fn c30_deliveries_to_one_identity_run_one_at_a_time() {
    check(
        &mut live(),
        "1s send b to ada   => delivery_decided
         1s send c to ada   =>
         2s begun b ada     =>
         2s proven b ada    => delivered, delivery_decided
         3s begun c ada     =>
         3s proven c ada    => delivered",
    );
}

/// C13: waiting is no attempt; a delivery that fails is retried with growing delay, after five attempts it is dead and
/// never blocks those behind it.
#[test]
fn c13_a_message_is_dead_after_five_attempts_and_does_not_block() {
    let mut world = live();
    check(
        &mut world,
        "1s send b to ada        => delivery_decided
         1s send c to ada        =>
         1s waits b ada          =>
         1s begun b ada          =>
         1s failed b ada typed   => delivery_failed
         2s passes               => delivery_decided
         2s begun b ada          =>
         2s failed b ada typed   => delivery_failed
         4s passes               => delivery_decided
         4s begun b ada          =>
         4s failed b ada typed   => delivery_failed
         8s passes               => delivery_decided
         8s begun b ada          =>
         8s failed b ada typed   => delivery_failed
         16s passes              => delivery_decided
         16s begun b ada         =>
         16s failed b ada typed  => message_dead, report_made, delivery_decided
         17s begun c ada         =>
         17s proven c ada        => delivered
         18s retry b             => message_requeued, delivery_decided
         19s begun b ada         =>
         19s proven b ada        => delivered",
    );
}

/// C34: a dead message whose last paste may have arrived says so when it is tried again by hand.
#[test]
fn c34_a_dead_message_that_may_have_arrived_is_marked_when_it_is_tried_again() {
    let mut world = live();
    check(
        &mut world,
        "1s send b to ada        => delivery_decided
         1s failed b ada untyped => delivery_failed
         2s passes               => delivery_decided
         2s failed b ada untyped => delivery_failed
         4s passes               => delivery_decided
         4s failed b ada untyped => delivery_failed
         8s passes               => delivery_decided
         8s failed b ada untyped => delivery_failed
         16s passes              => delivery_decided
         16s begun b ada         =>
         16s failed b ada typed  => message_dead, report_made
         17s retry b             => message_requeued, delivery_decided",
    );
    let last = &world.records.last().unwrap().event;
    assert!(matches!(last, Event::Decision(Decision::DeliveryDecided(it)) if it.possible_duplicate), "{last:?}");
}

/// C30, C36: what a worker answers is handed to the live session it is for at once, whatever it means for the worker.
#[test]
fn c30_the_answer_of_a_worker_is_delivered_at_once() {
    let mut world = live();
    world.add("bob", ephemeral);
    check(
        &mut world,
        "1s answer t from ada to bob => wake_decided[fresh ephemeral]
         2s up bob                   => delivery_decided, delivered, session_ready
         3s answer r from bob to ada => armed, delivery_decided
         4s begun r ada              =>
         4s proven r ada             => delivered",
    );
}

/// C13: so is the report that a task of its own was not done.
#[test]
fn c13_a_report_is_delivered_to_a_live_session_at_once() {
    let mut world = live();
    world.add("bob", ephemeral);
    check(
        &mut world,
        "1s answer t from ada to bob => wake_decided[fresh ephemeral]
         2s up bob                   => delivery_decided, delivered, session_ready
         3s gone bob signal:9        => session_died, message_requeued, drained, wake_decided[fresh ephemeral]
         4s up bob                   => delivery_decided, delivered, session_ready
         5s gone bob signal:9        => session_died, message_dead, report_made, delivery_decided",
    );
}

/// C34: a delivery in doubt is settled by the runtime's record; only if that cannot tell is it sent again, marked.
#[test]
fn c34_a_delivery_in_doubt_is_settled_by_the_record() {
    let mut world = live();
    check(
        &mut world,
        "1s send b to ada          => delivery_decided
         1s begun b ada            =>
         2s settled b ada found    => delivered",
    );
    let mut world = live();
    check(
        &mut world,
        "1s send b to ada          => delivery_decided
         1s begun b ada            =>
         2s settled b ada unknown  => message_requeued, delivery_decided",
    );
    let again = world.records.iter().rev().find_map(|record| match &record.event {
        Event::Decision(Decision::DeliveryDecided(decided)) => Some(decided.clone()),
        _ => None,
    });
    assert!(again.unwrap().possible_duplicate);
}

/// C34, C52a: a delivery cut off by the end of its session is asked for in the record first.
#[test]
fn c34_a_delivery_cut_off_by_a_death_is_settled_then_sent_again() {
    check(
        &mut live(),
        "1s send b to ada          => delivery_decided
         1s begun b ada            =>
         2s cut-off b ada          =>
         2s gone ada signal:9      => session_died
         3s settled b ada absent   => message_requeued, wake_decided[fresh died]",
    );
}

/// C33: a delivery moves the idle clock; C45: a message that waits keeps the session.
#[test]
fn c33_a_delivery_moves_the_idle_clock() {
    check(
        &mut live(),
        "3000s send b to ada   => delivery_decided
         3000s begun b ada     =>
         3000s proven b ada    => delivered
         3001s turn ada idle   =>
         6600s passes          =>
         6601s passes          => look_decided",
    );
}

/// C5: something else keeps it alive: never woken, reaped or drained by us; delivered to where it lives.
#[test]
fn c5_a_managed_peer_is_only_delivered_to() {
    let mut world = World::new();
    world.add("ada", managed);
    check(&mut world, "0s send a to ada => delivery_decided\n0s send b to ada => wake_refused[managed_elsewhere]");
    let identity = world.identity("ada");
    let message = world.messages["a"];
    let subject = dormouse::model::record::Subject::peer(&identity).with_message(message);
    world.see(
        subject.clone(),
        dormouse::model::event::DeliveryBegun { attempt: 1, mark: None, bytes: 3, print: TextPrint::of("") },
    );
    let outcome =
        dormouse::model::delivery::DeliveryOutcome::Proven { proof: dormouse::model::delivery::Proof::Screen };
    let group = world.see(subject, dormouse::model::event::DeliveryEnded { attempt: 1, outcome, took_ms: 1 });
    let kinds: Vec<&str> = group.iter().map(|record| record.event.kind().name).collect();
    assert_eq!(kinds, ["delivery_ended", "delivered", "delivery_decided"]);
}

/// C13: a message in the queue can be called back; one that has been typed cannot.
#[test]
fn c13_only_what_was_not_typed_can_be_cancelled() {
    let mut world = live();
    check(
        &mut world,
        "1s send b to ada   => delivery_decided
         1s cancel b        => message_cancelled
         2s send c to ada   => delivery_decided
         2s begun c ada     =>
         3s cancel c        =>",
    );
    assert!(matches!(
        &world.records.last().unwrap().event,
        Event::Fact(dormouse::model::event::Fact::RequestRefused(refused)) if refused.rule == "C13"
    ));
}

/// A paste whose message has been called back is refused its durable beginning: nothing is typed.
#[test]
fn c13_a_cancelled_message_is_never_typed() {
    let mut world = live();
    check(&mut world, "1s send b to ada => delivery_decided\n1s cancel b => message_cancelled");
    let subject = world.of_session("ada").with_message(world.messages["b"]);
    let begun = dormouse::model::event::DeliveryBegun { attempt: 1, mark: None, bytes: 3, print: TextPrint::of("") };
    assert_eq!(world.see(subject, begun), []);
}

/// C14: an answer belongs to what the session has read, never to a message that only waits to be typed.
#[test]
fn c14_an_answer_is_not_credited_to_a_message_that_only_waits() {
    let mut world = live();
    check(
        &mut world,
        "1s turn ada running               =>
         2s send b to ada                  => delivery_decided
         3s answer r from ada to user:root => answer_kept",
    );
    let Event::Fact(dormouse::model::event::Fact::MessageAccepted(answer)) =
        &world.records[world.records.len() - 2].event
    else {
        panic!()
    };
    assert_eq!(answer.answers, Some(world.messages["a"]));
}

/// C14: what an agent has to say to whom its task is from, before it has seen that, proves no delivery. A turn that has begun
/// since the paste is what an answer can be about; and so is the message that it names.
#[test]
fn c14_a_word_before_the_task_was_seen_proves_nothing() {
    let before = "0s send a to ada     => wake_decided[fresh ephemeral]
         1s started ada       =>
         2s box ada           => delivery_decided
         2s begun a ada       =>";
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(&mut world, before);
    check(&mut world, "0s answer r from ada to user:root => answer_kept, armed");

    let mut world = World::new();
    world.add("ada", ephemeral);
    check(&mut world, before);
    check(
        &mut world,
        "0s turn ada running  =>
         1s answer r from ada to user:root => answer_kept, delivered, armed, session_ready",
    );

    let mut world = World::new();
    world.add("ada", ephemeral);
    check(&mut world, before);
    let id = world.messages["a"].to_string();
    check(&mut world, &format!("0s answer {id} from ada to user:root => answer_kept, delivered, armed, session_ready"));
}

/// C14: a late answer to what the session was given before does not prove the paste that has just begun.
#[test]
fn c14_a_late_answer_proves_nothing_that_came_after_its_task() {
    let mut world = live();
    check(
        &mut world,
        "1s send b to ada                  => delivery_decided
         1s begun b ada                    =>
         2s answer r from ada to user:root => answer_kept",
    );
}

/// C27, C46: a dialog in front of a delivery calls a person, once, and keeps the session.
#[test]
fn c27_a_delivery_that_waits_for_a_person_calls_one() {
    let mut world = live();
    check(&mut world, "1s send b to ada => delivery_decided");
    let gate = dormouse::model::delivery::Gate::NeedsPerson { on: "Do you want to proceed".into() };
    let subject = world.of_session("ada").with_message(world.messages["b"]);
    for _ in 0..2 {
        world.see(subject.clone(), dormouse::model::event::DeliveryWaiting { gate: gate.clone() });
    }
    let called = world.effects.iter().filter(|effect| {
        matches!(&effect.task, dormouse::model::effect::Task::CallAttention(attention)
            if attention.what == dormouse::model::effect::AttentionKind::NeedsPerson)
    });
    assert_eq!(called.count(), 1);
}

/// C13: what fails before it could be typed is tried as often as anything else, and then blocks nobody.
#[test]
fn c13_what_fails_untyped_is_given_up() {
    check(
        &mut live(),
        "1s send b to ada          => delivery_decided
         1s send c to ada          =>
         1s failed b ada untyped   => delivery_failed
         2s passes                 => delivery_decided
         2s failed b ada untyped   => delivery_failed
         4s passes                 => delivery_decided
         4s failed b ada untyped   => delivery_failed
         8s passes                 => delivery_decided
         8s failed b ada untyped   => delivery_failed
         16s passes                => delivery_decided
         16s failed b ada untyped  => message_dead, report_made, delivery_decided",
    );
}

/// C13: what can never be typed (a line too long for a terminal in line mode) is given up at once: it would be no better
/// the fifth time, and others wait behind it.
#[test]
fn c13_what_can_never_be_typed_is_given_up_at_once() {
    check(
        &mut live(),
        "1s send b to ada     => delivery_decided
         1s send c to ada     =>
         1s impossible b ada  => message_dead, report_made, delivery_decided",
    );
}

/// C13, C51: what woke the peer is settled before it could be typed, by hand or because it never can be. The session is
/// ready for what waits behind it; a worker's is ended, for the next task gets its own.
#[test]
fn c13_a_first_input_that_is_settled_untyped_blocks_nobody() {
    for (settle, decided) in [("cancel a", "message_cancelled"), ("passes", "")] {
        let mut world = World::new();
        world.add("ada", |_| {});
        world.add("bob", ephemeral);
        for (peer, branch, then) in
            [("ada", "first_wake", "session_ready, delivery_decided"), ("bob", "ephemeral", "reaped[unneeded]")]
        {
            check(
                &mut world,
                &format!(
                    "0s send a to {peer}        => wake_decided[fresh {branch}]
                     0s send b to {peer}        =>
                     0s started {peer}          =>
                     0s box {peer}              => delivery_decided"
                ),
            );
            if settle == "passes" {
                for _ in 1..5 {
                    crate::script::happens(&mut world, &format!("failed a {peer} untyped"));
                    world.pass(60_000);
                }
                check(&mut world, &format!("0s failed a {peer} untyped => message_dead, report_made, {then}"));
            } else {
                check(&mut world, &format!("0s {settle} => {decided}, {then}"));
            }
        }
    }
}
