//! The verbs that read a journal whose beginning was removed: what is kept is shown, and what is gone is named.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use dormouse::journal::{DamageKind, DirStorage, Journal, Options, ReadError, Reader, verify};
use dormouse::model::actor::Actor;
use dormouse::model::event::Event;
use dormouse::model::id::Lsn;
use dormouse::model::record::{Record, Subject};
use dormouse::model::request::{PeerName, Verb};
use dormouse::supervisor::snapshot::{self, Folded};
use serde_json::Value;
use tempfile::TempDir;

use crate::journal_disk::{SimDisk, salts};
use crate::world::{SEGMENT_BYTES, World, files, open};

/// One history in two folders: with all of its segments, and as it is kept.
struct Histories {
    whole: TempDir,
    kept: TempDir,
    first: Lsn,
    last: Lsn,
    /// As of which record the older snapshot is.
    oldest: Lsn,
}

fn write(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn ada() -> PeerName {
    PeerName("ada".to_owned())
}

/// Ada is stopped, history is taken away over that, and she is started again.
fn histories() -> Histories {
    let disk = SimDisk::default();
    let mut world = open(&disk).unwrap();
    let mut all = BTreeMap::new();
    world.settle(1).and_then(|()| world.request(Verb::Stop { peer: ada() })).unwrap();
    for _ in 0..3 {
        world.notes(7).unwrap();
        // What is about to go is whole by now.
        all.extend(files(&disk));
        world.quiet().unwrap();
    }
    world.notes(2).and_then(|()| world.request(Verb::Start { peer: ada() })).unwrap();
    let state = world.state();
    let (last, oldest) = (state.lsn, state.snapshots[0].through);
    let first = state.removed.as_ref().unwrap().what.first_kept;
    drop(world);
    all.extend(files(&disk));
    all.retain(|name, _| name.ends_with(".jnl"));
    Histories { whole: write(&all), kept: write(&files(&disk)), first, last, oldest }
}

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DORMOUSE_")) {
        command.env_remove(name);
    }
    // No home is needed to read a journal elsewhere; this one has none.
    command.env("DORMOUSE_HOME", dir.join("no-home")).env("TZ", "UTC");
    command.args(args).arg("--journal").arg(dir).output().unwrap()
}

#[track_caller]
fn ok(dir: &Path, args: &[&str]) -> String {
    let output = run(dir, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn log_prints_every_record_that_is_kept() {
    let at = histories();
    let [whole, kept] = [&at.whole, &at.kept].map(|dir| ok(dir.path(), &["log", "--json"]));
    let gone = at.first.0 as usize - 1;
    assert!(gone > 0);
    assert_eq!(kept.lines().collect::<Vec<_>>(), whole.lines().skip(gone).collect::<Vec<_>>());
    assert_eq!(kept.lines().count() as u64, at.last.0 - gone as u64);
}

#[test]
fn a_state_is_told_from_the_oldest_snapshot_on_as_if_nothing_were_gone() {
    let at = histories();
    for lsn in at.oldest.0..=at.last.0 {
        for verb in ["replay", "ls"] {
            let told = [&at.whole, &at.kept].map(|dir| ok(dir.path(), &[verb, "--json", "--at", &lsn.to_string()]));
            assert_eq!(told[0], told[1], "{verb} at {lsn}");
        }
    }
    let told = [&at.whole, &at.kept].map(|dir| ok(dir.path(), &["replay"]));
    assert_eq!(told[0], told[1], "at the end");
}

#[test]
fn a_state_before_the_oldest_snapshot_is_refused_with_what_is_gone() {
    let at = histories();
    let before = at.oldest.0 - 1;
    for verb in ["replay", "ls"] {
        for moment in [before.to_string(), "1970-01-01T02:00:00Z".to_owned()] {
            let output = run(at.kept.path(), &[verb, "--at", &moment]);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(3), "{said}");
            let removed = format!("records before {} were removed by retain_bytes at 1970-01-0", at.first);
            for part in [" cannot be told: ", &removed, &format!("the oldest snapshot is as of record {}", at.oldest)] {
                assert!(said.contains(part), "{part}: {said}");
            }
            assert!(said.contains(&format!("hint: `dormouse log --since {}`", at.first)), "{said}");
        }
    }
}

#[test]
fn why_names_the_end_of_the_kept_history() {
    let at = histories();
    let stopped: Value = serde_json::from_str(&ok(at.whole.path(), &["why", "demo-ada", "--json"])).unwrap();
    let chain = |value: &Value| value["chain"].as_array().unwrap().len();
    let kept: Value = serde_json::from_str(&ok(at.kept.path(), &["why", "demo-ada", "--json"])).unwrap();
    assert!(chain(&kept) < chain(&stopped) && stopped.get("cut_off").is_none(), "{stopped:#}");
    let cut_off = kept["cut_off"]["records"].as_array().unwrap();
    assert!(!cut_off.is_empty() && cut_off.iter().all(|lsn| lsn.as_u64().unwrap() < at.first.0), "{kept:#}");
    assert_eq!(kept["cut_off"]["first_kept"], at.first.0);
    let text = ok(at.kept.path(), &["why", "demo-ada"]);
    let last = text.split("\n").filter(|line| line.contains("removed  here")).count();
    assert_eq!(last, 1, "{text}");
    let gone = run(at.kept.path(), &["why", "2"]);
    let said = String::from_utf8(gone.stderr).unwrap();
    assert_eq!(gone.status.code(), Some(3), "{said}");
    assert!(said.contains("there is no record of 2; records before"), "{said}");
}

#[test]
fn a_beginning_that_was_lost_is_no_beginning_that_was_removed() {
    let at = histories();
    let whole = Reader::open(at.whole.path()).unwrap();
    let first = at.whole.path().join(format!("{:020}.jnl", 1));
    assert_eq!(whole.first_lsn(), Lsn(1));
    // One more than the removal says is gone.
    for name in fs::read_dir(at.kept.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if name.ends_with(format!("{:020}.jnl", at.first.0)) {
            fs::remove_file(name).unwrap();
        }
    }
    fs::remove_file(first).unwrap();
    for verb in [&["log"][..], &["replay"], &["why", "demo-ada"]] {
        let output = run(at.kept.path(), verb);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(5), "{verb:?}: {said}");
        assert!(said.contains("expected 1"), "{verb:?}: {said}");
    }
}

fn violations(dir: &Path) -> Value {
    let output = run(dir, &["audit", "--json"]);
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["violations"].take()
}

#[test]
fn audit_folds_from_the_oldest_snapshot_and_finds_the_newer_one_right() {
    let at = histories();
    assert_eq!(violations(at.kept.path()), Value::Array(Vec::new()));
}

/// A journal in `dir` with a snapshot that its own record proves, of a state that is not what the records add up to.
fn write_lie(dir: &Path) -> Record {
    let disk = SimDisk::default();
    let mut world: World = open(&disk).unwrap();
    world.settle(0).and_then(|()| world.notes(3)).unwrap();
    drop(world);
    for (name, bytes) in files(&disk) {
        fs::write(dir.join(name), bytes).unwrap();
    }
    let mut folded = Folded::default();
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    let storage = DirStorage::open(dir).unwrap();
    let mut journal = Journal::open(storage, options, 9, salts(), &mut folded).unwrap().0;
    folded.state.settings.queue_max = 7;
    let taken = journal.write_snapshot(1, &snapshot::encode(&folded.state).unwrap()).unwrap();
    let (lsn, at) = (journal.next_lsn(), folded.state.now.unwrap());
    let event: Event = taken.into();
    let record = Record { lsn, at, subject: Subject::NONE, cause: None, actor: Actor::Dormouse, event };
    let _ = journal.append(&[vec![record.clone()]], ()).unwrap();
    journal.close().unwrap();
    record
}

#[test]
fn i3_audit_finds_a_snapshot_that_tells_another_state_than_the_records() {
    let dir = tempfile::tempdir().unwrap();
    let proof = write_lie(dir.path());
    let found = violations(dir.path());
    let [violation] = &found.as_array().unwrap()[..] else { panic!("{found:#}") };
    assert_eq!((violation["rule"].as_str(), violation["lsn"].as_u64()), (Some("I3"), Some(proof.lsn.0 - 1)));
    assert!(violation["what"].as_str().unwrap().ends_with("add up to: settings"), "{violation:#}");
}

#[test]
fn audit_finds_a_snapshot_that_is_not_what_its_record_says() {
    let at = histories();
    let name = format!("snap-{:020}", at.oldest.0);
    let path = at.kept.path().join(&name);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() = b' ';
    fs::write(&path, bytes).unwrap();
    let output = run(at.kept.path(), &["audit", "--json"]);
    assert_eq!(output.status.code(), Some(5));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let damage = found["damage"].as_array().unwrap().iter().find(|it| it["segment"] == name.as_str()).unwrap();
    assert!(damage["what"].as_str().unwrap().contains("its record says"), "{damage:#}");
}

#[test]
fn a_moment_behind_the_end_is_refused_and_not_taken_for_the_present() {
    let at = histories();
    for verb in ["replay", "ls"] {
        for dir in [&at.whole, &at.kept] {
            let output = run(dir.path(), &[verb, "--at", &at.last.next().to_string()]);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(3), "{said}");
            assert!(said.contains(&format!("the journal ends with record {}", at.last)), "{said}");
        }
    }
}

/// The names of the segments in `dir`, oldest first, with their first records.
fn segments(dir: &Path) -> Vec<(Lsn, std::path::PathBuf)> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let mut found: Vec<_> = files
        .filter_map(|path| Some((Lsn(path.file_name()?.to_str()?.strip_suffix(".jnl")?.parse().ok()?), path)))
        .collect();
    found.sort();
    found
}

#[test]
fn a_segment_that_retention_takes_under_a_reader_is_named_as_removed() {
    let at = histories();
    let (reader, segments) = (Reader::open(at.whole.path()).unwrap(), segments(at.whole.path()));
    fs::remove_file(&segments[0].1).unwrap();
    let through = Lsn(segments[1].0.0 - 1);
    for error in [reader.records(Lsn(1)).next().unwrap().unwrap_err(), reader.record(Lsn(1)).unwrap_err()] {
        assert!(matches!(error, ReadError::Removed { through: found } if found == through), "{error:?}");
        assert!(!error.is_damage());
    }
    // Retention leaves no gap: a later one that is not there was not removed by it.
    fs::remove_file(&segments[2].1).unwrap();
    let mut behind = reader.records(segments[1].0);
    let error = behind.find_map(Result::err).unwrap();
    assert!(matches!(&error, ReadError::Io { path, .. } if *path == segments[2].1), "{error:?}");
}

#[test]
fn a_journal_that_ends_before_a_snapshot_of_its_own_has_lost_its_end() {
    let at = histories();
    let dir = at.whole.path();
    let snapshots: Vec<_> = fs::read_dir(at.kept.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    let mut snapshots: Vec<_> = snapshots.iter().filter_map(|name| name.to_str()).collect();
    snapshots.retain(|name| name.starts_with("snap-"));
    snapshots.sort_unstable();
    for name in &snapshots {
        fs::copy(at.kept.path().join(name), dir.join(name)).unwrap();
    }
    assert_eq!(verify(dir).unwrap().damage, []);
    let newest = *snapshots.last().unwrap();
    let through: u64 = newest.trim_start_matches("snap-").parse().unwrap();
    let segments = segments(dir);
    let holds = segments.iter().rposition(|(first, _)| first.0 <= through).unwrap();
    for (_, path) in &segments[holds..] {
        fs::remove_file(path).unwrap();
    }
    let damage = verify(dir).unwrap().damage;
    let [missing] = &damage[..] else { panic!("{damage:?}") };
    assert_eq!((missing.kind, missing.lsn), (DamageKind::Missing, segments[holds].0));
    assert!(missing.what.contains(&format!("to {through} are missing: {newest}")), "{missing:?}");
    let audit = run(dir, &["audit", "--json"]);
    let found: Value = serde_json::from_slice(&audit.stdout).unwrap();
    assert_eq!((audit.status.code(), &found["damage"][0]["kind"]), (Some(5), &"missing".into()), "{found}");
    // Another journal's says nothing of this one.
    let foreign = fs::read(dir.join(newest)).unwrap();
    for name in &snapshots {
        let mut bytes = foreign.clone();
        bytes[dormouse::journal::format::snapshot_layout::JOURNAL.start] ^= 1;
        fs::write(dir.join(name), bytes).unwrap();
    }
    assert_eq!(verify(dir).unwrap().damage, []);
}
