//! Every verb that reads a journal, on a journal that is damaged in each way and place: it says what it could not read,
//! answers from the rest, never panics, and says nothing that the whole journal does not say.

mod capsule;
#[path = "../cli_support/mod.rs"]
mod cli_support;
mod labels;
mod lost;
mod places;
mod truth;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use cli_support::{err, out, program};
use places::{Damage, Journal, PLACES};
use serde_json::Value;
use truth::Truth;

/// A verb, and what it is about: a peer, its newest session, message and wake, and the first message that waits.
const VERBS: &[&[&str]] = &[
    &["log", "--json"],
    &["log", "--json", "--peer", "PEER"],
    &["why", "PEER", "--json"],
    &["why", "PEER", "--prove", "--json"],
    &["why", "PEER@SESSION", "--json"],
    &["why", "MESSAGE", "--json"],
    &["why", "WAITING", "--json"],
    &["why", "RECORD", "--json"],
    &["whynot", "PEER", "reaped", "--json"],
    &["whynot", "PEER", "woken", "--json"],
    &["whynot", "PEER", "delivered", "--json"],
    &["whynot", "PEER", "resumed", "--json"],
    &["ls", "--json"],
    &["queue", "--json"],
    &["queue", "show", "MESSAGE", "--json"],
    &["replay", "--json"],
    &["replay", "--verify", "--json"],
    &["replay", "--step", "--json"],
    &["whatif", "--json"],
    &["bisect", "--holds", "queue(PEER).waiting == 0", "--json"],
    &["audit", "--json"],
    &["capsule", "PEER", "--since", "1h", "-o", "FILE", "--json"],
    &["journal", "export"],
    &["journal", "export", "--format", "html"],
    &["journal", "export", "--format", "perfetto"],
    &["journal", "stat", "--json"],
    &["journal", "verify", "--json"],
];

fn run(journal: &Path, peer: &str, verb: &[&str]) -> Output {
    let file = journal.with_extension("capsule");
    let named: Vec<String> =
        verb.iter().map(|word| word.replace("PEER", peer).replace("FILE", file.to_str().unwrap())).collect();
    let mut args: Vec<&str> = named.iter().map(String::as_str).collect();
    args.extend(["--journal", journal.to_str().unwrap()]);
    program(&args).env("DORMOUSE_HOME", journal.with_extension("home")).output().unwrap()
}

fn records(text: &str) -> BTreeMap<u64, Value> {
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.map(|record| (record["lsn"].as_u64().unwrap(), record)).collect()
}

#[test]
fn no_verb_lies_about_a_damaged_journal_or_dies_of_it() {
    for truth in [Truth::of(Journal::whole()), Truth::of(Journal::kept())] {
        std::thread::scope(|scope| {
            for (place, damage) in places::all() {
                let truth = &truth;
                scope.spawn(move || every_verb(truth, place, *damage));
            }
        });
    }
}

fn every_verb(truth: &Truth, place: &str, damage: fn(&Path) -> Option<Damage>) {
    let damaged = truth.journal.copy();
    let Some(Damage { says }) = damage(&damaged.path) else { return };
    for verb in VERBS {
        let named = truth.named(verb);
        let verb = &named.iter().map(String::as_str).collect::<Vec<_>>()[..];
        let what = format!("{place}: {}", verb.join(" "));
        let said = run(&damaged.path, damaged.peer, verb);
        let code = said.status.code().unwrap_or_else(|| panic!("{what} was killed"));
        assert!(!err(&said).contains("panicked"), "{what}: {}", err(&said));
        assert!([0, 1, 3, 5].contains(&code), "{what} ended with {code}: {}", err(&said));
        truth.holds(verb, &said, &what);
        if verb == ["log", "--json"] {
            // One bad frame costs what stood in it, and hides nothing else.
            let verified = out(&run(&damaged.path, damaged.peer, &["journal", "verify", "--json"]));
            let readable = serde_json::from_str::<Value>(&verified).unwrap()["records"].as_u64().unwrap();
            let told = records(&out(&said)).len() as u64;
            assert!(told >= readable, "{what}: {told} of {readable} records that can be read");
        }
        let told = format!("{}{}", err(&said), if verb[0] == "audit" { out(&said) } else { String::new() });
        if says.is_empty() {
            assert_ne!(code, 5, "{what}: {told}");
        } else if code == 5 && !verb.starts_with(&["journal", "verify"]) {
            // Where it cannot be read that the beginning was removed, it is missing, and that may be all that is in the way.
            let is_headless = told.contains(", expected 1;");
            assert!(
                is_headless || says.iter().any(|name| told.contains(name)),
                "{what} names none of {says:?}: {told}"
            );
        }
        // Whatever reads all of it meets the damage; a snapshot is a part of nobody's records.
        let reads_all = matches!(verb, ["log", "--json"] | ["audit", ..] | ["journal", "export"]);
        if reads_all && says.iter().any(|name| name.ends_with(".jnl")) {
            assert_eq!(code, 5, "{what}");
        }
    }
}

/// The places are named, and nobody is told what an answer rests on that was never given.
#[test]
fn what_cannot_be_answered_claims_no_answer() {
    let damaged = Journal::whole().copy();
    let (_, damage) = PLACES.iter().find(|(place, _)| *place == "a segment cut short").unwrap();
    let says = damage(&damaged.path).unwrap().says;
    let unheard = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for verb in [&["why", unheard][..], &["queue", "show", unheard]] {
        let said = run(&damaged.path, damaged.peer, verb);
        assert_eq!((said.status.code(), out(&said)), (Some(5), String::new()), "{verb:?}: {}", err(&said));
        assert!(says.iter().any(|name| err(&said).contains(name)), "{verb:?}: {}", err(&said));
        assert!(err(&said).contains("nothing that can be read answers this"), "{verb:?}: {}", err(&said));
        assert!(!err(&said).contains("what was said"), "{verb:?}: {}", err(&said));
    }
}

/// Whoever is not found may stand where nothing can be read.
#[test]
fn a_name_that_is_not_found_is_not_said_to_be_nobodys() {
    let damaged = Journal::whole().copy();
    let (_, damage) = PLACES.iter().find(|(place, _)| *place == "a flipped bit in the last segment").unwrap();
    let says = damage(&damaged.path).unwrap().says;
    let verbs =
        [&["why", "nobody"][..], &["why", "nobody@3"], &["whynot", "nobody", "woken"], &["log", "--peer", "nobody"]];
    for verb in verbs {
        let said = run(&damaged.path, damaged.peer, verb);
        assert_eq!((said.status.code(), out(&said)), (Some(5), String::new()), "{verb:?}: {}", err(&said));
        assert!(says.iter().any(|name| err(&said).contains(name)), "{verb:?}: {}", err(&said));
        assert!(err(&said).contains("nothing that can be read answers this"), "{verb:?}: {}", err(&said));
    }
}

/// A moment behind what can be read is not a moment that has not come yet, and no earlier one stands in for it.
#[test]
fn what_stands_behind_the_readable_end_is_not_said_to_be_missing() {
    let behind: &[&[&str]] = &[
        &["replay", "--at", "869"],
        &["replay", "--step", "--at", "869"],
        &["why", "869"],
        &["why", "PEER", "--at", "869"],
        &["whynot", "PEER", "woken", "--at", "869"],
        &["bisect", "--since", "800", "--holds", "phase(PEER) == asleep"],
        &["whatif", "--since", "800", "--set", "idle=1m"],
    ];
    let damaged = Journal::whole().copy();
    let segment = damaged.cut_last(9_000);
    for verb in behind {
        let said = run(&damaged.path, damaged.peer, verb);
        assert_eq!((said.status.code(), out(&said)), (Some(5), String::new()), "{verb:?}: {}", err(&said));
        assert!(err(&said).contains(&segment), "{verb:?}: {}", err(&said));
        assert!(err(&said).contains("nothing that can be read answers this"), "{verb:?}: {}", err(&said));
    }
    // Of a group that has lost its end nothing is there for anybody.
    let verified = run(&damaged.path, damaged.peer, &["journal", "verify"]);
    let told = records(&out(&run(&damaged.path, damaged.peer, &["log", "--json"]))).len();
    assert!(out(&verified).starts_with(&format!("{told} records in 3 segments\n")), "{told}: {}", out(&verified));

    // The same of what stands behind damage in the middle, where no snapshot tells how things stood.
    let damaged = Journal::whole().copy();
    let (_, damage) = PLACES.iter().find(|(place, _)| *place == "a flipped bit in a sealed segment").unwrap();
    let says = damage(&damaged.path).unwrap().says;
    for verb in &[&["replay", "--step", "--at", "869"][..], behind[5], behind[6]] {
        let said = run(&damaged.path, damaged.peer, verb);
        assert_eq!((said.status.code(), out(&said)), (Some(5), String::new()), "{verb:?}: {}", err(&said));
        assert!(says.iter().any(|name| err(&said).contains(name)), "{verb:?}: {}", err(&said));
    }
}

/// C43: what was so before damage is not said to have been so at a later moment, nor for as long.
#[test]
fn c43_a_moment_behind_damage_is_told_of_as_the_record_before_it() {
    let damaged = Journal::whole().copy();
    let (_, damage) = PLACES.iter().find(|(place, _)| *place == "a flipped bit in a sealed segment").unwrap();
    damage(&damaged.path).unwrap();
    for at in [&["--at", "2023-11-15T15:00:00Z"][..], &[]] {
        let said = |verb: &[&str]| run(&damaged.path, damaged.peer, &[verb, at].concat());
        let asked = said(&["whynot", "PEER", "reaped", "--json"]);
        let answer: Value = serde_json::from_str(&out(&asked)).unwrap();
        let last = answer["as_of"].as_u64().expect("another moment than the one that was asked about");
        assert!(err(&asked).contains(&format!("what was said is as of record {last}")), "{}", err(&asked));
        let log = records(&out(&run(&damaged.path, damaged.peer, &["log", "--json"])));
        assert_eq!(answer["told_at"], log[&last]["at"]);
        for verb in [&["whynot", "PEER", "reaped"][..], &["queue"], &["ls"]] {
            let said = out(&said(verb));
            assert!(
                said.contains(", the last record before one that cannot be read: nobody can tell"),
                "{verb:?}: {said}"
            );
            assert!(!said.contains("No daemon is known") && !said.contains("of this journal."), "{verb:?}: {said}");
        }
    }
}

/// C43: whoever came where nothing can be read is not said to be unheard of; and it is said from where on nothing is judged.
#[test]
fn c43_damage_is_no_absence() {
    let truth = Truth::of(Journal::whole());
    let damaged = truth.journal.copy();
    let (_, damage) = PLACES.iter().find(|(place, _)| *place == "a flipped bit in a sealed segment").unwrap();
    damage(&damaged.path).unwrap();
    let verified = run(&damaged.path, damaged.peer, &["replay", "--verify", "--json"]);
    let verified: Value = serde_json::from_str(&out(&verified)).unwrap();
    let last = verified["last_lsn"].as_u64().unwrap();
    assert_eq!(verified["not_judged_from"], last + 1, "{verified}");
    let late = truth.records.values().find(|it| it["kind"] == "peer_registered" && it["lsn"].as_u64() > Some(last));
    let late = late.expect("somebody came late")["peer"].as_str().unwrap();
    let said = run(&damaged.path, late, &["whynot", "PEER", "woken"]);
    assert_eq!((said.status.code(), out(&said)), (Some(5), String::new()), "{}", err(&said));
    assert!(err(&said).contains("nothing that can be read answers this"), "{}", err(&said));
}

/// Every verb answers as of the whole journal, and none keeps to itself what the daemon does not start on.
#[test]
fn a_damaged_header_page_costs_no_record_and_is_said() {
    let truth = Truth::of(Journal::whole());
    let peer = truth.journal.peer;
    let verbs: [&[&str]; 8] = [
        &["ls", "--json"],
        &["log", "--json"],
        &["why", "PEER", "--json"],
        &["whynot", "PEER", "woken", "--json"],
        &["replay", "--json"],
        &["replay", "--verify", "--json"],
        &["journal", "export"],
        &["bisect", "--holds", "queue(PEER).waiting == 0", "--json"],
    ];
    for (place, damage) in PLACES.iter().filter(|(place, _)| place.contains("header")) {
        let damaged = truth.journal.copy();
        let says = damage(&damaged.path).unwrap().says;
        for verb in verbs {
            let (whole, said) = (run(&truth.journal.path, peer, verb), run(&damaged.path, peer, verb));
            assert_eq!(out(&said), out(&whole), "{place}: {verb:?}");
            assert_eq!(said.status.code(), Some(5), "{place}: {verb:?}: {}", err(&said));
            assert!(err(&said).contains(&says[0]), "{place}: {verb:?}: {}", err(&said));
            assert!(err(&said).contains("no record is lost"), "{place}: {verb:?}: {}", err(&said));
        }
    }
}

/// What lies behind a damaged place is read all the same.
#[test]
fn what_lies_behind_the_damage_is_told() {
    let truth = Truth::of(Journal::whole());
    for name in ["a flipped bit in a sealed segment", "a missing segment in the middle", "a segment cut short"] {
        let (_, damage) = PLACES.iter().find(|(place, _)| *place == name).unwrap();
        let damaged = truth.journal.copy();
        damage(&damaged.path).unwrap();
        let said = run(&damaged.path, damaged.peer, &["log", "--json"]);
        assert_eq!(said.status.code(), Some(5), "{name}");
        let told = records(&out(&said));
        let (first, last) = (truth.records.keys().next(), truth.records.keys().next_back());
        assert_eq!((told.keys().next(), told.keys().next_back()), (first, last), "{name}");
        assert!(told.len() < truth.records.len() && told.len() > truth.records.len() / 3, "{name}: {}", told.len());
        // The chain of what stands behind it is whole.
        let peer = truth.records.values().rev().find(|record| record["kind"] == "session_ready").unwrap();
        let why = run(&damaged.path, peer["peer"].as_str().unwrap(), &["why", "PEER", "--json"]);
        let answer: Value = serde_json::from_str(&out(&why)).unwrap_or_else(|_| panic!("{name}: {}", err(&why)));
        assert!(answer["chain"].as_array().unwrap().len() > 1, "{name}");
    }
}

/// What cannot be read is told at its place in the chain, and claims no record that can be read.
#[test]
fn what_cannot_be_read_is_a_gap_of_the_chain() {
    let truth = Truth::of(Journal::whole());
    let mut met = 0;
    for (place, damage) in places::all() {
        let damaged = truth.journal.copy();
        let Some(Damage { says }) = damage(&damaged.path) else { continue };
        let readable = records(&out(&run(&damaged.path, damaged.peer, &["log", "--json"])));
        for peer in ["demo-ada", "demo-hal", "demo-k2", "demo-dot", "demo-eve", "demo-lee"] {
            let said = run(&damaged.path, peer, &["why", "PEER", "--json"]);
            let Ok(answer) = serde_json::from_str::<Value>(&out(&said)) else { continue };
            let gaps = answer["gaps"].as_array().unwrap();
            let unread: Vec<&str> = gaps
                .iter()
                .filter(|gap| gap["kind"] == "unreadable")
                .map(|gap| gap["says"].as_str().unwrap())
                .collect();
            // A header page holds no record.
            let loses = said.status.code() == Some(5) && !place.contains("header");
            assert_eq!(!unread.is_empty(), loses, "{place}, {peer}: {unread:?} {}", err(&said));
            assert!(unread.is_empty() || !says.is_empty(), "{place}, {peer}: {unread:?}");
            for gap in &unread {
                let numbers = gap.split(|it: char| !it.is_ascii_digit()).filter_map(|it| it.parse::<u64>().ok());
                let [first, last] = match numbers.take(2).collect::<Vec<_>>()[..] {
                    [first, last] if gap.starts_with("records ") => [first, last],
                    [first, ..] if gap.contains("and what comes behind it") => [first, u64::MAX],
                    [first, ..] => [first, first],
                    [] => panic!("{gap}"),
                };
                let told: Vec<_> = readable.range(first..=last).map(|(lsn, _)| lsn).collect();
                assert!(told.is_empty(), "{place}, {peer}: {gap}: {told:?}");
            }
            met += unread.len();
            let text = out(&run(&damaged.path, peer, &["why", "PEER"]));
            assert_eq!(text.matches("cannot be read:").count(), unread.len(), "{place}, {peer}: {text}");
        }
    }
    assert!(met > 8, "{met}");
}

/// What takes every record says that it cannot be had, and what can; what does not, answers.
#[test]
fn a_lost_beginning_takes_states_away_and_nothing_else() {
    let truth = Truth::of(Journal::whole());
    let damaged = truth.journal.copy();
    let (_, damage) = PLACES.iter().find(|(place, _)| *place == "a missing beginning").unwrap();
    damage(&damaged.path).unwrap();
    let untold = [
        &["replay"][..],
        &["replay", "--at", "600"],
        &["replay", "--verify"],
        &["replay", "--step"],
        &["whynot", "PEER", "reaped"],
        &["whatif", "--set", "idle=10m"],
        &["bisect", "--holds", "phase(PEER) == asleep"],
        &["ls"],
        &["queue"],
    ];
    for verb in untold {
        let said = run(&damaged.path, damaged.peer, verb);
        assert_eq!((said.status.code(), out(&said)), (Some(5), String::new()), "{verb:?}: {}", err(&said));
        assert!(err(&said).contains("how things stood cannot be told: records 1 to 327 are missing"), "{}", err(&said));
        assert!(err(&said).contains("answer from the records that are left"), "{verb:?}: {}", err(&said));
    }
    for verb in [&["log"][..], &["why", "PEER"], &["journal", "export"], &["audit"], &["journal", "verify"]] {
        let said = run(&damaged.path, damaged.peer, verb);
        assert!(said.status.code() == Some(5) && !out(&said).is_empty(), "{verb:?}: {}", err(&said));
    }
}
