//! The real program in front of a scripted loop: texts arrive as they are, outcomes are exit codes.

mod cli_support;

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use cli_support::{Daemon, accepting, ada, err, fed, out, program, team};
use dormouse::daemon::control::spooled;
use dormouse::daemon::input::Answer;
use dormouse::home::Home;
use dormouse::model::effect::SessionName;
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::request::{Send, Verb};
use dormouse::protocol::{Reply, Sent, SentOutcome};
use proptest::prelude::*;
use serde_json::Value;

/// Every message that broke a tool of this kind once (C26).
const NASTY: &[&str] = &[
    "- a list\n- with dashes",
    "-",
    "--",
    "--help",
    "-f",
    "--json",
    "--reason=x",
    "it's \"quoted\" $(touch x) `touch x` ${HOME}; exit; # \\ \\n %s",
    "!ls\n/compact\n@file",
    "\u{1b}[201~\u{3}\u{9b}2J\u{7f}",
    "a\r\nb\rc\n\td\n\n",
    "日本語 🐭 e\u{301} \u{202e}right to left\u{2028}",
    "{\"verb\": \"self_done\"}\n{\"version\": 1}",
    " leading and trailing ",
];

fn sent(daemon: &Daemon) -> Send {
    match daemon.asked.recv_timeout(Duration::from_secs(10)).unwrap().verb {
        Verb::Send(send) => *send,
        other => panic!("{other:?}"),
    }
}

#[test]
fn c26_a_nasty_text_arrives_as_it_is_by_every_way() {
    let daemon = Daemon::start(team(&[]), accepting);
    for text in NASTY {
        let output = daemon.program(&["send", "ada", "--", text]).output().unwrap();
        assert!(output.status.success(), "{text:?}: {}", err(&output));
        assert_eq!(sent(&daemon).text, *text, "as an argument");

        let output = fed(daemon.program(&["send", "ada", "-f", "-"]), text.as_bytes());
        assert!(output.status.success(), "{text:?}: {}", err(&output));
        assert_eq!(sent(&daemon).text, *text, "on standard input");

        let file = daemon.dir.path().join("-text");
        std::fs::write(&file, text).unwrap();
        let output = daemon.program(&["send", "ada", "--file", file.to_str().unwrap()]).output().unwrap();
        assert!(output.status.success(), "{text:?}: {}", err(&output));
        assert_eq!(sent(&daemon).text, *text, "from a file");
    }
}

#[test]
fn a_text_that_only_begins_with_a_dash_needs_no_separator() {
    let daemon = Daemon::start(team(&[]), accepting);
    for text in ["- a list\n- with dashes", "-1", "--- a rule", "-> there"] {
        assert!(daemon.program(&["send", "ada", text, "--topic", "t"]).output().unwrap().status.success(), "{text:?}");
        let send = sent(&daemon);
        assert_eq!((send.text.as_str(), send.topic.as_deref()), (text, Some("t")));
    }
}

#[test]
fn a_message_of_a_mebibyte_of_controls_arrives() {
    let daemon = Daemon::start(team(&[]), accepting);
    let text = "\u{1}\u{1b}\u{0}".repeat((1 << 20) / 3);
    let output = fed(daemon.program(&["send", "ada", "-f", "-"]), text.as_bytes());
    assert!(output.status.success(), "{}", err(&output));
    assert_eq!(sent(&daemon).text.len(), text.len());
}

#[test]
fn flags_reach_the_rules_as_they_were_given() {
    let daemon = Daemon::start(team(&[]), accepting);
    let flags =
        ["--topic", "notes", "--id", "k-1", "--runtime", "demo", "--progress", "--from", "cron", "--reason", "why"];
    assert!(daemon.program(&["send", "ada", "hello"]).args(flags).output().unwrap().status.success());
    let request = daemon.asked.recv().unwrap();
    assert_eq!(request.reason.as_deref(), Some("why"));
    let Verb::Send(send) = request.verb else { panic!() };
    assert_eq!((send.topic.as_deref(), send.key.as_deref(), send.progress), (Some("notes"), Some("k-1"), true));
    assert_eq!(
        (send.runtime.unwrap().as_str(), send.from.to_string().starts_with("cron (unverified, uid ")),
        ("demo", true)
    );
}

#[test]
fn send_prints_the_shape_that_scripts_rely_on() {
    let daemon = Daemon::start(team(&[]), accepting);
    let output = daemon.program(&["send", "ada", "hello", "--json"]).output().unwrap();
    let said: Value = serde_json::from_str(&out(&output)).unwrap();
    let keys: Vec<_> = said.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["message", "peer", "outcome", "queue_depth", "lsn", "proof", "reply"]);
    assert_eq!(said["message"], sent(&daemon).mint.to_string());
    assert_eq!((&said["outcome"], &said["lsn"], &said["proof"]), (&"accepted".into(), &813.into(), &Value::Null));
    let text = out(&daemon.program(&["send", "ada", "hello"]).output().unwrap());
    assert_eq!(text, format!("{} accepted\n", sent(&daemon).mint));
}

#[test]
fn outcomes_are_exit_codes() {
    let refused = |_: &_| {
        let why = "the queue is full".to_owned();
        Some(Answer::Refused { rule: "C6".to_owned(), why, hint: None })
    };
    let daemon = Daemon::start(team(&[]), refused);
    let output = daemon.program(&["send", "ada", "hello"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(err(&output), "error: the queue is full (C6)\nhint: the message was not accepted\n");

    let daemon =
        Daemon::start(team(&[]), |_| Some(Answer::JournalRefuses { why: "no space left".to_owned(), in_doubt: false }));
    assert_eq!(daemon.program(&["stop", "ada"]).output().unwrap().status.code(), Some(3));

    let daemon = Daemon::start(team(&[]), accepting);
    let output = daemon.program(&["send", "ada", "x", "--wait", "replied", "--timeout", "10ms"]).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", err(&output));
    assert!(err(&output).contains("not replied to within 10 ms: message"), "{}", err(&output));
}

#[test]
fn a_daemon_that_ends_under_a_waiting_sender_leaves_its_message_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::under(dir.path());
    std::fs::create_dir(&home.run).unwrap();
    let listener = UnixListener::bind(home.control_socket()).unwrap();
    let mut command = program(&["send", "ada", "x", "--wait", "replied", "--home"]);
    let child = command.arg(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut line, _) = listener.accept().unwrap();
    let early = Sent {
        message: Some(MessageId(1)),
        peer: "demo-ada".to_owned(),
        outcome: SentOutcome::Accepted,
        queue_depth: Some(1),
        lsn: Some(Lsn(813)),
        proof: None,
        reply: None,
    };
    line.write_all(&Reply::Accepted(early).to_line()).unwrap();
    drop(line);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(err(&output).contains("it is accepted\nhint: `dormouse why "), "{}", err(&output));
}

/// C61a: the daemon heard the call and answers too late; the spooled copy is the same call.
#[test]
fn c61a_a_session_waits_200_ms_and_spools_the_same_call() {
    let daemon = Daemon::start(team(&[("demo-ada", Some(7))]), |_| None);
    let session = SessionName { peer: ada(), generation: Generation(Lsn(7)) };
    let secret = daemon.mint_secret(&session, "adas");
    let begun = Instant::now();
    let output = daemon.program(&["send", "bob", "hello", "--json"]).env("DORMOUSE_SESSION", &secret).output().unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
    let said: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!((output.status.code(), &said["outcome"]), (Some(0), &"spooled".into()));
    let heard = sent(&daemon);
    let file = std::fs::read_dir(daemon.home.session(&session).spool()).unwrap().next().unwrap().unwrap().path();
    let Verb::Send(kept) = spooled(&std::fs::read(file).unwrap(), &session).unwrap().verb else { panic!() };
    assert_eq!((&kept.key, &kept.text, &kept.from), (&heard.key, &heard.text, &heard.from));
    assert!(kept.key.is_some());
}

/// C63, C61a: the journal failed under the call, and nobody knows yet whether it holds it. The session leaves the same
/// call behind: taken already, it is known by its id; if not, it is taken then. A refusal before that is just told.
#[test]
fn c63_a_sessions_call_that_is_in_doubt_is_spooled_as_the_same_call() {
    for in_doubt in [true, false] {
        let failing = move |_: &_| Some(Answer::JournalRefuses { why: "Input/output error".to_owned(), in_doubt });
        let daemon = Daemon::start(team(&[("demo-ada", Some(7))]), failing);
        let session = SessionName { peer: ada(), generation: Generation(Lsn(7)) };
        let secret = daemon.mint_secret(&session, "adas");
        let output = daemon.program(&["send", "bob", "hello"]).env("DORMOUSE_SESSION", &secret).output().unwrap();
        let spool = daemon.home.session(&session).spool();
        if !in_doubt {
            assert_eq!((output.status.code(), spool.exists()), (Some(3), false), "{}", err(&output));
            continue;
        }
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(0), "spooled\n"), "{}", err(&output));
        let file = std::fs::read_dir(spool).unwrap().next().unwrap().unwrap().path();
        let Verb::Send(kept) = spooled(&std::fs::read(file).unwrap(), &session).unwrap().verb else { panic!() };
        let heard = sent(&daemon);
        assert_eq!((&kept.key, &kept.text, &kept.from), (&heard.key, &heard.text, &heard.from));
        assert!(kept.key.is_some());
    }
}

/// C63: outside a session nothing can be left behind; whether it was taken is for `queue` and `log` to say.
#[test]
fn c63_a_call_from_outside_that_is_in_doubt_is_told_so() {
    let failing = |_: &_| Some(Answer::JournalRefuses { why: "Input/output error".to_owned(), in_doubt: true });
    let daemon = Daemon::start(team(&[]), failing);
    let output = daemon.program(&["send", "bob", "hello"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(err(&output).contains("whether it was taken is not known"), "{}", err(&output));
}

#[test]
fn a_sessions_call_that_is_answered_is_not_spooled() {
    let daemon = Daemon::start(team(&[("demo-ada", Some(7))]), accepting);
    let session = SessionName { peer: ada(), generation: Generation(Lsn(7)) };
    let secret = daemon.mint_secret(&session, "adas");
    let output = daemon.program(&["send", "bob", "hello"]).env("DORMOUSE_SESSION", &secret).output().unwrap();
    assert!(out(&output).ends_with(" accepted\n"), "{}", err(&output));
    assert!(!daemon.home.session(&session).spool().exists());
}

#[test]
fn a_session_whose_secret_is_gone_speaks_in_no_name() {
    let daemon = Daemon::start(team(&[]), accepting);
    let output = daemon.program(&["send", "bob", "hello"]).env("DORMOUSE_SESSION", "/nowhere/secret").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("error: cannot read the session's secret /nowhere/secret: No such file"));
    assert!(daemon.asked.try_recv().is_err());
}

#[test]
fn two_homes_never_hear_each_other() {
    let daemon = Daemon::start(team(&[]), accepting);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = daemon.program(&["send", "ada", "hello", "--home"]);
    assert_eq!(
        command.arg(elsewhere.path()).output().unwrap().status.code(),
        Some(4),
        "the flag outranks the variable"
    );
    let mut command = program(&["send", "ada", "hello", "--home"]);
    assert!(command.arg(daemon.dir.path()).output().unwrap().status.success());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn c26_any_text_arrives_as_it_is(text in "(?s)[^\0]{1,400}") {
        let daemon = Daemon::start(team(&[]), accepting);
        let output = daemon.program(&["send", "ada", "--", &text]).output().unwrap();
        prop_assert!(output.status.success(), "{}", err(&output));
        prop_assert_eq!(sent(&daemon).text, text);
    }
}
