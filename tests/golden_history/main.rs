//! What old journals say: every history that was recorded comes to the same state for ever, and the rules decide it the
//! same way again.
//!
//! `tests/golden/v1-fleet` is the life of a fleet, `v2-fleet` the same and more of it, since messages have `named` and
//! `reply_asked`, and settings say where they came from, `v3-fleet` the same since a wake that fails gives back what it took.
//! They are never written again. Each run leaves what is recorded
//! now in the tests' own folder; a kind that is written otherwise, or rules that decide otherwise on purpose, get a history
//! of their own beside the old ones:
//!
//! ```text
//! cargo test --test golden_history
//! cp -r target/tmp/golden-history tests/golden/v4-fleet
//! ```
//!
//! and its name and head in [`HISTORIES`], where the old one is no longer said to be decided.

mod recorded;
#[path = "../behaviour/script.rs"]
#[allow(dead_code, reason = "a history takes what it needs of it")]
mod script;
#[path = "../behaviour/world.rs"]
#[allow(dead_code, reason = "a history takes what it needs of it")]
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use dormouse::journal::format::payload::encode;
use dormouse::journal::{Reader, head, verify};
use dormouse::model::event::{Class, Event, KINDS};
use dormouse::model::id::Lsn;
use dormouse::model::record::{Draft, Record};
use dormouse::model::state::State;
use dormouse::reducer::apply;
use dormouse::supervisor::{conclude, snapshot};
use serde_json::Value;

/// A recorded history that the rules decide again.
struct History {
    /// Of its folder in `tests/golden`.
    name: &'static str,
    /// BLAKE3 of its last seal: no byte of it has changed.
    head: &'static str,
    /// By the rules of today. Others are folded.
    decided: bool,
}

/// The last one is the newest.
const HISTORIES: &[History] = &[
    History {
        name: "v1-fleet",
        head: "fa10d9f11fe90d728775f1c73761a8e0fd294db9d5b18083941cbaf52b001ab6",
        decided: false,
    },
    History {
        name: "v2-fleet",
        head: "90c034313e6814818733effda29b79fee30594dc8bfeb95cc18b0807e91db473",
        decided: false,
    },
    History {
        name: "v3-fleet",
        head: "6ea114d7572714048213baf4ef07df8c6a4b94e380df5c2274373b7790fbac4a",
        decided: true,
    },
];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A fresh folder for what is made now, to be looked at.
fn ours(name: &str) -> PathBuf {
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&ours);
    fs::create_dir_all(&ours).unwrap();
    ours
}

fn records(journal: &Path) -> Vec<Record> {
    Reader::open(journal).unwrap().records(Lsn(1)).collect::<Result<_, _>>().unwrap()
}

/// The journals in `tests/golden` that begin with the first record.
fn whole_journals() -> Vec<PathBuf> {
    let entries = fs::read_dir(golden("")).unwrap().map(|entry| entry.unwrap().path());
    let mut journals: Vec<_> = entries.filter(|path| path.join(format!("{:020}.jnl", 1)).is_file()).collect();
    journals.sort();
    journals
}

/// What these records add up to, as a snapshot has it, with a line for each value.
fn state_after(records: &[Record]) -> String {
    let mut state = State::default();
    for record in records {
        let _ = apply(&mut state, record);
    }
    let json: Value = serde_json::from_slice(&snapshot::encode(&state).unwrap()).unwrap();
    serde_json::to_string_pretty(&json).unwrap() + "\n"
}

/// I3: what any version wrote still comes to the same state. Where the state's shape has changed on purpose, the new
/// rendering is in the tests' own folder; segments never change.
#[test]
fn i3_every_golden_journal_folds_to_its_state() {
    let now = ours("golden-states");
    let journals = whole_journals();
    assert!(journals.len() > HISTORIES.len(), "{journals:?}");
    for journal in journals {
        let state = state_after(&records(&journal));
        let rendering = now.join(journal.file_name().unwrap()).with_extension("json");
        fs::write(&rendering, &state).unwrap();
        let expected = fs::read_to_string(journal.join("state.json")).unwrap_or_default();
        assert!(state == expected, "{} comes to another state now: {}", journal.display(), rendering.display());
    }
}

/// I2, C64: the facts of a history, asked again in turn, are decided as they were then: the same decisions, about the
/// same subjects, from the same causes, byte for byte and in the same order.
#[test]
fn i2_the_facts_of_a_history_are_decided_as_they_were() {
    let decided = HISTORIES.iter().filter(|history| history.decided);
    let mut compared = 0;
    for history in decided {
        let records = records(&golden(history.name));
        let mut state = State::default();
        let mut rest = &records[..];
        while let Some(fact) = rest.first() {
            assert!(matches!(fact.event, Event::Fact(_)), "was not decided again: {fact:#?}");
            let Record { at, subject, cause, actor, event, .. } = fact.clone();
            let again = conclude(&mut state, at, Draft { subject, cause, actor, event }, &mut Vec::new());
            assert!(again.len() <= rest.len(), "decided beyond the end: {:#?}", again[rest.len()]);
            for (again, then) in again.iter().zip(rest) {
                assert_eq!(bytes(again), bytes(then), "decided now:\n{again:#?}\nand then:\n{then:#?}");
            }
            compared += again.len() - 1;
            rest = &rest[again.len()..];
        }
    }
    assert!(compared > 150, "{compared} decisions are no history");
}

/// A record as its frame has it: lsn, time, kind, schema, payload.
fn bytes(record: &Record) -> (Lsn, u64, u16, u8, Vec<u8>) {
    let mut payload = Vec::new();
    encode(record, &mut payload).unwrap();
    let kind = record.event.kind();
    (record.lsn, record.at.wall_us, kind.number, kind.schema, payload)
}

/// A kind of decision that no history has could change its meaning unseen.
#[test]
fn every_kind_of_decision_stands_in_a_history_that_is_decided_again() {
    let decided = HISTORIES.iter().filter(|history| history.decided);
    let has: BTreeSet<&str> =
        decided.flat_map(|history| records(&golden(history.name))).map(|record| record.event.kind().name).collect();
    let decisions = KINDS.iter().filter(|kind| kind.class == Class::Decision);
    let missing: Vec<_> = decisions.map(|kind| kind.name).filter(|name| !has.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// I4: the recorded bytes are the ones that were recorded.
#[test]
fn i4_no_byte_of_a_history_has_changed() {
    for history in HISTORIES {
        let dir = golden(history.name);
        let found = verify(&dir).unwrap();
        assert_eq!((found.damage, found.torn_tail), (vec![], None), "{}", history.name);
        assert!(found.segments.len() > 1 && found.segments.iter().all(|segment| segment.sealed));
        assert_eq!(head(&dir).unwrap().says.unwrap().digest, history.head, "{}", history.name);
    }
}

/// The newest history, lived once more, gives the same bytes: what is told in `recorded` is what was recorded.
#[test]
fn the_newest_history_is_recorded_the_same_byte_for_byte() {
    let (dir, ours) = (golden(HISTORIES.last().unwrap().name), ours("golden-history"));
    recorded::write(&ours);
    fs::remove_file(ours.join("LOCK")).unwrap();
    fs::write(ours.join("state.json"), state_after(&records(&ours))).unwrap();
    let names = |dir: &Path| -> BTreeSet<_> { fs::read_dir(dir).unwrap().map(|it| it.unwrap().file_name()).collect() };
    assert_eq!(names(&ours), names(&dir), "written now: {}", ours.display());
    for name in names(&dir) {
        let (written, committed) = (fs::read(ours.join(&name)).unwrap(), fs::read(dir.join(&name)).unwrap());
        let differs = written.iter().zip(&committed).position(|(a, b)| a != b);
        assert!(
            written == committed,
            "{} differs at byte {differs:?}; written now: {}",
            name.display(),
            ours.display()
        );
    }
}
