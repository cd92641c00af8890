//! What an agent is told of its message: what became of it, and moves that lead somewhere.

use dormouse::explain::cause::{Cause, Side, Waits, cause};
use dormouse::explain::why::{Subject, Until};
use dormouse::model::message::Purpose;
use dormouse::model::profile::Registration;

use crate::told::lived_through;
use crate::world::ephemeral;
use crate::{asked, fates};

/// Of the message `a` to ada, which bob has sent and cid has not.
fn told_of(message: &str, shape: fn(&mut Registration), lines: &str) -> Cause {
    told_to("bob", message, shape, lines)
}

fn told_to(own: &str, message: &str, shape: fn(&mut Registration), lines: &str) -> Cause {
    let mut world = lived_through(shape, lines);
    let records = fates::with_causes(std::mem::take(&mut world.records));
    let id = match message {
        "the report" => world.state.messages.values().find(|it| it.purpose == Purpose::Report).expect("it waits").id,
        message => world.messages[message],
    };
    let answer = asked(&records, Subject::Message(id), Until::default());
    let waits = Waits::of(&world.state, id, world.now);
    let own = world.identity(own);
    let side = Side::of(&records[..], id, &own);
    assert!(side.is_some(), "it is none of its own");
    let asked_about = world.messages["a"];
    cause(&answer, waits, &own, side, |it| it == id || it == asked_about).expect("there are records of it")
}

fn moves(cause: &Cause) -> Vec<(Option<&'static str>, &str)> {
    cause.next.iter().map(|it| (it.tool, it.what.as_str())).collect()
}

fn plain(_: &mut Registration) {}

/// bob lives, and asks ada for something.
const ASKED: &str = "0s send x to bob\n0s up bob\n1s question a from bob to ada\n";

/// C13, C41a: that the sender was told is not what became of it.
#[test]
fn c13_a_task_that_is_dead_or_ended_without_a_word_says_so() {
    let died = "2s up ada\n3s turn ada running\n4s gone ada signal:9\n";
    let dead = told_of("a", ephemeral, &format!("{ASKED}{died}5s up ada\n6s turn ada running\n7s gone ada signal:9"));
    assert_eq!(dead.code, "message_dead");
    assert!(dead.sentence.starts_with("given up after 2 attempts"), "{}", dead.sentence);
    assert_eq!(moves(&dead)[0].0, Some("send_to_peer"), "{dead:?}");
    assert_eq!(dead.chain[0].kind, "report_made", "what came of it is told all the same");
    let silent = told_of("a", ephemeral, &format!("{ASKED}2s up ada\n3s turn ada running\n4s gone ada exit:0"));
    assert_eq!((silent.code, moves(&silent)[0].0), ("task_done", Some("send_to_peer")));
    assert!(moves(&silent)[0].1.starts_with("it ended without a word"), "{silent:?}");
}

/// C13: a message that was delivered will not be answered by a session that is gone.
#[test]
fn c13_a_message_whose_session_is_gone_promises_no_answer() {
    let lost = told_of("a", plain, &format!("{ASKED}2s up ada\n3s turn ada running\n4s gone ada signal:9"));
    assert_eq!((lost.code, moves(&lost)[0].0), ("report_made", Some("send_to_peer")), "{lost:?}");
    assert!(lost.next.iter().all(|it| !it.what.contains("an answer comes") && it.tool != Some("why")), "{lost:?}");
}

#[test]
fn c04_a_message_that_was_called_back_says_so() {
    let cancelled = told_of("a", plain, &format!("{ASKED}2s cancel a"));
    assert_eq!((cancelled.code, moves(&cancelled)[0].0), ("message_cancelled", Some("send_to_peer")));
}

/// C56: who asks what became of it has asked already.
#[test]
fn c56_a_message_whose_turn_was_interrupted_leads_to_its_receiver() {
    let lines = format!("{ASKED}2s up ada\n3s turn ada running\n4s interrupt ada\n5s verb-ended interrupt ada");
    let cut_off = told_of("a", plain, &lines);
    assert_eq!((cut_off.code, moves(&cut_off).len(), moves(&cut_off)[0].0), ("verb_ended", 1, Some("send_to_peer")));
}

/// C13, C48: what waits says what for, without naming others' messages, and what may be done.
#[test]
fn c13_a_message_that_waits_says_what_for_and_what_may_be_done() {
    let died = "2s gone ada exit:1\n9s gone ada exit:1\n19s gone ada exit:1\n";
    let waits = told_of("a", plain, &format!("{ASKED}{died}20s passes"));
    assert_eq!(waits.code, "message_accepted");
    assert!(waits.sentence.starts_with("it is queued, at position 1: it is quarantined for 4 min "), "{waits:?}");
    let told = moves(&waits);
    assert!(
        told.iter().any(|(_, what)| what.contains("tell a person") && what.contains("`dormouse start`")),
        "{told:?}"
    );
    assert!(told.last().unwrap().1.ends_with("do not send it again"), "{told:?}");
    assert!(told.iter().all(|(tool, what)| *tool != Some("why") && !what.ends_with("it wakes")), "{told:?}");
    let behind =
        format!("0s send other to ada\n1s send x to bob\n1s up bob\n2s question a from bob to ada\n{died}20s passes");
    let second = told_of("a", plain, &behind);
    let before = "it is queued, at position 2: another message is before it (C9); that one waits: it is quarantined";
    assert!(second.sentence.starts_with(before), "{second:?}");
    let texts = serde_json::to_string(&(&second.sentence, &second.next)).unwrap();
    assert!(!texts.contains("0000000"), "the one before it is none of bob's: {texts}");
}

/// C13: who has not waited for a reply is told of no end, and must not be told to wait for an answer that cannot come.
#[test]
fn c13_a_message_that_ended_without_a_word_is_not_waited_for() {
    const SENT: &str = "0s send x to bob\n0s up bob\n1s answer a from bob to ada\n2s up ada\n3s turn ada running\n";
    let cases = [("4s gone ada signal:9", "session_died"), ("4s turn ada idle", "turn_observed")];
    for (end, code) in cases {
        let ended = told_of("a", plain, &format!("{SENT}{end}"));
        assert_eq!((ended.code, moves(&ended)[0].0), (code, Some("send_to_peer")), "{ended:?}");
        assert!(ended.sentence.starts_with("it ended without an answer: "), "{}", ended.sentence);
        assert!(moves(&ended)[0].1.starts_with("it ended without a word"), "{ended:?}");
        assert_eq!(ended.chain[0].kind, code);
    }
    let at_work = told_of("a", plain, SENT);
    assert_eq!(
        (at_work.code, moves(&at_work)[0].1),
        ("delivered", "wait: an answer comes to you as a message of its own")
    );
}

/// C62: whom a message is for answers it, and neither waits for an answer to it nor sends it again.
#[test]
fn c62_whom_a_message_is_for_is_told_to_answer_it() {
    let told = |lines: &str| told_to("ada", "a", plain, &format!("{ASKED}{lines}"));
    let waits = told("20s passes");
    assert!(
        moves(&waits).last().unwrap().1.ends_with("it stays in your queue and is handed to you by itself"),
        "{waits:?}"
    );
    let at_work = told("2s up ada\n3s turn ada running\n");
    assert_eq!(moves(&at_work), [(Some("send_to_peer"), "answer it: its id is `answers`")]);
    let cut_off = told("2s up ada\n3s turn ada running\n4s interrupt ada\n5s verb-ended interrupt ada\n");
    assert!(moves(&cut_off)[0].1.ends_with("answer it: its id is `answers`"), "{cut_off:?}");
    let answered = told("2s up ada\n3s turn ada running\n4s reply r from ada to bob answers a\n");
    assert_eq!(moves(&answered), [(None, "nothing: you have answered it")]);
    let ended = told("2s up ada\n3s turn ada running\n4s gone ada signal:9\n");
    assert_eq!(moves(&ended), [(Some("send_to_peer"), "answer it: its id is `answers`")]);
    let cancelled = told("2s cancel a\n");
    assert_eq!(moves(&cancelled)[0].0, None);
}

/// C13: a report has a name as soon as it waits, and whoever is told of it may ask by that.
#[test]
fn c13_a_report_is_told_of_by_its_own_name() {
    let ended = format!("{ASKED}2s up ada\n3s turn ada running\n4s turn bob running\n5s gone ada signal:9\n");
    let waits = told_of("the report", plain, &ended);
    assert!(waits.sentence.starts_with("it is "), "{waits:?}");
    assert!(waits.chain.iter().any(|it| it.kind == "report_made"), "{waits:?}");
    assert!(moves(&waits).iter().all(|(_, what)| !what.contains("send it again")), "{waits:?}");
}
