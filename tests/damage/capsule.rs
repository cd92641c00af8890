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
