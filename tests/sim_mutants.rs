//! Would the simulator have found it? Each deliberate bug of `dormouse::mutant` is switched on, and has to be caught
//! within the worlds that its row of the table names. Built with `--features deliberate-bugs` alone (`make mutants`).

use dormouse::mutant::{Bug, switch};
use dormouse::sim::{Level, Plan, run};

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

/// A bug that nothing in the product asks for would be caught by nobody.
#[test]
fn every_bug_has_its_one_place() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let text = all_of(&source);
    for bug in Bug::ALL {
        assert_eq!(text.matches(&format!("bug(Bug::{bug:?})")).count(), 1, "{bug:?}");
    }
    assert!(Bug::ALL.len() >= 26, "{} bugs", Bug::ALL.len());
}

fn all_of(folder: &std::path::Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = entries.map(|path| match path.is_dir() {
        true => all_of(&path),
        false => std::fs::read_to_string(&path).unwrap_or_default(),
    });
    text.collect()
}
