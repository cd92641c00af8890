//! The program where no daemon runs: exit codes, the shapes of errors, help, the spool.

mod cli_support;

use cli_support::{err, fed, out, program};
use dormouse::daemon::control::{DaemonLock, spooled};
use dormouse::home::Home;
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::effect::SessionName;
use dormouse::model::id::{Generation, Lsn};
use dormouse::model::request::Verb;
use serde_json::Value;

const VERBS: &[&str] = &[
    "daemon",
    "add",
    "rm",
    "ls",
    "send",
    "queue",
    "start",
    "stop",
    "new",
    "refresh",
    "attach",
    "peek",
    "run",
    "self",
    "runtime",
    "config",
    "completions",
    "man",
];

#[test]
fn a_verb_that_needs_the_daemon_exits_with_4_and_says_how_to_run_it() {
    let home = tempfile::tempdir().unwrap();
    for args in
        [&["stop", "ada"][..], &["send", "ada", "hello"], &["peek", "ada"], &["refresh", "--all"], &["ls"], &["queue"]]
    {
        let output = program(args).arg("--home").arg(home.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{args:?}");
        assert_eq!(out(&output), "", "data only on standard output");
        let said = err(&output);
        assert!(said.starts_with("error: no daemon answers on "), "{said}");
        // A question could not have been accepted.
        let accepted = if ["peek", "ls", "queue"].contains(&args[0]) { "" } else { "; nothing was accepted" };
        assert!(said.contains(&format!("\nhint: `dormouse daemon` runs it{accepted}\n")), "{said}");
    }
}

#[test]
fn with_json_an_error_is_an_object_on_standard_error() {
    let home = tempfile::tempdir().unwrap();
    let output = program(&["--json", "stop", "ada"]).env("DORMOUSE_HOME", home.path()).output().unwrap();
    let said: Value = serde_json::from_str(&err(&output)).unwrap();
    let error = said["error"].as_object().unwrap();
    assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message", "hint", "retryable"]);
    assert_eq!(error["code"], "daemon_not_running");
    assert_eq!(error["retryable"], true);
}

#[test]
fn a_misuse_exits_with_2_in_either_form() {
    for args in [&["stop"][..], &["stopp", "ada"], &["send", "ada"], &["refresh"], &["send", "ada", "x", "--wait", "y"]]
    {
        assert_eq!(program(args).output().unwrap().status.code(), Some(2), "{args:?}");
        let output = program(args).arg("--json").output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said: Value = serde_json::from_str(&err(&output)).unwrap();
        assert_eq!(said["error"]["code"], "usage", "{args:?}");
    }
}

#[test]
fn a_mistyped_flag_is_not_a_message() {
    let output = program(&["send", "ada", "--topik"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err(&output).contains("hint: to send it as a message: `dormouse send PEER -- --topik`"),
        "{}",
        err(&output)
    );
}

#[test]
fn every_verb_has_help_in_plain_text() {
    let output = program(&["--help"]).output().unwrap();
    let listed = out(&output);
    assert!(output.status.success());
    for verb in VERBS {
        assert!(listed.contains(&format!("\n  {verb} ")), "{verb} is not listed:\n{listed}");
        let output = program(&[verb, "--help"]).output().unwrap();
        let help = out(&output);
        assert!(output.status.success() && err(&output).is_empty(), "{verb}");
        assert!(help.contains("Usage: dormouse") && !help.contains('\u{1b}'), "{verb}:\n{help}");
    }
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = program(&["completions", "bash"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""));
}

#[test]
fn completions_and_the_manual_come_from_the_same_definitions() {
    assert!(out(&program(&["completions", "zsh"]).output().unwrap()).starts_with("#compdef dormouse"));
    let page = out(&program(&["man"]).output().unwrap());
    assert!(page.contains(".TH dormouse 1") && page.contains("Accept it once"), "{page}");
}

#[test]
fn c55_an_agents_own_calls_are_refused_outside_sessions() {
    let output = program(&["self", "done"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(err(&output).contains("(C55)"));
}

#[test]
fn a_message_that_is_not_text_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let mut command = program(&["send", "ada", "-f", "-"]);
    command.env("DORMOUSE_HOME", home.path());
    let output = fed(command, b"ab\xff");
    assert_eq!(output.status.code(), Some(3));
    let said = err(&output);
    assert!(said.contains("standard input is not UTF-8: byte 2") && said.contains("not accepted"), "{said}");
}

/// A session's folder, its secret written, in a home where no daemon runs.
fn session(home: &std::path::Path) -> SessionName {
    let name = SessionName { peer: cli_support::ada(), generation: Generation(Lsn(7)) };
    let files = Home::under(home).session(&name);
    std::fs::create_dir_all(files.dir()).unwrap();
    std::fs::write(files.secret(), "5ecret\n").unwrap();
    name
}

#[test]
fn c61a_what_a_session_says_while_no_daemon_runs_is_spooled() {
    let home = tempfile::tempdir().unwrap();
    let name = session(home.path());
    let files = Home::under(home.path()).session(&name);
    let nasty = "-- 'quotes' \"$(id)\" `id`; \u{1b}[201~ é 日本 🐭\r\n\tlast line\n";
    let mut command = program(&["send", "bob", "-f", "-", "--topic", "t"]);
    command.env("DORMOUSE_HOME", home.path()).env("DORMOUSE_SESSION", files.secret());
    let output = fed(command, nasty.as_bytes());
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(0), "spooled\n"), "{}", err(&output));

    let spooled_files: Vec<_> = std::fs::read_dir(files.spool()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = &spooled_files[..] else { panic!("{spooled_files:?}") };
    let line = std::fs::read(file).unwrap();
    assert!(!String::from_utf8_lossy(&line).contains("5ecret"), "the secret stays in its own file");
    let request = spooled(&line, &name).unwrap();
    let (peer, generation) = (name.peer.clone(), name.generation);
    assert_eq!(request.actor, Actor::Session { peer: peer.clone(), generation });
    let Verb::Send(send) = request.verb else { panic!("{:?}", request.verb) };
    assert_eq!((send.text.as_str(), send.topic.as_deref(), send.to.as_str()), (nasty, Some("t"), "bob"));
    assert_eq!(send.from, Sender::Session { peer, generation });
    assert!(send.key.is_some(), "the call's id makes it one message");
}

#[test]
fn c61a_self_done_is_spooled_and_says_so_in_json() {
    let home = tempfile::tempdir().unwrap();
    let name = session(home.path());
    let files = Home::under(home.path()).session(&name);
    let mut command = program(&["self", "done", "--json"]);
    command.env("DORMOUSE_HOME", home.path()).env("DORMOUSE_SESSION", files.secret());
    let output = command.output().unwrap();
    let said: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(said["outcome"], "spooled");
    let file = std::fs::read_dir(files.spool()).unwrap().next().unwrap().unwrap().path();
    assert_eq!(spooled(&std::fs::read(file).unwrap(), &name).unwrap().verb, Verb::SelfDone);
}

#[test]
fn c12a_a_session_speaks_in_its_own_name() {
    let home = tempfile::tempdir().unwrap();
    let files = Home::under(home.path()).session(&session(home.path()));
    let mut command = program(&["send", "bob", "hello", "--from", "eve"]);
    command.env("DORMOUSE_HOME", home.path()).env("DORMOUSE_SESSION", files.secret());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(!files.spool().exists());
}

#[test]
fn c59_a_second_daemon_is_refused_and_told_who_serves() {
    let home = tempfile::tempdir().unwrap();
    let _lock = DaemonLock::take(&Home::under(home.path())).unwrap();
    let output = program(&["daemon", "--home"]).arg(home.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    let said = err(&output);
    assert!(said.contains(&format!("pid {}", std::process::id())) && said.contains("\nhint: "), "{said}");
}
