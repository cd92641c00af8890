//! A daemon that ends at any moment, and the one that comes after it (C60, C34, C40, C16).

use dormouse::model::actor::Actor;
use dormouse::model::effect::Task;
use dormouse::model::event::{
    DaemonReady, DaemonStarted, DeliveryBegun, Event, Fact, SessionAdopted, SessionNotKnown, TurnSeen,
};
use dormouse::model::message::TextPrint;
use dormouse::model::record::Subject;
use dormouse::model::request::Verb;
use dormouse::model::session::Turn;
use dormouse::policy::admit::Admission;

use crate::script::{check, gone};
use crate::world::{World, ephemeral, managed};

fn restart(world: &mut World) {
    let started = DaemonStarted { version: "0".into(), pid: 1, tmux: None };
    assert_eq!(world.see(Subject::NONE, started).len(), 1, "nothing is decided before the world was looked at");
}

/// The session is found alive; returns what the new daemon takes up.
fn adopt(world: &mut World, peer: &str) -> Vec<Task> {
    restart(world);
    let before = world.effects.len();
    let subject = world.of_session(peer);
    world.see(subject, SessionAdopted { pid: 5, turn: None });
    world.effects[before..].iter().map(|effect| effect.task.clone()).collect()
}

fn worker(script: &str) -> World {
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(&mut world, script);
    world
}

const WOKEN: &str = "0s send a to ada => wake_decided[fresh ephemeral]";

/// C60: a boot under way is watched on; the effect is repeatable (I6).
#[test]
fn c60_a_boot_under_way_is_watched_on() {
    let tasks = adopt(&mut worker(WOKEN), "ada");
    assert!(matches!(&tasks[..], [Task::StartSession(_)]), "{tasks:?}");
}

/// C60: a delivery that never began is begun now, without a mark: nothing was typed.
#[test]
fn c60_a_delivery_that_never_began_is_begun() {
    let mut world = worker(&format!("{WOKEN}\n0s started ada =>\n0s box ada => delivery_decided"));
    let tasks = adopt(&mut world, "ada");
    let [Task::DeliverMessage(deliver)] = &tasks[..] else { panic!("{tasks:?}") };
    assert!(!deliver.envelope.possible_duplicate);
}

/// C34: a delivery that was begun is in doubt: the record is asked first.
#[test]
fn c34_a_begun_delivery_is_settled_first() {
    let mut world = worker(&format!("{WOKEN}\n0s started ada =>\n0s box ada => delivery_decided\n0s begun a ada =>"));
    let tasks = adopt(&mut world, "ada");
    assert!(matches!(&tasks[..], [Task::SettleDelivery { attempt: 1, .. }]), "{tasks:?}");
    check(&mut world, "1s settled a ada found => delivered, session_ready");
}

/// C60, C5: nobody looks at a session of somebody else's, so what was on its way there is taken up by the start itself.
#[test]
fn c60_a_delivery_to_a_managed_session_goes_on() {
    for begun in [false, true] {
        let mut world = World::new();
        world.add("ada", managed);
        check(&mut world, "0s send a to ada => delivery_decided");
        if begun {
            let subject = Subject::peer(&world.identity("ada")).with_message(world.messages["a"]);
            world.see(subject, DeliveryBegun { attempt: 1, mark: None, bytes: 9, print: TextPrint::of("") });
        }
        let before = world.effects.len();
        restart(&mut world);
        match (&world.effects[before].task, begun) {
            (Task::DeliverMessage(deliver), false) => assert!(!deliver.envelope.possible_duplicate),
            (Task::SettleDelivery { attempt: 1, .. }, true) => {}
            (task, _) => panic!("{task:?}"),
        }
    }
}

/// C60, C43: nobody can say whether the session lives. What was decided before goes on; the effect asks for itself.
#[test]
fn c60_what_was_decided_goes_on_where_nobody_can_say() {
    let mut world = worker(&format!("{WOKEN}\n0s started ada =>\n0s box ada => delivery_decided"));
    restart(&mut world);
    let before = world.effects.len();
    let (subject, question) = (world.of_session("ada"), "does it live?".to_owned());
    world.see(subject, SessionNotKnown { question, why: "its files cannot be read".to_owned() });
    assert_eq!(world.effects.len(), before, "nothing is done before the world was looked at");
    world.see(Subject::NONE, DaemonReady { adopted: 0, gone: 0, not_known: 1 });
    assert!(matches!(&world.effects[before].task, Task::DeliverMessage(_)), "{:?}", &world.effects[before..]);
}

/// C60, C52: an end that was decided is carried out.
#[test]
fn c60_an_end_under_way_is_carried_out() {
    let mut world = worker(&format!("{WOKEN}\n0s stop ada => stop_set, reaped[stopped]"));
    let tasks = adopt(&mut world, "ada");
    assert!(matches!(&tasks[..], [Task::EndSession { .. }]), "{tasks:?}");
}

/// C60, C16: a wake that was decided and never carried out is nobody's death; it is decided anew at once.
#[test]
fn c60_a_wake_that_was_never_carried_out_is_decided_anew() {
    let mut world = worker(WOKEN);
    restart(&mut world);
    let first = world.session("ada").generation;
    gone(&mut world, "ada", "never", true);
    assert!(world.session("ada").generation > first);
    assert!(world.state.presences[&world.identity("ada")].deaths.is_empty());
}

/// C60: what ended meanwhile is recorded and dealt with; C41a: its task is given again.
#[test]
fn c60_what_ended_meanwhile_is_dealt_with() {
    let mut world = worker(&format!("{WOKEN}\n0s up ada => delivery_decided, delivered, session_ready"));
    restart(&mut world);
    gone(&mut world, "ada", "signal:9", true);
    assert_eq!(world.state.messages[&world.messages["a"]].unfinished, 1);
    assert!(world.presence_is_waking("ada"));
}

/// C40: after a restart queues drain at once.
#[test]
fn c40_queues_drain_at_once_after_a_restart() {
    let mut world = World::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        world.add(name, ephemeral);
    }
    check(
        &mut world,
        "0s send a1 to a => wake_decided[fresh ephemeral]
         0s send b1 to b => wake_decided[fresh ephemeral]
         0s send c1 to c => wake_decided[fresh ephemeral]
         0s send d1 to d => wake_decided[fresh ephemeral]
         0s send e1 to e => wake_refused[boot_slots]",
    );
    restart(&mut world);
    for name in ["a", "b"] {
        let subject = world.of_session(name);
        let event = dormouse::model::event::BoxOpened { boot_ms: 1 };
        world.see(subject, event);
    }
    world.see(Subject::NONE, DaemonReady { adopted: 4, gone: 0, not_known: 0 });
    assert!(world.presence_is_waking("e"));
}

/// C34: a message in doubt whose session is gone is asked for again by the next daemon.
#[test]
fn c34_a_doubt_outlives_the_daemon_that_had_it() {
    let mut world = worker(&format!("{WOKEN}\n0s started ada =>\n0s box ada => delivery_decided\n0s begun a ada =>"));
    check(&mut world, "1s gone ada signal:9 => session_died, wake_failed");
    let before = world.effects.len();
    restart(&mut world);
    let tasks: Vec<Task> = world.effects[before..].iter().map(|effect| effect.task.clone()).collect();
    assert!(matches!(&tasks[..], [Task::SettleDelivery { .. }]), "{tasks:?}");
    // Found: the dead session had read it, so it is a task that was left unfinished (C41a).
    check(&mut world, "9s settled a ada found => delivered, message_requeued, drained, wake_decided[fresh ephemeral]");
}

/// The session is found alive, and its program as `turn` says.
fn found(world: &mut World, peer: &str, turn: TurnSeen) {
    restart(world);
    let subject = world.of_session(peer);
    world.see(subject, SessionAdopted { pid: 5, turn: Some(turn) });
    world.see(Subject::NONE, DaemonReady { adopted: 1, gone: 0, not_known: 0 });
}

/// C60, C37: a turn that ended while no daemon ran has ended: an armed worker is not kept for ever.
#[test]
fn c37_a_turn_that_ended_while_no_daemon_ran_lets_its_worker_go() {
    let mut world = worker(&format!(
        "{WOKEN}
         0s up ada => delivery_decided, delivered, session_ready
         1s turn ada running =>
         2s answer b from ada to user:root => answer_kept, armed"
    ));
    found(&mut world, "ada", TurnSeen::Idle);
    check(
        &mut world,
        "19s passes        =>
         20s passes        => look_decided
         20s looked ada 1h => reaped[done]",
    );
}

/// C46b, C34: a turn that came and went while its message was in doubt does not begin again with the proof.
#[test]
fn c46b_the_turn_of_a_message_in_doubt_may_be_over() {
    let mut world = worker(&format!("{WOKEN}\n0s started ada =>\n0s box ada => delivery_decided\n0s begun a ada =>"));
    found(&mut world, "ada", TurnSeen::Idle);
    check(
        &mut world,
        "1s  settled a ada found         => delivered, session_ready
         2s  answer b from ada to user:root => answer_kept, armed
         22s passes                     => look_decided
         22s looked ada 1h              => reaped[done]",
    );
}

/// C60: the same turn, found again, is no sign of life: a restart does not keep an idle session.
#[test]
fn c45_a_turn_found_as_it_was_moves_no_clock() {
    let mut world = worker(&format!(
        "{WOKEN}
         0s up ada        => delivery_decided, delivered, session_ready
         1s turn ada idle =>"
    ));
    let before = world.session("ada").last_sign;
    check(&mut world, "9s passes =>");
    found(&mut world, "ada", TurnSeen::Idle);
    assert_eq!(world.session("ada").last_sign, before);
}

/// C46b: the end of a turn whose beginning nobody heard is newer than what a proof means that is found after it.
#[test]
fn c46b_a_turn_that_ended_before_its_delivery_was_settled_does_not_run_again() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada   => wake_decided[fresh first_wake]
         0s up ada          => delivery_decided, delivered, session_ready
         1s turn ada ended  =>
         2s send b to ada   => delivery_decided
         2s begun b ada     =>",
    );
    restart(&mut world);
    check(&mut world, "3s turn ada ended => \n4s settled b ada found => delivered");
    assert!(matches!(world.session("ada").turn, Turn::Ended { .. }), "{:?}", world.session("ada").turn);
}

/// C8, C61a: a call that lies in a spool may have been accepted by the daemon before. However long none served, the next one
/// knows it, also behind others that were said meanwhile; once it serves, what is old is forgotten.
#[test]
fn c61a_a_call_in_doubt_is_known_after_any_time_without_a_daemon() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(&mut world, "0s send a to ada => wake_decided[fresh first_wake]");
    let spooled = |world: &mut World, key: &str| {
        let from = world.sender("ada");
        let mut send = world.message("user:pat", from, "done");
        send.key = Some(key.into());
        let actor = Actor::Session { peer: world.identity("ada"), generation: world.session("ada").generation };
        match world.ask(actor, Verb::Send(Box::new(send))) {
            Admission::Fact(draft) => matches!(world.conclude(draft)[0].event, Event::Fact(Fact::MessageAccepted(_))),
            Admission::Known { .. } => false,
        }
    };
    assert!(spooled(&mut world, "call-1"));
    world.now = world.now.plus_ms(48 * 3_600_000);
    restart(&mut world);
    assert!(spooled(&mut world, "call-2"), "said while nobody listened");
    assert!(!spooled(&mut world, "call-1"), "said before, and nobody answered");
    world.see(Subject::NONE, DaemonReady { adopted: 0, gone: 0, not_known: 0 });
    assert!(spooled(&mut world, "call-3"));
    assert!(spooled(&mut world, "call-1"), "two days are longer than its memory");
}
