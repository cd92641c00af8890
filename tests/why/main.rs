//! `why`, as whole texts: each kind of decision in a recorded history, explained back to the facts it rests on.
//!
//! The history is the newest one of `tests/golden`. Its texts are in `tests/why/texts`, one for each kind of decision and
//! each way in which it was made; they are meant to be read by somebody who has never seen the rules. What is said now is
//! left in the tests' own folder:
//!
//! ```text
//! cargo test --test why
//! cp target/tmp/why/*.txt tests/why/texts/
//! ```

mod gaps;
mod moments;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use dormouse::explain::json;
use dormouse::explain::why::{Answer, Reach, Subject, Until};
use dormouse::journal::Reader;
use dormouse::model::event::{Class, Event, Fact, KINDS};
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;
use jiff::tz::TimeZone;

/// As wide as a page.
const COLUMNS: u16 = 118;

pub fn recorded() -> Vec<Record> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v2-fleet");
    Reader::open(&dir).unwrap().records(Lsn(1)).collect::<Result<_, _>>().unwrap()
}

pub fn asked(records: &[Record], subject: Subject, until: Until) -> Answer {
    Answer::of(records, subject, until, &[], Reach::Any)
}

pub fn text(answer: &Answer, records: &[Record]) -> String {
    let now = records.last().expect("a history").at;
    answer.text((now, "ago"), None, &TimeZone::UTC, Some(COLUMNS))
}

/// The field in which ways of making the same decision differ.
fn way(record: &Record) -> Option<String> {
    let field = match record.event.kind().name {
        "wake_decided" => "branch",
        "wake_refused" => "gate",
        "reaped" => "reason",
        "kept" => "why",
        "armed" | "quarantine_lifted" => {
            if record.event.kind().name == "armed" {
                "by"
            } else {
                "by_operator"
            }
        }
        "task_done" => "how",
        "delivered" => "proof",
        "wake_failed" => "phase",
        "verb_decided" | "verb_given_up" => "verb",
        _ => return None,
    };
    let json = json::record(record);
    let value = &json["data"][field];
    let word = value.as_str().or_else(|| value.as_object()?.keys().next().map(String::as_str));
    Some(word.map_or_else(|| value.to_string(), str::to_owned))
}

/// The first decision of each kind and way.
fn cases(records: &[Record]) -> BTreeMap<String, &Record> {
    let mut cases = BTreeMap::new();
    for record in records.iter().filter(|record| matches!(record.event, Event::Decision(_))) {
        let kind = record.event.kind().name;
        let name = way(record).map_or_else(|| kind.to_owned(), |way| format!("{kind}-{way}"));
        cases.entry(name).or_insert(record);
    }
    cases
}

fn texts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/why/texts")
}

#[test]
fn every_decision_is_explained_in_a_text_of_its_own() {
    let records = recorded();
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).join("why");
    let _ = fs::remove_dir_all(&ours);
    fs::create_dir_all(&ours).unwrap();
    let mut differ = Vec::new();
    let cases = cases(&records);
    for (name, record) in &cases {
        let said = text(&asked(&records, Subject::Record(record.lsn), Until::default()), &records);
        fs::write(ours.join(name).with_extension("txt"), &said).unwrap();
        let expected = fs::read_to_string(texts().join(name).with_extension("txt")).unwrap_or_default();
        if said != expected {
            differ.push(format!("{name}, as written:\n{expected}\nas said now:\n{said}"));
        }
    }
    assert!(differ.is_empty(), "{} differ (now: {}):\n{}", differ.len(), ours.display(), differ.join("\n"));
    let files = fs::read_dir(texts()).unwrap().map(|it| it.unwrap().path());
    let stale: Vec<_> = files.filter(|it| !cases.contains_key(it.file_stem().unwrap().to_str().unwrap())).collect();
    assert_eq!(stale, Vec::<PathBuf>::new(), "texts of no decision");
}

/// A decision that no text explains would be one that nobody has tried to understand.
#[test]
fn no_kind_of_decision_is_without_a_text() {
    let files = fs::read_dir(texts()).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
    let explained: BTreeSet<String> =
        files.map(|name| name.split(['-', '.']).next().unwrap_or_default().to_owned()).collect();
    let decisions = KINDS.iter().filter(|kind| kind.class == Class::Decision).map(|kind| kind.name);
    let missing: Vec<&str> = decisions.filter(|name| !explained.contains(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// C11: a proof ends with what was seen or asked for, never with a conclusion; and every decision in it comes out again.
#[test]
fn every_chain_ends_in_facts_and_every_decision_in_it_comes_out_again() {
    let records = recorded();
    for record in &records {
        let answer = asked(&records, Subject::Record(record.lsn), Until::default());
        let (oldest, _) = answer.chain.last().expect("the record itself");
        assert!(matches!(oldest.event, Event::Fact(_)), "record {} ends in {oldest:?}", record.lsn);
        let named = |lsn: Option<Lsn>| lsn.is_none_or(|lsn| answer.chain.iter().any(|(it, _)| it.lsn == lsn));
        assert!(answer.chain.iter().all(|(it, _)| named(it.cause)), "record {} has a loose end", record.lsn);
        let decisions = answer.chain.iter().filter(|(it, _)| !matches!(it.event, Event::Fact(_))).count();
        let recomputed = &answer.recomputed;
        assert_eq!((recomputed.same.len(), recomputed.differ.len()), (decisions, 0), "record {}", record.lsn);
    }
}

/// What is recorded and does not come out is shown with both sides.
#[test]
fn a_decision_that_comes_out_otherwise_is_shown_with_both_sides() {
    let mut records = recorded();
    let at = records.iter().position(|it| it.event.kind().name == "reaped").unwrap();
    let lsn = records[at].lsn;
    records[at].event = dormouse::model::event::StopSet {}.into();
    let answer = asked(&records, Subject::Record(lsn), Until::default());
    assert!(!answer.recomputed.same.contains(&lsn));
    let said = answer.text((records[at].at, "ago"), None, &TimeZone::UTC, None);
    assert!(said.contains("  recorded: "), "{said}");
    assert!(said.contains("  decided now: "), "{said}");
    assert!(said.contains("Decided again from the records before it: not the same"), "{said}");
    assert_eq!(answer.json()["recomputed"]["differs"].as_array().unwrap().len(), 1);
}

/// A fact that nothing was decided on proves nothing but itself.
#[test]
fn a_fact_alone_needs_no_proof() {
    let records = recorded();
    let started = records.iter().find(|it| matches!(it.event, Event::Fact(Fact::DaemonStarted(_)))).unwrap();
    let answer = asked(&records, Subject::Record(started.lsn), Until::default());
    assert_eq!(answer.recomputed.sentences(), Vec::<String>::new());
}
