//! Segments that are gone as a whole: missing, or without the header that every other byte of them is read by.

use serde_json::Value;

use crate::cli_support::{err, out};
use crate::places::{Journal, LOST_HEADS, PLACES, segments};
use crate::{records, run};

/// C43: what stood in a segment that cannot be read takes nothing else away: every verb answers from what is before it.
#[test]
fn c43_a_last_segment_without_a_head_takes_nothing_else_away() {
    let verbs: &[&[&str]] = &[
        &["why", "PEER"],
        &["why", "100"],
        &["whynot", "PEER", "reaped"],
        &["whynot", "PEER", "woken"],
        &["replay"],
        &["replay", "--verify"],
        &["whatif", "--set", "idle=10m"],
        &["bisect", "--holds", "phase(PEER) == asleep"],
        &["log"],
        &["ls"],
        &["queue"],
        &["journal", "export"],
        &["capsule", "PEER", "--since", "500", "-o", "FILE"],
    ];
    let whole = Journal::whole();
    for (place, damage) in LOST_HEADS {
        let damaged = whole.copy();
        let says = damage(&damaged.path).unwrap().says;
        for verb in verbs {
            let said = run(&damaged.path, damaged.peer, verb);
            let what = format!("{place}, {verb:?}: {}", err(&said));
            assert!(said.status.code() == Some(5) && !out(&said).is_empty(), "{what}");
            assert!(err(&said).contains(&says[0]) && err(&said).contains("what was said"), "{what}");
        }
        let told = records(&out(&run(&damaged.path, damaged.peer, &["log", "--json"])));
        assert_eq!(told.len(), 653, "{place}");
        for verb in [&["why", "700"][..], &["why", "PEER@700"], &["replay", "--at", "700"]] {
            let said = run(&damaged.path, damaged.peer, verb);
            assert_eq!((said.status.code(), out(&said)), (Some(5), String::new()), "{place}, {verb:?}: {}", err(&said));
            assert!(err(&said).contains("nothing that can be read answers this"), "{place}, {verb:?}: {}", err(&said));
        }
    }
}

/// C43: a record of a segment that is missing was there once: nobody may say that there is none.
#[test]
fn c43_a_record_of_a_missing_segment_is_not_said_never_to_have_been() {
    let damaged = Journal::whole().copy();
    let (_, damage) = PLACES.iter().find(|(place, _)| *place == "a missing segment in the middle").unwrap();
    damage(&damaged.path).unwrap();
    for verb in [&["why", "400"][..], &["why", "demo-ada@400"], &["replay", "--step", "--at", "400"]] {
        let said = run(&damaged.path, damaged.peer, verb);
        assert_eq!((said.status.code(), out(&said)), (Some(5), String::new()), "{verb:?}: {}", err(&said));
        assert!(err(&said).contains("records 328 to 653 are missing"), "{verb:?}: {}", err(&said));
        assert!(!err(&said).contains("there is no record"), "{verb:?}: {}", err(&said));
    }
    // What can be read is no wake, and that is no matter of damage.
    let said = run(&damaged.path, damaged.peer, &["why", "demo-ada@300"]);
    assert_eq!(said.status.code(), Some(3), "{}", err(&said));
    // The same of the records before a beginning that is lost.
    let damaged = Journal::whole().copy();
    let (_, damage) = PLACES.iter().find(|(place, _)| *place == "a missing beginning").unwrap();
    damage(&damaged.path).unwrap();
    for verb in [&["why", "100"][..], &["why", "demo-ada@100"]] {
        let said = run(&damaged.path, damaged.peer, verb);
        assert_eq!((said.status.code(), out(&said)), (Some(5), String::new()), "{verb:?}: {}", err(&said));
        assert!(err(&said).contains("records 1 to 327 are missing"), "{verb:?}: {}", err(&said));
    }
}

/// C60: an audit that can read records judges them, whatever has become of those behind them.
#[test]
fn c60_an_audit_counts_the_records_before_a_lost_head() {
    let whole = Journal::whole();
    for (place, damage) in LOST_HEADS {
        let damaged = whole.copy();
        damage(&damaged.path).unwrap();
        let said = run(&damaged.path, damaged.peer, &["audit"]);
        let text = out(&said);
        assert_eq!(said.status.code(), Some(5), "{place}: {}", err(&said));
        assert!(text.starts_with("653 records (1 to 653) in 3 segments\n"), "{place}: {text}");
        assert!(
            text.contains("not judged: record 654 and those behind it, of which none can be read"),
            "{place}: {text}"
        );
        let said = out(&run(&damaged.path, damaged.peer, &["audit", "--json"]));
        let audit: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((&audit["records"], &audit["last_lsn"]), (&653.into(), &653.into()), "{place}");
        assert_eq!((&audit["not_judged_from"], &audit["not_judged_records"]), (&654.into(), &0.into()), "{place}");
    }
}

/// C43: what stands behind a group keeps nobody from deciding it again, and what stands in it is not said to stand before.
#[test]
fn c43_a_bad_record_behind_a_group_does_not_keep_it_from_being_decided_again() {
    let whole = Journal::whole();
    let log = records(&out(&run(&whole.path, whole.peer, &["log", "--json"])));
    let is_first = |lsn: &u64| log[lsn]["class"] == "fact" && log[&(lsn - 1)]["class"] == "decision";
    let bad = (380..600).find(is_first).expect("a group ends before another");
    let damaged = whole.copy();
    let flipped = damaged.flip_record(bad);
    assert!(
        err(&run(&damaged.path, damaged.peer, &["log"])).contains(&format!("where record {bad} belongs")),
        "{flipped}"
    );
    let said = run(&damaged.path, damaged.peer, &["why", &(bad - 1).to_string(), "--json"]);
    let answer: Value = serde_json::from_str(&out(&said)).unwrap();
    assert_eq!(answer["recomputed"]["not"], serde_json::json!([]), "{bad}: {answer}");
    assert!(answer["recomputed"]["same"].as_array().unwrap().contains(&(bad - 1).into()), "{bad}: {answer}");
    let text = out(&run(&damaged.path, damaged.peer, &["why", &(bad - 1).to_string()]));
    assert!(!text.contains("not recomputed"), "{text}");
}

/// C43: a gap between two records that nobody can read has no time, and least of all that of the question.
#[test]
fn c43_a_gap_without_neighbours_has_no_time() {
    let damaged = Journal::whole().copy();
    let (_, damage) = LOST_HEADS.iter().find(|(place, _)| place.starts_with("an empty")).unwrap();
    // Two segments that follow each other: between them nothing is known.
    damage(&damaged.path).unwrap();
    let before = segments(&damaged.path);
    std::fs::write(&before[before.len() - 2], b"").unwrap();
    let said = run(&damaged.path, damaged.peer, &["why", "PEER", "--json"]);
    let answer: Value = serde_json::from_str(&out(&said)).unwrap();
    let gaps: Vec<&Value> =
        answer["gaps"].as_array().unwrap().iter().filter(|gap| gap["kind"] == "unreadable").collect();
    let last = gaps.iter().find(|gap| gap["says"].as_str().unwrap().starts_with("record 654 and what")).unwrap();
    assert_eq!((&last["from"], &last["to"]), (&Value::Null, &Value::Null), "{answer}");
    let text = out(&run(&damaged.path, damaged.peer, &["why", "PEER"]));
    let line = text.lines().find(|line| line.contains("record 654 and what")).unwrap();
    assert!(line.starts_with(&format!("   654  {}  NOT KNOWN: ", " ".repeat(22))), "{text}");
}
