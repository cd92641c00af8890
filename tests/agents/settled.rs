//! Deliveries that were in doubt when the daemon was killed, and what the program's own record says of them (C34).

use std::fs;

use dormouse::model::delivery::{Proof, Settlement};
use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::id::MessageId;

use crate::alike::{Prompts, times};
use crate::daemon_fixture::until;
use crate::place::Place;
use crate::{anthropic, claude, codex, openai};

/// The daemon is killed between paste and Enter, for as this runtime's file has it no paste is ever seen to land. `then` is what
/// becomes of the text while no daemon runs.
#[track_caller]
fn in_doubt(
    place: &mut Place,
    runtime: &str,
    file: &str,
    then: impl FnOnce(&Place, MessageId),
) -> (MessageId, Settlement) {
    let landed = file.lines().find(|line| line.starts_with("landed = ")).expect("it says how a paste lands");
    place.world.terminate();
    place.world.add_runtime(runtime, &file.replace(landed, "landed = 'never seen'"));
    place.world.start();
    let message = place.send("ada", "in doubt");
    until("the message in the box", || place.screen().contains(&message.to_string()));
    place.world.kill();
    assert!(
        !place
            .world
            .records()
            .iter()
            .any(|record| is_delivered(&record.event) && record.subject.message == Some(message))
    );
    then(place, message);
    place.world.add_runtime(runtime, file);
    place.world.start();
    let settled = place.world.await_record("the settlement", |record| match &record.event {
        Event::Fact(Fact::DeliverySettled(settled)) if record.subject.message == Some(message) => {
            Some(settled.settlement.clone())
        }
        _ => None,
    });
    (message, settled)
}

fn is_delivered(event: &Event) -> bool {
    matches!(event, Event::Decision(Decision::Delivered(_)))
}

/// C34: what stands in the record has arrived and is not typed again; what does not is, and bears no mark.
#[track_caller]
fn is_settled_by_the_record(place: &mut Place, runtime: &str, file: &str, prompts: Prompts) {
    let first = place.send("ada", "hello");
    assert_eq!(place.delivered(first), Proof::TranscriptExact);
    let born = place.started();
    let (taken, settled) = in_doubt(place, runtime, file, |place, message| {
        place.press("Enter");
        until("the model to be asked", || times(place, prompts, message) > 0);
    });
    assert_eq!(settled, Settlement::FoundExact, "{}", place.world.story());
    assert_eq!(place.delivered(taken), Proof::TranscriptExact);
    let (cleared, settled) = in_doubt(place, runtime, file, |place, message| {
        until("an empty box", || {
            place.press("C-u");
            !place.screen().contains(&message.to_string())
        });
    });
    assert_eq!(settled, Settlement::Absent, "{}", place.world.story());
    assert_eq!(place.delivered(cleared), Proof::TranscriptExact);
    let last = place.send("ada", "and goodbye");
    place.delivered(last);
    for message in [first, taken, cleared, last] {
        until("the model to be asked", || times(place, prompts, message) > 0);
        assert_eq!(times(place, prompts, message), 1, "message {message}\n{}", place.world.story());
    }
    assert!(!place.prompt(last, prompts).contains("possible duplicate") && place.started() == born);
    place.world.audit_is_clean();
}

#[test]
fn c34_claudes_record_settles_what_was_in_doubt_when_the_daemon_was_killed() {
    let mut place = claude::settled_told_by("transcript");
    let file = fs::read_to_string(place.world.home.runtimes().join("claude.toml")).unwrap();
    is_settled_by_the_record(&mut place, "claude", &file, anthropic::prompts);
}

#[test]
fn c34_codexs_record_settles_what_was_in_doubt_when_the_daemon_was_killed() {
    let file = include_str!("../../src/runtime/builtin/codex.toml");
    is_settled_by_the_record(&mut codex::settled(&[]), "codex", file, openai::prompts);
}
