//! The fuzz targets over their seeds, and over every input that was ever found.

#[path = "../behaviour/happening.rs"]
mod happening;
#[path = "../journal_disk/mod.rs"]
mod journal_disk;
#[path = "../behaviour/script.rs"]
#[allow(dead_code, reason = "targets take what they need of it")]
mod script;
mod targets;
#[path = "../behaviour/world.rs"]
#[allow(dead_code, reason = "targets take what they need of it")]
mod world;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use targets::{TARGETS, Target, root};

/// Runs one input; a panic says which.
fn run(target: &Target, input: &[u8], from: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        panic!("target `{}` fails with {from}", target.name);
    }
}

fn found(target: &Target) -> Vec<PathBuf> {
    let folder = root().join("fuzz/found").join(target.name);
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn holds(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = (target.seeds)();
    assert!(seeds.len() >= 3, "a target needs somewhere to begin");
    for (index, seed) in seeds.iter().enumerate() {
        run(target, seed, &format!("seed {index}"));
        // No prefix of an input is more than an input.
        for cut in [seed.len() / 2, seed.len() / 3, seed.len().saturating_sub(1)] {
            run(target, &seed[..cut], &format!("the first {cut} bytes of seed {index}"));
        }
    }
    for file in found(target) {
        run(target, &fs::read(&file).unwrap(), &file.display().to_string());
    }
}

macro_rules! target_tests {
    ($($name:ident)*) => {
        $(#[test] fn $name() { holds(stringify!($name)); })*

        /// A target without a test here, or without a binary in `fuzz/`, would never run.
        #[test]
        fn every_target_has_its_test_and_its_binary() {
            let tested = [$(stringify!($name)),*];
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), tested);
            let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
            for name in tested {
                assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"")), "{name}");
            }
        }
    };
}

target_tests! { frame recovery payload reducer history protocol runtime_file envelope }

/// Every seed that is meant to mean something does: the seeds of the golden journals decode.
#[test]
fn the_seeds_come_from_the_golden_journals() {
    assert!(targets::golden_records().len() >= 12);
    assert!(!targets::golden_journals().is_empty());
}
