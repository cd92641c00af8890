//! What is known of a turn, while it runs and when it ends (C46, C46b), of both programs.

use std::fs;
use std::time::{Duration, Instant};

use dormouse::model::delivery::{Gate, Proof};
use dormouse::model::event::{ConversationNamed, Decision, Event, Fact, SessionStarted, TurnObserved, TurnSeen};
use dormouse::model::session::Source;

use crate::daemon_fixture::until;
use crate::model::Answer;
use crate::place::Place;
use crate::{claude, codex};

/// Longest from what happens on the screen to its record.
const KNOWN_WITHIN: Duration = Duration::from_secs(2);

impl Place {
    /// The first turn told behind record `after` that is like `wanted`, by whom, and its record.
    #[track_caller]
    pub fn told(&self, after: u64, what: &str, wanted: impl Fn(&TurnSeen) -> bool) -> (Source, u64) {
        self.world.await_record(what, |record| match &record.event {
            Event::Fact(Fact::TurnObserved(TurnObserved { turn, source, .. })) if record.lsn.0 > after => {
                wanted(turn).then_some((*source, record.lsn.0))
            }
            _ => None,
        })
    }

    fn last_record(&self) -> u64 {
        self.world.records().last().map_or(0, |record| record.lsn.0)
    }

    pub fn turn_in_ls(&self) -> (String, String) {
        let ls = self.world.json(&["ls"]);
        let said = |field: &str| ls[0]["session"][field].as_str().unwrap_or_default().to_owned();
        (said("turn"), said("reason"))
    }
}

pub fn is_over(turn: &TurnSeen) -> bool {
    matches!(turn, TurnSeen::Ended | TurnSeen::Idle)
}

fn is_waiting(turn: &TurnSeen) -> bool {
    matches!(turn, TurnSeen::Waiting { .. })
}

/// C46b: no hook tells of a turn that a person interrupts.
#[track_caller]
fn an_interrupt_is_known(place: &Place, by: &[Source]) {
    place.model.answers([Answer::Held("never heard")]);
    let asked = place.model.asked().len();
    let message = place.send("ada", "think");
    assert_eq!(place.delivered(message), place.proof);
    place.asked(asked + 1);
    let before = place.last_record();
    let pressed = Instant::now();
    place.press("Escape");
    let (source, _) = place.told(before, "the end of the turn", is_over);
    eprintln!("an interrupt was known by {source:?} after {:?}", pressed.elapsed());
    assert!(pressed.elapsed() < KNOWN_WITHIN, "{:?}", pressed.elapsed());
    assert!(by.contains(&source), "{source:?}");
    place.model.release();
}

#[test]
fn c46b_claudes_turn_that_is_interrupted_is_known_to_have_ended() {
    an_interrupt_is_known(&claude::settled(&[]), &[Source::StatusFile]);
}

#[test]
fn c46b_codexs_turn_that_is_interrupted_is_known_to_have_ended() {
    an_interrupt_is_known(&codex::settled(&[]), &[Source::Terminal]);
}

#[test]
fn c46b_a_hook_of_codex_tells_of_an_interrupt() {
    let mut place = codex::settled(&["--consent", "hook_trust"]);
    place.proof = Proof::Hook;
    an_interrupt_is_known(&place, &[Source::Hook, Source::Terminal]);
    // Which of the two is heard first is left to chance; the hook has to be heard.
    place.world.await_record("the hook's word", |record| match &record.event {
        Event::Fact(Fact::TurnObserved(told)) if told.source == Source::Hook => is_over(&told.turn).then_some(()),
        _ => None,
    });
}

/// C46b: an interrupt before the first word leaves nothing in Claude's record; one behind it does.
#[track_caller]
fn an_interrupted_answer_is_known(place: &Place, by: Source) {
    place.model.answers([Answer::Halfway("so far so good\n\nand then")]);
    let message = place.send("ada", "tell me");
    assert_eq!(place.delivered(message), place.proof);
    until("the first words", || place.screen().contains("so far so good"));
    let before = place.last_record();
    let pressed = Instant::now();
    place.press("Escape");
    let (source, _) = place.told(before, "the end of the turn", is_over);
    eprintln!("an interrupted answer was known by {by:?} after {:?}", pressed.elapsed());
    assert!(pressed.elapsed() < KNOWN_WITHIN, "{:?}", pressed.elapsed());
    assert_eq!(source, by);
    place.model.release();
}

/// C46b: where no hook, status file or terminal is heard, the record tells of the end of a turn.
#[track_caller]
fn ends_are_told_by_the_record(place: &Place, names_turns: bool) {
    let message = place.send("ada", "hello");
    assert_eq!(place.delivered(message), place.proof);
    let (source, lsn) = place.told(0, "the end of the first turn", is_over);
    assert_eq!(source, Source::Transcript);
    let named = place.world.records().iter().any(|record| match &record.event {
        Event::Fact(Fact::TurnObserved(told)) if record.lsn.0 == lsn => told.turn_id.is_some(),
        _ => false,
    });
    assert_eq!(named, names_turns);
}

#[test]
fn c46b_claudes_record_tells_the_end_of_its_turns() {
    let place = claude::settled_told_by("transcript");
    ends_are_told_by_the_record(&place, false);
    an_interrupted_answer_is_known(&place, Source::Transcript);
}

#[test]
fn c46b_codexs_record_tells_the_end_of_its_turns() {
    let place = codex::settled_told_by("transcript");
    ends_are_told_by_the_record(&place, true);
    an_interrupt_is_known(&place, &[Source::Transcript]);
}

#[test]
fn c46b_claudes_title_tells_of_its_turns() {
    let place = claude::settled_told_by("title");
    an_interrupted_answer_is_known(&place, Source::Title);
    // Last, for it puts the message back into the box.
    an_interrupt_is_known(&place, &[Source::Title]);
}

#[test]
fn c46b_codexs_title_tells_of_its_turns() {
    an_interrupt_is_known(&codex::settled_told_by("title"), &[Source::Title]);
}

/// C46b: the answer that fails ends the turn, and `ls` says so.
#[track_caller]
fn an_error_is_known(place: &Place, error: u16, source: Source) {
    place.model.answers([Answer::Error(error), Answer::Error(error), Answer::Error(error)]);
    let message = place.send("ada", "hello");
    assert_eq!(place.delivered(message), place.proof);
    place.asked(1);
    let refused = Instant::now();
    let (by, _) = place.told(0, "the failure", |turn| matches!(turn, TurnSeen::Failed { .. }));
    assert!(refused.elapsed() < KNOWN_WITHIN, "{:?}", refused.elapsed());
    assert_eq!(by, source);
    until("the error in ls", || place.turn_in_ls().0 == "error");
}

#[test]
fn c46b_claudes_turn_that_fails_is_known_to_have_failed() {
    let mut place = claude::settled(&[]);
    place.world.terminate();
    place.world.set_env("CLAUDE_CODE_MAX_RETRIES", "0");
    place.world.start();
    an_error_is_known(&place, 500, Source::Hook);
}

#[test]
fn c46b_codexs_turn_that_fails_is_known_to_have_failed() {
    an_error_is_known(&codex::settled(&[]), 400, Source::Terminal);
}

/// C27, C46: whichever of its sources is first, a permission is waited for by a person's word, and a message for that; a refusal ends the turn.
#[track_caller]
fn a_refused_dialog_is_known(place: &Place, asked_by: &[Source], ended_by: &[Source]) {
    let made = place.world.path("ada").join("made");
    place.model.answers([Answer::Bash(format!("touch {}", made.display()))]);
    let first = place.send("ada", "do it");
    assert_eq!(place.delivered(first), place.proof);
    let (source, asked) = place.told(0, "the question", is_waiting);
    assert!(asked_by.contains(&source), "{source:?}");
    assert_eq!(place.turn_in_ls().0, "waiting");
    let ls = place.world.ok(&["ls"]);
    assert!(ls.contains("waiting for a person: permission"), "{ls}");
    let second = place.send("ada", "and another thing");
    place.held_for(second, |gate| matches!(gate, Gate::NeedsPerson { .. }));
    let pressed = Instant::now();
    place.press("Escape");
    let (source, _) = place.told(asked, "the end of the turn", is_over);
    assert!(pressed.elapsed() < KNOWN_WITHIN, "{:?}", pressed.elapsed());
    assert!(ended_by.contains(&source), "{source:?}");
    assert_eq!(place.delivered(second), place.proof);
    assert!(!fs::exists(&made).unwrap(), "the call was approved");
}

#[test]
fn c46_a_dialog_of_claudes_is_told_and_its_refusal_by_the_status_file() {
    let place = claude::settled(&["--arg", "--permission-mode", "--arg", "manual"]);
    a_refused_dialog_is_known(&place, &[Source::Hook, Source::StatusFile], &[Source::StatusFile]);
}

#[test]
fn c46_a_dialog_of_codexs_is_told_and_its_refusal_too() {
    let place = codex::settled(&["--arg", "--ask-for-approval", "--arg", "on-request"]);
    a_refused_dialog_is_known(&place, &[Source::Terminal], &[Source::Terminal]);
}

/// C24: hooks that a person trusts are asked about once, and not again in the next session.
#[test]
fn c24_codexs_hooks_are_trusted_once_and_prove_exactly() {
    let mut place = codex::settled(&["--consent", "hook_trust"]);
    place.proof = Proof::Hook;
    let first = place.send("ada", "hello");
    assert_eq!(place.delivered(first), Proof::Hook);
    let dialogs = place.answered().len();
    assert!(dialogs > 0, "{}", place.world.story());
    place.world.ok(&["new", "ada"]);
    place
        .world
        .await_record("the end", |record| matches!(record.event, Event::Fact(Fact::SessionGone(_))).then_some(()));
    let second = place.send("ada", "again");
    assert_eq!(place.delivered(second), Proof::Hook);
    assert_eq!(place.answered().len(), dialogs, "it asked once more");
    place.world.audit_is_clean();
}

/// C24: without that consent nothing of ours makes it ask, and its own word on its terminal serves.
#[test]
fn c24_codex_without_trusted_hooks_is_not_made_to_ask() {
    let place = codex::settled(&[]);
    let message = place.send("ada", "hello");
    assert_eq!(place.delivered(message), Proof::TranscriptExact);
    place.told(0, "the end of the turn", is_over);
    assert_eq!(place.answered(), []);
}

/// C17: what Codex calls the conversation is learned, and what a park keeps.
#[test]
fn c17_codexs_conversation_is_known_by_the_file_in_which_the_message_was_found() {
    let place = codex::settled(&[]);
    let message = place.send("ada", "hello");
    assert_eq!(place.delivered(message), Proof::TranscriptExact);
    let named = place.world.await_record("the name", |record| match &record.event {
        Event::Fact(Fact::ConversationNamed(ConversationNamed { resume_ref, .. })) => Some(resume_ref.clone()),
        Event::Fact(Fact::SessionStarted(SessionStarted { resume_ref: Some(made_up), .. })) => panic!("{made_up}"),
        _ => None,
    });
    place.world.ok(&["stop", "ada"]);
    let parked = place.world.await_record("the park", |record| match &record.event {
        Event::Decision(Decision::Parked(parked)) => Some(parked.resume_ref.clone()),
        _ => None,
    });
    assert_eq!(parked, Some(named));
}

/// C61a, C14: what Claude says while no daemon runs is heard later, and settles a delivery that was in doubt.
#[test]
fn c61a_claudes_word_for_a_message_is_heard_after_a_restart() {
    let mut place = claude::settled(&[]);
    place.model.answers([Answer::Text("one"), Answer::Held("two")]);
    let first = place.send("ada", "one");
    assert_eq!(place.delivered(first), Proof::Hook);
    place.told(0, "the end of the turn", is_over);
    place.world.kill();
    place.types("by hand");
    place.press("Enter");
    place.asked(2);
    let last = place.last_record();
    place.world.start();
    let (source, _) = place.told(last, "the turn that began meanwhile", |turn| *turn == TurnSeen::Running);
    assert_eq!(source, Source::Hook);
    assert_eq!(place.turn_in_ls().0, "running");
    place.model.release();
}

/// How `ls` comes to show `turn` at the start of a daemon, within two seconds of its service.
#[track_caller]
fn is_known_at_the_start(place: &mut Place, turn: &str) {
    place.world.start();
    let serves = Instant::now();
    until(turn, || place.turn_in_ls().0 == turn);
    assert!(serves.elapsed() < KNOWN_WITHIN, "{:?}", serves.elapsed());
    place.world.audit_is_clean();
}

/// C46b, C60: nor is it lost that a person has interrupted a turn while no daemon ran. `shown` is seen in that turn.
#[track_caller]
fn an_interrupt_that_nobody_heard_is_known(mut place: Place, answer: Answer, shown: &str) {
    place.model.answers([answer]);
    let message = place.send("ada", "tell me");
    assert_eq!(place.delivered(message), place.proof);
    until("the turn", || place.turn_in_ls().0 == "running" && place.screen().contains(shown));
    place.world.kill();
    place.press("Escape");
    until("the interrupt", || place.screen().contains("nterrupted"));
    is_known_at_the_start(&mut place, "ended");
    place.model.release();
}

#[test]
fn c46b_an_interrupt_of_claudes_that_nobody_heard_is_known() {
    // Before its first word an interrupt shows nothing but the message, back in the box.
    let place = claude::settled(&[]);
    let answer = Answer::Halfway("so far so good\n\nand then");
    an_interrupt_that_nobody_heard_is_known(place, answer, "so far so good");
}

#[test]
fn c46b_an_interrupt_of_codexs_that_nobody_heard_is_known() {
    an_interrupt_that_nobody_heard_is_known(codex::settled(&[]), Answer::Held("never said"), "esc to interrupt");
}

/// C46b, C60, C61a: nor that a turn has failed which a person began. `shown` is what the program writes then.
#[track_caller]
fn an_error_that_nobody_heard_is_known(mut place: Place, error: u16, shown: &str) {
    place.model.answers([Answer::Text("one"), Answer::Error(error), Answer::Error(error)]);
    let message = place.send("ada", "one");
    assert_eq!(place.delivered(message), place.proof);
    until("the end of the turn", || place.turn_in_ls().0 == "ended");
    place.world.kill();
    place.types("by hand");
    place.press("Enter");
    until("the error", || place.screen().contains(shown));
    is_known_at_the_start(&mut place, "error");
}

#[test]
fn c46b_an_error_of_claudes_that_nobody_heard_is_known() {
    let mut place = claude::settled(&[]);
    place.world.terminate();
    place.world.set_env("CLAUDE_CODE_MAX_RETRIES", "0");
    place.world.start();
    an_error_that_nobody_heard_is_known(place, 500, "API Error");
}

#[test]
fn c46b_an_error_of_codexs_that_nobody_heard_is_known() {
    an_error_that_nobody_heard_is_known(codex::settled(&[]), 400, "■");
}
