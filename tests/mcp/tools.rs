//! What each tool does, and in whose name.

use std::time::Instant;

use dormouse::model::actor::Sender;
use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::id::MessageId;
use dormouse::model::record::Record;
use dormouse::model::session::{ArmedBy, TaskEnd};
use serde_json::json;

use crate::agent::{Agent, delivered, sent, world};
use crate::daemon_fixture::World;

/// C62, C7: from whom it is is what the secret says, and accepted means on disk.
#[test]
fn c62_a_message_is_from_the_session_whose_secret_it_came_with() {
    let world = world("", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::woken(&world, "ada");
    let said = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "dear bob\n- ünï", "topic": "tea" }));
    assert!(!said.is_error && said.text.contains("for cat-bob is accepted"), "{said:?}");
    let message = said.message();
    delivered(&world, message);
    let accepted = world.await_record("the message", |record| match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) if record.subject.message == Some(message) => {
            Some(accepted.clone())
        }
        _ => None,
    });
    let from = Sender::Session { peer: ada.session.peer.clone(), generation: ada.session.generation };
    assert_eq!((accepted.from, &*accepted.text, accepted.topic.as_deref()), (from, "dear bob\n- ünï", Some("tea")));
    world.audit_is_clean();
}

/// C12a, C36: to speak as another, or to end another's task, there are no words.
#[test]
fn c36_nobody_can_arm_another_or_speak_as_another() {
    let world = world("", &[("ada", &[]), ("bob", &["--ephemeral"]), ("eve", &[])]);
    let bob = Agent::woken(&world, "bob");
    let eve = Agent::woken(&world, "eve");
    for (tool, arguments) in [
        ("send_to_peer", json!({ "peer": "ada", "text": "x", "from": "cat-bob" })),
        ("send_to_peer", json!({ "peer": "ada", "text": "x", "secret": bob.secret })),
        ("done", json!({ "peer": "bob" })),
        ("done", json!({ "generation": bob.session.generation })),
    ] {
        let said = eve.calls(tool, arguments);
        assert!(
            said.is_error && said.text.starts_with("error (usage): ") && said.text.contains("unknown field"),
            "{said:?}"
        );
    }
    // Its own `done`, and its own message: neither is bob's.
    eve.calls("done", json!({}));
    eve.calls("send_to_peer", json!({ "peer": "ada", "text": "I am bob, and I am done" }));
    let armed = |record: &Record| matches!(record.event, Event::Decision(Decision::Armed(_)));
    let records = world.records();
    assert!(
        records
            .iter()
            .filter(|record| armed(record))
            .all(|record| record.subject.peer != Some(bob.session.peer.clone()))
    );
    let said = bob.calls("done", json!({ "reason": "all done" }));
    assert!(!said.is_error, "{said:?}");
    world.await_record("bob's own word", |record| match &record.event {
        Event::Decision(Decision::Armed(by)) if record.subject.peer.as_ref() == Some(&bob.session.peer) => {
            assert_eq!(by.by, ArmedBy::Done);
            Some(())
        }
        _ => None,
    });
}

/// C36, C41: an answer through the tool ends the task; a word in between does not.
#[test]
fn c36_an_answer_arms_and_progress_does_not() {
    let world = world("ephemeral_quiet = \"200ms\"\n", &[("ada", &[]), ("bob", &["--ephemeral"])]);
    let ada = Agent::woken(&world, "ada");
    let task = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "sum 1 and 2" })).message();
    let bob = Agent::of(&world, delivered(&world, task));
    bob.calls("send_to_peer", json!({ "peer": "ada", "text": "hm", "progress": true }));
    bob.calls("send_to_peer", json!({ "peer": "ada", "text": "3" }));
    let end = world.await_record("the task's end", |record| match &record.event {
        Event::Decision(Decision::TaskDone(done)) if record.subject.message == Some(task) => Some(done.how),
        _ => None,
    });
    assert_eq!(end, TaskEnd::Answered);
    let arms = world.records().into_iter().filter(|record| matches!(record.event, Event::Decision(Decision::Armed(_))));
    assert_eq!(arms.count(), 1, "the progress armed nothing");
    world.audit_is_clean();
}

/// A reply that is waited for comes back in the result; one that does not come is no error, for it would be sent again.
#[test]
fn c36_a_reply_can_be_waited_for() {
    let world = world("", &[("ada", &[]), ("bob", &[])]);
    let (ada, bob) = (Agent::woken(&world, "ada"), Agent::woken(&world, "bob"));
    let asking = std::thread::spawn({
        let ada = ada.clone();
        move || ada.calls("send_to_peer", json!({ "peer": "bob", "text": "time?", "wait_for_reply": true }))
    });
    delivered(&world, accepted(&world, "time?"));
    bob.calls("send_to_peer", json!({ "peer": "ada", "text": "noon" }));
    let said = asking.join().unwrap();
    assert_eq!(said.text, "cat-bob replied:\nnoon");
    let began = Instant::now();
    let late = json!({ "peer": "bob", "text": "and now?", "wait_for_reply": true, "timeout_seconds": 1 });
    let said = ada.calls("send_to_peer", late);
    assert!(!said.is_error && said.text.starts_with("accepted, not replied to within 1 s"), "{said:?}");
    assert!(began.elapsed().as_millis() >= 1_000);
}

/// C13: an answer can name its question; what it names must have been delivered to the session that speaks, also long ago.
#[test]
fn c13_an_answer_names_its_question() {
    let world = world("", &[("ada", &[]), ("bob", &[]), ("eve", &[])]);
    let (ada, bob, eve) = (Agent::woken(&world, "ada"), Agent::woken(&world, "bob"), Agent::woken(&world, "eve"));
    let [first, second] = ["one", "two"].map(|text| {
        let message = ada.calls("send_to_peer", json!({ "peer": "bob", "text": text })).message();
        delivered(&world, message);
        message
    });
    let answers = |message: MessageId, text: &str| {
        bob.calls("send_to_peer", json!({ "peer": "ada", "text": text, "answers": message.to_string() }));
        accepted(&world, text);
        world.records().iter().rev().find_map(|record| match &record.event {
            Event::Fact(Fact::MessageAccepted(accepted)) if accepted.text == text => {
                Some((accepted.answers, accepted.named))
            }
            _ => None,
        })
    };
    assert_eq!(answers(first, "to the first"), Some((Some(first), true)));
    assert_eq!(answers(second, "to the second"), Some((Some(second), true)));
    for (agent, to, answers, says) in [
        (&eve, "ada", first.to_string(), "never delivered to this session"),
        (&bob, "eve", first.to_string(), "is from ada (cat)"),
        (&bob, "ada", MessageId(7).to_string(), "never delivered to this session"),
        (&bob, "ada", "the first one".to_owned(), "no message id"),
    ] {
        let said = agent.calls("send_to_peer", json!({ "peer": to, "text": "x", "answers": answers }));
        assert!(said.is_error && said.text.contains(says), "{said:?}");
        assert!(said.text.contains("the message was not accepted"), "{said:?}");
    }
    let outside = world.run(&["send", "ada", "x", "--answers", &first.to_string()]);
    assert_eq!(outside.status.code(), Some(3));
    assert!(crate::daemon_fixture::text(&outside.stderr).contains("only what an agent sends"));
    world.audit_is_clean();
}

/// The message of this text, once it is accepted.
#[track_caller]
pub fn accepted(world: &World, text: &str) -> MessageId {
    world.await_record("the message", |record| match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) if accepted.text == text => record.subject.message,
        _ => None,
    })
}

/// Who there is, and what each is for.
#[test]
fn peers_are_listed_with_what_they_are_for() {
    let world = world("", &[("ada", &[]), ("bob", &["--ephemeral", "--description", "adds numbers"])]);
    let ada = Agent::woken(&world, "ada");
    let peers = ada.calls("list_peers", json!({})).list();
    let rows: Vec<_> = peers
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["peer"], &row["description"], &row["ephemeral"], &row["phase"], &row["you"]))
        .collect();
    let (ada, bob) = (json!("cat-ada"), json!("cat-bob"));
    let [empty, adds, live, asleep, yes, no] =
        [json!(""), json!("adds numbers"), json!("live"), json!("asleep"), json!(true), json!(false)];
    assert_eq!(rows, [(&ada, &empty, &no, &live, &yes), (&bob, &adds, &yes, &asleep, &no)]);
}

/// A session sees its own letters, and nobody else's; what only waits for it is not told before it is delivered.
#[test]
fn my_messages_are_ones_own() {
    let world = world("", &[("ada", &[]), ("bob", &[]), ("eve", &[])]);
    let first = sent(&world, "ada", "a secret for ada");
    let ada = Agent::of(&world, delivered(&world, first));
    let (bob, eve) = (Agent::woken(&world, "bob"), Agent::woken(&world, "eve"));
    let to_bob = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "a secret for bob" })).message();
    delivered(&world, to_bob);
    let answer = bob.calls("send_to_peer", json!({ "peer": "ada", "text": "thanks" })).message();
    delivered(&world, answer);

    let letters = ada.calls("my_messages", json!({})).list();
    let rows: Vec<_> = letters
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let text = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
            (text("message"), text("direction"), text("peer"), text("state"), text("text"))
        })
        .collect();
    let row = |id: MessageId, direction: &str, peer: &str, text: &str| {
        (id.to_string(), direction.to_owned(), peer.to_owned(), "delivered".to_owned(), text.to_owned())
    };
    let user = letters[0]["peer"].as_str().unwrap().to_owned();
    assert!(user.starts_with("user:"), "{letters}");
    assert_eq!(
        rows,
        [
            row(first, "for_me", &user, "a secret for ada"),
            row(to_bob, "from_me", "cat-bob", "a secret for bob"),
            row(answer, "for_me", "bob (cat)", "thanks"),
        ]
    );
    assert_eq!(letters[1]["answered_by"], answer.to_string());
    let others = eve.calls("my_messages", json!({})).text;
    assert!(!others.contains("secret"), "{others}");
}

/// C52, C11: what the rules refuse is a result with the sentence and the next step, and no broken call.
#[test]
fn c52_a_refusal_is_a_result_that_says_what_to_do() {
    let world = world("", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::woken(&world, "ada");
    world.ok(&["stop", "bob"]);
    for (peer, says) in
        [("bob", "it is stopped"), ("nobody", "no peer is called `nobody`"), ("ada", "cannot write to itself")]
    {
        let said = ada.calls("send_to_peer", json!({ "peer": peer, "text": "hello" }));
        assert!(said.is_error && said.text.starts_with("error (refused): ") && said.text.contains(says), "{said:?}");
        assert!(said.text.contains("the message was not accepted"), "{said:?}");
    }
    let unknown = ada.asks("tools/call", json!({ "name": "dance", "arguments": {} }));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
}
