//! `why` at the terminal: how a subject and a moment are named, and what is said of what cannot be told.

mod cli_support;

use std::path::Path;
use std::process::Output;

use cli_support::{err, out, program};
use serde_json::Value;

fn why(args: &[&str]) -> Output {
    let fleet = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v3-fleet");
    let args = [&["why"], args, &["--journal", fleet.to_str().unwrap()]].concat();
    program(&args).env("TZ", "UTC").output().unwrap()
}

fn json(args: &[&str]) -> Value {
    let said = why(&[args, &["--json"]].concat());
    assert!(said.status.success(), "{args:?}: {}", err(&said));
    serde_json::from_str(&out(&said)).unwrap()
}

fn refused(args: &[&str]) -> (Option<i32>, String) {
    let said = why(args);
    assert_eq!(out(&said), "", "{args:?}");
    (said.status.code(), err(&said))
}

/// A session is named by its peer, as a peer may be named, and the record of its wake.
#[test]
fn a_session_is_named_by_its_peer_and_its_wake() {
    for name in ["demo-ada@16", "ada@16", "ad@16"] {
        let answer = json(&[name]);
        assert_eq!(answer["subject"], "demo-ada@16");
        assert_eq!(
            (&answer["chain"][0]["kind"], &answer["chain"][0]["generation"]),
            (&"session_ended".into(), &16.into())
        );
    }
    for (name, code, says) in [
        ("ada@17", 3, "record 17 is no wake of `ada`, so there is no such session"),
        ("bob@16", 3, "record 16 is no wake of `bob`"),
        ("ada@yesterday", 2, "`yesterday` is no generation"),
        ("nobody@16", 3, "no record is about a peer called `nobody`"),
    ] {
        let (found, said) = refused(&[name]);
        assert_eq!(found, Some(code), "{name}: {said}");
        assert!(said.contains(says), "{name}: {said}");
    }
}

/// What happened in a copy is as long ago as it was when the copy ends: who asks a year later asks about the same night.
#[test]
fn ages_in_a_copy_count_from_its_last_record() {
    let said = out(&why(&["ada"]));
    assert!(said.starts_with("   788  18:56       190 ms ago  demo-ada ready"), "{said}");
    // From years later.
    let late = out(&why(&["ada", "--at", "2026-01-01T00:00:00Z"]));
    assert!(late.starts_with("   873  2023-11-15 777 d before  NOT KNOWN: no daemon runs"), "{late}");
    assert!(late.contains("\n   788  2023-11-15 777 d before  demo-ada ready"), "{late}");
}

/// What held then is told by what was known then, and times count from that moment.
#[test]
fn a_moment_is_explained_by_what_was_known_then() {
    let then = json(&["ada", "--at", "110"]);
    let lsns: Vec<u64> = then["chain"].as_array().unwrap().iter().map(|it| it["lsn"].as_u64().unwrap()).collect();
    assert!(lsns.iter().all(|lsn| *lsn <= 110), "{lsns:?}");
    let at = then["chain"][0]["at"].as_str().unwrap().to_owned();
    let by_clock = json(&["ada", "--at", &at]);
    let is_known = |it: &Value| it["at"].as_str().unwrap() <= at.as_str();
    assert!(by_clock["chain"].as_array().unwrap().iter().all(is_known), "{by_clock}");
    let text = out(&why(&["ada", "--at", "110"]));
    assert!(text.contains(" before  demo-ada ") && !text.contains(" ago  "), "{text}");
    let (code, said) = refused(&["ada", "--at", "1"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("there is no record of demo-ada up to then"), "{said}");
    let (code, said) = refused(&["110", "--at", "5"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("a record is a moment itself"), "{said}");
}

/// The shape that scripts build on.
#[test]
fn each_step_has_its_settings_and_the_answer_its_proof() {
    let answer = json(&["87"]);
    let settings = &answer["chain"][0]["settings"];
    assert_eq!(
        *settings,
        serde_json::json!([{"name": "idle", "value": "1 h", "from": "default", "place": null, "since": 13}]),
        "{settings}"
    );
    assert_eq!(answer["recomputed"], serde_json::json!({"same": [87], "differs": [], "not": []}));
    assert_eq!((&answer["gaps"][0]["kind"], &answer["gaps"][0]["lsn"]), (&"not_known".into(), &78.into()));
    let woken = json(&["154"]);
    assert_eq!(
        woken["chain"][0]["settings"][0],
        serde_json::json!({
            "name": "boots_max", "value": "3", "from": "file", "place": "/home/fleet/config.toml:2", "since": 13
        })
    );
    let text = out(&why(&["87", "--prove"]));
    assert!(text.contains("\nDecided again from the records before it: the same.\n"), "{text}");
}

/// C13: the morning question, of a message that lies there.
#[test]
fn c13_a_message_that_waits_is_told_of_as_queue_tells_of_it() {
    const WAITS: &str = "0000000000000000000000001C";
    let said = out(&why(&[WAITS]));
    let now = "It is queued for demo-k3, at position 1: its last wake failed, and such peers share one boot slot, which \
               another one has (C20); woken in 8.8 s (boot slot). `dormouse whynot demo-k3 delivered` says what would end \
               that.\n";
    assert!(said.starts_with(now), "{said}");
    assert_eq!(json(&[WAITS])["standing"]["position"], 1);
    let then = out(&why(&[WAITS, "--at", "2023-11-15T12:00:00Z"]));
    let down =
        "It was queued for demo-k3, at position 1: no daemon is running, and nothing has been heard for 1 h 4 min";
    assert!(then.starts_with(down), "{then}");
    assert!(!then.contains("whynot"), "what would end it then is over: {then}");
    assert!(json(&["00000000000000000000000001"])["standing"].is_null());
}

/// C13: whatever is listed as waiting can be explained and read under the name that it is listed by, reports too.
#[test]
fn c13_every_message_that_waits_is_known_by_its_name() {
    let fleet = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v3-fleet");
    let ask = |args: &[&str]| program(args).args(["--journal", fleet.to_str().unwrap()]).output().unwrap();
    let listed: Value = serde_json::from_str(&out(&ask(&["queue", "--json"]))).unwrap();
    let rows = listed.as_array().unwrap();
    let mut reports = 0;
    for row in rows {
        let message = row["message"].as_str().unwrap();
        let answer = json(&[message]);
        let of_dead = row["state"] == "dead";
        assert!(of_dead || answer["standing"]["state"] == row["state"], "{row}: {answer}");
        let shown = ask(&["queue", "show", message]);
        assert!(shown.status.success(), "{message}: {}", err(&shown));
        if answer["chain"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["kind"] == "message_accepted" && it["message"] == message)
        {
            continue;
        }
        reports += 1;
        assert!(answer["chain"].as_array().unwrap().iter().any(|it| it["kind"] == "report_made"), "{answer}");
        assert!(out(&shown).contains("\n\nYour message "), "{}", out(&shown));
    }
    assert!(reports > 1, "{listed}");
}
