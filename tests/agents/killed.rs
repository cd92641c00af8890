//! The daemon is killed while an agent is at something.

use std::time::{Duration, Instant};

use dormouse::model::delivery::Gate;
use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::id::MessageId;

use crate::alike::{Prompts, resumes_after_a_kill, times};
use crate::daemon_fixture::until;
use crate::model::Answer;
use crate::place::{Place, is_whole, long, nasty};
use crate::{anthropic, claude, codex, openai};

/// Where a delivery is when the daemon goes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Decided on, and perhaps being typed.
    Begun,
    /// In the box, or on its way into it.
    Shown,
    /// In the turn that it has begun.
    Read,
}

/// Returns once the delivery of `message` has begun.
#[track_caller]
fn begins(place: &Place, message: MessageId) {
    place.world.await_record("the delivery's beginning", |record| {
        let begun = matches!(record.event, Event::Fact(Fact::DeliveryBegun(_)));
        (begun && record.subject.message == Some(message)).then_some(())
    });
}

/// C34, C60, C61: the session lives on, and what was under way arrives, once: the program's own record says whether it
/// had arrived before.
#[track_caller]
fn in_mid_delivery(place: &mut Place, prompts: Prompts) {
    let first = place.send("ada", "hello");
    place.delivered(first);
    let born = place.started();
    let mut sent = vec![first];
    for moment in [Moment::Begun, Moment::Shown, Moment::Read].repeat(3) {
        let message = place.send("ada", &format!("killed when {moment:?}"));
        let shown = message.to_string();
        match moment {
            Moment::Begun => begins(place, message),
            Moment::Shown => until("the message on the screen", || place.screen().contains(&shown)),
            Moment::Read => until("the model to be asked", || times(place, prompts, message) > 0),
        }
        place.world.kill();
        place.world.start();
        place.delivered(message);
        sent.push(message);
    }
    let last = place.send("ada", "and goodbye");
    place.delivered(last);
    sent.push(last);
    for message in sent {
        until("the model to be asked", || times(place, prompts, message) > 0);
        assert_eq!(times(place, prompts, message), 1, "message {message}\n{}", place.world.story());
    }
    assert_eq!(place.started(), born, "the session has lived through all of it");
    place.world.audit_is_clean();
}

/// C25, C34: a text that takes long to be pasted arrives whole, and once, whoever pastes it.
#[track_caller]
fn in_mid_paste(place: &mut Place, prompts: Prompts, normalise: fn(&str) -> String) {
    let first = place.send("ada", "hello");
    place.delivered(first);
    for body in [nasty(), long()].iter().cycle().take(4) {
        let message = place.send("ada", body);
        begins(place, message);
        place.world.kill();
        place.world.start();
        place.delivered(message);
        until("the model to be asked", || times(place, prompts, message) > 0);
        // Where the first attempt may have arrived, the second one says so.
        let prompt = place.prompt(message, prompts);
        let marked: Vec<_> = prompt.lines().filter(|line| line.starts_with("[note: possible duplicate;")).collect();
        let text = marked.iter().fold(prompt.clone(), |text, note| text.replacen(&format!("{note}\n"), "", 1));
        is_whole(&text, body, normalise);
    }
    assert!(!place.world.path("ada").join("made").exists(), "a part of it was executed");
    place.world.audit_is_clean();
}

/// C27, C46: what waits for a person goes on waiting, and what waits behind it too; nothing is approved.
#[track_caller]
fn before_a_question(place: &mut Place) {
    let made = place.world.path("ada").join("made");
    place.model.answers([Answer::Bash(format!("touch {}", made.display()))]);
    let first = place.send("ada", "do it");
    place.delivered(first);
    let second = place.send("ada", "and another thing");
    place.held_for(second, |gate| matches!(gate, Gate::NeedsPerson { .. }));
    let born = place.started();
    place.world.kill();
    place.world.start();
    let queue = || place.world.ok(&["queue", "ada"]);
    until("the queue to name the person", || queue().contains("person"));
    place.asked(1);
    assert!(!made.exists(), "the call was approved");
    place.press("Escape");
    place.delivered(second);
    assert!(!made.exists());
    assert_eq!(place.started(), born);
    place.world.audit_is_clean();
}

/// C46, C60: a question that a person refuses while no daemon runs has ended the turn, for the next one to find.
#[track_caller]
fn before_a_refusal(place: &mut Place) {
    let made = place.world.path("ada").join("made");
    place.model.answers([Answer::Bash(format!("touch {}", made.display()))]);
    let first = place.send("ada", "do it");
    place.delivered(first);
    until("the question", || place.turn_in_ls().0 == "waiting");
    let asked = place.screen();
    place.world.kill();
    place.press("Escape");
    until("the screen to go on", || place.screen() != asked);
    place.world.start();
    let began = Instant::now();
    until("the turn's end in ls", || ["ended", "idle"].contains(&place.turn_in_ls().0.as_str()));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let second = place.send("ada", "and another thing");
    place.delivered(second);
    assert!(!made.exists(), "the call was approved");
    place.world.audit_is_clean();
}

#[test]
fn c46_a_refusal_of_claudes_question_that_no_daemon_saw_is_known() {
    before_a_refusal(&mut claude::settled(&["--arg", "--permission-mode", "--arg", "manual"]));
}

#[test]
fn c46_a_refusal_of_codexs_question_that_no_daemon_saw_is_known() {
    before_a_refusal(&mut codex::settled(&["--arg", "--ask-for-approval", "--arg", "on-request"]));
}

/// C46, C60: a turn that runs while nobody looks is still running for the next daemon, which gives it nothing new.
#[track_caller]
fn in_mid_turn(place: &mut Place, prompts: Prompts) {
    place.model.answers([Answer::Held("at last")]);
    let first = place.send("ada", "think");
    place.delivered(first);
    until("the model to be asked", || times(place, prompts, first) > 0);
    place.world.kill();
    place.world.start();
    let second = place.send("ada", "are you there?");
    place.held_for(second, |gate| *gate == Gate::TurnRunning);
    place.asked(1);
    place.model.release();
    place.delivered(second);
    until("the model to be asked", || times(place, prompts, second) > 0);
    assert_eq!(times(place, prompts, second), 1);
    let reaped = |event: &Event| matches!(event, Event::Decision(Decision::Reaped(_) | Decision::SessionDied(_)));
    assert!(!place.world.records().iter().any(|record| reaped(&record.event)), "{}", place.world.story());
    place.world.audit_is_clean();
}

#[test]
fn c34_a_killed_daemon_neither_loses_nor_doubles_what_it_gives_to_claude() {
    in_mid_delivery(&mut claude::settled(&[]), anthropic::prompts);
}

#[test]
fn c34_a_killed_daemon_neither_loses_nor_doubles_what_it_gives_to_codex() {
    in_mid_delivery(&mut codex::settled(&[]), openai::prompts);
}

#[test]
fn c25_a_killed_daemon_gives_claude_a_long_text_whole() {
    in_mid_paste(&mut claude::settled(&[]), anthropic::prompts, claude::normalise);
}

#[test]
fn c25_a_killed_daemon_gives_codex_a_long_text_whole() {
    in_mid_paste(&mut codex::settled(&[]), openai::prompts, str::to_owned);
}

#[test]
fn c27_a_killed_daemon_leaves_claudes_question_to_a_person() {
    before_a_question(&mut claude::settled(&["--arg", "--permission-mode", "--arg", "manual"]));
}

#[test]
fn c27_a_killed_daemon_leaves_codexs_question_to_a_person() {
    before_a_question(&mut codex::settled(&["--arg", "--ask-for-approval", "--arg", "on-request"]));
}

#[test]
fn c60_a_killed_daemon_leaves_claudes_turn_alone() {
    in_mid_turn(&mut claude::settled(&[]), anthropic::prompts);
}

#[test]
fn c60_a_killed_daemon_leaves_codexs_turn_alone() {
    in_mid_turn(&mut codex::settled(&[]), openai::prompts);
}

#[test]
fn c60_a_conversation_of_claude_that_a_killed_daemon_parked_is_resumed() {
    resumes_after_a_kill(&mut claude::settled(&[]), anthropic::prompts);
}

#[test]
fn c60_a_conversation_of_codex_that_a_killed_daemon_parked_is_resumed() {
    resumes_after_a_kill(&mut codex::settled(&[]), openai::prompts);
}
