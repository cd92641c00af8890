//! `why` and `whynot` by an agent: causes it can act on, and nothing that is none of its business.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::agent::{Agent, CAT, delivered, sent, world};
use crate::daemon_fixture::World;

fn tools(next: &Value) -> Vec<&str> {
    next.as_array().unwrap().iter().filter_map(|it| it["tool"].as_str()).collect()
}

/// A message of one's own: what became of it, why, and what to do.
#[test]
fn an_agent_learns_what_became_of_its_message() {
    let world = world("", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::woken(&world, "ada");
    let message = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "a secret for bob" })).message();
    delivered(&world, message);
    let said = ada.calls("why", json!({ "subject": message.to_string() }));
    assert!(!said.is_error, "{said:?}");
    let cause = said.list();
    assert_eq!((&cause["code"], &cause["subject"]), (&json!("delivered"), &json!(message.to_string())));
    let sentence = cause["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("delivered: proven by the transcript at attempt 1"), "{cause}");
    assert!(cause["next"][0]["what"].as_str().unwrap().starts_with("wait: an answer comes to you"), "{cause}");
    let kinds: Vec<&Value> = cause["chain"].as_array().unwrap().iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds.first(), Some(&&json!("delivered")));
    assert_eq!(kinds.last(), Some(&&json!("message_accepted")));
    assert!(!said.text.contains("a secret for bob"), "a cause holds no text: {}", said.text);
    // The one it is for may ask as well, and has not to wait for an answer to it.
    let bob = Agent::of(&world, delivered(&world, message));
    let cause = bob.calls("why", json!({ "subject": message.to_string() })).list();
    assert_eq!((&cause["code"], &cause["next"][0]["tool"]), (&json!("delivered"), &json!("send_to_peer")), "{cause}");
}

/// Damage is told as what nobody knows, and the rest is answered.
#[test]
fn an_agent_is_answered_from_what_can_be_read() {
    const DAMAGED: &str = "a text that will be damaged";
    let world = world("segment_bytes = \"128KiB\"\n", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::of(&world, delivered(&world, sent(&world, "ada", DAMAGED)));
    let message = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "hello" })).message();
    delivered(&world, message);
    // Until the first segment is full, and nothing is written to it any more.
    while segments(&world).len() < 2 {
        delivered(&world, sent(&world, "bob", &"much to read\n".repeat(2_000)));
    }
    let first = &segments(&world)[0];
    let mut bytes = fs::read(first).unwrap();
    let at = bytes.windows(DAMAGED.len()).position(|window| window == DAMAGED.as_bytes()).unwrap();
    bytes[at] ^= 1;
    fs::write(first, bytes).unwrap();
    for subject in ["bob", &message.to_string()] {
        let said = ada.calls("why", json!({ "subject": subject }));
        assert!(!said.is_error, "{subject}: {said:?}");
        let cause = said.list();
        assert!(cause["chain"].as_array().unwrap().len() > 1, "{cause}");
        let unreadable = cause["gaps"].as_array().unwrap().iter().find(|gap| gap["kind"] == "unreadable");
        let says = unreadable.unwrap_or_else(|| panic!("{cause}"))["says"].as_str().unwrap();
        assert!(says.contains("cannot be read: nobody can tell what it says"), "{says}");
        assert!(!says.contains(".jnl"), "where the journal lies is none of its business: {says}");
    }
    assert!(!ada.calls("whynot", json!({ "peer": "bob", "question": "reaped" })).is_error);
}

fn segments(world: &World) -> Vec<PathBuf> {
    let files = fs::read_dir(world.home.journal()).unwrap().map(|file| file.unwrap().path());
    let mut segments: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|it| it == "jnl")).collect();
    segments.sort();
    segments
}

/// C52: what stands in the way has a rule, and a move that is allowed.
#[test]
fn c52_an_agent_learns_why_a_peer_is_not_woken() {
    let world = world("", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::woken(&world, "ada");
    let message = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "hello" })).message();
    delivered(&world, message);
    world.ok(&["stop", "bob"]);
    let cause = ada.calls("why", json!({ "subject": "bob" })).list();
    assert!(["stop_set", "reaped", "session_ended"].contains(&cause["code"].as_str().unwrap()), "{cause}");
    let obstacle = ada.calls("whynot", json!({ "peer": "bob", "question": "woken" })).list();
    assert_eq!((&obstacle["code"], &obstacle["peer"]), (&json!("C52"), &json!("cat-bob")), "{obstacle}");
    assert!(obstacle["sentence"].as_str().unwrap().starts_with("it has been stopped for "), "{obstacle}");
    assert!(obstacle["next"][0]["what"].as_str().unwrap().contains("`dormouse start`"), "{obstacle}");
    assert_eq!(tools(&obstacle["next"]), [""; 0], "no tool of an agent starts what an operator has stopped");
    // Of itself it may ask by a word, by its name and by its identity.
    for me in ["me", "ada", "cat-ada"] {
        let cause = ada.calls("why", json!({ "subject": me })).list();
        assert_eq!(cause["subject"], "cat-ada");
        // C11: nobody writes to oneself.
        assert!(!tools(&cause["next"]).contains(&"send_to_peer"), "{cause}");
        assert!(!cause["next"].to_string().contains("answers come by themselves"), "{cause}");
        assert!(!ada.calls("whynot", json!({ "peer": me, "question": "reaped" })).is_error);
    }
}

/// C13: of a message that waits it learns what for, and what may be done.
#[test]
fn c13_an_agent_learns_what_its_message_waits_for() {
    let mut world = World::new("");
    world.add_runtime("cat", CAT);
    world.add_runtime("broken", &CAT.replace("exec cat >> inbox.txt", "exit 1"));
    world.start();
    world.add_peer("ada", &["--runtime", "cat"]);
    world.add_peer("bob", &["--runtime", "broken"]);
    let ada = Agent::woken(&world, "ada");
    let message = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "hello" })).message();
    world.await_record("a wake that is refused", |record| (record.event.kind().name == "wake_refused").then_some(()));
    let cause = ada.calls("why", json!({ "subject": message.to_string() })).list();
    assert_eq!(cause["code"], "message_accepted", "{cause}");
    assert!(cause["sentence"].as_str().unwrap().starts_with("it is queued, at position 1: "), "{cause}");
    let next = cause["next"].as_array().unwrap();
    assert!(next.last().unwrap()["what"].as_str().unwrap().ends_with("do not send it again"), "{cause}");
    assert!(!tools(&cause["next"]).contains(&"why"), "it has just asked that: {cause}");
}

/// C62: an agent asks about itself, its messages and whom it has written to, and about nothing else.
#[test]
fn c62_what_is_none_of_its_business_is_refused() {
    let world = world("", &[("ada", &[]), ("bob", &[]), ("eve", &[])]);
    let (ada, eve) = (Agent::woken(&world, "ada"), Agent::woken(&world, "eve"));
    let foreign = sent(&world, "bob", "a secret for bob");
    delivered(&world, foreign);
    let of_ada = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "hello" })).message();
    for (tool, arguments) in [
        ("why", json!({ "subject": "bob" })),
        ("why", json!({ "subject": "ada" })),
        ("why", json!({ "subject": "cat-bob@1" })),
        ("why", json!({ "subject": "7" })),
        ("why", json!({ "subject": "nobody" })),
        ("why", json!({ "subject": foreign.to_string() })),
        ("why", json!({ "subject": of_ada.to_string() })),
        ("whynot", json!({ "peer": "bob", "question": "reaped" })),
        ("whynot", json!({ "peer": "nobody", "question": "woken" })),
    ] {
        let said = eve.calls(tool, arguments.clone());
        assert!(said.is_error, "{tool} {arguments}: {said:?}");
        assert!(said.text.contains("is none of yours to ask about (C62)"), "{tool} {arguments}: {said:?}");
        assert!(said.text.contains("hint: ask about yourself"), "{said:?}");
    }
    let wrong = eve.calls("whynot", json!({ "peer": "me", "question": "loved" }));
    assert!(wrong.is_error && wrong.text.starts_with("error (usage): "), "{wrong:?}");
    // What ada may ask about bob does not show her what others have written to him.
    let cause = ada.calls("why", json!({ "subject": "bob" })).text;
    assert!(!cause.contains(&foreign.to_string()), "{cause}");
}
