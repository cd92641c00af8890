//! A reader in another language, written from the document, sees what this one sees.

mod cli_support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cli_support::{err, out, program};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every journal that is kept for ever.
fn golden() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/golden")).unwrap().map(|entry| entry.unwrap().path());
    let holds_segments = |folder: &PathBuf| {
        let mut names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        names.any(|path| path.extension().is_some_and(|extension| extension == "jnl"))
    };
    entries.filter(|path| path.is_dir()).filter(holds_segments).collect()
}

fn second_reader(dir: &Path) -> Output {
    let args = [root().join("tests/reader.py"), root().join("journal-format.md"), dir.to_owned()];
    // Compiled files of its own would be left in the sources.
    let run = Command::new("python3").arg("-B").args(args).output();
    run.expect("python3 is there: `make python` installs it")
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn verified(dir: &Path) -> BTreeSet<String> {
    let found = program(&["journal", "verify", "--json", "--journal", dir.to_str().unwrap()]).output().unwrap();
    let found: Value = serde_json::from_str(&out(&found)).unwrap();
    let place = |it: &Value| {
        let text = |key: &str| it[key].as_str().unwrap().to_owned();
        format!("{} {} {} {}", text("segment"), it["offset"], it["lsn"], text("kind"))
    };
    found["damage"].as_array().unwrap().iter().map(place).collect()
}

#[test]
fn it_tells_every_golden_journal_as_log_does() {
    assert!(!golden().is_empty());
    for dir in golden() {
        let ours = program(&["log", "--json", "--journal", dir.to_str().unwrap()]).output().unwrap();
        let theirs = second_reader(&dir);
        assert_eq!(theirs.status.code(), Some(0), "{}: {}", dir.display(), err(&theirs));
        let (ours, theirs) = (lines(&out(&ours)), lines(&out(&theirs)));
        assert!(!ours.is_empty());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{}", dir.display());
        }
        assert_eq!(ours.len(), theirs.len(), "{}", dir.display());
    }
}

#[test]
fn it_finds_the_damage_that_verify_finds() {
    for golden in golden() {
        let mut segments: Vec<_> = fs::read_dir(&golden).unwrap().map(|entry| entry.unwrap().path()).collect();
        segments.retain(|path| path.extension().is_some_and(|extension| extension == "jnl"));
        segments.sort();
        let dir = tempfile::tempdir().unwrap();
        let put_back = || {
            for segment in &segments {
                fs::copy(segment, dir.path().join(segment.file_name().unwrap())).unwrap();
            }
        };
        let mut compared = 0;
        let mut compare = |what: &str| {
            let (ours, theirs) = (verified(dir.path()), second_reader(dir.path()));
            assert_eq!(theirs.status.code(), Some(5), "{what}: {ours:?}");
            let theirs: BTreeSet<_> = err(&theirs).lines().map(str::to_owned).collect();
            assert_eq!(theirs, ours, "{what}");
            compared += 1;
            put_back();
        };
        put_back();
        for (index, segment) in segments.iter().enumerate() {
            let bytes = fs::read(segment).unwrap();
            let copy = dir.path().join(segment.file_name().unwrap());
            let seal = bytes[..bytes.len() - 4096].iter().rposition(|&byte| byte != 0).unwrap();
            let places = [9, 300, 2060, 4100, 4140, 5000, seal - 100, seal + 9, bytes.len() - 4090, bytes.len() - 7];
            for at in places.into_iter().skip(index % 2).step_by(2) {
                let mut rotten = bytes.clone();
                rotten[at] ^= 4;
                fs::write(&copy, rotten).unwrap();
                compare(&format!("byte {at} of {}", segment.display()));
            }
            for length in [100, 4096, 4200, bytes.len() - 1].into_iter().skip(index % 2).step_by(2) {
                fs::write(&copy, &bytes[..length]).unwrap();
                compare(&format!("{length} bytes of {}", segment.display()));
            }
            if index + 1 < segments.len() {
                fs::remove_file(&copy).unwrap();
                compare(&format!("without {}", segment.display()));
            }
        }
        assert!(compared >= 7 * segments.len());
    }
}
