//! `interrupt` and `compact` on sessions that live, and on one that is parked (C56).

use std::path::Path;

use dormouse::model::delivery::Gate;
use dormouse::model::event::{Event, Fact, VerbEnded, VerbOutcome};
use dormouse::model::session::{Source, TypedVerb, WakeBranch};
use serde_json::Value;

use crate::daemon_fixture::{World, text, until};
use crate::events::{about, count, delivered, first, send};
use crate::verbs::{ended, wake};

/// Its own word that it works; the proof of a delivery may come before it.
fn at_work(world: &World) {
    until("its turn", || world.ok(&["peek", "ada"]).contains("demo agent · working"));
}

fn verb_ended(world: &World, verb: TypedVerb) -> VerbEnded {
    world.await_record("the end of the verb", |record| match &record.event {
        Event::Fact(Fact::VerbEnded(ended)) if ended.verb == verb => Some(ended.clone()),
        _ => None,
    })
}

/// What the demo agent has written down, each with who said it and what.
fn transcript(folder: &Path) -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder.join(".demo-agent")).unwrap().map(|entry| entry.unwrap().path());
    let lines: Vec<String> = files
        .flat_map(|file| std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let entry = |line: &String| {
        let entry: Value = serde_json::from_str(line).unwrap();
        (entry["type"].as_str().unwrap().to_owned(), entry["text"].as_str().unwrap().to_owned())
    };
    lines.iter().map(entry).collect()
}

fn says(folder: &Path, who: &str) -> usize {
    transcript(folder).iter().filter(|(said_by, _)| said_by == who).count()
}

/// C56, C33a: one key ends a turn that would never end, though a delivery waits in the lane for that very end; that one
/// comes next. A turn that does not run is not interrupted.
#[test]
fn c56_an_interrupt_ends_the_turn_and_what_waited_for_it_goes_on() {
    let world = World::started("");
    let folder = world.add_peer("ada", &["--runtime", "demo"]);
    let session = delivered(&world, send(&world, "ada", "demo: hang\nnever done"), 1);
    at_work(&world);
    let waits = send(&world, "ada", "the next one");
    until("a delivery that waits for the turn", || {
        let waiting = |record: &dormouse::model::record::Record| matches!(&record.event, Event::Fact(Fact::DeliveryWaiting(it)) if it.gate == Gate::TurnRunning);
        world.records().iter().any(waiting)
    });
    let said = world.json(&["interrupt", "ada", "--reason", "it hangs"]);
    assert_eq!((said["peer"].as_str(), said["by"].as_str()), (Some("demo-ada"), Some("terminal")), "{said}");
    assert_eq!(verb_ended(&world, TypedVerb::Interrupt).outcome, VerbOutcome::Confirmed { by: Source::Terminal });
    assert_eq!(delivered(&world, waits, 1), session, "the session lives on");
    assert_eq!(says(&folder, "interrupted"), 1, "{:?}", transcript(&folder));
    let asked = first(&world, "interrupt_requested");
    assert!(asked.actor.to_string().contains("uid"), "{}", asked.actor);
    assert!(world.ok(&["why", &asked.lsn.to_string()]).contains("reason given: it hangs"));

    until("the end of the next turn", || world.json(&["ls"])[0]["session"]["turn"] == "ended");
    let refused = world.run(&["interrupt", "ada"]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("no turn of demo-ada is running"), "{}", text(&refused.stderr));
    assert_eq!(says(&folder, "interrupted"), 1, "no key was pressed");
    world.audit_is_clean();
}

/// C56, C27, C30: the command is typed into the open and empty box, after the turn and before the next message, and is
/// confirmed by the program's own record.
#[test]
fn c56_a_compaction_waits_for_the_turn_and_is_confirmed_by_the_record() {
    let world = World::started("");
    let folder = world.add_peer("ada", &["--runtime", "demo"]);
    delivered(&world, send(&world, "ada", "demo: work 700ms\na long one"), 1);
    let said = world.json(&["compact", "ada"]);
    assert_eq!(said["by"], "transcript", "{said}");
    assert_eq!(says(&folder, "compacted"), 1);
    let after = send(&world, "ada", "and on it goes");
    delivered(&world, after, 1);
    let told = transcript(&folder);
    let place = |wanted: &str| told.iter().position(|(who, text)| who == wanted || text.contains(wanted)).unwrap();
    assert!(place("a long one") < place("compacted") && place("compacted") < place("and on it goes"), "{told:?}");
    assert!(told.iter().any(|(who, text)| (who.as_str(), text.as_str()) == ("user", "/compact")), "as it is: {told:?}");
    let log = world.ok(&["log", "--kind", "verb_ended"]);
    assert!(log.contains("the conversation was compacted: the transcript showed it"), "{log}");
    world.audit_is_clean();
}

/// C56: a parked peer is resumed first, with its memory.
#[test]
fn c56_a_parked_peer_is_resumed_and_compacted() {
    let world = World::started("");
    let folder = world.add_peer("ada", &["--runtime", "demo"]);
    let refused = world.run(&["compact", "ada"]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    let session = delivered(&world, send(&world, "ada", "the cat is called Tom"), 1);
    world.ok(&["stop", "ada"]);
    ended(&world, &session);
    world.ok(&["start", "ada"]);
    world.ok(&["compact", "ada"]);
    assert_eq!(says(&folder, "compacted"), 1);
    let woken = world.json(&["ls"])[0]["session"]["generation"].as_u64().unwrap();
    let name = dormouse::model::effect::SessionName {
        peer: session.peer.clone(),
        generation: dormouse::model::id::Generation(dormouse::model::id::Lsn(woken)),
    };
    assert_eq!(wake(&world, &name).branch, WakeBranch::Compact);
    assert!(world.ok(&["peek", "ada"]).contains("1 earlier messages remembered"));
    world.audit_is_clean();
}

/// C43, C56: a runtime whose file names neither says so, and nothing is typed.
#[test]
fn c56_a_runtime_without_the_keys_refuses() {
    let mut world = World::new("");
    world.add_runtime("cat", crate::events::CAT);
    world.start();
    let folder = world.add_peer("ada", &["--runtime", "cat"]);
    delivered(&world, send(&world, "ada", "a line"), 1);
    for verb in ["interrupt", "compact"] {
        let refused = world.run(&[verb, "ada"]);
        assert_eq!(refused.status.code(), Some(3), "{verb}: {}", text(&refused.stderr));
        assert!(text(&refused.stderr).contains("[verbs] in its file"), "{}", text(&refused.stderr));
    }
    let inbox = std::fs::read_to_string(folder.join("inbox.txt")).unwrap();
    assert!(!inbox.contains("/compact"), "{inbox}");
    world.audit_is_clean();
}

/// C60, C56: a daemon that dies in the middle leaves nobody waiting, and nothing is typed twice.
#[test]
fn c56_what_a_daemon_left_is_given_up_and_not_typed_again() {
    let mut world = World::started("");
    let folder = world.add_peer("ada", &["--runtime", "demo"]);
    delivered(&world, send(&world, "ada", "demo: hang\nnever done"), 1);
    at_work(&world);
    let mut waiting = world.command(&["compact", "ada"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    first(&world, "verb_waiting");
    world.kill();
    assert_ne!(waiting.wait().unwrap().code(), Some(0));
    world.start();
    let given_up = first(&world, "verb_given_up");
    assert!(format!("{:?}", given_up.event).contains("nobody saw what came of it"), "{given_up:?}");
    world.ok(&["interrupt", "ada"]);
    let next = send(&world, "ada", "on we go");
    delivered(&world, next, 1);
    about(&world, next, "delivered");
    assert_eq!((says(&folder, "compacted"), count(&world, "verb_given_up")), (0, 1));
    world.audit_is_clean();
}
