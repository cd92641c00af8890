//! Would the simulator have found it? Each deliberate bug of `dormouse::mutant` is switched on, and has to be caught
//! within the worlds that its row of the table names. Built with `--features deliberate-bugs` alone (`make mutants`).

use std::process::{Command, Output};

use dormouse::mutant::{Bug, switch};
use dormouse::sim::{Level, Plan, run};

/// Rows of the table: each bug has a test made from its row, so that with the row the test would go, too.
const BUGS: usize = 36;

/// The promise that is broken in world `seed`, if one is; a debug build also stops at a broken invariant.
fn broken(seed: u64) -> Option<String> {
    run(&Plan::new(seed, Level::Heavy)).broken.map(|broken| format!("{broken:?}"))
}

/// The first world that shows the bug.
fn caught(bug: Bug) -> Option<(u64, String)> {
    switch(Some(bug));
    let found = (0..bug.row().seeds).find_map(|seed| Some((seed, broken(seed)?)));
    switch(None);
    found
}

macro_rules! tests {
    ($($test:ident $name:ident $rule:literal in $seeds:literal, $does:literal;)*) => {
        $(#[test]
        fn $test() {
            let found = caught(Bug::$name);
            let (seed, what) = found.unwrap_or_else(|| panic!("{}: {} worlds do not show it", $does, $seeds));
            println!("seed {seed}: {what}");
        })*
    };
}

mod caught_is {
    use super::{Bug, caught};
    dormouse::each_deliberate_bug!(tests);
}

/// Without a bug the same worlds keep every promise, or the others would prove nothing.
#[test]
fn without_a_bug_nothing_is_caught() {
    let worlds = Bug::ALL.iter().map(|bug| bug.row().seeds).max().unwrap();
    for seed in 0..worlds {
        assert_eq!(broken(seed), None, "seed {seed}");
    }
}

/// What a debug build stops at ends its world alone, however often it is tried: the verb names it as any other.
#[test]
fn a_world_that_panics_is_told_with_its_seed() {
    let args = ["sim", "--seeds", "2", "--deliberate-bug", "queue_out_of_order", "--coverage", "--json"];
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_dormouse")).args(args).env("RUST_BACKTRACE", "0").output().unwrap();
    assert_eq!((status.code(), String::from_utf8_lossy(&stderr).as_ref()), (Some(1), ""));
    let told: serde_json::Value = serde_json::from_slice(&stdout).unwrap();
    let first = &told["broken"][0];
    assert_eq!((&told["worlds"], &first["seed"], &first["oracle"]), (&2.into(), &0.into(), &"it stopped".into()));
    let (what, repeat) = (first["what"].as_str().unwrap(), first["repeat"].as_str().unwrap());
    assert!(what.starts_with("src/supervisor/conclude.rs:") && what.contains("C9"), "{what}");
    assert!(repeat.starts_with("dormouse sim --seed 0 --faults heavy --only none "), "{repeat}");
}

/// A bug that nothing in the product asks for would be caught by nobody.
#[test]
fn every_bug_has_its_one_place() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let text = all_of(&source);
    for bug in Bug::ALL {
        assert_eq!(text.matches(&format!("bug(Bug::{bug:?})")).count(), 1, "{bug:?}");
    }
    assert_eq!(Bug::ALL.len(), BUGS, "a bug came, which is counted here, or one is gone, which is said nowhere else");
}

fn all_of(folder: &std::path::Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = entries.map(|path| match path.is_dir() {
        true => all_of(&path),
        false => std::fs::read_to_string(&path).unwrap_or_default(),
    });
    text.collect()
}
