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
