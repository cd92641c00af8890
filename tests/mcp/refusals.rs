//! Who is turned away: with which status, with which record, and to nobody else's harm.

use std::io::Write;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dormouse::model::event::{CallRefused, Event, Fact};
use dormouse::model::record::{Record, Subject};
use serde_json::{Value, json};

use crate::agent::{Agent, delivered, port, sent, world};
use crate::daemon_fixture::{World, until};
use crate::http::{Answer, connect, exchange, heard, request};
use crate::tools::accepted;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const JSON: [(&str, &str); 2] =
    [("accept", "application/json, text/event-stream"), ("content-type", "application/json")];

fn refused(record: &Record) -> Option<(CallRefused, Subject)> {
    match &record.event {
        Event::Fact(Fact::CallRefused(refused)) => Some((refused.clone(), record.subject.clone())),
        _ => None,
    }
}

/// The record of the refusal that says `why`.
#[track_caller]
fn told(world: &World, status: u16, why: &str) -> Subject {
    let (found, subject) = world.await_record(&format!("a refusal: {why}"), |record| {
        refused(record).filter(|(refused, _)| refused.why.contains(why))
    });
    assert_eq!((found.status, &*found.door, found.times), (status, "mcp", 1), "{found:?}");
    // Too long a head is noted once it has been answered: the caller may have gone by then, and nobody knows any more who it was.
    let may_be_gone = status == 431 && found.uid.is_none();
    if cfg!(target_os = "linux") && !may_be_gone {
        assert_eq!(found.uid, Some(rustix::process::geteuid().as_raw()), "{found:?}");
    }
    subject
}

#[track_caller]
fn is_refused(answer: &Answer, status: u16, says: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let said: Value = serde_json::from_str(&answer.body).unwrap();
    assert!(said["error"]["message"].as_str().unwrap().contains(says), "{answer:?}");
}

/// Nobody is worse off for who was turned away.
#[track_caller]
fn still_serves(agent: &Agent) {
    assert!(!agent.calls("list_peers", json!({})).is_error);
}

/// C62: who calls is who holds a secret, never a name in a header.
#[test]
fn c62_without_a_sessions_secret_nothing_is_heard() {
    let world = world("", &[("ada", &[])]);
    let ada = Agent::woken(&world, "ada");
    let other = crate::agent::world("", &[("ada", &[])]);
    let elsewhere = format!("Bearer {}", Agent::woken(&other, "ada").secret);
    let mine = &ada.secret;
    let (almost, basic, bare) = (format!("Bearer {}", &mine[1..]), format!("Basic {mine}"), mine.clone());
    for (header, says) in [
        (("x-nothing", ""), "no secret"),
        (("authorization", "Bearer "), "no secret"),
        (("authorization", &*basic), "no secret"),
        (("authorization", &*bare), "no secret"),
        (("x-session", "cat-ada"), "no secret"),
        (("authorization", &*almost), "no session's of this home"),
        (("authorization", &*elsewhere), "no session's of this home"),
    ] {
        let answer = exchange(ada.port, &request("POST", ada.port, &[&[header], &JSON[..]].concat(), PING));
        is_refused(&answer, 401, says);
        assert!(answer.head.to_ascii_lowercase().contains("www-authenticate: bearer"), "{answer:?}");
        told(&world, 401, says);
    }
    still_serves(&ada);
    world.audit_is_clean();
}

/// C62: what was a session's own is worth nothing once it has ended, and the record says whose it was.
#[test]
fn c62_the_secret_of_an_ended_session_opens_nothing() {
    let world = world("", &[("ada", &[]), ("bob", &[])]);
    let (ada, bob) = (Agent::woken(&world, "ada"), Agent::woken(&world, "bob"));
    still_serves(&ada);
    world.ok(&["stop", "ada"]);
    let gone = |record: &Record| {
        let is_end = matches!(record.event, Event::Fact(Fact::SessionGone(_)));
        (is_end && record.subject.peer.as_ref() == Some(&ada.session.peer)).then_some(())
    };
    world.await_record("the end", gone);
    is_refused(&ada.post(&serde_json::from_str(PING).unwrap()), 401, "has ended");
    let subject = told(&world, 401, "has ended");
    assert_eq!(subject, Subject::session(&ada.session.peer, ada.session.generation));
    still_serves(&bob);
}

/// C62: while no daemon listens, whoever takes its port hears the secrets of the sessions that call. To another user they are
/// worth nothing.
#[test]
fn c62_a_secret_is_worth_nothing_to_another_user() {
    let world = world("", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::woken(&world, "ada");
    let bearer = format!("Bearer {}", ada.secret);
    let to_bob = json!({ "name": "send_to_peer", "arguments": { "to": "bob", "message": "from ada" } });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": to_bob }).to_string();
    let headers = [&[("authorization", &*bearer)], &JSON[..]].concat();
    // Waits for its answer, and without: a socket that is closed at once says no longer whose it was.
    for waits in ["cat <&3", "exec 3>&-"] {
        let mut stranger = as_another_user("bash");
        stranger.args(["-c", &format!("exec 3<>/dev/tcp/127.0.0.1/{} && cat >&3 && {waits}", ada.port)]);
        let mut stranger = stranger.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        stranger.stdin.take().unwrap().write_all(&request("POST", ada.port, &headers, &call)).unwrap();
        let answer = String::from_utf8(stranger.wait_with_output().unwrap().stdout).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    let (found, subject) = world.await_record("the refusal", |record| {
        refused(record).filter(|(refused, _)| refused.why.contains("another user"))
    });
    assert_eq!((found.status, &*found.rule, found.uid), (403, "C62", Some(NOBODY)), "{found:?}");
    assert_eq!(subject, Subject::session(&ada.session.peer, ada.session.generation));
    still_serves(&ada);
    world.audit_is_clean();
    let said = |record: &Record| matches!(record.event, Event::Fact(Fact::MessageAccepted(_)));
    assert_eq!(world.records().iter().filter(|record| said(record)).count(), 1, "{}", world.story());
}

const NOBODY: u32 = 65534;

/// `program`, run by somebody else.
fn as_another_user(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new(program);
        command.uid(NOBODY);
        return command;
    }
    // Whoever may not become somebody else without a password sees this fail: `sudo` says so.
    let mut command = Command::new("sudo");
    command.args(["-n", "-u", "#65534", "--", program]);
    command
}

/// C62: a page that was led here by a name of its own (DNS rebinding) says that name, and its own.
#[test]
fn c62_web_pages_are_turned_away() {
    let world = world("", &[("ada", &[])]);
    let ada = Agent::woken(&world, "ada");
    let bearer = format!("Bearer {}", ada.secret);
    let rebound = format!("evil.example:{}", ada.port);
    let own = format!("http://127.0.0.1:{}", ada.port);
    let other_port = format!("127.0.0.1:{}", ada.port ^ 1);
    let with = |header| {
        exchange(
            ada.port,
            &request("POST", ada.port, &[&[header, ("authorization", &*bearer)], &JSON[..]].concat(), PING),
        )
    };
    for host in ["evil.example", &rebound, &other_port, ""] {
        is_refused(&with(("host", host)), 403, "`Host`");
    }
    for origin in ["http://evil.example", "null", &own] {
        is_refused(&with(("origin", origin)), 403, "`Origin`");
    }
    told(&world, 403, "`Host`");
    told(&world, 403, "`Origin`");
    still_serves(&ada);
    let localhost = format!("localhost:{}", ada.port);
    assert_eq!(with(("host", &localhost)).status, 200);
}

/// C6: what no message can need is not read, whether its length is told or not.
#[test]
fn c06_too_large_a_body_is_not_read() {
    let world = world("message_bytes_max = \"1KiB\"\n", &[("ada", &[])]);
    let ada = Agent::woken(&world, "ada");
    let bearer = format!("Bearer {}", ada.secret);
    let headers = [&[("authorization", &*bearer)], &JSON[..]].concat();
    let told_length = [&headers[..], &[("content-length", "1000000")]].concat();
    let head =
        String::from_utf8(request("POST", ada.port, &told_length, "")).unwrap().replace("content-length: 0\r\n", "");
    is_refused(&exchange(ada.port, head.as_bytes()), 413, "longer than any message");

    let chunked = [&headers[..], &[("transfer-encoding", "chunked")]].concat();
    let mut untold =
        String::from_utf8(request("POST", ada.port, &chunked, "")).unwrap().replace("content-length: 0\r\n", "");
    untold.push_str(&format!("{:x}\r\n{}\r\n", 70_000, "x".repeat(70_000)).repeat(2));
    is_refused(&exchange(ada.port, untold.as_bytes()), 413, "longer than any message");
    told(&world, 413, "longer than any message");
    let long = "x".repeat(400_000);
    let headed = request("POST", ada.port, &[&headers[..], &[("x-long", &*long)]].concat(), PING);
    assert_eq!(exchange(ada.port, &headed).status, 431);
    told(&world, 431, "headers are longer");

    let long = ada.calls("send_to_peer", json!({ "peer": "ada", "text": "x".repeat(2_000) }));
    assert!(
        long.is_error && long.text.starts_with("error (refused): "),
        "a limit of messages is a matter of the rules: {long:?}"
    );
    still_serves(&ada);
}

/// C62: whoever speaks too slowly keeps a place no longer than it takes to speak.
#[test]
fn c62_slow_callers_are_not_waited_for() {
    let world = world("", &[("ada", &[])]);
    let ada = Agent::woken(&world, "ada");
    let mut slow_head = connect(ada.port);
    slow_head.write_all(b"POST /mcp HTTP/1.1\r\nhost: ").unwrap();
    let bearer = format!("Bearer {}", ada.secret);
    let whole = request("POST", ada.port, &[&[("authorization", &*bearer)], &JSON[..]].concat(), PING);
    let mut slow_body = connect(ada.port);
    slow_body.write_all(&whole[..whole.len() - 5]).unwrap();
    let began = Instant::now();
    still_serves(&ada);
    assert!(began.elapsed() < Duration::from_secs(4), "others are served meanwhile");
    is_refused(&heard(&mut slow_head), 408, "headers did not arrive in time");
    is_refused(&heard(&mut slow_body), 408, "body did not arrive in time");
    told(&world, 408, "headers did not arrive in time");
    assert_eq!(told(&world, 408, "body did not arrive in time").peer, Some(ada.session.peer.clone()));
    still_serves(&ada);
}

/// C62: a crowd at the door is told to come later; who is inside stays, and the control socket is another door.
#[test]
fn c62_a_crowd_of_strangers_does_no_harm_to_calls_under_way() {
    let world = world("", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::woken(&world, "ada");
    let bob = delivered(&world, sent(&world, "bob", "hello"));
    let asking = std::thread::spawn({
        let ada = ada.clone();
        move || ada.calls("send_to_peer", json!({ "peer": "bob", "text": "time?", "wait_for_reply": true }))
    });
    delivered(&world, accepted(&world, "time?"));
    // Silent ones: each keeps its place until it is found slow, or somebody who speaks wants it.
    let mut crowd: Vec<_> = (0..64).map(|_| connect(ada.port)).collect();
    let began = Instant::now();
    for _ in 0..16 {
        still_serves(&ada);
    }
    assert!(began.elapsed() < Duration::from_secs(4), "nobody waits until the silent ones are found slow");
    is_refused(&heard(&mut crowd[0]), 503, "others wanted its place");
    told(&world, 503, "others wanted its place");
    let mut reply = world.command(&["send", "ada", "noon"]);
    reply.env("DORMOUSE_SESSION", world.home.session(&bob).secret());
    assert!(reply.stdout(Stdio::null()).status().unwrap().success());
    assert_eq!(asking.join().unwrap().text, "cat-bob replied:\nnoon");
    drop(crowd);
    until("the door to be free", || exchange(ada.port, &request("POST", ada.port, &JSON, PING)).status == 401);
    still_serves(&ada);
}

/// C62: one session that calls without end takes no other's place.
#[test]
fn c62_one_session_cannot_take_every_place() {
    let mut world = world("", &[("ada", &[]), ("bob", &[])]);
    let (ada, bob) = (Agent::woken(&world, "ada"), Agent::woken(&world, "bob"));
    let bearer = format!("Bearer {}", ada.secret);
    let whole = request("POST", ada.port, &[&[("authorization", &*bearer)], &JSON[..]].concat(), PING);
    let under_way: Vec<_> = (0..16)
        .map(|_| {
            let mut call = connect(ada.port);
            call.write_all(&whole[..whole.len() - 1]).unwrap();
            call
        })
        .collect();
    let mut last = None;
    until("one call too many", || {
        let answer = exchange(ada.port, &whole);
        last = Some(answer).filter(|answer| answer.status == 429);
        last.is_some()
    });
    is_refused(&last.unwrap(), 429, "too many calls under way");
    assert_eq!(told(&world, 429, "too many calls under way").peer, Some(ada.session.peer.clone()));
    is_refused(&exchange(ada.port, &whole), 429, "too many calls under way");
    still_serves(&bob);
    drop(under_way);
    // What was only counted is told with whose it was, too.
    assert!(world.terminate().success());
    let records = world.records();
    let whose: Vec<_> = records.iter().filter(|it| refused(it).is_some_and(|(it, _)| it.status == 429)).collect();
    assert!(whose.len() == 2 && whose.iter().all(|it| it.subject.peer == Some(ada.session.peer.clone())), "{whose:?}");
}

/// C6, C62: refusals are facts, and a flood of them is one.
#[test]
fn c62_a_flood_of_refusals_does_not_fill_the_journal() {
    let world = world("", &[("ada", &[])]);
    let port = port(&world);
    for _ in 0..300 {
        assert_eq!(exchange(port, &request("POST", port, &JSON, PING)).status, 401);
    }
    told(&world, 401, "no secret");
    let ada = Agent::woken(&world, "ada");
    still_serves(&ada);
    let all: Vec<_> = world.records().iter().filter_map(refused).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    let log = world.ok(&["log", "--kind", "call_refused"]);
    assert!(log.contains("a call was refused at the mcp door with status 401"), "{log}");
}

/// C6, C61: what has only been counted so far is written before the daemon says that it ends.
#[test]
fn c61_refusals_that_were_only_counted_are_written_at_a_stop() {
    let mut world = world("", &[("ada", &[])]);
    let port = port(&world);
    for _ in 0..3 {
        assert_eq!(exchange(port, &request("POST", port, &JSON, PING)).status, 401);
    }
    told(&world, 401, "no secret");
    assert!(world.terminate().success());
    let records = world.records();
    let times: Vec<u32> = records.iter().filter_map(refused).map(|(refused, _)| refused.times).collect();
    assert_eq!(times, [1, 2], "the first at once, the others together");
    let last = |kind| records.iter().rposition(|record| record.event.kind().name == kind);
    assert!(last("call_refused") < last("daemon_stopped"), "nothing is written behind the end");
    world.audit_is_clean();
}
