//! `journal verify`, `salvage` and `quarantine`, and what a daemon says of a journal it refuses.

mod cli_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use cli_support::{NOW, err, out, program, record};
use dormouse::home::Home;
use dormouse::journal::{DirStorage, Journal, Options};
use dormouse::model::event::DaemonStopped;
use dormouse::model::record::Subject;
use serde_json::Value;
use tempfile::TempDir;

fn writer(dir: &Path) -> Journal<DirStorage> {
    let mut salt = 0;
    let random = move || {
        salt += 1;
        [salt; 16]
    };
    Journal::open(DirStorage::open(dir).unwrap(), Options::default(), NOW.wall_us, random, |_| ()).unwrap().0
}

/// A closed segment of three records, with the middle one's text.
fn home() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let dir = Home::under(home.path()).journal();
    let mut journal = writer(&dir);
    for (lsn, why) in [(1, "first"), (2, "second"), (3, "third")] {
        let _ = journal.append(&[vec![record(lsn, Subject::NONE, DaemonStopped { why: why.to_owned() })]], ()).unwrap();
    }
    journal.close().unwrap();
    (home, dir.join("00000000000000000001.jnl"))
}

fn run(home: &TempDir, args: &[&str]) -> Output {
    program(args).env("DORMOUSE_HOME", home.path()).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&out(output)).unwrap_or_else(|_| panic!("{}{}", out(output), err(output)))
}

fn rot(segment: &Path, text: &[u8]) {
    let mut bytes = fs::read(segment).unwrap();
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    bytes[at] ^= 1;
    fs::write(segment, bytes).unwrap();
}

#[test]
fn verify_says_what_is_damaged_and_salvage_saves_the_rest() {
    let (home, segment) = home();
    rot(&segment, b"second");
    let found = run(&home, &["journal", "verify", "--json"]);
    assert_eq!(found.status.code(), Some(5));
    let damage = &json(&found)["damage"][0];
    assert_eq!((&damage["kind"], &damage["lsn"]), (&"rot".into(), &2.into()), "{damage}");
    assert_eq!(damage["segment"], "00000000000000000001.jnl");

    let daemon = run(&home, &["daemon"]);
    assert_eq!(daemon.status.code(), Some(5), "{}", err(&daemon));
    let said = err(&daemon);
    let named = ["00000000000000000001.jnl", "record 2", "at byte ", "journal verify", "journal salvage"];
    assert!(named.iter().all(|part| said.contains(part)), "{said}");

    let to = home.path().join("saved");
    let args = ["journal", "salvage", "--json", "--to", to.to_str().unwrap()];
    let saved = run(&home, &args);
    assert_eq!(saved.status.code(), Some(5), "{}", err(&saved));
    assert_eq!((&json(&saved)["kept"], &json(&saved)["lost"]), (&2.into(), &1.into()));
    assert_eq!(run(&home, &args).status.code(), Some(3), "never into a folder that holds something");
    let of_copy = ["--journal", to.to_str().unwrap()];
    assert_eq!(run(&home, &[&["journal", "verify"], &of_copy[..]].concat()).status.code(), Some(0));
    let log = out(&run(&home, &[&["log", "--json"], &of_copy[..]].concat()));
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        lines.iter().map(|line| (line["lsn"].as_u64().unwrap(), line["kind"].as_str().unwrap())).collect();
    assert_eq!(told, [(1, "daemon_stopped"), (2, "record_lost"), (3, "daemon_stopped")]);
    assert_eq!(lines[1]["data"]["segment"], "00000000000000000001.jnl");
}

#[test]
fn a_salvage_of_a_whole_journal_loses_nothing_and_exits_with_0() {
    let (home, _) = home();
    let to = home.path().join("saved");
    let saved = run(&home, &["journal", "salvage", "--to", to.to_str().unwrap()]);
    assert_eq!(saved.status.code(), Some(0), "{}", err(&saved));
    assert!(out(&saved).starts_with("3 records kept (1 to 3), 0 lost\n"), "{}", out(&saved));
    let nowhere = home.path().join("nowhere");
    let missing = run(&home, &["journal", "salvage", "--journal", nowhere.to_str().unwrap(), "--to", "x"]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn a_noted_digest_proves_what_came_before_it() {
    let (home, segment) = home();
    let digest = json(&run(&home, &["journal", "head", "--json"]))["digest"].as_str().unwrap().to_owned();
    let since = |digest: &str| run(&home, &["journal", "verify", "--since-digest", digest]);
    let proved = since(&digest[..16]);
    assert_eq!(proved.status.code(), Some(0));
    assert!(out(&proved).ends_with("unchanged up to record 3 (00000000000000000001.jnl)\n"), "{}", out(&proved));
    let told = json(&run(&home, &["journal", "verify", "--json", "--since-digest", &digest]));
    assert_eq!((&told["since"]["verdict"], &told["since"]["last_lsn"]), (&"unchanged".into(), &3.into()));
    let unknown = since(&"0".repeat(64));
    assert_eq!(unknown.status.code(), Some(5), "{}", out(&unknown));
    for malformed in ["", "0123", "no digest at all", &"0".repeat(65)] {
        assert_eq!(since(malformed).status.code(), Some(2), "{malformed}");
    }
    rot(&segment, b"first");
    let changed = since(&digest);
    assert_eq!(changed.status.code(), Some(5));
    assert!(out(&changed).contains("changed since the digest was noted: "), "{}", out(&changed));
}

#[test]
fn quarantine_lists_what_recovery_has_set_aside() {
    let (home, _) = home();
    let nothing = run(&home, &["journal", "quarantine"]);
    assert_eq!((nothing.status.code(), out(&nothing).as_str()), (Some(0), "nothing was ever set aside\n"));
    let dir = Home::under(home.path()).journal();
    let mut journal = writer(&dir);
    let _ = journal.append(&[vec![record(4, Subject::NONE, DaemonStopped { why: "kept".to_owned() })]], ()).unwrap();
    drop(journal);
    // The first sector of a batch that never came whole.
    let segment = dir.join("00000000000000000004.jnl");
    let mut bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap().next_multiple_of(512);
    bytes[end + 512..end + 600].fill(7);
    fs::write(&segment, bytes).unwrap();
    drop(writer(&dir));
    let found = json(&run(&home, &["journal", "quarantine", "--json"]));
    let [row] = &found.as_array().unwrap()[..] else { panic!("{found}") };
    assert_eq!((&row["segment"], &row["note"]), (&"00000000000000000004.jnl".into(), &"matches".into()), "{row}");
    let file = dir.join(row["file"].as_str().unwrap());
    fs::write(&file, vec![1; row["bytes"].as_u64().unwrap() as usize]).unwrap();
    assert_eq!(json(&run(&home, &["journal", "quarantine", "--json"]))[0]["note"], "differs");
}
