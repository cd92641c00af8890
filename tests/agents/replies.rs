//! Agents that wait for each other's replies, through the tools of their own programs.

use dormouse::model::event::{Event, Fact};
use dormouse::model::id::MessageId;
use serde_json::{Value, json};

use crate::daemon_fixture::until;
use crate::model::{Answer, Asked};
use crate::place::{Place, kill_program};
use crate::tools::{accepted, letter, peer, place_with};

/// What `asked` was told last by a tool of its own.
fn told_by_a_tool(asked: &Asked) -> Option<String> {
    let said = match asked.is_claude() {
        true => &asked.body["messages"],
        false => &asked.body["input"],
    };
    let is_result = |item: &Value| item.to_string().contains("tool_result") || item["type"] == "function_call_output";
    said.as_array()?.iter().rfind(|item| is_result(item)).map(Value::to_string)
}

/// What becomes of the question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worker {
    Answers,
    ThinksForEver,
    /// Its turn ends, and nothing was sent.
    SaysNothing,
}

/// `ada` asks its peer, and waits for so long.
fn asks(to: &'static str, timeout_s: u64, worker: Worker) -> impl Fn(&Asked) -> Option<Answer> + Send + 'static {
    move |asked| {
        let (from, said) = letter(&asked.prompt()?)?;
        match said.as_str() {
            "ask it" => Some(Answer::Tool(
                "send_to_peer",
                json!({ "peer": to, "text": "2 + 2?", "topic": "sums", "wait_for_reply": true,
                    "timeout_seconds": timeout_s }),
            )),
            "2 + 2?" => match worker {
                Worker::Answers => Some(Answer::Tool("send_to_peer", json!({ "peer": from, "text": "4, I think" }))),
                Worker::ThinksForEver => Some(Answer::Held("never said")),
                Worker::SaysNothing => None,
            },
            _ => None,
        }
    }
}

/// Which of the two asks, and which is asked.
#[derive(Clone, Copy)]
struct Pair {
    asker: &'static str,
    worker: &'static str,
}

const PAIRS: [Pair; 2] = [Pair { asker: "claude", worker: "codex" }, Pair { asker: "codex", worker: "claude" }];

/// `ada`, who asks, and `worker`, whose task the question is.
fn pair(it: Pair, config: &str) -> Place {
    let place = place_with(config);
    peer(&place, "worker", it.worker, &["--ephemeral"]);
    peer(&place, "ada", it.asker, &[]);
    place
}

/// What the tool of the one who asked said in the end.
#[track_caller]
fn hears(place: &Place, it: Pair) -> String {
    let of_asker = |asked: &Asked| asked.is_claude() == (it.asker == "claude");
    let mut heard = None;
    until("the tool's answer", || {
        heard = place.model.asked().iter().filter(|asked| of_asker(asked)).find_map(told_by_a_tool);
        heard.is_some()
    });
    heard.unwrap()
}

/// The question, once it is in the worker's queue.
#[track_caller]
fn question(place: &Place) -> MessageId {
    place.world.await_record("the question", |record| {
        let (accepted, message) = accepted(record)?;
        (accepted.text == "2 + 2?").then(|| {
            assert!(accepted.reply_asked && accepted.topic.as_deref() == Some("sums"), "{accepted:?}");
            message
        })
    })
}

/// C13, C36: the reply is the tool's own answer, and it arms the worker that has given it.
#[track_caller]
fn hears_the_reply(it: Pair) {
    let place = pair(it, "");
    place.model.thinks(asks("worker", 60, Worker::Answers));
    place.send("ada", "ask it");
    let question = question(&place);
    let heard = hears(&place, it);
    assert!(heard.contains("replied:") && heard.contains("4, I think"), "{heard}");
    let answers = place.world.await_record("the answer", |record| {
        accepted(record).filter(|(accepted, _)| accepted.text == "4, I think").map(|(accepted, _)| accepted.answers)
    });
    assert_eq!(answers, Some(question));
    place.world.audit_is_clean();
}

/// C13, C41a: whoever is waited for and ends without a word is told of, as the tool's own answer.
#[track_caller]
fn hears_of_the_death(it: Pair) {
    let place = pair(it, "unfinished_retries = 0\n");
    place.model.thinks(asks("worker", 60, Worker::ThinksForEver));
    place.send("ada", "ask it");
    let question = question(&place);
    place.delivered(question);
    let generation = place.world.records().iter().rev().find_map(|record| {
        let is_it = record.subject.message == Some(question);
        record.subject.generation.filter(|_| is_it)
    });
    let pid = place.world.await_record("its program", |record| match &record.event {
        Event::Fact(Fact::SessionStarted(started)) if record.subject.generation == generation => Some(started.pid),
        _ => None,
    });
    // The session's own process has seen how its program ended, and says so.
    kill_program(pid);
    let heard = hears(&place, it);
    assert!(heard.contains("signal 9") && !heard.contains("replied:"), "{heard}");
    place.world.audit_is_clean();
}

/// C13, C41a: so is whoever is waited for and comes to rest without an answer.
#[track_caller]
fn hears_of_the_silence(it: Pair) {
    let place = pair(it, "unfinished_retries = 0\nephemeral_unarmed_idle = \"1s\"\n");
    place.model.thinks(asks("worker", 60, Worker::SaysNothing));
    place.send("ada", "ask it");
    place.delivered(question(&place));
    let heard = hears(&place, it);
    assert!(heard.contains("without an answer") && !heard.contains("replied:"), "{heard}");
    place.world.audit_is_clean();
}

/// C13: who waits no longer than so is told that nothing has come, and that the question stands.
#[track_caller]
fn hears_that_time_is_up(it: Pair) {
    let place = pair(it, "");
    place.model.thinks(asks("worker", 2, Worker::ThinksForEver));
    place.send("ada", "ask it");
    question(&place);
    let heard = hears(&place, it);
    assert!(heard.contains("not replied to within 2 s"), "{heard}");
    assert!(!heard.contains("stays in the queue"), "it may have been delivered: {heard}");
    place.world.audit_is_clean();
}

#[test]
fn c13_a_real_agent_hears_the_reply_that_it_waits_for() {
    PAIRS.into_iter().for_each(hears_the_reply);
}

#[test]
fn c13_a_real_agent_hears_that_who_it_waits_for_has_died() {
    PAIRS.into_iter().for_each(hears_of_the_death);
}

#[test]
fn c13_a_real_agent_hears_that_who_it_waits_for_has_ended_without_a_word() {
    PAIRS.into_iter().for_each(hears_of_the_silence);
}

#[test]
fn c13_a_real_agent_hears_that_its_time_is_up() {
    PAIRS.into_iter().for_each(hears_that_time_is_up);
}

/// C62: what the tools that only tell say is what the program shows its model.
#[test]
fn c62_real_agents_read_their_peers_and_their_messages() {
    for asker in ["claude", "codex"] {
        for (tool, tells) in [("list_peers", "worker"), ("my_messages", "look around")] {
            let it = Pair { asker, worker: "codex" };
            let place = pair(it, "");
            place.model.thinks(move |asked| {
                let (_, said) = letter(&asked.prompt()?)?;
                (said == "look around").then(|| Answer::Tool(tool, json!({})))
            });
            place.send("ada", "look around");
            let heard = hears(&place, it);
            assert!(heard.contains(tells), "{asker}, {tool}: {heard}");
        }
    }
}
