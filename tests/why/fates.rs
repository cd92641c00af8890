//! What became of a message, beyond what its own records say.

use dormouse::explain::why::{Subject, Until};
use dormouse::model::event::{Event, Fact};
use dormouse::model::record::Record;

use crate::asked;
use crate::told::lived_through;

/// What is said of the first message after these lines, latest first.
fn kinds(lines: &str) -> Vec<&'static str> {
    let mut world = lived_through(|_| {}, lines);
    let mut records: Vec<Record> = std::mem::take(&mut world.records);
    // What a verb came to is said because of the decision to type it; a script knows no decisions.
    let mut decided = None;
    for record in &mut records {
        match (record.event.kind().name, &record.event) {
            ("verb_decided", _) => decided = Some(record.lsn),
            (_, Event::Fact(Fact::VerbEnded(_))) => record.cause = decided,
            _ => {}
        }
    }
    let message = Subject::Message(world.messages["a"]);
    asked(&records, message, Until::default()).chain.iter().map(|(it, _)| it.event.kind().name).collect()
}

const AT_WORK: &str = "0s send a to ada\n1s up ada\n2s turn ada running\n";
const INTERRUPTED: &str = "3s interrupt ada\n4s verb-ended interrupt ada\n";

/// C56: whose turn an operator has cut off was not worked on to its end.
#[test]
fn c56_a_message_whose_turn_was_interrupted_says_by_whose_word() {
    let kinds = kinds(&format!("{AT_WORK}{INTERRUPTED}"));
    assert_eq!(kinds[..3], ["verb_ended", "verb_decided", "interrupt_requested"], "{kinds:?}");
    assert!(kinds.contains(&"delivered"), "{kinds:?}");
}

/// C56: an interrupt belongs to the message that was worked on.
#[test]
fn c56_an_interrupt_of_another_turn_is_none_of_a_message() {
    let other = format!("{AT_WORK}2s turn ada ended\n2s turn ada running\n{INTERRUPTED}");
    assert!(!kinds(&other).contains(&"verb_ended"), "its turn had ended");
    let next =
        "0s send a to ada\n1s up ada\n2s turn ada ended\n2s send b to ada\n2s typed b ada\n2s proven b ada by hook\n";
    assert!(!kinds(&format!("{next}{INTERRUPTED}")).contains(&"verb_ended"), "another message was worked on");
}
