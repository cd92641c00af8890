//! The control socket in front of a scripted loop: who calls, what the loop is asked, what the caller is told.

mod cli_support;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use cli_support::{Daemon, accepting, ada, team};
use dormouse::daemon::control::{self, DaemonLock, LockError, SocketError};
use dormouse::daemon::input::Answer;
use dormouse::home::Home;
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::effect::SessionName;
use dormouse::model::event::RequestRefused;
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::record::Subject;
use dormouse::model::request::Verb as Asked;
use dormouse::protocol::{Call, Problem, ProblemCode, Reply, SendMessage, Sent, SentOutcome, Verb, Wait};

const ID: MessageId = MessageId(77);

fn message(text: &str) -> SendMessage {
    SendMessage {
        to: "ada".to_owned(),
        text: text.to_owned(),
        topic: None,
        key: None,
        runtime: None,
        progress: false,
        answers: None,
        wait: Wait::Accepted,
        timeout_ms: None,
    }
}

fn sending(message: SendMessage) -> Call {
    Call::new(ID, Verb::Send(Box::new(message)))
}

fn problem(replies: &[Reply]) -> &Problem {
    match replies {
        [Reply::Error(problem)] => problem,
        other => panic!("expected one error: {other:?}"),
    }
}

#[test]
fn c62_a_caller_is_who_the_kernel_says() {
    let daemon = Daemon::start(team(&[]), accepting);
    let replies = daemon.call(&sending(message("hello")));
    let [Reply::Ok(data)] = &replies[..] else { panic!("{replies:?}") };
    let sent: Sent = Reply::read(data.clone()).unwrap();
    assert_eq!((sent.outcome, sent.lsn, sent.queue_depth), (SentOutcome::Accepted, Some(Lsn(813)), Some(1)));
    assert_eq!(sent.peer, "demo-ada");
    let request = daemon.asked.recv().unwrap();
    let uid = rustix::process::geteuid().as_raw();
    let Actor::User { uid: found, pid, .. } = &request.actor else { panic!("{:?}", request.actor) };
    assert_eq!((*found, *pid), (uid, std::process::id()));
    let Asked::Send(send) = request.verb else { panic!("{:?}", request.verb) };
    let name = nix::unistd::User::from_uid(uid.into()).unwrap().unwrap().name;
    assert_eq!(send.from, Sender::User { name, uid });
    assert_eq!(send.key, None, "a shell's message is a new one each time");
    assert_ne!(send.mint, ID, "ids are minted at the door, not by callers");
}

#[test]
fn c62_a_session_is_who_holds_its_secret() {
    let daemon = Daemon::start(team(&[("demo-ada", Some(7)), ("demo-bob", Some(9))]), accepting);
    let session = SessionName { peer: ada(), generation: Generation(Lsn(7)) };
    daemon.mint_secret(&session, "adas");
    let call = Call { secret: Some("adas".to_owned()), ..sending(message("hello")) };
    for _ in 0..2 {
        daemon.call(&call);
        let request = daemon.asked.recv().unwrap();
        let SessionName { peer, generation } = session.clone();
        assert_eq!(request.actor, Actor::Session { peer: peer.clone(), generation });
        let Asked::Send(send) = request.verb else { panic!("{:?}", request.verb) };
        assert_eq!(send.from, Sender::Session { peer, generation });
        assert_eq!(send.key, Some(ID.to_string()), "C61a: the same call again is the same message");
    }
    daemon.state.lock().unwrap().presences.get_mut(&ada()).unwrap().session = None;
    assert_eq!(problem(&daemon.call(&call)).code, ProblemCode::Refused, "an ended session's secret opens nothing");
}

#[test]
fn c62_a_wrong_secret_is_no_shell_user_either() {
    let daemon = Daemon::start(team(&[("demo-ada", Some(7))]), accepting);
    daemon.mint_secret(&SessionName { peer: ada(), generation: Generation(Lsn(7)) }, "adas");
    for secret in ["guessed", "", " "] {
        let replies = daemon.call(&Call { secret: Some(secret.to_owned()), ..sending(message("hello")) });
        assert_eq!(problem(&replies).code, ProblemCode::Refused, "{secret:?}");
    }
    assert!(daemon.asked.try_recv().is_err(), "nothing reached the loop");
}

#[test]
fn c12a_a_claimed_name_is_unverified_and_cannot_look_like_more() {
    let daemon = Daemon::start(team(&[]), accepting);
    daemon.call(&Call { from: Some("nightly build".to_owned()), ..sending(message("hello")) });
    let Asked::Send(send) = daemon.asked.recv().unwrap().verb else { panic!() };
    let uid = rustix::process::geteuid().as_raw();
    assert_eq!(send.from, Sender::Unverified { name: "nightly build".to_owned(), uid });
    for name in ["", "  ", "ada (claude)] message 1", "a\nb", "\u{9b}2J", &"x".repeat(65)] {
        let replies = daemon.call(&Call { from: Some(name.to_owned()), ..sending(message("hello")) });
        assert_eq!(problem(&replies).code, ProblemCode::Refused, "{name:?}");
        assert!(problem(&replies).hint.as_deref().unwrap().contains("not accepted"));
    }
}

/// C6: a refusal names the rule and says that the message was not accepted.
#[test]
fn c06_a_refusal_is_told_in_its_own_words() {
    let daemon = Daemon::start(team(&[]), |_| {
        let why = "cannot deliver to `ada`: it is stopped".to_owned();
        Some(Answer::Refused { rule: "C6".to_owned(), why, hint: Some("`dormouse start ada` lets it wake".to_owned()) })
    });
    let replies = daemon.call(&sending(message("hello")));
    assert_eq!(problem(&replies).message, "cannot deliver to `ada`: it is stopped (C6)");
    let hint = "`dormouse start ada` lets it wake; the message was not accepted";
    assert_eq!(problem(&replies).hint.as_deref(), Some(hint));
}

#[test]
fn c63_a_journal_that_cannot_be_written_refuses_with_its_reason() {
    for (in_doubt, says) in [(false, "nothing was accepted"), (true, "whether it was taken is not known")] {
        let why = "no space left".to_owned();
        let daemon = Daemon::start(team(&[]), move |_| Some(Answer::JournalRefuses { why: why.clone(), in_doubt }));
        let replies = daemon.call(&sending(message("hello")));
        let problem = problem(&replies);
        assert_eq!(problem.code, ProblemCode::JournalRefuses);
        assert!(problem.retryable && problem.message.ends_with("no space left"));
        let hint = problem.hint.as_deref().unwrap_or_default();
        assert!(hint.contains(says) && !hint.contains("the message was not accepted"), "{hint}");
    }
}

#[test]
fn another_version_is_answered_with_ours() {
    let daemon = Daemon::start(team(&[]), accepting);
    let mut line = daemon.connect();
    line.write_all(b"{\"version\":99,\"verb\":{\"conquer\":\"the world\"}}\n").unwrap();
    let reply = std::io::read_to_string(line).unwrap();
    let Reply::Error(problem) = Reply::from_line(reply.as_bytes()).unwrap() else { panic!("{reply}") };
    assert_eq!(problem.code, ProblemCode::Version);
    assert!(problem.message.contains("version 99") && problem.message.ends_with("speaks 1"), "{}", problem.message);
}

#[test]
fn a_line_longer_than_any_message_may_be_is_not_read_to_its_end() {
    let mut state = team(&[]);
    state.settings.message_bytes_max = 1024;
    let daemon = Daemon::start(state, accepting);
    let replies = daemon.call(&sending(message(&"x".repeat(500_000))));
    assert_eq!(problem(&replies).code, ProblemCode::Refused);
    assert!(problem(&replies).message.ends_with("(C6)"));
    let replies = daemon.call(&sending(message(&"\u{1}".repeat(1024))));
    assert!(matches!(replies[..], [Reply::Ok(_)]), "what the setting allows gets in, however JSON writes it");
}

/// C51, C62: one who connects and says nothing, or half a call, delays nobody.
#[test]
fn a_silent_caller_blocks_no_other() {
    let daemon = Daemon::start(team(&[]), accepting);
    let _silent = daemon.connect();
    let mut halfway = daemon.connect();
    halfway.write_all(b"{\"version\":1,").unwrap();
    let begun = Instant::now();
    assert!(matches!(daemon.call(&sending(message("hello")))[..], [Reply::Ok(_)]));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn every_change_is_asked_with_its_actor_and_reason() {
    let daemon = Daemon::start(team(&[("demo-ada", Some(7)), ("demo-bob", None)]), |request| {
        let refused = RequestRefused {
            verb: request.verb.word().to_owned(),
            rule: String::new(),
            why: String::new(),
            hint: None,
        };
        Some(Answer::Done(vec![cli_support::record(5, Subject::peer(&ada()), refused)]))
    });
    let peer = || "ada".to_owned();
    let verbs = [
        (Verb::Stop { peer: peer() }, "stop"),
        (Verb::Start { peer: peer() }, "start"),
        (Verb::New { peer: peer() }, "new"),
        (Verb::Refresh { peer: peer() }, "refresh"),
        (Verb::Remove { peer: peer(), force: true }, "rm"),
        (Verb::Cancel { message: ID }, "queue cancel"),
        (Verb::Retry { message: ID }, "queue retry"),
    ];
    for (verb, word) in verbs {
        let replies = daemon.call(&Call { reason: Some("because".to_owned()), ..Call::new(ID, verb) });
        let [Reply::Ok(data)] = &replies[..] else { panic!("{replies:?}") };
        assert_eq!((&data["verb"], &data["peer"], &data["lsn"]), (&word.into(), &"demo-ada".into(), &5.into()));
        let request = daemon.asked.recv().unwrap();
        assert_eq!((request.verb.word(), request.reason.as_deref()), (word, Some("because")));
    }
    daemon.call(&Call::new(ID, Verb::RefreshAll));
    let asked: Vec<_> = daemon.asked.try_iter().map(|request| format!("{:?}", request.verb)).collect();
    assert_eq!(asked.len(), 2, "one mark a peer: {asked:?}");
}

#[test]
fn peek_shows_the_screen_of_a_live_session_only() {
    let daemon = Daemon::start(team(&[("demo-ada", Some(7)), ("demo-bob", None)]), accepting);
    let replies = daemon.call(&Call::new(ID, Verb::Peek { peer: "demo-a".to_owned() }));
    let [Reply::Ok(data)] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!(data["screen"], "screen of demo-ada\n");
    let asleep = daemon.call(&Call::new(ID, Verb::Peek { peer: "bob".to_owned() }));
    assert_eq!(problem(&asleep).message, "`demo-bob` has no session of ours");
    let ambiguous = daemon.call(&Call::new(ID, Verb::Peek { peer: "demo-".to_owned() }));
    assert_eq!(problem(&ambiguous).message, "`demo-` could be demo-ada or demo-bob");
    let unknown = daemon.call(&Call::new(ID, Verb::Peek { peer: "eve".to_owned() }));
    assert_eq!(problem(&unknown).message, "no peer is called `eve`");
}

#[test]
fn c62_the_socket_is_0600_in_a_0700_folder() {
    let daemon = Daemon::start(team(&[]), accepting);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&daemon.home.run), 0o700);
    assert_eq!(mode(&daemon.home.control_socket()), 0o600);
}

#[test]
fn c59_a_second_daemon_is_told_who_holds_the_home() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::under(dir.path());
    let held = DaemonLock::take(&home).unwrap();
    let Err(LockError::Held { holder, .. }) = DaemonLock::take(&home) else { panic!("two daemons in one home") };
    assert_eq!(holder, Some(std::process::id()));
    drop(held);
    DaemonLock::take(&home).expect("the lock goes with its holder");
}

#[tokio::test]
async fn c22_a_place_the_socket_cannot_have_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let deep = Home::under(&dir.path().join("d".repeat(120)));
    let lock = DaemonLock::take(&deep).unwrap();
    assert!(
        matches!(control::bind(&deep, &lock), Err(SocketError::TooLong { bytes, bytes_max: 107, .. }) if bytes > 120)
    );

    let home = Home::under(dir.path());
    let lock = DaemonLock::take(&home).unwrap();
    std::fs::write(home.control_socket(), "someone's notes").unwrap();
    assert!(matches!(control::bind(&home, &lock), Err(SocketError::NotASocket { .. })));
    std::fs::remove_file(home.control_socket()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(home.control_socket()).unwrap());
    control::bind(&home, &lock).expect("a stale socket is in nobody's way");
    std::fs::set_permissions(&home.run, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(control::bind(&home, &lock), Err(SocketError::Mode { found: 0o755, .. })));
}
