//! Verbs over a whole history of which only a part is there: they begin where they can, and say what they left out.

mod cli_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use cli_support::{err, history, out, program};
use dormouse::journal::{DirStorage, Journal, Options};
use serde_json::Value;
use tempfile::TempDir;

/// Retention has left records 15 to 30, and snapshots as of 17 and 27; record 22 wakes ada.
fn kept() -> (TempDir, PathBuf) {
    history("kept-v2")
}

fn run(journal: &Path, args: &[&str]) -> Output {
    let home = journal.with_extension("home");
    program(args).args(["--journal", journal.to_str().unwrap()]).env("DORMOUSE_HOME", home).output().unwrap()
}

fn json(journal: &Path, args: &[&str]) -> Value {
    let output = run(journal, &[args, &["--json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {}{}", out(&output), err(&output)))
}

/// `what` names the records that no verb could begin with, and why there are no earlier ones.
#[track_caller]
fn tells_what_was_left_out(what: &str) {
    assert!(what.contains("records 15 to 17 are left out: "), "{what}");
    assert!(what.contains("records before 15 were removed by retain_"), "{what}");
}

/// I2, C64: from the oldest state that is told, not from the newest.
#[test]
fn i2_a_history_without_its_beginning_is_decided_again_from_the_oldest_snapshot_on() {
    let (_dir, journal) = kept();
    let verified = json(&journal, &["replay", "--verify"]);
    assert_eq!((&verified["first_lsn"], &verified["last_lsn"]), (&18.into(), &30.into()));
    assert!(verified["decisions"].as_u64().unwrap() > 0, "{verified}");
    assert_eq!((&verified["left_out"]["first_lsn"], &verified["left_out"]["last_lsn"]), (&15.into(), &17.into()));
    let said = run(&journal, &["replay", "--verify"]);
    assert!(out(&said).starts_with("records 18 to 30: all "), "{}", out(&said));
    tells_what_was_left_out(&out(&said));
    // The whole history has nothing left out.
    assert_eq!(json(&history("v3-fleet").1, &["replay", "--verify"])["left_out"], Value::Null);
}

#[test]
fn c64_bisect_looks_through_all_that_is_kept() {
    let (_dir, journal) = kept();
    let found = json(&journal, &["bisect", "--holds", "phase(demo-ada) == asleep"]);
    assert_eq!((&found["outcome"], &found["record"]["lsn"]), (&"stopped".into(), &22.into()), "{found}");
    let never = run(&journal, &["bisect", "--holds", "phase(demo-ada) == quarantined"]);
    assert_eq!(never.status.code(), Some(1));
    tells_what_was_left_out(&out(&never));
}

#[test]
fn whatif_judges_all_that_is_kept() {
    let (_dir, journal) = kept();
    let report = json(&journal, &["whatif", "--set", "idle=1m"]);
    assert_eq!((&report["first_lsn"], &report["left_out"]["last_lsn"]), (&18.into(), &17.into()), "{report}");
    tells_what_was_left_out(&out(&run(&journal, &["whatif", "--set", "idle=1m"])));
}

#[test]
fn c64_steps_begin_with_the_first_record_whose_state_is_told() {
    let (_dir, journal) = kept();
    let steps = run(&journal, &["replay", "--step"]);
    assert!(out(&steps).starts_with("    18  "), "{}", out(&steps));
    tells_what_was_left_out(&err(&steps));
    // What it changed cannot be told: no other record stands in for it.
    let early = run(&journal, &["replay", "--step", "--at", "16"]);
    assert_eq!((early.status.code(), out(&early)), (Some(3), String::new()), "{}", err(&early));
    tells_what_was_left_out(&err(&early));
}

/// "Never" is a word for whole histories.
#[test]
fn i2_of_a_part_without_decisions_nothing_is_said_about_the_rest() {
    let (_dir, journal) = kept();
    let snapshot = |name: &str| journal.join(format!("snap-000000000000000000{name}"));
    // Nothing is decided behind the newer one.
    fs::remove_file(snapshot("17")).unwrap();
    let said = run(&journal, &["replay", "--verify"]);
    assert!(out(&said).starts_with("records 28 to 30: none of them is a decision\n"), "{}", out(&said));
    assert!(out(&said).contains("records 15 to 27 are left out"), "{}", out(&said));
}

#[test]
fn audit_says_of_a_part_that_it_is_one_and_of_nothing_that_it_is_nothing() {
    let (dir, journal) = kept();
    let said = out(&run(&journal, &["audit"]));
    assert!(said.contains("every byte and every promise of what is kept holds\n"), "{said}");
    assert!(said.contains("\nnot judged: records before 15 were removed by retain_"), "{said}");
    let new = dir.path().join("new");
    drop(Journal::open(DirStorage::open(&new).unwrap(), Options::default(), 1, || [7; 16], |_| ()).unwrap());
    let said = out(&run(&new, &["audit"]));
    assert!(said.contains("\nthere is no record, and so nothing that could be checked\n"), "{said}");
    assert!(!said.contains("promise holds"), "{said}");
}

/// Whoever checks a folder by its exit code names one that is a journal.
#[test]
fn a_folder_that_is_no_journal_is_not_taken_for_an_empty_one() {
    const VERBS: &[&[&str]] = &[
        &["audit"],
        &["log"],
        &["ls"],
        &["replay"],
        &["whatif"],
        &["journal", "verify"],
        &["journal", "stat"],
        &["journal", "head"],
        &["journal", "quarantine"],
        &["journal", "export"],
    ];
    let (home, _journal) = kept();
    let other = home.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes.txt"), "no journal").unwrap();
    for verb in VERBS {
        for folder in [home.path(), &other] {
            let said = run(folder, verb);
            assert_eq!((said.status.code(), out(&said)), (Some(1), String::new()), "{verb:?}: {}", err(&said));
            assert!(err(&said).contains(&format!("there is no journal at {}\n", folder.display())), "{}", err(&said));
        }
        let below = home.path().join("journal");
        assert!(err(&run(home.path(), verb)).contains(&format!("hint: {} is one", below.display())), "{verb:?}");
    }
    // What a daemon has that has just started.
    let new = home.path().join("new");
    drop(Journal::open(DirStorage::open(&new).unwrap(), Options::default(), 1, || [7; 16], |_| ()).unwrap());
    for entry in fs::read_dir(&new).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_name() != "LOCK" {
            fs::remove_file(entry.path()).unwrap();
        }
        let said = run(&new, &["log"]);
        assert_eq!((said.status.code(), out(&said)), (Some(0), String::new()), "{}", err(&said));
    }
}

/// A copy is read, whatever runs here.
#[test]
fn ls_of_a_copy_asks_no_daemon() {
    let (_dir, journal) = history("v3-fleet");
    let rows = json(&journal, &["ls"]);
    assert!(rows.as_array().unwrap().iter().any(|row| row["peer"] == "demo-ada"), "{rows}");
    assert_eq!(rows, json(&journal, &["ls", "--at", "873"]));
}

/// What waited then, and why it did not move, long after.
#[test]
fn queue_of_a_copy_asks_no_daemon() {
    let (_dir, journal) = history("v3-fleet");
    let rows = json(&journal, &["queue", "bob", "--at", "380"]);
    let found: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| (row["state"].as_str().unwrap(), row["position"].as_u64())).collect();
    assert_eq!(found, [("queued", Some(1)), ("queued", Some(2)), ("delivered", None)], "{rows}");
    let said = out(&run(&journal, &["queue", "bob", "--at", "380"]));
    assert!(said.contains("is before it (C9)") && said.contains("  1 min 11 s ago  "), "{said}");
    assert_eq!(json(&journal, &["queue", "bob"]), serde_json::json!([]), "nothing waits for it in the end");
    let all = json(&journal, &["queue"]);
    assert!(all.as_array().unwrap().iter().any(|row| row["peer"] == "demo-gus"), "{all}");
}

#[test]
fn who_asks_for_nobody_is_told_what_there_is() {
    let (_dir, journal) = kept();
    let said = |args: &[&str]| {
        let run = run(&journal, args);
        assert_eq!(out(&run), "", "{args:?}");
        (run.status.code(), err(&run))
    };
    let (code, says) = said(&["why", "03:12"]);
    assert_eq!(code, Some(2), "{says}");
    assert!(says.contains("`03:12` is a moment") && says.contains("`dormouse why PEER --at 03:12`"), "{says}");
    let (code, says) = said(&["why", "adda"]);
    assert_eq!(code, Some(3), "{says}");
    assert!(says.contains("hint: did you mean `ada`? this history tells of demo-ada\n"), "{says}");
    let (code, says) = said(&["why", ""]);
    assert_eq!((code, says.as_str()), (Some(2), "error: an empty text names nobody\n"));
    for verb in
        [&["why", "31"][..], &["why", "demo-ada", "--at", "99999"], &["whynot", "demo-ada", "woken", "--at", "31"]]
    {
        let (code, says) = said(verb);
        assert_eq!(code, Some(3), "{verb:?}: {says}");
        assert!(says.contains("the journal ends with record 30"), "{verb:?}: {says}");
    }
}

/// cli.md: what is given wrongly ends with 2, whoever finds it.
#[test]
fn settings_that_are_none_are_a_misuse() {
    let (_dir, journal) = kept();
    for set in ["idle", "foo=1", "idle=banana"] {
        let run = run(&journal, &["whatif", "--set", set]);
        assert_eq!((run.status.code(), out(&run)), (Some(2), String::new()), "{set}: {}", err(&run));
    }
    let page = run(&journal, &["journal", "export", "--format", "html", "--json"]);
    assert_eq!((page.status.code(), out(&page)), (Some(2), String::new()), "{}", err(&page));
    let set =
        program(&["daemon", "--set", "idle=banana"]).env("DORMOUSE_HOME", journal.with_extension("home")).output();
    assert_eq!(set.unwrap().status.code(), Some(2));
}
