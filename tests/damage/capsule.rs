//! A capsule of a journal that is damaged in its newest segment, which has no seal.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cli_support::{err, out};
use crate::places::{Journal, segments};
use crate::{records, run};

/// The first and the last record of a capsule, in which nothing stands under another place than its own.
fn held(capsule: &Path) -> (u64, u64) {
    let audit: Value = serde_json::from_str(&out(&run(capsule, "", &["audit", "--json"]))).unwrap();
    let damage = audit["damage"].as_array().unwrap();
    assert!(damage.iter().all(|it| it["kind"] == "not_copied"), "{audit}");
    let records = records(&out(&run(capsule, "", &["log", "--json"])));
    let (first, last) = (*records.keys().next().unwrap(), *records.keys().last().unwrap());
    assert_eq!(records.len() as u64, last - first + 1);
    (first, last)
}

/// I5: it ends before a bad frame, and another one begins behind it, as in any other segment.
#[test]
fn i5_a_capsule_ends_before_a_bad_frame_of_the_newest_segment_and_another_begins_behind_it() {
    let journal = Journal::whole();
    let newest = segments(&journal.path).pop().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    bytes[20_000] ^= 0x10;
    fs::write(&newest, bytes).unwrap();
    let capsule = journal.path.with_extension("capsule");
    let made = |since: &str, json: &[&str]| {
        let made =
            run(&journal.path, "demo-k2", &[&["capsule", "PEER", "--since", since, "-o", "FILE"], json].concat());
        assert_eq!(made.status.code(), Some(5), "{since}: {}", err(&made));
        out(&made)
    };
    let manifest: Value = serde_json::from_str(&made("660", &["--json"])).unwrap();
    let before = made("660", &[]);
    let (first, _) = held(&capsule);
    let ends = manifest["slice"]["last_lsn"].as_u64().unwrap();
    let [unread] = &manifest["unread"].as_array().unwrap()[..] else { panic!("{manifest}") };
    assert_eq!((unread["first_lsn"].as_u64(), first <= 660), (Some(ends + 1), true), "{manifest}");
    let next = unread["next_lsn"].as_u64().unwrap();
    assert!(before.contains(&format!("`--since {next}` makes another one of what comes behind")), "{before}");
    let replayed = run(&capsule, "", &["replay", "--at", &ends.to_string()]);
    assert!(out(&replayed).contains("demo-k2"), "how things stood then can be told of it: {}", err(&replayed));

    for since in [next - 1, next, next + 2] {
        let behind = made(&since.to_string(), &[]);
        assert!(behind.contains("cannot be told") && !behind.contains("makes another one"), "{since}: {behind}");
        let (first, last) = held(&capsule);
        assert!((next..=since.max(next)).contains(&first) && last >= 873, "{since}: {first} to {last}");
    }
    assert_eq!(made("9999", &[]), "", "there is no such record");
}

/// Every verb that reads a capsule.
const VERBS: &[&[&str]] = &[
    &["log"],
    &["why", "demo-ada"],
    &["whynot", "demo-ada", "woken"],
    &["ls"],
    &["queue"],
    &["replay"],
    &["replay", "--verify"],
    &["whatif"],
    &["bisect", "--holds", "phase(demo-ada) == asleep"],
    &["audit"],
    &["journal", "stat"],
    &["journal", "verify"],
    &["journal", "export"],
];

fn capsule() -> (Journal, Vec<u8>) {
    let journal = Journal::whole();
    let made = run(&journal.path, "demo-ada", &["capsule", "PEER", "--since", "330", "-o", "FILE"]);
    assert!(made.status.success(), "{}", err(&made));
    let bytes = fs::read(journal.path.with_extension("capsule")).unwrap();
    (journal, bytes)
}

/// Where the head of the file begins that is called so.
fn head_of(archive: &[u8], name: &str) -> usize {
    let mut heads = (0..archive.len()).step_by(512);
    heads.find(|at| archive[*at..].starts_with(name.as_bytes())).unwrap_or_else(|| panic!("no {name}"))
}

#[track_caller]
fn answers_and_says(journal: &Journal, bytes: &[u8], what: &str, verbs: &[&[&str]]) {
    let file = journal.path.with_extension("damaged.capsule");
    fs::write(&file, bytes).unwrap();
    for verb in verbs {
        let said = run(&file, "", verb);
        let what = format!("{what}, {verb:?}: {}", err(&said));
        assert_eq!(said.status.code(), Some(5), "{what}");
        assert!(!out(&said).is_empty(), "{what}");
        assert!(format!("{}{}", err(&said), out(&said)).contains("damaged.capsule"), "{what}");
        assert!(!format!("{}{}", err(&said), out(&said)).contains("/dormouse-capsule-"), "{what}");
    }
    // The next step is about the same file.
    let hint = format!("`dormouse journal verify --journal {}` says", file.display());
    assert!(err(&run(&file, "", &["log"])).contains(&hint), "{what}");
}

/// A capsule that was cut off on its way, or has a wrong bit anywhere outside of its journal, is read as far as it goes, and who
/// reads it is told.
#[test]
fn a_damaged_capsule_answers_from_what_is_left_of_it() {
    let (journal, whole) = capsule();
    let segments: Vec<usize> = (0..whole.len())
        .step_by(512)
        .filter(|at| whole[*at..].starts_with(b"journal/") && whole[*at + 100..].starts_with(b"0000600"))
        .collect();
    let last = *segments.iter().rfind(|at| whole[**at..].starts_with(b"journal/000")).unwrap();
    for left in [whole.len() - 1, whole.len() - 1024, whole.len() - 4432] {
        answers_and_says(&journal, &whole[..left], &format!("the first {left} of {} bytes", whole.len()), VERBS);
    }
    // What proves its snapshot comes behind all of its records: without that no state is told, and records are.
    let answers = |verb: &&&[&str]| ["log", "why", "audit", "journal"].contains(&verb[0]);
    let verbs: Vec<&[&str]> = VERBS.iter().filter(answers).copied().collect();
    answers_and_says(&journal, &whole[..last + 512 + 20_000], "the first records alone", &verbs);
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for name in ["manifest.json", "earlier.jsonl", "checksums.b3", "runtimes/demo.toml", "journal/000"] {
        let head = head_of(&whole, name);
        answers_and_says(&journal, &flipped(head + 140), &format!("a bit in the head of {name}"), VERBS);
        if name != "journal/000" {
            answers_and_says(&journal, &flipped(head + 512 + 30), &format!("a bit of {name}"), VERBS);
        }
    }
    let file = journal.path.with_extension("damaged.capsule");
    for left in [300, 4_000] {
        fs::write(&file, &whole[..left]).unwrap();
        let said = run(&file, "", &["log"]);
        assert!(out(&said).is_empty() && !said.status.success(), "{left}: {}", err(&said));
        assert!(err(&said).contains("damaged.capsule"), "{left}: {}", err(&said));
    }
}

/// `audit` claims what it has compared: every byte of every file, and a capsule's list of them.
#[test]
fn every_byte_of_a_capsule_is_audited() {
    let (journal, whole) = capsule();
    let file = journal.path.with_extension("damaged.capsule");
    fs::write(&file, &whole).unwrap();
    let said = run(&file, "", &["audit"]);
    assert!(said.status.success(), "{}", err(&said));
    assert!(out(&said).contains("\nevery byte and every promise of what is kept holds\n"), "{}", out(&said));
    let manifest = head_of(&whole, "manifest.json") + 512;
    let mut bytes = whole.clone();
    let made = manifest + whole[manifest..].windows(6).position(|it| it == b"\"made\"").unwrap();
    bytes[made + 10] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let said = run(&file, "", &["audit"]);
    assert_eq!(said.status.code(), Some(5), "{}", err(&said));
    assert!(out(&said).contains("manifest.json is not as it was packed"), "{}", out(&said));
    // One that has no list was made before there was one.
    let mut bytes = whole[..head_of(&whole, "checksums.b3")].to_vec();
    bytes.extend([0; 1024]);
    fs::write(&file, &bytes).unwrap();
    let said = run(&file, "", &["audit"]);
    assert!(said.status.success(), "{}", err(&said));
    assert!(out(&said).contains("nothing tells whether the other files of this capsule are as they were packed"));
    assert!(!out(&said).contains("every byte and every promise"), "{}", out(&said));
}

/// Whoever is killed while it reads a capsule cannot tidy up: the next reader does, and touches nothing that is being read.
#[test]
fn what_a_killed_reader_has_unpacked_is_removed_by_the_next_one() {
    let (journal, _) = capsule();
    let file = journal.path.with_extension("capsule");
    let temp = tempfile::tempdir().unwrap();
    let folder = |name: &str, is_old: bool| {
        let path = temp.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("00000000000000000001.jnl"), "x").unwrap();
        let opened = fs::File::open(&path).unwrap();
        if is_old {
            opened.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }
        (path, opened)
    };
    let (left, _) = folder("dormouse-capsule-LEFT", true);
    let (read, held) = folder("dormouse-capsule-READ", true);
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (young, _) = folder("dormouse-capsule-YOUNG", false);
    let (others, _) = folder("dormouse", true);
    let args = ["log", "--journal", file.to_str().unwrap()];
    assert!(crate::cli_support::program(&args).env("TMPDIR", temp.path()).output().unwrap().status.success());
    let is_there = [&left, &read, &young, &others].map(|path| path.exists());
    assert_eq!((is_there, fs::read_dir(temp.path()).unwrap().count()), ([false, true, true, true], 3));
}
