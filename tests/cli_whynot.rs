//! `whynot` over a recorded fleet: what is said of a moment agrees with what the records say next, and with `ls`.

mod cli_support;

use std::fs;
use std::path::{Path, PathBuf};

use cli_support::{err, out, program};
use serde_json::Value;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v3-fleet")
}

fn said(args: &[&str]) -> String {
    let output = program(args).args(["--journal", golden().to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", err(&output));
    out(&output)
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&said(&[args, &["--json"]].concat())).unwrap()
}

/// A record in the middle of its group: what follows from it in the same instant is decided first.
#[test]
fn a_record_is_answered_for_with_what_follows_from_it_in_the_same_instant() {
    let text = said(&["whynot", "demo-hal", "woken", "--at", "265"]);
    assert!(text.starts_with("demo-hal: it is awake, in session 266, "), "{text}");
    assert!(text.contains("\nAs of record 266: what follows from a record is decided in the same instant."), "{text}");
    let text = said(&["whynot", "demo-bob", "delivered", "--at", "466"]);
    assert!(!text.contains("takes next") && !text.contains("by itself"), "{text}");
    let answer = json(&["whynot", "demo-hal", "woken", "--at", "265"]);
    assert_eq!(answer["as_of"], 266, "{answer}");
    assert_eq!(json(&["whynot", "demo-hal", "woken", "--at", "266"])["as_of"], Value::Null);
}

/// C4: the records know whom the state has forgotten, and who comes later.
#[test]
fn c4_a_forgotten_peer_was_heard_of() {
    let text = said(&["whynot", "demo-bob", "woken"]);
    assert!(text.starts_with("demo-bob: it was forgotten ") && text.contains("by record 662 (C4)"), "{text}");
    let text = said(&["whynot", "demo-k2", "woken", "--at", "20"]);
    assert!(text.starts_with("demo-k2: nothing had been heard of it then; the first is record "), "{text}");
}

/// C45: the forecast counts from the same sign of life as the guard, and so does `ls`.
#[test]
fn c45_every_figure_of_an_answer_is_counted_from_the_same_sign_of_life() {
    let text = said(&["whynot", "demo-ada", "reaped", "--at", "2023-11-15T10:54:30Z"]);
    assert!(text.contains("counted from the transcript"), "{text}");
    assert!(text.contains("idle for 1 h, limit 1 h; last sign of life was the transcript at "), "{text}");
    let rows = json(&["ls", "--at", "2023-11-15T10:54:30Z"]);
    let ada = rows.as_array().unwrap().iter().find(|row| row["peer"] == "demo-ada").unwrap().clone();
    assert_eq!(ada["session"]["source"], "transcript", "{ada}");
    assert_eq!(ada["next"]["brings"], "reaped", "{ada}");
}

/// What `ls` says comes next is what `whynot` says comes by itself, of every peer.
#[test]
fn what_ls_says_comes_next_is_what_whynot_says() {
    for at in ["150", "302", "483", "640", "873"] {
        for row in json(&["ls", "--at", at]).as_array().unwrap() {
            let peer = row["peer"].as_str().unwrap();
            let ask = |question: &str| json(&["whynot", peer, question, "--at", at]);
            let answers = ["reaped", "woken", "delivered"].map(ask);
            if answers.iter().any(|answer| !answer["as_of"].is_null()) {
                continue;
            }
            let comes = answers.iter().filter_map(|answer| answer["by_itself"]["at"].as_str()).min();
            let next = &row["next"];
            if next["brings"] == "quarantine_lifted" {
                assert_eq!(comes, None, "{peer} at {at}: {row}");
            } else {
                assert_eq!(next["at"].as_str(), comes, "{peer} at {at}: {row}");
            }
        }
    }
}

/// C60: where no daemon answers, nothing comes by itself, whether it was stopped or killed.
#[test]
fn c60_without_a_daemon_nothing_is_promised() {
    let home = tempfile::tempdir().unwrap();
    let journal = home.path().join("journal");
    fs::create_dir(&journal).unwrap();
    for file in fs::read_dir(golden()).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), journal.join(file.file_name())).unwrap();
    }
    for (question, says) in [("reaped", "no daemon is running"), ("woken", "it was awake when it was last heard of")] {
        let output = program(&["whynot", "demo-k2", question]).arg("--home").arg(home.path()).output().unwrap();
        let text = out(&output);
        assert!(text.contains(says) && text.contains("(C60)"), "{text}{}", err(&output));
        assert!(!text.contains("by itself"), "{text}");
    }
}
