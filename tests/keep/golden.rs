//! Journals without their beginning, each with two snapshots of state schema 1, that must be opened for ever. `kept-v2` was
//! written once messages had `named` and `reply_asked`, and settings said where they came from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dormouse::model::event::{RuntimeKind, RuntimeTraits, RuntimesChanged, SessionStarted};
use dormouse::model::id::Lsn;
use dormouse::model::record::Subject;

use crate::journal_disk::SimDisk;
use crate::world::{WAITING, ada, disk_of, files, first_kept, open};

/// The last one is written today.
const GOLDEN: [&str; 2] = ["kept-v1", "kept-v2"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn read(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

/// The golden journal, written anew: old history goes, then ada is woken by a message that waits.
fn written() -> BTreeMap<String, Vec<u8>> {
    let disk = SimDisk::default();
    let mut world = open(&disk).unwrap();
    world.settle(1).unwrap();
    for _ in 0..2 {
        world.notes(7).and_then(|()| world.quiet()).unwrap();
    }
    let demo = RuntimeTraits { name: ada().runtime, kind: RuntimeKind::Tui, can_resume: true, tells_turns: true };
    world.see(Subject::NONE, RuntimesChanged { runtimes: vec![demo] }).and_then(|()| world.send()).unwrap();
    let generation = world.state().presences[&ada()].session.as_ref().unwrap().generation;
    let subject = Subject::session(&ada(), generation);
    let started = SessionStarted { pid: 77, start_ticks: 1, socket: "/s".into(), resume_ref: None, took_ms: 9 };
    world.see(subject, started).and_then(|()| world.notes(3)).and_then(|()| world.quiet()).unwrap();
    world.notes(1).unwrap();
    assert!(world.state().messages.contains_key(&WAITING) && world.state().removed.is_some());
    let mut files = files(&disk);
    let state = serde_json::to_string_pretty(world.state()).unwrap() + "\n";
    files.insert("state.json".to_owned(), state.into_bytes());
    files
}

/// What schema 1 says is understood, and folding goes on from it.
#[test]
fn the_golden_snapshots_are_begun_from() {
    for name in GOLDEN {
        let mut golden = read(&golden(name));
        let expected: serde_json::Value = serde_json::from_slice(&golden.remove("state.json").unwrap()).unwrap();
        assert!(first_kept(&disk_of(&golden)) > Lsn(1));
        let newer = golden.keys().rfind(|name| name.starts_with("snap-")).unwrap().clone();
        for damage in [false, true] {
            if damage {
                golden.insert(newer.clone(), Vec::new());
            }
            let world = open(&disk_of(&golden)).unwrap();
            assert_eq!(world.recovered.unusable.len(), usize::from(damage));
            assert_eq!(serde_json::to_value(world.state()).unwrap(), expected, "{name}");
        }
    }
}

/// The same history gives the same bytes: neither the snapshot's format nor the state's shape has changed under its
/// schema. What is written now is left in the test's own folder, for looking at the difference.
#[test]
fn the_golden_snapshots_are_written_the_same_byte_for_byte() {
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden-kept");
    let _ = fs::remove_dir_all(&ours);
    fs::create_dir_all(&ours).unwrap();
    let written = written();
    for (name, bytes) in &written {
        fs::write(ours.join(name), bytes).unwrap();
    }
    let committed = read(&golden(GOLDEN[1]));
    assert_eq!(written.keys().collect::<Vec<_>>(), committed.keys().collect::<Vec<_>>(), "see {}", ours.display());
    for (name, bytes) in &written {
        let differs = bytes.iter().zip(&committed[name]).position(|(a, b)| a != b);
        assert!(*bytes == committed[name], "{name} differs at byte {differs:?}; written now: {}", ours.display());
    }
}
