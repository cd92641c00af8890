//! The moment that an answer is told from: what `ls`, `queue`, `why` and `whynot` count to is the same (C50a).

mod cli_support;
mod daemon_fixture;

use std::fs;
use std::path::Path;

use cli_support::{err, history, out, program};
use daemon_fixture::World;

const ENDS: &str = "As of 2023-11-15 18:56:15.190, the last record of this journal.\n";

fn asked(journal: &Path, args: &[&str]) -> String {
    let asked = program(args).arg("--journal").arg(journal).env("TZ", "UTC").output().unwrap();
    assert!(asked.status.success(), "{args:?}: {}", err(&asked));
    out(&asked)
}

/// C45: what is left of a limit is left at the moment that was asked about, between two records as well.
#[test]
fn c45_a_moment_between_two_records_is_answered_for_as_such() {
    let (_dir, journal) = history("v3-fleet");
    let at = ["--at", "2023-11-15T03:00:00Z"];
    let ls = asked(&journal, &[&["ls"], &at[..]].concat());
    assert!(ls.lines().any(|line| line.contains("demo-ada") && line.ends_with("reaped in 13 min 20 s (idle)")), "{ls}");
    let whynot = asked(&journal, &[&["whynot", "ada", "reaped"], &at[..]].concat());
    assert!(whynot.contains("it has been idle for 46 min 40 s of 1 h"), "{whynot}");
    assert!(whynot.contains("\nIn 13 min 20 s, at 03:13:20, by itself: "), "{whynot}");
    let earlier = asked(&journal, &["whynot", "ada", "reaped", "--at", "2023-11-14T23:30:00Z"]);
    assert!(earlier.contains("its turn has been running for 1 h 16 min"), "{earlier}");
}

/// C60: what waits has waited up to the moment that was asked about, at which no daemon may have run.
#[test]
fn c60_a_queue_is_told_of_as_it_was_at_a_moment_without_a_daemon() {
    let (_dir, journal) = history("v3-fleet");
    let queue = asked(&journal, &["queue", "k3", "--at", "2023-11-15T15:00:00Z"]);
    assert!(queue.contains("4 h 5 min ago") && queue.contains("no daemon is running, and nothing has been"), "{queue}");
    assert!(queue.contains("\nNo daemon is known to have run at that moment: this is as of record 743, "), "{queue}");
}

/// A copy does not say how long ago it was made: everything in it is told from its last record, and it is said which moment
/// that is.
#[test]
fn a_copy_is_told_as_of_its_last_record() {
    let (_dir, journal) = history("v3-fleet");
    for verb in [&["ls"][..], &["queue"], &["why", "ada"], &["whynot", "ada", "reaped"]] {
        let said = asked(&journal, verb);
        assert!(said.ends_with(&format!("\n{ENDS}")), "{verb:?}: {said}");
        let then = asked(&journal, &[verb, &["--at", "700"]].concat());
        assert!(!then.contains("As of 2023"), "{verb:?} was asked about a moment: {then}");
    }
    let said = asked(&journal, &["whynot", "ada", "reaped", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["told_at"], "2023-11-15T18:56:15.190Z");
}

/// C50a: also where the machine is the same and has not been down since.
#[test]
fn c50a_a_copy_of_this_machines_own_journal_is_told_as_of_its_last_record() {
    let world = World::started("");
    world.add_peer("ada", &["--runtime", "demo"]);
    world.ok(&["send", "ada", "hello", "--wait", "delivered"]);
    let copy = world.path("copy");
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(world.home.journal()).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let copy = copy.to_str().unwrap();
    let last = world.json_lines(&["log", "--journal", copy]).pop().expect("a record")["at"].clone();
    for question in ["reaped", "delivered"] {
        assert_eq!(world.json(&["whynot", "ada", question, "--journal", copy])["told_at"], last, "{question}");
    }
}

/// A moment that has not come is no question about the past.
#[test]
fn what_is_to_come_is_not_answered_as_if_it_had_been() {
    let (_dir, journal) = history("v3-fleet");
    let verbs =
        [&["ls"][..], &["queue"], &["replay"], &["replay", "--step"], &["why", "ada"], &["whynot", "ada", "woken"]];
    for verb in verbs {
        let args = [verb, &["--at", "2999-01-01T00:00:00Z"]].concat();
        let asked = program(&args).arg("--journal").arg(&journal).env("TZ", "UTC").output().unwrap();
        assert_eq!((asked.status.code(), out(&asked)), (Some(2), String::new()), "{verb:?}");
        assert_eq!(
            err(&asked),
            "error: 2999-01-01 00:00:00.000 has not come yet; the newest record was made at 2023-11-15 18:56:15.190\n\
             hint: `dormouse whynot` says what comes by itself, and when\n"
        );
    }
}

/// C50a: what is to come no journal holds, and no capsule either.
#[test]
fn c50a_a_capsule_since_a_moment_that_has_not_come_is_refused() {
    let (dir, journal) = history("v3-fleet");
    let file = dir.path().join("ada.capsule");
    let args = ["capsule", "ada", "--since", "2099-01-01", "-o", file.to_str().unwrap()];
    let refused = program(&args).arg("--journal").arg(&journal).env("TZ", "UTC").output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", err(&refused));
    assert!(err(&refused).contains("2099-01-01 00:00:00.000 has not come yet"), "{}", err(&refused));
    assert!(!file.exists());
}
