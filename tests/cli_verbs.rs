//! Verbs that look: `ls`, `queue`, `config`, `runtime`; and `add`, which reads and writes a folder.

mod cli_support;

use std::path::Path;

use cli_support::{Daemon, accepting, ada, err, out, program, record, team};
use dormouse::daemon::input::Answer;
use dormouse::model::event::{PeerRegistered, RuntimeKind, RuntimeTraits};
use dormouse::model::id::Lsn;
use dormouse::model::profile::{Managed, Registration, WakePolicy};
use dormouse::model::record::Subject;
use dormouse::model::request::{Request, Verb};
use dormouse::model::state::{Peer, State};
use serde_json::{Value, json as value};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Registers whatever is asked.
fn registering(request: &Request) -> Option<Answer> {
    let Verb::Add { registration } = &request.verb else { return None };
    let event = PeerRegistered { registration: (**registration).clone(), reason: None };
    Some(Answer::Done(vec![record(5, Subject::peer(&ada()), event)]))
}

fn knowing(runtimes: &[&str]) -> State {
    let mut state = team(&[]);
    for name in runtimes {
        let name: dormouse::model::name::Runtime = name.parse().unwrap();
        let traits = RuntimeTraits { name: name.clone(), kind: RuntimeKind::Tui, can_resume: true, tells_turns: true };
        state.runtimes.insert(name, traits);
    }
    state
}

#[test]
fn ls_prints_a_row_a_peer_in_the_shape_scripts_rely_on() {
    let daemon = Daemon::start(team(&[("demo-ada", Some(7)), ("demo-bob", None)]), accepting);
    let rows = json(&out(&daemon.program(&["ls", "--json"]).output().unwrap()));
    let peers: Vec<_> = rows.as_array().unwrap().iter().map(|row| (&row["peer"], &row["phase"])).collect();
    assert_eq!(peers, [(&"demo-ada".into(), &"live".into()), (&"demo-bob".into(), &"asleep".into())]);
    assert_eq!(rows[0]["session"]["generation"], 7);
    let text = out(&daemon.program(&["ls"]).output().unwrap());
    assert!(text.trim_start().starts_with("PEER") && text.contains("demo-bob") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_home_without_peers_lists_nothing() {
    let daemon = Daemon::start(team(&[]), accepting);
    assert_eq!(out(&daemon.program(&["ls"]).output().unwrap()), "");
    assert_eq!(json(&out(&daemon.program(&["ls", "--json"]).output().unwrap())), json("[]"));
    assert_eq!(json(&out(&daemon.program(&["queue", "--json"]).output().unwrap())), json("[]"));
    assert_eq!(daemon.program(&["queue", "eve"]).output().unwrap().status.code(), Some(3));
}

#[test]
fn c03a_a_folder_without_a_profile_gets_one() {
    let daemon = Daemon::start(knowing(&["demo"]), registering);
    let folder = daemon.dir.path().join("Ada (old)");
    std::fs::create_dir(&folder).unwrap();
    let mut command = daemon.program(&["add", "--ephemeral", "--prompt=-be brief", "--consent", "a,b", "--json"]);
    let output = command.arg("--arg=-x").arg("--reason=why").current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{}", err(&output));
    let added = json(&out(&output));
    assert_eq!((&added["peer"], &added["lsn"]), (&"demo-ada-old".into(), &5.into()));
    let request = daemon.asked.recv().unwrap();
    assert_eq!(request.reason.as_deref(), Some("why"));
    let Verb::Add { registration } = request.verb else { panic!() };
    assert_eq!(registration.folder, folder.canonicalize().unwrap());
    assert_eq!((registration.consents, registration.args), (vec!["a".into(), "b".into()], vec!["-x".into()]));
    assert_eq!(registration.profile.wake_policy, WakePolicy::Ephemeral);
    let written = std::fs::read_to_string(folder.join(".dormouse/peer-profile.json")).unwrap();
    assert_eq!(json(&written)["personality"], "ada-old");
}

/// C4: what is not named when a folder is added again stays as it was.
#[test]
fn c04_a_folder_that_is_added_again_keeps_what_was_given_before() {
    let mut before = Registration::plain("/", "ada".parse().unwrap(), "demo".parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    before.folder = dir.path().canonicalize().unwrap();
    (before.consents, before.args) = (vec!["a".to_owned()], vec!["-x".to_owned(), "y z".to_owned()]);
    let managed = Managed { by: "cron".to_owned(), socket: "/run/cron".into(), target: "=ada:".to_owned() };
    before.managed = Some(managed.clone());
    let mut state = knowing(&["demo"]);
    let peer = Peer { registration: before, registered: Lsn(1), profile_unreadable: None };
    state.peers.insert("ada".parse().unwrap(), peer);
    let daemon = Daemon::start(state, registering);
    let added = |flags: &[&str]| {
        let output = daemon.program(&["add", "--json"]).arg(dir.path()).args(flags).output().unwrap();
        assert!(output.status.success(), "{}", err(&output));
        let Verb::Add { registration } = daemon.asked.recv().unwrap().verb else { panic!() };
        let added = json(&out(&output));
        assert_eq!((&added["consents"], &added["args"]), (&value!(registration.consents), &value!(registration.args)));
        assert_eq!(registration.managed.as_ref(), Some(&managed));
        (registration.consents.join(" "), registration.args.join(" "))
    };
    let told = |consents: &str, args: &str| (consents.to_owned(), args.to_owned());
    // `registering` changes nothing, so that each of these begins with the same.
    assert_eq!(added(&["--name", "ada"]), told("a", "-x y z"));
    assert_eq!(added(&["--consent", "b,a"]), told("a b", "-x y z"));
    assert_eq!(added(&["--arg=-q"]), told("a", "-q"));
    assert_eq!(added(&["--no-consent", "a", "--no-args"]), told("", ""));
}

#[test]
fn c01_a_profile_that_is_there_is_read_as_it_is() {
    let daemon = Daemon::start(knowing(&["demo", "claude"]), registering);
    let folder = daemon.dir.path().join("ada");
    std::fs::create_dir_all(folder.join(".iapeer")).unwrap();
    let profile = r#"{"personality":"eve","runtime":"claude"}"#;
    std::fs::write(folder.join(".iapeer/peer-profile.json"), profile).unwrap();
    let add = |flags: &[&str]| daemon.program(&["add"]).arg(&folder).args(flags).output().unwrap();
    let output = add(&[]);
    assert!(out(&output).starts_with("claude-eve lives in "), "{}", err(&output));
    for flags in [&["--name", "ada"][..], &["--runtime", "demo"], &["--ephemeral"], &["--prompt", "x"]] {
        let output = add(flags);
        assert_eq!(output.status.code(), Some(3), "{flags:?}");
        assert!(err(&output).contains(flags[0]), "{}", err(&output));
    }
    assert!(!folder.join(".dormouse").exists(), "nothing is written where a profile is");
}

#[test]
fn an_add_that_the_rules_refuse_leaves_the_folder_as_it_was() {
    let daemon = Daemon::start(knowing(&["demo"]), |_| {
        let why = "the name `ada` is held by the peer in /elsewhere".to_owned();
        Some(Answer::Refused { rule: "C4".to_owned(), why, hint: None })
    });
    let folder = daemon.dir.path().join("ada");
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(daemon.program(&["add"]).arg(&folder).output().unwrap().status.code(), Some(3));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn an_add_that_cannot_be_says_why() {
    let daemon = Daemon::start(knowing(&["claude", "demo"]), registering);
    let add = |folder: &Path, flags: &[&str]| {
        let output = daemon.program(&["add"]).arg(folder).args(flags).output().unwrap();
        (output.status.code(), err(&output))
    };
    let folder = daemon.dir.path().join("2024");
    std::fs::create_dir(&folder).unwrap();
    let (code, said) = add(&folder, &[]);
    assert!(code == Some(3) && said.contains("hint: `--runtime` names one of: claude, demo"), "{said}");
    let (code, said) = add(&folder, &["--runtime", "demo"]);
    assert!(code == Some(3) && said.contains("--name"), "a name is refused, never invented: {said}");
    let (code, said) = add(&daemon.dir.path().join("none"), &[]);
    assert!(code == Some(1) && said.contains("No such file"), "{said}");
    std::fs::create_dir(folder.join(".dormouse")).unwrap();
    std::fs::write(folder.join(".dormouse/peer-profile.json"), "{").unwrap();
    let (code, said) = add(&folder, &[]);
    assert!(code == Some(3) && said.contains("peer-profile.json:1:"), "{said}");
}

#[test]
fn c22_a_socket_path_that_is_too_long_is_refused_with_its_length() {
    let daemon = Daemon::start(knowing(&["demo"]), registering);
    let folder = daemon.dir.path().join("ada");
    std::fs::create_dir(&folder).unwrap();
    let socket = format!("/{}", "s".repeat(119));
    let flags = ["--managed-by", "systemd", "--socket", &socket, "--target", "main"];
    let output = daemon.program(&["add"]).arg(&folder).args(flags).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(err(&output).contains("120 bytes, the kernel takes at most 107 (C22)"), "{}", err(&output));
}

#[test]
fn config_says_where_each_value_came_from() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), "idle = \"10m\"\n").unwrap();
    let mut command = program(&["config", "--json"]);
    command.env("DORMOUSE_HOME", home.path()).env("DORMOUSE_BOOTS_MAX", "2").env("DORMOUSE_NO_SUCH", "x");
    let shown = json(&out(&command.output().unwrap()));
    let of = |name: &str| {
        let row = shown.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        (row["value"].as_str().unwrap().to_owned(), row["source"].as_str().unwrap().to_owned())
    };
    assert_eq!(of("idle"), ("10m".to_owned(), format!("{}:1", home.path().join("config.toml").display())));
    assert_eq!(of("boots_max"), ("2".to_owned(), "DORMOUSE_BOOTS_MAX".to_owned()));
    assert_eq!(of("queue_max").1, "default");

    std::fs::write(home.path().join("config.toml"), "\nidel = \"10m\"\n").unwrap();
    let output = program(&["config", "--home"]).arg(home.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("config.toml:2: `idel` is no setting"), "{}", err(&output));
}

#[test]
fn runtimes_are_listed_shown_and_checked() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("runtimes")).unwrap();
    let mine = home.path().join("runtimes/mine.toml");
    let run = |args: &[&str]| program(args).env("DORMOUSE_HOME", home.path()).output().unwrap();
    std::fs::write(&mine, "argv = [\"cat\"]\n[proof]\nkeys = true\n").unwrap();
    let listed = out(&run(&["runtime", "ls"]));
    assert!(listed.contains("demo ") && listed.contains("built in") && listed.contains("mine.toml"), "{listed}");
    assert_eq!(out(&run(&["runtime", "show", "mine"])), std::fs::read_to_string(&mine).unwrap());
    assert!(run(&["runtime", "check", "demo"]).status.success());
    assert_eq!(run(&["runtime", "check", "none"]).status.code(), Some(3));

    let screen = home.path().join("screen");
    std::fs::write(&screen, format!("{0}\n❯ \n{0}\n", "─".repeat(40))).unwrap();
    let output = run(&["runtime", "check", "demo", "--screen", screen.to_str().unwrap()]);
    assert!(out(&output).contains("input.screen"), "{}{}", out(&output), err(&output));

    std::fs::write(&mine, "argv = [\"cat\"]\nargh = 1\n").unwrap();
    let output = run(&["runtime", "ls"]);
    assert!(output.status.code() == Some(1) && err(&output).contains("mine.toml:2"), "{}", err(&output));
    assert!(out(&output).contains("demo ") && out(&output).contains("mine  "), "{}", out(&output));
}

/// One file that is not in order hides no other, and stands for no built-in runtime of its name.
#[test]
fn a_broken_runtime_file_is_named_and_hides_no_other() {
    let home = tempfile::tempdir().unwrap();
    let runtimes = home.path().join("runtimes");
    std::fs::create_dir(&runtimes).unwrap();
    std::fs::write(runtimes.join("mine.toml"), "argv = [\"cat\"]\n[proof]\nkeys = true\n").unwrap();
    std::fs::write(runtimes.join("demo.toml"), "argv = [\"cat\"]\nargh = 1\n").unwrap();
    let run = |args: &[&str]| program(args).env("DORMOUSE_HOME", home.path()).output().unwrap();
    let listed = run(&["runtime", "ls", "--json"]);
    assert_eq!(listed.status.code(), Some(1), "{}", err(&listed));
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let problem = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap()["problem"].clone();
    assert_eq!(problem("mine"), serde_json::Value::Null);
    assert!(problem("demo").as_str().unwrap().contains("demo.toml:2: `argh`"), "{rows:?}");
    assert_eq!(rows.len(), 4, "{rows:?}");

    assert!(run(&["runtime", "check", "mine"]).status.success());
    assert!(run(&["runtime", "show", "claude"]).status.success());
    for verb in ["check", "show"] {
        let output = run(&["runtime", verb, "demo"]);
        assert_eq!(output.status.code(), Some(1), "{}", out(&output));
        assert!(err(&output).contains("demo.toml:2: `argh`"), "{}", err(&output));
    }
}

/// C57: without a terminal nothing is woken only to be looked at by nobody.
#[test]
fn c57_attach_needs_a_terminal() {
    let daemon = Daemon::start(team(&[("demo-ada", Some(7))]), accepting);
    let output = daemon.program(&["attach", "ada"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(err(&output).contains("hint: `dormouse peek PEER`"));
    assert!(daemon.asked.try_recv().is_err());
}

/// cli.md: an error says what is missing, to programs as to people.
#[test]
fn a_misuse_says_as_json_all_that_it_says_as_text() {
    let said = |args: &[&str]| {
        let output = program(args).output().unwrap();
        assert_eq!((output.status.code(), out(&output)), (Some(2), String::new()), "{}", err(&output));
        let said = json(&err(&output))["error"].clone();
        let part = |name: &str| said[name].as_str().unwrap().to_owned();
        (part("message"), part("hint"))
    };
    assert_eq!(said(&["send", "--json"]).0, "the following required arguments were not provided: <PEER>, <TEXT>");
    let (several, _) = said(&["whynot", "--json"]);
    assert_eq!(several, "the following required arguments were not provided: <PEER>, <QUESTION>");
    let (value, hint) = said(&["journal", "export", "--format", "htm", "--json"]);
    assert_eq!(value, "invalid value 'htm' for '--format <FORMAT>' [possible values: jsonl, html, perfetto]");
    assert!(hint.starts_with("a similar value exists: 'html'; `dormouse help`"), "{hint}");
}

/// Whoever has guessed a word is shown those that there are.
#[test]
fn a_kind_or_a_setting_that_is_none_leads_to_those_that_are() {
    let home = tempfile::tempdir().unwrap();
    let said = |args: &[&str]| {
        let output = program(args).env("DORMOUSE_HOME", home.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", err(&output));
        err(&output)
    };
    let kind = said(&["log", "--kind", "wake_decide"]);
    assert!(kind.contains("invalid value 'wake_decide'"), "{kind}");
    assert!(kind.contains("session_died") && kind.contains("similar") && kind.contains("wake_decided"), "{kind}");
    let help = out(&program(&["log", "--help"]).output().unwrap());
    assert!(help.contains("session_died") && help.contains("message_cancelled"), "{help}");
    for args in [&["daemon", "--set", "foo=1"][..], &["whatif", "--set", "foo=1"]] {
        let said = said(args);
        assert!(said.contains("`foo` is no setting") && said.contains("hint: `dormouse config` lists"), "{said}");
    }
}
