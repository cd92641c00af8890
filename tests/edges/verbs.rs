//! The operator's verbs on sessions that live (C17, C45, C47, C52-C54).

use dormouse::model::effect::SessionName;
use dormouse::model::event::{Decision, Event, WakeDecided};
use dormouse::model::id::{Generation, MessageId};
use dormouse::model::session::{WakeBranch, WakeMode};

use crate::daemon_fixture::{World, text, until};
use crate::events::{about, born, count, delivered, first, send};

/// The wake that made this session.
#[track_caller]
pub fn wake(world: &World, session: &SessionName) -> WakeDecided {
    world.await_record("the wake", |record| match &record.event {
        Event::Decision(Decision::WakeDecided(wake)) if Generation(record.lsn) == session.generation => {
            Some((**wake).clone())
        }
        _ => None,
    })
}

fn on_topic(world: &World, topic: &str, body: &str) -> MessageId {
    let sent = world.json(&["send", "ada", body, "--topic", topic]);
    sent["message"].as_str().unwrap().parse().unwrap()
}

fn phase(world: &World) -> String {
    world.json(&["ls"])[0]["phase"].as_str().unwrap().to_owned()
}

/// The end of this session, by a decision of ours.
#[track_caller]
pub fn ended(world: &World, session: &SessionName) {
    world.await_record("session_ended", |record| {
        let ended = record.event.kind().name == "session_ended";
        (ended && record.subject.generation == Some(session.generation)).then_some(())
    });
}

/// C52, C53: a stop ends the session, keeps the queue, refuses what is new; a start drains.
#[test]
fn c52_a_stopped_peer_keeps_its_queue_until_it_is_started() {
    let world = World::started("");
    world.add_peer("ada", &["--runtime", "demo"]);
    let session = delivered(&world, send(&world, "ada", "demo: hang\nnever done"), 1);
    let files = born(&world, &session);
    let queued = send(&world, "ada", "for later");
    world.ok(&["stop", "ada", "--reason", "maintenance"]);
    ended(&world, &session);
    assert_eq!(dormouse::shim::process::stat(files.program_pid).unwrap().filter(|stat| !stat.zombie), None);
    assert_eq!((phase(&world).as_str(), count(&world, "session_died")), ("stopped", 0));
    assert_eq!(world.run(&["send", "ada", "now"]).status.code(), Some(3));
    let row = &world.json(&["queue", "ada"])[0];
    assert!(row["waits_for"].as_str().unwrap().contains("stopped"), "{row}");
    let stopped = first(&world, "stop_set");
    assert!(stopped.actor.to_string().contains("uid"), "{}", stopped.actor);
    world.ok(&["start", "ada"]);
    let next = delivered(&world, queued, 1);
    assert!(next.generation > session.generation);
    world.audit_is_clean();
}

/// C54: `new` is a fresh session now, whatever was there.
#[test]
fn c54_new_replaces_a_live_session_by_a_fresh_one() {
    let world = World::started("");
    world.add_peer("ada", &["--runtime", "demo", "--prompt", "be brief"]);
    let session = delivered(&world, on_topic(&world, "t", "remember this"), 1);
    world.ok(&["new", "ada"]);
    ended(&world, &session);
    let ready = world.await_record("the next session ready", |record| {
        let ready = record.event.kind().name == "session_ready";
        let newer = record.subject.generation.filter(|generation| ready && *generation > session.generation)?;
        Some(SessionName { peer: session.peer.clone(), generation: newer })
    });
    let wake = wake(&world, &ready);
    assert_eq!((wake.mode, wake.branch), (WakeMode::Fresh, WakeBranch::New));
    // The prompt is its first input (C19), and a screen can be printed.
    until("the prompt on its screen", || text(&world.run(&["peek", "ada"]).stdout).contains("be brief"));
    let screen = world.ok(&["peek", "ada"]);
    assert!(!screen.contains("remember this") && screen.contains("demo agent · "), "{screen}");
    assert_eq!(count(&world, "session_died"), 0);
    world.audit_is_clean();
}

/// C17, C45, C47, C54: reaped when idle, parked, resumed for its topic with its memory; fresh after a refresh.
#[test]
fn c47_an_idle_session_is_parked_and_resumed_with_its_memory() {
    let world = World::started("idle = \"300ms\"\n");
    world.add_peer("ada", &["--runtime", "demo"]);
    let session = delivered(&world, on_topic(&world, "cats", "the cat is called Tom"), 1);
    ended(&world, &session);
    assert_eq!((phase(&world).as_str(), count(&world, "parked")), ("asleep", 1));
    // Held by a dialog, so that its screen can be looked at in peace.
    let resumed = delivered(&world, on_topic(&world, "cats", "demo: dialog\nwhat is it called?"), 1);
    let wake_of = wake(&world, &resumed);
    assert!(matches!(wake_of.mode, WakeMode::Resumed { .. }), "{wake_of:?}");
    assert_eq!(wake_of.branch, WakeBranch::TopicKnown);
    until("its memory", || world.ok(&["peek", "ada"]).contains("1 earlier messages remembered"));

    world.ok(&["refresh", "ada"]);
    world.ok(&["stop", "ada"]);
    world.ok(&["start", "ada"]);
    let fresh = delivered(&world, on_topic(&world, "cats", "and now?"), 1);
    assert!(fresh.generation > resumed.generation);
    let all: Vec<_> = world.records();
    let last = all.iter().rev().find_map(|record| match &record.event {
        Event::Decision(Decision::WakeDecided(wake)) => Some(wake.clone()),
        _ => None,
    });
    let last = last.unwrap();
    assert_eq!((last.mode, last.branch), (WakeMode::Fresh, WakeBranch::RefreshMark), "{}", world.story());
    about(&world, last.message.unwrap(), "delivered");
    world.audit_is_clean();
}
