//! Turns in which nothing is to be seen for a minute and a half, with programs that are taken for idle after five seconds
//! (C46). They are lived through side by side, for all there is to do is to wait.

use std::thread;
use std::time::Duration;

use dormouse::model::delivery::Proof;
use dormouse::model::event::{Decision, Event, Fact, Kept, KeptBecause, TurnSeen};
use dormouse::model::record::Record;
use dormouse::model::session::ReapReason;

use crate::model::{Answer, Asked};
use crate::place::Place;
use crate::turns::is_over;
use crate::{claude, codex};

const IMPATIENT: &str = "idle = \"5s\"\nephemeral_quiet = \"5s\"\nephemeral_unarmed_idle = \"5s\"\n";

const SILENCE: Duration = Duration::from_secs(90);

/// From the beginning of the silence until its session is gone.
const LONGEST: Duration = Duration::from_secs(180);

/// Claude refuses to wait for a bare `sleep`.
fn takes_its_time() -> String {
    format!("timeout {} tail -f /dev/null", SILENCE.as_secs())
}

/// Codex gives a command back to its model while that still runs; this model goes on waiting for it, as they do.
fn waits_for_its_command(asked: &Asked) -> Option<Answer> {
    let mut results = asked.body["input"].as_array()?.iter().filter(|item| item["type"] == "function_call_output");
    let (_, id) = results.next_back()?["output"].as_str()?.split_once("session ID ")?;
    let id: String = id.chars().take_while(char::is_ascii_digit).collect();
    Some(Answer::Waits(id.parse().ok()?))
}

/// C46: `answer` begins a silent turn; its session is kept for as long as that lasts, by the name of `why`, and is idle
/// only then.
#[track_caller]
fn outlasts(place: &Place, answer: Answer, why: KeptBecause) {
    place.model.answers([answer]);
    let message = place.send("ada", "take your time");
    assert_eq!(place.delivered(message), place.proof);
    place.asked(1);
    let mut tail = place.world.tail();
    let mut next = |what: &str, wanted: &dyn Fn(&Event) -> bool| -> Record {
        let found = tail.find(LONGEST, |record| wanted(&record.event).then(|| record.clone()));
        found.unwrap_or_else(|| panic!("never came: {what}\n{}", place.world.story()))
    };
    let is_reaped = |event: &Event| matches!(event, Event::Decision(Decision::Reaped(_)));
    let began = next("the message", &|event| matches!(event, Event::Decision(Decision::Delivered(_))));
    let kept =
        |event: &Event| matches!(event, Event::Decision(Decision::Kept(Kept { why: because })) if *because == why);
    let kept = next("it to be kept", &|event| kept(event) || is_reaped(event));
    assert!(!is_reaped(&kept.event), "{}", place.world.story());
    assert_eq!(place.turn_in_ls().0, "running");
    // The end of all work, where some of it was in the background.
    let is_end = |event: &Event| match event {
        Event::Fact(Fact::TurnObserved(told)) if why == KeptBecause::BackgroundWork => told.turn == TurnSeen::Ended,
        Event::Fact(Fact::TurnObserved(told)) => is_over(&told.turn),
        _ => false,
    };
    let ended = next("the end of the turn", &|event| is_end(event) || is_reaped(event));
    assert!(!is_reaped(&ended.event), "{}", place.world.story());
    let lasted_ms = ended.at.since(began.at);
    assert!(lasted_ms >= SILENCE.as_millis() as u64 - 1_000, "its turn lasted {lasted_ms} ms\n{}", place.world.story());
    let reaped = next("the reap", &is_reaped);
    let idle =
        matches!(&reaped.event, Event::Decision(Decision::Reaped(it)) if matches!(it.reason, ReapReason::Idle { .. }));
    assert!(idle, "{reaped:?}");
    place.world.audit_is_clean();
}

/// C46: streams that say nothing, a tool that sleeps, and work in the background.
#[test]
fn c46_a_turn_that_is_silent_for_ninety_seconds_is_never_reaped() {
    // In auto mode each call would first be put to a model of its own.
    let tools = ["--arg", "--permission-mode", "--arg", "manual", "--arg", "--allowedTools", "--arg", "Bash"];
    let streams =
        || outlasts(&claude::settled_with(IMPATIENT, &[]), Answer::Slow(SILENCE, "at last"), KeptBecause::TurnRunning);
    let codex_streams =
        || outlasts(&codex::settled_with(IMPATIENT, &[]), Answer::Slow(SILENCE, "at last"), KeptBecause::TurnRunning);
    let in_a_tool =
        || outlasts(&claude::settled_with(IMPATIENT, &tools), Answer::Bash(takes_its_time()), KeptBecause::TurnRunning);
    let codex_in_a_tool = || {
        let place = codex::settled_with(IMPATIENT, &["--arg", "--dangerously-bypass-approvals-and-sandbox"]);
        place.model.thinks(waits_for_its_command);
        outlasts(&place, Answer::Run(takes_its_time()), KeptBecause::TurnRunning);
    };
    let behind = || {
        let place = claude::settled_with(IMPATIENT, &tools);
        assert_eq!(place.proof, Proof::Hook);
        outlasts(&place, Answer::Background(format!("sleep {}", SILENCE.as_secs())), KeptBecause::BackgroundWork);
    };
    thread::scope(|scope| {
        scope.spawn(streams);
        scope.spawn(codex_streams);
        scope.spawn(in_a_tool);
        scope.spawn(codex_in_a_tool);
        scope.spawn(behind);
    });
}
