//! By what each program tells of its turns, where it has its hooks.

use std::collections::BTreeSet;
use std::fs;

use dormouse::model::event::{Event, Fact, TurnSeen};
use dormouse::model::session::Source;
use serde_json::json;

use crate::daemon_fixture::until;
use crate::model::{Answer, Asked};
use crate::place::Place;
use crate::{claude, codex};

/// What hooks alone have told, in its order, each with the name of its turn; signs of life are left out.
fn told_by_hooks(place: &Place) -> Vec<(TurnSeen, Option<String>)> {
    let told = place.world.records().into_iter().filter_map(|record| match record.event {
        Event::Fact(Fact::TurnObserved(told)) if told.source == Source::Hook && told.turn != TurnSeen::Alive => {
            assert!(told.said_at.is_some(), "{told:?}: C46b wants to know when it was said");
            Some((told.turn, told.turn_id))
        }
        _ => None,
    });
    told.collect()
}

fn signs_of_life(place: &Place) -> usize {
    let is_sign = |event: &Event| matches!(event, Event::Fact(Fact::TurnObserved(told)) if told.source == Source::Hook && told.turn == TurnSeen::Alive);
    place.world.records().iter().filter(|record| is_sign(&record.event)).count()
}

/// C46b: a permission is asked for, given, and the turn ends: each by a hook, all with the name of the one turn.
#[track_caller]
fn a_granted_permission_is_told_by_hooks(place: &Place, question: &str) {
    let made = place.world.path("ada").join("made");
    place.model.answers([Answer::Bash(format!("touch {}", made.display()))]);
    let message = place.send("ada", "do it");
    assert_eq!(place.delivered(message), place.proof);
    until("the question, by a hook", || {
        told_by_hooks(place).iter().any(|(turn, _)| matches!(turn, TurnSeen::Waiting { .. }))
    });
    until("the question on the screen", || place.screen().contains(question));
    // A key that comes with the dialog is not taken for an answer to it.
    until("the question to be answered", || {
        place.press("Enter");
        !place.screen().contains(question)
    });
    until("the end, by a hook", || told_by_hooks(place).last().is_some_and(|(turn, _)| *turn == TurnSeen::Ended));
    until("the work", || fs::exists(&made).unwrap());
    let told = told_by_hooks(place);
    assert_eq!(told.first().map(|(turn, _)| turn), Some(&TurnSeen::Running), "{told:?}");
    let names: BTreeSet<_> = told.iter().map(|(_, name)| name.clone()).collect();
    assert!(names.len() == 1 && names.first().unwrap().is_some(), "{told:?}");
    place.world.audit_is_clean();
}

#[test]
fn c46b_claudes_hooks_tell_of_a_permission_and_of_the_end() {
    let place = claude::settled(&["--arg", "--permission-mode", "--arg", "manual"]);
    a_granted_permission_is_told_by_hooks(&place, "Do you want to proceed?");
}

#[test]
fn c46b_codexs_hooks_tell_of_a_permission_and_of_the_end() {
    let args = ["--consent", "hook_trust", "--arg", "--ask-for-approval", "--arg", "on-request"];
    let mut place = codex::settled(&args);
    place.proof = dormouse::model::delivery::Proof::Hook;
    a_granted_permission_is_told_by_hooks(&place, "Would you like to run");
}

/// A model that lets a helper work before it answers.
fn lets_a_helper_work(asked: &Asked) -> Option<Answer> {
    let said = asked.body["messages"].to_string();
    let of_helper = !said.contains("share the work");
    (!of_helper && !said.contains("tool_result")).then(|| {
        let part = json!({ "description": "A part", "prompt": "a helper's part", "subagent_type": "general-purpose" });
        Answer::OfProgram("Agent", part)
    })
}

/// C45, C46: while a helper works, the turn is paused and not over; the helper's own end is a sign of life, as the beginning and
/// the end of the conversation are.
#[test]
fn c45_what_claudes_helper_does_is_a_sign_of_life_and_no_turn() {
    let place = claude::settled(&["--arg", "--permission-mode", "--arg", "manual"]);
    place.model.thinks(lets_a_helper_work);
    let message = place.send("ada", "share the work");
    assert_eq!(place.delivered(message), place.proof);
    until("the end, by a hook", || told_by_hooks(&place).last().is_some_and(|(turn, _)| *turn == TurnSeen::Ended));
    let helped = place.model.asked().iter().any(|asked| {
        let said = asked.body["messages"].to_string();
        said.contains("a helper's part") && !said.contains("share the work")
    });
    assert!(helped, "no helper has worked\n{}", place.world.story());
    let told: Vec<_> = told_by_hooks(&place).into_iter().map(|(turn, _)| turn).collect();
    let paused = TurnSeen::Background { on: "1 task".to_owned() };
    assert_eq!(told, [TurnSeen::Running, paused, TurnSeen::Running, TurnSeen::Ended]);
    let before = signs_of_life(&place);
    assert!(before >= 2, "the beginning and the helper's end: {before}");
    place.world.ok(&["stop", "ada"]);
    until("the end of the conversation, by a hook", || signs_of_life(&place) > before);
    place.world.audit_is_clean();
}

/// C46b: without that trust Codex calls its older `notify` at the end of a turn, and names the turn.
#[test]
fn c46b_codexs_notify_tells_of_the_end_of_each_turn() {
    let place = codex::settled(&[]);
    for turns in 1..=2 {
        let message = place.send("ada", "hello");
        assert_eq!(place.delivered(message), place.proof);
        until("its word", || told_by_hooks(&place).len() == turns);
    }
    let told = told_by_hooks(&place);
    assert!(told.iter().all(|(turn, name)| *turn == TurnSeen::Ended && name.is_some()), "{told:?}");
    assert_ne!(told[0].1, told[1].1);
}
