//! What verbs say that read labels only, or not to the end.

use std::fs;

use serde_json::Value;

use crate::cli_support::{err, out};
use crate::places::{Journal, PLACES, segments};
use crate::{Truth, run};

/// Also one that does not fit the next; rot between two labels is met by nobody who reads none but them.
#[test]
fn stat_says_which_labels_are_damaged() {
    let (whole, verb) = (Journal::whole(), ["journal", "stat"]);
    let met = ["a flipped bit in the first header page", "a missing segment in the middle", "a segment cut short"];
    for (place, damage) in PLACES.iter().filter(|(place, _)| met.contains(place)) {
        let damaged = whole.copy();
        let says = damage(&damaged.path).unwrap().says;
        let said = run(&damaged.path, damaged.peer, &verb);
        assert_eq!(said.status.code(), Some(5), "{place}: {}{}", out(&said), err(&said));
        assert!(says.iter().any(|name| err(&said).contains(name)), "{place}: {}", err(&said));
        assert_eq!(out(&said).lines().count(), segments(&damaged.path).len(), "{place}: {}", out(&said));
    }
}

/// The newest seal is not the one before it.
#[test]
fn no_older_digest_stands_in_for_one_that_cannot_be_read() {
    let whole = Journal::whole();
    let newest = out(&run(&whole.path, whole.peer, &["journal", "head"]));
    let segment =
        segments(&whole.path).into_iter().find(|it| newest.contains(it.file_name().unwrap().to_str().unwrap()));
    let damaged = whole.copy();
    let segment = damaged.path.join(segment.unwrap().file_name().unwrap());
    let mut bytes = fs::read(&segment).unwrap();
    let trailer = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[trailer] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let said = run(&damaged.path, damaged.peer, &["journal", "head"]);
    assert_eq!(said.status.code(), Some(5), "{}{}", out(&said), err(&said));
    assert!(err(&said).contains(segment.to_str().unwrap()), "{}", err(&said));
}

/// The records behind damage are counted, and it is said that they were not judged.
#[test]
fn audit_says_how_much_it_has_not_judged() {
    let truth = Truth::of(Journal::whole());
    let damaged = truth.journal.copy();
    let (_, damage) = PLACES.iter().find(|(place, _)| *place == "a flipped bit in a sealed segment").unwrap();
    damage(&damaged.path).unwrap();
    let json = |verb: &[&str]| serde_json::from_str::<Value>(&out(&run(&damaged.path, damaged.peer, verb))).unwrap();
    let (audit, verified) = (json(&["audit", "--json"]), json(&["journal", "verify", "--json"]));
    let judged = audit["records"].as_u64().unwrap();
    assert_eq!(audit["not_judged_from"], audit["last_lsn"].as_u64().unwrap() + 1, "{audit}");
    let left = verified["records"].as_u64().unwrap() - judged;
    let text = out(&run(&damaged.path, damaged.peer, &["audit"]));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = format!("not judged: record {} and those behind it, of which {left} can be read", judged + 1);
    assert!(text.contains(&expected), "{expected}: {text}");
}
