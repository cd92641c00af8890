//! `why`, as whole texts: each kind of decision in a recorded history, explained back to the facts it rests on.
//!
//! The history is the newest one of `tests/golden`; what the fleet there has not lived through is told in `stories`. Both are
//! scripted, and told as a daemon would have left them (`lifelike`). The texts
//! are in `tests/why/texts`, one for each kind of decision and each way in which it can be made; they are meant to be read by
//! somebody who has never seen the rules. What is said now is left in the tests' own folder:
//!
//! ```text
//! cargo test --test why
//! cp target/tmp/why/*.txt tests/why/texts/
//! ```

mod agents;
mod fates;
mod gaps;
mod lifelike;
mod moments;
mod phases;
#[path = "../behaviour/script.rs"]
#[allow(dead_code, reason = "a story takes what it needs of it")]
mod script;
mod stories;
mod told;
#[path = "../behaviour/world.rs"]
#[allow(dead_code, reason = "a story takes what it needs of it")]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use dormouse::explain::why::{Answer, Reach, Source as _, Subject, Until};
use dormouse::journal::Reader;
use dormouse::model::event::{Class, Event, Fact, KINDS};
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;
use dormouse::sim::coverage::{BRANCHES, Branch, branch};
use jiff::tz::TimeZone;
use stories::STORIES;
use told::told;

/// As wide as a page.
const COLUMNS: u16 = 118;

pub fn recorded() -> Vec<Record> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v3-fleet");
    Reader::open(&dir).unwrap().records(Lsn(1)).collect::<Result<_, _>>().unwrap()
}

pub fn asked(records: &[Record], subject: Subject, until: Until) -> Answer {
    Answer::of(records, subject, until, &[], Reach::Any)
}

pub fn text(answer: &Answer, records: &[Record]) -> String {
    let now = records.last().expect("a history").at;
    answer.text((now, "ago"), None, &TimeZone::UTC, Some(COLUMNS))
}

/// What is explained: the first decision that was made in this way, in the fleet's history or else in a story of its own.
struct Explained {
    records: Rc<Vec<Record>>,
    lsn: Lsn,
}

/// The first decision of each kind and way.
fn explained() -> BTreeMap<Branch, Explained> {
    let stories = STORIES.iter().map(|story| (told(story), Some(story.way)));
    let mut found = BTreeMap::new();
    for (records, only) in std::iter::once((recorded(), None)).chain(stories) {
        let records = Rc::new(lifelike::lifelike(records));
        for record in records.iter().filter(|record| matches!(record.event, Event::Decision(_))) {
            let cause = record.cause.and_then(|cause| records[..].record(cause));
            let way = branch(record, cause.as_ref()).expect("a decision goes some way");
            let way = (record.event.kind().name, way);
            if only.is_none_or(|only| only == way) {
                found.entry(way).or_insert_with(|| Explained { records: Rc::clone(&records), lsn: record.lsn });
            }
        }
    }
    found
}

/// `wake_decided-topic_known_resumed`.
fn file((kind, way): Branch) -> String {
    let way = way.replace(", ", "_").replace(' ', "_");
    if way.is_empty() { kind.to_owned() } else { format!("{kind}-{way}") }
}

fn texts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/why/texts")
}

#[test]
fn every_decision_is_explained_in_a_text_of_its_own() {
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).join("why");
    let _ = fs::remove_dir_all(&ours);
    fs::create_dir_all(&ours).unwrap();
    let mut differ = Vec::new();
    let explained = explained();
    for (way, Explained { records, lsn }) in &explained {
        let name = file(*way);
        let answer = asked(records, Subject::Record(*lsn), Until::default());
        let said = text(&answer, records);
        fs::write(ours.join(&name).with_extension("txt"), &said).unwrap();
        let expected = fs::read_to_string(texts().join(&name).with_extension("txt")).unwrap_or_default();
        if said != expected {
            differ.push(format!("{name}, as written:\n{expected}\nas said now:\n{said}"));
        }
        assert_eq!(answer.recomputed.differ, [], "{name}");
    }
    assert!(differ.is_empty(), "{} differ (now: {}):\n{}", differ.len(), ours.display(), differ.join("\n"));
    let files = fs::read_dir(texts()).unwrap().map(|it| it.unwrap().path());
    let known: BTreeSet<String> = explained.keys().map(|way| file(*way)).collect();
    let stale: Vec<_> = files.filter(|it| !known.contains(it.file_stem().unwrap().to_str().unwrap())).collect();
    assert_eq!(stale, Vec::<PathBuf>::new(), "texts of no decision");
}

/// A decision that no text explains would be one that nobody has tried to understand. The list is the one that worlds are
/// held against, and a new variant breaks its match.
#[test]
fn no_way_in_which_a_decision_is_made_is_without_a_text() {
    let is_decision = |name: &str| KINDS.iter().any(|kind| kind.class == Class::Decision && kind.name == name);
    let explained = explained();
    let possible = BRANCHES.iter().filter(|(kind, _, never)| is_decision(kind) && never.is_none());
    let missing: Vec<_> = possible
        .filter(|(kind, way, _)| !explained.contains_key(&(*kind, *way)))
        .map(|(kind, way, _)| (kind, way))
        .collect();
    assert_eq!(missing, []);
    // Nor is there a story that tells of nothing.
    let idle: Vec<_> = STORIES.iter().map(|story| story.way).filter(|way| !explained.contains_key(way)).collect();
    assert_eq!(idle, []);
    let fleet = lifelike::lifelike(recorded());
    let untold = STORIES.iter().filter(|story| explained[&story.way].records[..] == fleet[..]).map(|story| story.way);
    assert_eq!(untold.collect::<Vec<_>>(), [], "the fleet has lived through it");
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
