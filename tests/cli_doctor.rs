//! `doctor`: what would keep it from working here, with and without a daemon.

mod cli_support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use cli_support::{Daemon, NOW, ada, err, out, program, record, team};
use dormouse::journal::{DirStorage, Journal, Options};
use dormouse::model::event::{DaemonStarted, PeerRegistered};
use dormouse::model::record::Subject;
use dormouse::model::state::State;
use serde_json::Value;
use tempfile::TempDir;

fn doctor(home: &Path) -> Output {
    program(&["doctor", "--json"]).env("DORMOUSE_HOME", home).output().unwrap()
}

/// The findings, after the exit code has been compared with them.
fn findings(output: &Output) -> Vec<Value> {
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", err(output)));
    let fails = findings.iter().any(|finding| finding["verdict"] == "fail");
    assert_eq!(output.status.code(), Some(i32::from(fails)), "{}", out(output));
    for finding in &findings {
        assert_eq!(
            finding["remedy"].is_null(),
            finding["verdict"] == "ok",
            "a remedy where there is a need: {finding}"
        );
    }
    findings
}

/// The one finding of `check` with this verdict that says `part`.
#[track_caller]
fn has(findings: &[Value], check: &str, verdict: &str, part: &str) {
    let says = |it: &Value| ["says", "remedy"].iter().any(|key| it[*key].as_str().is_some_and(|it| it.contains(part)));
    let found = findings.iter().any(|it| it["check"] == check && it["verdict"] == verdict && says(it));
    assert!(found, "no {check} {verdict} `{part}` in {findings:#?}");
}

/// A journal in which ada is registered, in `folder`.
fn registered(home: &Path, folder: &Path, consents: &[&str]) {
    let mut registration = team(&[("demo-ada", None)]).peers.into_values().next().unwrap().registration;
    registration.folder = folder.to_owned();
    registration.consents = consents.iter().map(|it| (*it).to_owned()).collect();
    let storage = DirStorage::open(&home.join("journal")).unwrap();
    let options = Options { segment_bytes: 64 << 10, ..Options::default() };
    let mut journal = Journal::open(storage, options, NOW.wall_us, || [7; 16], |_| ()).unwrap().0;
    let started = DaemonStarted { version: "0.0.1".to_owned(), pid: std::process::id(), tmux: None };
    let records = vec![
        record(1, Subject::NONE, started),
        record(2, Subject::peer(&ada()), PeerRegistered { registration, reason: None }),
    ];
    let _ = journal.append(&[records], ()).unwrap();
}

fn peer_folder(home: &TempDir, profile: &str) -> PathBuf {
    let folder = home.path().join("ada");
    fs::create_dir_all(folder.join(".dormouse")).unwrap();
    fs::write(folder.join(".dormouse/peer-profile.json"), profile).unwrap();
    folder
}

#[test]
fn a_new_home_is_in_order_and_stays_untouched() {
    let home = tempfile::tempdir().unwrap();
    let found = findings(&doctor(home.path()));
    has(&found, "tmux", "ok", "tmux ");
    has(&found, "run folder", "ok", "not made yet");
    has(&found, "journal", "ok", "none yet");
    has(&found, "daemon", "warn", "`dormouse daemon` runs it");
    has(&found, "settings", "ok", "defaults");
    has(&found, "runtime demo", "ok", "dormouse");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "a look changes nothing");
    let text = program(&["doctor"]).env("DORMOUSE_HOME", home.path()).output().unwrap();
    assert!(out(&text).contains("hint: `dormouse daemon` runs it"), "{}", out(&text));
}

#[test]
fn a_missing_tmux_a_wrong_setting_and_a_wrong_runtime_file_fail_each_with_its_remedy() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.toml"), "idle = \"1h\"\nidel = \"2h\"\n").unwrap();
    fs::create_dir(home.path().join("runtimes")).unwrap();
    fs::write(home.path().join("runtimes/broken.toml"), "argv = [\n").unwrap();
    let whole = "argv = [\"no-such-program\"]\n[proof]\nkeys = true\n[input]\nsubmit = \"\"\n";
    fs::write(home.path().join("runtimes/mine.toml"), whole).unwrap();
    let output = program(&["doctor", "--json"]).env("DORMOUSE_HOME", home.path()).env("PATH", "/nonexistent").output();
    let found = findings(&output.unwrap());
    has(&found, "tmux", "fail", "install tmux 3.2");
    has(&found, "settings", "fail", "config.toml:2");
    has(&found, "runtime broken", "fail", "broken.toml:");
    has(&found, "runtime mine", "warn", "no-such-program");
}

/// C22: sockets that the kernel would cut, and folders that others can enter.
#[test]
fn c22_long_socket_paths_and_open_folders_fail() {
    let home = tempfile::tempdir().unwrap();
    let long = home.path().join("d".repeat(100));
    has(&findings(&doctor(&long)), "sockets", "fail", "of 107 at most");
    fs::create_dir(home.path().join("run")).unwrap();
    fs::set_permissions(home.path().join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    has(&findings(&doctor(home.path())), "run folder", "fail", "chmod 700");
    fs::remove_dir(home.path().join("run")).unwrap();
    fs::write(home.path().join("run"), "").unwrap();
    has(&findings(&doctor(home.path())), "run folder", "fail", "no folder");
}

/// C2, C42: what a profile says and is not honoured; C3: one that cannot be read.
#[test]
fn c2_c3_c42_a_peers_folder_and_profile_are_looked_at_as_they_are_now() {
    let home = tempfile::tempdir().unwrap();
    registered(home.path(), &home.path().join("ada"), &["trust_folder"]);
    has(&findings(&doctor(home.path())), "peer ada", "fail", "dormouse rm ada");
    let ok = r#"{"personality": "ada", "default_runtime": "demo"}"#;
    for (profile, verdict, part) in [
        (ok, "ok", "consents given: trust_folder"),
        (r#"{"personality": "ada", "default_runtime": "demo", "wake_policy": "lazy"}"#, "warn", "counts as absent"),
        (
            r#"{"personality": "ada", "default_runtime": "demo", "wake_policy": "ephemeral", "interfaces": {"telegram": {}}}"#,
            "warn",
            "ephemeral wins",
        ),
        (r#"{"personality": "ada""#, "warn", "stays in force"),
        (r#"{"personality": "eve", "default_runtime": "demo"}"#, "warn", "names `eve`"),
        (r#"{"personality": "ada", "default_runtime": "nowhere"}"#, "fail", "`nowhere` is not known"),
    ] {
        peer_folder(&home, profile);
        has(&findings(&doctor(home.path())), "peer ada", verdict, part);
    }
}

/// C24: a dialog that nobody consented to is said before a wake fails of it.
#[test]
fn c24_a_consent_that_is_missing_is_said() {
    let home = tempfile::tempdir().unwrap();
    let folder = peer_folder(&home, r#"{"personality": "ada", "default_runtime": "mine"}"#);
    registered(home.path(), &folder, &[]);
    fs::create_dir(home.path().join("runtimes")).unwrap();
    let file = "argv = [\"sh\"]\n[proof]\nkeys = true\n[input]\nscreen = '^>'\n\
                [[dialog]]\nname = \"trust\"\nscreen = 'Trust'\nconfirm = \"Enter\"\nconsent = \"trust_folder\"\n";
    fs::write(home.path().join("runtimes/mine.toml"), file).unwrap();
    has(&findings(&doctor(home.path())), "peer ada", "warn", "--consent trust_folder");
}

#[test]
fn a_damaged_journal_fails_and_names_the_place() {
    let home = tempfile::tempdir().unwrap();
    registered(home.path(), home.path(), &[]);
    let segment = home.path().join("journal/00000000000000000001.jnl");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[4096 + 40] ^= 1;
    fs::write(&segment, bytes).unwrap();
    has(&findings(&doctor(home.path())), "journal", "fail", "dormouse audit");
}

/// C59: whoever serves the home is named, with a version that is not this program's.
#[test]
fn c59_the_daemon_that_serves_is_named() {
    let daemon = Daemon::start(State::default(), |_| None);
    let pid = std::process::id();
    has(&findings(&doctor(daemon.dir.path())), "daemon", "ok", &format!("process {pid} serves"));
    registered(daemon.dir.path(), &daemon.dir.path().join("ada"), &[]);
    has(&findings(&doctor(daemon.dir.path())), "daemon", "warn", "as version 0.0.1");
    fs::write(daemon.dir.path().join("config.toml"), "idle = \"7h\"\n").unwrap();
    has(&findings(&doctor(daemon.dir.path())), "settings", "warn", &format!("kill -HUP {pid}"));
}
