//! Who calls is who holds a secret: with those of the real programs' own sessions.

use std::fs;

use dormouse::model::actor::Sender;
use dormouse::model::effect::SessionName;
use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::id::MessageId;
use dormouse::model::record::{Record, Subject};
use serde_json::json;

use crate::daemon_fixture::until;
use crate::http::{exchange, request};
use crate::model::{Answer, Asked};
use crate::place::Place;
use crate::tools::{accepted, answers_by_tool, letter, peer, place};

/// What somebody else would ask for, who has got hold of a secret.
fn wanted() -> String {
    let arguments = json!({ "peer": "eve", "text": "give me everything" });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "send_to_peer", "arguments": arguments,
    } })
    .to_string()
}

/// The status of a call with these header lines, which is refused, and says why.
#[track_caller]
fn refused(place: &Place, headers: &[(&str, &str)]) -> u16 {
    let port = fs::read_to_string(place.world.home.mcp_port()).unwrap().trim().parse().unwrap();
    let json = [("accept", "application/json, text/event-stream"), ("content-type", "application/json")];
    let answer = exchange(port, &request("POST", port, &[headers, &json].concat(), &wanted()));
    assert!(answer.message()["error"]["message"].is_string(), "{}", answer.body);
    assert_eq!(answer.status == 401, answer.head.to_ascii_lowercase().contains("www-authenticate"), "{}", answer.head);
    answer.status
}

fn secret(place: &Place, session: &SessionName) -> String {
    fs::read_to_string(place.world.home.session(session).secret()).unwrap().trim().to_owned()
}

/// The session that `message` came to.
fn session_of(place: &Place, message: MessageId) -> SessionName {
    place.world.await_record("the delivery", |record| match &record.event {
        Event::Decision(Decision::Delivered(_)) if record.subject.message == Some(message) => {
            Some(SessionName { peer: record.subject.peer.clone()?, generation: record.subject.generation? })
        }
        _ => None,
    })
}

/// What everybody on the machine can read of `place`'s programs.
fn command_lines(place: &Place) -> String {
    let home = format!("HOME={}", place.home.display());
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let process = entry.ok()?.path();
        let environment = fs::read(process.join("environ")).ok()?;
        let ours = String::from_utf8_lossy(&environment).contains(&home);
        ours.then(|| String::from_utf8_lossy(&fs::read(process.join("cmdline")).unwrap_or_default()).into_owned())
    });
    processes.collect()
}

#[track_caller]
fn is_told(place: &Place, status: u16, subject: &Subject) {
    place.world.await_record(&format!("the refusal with {status}"), |record| match &record.event {
        Event::Fact(Fact::CallRefused(refused)) => {
            (refused.status == status && record.subject == *subject).then_some(())
        }
        _ => None,
    });
}

/// C62: a secret that was a session's is nobody's once that has ended.
#[test]
fn c62_the_secret_of_an_ended_session_of_claude_opens_nothing() {
    let mut place = place();
    peer(&place, "worker", "claude", &["--ephemeral"]);
    place.model.thinks(answers_by_tool);
    let session = session_of(&place, place.send("worker", "hello"));
    let stolen = secret(&place, &session);
    let gone = |record: &Record| matches!(record.event, Event::Fact(Fact::SessionGone(_))).then_some(());
    place.world.await_record("its end", gone);
    for daemon in ["the one that ended it", "the next one"] {
        assert_eq!(refused(&place, &[("authorization", &format!("Bearer {stolen}"))]), 401, "{daemon}");
        is_told(&place, 401, &Subject::session(&session.peer, session.generation));
        place.world.kill();
        place.world.start();
    }
}

/// The worker stays in its turn; the other one does as it is told, were it to speak for another.
fn obeys(asked: &Asked) -> Option<Answer> {
    let (_, said) = letter(&asked.prompt()?)?;
    match &*said {
        "stay" => Some(Answer::Held("at last")),
        "arm it" => Some(Answer::Tool("done", json!({ "peer": "worker" }))),
        "speak" => Some(Answer::Tool("send_to_peer", json!({ "peer": "worker", "text": "hello from eve" }))),
        _ => None,
    }
}

/// C36, C62: what a session of `runtime` holds is of use to nobody who is led here by a web page, and to itself for nothing but
/// its own words.
#[track_caller]
fn speaks_for_itself_alone(runtime: &str) {
    let mut place = place();
    // The folder that is added last is the one that Claude trusts.
    peer(&place, "eve", runtime, if runtime == "claude" { &["--consent", "trust_folder"] } else { &[] });
    peer(&place, "worker", "claude", &["--ephemeral"]);
    place.model.thinks(obeys);
    session_of(&place, place.send("worker", "stay"));
    let eve = session_of(&place, place.send("eve", "hello"));
    let mine = secret(&place, &eve);
    assert!(!mine.is_empty() && !command_lines(&place).contains(&mine), "everybody can read arguments");

    let bearer = format!("Bearer {mine}");
    let forged = format!("Bearer {}", "0".repeat(mine.len()));
    let name = eve.peer.to_string();
    for (headers, status) in [
        (&[("x-session", &*name)][..], 401),
        (&[("authorization", &*forged)], 401),
        (&[("authorization", &*bearer), ("host", "evil.example")], 403),
        (&[("authorization", &*bearer), ("origin", "http://evil.example")], 403),
    ] {
        assert_eq!(refused(&place, headers), status, "{headers:?}");
        is_told(&place, status, &Subject::NONE);
    }

    place.send("eve", "arm it");
    let results = || place.model.asked().iter().map(|asked| asked.body.to_string()).collect::<String>();
    until("the refusal to be read by the model", || results().contains("unknown field"));
    place.world.kill();
    place.world.start();
    assert_eq!(
        refused(&place, &[("authorization", &*bearer), ("host", "evil.example")]),
        403,
        "by the next daemon too"
    );
    place.send("eve", "speak");
    let heard = place.world.await_record("its own word", |record| {
        accepted(record).filter(|(accepted, _)| accepted.text == "hello from eve").map(|(accepted, _)| accepted.clone())
    });
    assert_eq!(heard.from, Sender::Session { peer: eve.peer.clone(), generation: eve.generation });
    let records = place.world.records();
    let armed = |record: &&Record| matches!(record.event, Event::Decision(Decision::Armed(_)));
    let others = records.iter().filter(armed).find(|record| record.subject.peer.as_ref() != Some(&eve.peer));
    assert!(others.is_none(), "{others:?}");
    let stolen = records.iter().filter_map(accepted).any(|(accepted, _)| accepted.text.contains("everything"));
    assert!(!stolen, "{}", place.world.story());
    place.world.audit_is_clean();
}

#[test]
fn c62_the_secret_of_a_session_of_claude_serves_itself_alone() {
    speaks_for_itself_alone("claude");
}

#[test]
fn c62_the_secret_of_a_session_of_codex_serves_itself_alone() {
    speaks_for_itself_alone("codex");
}
