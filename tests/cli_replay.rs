//! `replay --at`: the whole state as it was, from the journal alone.

mod cli_support;

use std::path::Path;
use std::process::Output;

use cli_support::{NOW, accepted, ada, err, out, program, record, team};
use dormouse::journal::{DirStorage, Journal, Options};
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::event::{
    BoxOpened, DaemonStarted, DeliveryDecided, PeerRegistered, RefreshMarked, RefreshRequested, SessionStarted,
    SettingsChanged, StopRequested, StopSet, WakeDecided,
};
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::name::Identity;
use dormouse::model::record::{Record, Subject};
use dormouse::model::session::{WakeBranch, WakeMode, WakeReason};
use dormouse::model::settings::Settings;
use serde_json::Value;
use tempfile::TempDir;

const ID: MessageId = MessageId(1);
const GENERATION: Generation = Generation(Lsn(5));

fn bob() -> Identity {
    "demo-bob".parse().unwrap()
}

fn woken() -> WakeDecided {
    WakeDecided {
        mode: WakeMode::Fresh,
        branch: WakeBranch::FirstWake,
        reason: WakeReason::Message,
        message: Some(ID),
        prompt: None,
        attempt: 1,
        possible_duplicate: false,
        booting: 1,
        boots_max: 4,
        park: None,
    }
}

/// Ada is woken by a message that is on its way into her; bob is stopped and marked.
fn records() -> Vec<Record> {
    let team = team(&[("demo-ada", None), ("demo-bob", None)]);
    let mut peers = team.peers.values();
    let mut registered = |lsn, peer: Identity| {
        let registration = peers.next().unwrap().registration.clone();
        record(lsn, Subject::peer(&peer), PeerRegistered { registration, reason: None })
    };
    let settings = Settings { idle_ms: 600_000, ..Settings::default() };
    let in_session = || Subject::session(&ada(), GENERATION);
    let eve = Sender::User { name: "eve".to_owned(), uid: 1000 };
    let started = SessionStarted { pid: 77, start_ticks: 1, socket: "/s".into(), resume_ref: None, took_ms: 9 };
    let decided = DeliveryDecided { attempt: 1, possible_duplicate: false, first_input: true, session_before: None };
    let caused = |lsn, cause, subject, event: dormouse::model::event::Event| Record {
        cause: Some(Lsn(cause)),
        ..record(lsn, subject, event)
    };
    let mut asked = record(10, Subject::peer(&bob()), StopRequested { reason: None });
    asked.actor = Actor::User { uid: 1000, pid: 9, program: "sh".to_owned() };
    vec![
        record(1, Subject::NONE, DaemonStarted { version: "0".to_owned(), pid: 1, tmux: None }),
        record(2, Subject::NONE, SettingsChanged { settings, given: None }),
        registered(3, ada()),
        accepted(4, ID, eve, "hello", None),
        caused(5, 4, in_session().with_message(ID), woken().into()),
        caused(6, 5, in_session(), started.into()),
        caused(7, 5, in_session(), BoxOpened { boot_ms: 40 }.into()),
        caused(8, 7, in_session().with_message(ID), decided.into()),
        registered(9, bob()),
        asked,
        caused(11, 10, Subject::peer(&bob()), StopSet {}.into()),
        record(12, Subject::peer(&bob()), RefreshRequested { reason: None }),
        caused(13, 12, Subject::peer(&bob()), RefreshMarked {}.into()),
    ]
}

fn home() -> TempDir {
    home_of(vec![records()])
}

fn home_of(batches: Vec<Vec<Record>>) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let storage = DirStorage::open(&home.path().join("journal")).unwrap();
    let mut journal = Journal::open(storage, Options::default(), NOW.wall_us, || [7; 16], |_| ()).unwrap().0;
    let _ = journal.append(&batches, ()).unwrap();
    home
}

fn run(home: &Path, args: &[&str]) -> Output {
    let output = program(args).env("DORMOUSE_HOME", home).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", err(&output));
    output
}

fn at(home: &TempDir, lsn: &str) -> Value {
    serde_json::from_slice(&run(home.path(), &["replay", "--at", lsn, "--json"]).stdout).unwrap()
}

fn peer<'a>(moment: &'a Value, name: &str) -> &'a Value {
    let peers = moment["peers"].as_array().unwrap();
    peers.iter().find(|peer| peer["peer"] == name).unwrap_or_else(|| panic!("no {name} in {moment}"))
}

/// C64: what was at a record, with the message on its way and the session it goes to.
#[test]
fn c64_a_moment_shows_sessions_and_messages_as_they_were_then() {
    let home = home();
    let before = at(&home, "4");
    assert_eq!(peer(&before, "demo-ada")["phase"], "asleep");
    assert_eq!((&before["messages"][0]["state"], &before["messages"][0]["position"]), (&"queued".into(), &1.into()));
    assert_eq!(before["peers"].as_array().unwrap().len(), 1, "bob came later");

    let then = at(&home, "8");
    let ada = peer(&then, "demo-ada");
    assert_eq!((&then["lsn"], &then["record"]["kind"]), (&8.into(), &"delivery_decided".into()));
    assert_eq!(
        (&ada["phase"], &ada["session"]["generation"], &ada["session"]["pid"]),
        (&"waking".into(), &5.into(), &77.into())
    );
    assert_eq!((&ada["life"]["phase"], &ada["life"]["mode"]), (&"open".into(), &"fresh".into()));
    assert_eq!(ada["life"]["delivers"], ID.to_string());
    assert_eq!(then["messages"][0]["state"], "delivering");
    assert_eq!(then["daemon"], serde_json::json!({ "pid": 1, "running": true, "started": 1 }));
}

/// C52, C54: marks with the record that made them and who asked; settings that are not at their defaults.
#[test]
fn c52_c54_marks_and_settings_are_those_of_the_moment() {
    let home = home();
    assert_eq!(at(&home, "1")["settings"], serde_json::json!([]));
    let end = at(&home, "13");
    assert_eq!(end["settings"], serde_json::json!([{ "name": "idle", "value": "10m", "default": "1h" }]));
    let marks = &peer(&end, "demo-bob")["marks"];
    assert_eq!((&marks["stopped"]["lsn"], &marks["refresh"]["lsn"]), (&11.into(), &13.into()), "{marks}");
    assert_eq!(at(&home, "10")["peers"][1]["marks"]["stopped"], Value::Null);
    let later = at(&home, "2025-01-01T00:00:00Z");
    assert_eq!((&end["lsn"], &end["peers"]), (&later["lsn"], &later["peers"]), "the end, for every moment behind it");
}

#[test]
fn the_text_tells_the_same_and_begins_with_the_last_record() {
    let home = home();
    let text = out(&run(home.path(), &["replay"]));
    for part in
        ["After record 13", "refresh_marked", "idle 10m (default 1h)", "demo-ada", "delivers", "stopped by", "eve"]
    {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    let nothing = run(home.path(), &["replay", "--at", "1970-01-02T00:00:00Z"]);
    assert!(out(&nothing).starts_with("nothing had happened yet at 1970-01-0"), "{}", out(&nothing));
    assert_eq!(at(&home, "0")["lsn"], 0);
}

#[test]
fn a_copy_is_read_without_its_home() {
    let (home, elsewhere) = (home(), tempfile::tempdir().unwrap());
    let copy = home.path().join("journal");
    let output = run(elsewhere.path(), &["replay", "--journal", copy.to_str().unwrap(), "--at", "3", "--json"]);
    let moment: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(moment["lsn"], 3);
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "reading makes nothing");
}

/// Twelve seconds behind the last record of the first daemon.
const SILENT: &str = "2023-11-14T22:13:32Z";

/// C60: whatever is asked of a moment at which no daemon is known to have run says so, and counts from that moment.
#[test]
fn c60_a_moment_at_which_no_daemon_ran_is_told_as_such() {
    let started = record(14, Subject::NONE, DaemonStarted { version: "0".to_owned(), pid: 2, tmux: None });
    let again = Record { at: NOW.plus_ms(60_000), ..started };
    for home in [home(), home_of(vec![records(), vec![again]])] {
        let said = |args: &[&str]| out(&run(home.path(), &[args, &["--at", SILENT]].concat()));
        let ls = said(&["ls"]);
        assert!(ls.contains("12 s ago") && !ls.contains("0 ms ago"), "{ls}");
        assert!(
            ls.contains("No daemon is known to have run at that moment: this is as of record 13, made at "),
            "{ls}"
        );
        let replay = said(&["replay"]);
        assert!(replay.contains("12 s ago") && !replay.contains("0 ms ago"), "{replay}");
        assert!(replay.contains("Daemon: none; process 1 was the last"), "{replay}");
        assert!(replay.contains("After record 13, made at 2023-11-14"), "{replay}");
        let why = said(&["why", "demo-bob"]);
        assert!(why.contains("12 s before") && why.contains("NOT KNOWN: no daemon runs"), "{why}");
        let whynot = said(&["whynot", "demo-ada", "delivered"]);
        assert!(whynot.contains("no daemon is running"), "{whynot}");
        // A record was made by a daemon that ran, and so were those of its very moment.
        for moment in ["13", "2023-11-14T22:13:20Z"] {
            let said = |args: &[&str]| out(&run(home.path(), &[args, &["--at", moment]].concat()));
            assert!(!said(&["ls"]).contains("No daemon"), "{moment}");
            assert!(said(&["replay"]).contains("Daemon: process 1, since record 1"), "{moment}");
            assert!(!said(&["why", "demo-bob"]).contains("NOT KNOWN"), "{moment}");
            assert!(!said(&["whynot", "demo-ada", "delivered"]).contains("no daemon"), "{moment}");
        }
    }
}

/// C60: a daemon that was killed had no time to say so, and without one nothing comes next.
#[test]
fn c60_ls_promises_nothing_of_a_moment_without_a_daemon() {
    let booting = records()[..6].to_vec();
    let started = record(7, Subject::NONE, DaemonStarted { version: "0".to_owned(), pid: 2, tmux: None });
    let again = Record { at: NOW.plus_ms(60_000), ..started };
    let home = home_of(vec![booting, vec![again]]);
    let next = |at: &str| {
        let rows: Value = serde_json::from_str(&out(&run(home.path(), &["ls", "--json", "--at", at]))).unwrap();
        let ada = rows.as_array().unwrap().iter().find(|row| row["peer"] == "demo-ada").unwrap().clone();
        ada["next"]["deadline"].clone()
    };
    assert_eq!(next("6"), "boot_deadline", "the daemon that made it was alive");
    assert_eq!(next(SILENT), Value::Null);
}

/// An empty answer could mean that there are no peers.
#[test]
fn before_the_first_record_ls_says_that_nothing_had_happened_yet() {
    let home = home();
    let before = ["ls", "--at", "1970-01-02T00:00:00Z"];
    assert!(out(&run(home.path(), &before)).starts_with("nothing had happened yet at 1970-01-0"));
    assert_eq!(out(&run(home.path(), &[&before[..], &["--json"]].concat())), "[]\n");
}
