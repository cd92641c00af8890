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
use crate::tools::answers_by_tool;
use crate::turns::is_over;
use crate::{claude, codex};

const IMPATIENT: &str = "idle = \"5s\"\nephemeral_quiet = \"5s\"\nephemeral_unarmed_idle = \"5s\"\n";

const SILENCE: Duration = Duration::from_secs(90);

/// From the beginning of the silence until its session is gone.
const LONGEST: Duration = Duration::from_secs(180);

/// Claude refuses to wait for a bare `sleep`.
fn takes_its_time(silence: Duration) -> String {
    format!("timeout {} tail -f /dev/null", silence.as_secs())
}

/// Codex gives a command back to its model while that still runs; this model goes on waiting for it, as they do.
pub fn waits_for_its_command(asked: &Asked) -> Option<Answer> {
    let mut results = asked.body["input"].as_array()?.iter().filter(|item| item["type"] == "function_call_output");
    let (_, id) = results.next_back()?["output"].as_str()?.split_once("session ID ")?;
    let id: String = id.chars().take_while(char::is_ascii_digit).collect();
    Some(Answer::Waits(id.parse().ok()?))
}

#[derive(Clone, Copy)]
enum Life {
    Persistent,
    Ephemeral,
    /// It has answered before it is silent (C36).
    Armed,
}

impl Life {
    fn args(self) -> &'static [&'static str] {
        match self {
            Life::Persistent => &[],
            Life::Ephemeral | Life::Armed => &["--ephemeral"],
        }
    }

    /// It ends as one that has had nothing to do for as long as it may.
    fn is_over_for(self, reason: &ReapReason) -> bool {
        match self {
            Life::Persistent => matches!(reason, ReapReason::Idle { .. }),
            Life::Ephemeral => matches!(reason, ReapReason::Unarmed { .. }),
            Life::Armed => matches!(reason, ReapReason::Done { .. }),
        }
    }
}

/// Answers through its tool first, and thinks in silence behind that.
fn answers_and_goes_on(asked: &Asked) -> Option<Answer> {
    Some(answers_by_tool(asked).unwrap_or(Answer::Slow(SILENCE, "at last")))
}

/// C46: `answer` begins a silent turn; its session is kept for as long as that lasts, by the name of `why`, and is taken for
/// done only then.
#[track_caller]
fn outlasts(mut place: Place, life: Life, answer: Answer, why: KeptBecause) {
    outlasts_for(&mut place, SILENCE, life, answer, why, |_| ());
}

/// As [`outlasts`], for so long, with something that happens in the middle of it.
#[track_caller]
fn outlasts_for(
    place: &mut Place,
    silence: Duration,
    life: Life,
    answer: Answer,
    why: KeptBecause,
    then: impl FnOnce(&mut Place),
) {
    place.model.answers([answer]);
    let message = place.send("ada", "take your time");
    assert_eq!(place.delivered(message), place.proof);
    let requests = if matches!(life, Life::Armed) { 2 } else { 1 };
    place.asked(requests);
    then(place);
    let place = &*place;
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
    assert!(lasted_ms >= silence.as_millis() as u64 - 1_000, "its turn lasted {lasted_ms} ms\n{}", place.world.story());
    let reaped = next("the reap", &is_reaped);
    let is_armed = |record: &Record| matches!(record.event, Event::Decision(Decision::Armed(_)));
    let armed = place.world.records().iter().find(|record| is_armed(record)).map(|record| record.at);
    assert_eq!(
        armed.is_some_and(|at| ended.at.since(at) >= 1_000),
        matches!(life, Life::Armed),
        "{}",
        place.world.story()
    );
    let is_right = matches!(&reaped.event, Event::Decision(Decision::Reaped(it)) if life.is_over_for(&it.reason));
    assert!(is_right, "{reaped:?}");
    place.world.audit_is_clean();
}

/// In auto mode each call would first be put to a model of its own.
const TOOLS: [&str; 8] = ["--arg", "--permission-mode", "--arg", "manual", "--arg", "--allowedTools", "--arg", "Bash"];

fn claude_like(life: Life, tools: bool) -> Place {
    let tools = if tools { &TOOLS[..] } else { &[] };
    claude::settled_with(IMPATIENT, &[life.args(), tools].concat())
}

fn codex_like(life: Life, args: &[&str]) -> Place {
    let place = codex::settled_with(IMPATIENT, &[life.args(), args].concat());
    place.model.thinks(waits_for_its_command);
    place
}

/// A stream that says nothing, a tool that sleeps, and work in the background, in each of the programs that can.
fn each_outlasts(life: Life) {
    let streams =
        || outlasts(claude_like(life, false), life, Answer::Slow(SILENCE, "at last"), KeptBecause::TurnRunning);
    let codex_streams =
        || outlasts(codex_like(life, &[]), life, Answer::Slow(SILENCE, "at last"), KeptBecause::TurnRunning);
    let in_a_tool =
        || outlasts(claude_like(life, true), life, Answer::Bash(takes_its_time(SILENCE)), KeptBecause::TurnRunning);
    let codex_in_a_tool = || {
        let place = codex_like(life, &["--arg", "--dangerously-bypass-approvals-and-sandbox"]);
        outlasts(place, life, Answer::Run(takes_its_time(SILENCE)), KeptBecause::TurnRunning);
    };
    let behind = || {
        let place = claude_like(life, true);
        assert_eq!(place.proof, Proof::Hook);
        let work = Answer::Background(format!("sleep {}", SILENCE.as_secs()));
        outlasts(place, life, work, KeptBecause::BackgroundWork);
    };
    thread::scope(|scope| {
        scope.spawn(streams);
        scope.spawn(codex_streams);
        scope.spawn(in_a_tool);
        scope.spawn(codex_in_a_tool);
        scope.spawn(behind);
    });
}

/// C46, C47: with an idle limit of five seconds.
#[test]
fn c46_a_turn_that_is_silent_for_ninety_seconds_is_never_idle() {
    each_outlasts(Life::Persistent);
}

/// C46, C60: nor is it idle for a daemon that has not seen it begin.
#[test]
fn c60_a_silent_turn_outlasts_the_daemon_that_began_it() {
    const SILENCE: Duration = Duration::from_secs(20);
    let killed = |place: &mut Place| {
        place.world.kill();
        place.world.start();
    };
    let (life, why) = (Life::Persistent, KeptBecause::TurnRunning);
    let streams = |mut place: Place| {
        outlasts_for(&mut place, SILENCE, life, Answer::Slow(SILENCE, "at last"), why, killed);
    };
    let works = |mut place: Place, answer: Answer| outlasts_for(&mut place, SILENCE, life, answer, why, killed);
    thread::scope(|scope| {
        scope.spawn(|| streams(claude_like(life, false)));
        scope.spawn(|| streams(codex_like(life, &[])));
        scope.spawn(|| works(claude_like(life, true), Answer::Bash(takes_its_time(SILENCE))));
        scope.spawn(|| {
            let place = codex_like(life, &["--arg", "--dangerously-bypass-approvals-and-sandbox"]);
            works(place, Answer::Run(takes_its_time(SILENCE)));
        });
    });
}

/// C37: a worker that has answered and goes on with its turn.
fn armed_outlasts() {
    let goes_on = |place: Place| {
        place.model.thinks(answers_and_goes_on);
        outlasts(place, Life::Armed, Answer::Text("never asked for"), KeptBecause::TurnRunning);
    };
    thread::scope(|scope| {
        scope.spawn(|| goes_on(claude_like(Life::Armed, false)));
        scope.spawn(|| goes_on(codex::settled_with(IMPATIENT, Life::Armed.args())));
    });
}

/// C46, C37, C38: with quiet limits of five seconds, before its answer and behind it.
#[test]
fn c46_a_workers_turn_that_is_silent_for_ninety_seconds_is_never_quiet() {
    thread::scope(|scope| {
        scope.spawn(|| each_outlasts(Life::Ephemeral));
        scope.spawn(armed_outlasts);
    });
}
