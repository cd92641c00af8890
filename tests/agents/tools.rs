//! Agents that call our tools: what their models ask for comes to us by MCP, in their own name.

use std::fs;

use dormouse::model::event::{Decision, Event, Fact, MessageAccepted, TurnSeen};
use dormouse::model::id::MessageId;
use dormouse::model::record::Record;
use dormouse::model::session::ReapReason;
use serde_json::json;

use crate::daemon_fixture::until;
use crate::model::{Answer, Asked};
use crate::place::{CONFIG, Place};

/// Both programs in one home, past their first run. The daemon serves.
pub fn place() -> Place {
    place_with("")
}

/// As [`place`], with these settings as well.
pub fn place_with(config: &str) -> Place {
    let mut place = Place::with(&format!("{CONFIG}{config}"));
    let url = place.model.url.clone();
    let config = format!(
        "model = \"gpt-5.1-codex\"\nmodel_provider = \"made_up\"\ncheck_for_update_on_startup = false\n\
         [model_providers.made_up]\nname = \"made up\"\nbase_url = \"{url}/v1\"\nwire_api = \"responses\"\n\
         env_key = \"MADE_UP_KEY\"\n"
    );
    let home = place.home.join(".codex");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("config.toml"), config).unwrap();
    place.world.set_env("MADE_UP_KEY", "made-up");
    place.world.set_env("ANTHROPIC_BASE_URL", url);
    place.world.set_env("ANTHROPIC_AUTH_TOKEN", "made-up");
    place.world.start();
    place
}

/// A peer on `runtime` whose folder its program trusts. Asked for permission nobody would answer: our tools need none.
pub fn peer(place: &Place, name: &str, runtime: &str, args: &[&str]) {
    let manual: &[&str] = if runtime == "claude" { &["--arg", "--permission-mode", "--arg", "manual"] } else { &[] };
    let folder = place.world.add_peer(name, &[&["--runtime", runtime], manual, args].concat());
    if runtime == "claude" {
        let trusted = json!({ folder.to_str().unwrap(): { "hasTrustDialogAccepted": true } });
        let state = json!({ "hasCompletedOnboarding": true, "projects": trusted });
        fs::write(place.home.join(".claude.json"), state.to_string()).unwrap();
    }
}

/// Who a message is from, as its envelope says, and its first line of text.
pub fn letter(prompt: &str) -> Option<(String, String)> {
    let envelope = &prompt[prompt.find("[from ")? + "[from ".len()..];
    let (first, rest) = envelope.split_once('\n')?;
    let from = first.split([']', ' ']).next()?;
    // Notes of dormouse's own stand in front of the body.
    let body = rest.lines().find(|line| !line.starts_with("[note: "))?;
    Some((from.to_owned(), body.to_owned()))
}

/// A model that answers whoever writes to it through the tool.
pub fn answers_by_tool(asked: &Asked) -> Option<Answer> {
    let (from, said) = letter(&asked.prompt()?)?;
    Some(Answer::Tool("send_to_peer", json!({ "peer": from, "text": format!("heard: {said}") })))
}

/// A model that hands a baton on to the other one, one less each time.
pub fn passes_a_baton(asked: &Asked) -> Option<Answer> {
    let (_, said) = letter(&asked.prompt()?)?;
    let left: u32 = said.strip_prefix("baton ")?.parse().ok()?;
    let other = if asked.is_claude() { "cody" } else { "ada" };
    let text = format!("baton {}", left.checked_sub(1)?);
    Some(Answer::Tool("send_to_peer", json!({ "peer": other, "text": text })))
}

pub fn accepted(record: &Record) -> Option<(&MessageAccepted, MessageId)> {
    match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) => Some((accepted, record.subject.message?)),
        _ => None,
    }
}

/// C62: the answer that a shell waits for comes through the tool, in the worker's own name, and no dialog stood before it.
#[track_caller]
fn answers_through_the_tool(runtime: &str) {
    let place = place();
    peer(&place, "worker", runtime, &["--ephemeral"]);
    place.model.thinks(answers_by_tool);
    let sent = place.world.json(&["send", "worker", "2 + 2?", "--wait", "replied", "--timeout", "60s"]);
    assert_eq!(sent["outcome"], "replied", "{sent}");
    assert_eq!(sent["reply"]["text"], "heard: 2 + 2?");
    assert_eq!(sent["reply"]["from"], format!("{runtime}-worker"));
    let message: MessageId = sent["message"].as_str().unwrap().parse().unwrap();
    place.world.await_record("the task's end", |record| {
        let is_done = matches!(record.event, Event::Decision(Decision::TaskDone(_)));
        (is_done && record.subject.message == Some(message)).then_some(())
    });
    let why = place.world.ok(&["why", &message.to_string()]);
    eprintln!("{why}");
    assert!(why.contains("answered"), "{why}");
    assert!(place.answered().is_empty(), "{:?}", place.answered());
    place.world.audit_is_clean();
}

#[test]
fn c62_a_claude_worker_answers_through_the_tool() {
    answers_through_the_tool("claude");
}

#[test]
fn c62_a_codex_worker_answers_through_the_tool() {
    answers_through_the_tool("codex");
}

/// C62, C33a: Claude and Codex hand a baton to and fro, each in its own session and its own name, until nothing is left.
#[track_caller]
fn hand_a_baton_on(times: u32) {
    let place = place();
    peer(&place, "ada", "claude", &[]);
    peer(&place, "cody", "codex", &[]);
    place.model.thinks(passes_a_baton);
    place.send("ada", &format!("baton {times}"));
    let last = place.world.await_record("the last hand", |record| {
        accepted(record).filter(|(accepted, _)| accepted.text == "baton 0").map(|(_, message)| message)
    });
    place.delivered(last);
    let records = place.world.records();
    let all: Vec<_> = records.iter().filter_map(accepted).collect();
    let hands: Vec<(String, String)> =
        all.iter().filter_map(|(it, _)| Some((it.from.peer()?.to_string(), it.text.clone()))).collect();
    let wanted: Vec<_> = (0..times)
        .map(|hand| {
            let from = if hand % 2 == 0 { "claude-ada" } else { "codex-cody" };
            (from.to_owned(), format!("baton {}", times - hand - 1))
        })
        .collect();
    assert_eq!(hands, wanted);
    let wakes =
        place.world.records().into_iter().filter(|it| matches!(it.event, Event::Decision(Decision::WakeDecided(_))));
    assert_eq!(wakes.count(), 2, "a session each, and no more");
    for ((_, message), left) in all.iter().zip((0..=times).rev()) {
        let why = place.world.ok(&["why", &message.to_string()]);
        let (to, from) = match (times - left) % 2 {
            _ if left == times => ("claude-ada", "user:"),
            0 => ("claude-ada", "cody (codex)"),
            _ => ("codex-cody", "ada (claude)"),
        };
        // The first two are nobody's answer: they went on to somebody else.
        let answers = if left + 1 < times { "answers" } else { "" };
        for part in [&*format!("accepted from {from}"), to, answers, "delivered"] {
            assert!(why.contains(part), "baton {left}: no `{part}` in {why}");
        }
        eprintln!("{why}");
    }
    place.world.audit_is_clean();
}

#[test]
fn c62_claude_and_codex_hand_a_baton_on_three_times() {
    hand_a_baton_on(3);
}

#[test]
fn c62_claude_and_codex_hand_a_baton_on_ten_times() {
    hand_a_baton_on(10);
}

/// C35, C37, C40: ten tasks are ten sessions of Claude, each ended once it has answered, and the next begins at once.
#[test]
fn c40_ten_tasks_of_a_claude_worker_are_ten_sessions_one_behind_the_other() {
    const TASKS: usize = 10;
    let place = place();
    peer(&place, "worker", "claude", &["--ephemeral"]);
    place.model.thinks(answers_by_tool);
    let tasks: Vec<MessageId> = (0..TASKS).map(|task| place.send("worker", &format!("task {task}"))).collect();
    for (task, message) in tasks.iter().enumerate() {
        place.delivered(*message);
        place.world.await_record("the answer", |record| {
            let (accepted, _) = accepted(record)?;
            (accepted.answers == Some(*message) && accepted.text == format!("heard: task {task}")).then_some(())
        });
    }
    until("the last session to end", || ends(&place).len() == TASKS);
    let records = place.world.records();
    let starts = moments(&records, |event| matches!(event, Event::Fact(Fact::SessionStarted(_))));
    let wakes = moments(&records, |event| matches!(event, Event::Decision(Decision::WakeDecided(_))));
    let ends = ends(&place);
    assert_eq!((starts.len(), wakes.len()), (TASKS, TASKS), "a session for each task");
    let gap = |later: &[u64]| -> Vec<u64> {
        ends.iter().zip(&later[1..]).map(|(end, start)| start.saturating_sub(*end)).collect()
    };
    let (mut decided, mut started) = (gap(&wakes), gap(&starts));
    eprintln!("from each session's end to the next one's wake: {decided:?} ms, to its program: {started:?} ms");
    decided.sort_unstable();
    started.sort_unstable();
    assert!(decided[TASKS - 2] <= 150, "{decided:?}");
    // Whatever else the machine does only adds to it, so one may be late.
    assert!(started[TASKS - 3] <= 150, "{started:?}");
    are_reaped_behind_their_turns(&records, TASKS);
    let deaths = records.iter().filter(|it| matches!(it.event, Event::Decision(Decision::SessionDied(_))));
    assert_eq!(deaths.count(), 0, "each was reaped, none died (C39)");
    place.world.audit_is_clean();
}

/// C37: each session is ended for having answered, and only once its turn is over.
#[track_caller]
fn are_reaped_behind_their_turns(records: &[Record], sessions: usize) {
    let reaped: Vec<&Record> = records
        .iter()
        .filter(|it| matches!(&it.event, Event::Decision(Decision::Reaped(it)) if matches!(it.reason, ReapReason::Done { .. })))
        .collect();
    assert_eq!(reaped.len(), sessions);
    for reap in reaped {
        let is_end = |it: &&Record| {
            let ended = matches!(&it.event, Event::Fact(Fact::TurnObserved(turn)) if turn.turn == TurnSeen::Ended);
            ended && it.subject.generation == reap.subject.generation && it.lsn < reap.lsn
        };
        assert!(records.iter().any(|it| is_end(&it)), "reaped in its turn: {reap:?}");
    }
}

fn ends(place: &Place) -> Vec<u64> {
    moments(&place.world.records(), |event| matches!(event, Event::Fact(Fact::SessionGone(_))))
}

/// Awake milliseconds of the records that `wanted` takes.
fn moments(records: &[Record], wanted: impl Fn(&Event) -> bool) -> Vec<u64> {
    records.iter().filter(|record| wanted(&record.event)).map(|record| record.at.awake_ms).collect()
}
