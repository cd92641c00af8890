//! A person can hear it: a session that waits for one, and a journal that cannot be written. (A quarantine and a dead
//! message are heard in `deaths`.)

use std::fs;
use std::process::Command;

use dormouse::model::delivery::Gate;
use dormouse::model::event::{Event, Fact};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::daemon_fixture::{World, text};
use crate::events::{about, attention_to, born, calls, count, delivered, fed, send};

/// C46, C27: somebody is called once, nothing is typed into the dialog meanwhile, and a person's key lets it go on.
#[test]
fn c46_a_session_that_waits_for_a_person_calls_one() {
    let mut world = World::new("");
    attention_to(&world, "");
    world.start();
    world.add_peer("ada", &["--runtime", "demo"]);
    let session = delivered(&world, send(&world, "ada", "demo: dialog\nplease decide"), 1);
    let call = calls(&world, "needs_person");
    assert_eq!(call["peer"], "demo-ada");
    assert!(call["says"].as_str().unwrap().contains("waits for a person"), "{call}");

    let next = send(&world, "ada", "and then this");
    let gate = world.await_record("the gate that holds it", |record| match &record.event {
        Event::Fact(Fact::DeliveryWaiting(waiting)) if record.subject.message == Some(next) => {
            Some(waiting.gate.clone())
        }
        _ => None,
    });
    assert!(matches!(gate, Gate::NeedsPerson { .. }), "{gate:?}");
    assert!(world.ok(&["peek", "ada"]).contains("Do you want to proceed?"));
    assert_eq!(count(&world, "delivery_begun"), 1, "nothing is typed into a dialog");

    let socket = world.home.tmux_socket(&session);
    let pressed = Command::new("tmux").arg("-S").arg(socket).args(["send-keys", "y"]).output().unwrap();
    assert!(pressed.status.success(), "{}", text(&pressed.stderr));
    assert_eq!(delivered(&world, next, 1), session);
    let calls = fs::read_to_string(world.path("calls")).unwrap();
    assert_eq!(calls.lines().count(), 1, "{calls}");
    world.audit_is_clean();
}

/// A command that is not there, one that fails and one that never ends cost an event, and nothing else (C51).
#[test]
fn c51_a_call_that_fails_is_an_event_and_stops_nothing() {
    for (command, says) in
        [("[\"/nowhere/at/all\"]", "could not start"), ("[\"sh\", \"-c\", \"exit 7\"]", "exit status: 7")]
    {
        let mut world = World::new(&format!("on_attention = {command}\n"));
        world.start();
        world.add_peer("ada", &["--runtime", "demo"]);
        delivered(&world, send(&world, "ada", "demo: dialog"), 1);
        let failed = world.await_record("how the call went", |record| match &record.event {
            Event::Fact(Fact::AttentionCalled(called)) => Some(called.failed.clone()),
            _ => None,
        });
        assert!(failed.as_ref().is_some_and(|failed| failed.contains(says)), "{failed:?}");
        world.ok(&["ls"]);
        world.audit_is_clean();
    }
}

/// Files of the daemon cannot grow past `bytes`: what a full disk does to it, without a disk to fill.
fn limit_files(world: &World, bytes: Option<u64>) {
    let pid = Pid::from_raw(world.daemon_pid().cast_signed());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// C63: senders are refused, sessions live on, a person is called; with room again everything goes on, by itself.
#[test]
fn c63_a_journal_that_cannot_be_written_refuses_and_recovers() {
    let mut world = World::new("");
    attention_to(&world, "");
    world.start();
    world.add_peer("ada", &["--runtime", "demo"]);
    let session = delivered(&world, send(&world, "ada", "good morning"), 1);
    let before = born(&world, &session);

    limit_files(&world, Some(4096));
    // The one that meets the failure may have reached the disk; those after it are refused for the reason.
    let first = fed(&world, &["send", "ada", "-f", "-", "--json"], b"lost or not, nobody says accepted");
    assert_eq!(first.status.code(), Some(3), "{}", text(&first.stderr));
    let refused = fed(&world, &["send", "ada", "-f", "-", "--json"], b"refused");
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    let error: serde_json::Value = serde_json::from_slice(&refused.stderr).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["retryable"]), (&"journal_refuses".into(), &true.into()));
    assert!(error["error"]["message"].as_str().unwrap().contains("the journal cannot be written"), "{error}");
    let call = calls(&world, "journal_refuses");
    assert!(call["says"].as_str().unwrap().contains("the journal cannot be written"), "{call}");
    for verb in [&["stop", "ada"][..], &["ls"], &["peek", "ada"]] {
        let output = world.run(verb);
        assert_eq!(output.status.code(), Some(3), "{verb:?}");
        assert!(text(&output.stderr).contains("the journal cannot be written"), "{}", text(&output.stderr));
    }
    assert_eq!(born(&world, &session), before);
    assert!(dormouse::shim::process::stat(before.program_pid).unwrap().is_some(), "the session lives on");

    limit_files(&world, None);
    world.await_record("adopted by the daemon that has its journal back", |record| {
        let adopted = matches!(&record.event, Event::Fact(Fact::SessionAdopted(_)));
        (adopted && record.subject.generation == Some(session.generation)).then_some(())
    });
    let message = send(&world, "ada", "good evening");
    about(&world, message, "delivered");
    assert_eq!(delivered(&world, message, 1), session);
    assert_eq!(count(&world, "session_died"), 0);
    world.audit_is_clean();
}
