//! `sim`: which worlds it runs, what it refuses, and what it prints.

use std::process::{Command, Output};

/// Exit code, standard output and standard error.
fn sim(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_dormouse")).arg("sim").args(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Nothing is run, and what is said names the mistake.
#[track_caller]
fn misused(args: &[&str], says: &str) {
    let (code, out, err) = sim(args);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}: {err}");
    assert!(err.contains(says), "{args:?}: {err}");
}

/// A world of an hour, for what has nothing to do with what happens in it.
const SHORT: &[&str] = &["--hours", "1", "--sends", "1"];

#[test]
fn no_world_at_all_and_worlds_beyond_the_last_are_refused() {
    misused(&["--seeds", "0"], "expected a number of worlds from 1");
    misused(&["--seeds", "3", "--from", "18446744073709551614"], "from there on there are 2");
    misused(&["--seed", "3", "--hours", "10001"], "expected a number of hours up to 10000");
    misused(&["--seed", "3", "--hours", "18446744073709551615"], "expected a number of hours up to 10000");
}

#[test]
fn the_last_worlds_are_worlds_as_well() {
    for args in [&["--seed", "18446744073709551615"][..], &["--seeds", "1", "--from", "18446744073709551615"]] {
        let (code, out, _) = sim(&[args, SHORT].concat());
        assert!(code == Some(0) && out.starts_with("1 of 1 worlds kept every promise"), "{out}");
    }
    let (_, out, _) = sim(&[&["--seeds", "2", "--from", "18446744073709551614"], SHORT].concat());
    assert!(out.starts_with("2 of 2 worlds kept every promise"), "{out}");
}

/// What would be taken and do nothing.
#[test]
fn a_scenario_takes_nothing_that_is_about_seeds() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/c31_enter_is_pressed_again.toml");
    for option in
        ["--seeds=3", "--from=3", "--faults=heavy", "--hours=3", "--sends=3", "--only=3", "--jobs=3", "--coverage"]
    {
        misused(&["--script", file, option], "cannot be used with");
    }
    misused(&["--seed", "3", "--sends", "0"], "expected how often an hour, from 1");
}

#[test]
fn a_fault_that_is_asked_for_and_does_not_strike_is_said() {
    let (code, _, err) = sim(&["--seed", "3", "--only", "0-2,99997-99999"]);
    assert_eq!(code, Some(0));
    assert_eq!(err, "note: of the faults that may strike these did not: 99997-99999\n");
    let (_, out, err) = sim(&["--seed", "3", "--only", "0,99999", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&told["did_not_strike"], err.as_str()), (&"99999".into(), ""));
    assert_eq!(sim(&["--seed", "3", "--only", "0-2"]).2, "");
}

/// The same seed gives the same run to the byte, and so it prints.
#[test]
fn one_world_prints_the_same_whenever_it_runs() {
    for form in ["--trace", "--json"] {
        let args = [&["--seed", "3", form], SHORT].concat();
        assert_eq!(sim(&args), sim(&args));
    }
}

#[test]
fn hours_are_summed_before_they_are_cut_down() {
    let hours = |args: &[&str]| -> u64 {
        let (_, out, _) = sim(&[args, SHORT, &["--json"]].concat());
        serde_json::from_str::<serde_json::Value>(&out).unwrap()["simulated_hours"].as_u64().unwrap()
    };
    let each: u64 = (0..8).map(|seed: u64| hours(&["--seed", &seed.to_string()])).sum();
    let all = hours(&["--seeds", "8"]);
    assert!(all > each, "{all} and {each}");
}

#[test]
fn a_trace_in_json_is_one_object_a_line_with_faults_in_their_places_and_the_outcome_last() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/c31_enter_is_pressed_again.toml");
    for args in [["--seed", "3"], ["--script", file]] {
        let (code, out, err) = sim(&[&args[..], &["--trace", "--json"]].concat());
        assert_eq!((code, err.as_str()), (Some(0), ""));
        let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (last, lines) = lines.split_last().unwrap();
        let records = lines.iter().filter(|line| line["lsn"].is_u64()).count() as u64;
        assert_eq!(last["records"], records, "{args:?}");
        let faults: Vec<usize> = (0..lines.len()).filter(|at| lines[*at]["fault"].is_u64()).collect();
        assert!(!faults.is_empty() && records as usize + faults.len() == lines.len(), "{args:?}");
        for at in faults {
            let before = lines[..at].iter().filter(|line| line["lsn"].is_u64()).count() as u64;
            assert_eq!((&lines[at]["before"], lines[at]["what"].is_string()), (&(before + 1).into(), true), "{args:?}");
        }
    }
}

/// What is not reached for a reason is not told as if it were missing.
#[test]
fn coverage_says_why_something_is_rare_or_cannot_be() {
    let (_, out, _) = sim(&[&["--seed", "3", "--coverage"], SHORT].concat());
    let (missed, reasons) = out.split_once("\nNot reached, and rare").unwrap();
    assert!(missed.contains("\nnot reached: ") && !missed.contains("not reached: session_died, not known"), "{out}");
    let (rarely, never) = reasons.split_once("\nWhat cannot be, by the reason:\n").unwrap();
    let is_told = |text: &str, what: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").contains(what);
    assert!(is_told(rarely, "whoever watched it cannot tell, and it was ready: session_died (not known)"), "{rarely}");
    assert!(
        is_told(never, "no two of the ten names begin alike: request_refused (several peers); message_"),
        "{never}"
    );
    assert!(is_told(never, "about no peer: daemon_started, daemon_stopped, "), "{never}");
    assert!(is_told(never, "history_removed (all but nobody) "), "{never}");
    assert!(out.lines().all(|line| line.len() <= 120), "{out}");

    let (_, out, _) = sim(&[&["--seed", "3", "--coverage", "--json"], SHORT].concat());
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    let count = |part: &str, key: &str| {
        let rows = told["coverage"][part].as_array().unwrap().iter();
        rows.filter(|row| row[key].is_string()).count()
    };
    for (part, key) in [("cells", "rare"), ("cells", "impossible"), ("branches", "rare"), ("branches", "impossible")] {
        assert!(count(part, key) > 3, "{part} {key}");
    }
}
