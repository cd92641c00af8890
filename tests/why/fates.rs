//! What became of a message, beyond what its own records say.

use dormouse::explain::why::{Answer, GapKind, Subject, Until};
use dormouse::model::event::{Event, Fact};
use dormouse::model::record::Record;

use crate::told::lived_through;
use crate::world::ephemeral;
use crate::{asked, recorded, text};

/// What is said of the first message after these lines, latest first.
fn kinds(lines: &str) -> Vec<&'static str> {
    of("a", lines).0.chain.iter().map(|(it, _)| it.event.kind().name).collect()
}

/// What is said of a message, where it stands, and the records.
fn of(message: &str, lines: &str) -> (Answer, Vec<Record>) {
    let mut world = lived_through(|_| {}, lines);
    let records = with_causes(std::mem::take(&mut world.records));
    let mut answer = asked(&records, Subject::Message(world.messages[message]), Until::default());
    answer.stand(&world.state, world.now);
    (answer, records)
}

/// What a verb came to is said because of the decision to type it; a script knows no decisions.
pub fn with_causes(mut records: Vec<Record>) -> Vec<Record> {
    let mut decided = None;
    for record in &mut records {
        match (record.event.kind().name, &record.event) {
            ("verb_decided", _) => decided = Some(record.lsn),
            (_, Event::Fact(Fact::VerbEnded(_))) => record.cause = decided,
            _ => {}
        }
    }
    records
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

/// C56: how an interrupt has ended may be heard of when the next message has been delivered already.
#[test]
fn c56_an_interrupt_belongs_to_the_message_that_was_worked_on_when_it_was_decided() {
    let lines = format!(
        "{AT_WORK}3s send b to ada\n4s interrupt ada\n4s turn ada ended\n4s typed b ada\n4s proven b ada by hook\n\
         5s verb-ended interrupt ada"
    );
    assert!(kinds(&lines).contains(&"verb_ended"), "its turn was cut off");
    let (second, _) = of("b", &lines);
    assert!(second.chain.iter().any(|(it, _)| it.event.kind().name == "delivered"), "{:?}", second.chain);
    assert!(second.chain.iter().all(|(it, _)| it.event.kind().name != "verb_ended"), "nobody has touched its turn");
}

fn position(answer: &Answer, kind: &str) -> usize {
    let kinds: Vec<&str> = answer.chain.iter().map(|(it, _)| it.event.kind().name).collect();
    kinds.iter().position(|it| *it == kind).unwrap_or_else(|| panic!("no {kind} in {kinds:?}"))
}

const QUARANTINED: &str = "0s send a to ada\n0s gone ada exit:1\n9s gone ada exit:1\n19s gone ada exit:1\n";

/// C13: what waits names what it waits for, and where to ask on.
#[test]
fn c13_a_message_that_waits_says_why() {
    let (answer, records) = of("a", QUARANTINED);
    assert_eq!(position(&answer, "wake_refused"), 0);
    let said = text(&answer, &records);
    assert!(said.starts_with("It is queued for demo-ada, at position 1: it is quarantined for "), "{said}");
    assert!(said.contains("`dormouse whynot demo-ada delivered` says what would end that."), "{said}");
    let standing = &answer.json()["standing"];
    assert_eq!((&standing["state"], &standing["position"]), (&"queued".into(), &1.into()), "{standing}");
    let (boots, _) = of("a", "0s send a to ada\n1s started ada\n2s box ada\n3s waits a ada");
    let standing = boots.standing.expect("it is on its way");
    assert_eq!(
        (standing.state, standing.waits_for.as_str()),
        ("delivering", "the input box is not on the screen (C27)"),
        "{standing:?}"
    );
    let (over, _) = of("a", AT_WORK);
    assert!(over.json()["standing"].is_null(), "nothing is waited for any more");
}

/// C13: a gate is told of when it shuts; who comes while it is shut waits for it as well.
#[test]
fn c13_a_message_says_of_a_gate_that_was_shut_before_it_came() {
    let lines = format!("{QUARANTINED}30s send b to ada\n");
    let (second, _) = of("b", &lines);
    assert!(position(&second, "message_accepted") < position(&second, "wake_refused"));
    assert!(second.standing.expect("it waits").waits_for.contains(" is before it (C9)"));
}

/// C13, C48: how a message came to be late can be told once it has arrived.
#[test]
fn c13_a_message_that_was_late_says_what_it_has_waited_for() {
    let (late, _) = of(
        "a",
        &format!(
            "{QUARANTINED}20s start ada\n21s started ada\n22s box ada\n22s waits a ada\n\
         23s typed a ada\n24s proven a ada by hook\n40s stop ada"
        ),
    );
    let order = ["delivered", "delivery_waiting", "wake_decided", "wake_refused", "quarantined", "message_accepted"];
    let positions = order.map(|kind| position(&late, kind));
    assert!(positions.is_sorted() && positions[0] == 0, "{positions:?}");
    assert!(late.chain.iter().all(|(it, _)| it.event.kind().name != "stop_set"), "what came later held it no more");
}

/// C60: while a message waits, that no daemon runs belongs to its story.
#[test]
fn c60_a_message_that_waits_tells_of_the_time_without_a_daemon() {
    let records = recorded();
    let message = |id: &str| Subject::Message(id.parse().unwrap());
    let waiting = asked(&records, message("0000000000000000000000001C"), Until::default());
    let down: Vec<_> = waiting.gaps.iter().filter(|gap| gap.kind == GapKind::NoDaemon).map(|gap| gap.at.0).collect();
    assert_eq!(down, [744, 685]);
    let settled = asked(&records, message("00000000000000000000000001"), Until::default());
    assert!(settled.waiting().is_none() && settled.gaps.is_empty(), "{:?}", settled.gaps);
}

/// C13: nobody is told of a message that was taken and not answered; whoever asks is, by the end of its turn, else of its session.
#[test]
fn c13_a_message_that_nobody_has_answered_says_how_it_ended() {
    let newest = |lines: &str| kinds(&format!("{AT_WORK}{lines}"))[0];
    assert_eq!(newest("5s turn ada idle\n"), "turn_observed");
    assert_eq!(newest("3s gone ada signal:9\n"), "session_died");
    assert_eq!(newest("5s turn ada idle\n9s gone ada signal:9\n"), "turn_observed", "it was over by then");
    assert_eq!(newest("4000s looked ada 1h\n"), "delivered", "its turn may still run");
    assert_eq!(newest("3s answer r from ada to user:root\n5s turn ada idle\n"), "delivered", "it has been answered");
    let next = "5s turn ada idle\n6s send b to ada\n6s typed b ada\n6s proven b ada by hook\n7s turn ada idle\n";
    assert_eq!(newest(next), "turn_observed");
    let (second, _) = of("b", &format!("{AT_WORK}{next}8s turn ada running\n9s gone ada signal:9\n"));
    assert_eq!(second.chain[0].0.event.kind().name, "session_died");
}

/// C41, C41a: a task is not over when it is delivered, and that its session cannot be seen belongs to its story.
#[test]
fn c41a_a_task_says_which_session_works_on_it() {
    let told = |lines: &str| {
        let mut world = lived_through(ephemeral, lines);
        let records = with_causes(std::mem::take(&mut world.records));
        let mut answer = asked(&records, Subject::Message(world.messages["a"]), Until::default());
        answer.stand(&world.state, world.now);
        (text(&answer, &records), answer)
    };
    let (said, working) = told(AT_WORK);
    let generation = working.chain[0].0.subject.generation.unwrap();
    assert!(said.starts_with(&format!("It is with demo-ada: session {generation} works on it.\n")), "{said}");
    assert!(working.waiting().is_none(), "it waits for nothing");
    let last = working.chain[0].0.clone();
    let mut killed = working;
    killed.nobody_serves_since(&last);
    assert_eq!(killed.gaps[0].kind, GapKind::NoDaemon);
    let (answered, _) = told(&format!("{AT_WORK}3s answer r from ada to user:root\n"));
    assert!(answered.contains(": session 9 has answered, and ends once it is quiet (C37).\n"), "{answered}");
    let (cut_off, _) = told(&format!("{AT_WORK}{INTERRUPTED}5s turn ada ended\n"));
    assert!(
        cut_off.starts_with("It is with demo-ada: session 9 has ended its turn without an answer (C38).\n"),
        "{cut_off}"
    );
    for over in ["3s answer r from ada to user:root\n4s gone ada exit:0\n", "3s gone ada exit:0\n"] {
        let (said, over) = told(&format!("{AT_WORK}{over}"));
        assert!(over.open().is_none() && over.standing.is_none(), "{said}");
    }
}
