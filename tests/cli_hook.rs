//! `dormouse hook`, as an agent's program calls it: silent, quick, and heard.

mod daemon_fixture;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use daemon_fixture::{World, until};
use dormouse::home::SessionFiles;
use dormouse::model::event::{Event, Fact, TurnSeen};
use dormouse::model::session::Source;
use dormouse::observe::spool;
use serde_json::{Value, json};

/// `dormouse hook` with `payload` on its standard input, in the session whose secret is `secret`.
fn hook(secret: Option<&PathBuf>, args: &[&str], payload: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    command.arg("hook").args(args).env_clear();
    command.envs(secret.map(|secret| ("DORMOUSE_SESSION", secret)));
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It need not read what it has no use for.
    let _ = running.stdin.take().unwrap().write_all(payload);
    running.wait_with_output().unwrap()
}

#[track_caller]
fn is_silent(output: &Output) {
    assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0), "{output:?}");
}

fn said(event: &str, prompt_id: &str) -> Vec<u8> {
    json!({ "hook_event_name": event, "prompt_id": prompt_id, "session_id": "c0ffee" }).to_string().into_bytes()
}

/// A daemon, and a live session of a runtime whose hooks are read as Claude's.
fn live() -> (World, PathBuf) {
    let world = World::started("");
    let demo = world.ok(&["runtime", "show", "demo"]);
    world.add_runtime("hooked", &format!("{demo}\n[hooks]\nformat = \"claude\"\n"));
    let mut world = world;
    world.terminate();
    world.start();
    world.add_peer("ada", &["--runtime", "hooked"]);
    world.ok(&["send", "ada", "hello", "--wait", "delivered", "--timeout", "60s"]);
    let folder = world.home.run.join("peers/hooked-ada");
    let session = fs::read_dir(folder).unwrap().find_map(|entry| {
        let secret = entry.unwrap().path().join("secret");
        secret.is_file().then_some(secret)
    });
    (world, session.unwrap())
}

fn heard(world: &World, id: &str) -> TurnSeen {
    world.await_record("the hook's word", |record| match &record.event {
        Event::Fact(Fact::TurnObserved(seen)) if seen.turn_id.as_deref() == Some(id) => {
            assert_eq!(seen.source, Source::Hook);
            assert!(seen.said_at.unwrap().is_by(record.at));
            Some(seen.turn.clone())
        }
        _ => None,
    })
}

/// Outside a session, and with whatever it is given, it does nothing and says nothing.
#[test]
fn a_hook_is_silent_and_harmless_outside_a_session() {
    is_silent(&hook(None, &[], &said("Stop", "p")));
    is_silent(&hook(None, &["--no", "such", "--flag"], b""));
    let nowhere = PathBuf::from("/nonexistent/secret");
    for payload in [b"" as &[u8], b"not json", b"[]", b"{}", &[0xff; 4096]] {
        is_silent(&hook(Some(&nowhere), &[], payload));
    }
    is_silent(&hook(Some(&nowhere), &[&json!({ "type": "agent-turn-complete" }).to_string()], b""));
}

/// C46b, C61a: heard at once, and out of the spool when nobody answers; a prompt of 1 MiB as well.
#[test]
fn c61a_a_hook_is_heard_now_or_after_a_restart() {
    let (mut world, secret) = live();
    is_silent(&hook(Some(&secret), &[], &said("UserPromptSubmit", "first")));
    assert_eq!(heard(&world, "first"), TurnSeen::Running);
    let long = json!({ "hook_event_name": "Stop", "prompt_id": "long", "prompt": "\u{1}\n\"x".repeat(1 << 18) });
    is_silent(&hook(Some(&secret), &[], long.to_string().as_bytes()));
    assert_eq!(heard(&world, "long"), TurnSeen::Ended);
    let files = SessionFiles::at(secret.parent().unwrap());
    // It took this program long enough for it to be kept as well, perhaps.
    until("the spool to be read", || spool::read_all(&files).unwrap().is_empty());

    world.kill();
    for (event, id) in [("UserPromptSubmit", "second"), ("Stop", "second-end"), ("OfALaterVersion", "third")] {
        is_silent(&hook(Some(&secret), &[], &said(event, id)));
    }
    let calls = spool::read_all(&files).unwrap();
    assert_eq!(calls.len(), 3);
    let key = fs::read_to_string(&secret).unwrap();
    assert!(calls.iter().all(|(_, call)| !String::from_utf8_lossy(call).contains(key.trim())));
    world.start();
    assert_eq!(heard(&world, "second"), TurnSeen::Running);
    assert_eq!(heard(&world, "third"), TurnSeen::Alive);
    assert_eq!(spool::read_all(&files).unwrap().len(), 0);
    world.audit_is_clean();
}

/// C62: nobody speaks for a session without its secret.
#[test]
fn c62_a_hook_without_the_sessions_secret_is_not_heard() {
    let (world, secret) = live();
    let forged = secret.with_file_name("forged");
    fs::write(&forged, "0".repeat(64)).unwrap();
    is_silent(&hook(Some(&forged), &[], &said("Stop", "forged")));
    is_silent(&hook(Some(&secret), &[], &said("Stop", "own")));
    heard(&world, "own");
    let names = |record: &dormouse::model::record::Record| {
        serde_json::to_value(record).is_ok_and(|record: Value| record.to_string().contains("forged"))
    };
    assert!(!world.records().iter().any(names));
    assert!(
        !secret.with_file_name("spool").read_dir().unwrap().any(|_| true),
        "it is final: nothing is kept for later"
    );
}
