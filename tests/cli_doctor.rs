//! `doctor`: what would keep it from working here, with and without a daemon.

mod cli_support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use cli_support::{Daemon, err, history, out, program, register};
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
    register(home, folder, consents, &["demo"]);
}

fn registered_on(home: &Path, folder: &Path, runtimes: &[&str]) {
    register(home, folder, &[], runtimes);
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
    registered(home.path(), &home.path().join("ada"), &[]);
    has(&findings(&doctor(home.path())), "peer ada", "fail", "dormouse rm ada");
    let ok = r#"{"personality": "ada", "default_runtime": "demo"}"#;
    for (profile, verdict, part) in [
        (ok, "ok", "ada, demo"),
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

/// Runs on `mine`, whose one dialog asks for `trust_folder`.
fn with_a_dialog(consents: &[&str]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = peer_folder(&home, r#"{"personality": "ada", "default_runtime": "mine"}"#);
    registered(home.path(), &folder, consents);
    fs::create_dir(home.path().join("runtimes")).unwrap();
    let file = "argv = [\"sh\"]\n[proof]\nkeys = true\n[input]\nscreen = '^>'\n\
                [[dialog]]\nname = \"trust\"\nscreen = 'Trust'\nconfirm = \"Enter\"\nconsent = \"trust_folder\"\n";
    fs::write(home.path().join("runtimes/mine.toml"), file).unwrap();
    home
}

/// C24: a dialog that nobody consented to is said before a wake fails of it.
#[test]
fn c24_a_consent_that_is_missing_is_said() {
    let home = with_a_dialog(&[]);
    has(&findings(&doctor(home.path())), "peer ada", "warn", "--consent trust_folder");
    let home = with_a_dialog(&["trust_folder"]);
    has(&findings(&doctor(home.path())), "peer ada", "ok", "consents given: trust_folder");
}

/// C24: a consent that is misspelt is none, and nothing else says so before a wake fails of it.
#[test]
fn c24_a_consent_that_no_dialog_asks_for_is_said() {
    let home = with_a_dialog(&["trust-folder", "hok", "trust_folder"]);
    let found = findings(&doctor(home.path()));
    has(&found, "peer ada", "warn", "that no dialog of mine asks for (C24): trust-folder, hok");
    has(&found, "peer ada", "warn", "it asks for trust_folder;");
    fs::remove_file(home.path().join("runtimes/mine.toml")).unwrap();
    let found = format!("{:?}", findings(&doctor(home.path())));
    assert!(!found.contains("no dialog of"), "of an unknown runtime nobody can tell: {found}");
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

/// Every record can be read, and still no daemon starts on it.
#[test]
fn a_journal_is_called_whole_only_if_every_byte_of_it_is() {
    let home = tempfile::tempdir().unwrap();
    registered(home.path(), home.path(), &[]);
    let segment = home.path().join("journal/00000000000000000001.jnl");
    let whole = fs::read(&segment).unwrap();
    has(&findings(&doctor(home.path())), "journal", "ok", "all whole");
    for at in [3, 20, 40, 60] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&segment, bytes).unwrap();
        has(&findings(&doctor(home.path())), "journal", "fail", "00000000000000000001.jnl");
    }
    fs::write(&segment, [&whole[..], b"more"].concat()).unwrap();
    has(&findings(&doctor(home.path())), "journal", "fail", "never changes its length");
    let (home, journal) = history("v3-fleet");
    let segment = journal.join("00000000000000000001.jnl");
    let mut bytes = fs::read(&segment).unwrap();
    let trailer = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[trailer] ^= 1;
    fs::write(&segment, bytes).unwrap();
    has(&findings(&doctor(home.path())), "journal", "fail", "the trailer is damaged");
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

/// A program that stands in for an agent's, in a folder of its own.
fn fake(home: &Path, name: &str, does: &str) -> PathBuf {
    let bin = home.join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join(name), format!("#!/bin/sh\n{does}\n")).unwrap();
    fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

/// Of a program that peers run: its version, whether somebody has signed in, and what it does with a message.
#[test]
fn a_program_is_asked_for_its_version_and_looked_at_for_a_sign_in() {
    let home = tempfile::tempdir().unwrap();
    let folder =
        peer_folder(&home, r#"{"personality": "ada", "default_runtime": "demo", "runtimes": ["demo", "mine"]}"#);
    registered_on(home.path(), &folder, &["demo", "mine"]);
    fs::create_dir_all(home.path().join("runtimes")).unwrap();
    let file = "seen_on = \"2.1.0\"\nargv = [\"mine\"]\nversion_argv = [\"mine\", \"--version\"]\n\
                notes = [\"it reads what it is told to\"]\n[sign_in]\nfiles = [\"{home}/token\"]\nenv = [\"MINE_KEY\"]\n\
                says = \"run `mine login`\"\n[proof]\nkeys = true\n";
    fs::write(home.path().join("runtimes/mine.toml"), file).unwrap();
    let look = |key: &str| {
        let bin = home.path().join("bin");
        let mut doctor = program(&["doctor", "--json"]);
        doctor.env("DORMOUSE_HOME", home.path()).env("HOME", home.path()).env("MINE_KEY", key);
        findings(&doctor.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).output().unwrap())
    };
    fake(home.path(), "mine", "echo 'mine v2.1.0 (beta)'");
    let found = look("");
    has(&found, "runtime mine", "ok", "version 2.1.0, on which its patterns were recorded");
    has(&found, "runtime mine", "warn", "run `mine login`");
    has(&found, "runtime mine", "ok", "it reads what it is told to");
    has(&look("secret"), "runtime mine", "ok", "signed in by MINE_KEY");
    fs::write(home.path().join("token"), "secret").unwrap();
    fake(home.path(), "mine", "echo 'mine 2.2.0'");
    let found = look("");
    has(&found, "runtime mine", "ok", "token");
    has(&found, "runtime mine", "warn", "recorded on 2.1.0");
    assert!(!format!("{found:?}").contains("secret"), "no secret is shown");
    fake(home.path(), "mine", "exec sleep 60");
    has(&look(""), "runtime mine", "warn", "no answer in 5 s");
}

/// C24: Codex writes its settings itself, so that there are some shows nothing: every wake of a peer on it ends in its
/// sign-in. They count where they name a provider for whom nobody has to sign in, and whose key is there.
#[test]
fn c24_codex_counts_as_signed_in_only_by_a_login_or_a_provider_that_needs_none() {
    let home = tempfile::tempdir().unwrap();
    let folder = peer_folder(&home, r#"{"personality": "ada", "default_runtime": "codex"}"#);
    registered_on(home.path(), &folder, &["codex"]);
    fs::create_dir(home.path().join(".codex")).unwrap();
    let bin = fake(home.path(), "codex", "echo 'codex-cli 0.169.0'");
    let look = |key: &str| {
        let mut doctor = program(&["doctor", "--json"]);
        doctor.env("DORMOUSE_HOME", home.path()).env("HOME", home.path()).env_remove("CODEX_HOME");
        doctor.env("MINE_KEY", key).env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        findings(&doctor.output().unwrap())
    };
    let settings = |text: &str| fs::write(home.path().join(".codex/config.toml"), text).unwrap();
    let provider = "model_provider = \"mine\"\n[model_providers.mine]\nname = \"mine\"\n";

    settings("model = \"x\"\n[projects.\"/srv\"]\ntrust_level = \"trusted\"\n");
    has(&look(""), "runtime codex", "warn", "run `codex login` once");
    settings(&format!("{provider}env_key = \"MINE_KEY\"\n"));
    has(&look(""), "runtime codex", "warn", "start the daemon with MINE_KEY set");
    has(&look("secret"), "runtime codex", "ok", "config.toml to ask mine, with the key in MINE_KEY");
    settings(provider);
    has(&look(""), "runtime codex", "ok", "to ask mine, without a key");
    settings(&format!("{provider}requires_openai_auth = true\nenv_key = \"MINE_KEY\"\n"));
    has(&look("secret"), "runtime codex", "warn", "run `codex login` once");
    fs::write(home.path().join(".codex/auth.json"), "{}").unwrap();
    has(&look(""), "runtime codex", "ok", "auth.json");
}
