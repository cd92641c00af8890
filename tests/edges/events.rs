//! What the tests wait for, and what they send.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use dormouse::model::effect::SessionName;
use dormouse::model::event::{Decision, Event, Fact, SessionDied};
use dormouse::model::id::{Generation, MessageId};
use dormouse::model::record::Record;
use dormouse::shim::files::{self, Born};
use rustix::process::{Pid, Signal, kill_process};

use crate::daemon_fixture::{DEADLINE, Tail, World, text, until};

/// The smallest runtime a user may write: lines into a file.
pub const CAT: &str = r#"
argv = ["sh", "-c", "exec cat >> inbox.txt"]
[input]
bracketed_paste = false
submit = ""
[proof]
transcript = "{cwd}/inbox.txt"
"#;

/// Runs a verb with `input` on its standard input.
pub fn fed(world: &World, args: &[&str], input: &[u8]) -> Output {
    let mut command = world.command(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A verb that refuses before it has read everything closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Sends `body` through standard input; it must be accepted.
#[track_caller]
pub fn send(world: &World, peer: &str, body: &str) -> MessageId {
    let output = fed(world, &["send", peer, "-f", "-", "--json"], body.as_bytes());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let sent: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    sent["message"].as_str().unwrap().parse().unwrap()
}

/// The next record of `tail` that `wanted` takes.
#[track_caller]
pub fn next<T>(world: &World, tail: &mut Tail, what: &str, wanted: impl FnMut(&Record) -> Option<T>) -> T {
    tail.find(DEADLINE, wanted).unwrap_or_else(|| panic!("never came: {what}\n{}", world.story()))
}

/// The session that has proved to have begun on attempt `attempt` at `message`.
#[track_caller]
pub fn delivered(world: &World, message: MessageId, attempt: u32) -> SessionName {
    world.await_record(&format!("attempt {attempt} at {message} delivered"), |record| match &record.event {
        Event::Decision(Decision::Delivered(delivered))
            if record.subject.message == Some(message) && delivered.attempt == attempt =>
        {
            session_of(record)
        }
        _ => None,
    })
}

pub fn session_of(record: &Record) -> Option<SessionName> {
    let (peer, generation) = (record.subject.peer.clone()?, record.subject.generation?);
    Some(SessionName { peer, generation })
}

/// How the session of this generation died.
#[track_caller]
pub fn died(world: &World, generation: Generation) -> SessionDied {
    world.await_record("session_died", |record| match &record.event {
        Event::Decision(Decision::SessionDied(died)) if record.subject.generation == Some(generation) => {
            Some(died.clone())
        }
        _ => None,
    })
}

/// The first record of this kind about `message`.
#[track_caller]
pub fn about(world: &World, message: MessageId, kind: &str) -> Record {
    world.await_record(&format!("{kind} of {message}"), |record| {
        (record.subject.message == Some(message) && record.event.kind().name == kind).then(|| record.clone())
    })
}

/// The first record of this kind.
#[track_caller]
pub fn first(world: &World, kind: &str) -> Record {
    world.await_record(kind, |record| (record.event.kind().name == kind).then(|| record.clone()))
}

pub fn count(world: &World, kind: &str) -> usize {
    world.records().iter().filter(|record| record.event.kind().name == kind).count()
}

pub fn born(world: &World, session: &SessionName) -> Born {
    files::read(&world.home.session(session).born()).unwrap().expect("a session that was started")
}

pub fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

/// Why the last delivery or launch could not go on, where it was not known.
pub fn not_known(record: &Record) -> Option<String> {
    use dormouse::model::delivery::Gate;
    match &record.event {
        Event::Fact(Fact::DeliveryWaiting(waiting)) => match &waiting.gate {
            Gate::NotKnown { why } => Some(why.clone()),
            _ => None,
        },
        Event::Fact(Fact::SessionNotKnown(not_known)) => Some(not_known.why.clone()),
        _ => None,
    }
}

/// What `file` holds once `whole` takes it.
#[track_caller]
pub fn read_when(file: &Path, whole: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    until(&format!("all of {}", file.display()), || {
        bytes = std::fs::read(file).unwrap_or_default();
        whole(&bytes)
    });
    bytes
}

/// Settings of this home, with every call for a person kept, a JSON object a line.
pub fn attention_to(world: &World, config: &str) {
    let command = format!("on_attention = [\"sh\", \"-c\", \"cat >> '{}'\"]\n", world.path("calls").display());
    std::fs::write(world.home.config_file(), command + config).unwrap();
}

/// The first call for a person about `what`.
#[track_caller]
pub fn calls(world: &World, what: &str) -> serde_json::Value {
    let mut found = None;
    until(&format!("a call about {what}"), || {
        let text = std::fs::read_to_string(world.path("calls")).unwrap_or_default();
        // The last line may be half written.
        let mut calls = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        found = calls.find(|call| call["what"] == what);
        found.is_some()
    });
    found.unwrap_or_default()
}
