//! The daemon is killed while agents come up, work on tasks and write to each other. Nothing that was accepted is lost.

use std::fs;
use std::process::Command;

use dormouse::model::event::{Decision, Event, Fact, TurnObserved, TurnSeen};
use dormouse::model::id::MessageId;
use dormouse::model::record::Record;
use dormouse::model::session::{ReapReason, Source};
use serde_json::json;

use crate::alike::{Prompts, times};
use crate::daemon_fixture::{touch, until};
use crate::model::{Answer, Asked};
use crate::place::Place;
use crate::tools::{accepted, answers_by_tool, letter, passes_a_baton, peer, place};
use crate::{anthropic, claude, codex, openai};

fn kill_and_start(place: &mut Place) {
    place.world.kill();
    place.world.start();
}

/// Behind the answer to each of these dialogs of a first start, when nobody has seen the box yet. The message arrives, once.
#[track_caller]
fn killed_between(place: &mut Place, dialogs: [&str; 2], prompts: Prompts) {
    let message = place.send("ada", "hello");
    for dialog in dialogs {
        place.world.await_record("the dialog's answer", |record| {
            let Event::Fact(Fact::DialogAnswered(answered)) = &record.event else { return None };
            (answered.dialog == dialog).then_some(())
        });
        kill_and_start(place);
    }
    until("the message", || times(place, prompts, message) > 0);
    place.delivered(message);
    assert_eq!(times(place, prompts, message), 1, "{}", place.world.story());
    place.world.audit_is_clean();
}

/// C24, C60.
#[test]
fn c60_a_daemon_killed_while_claude_comes_up_delivers_all_the_same() {
    let mut place = claude::virgin();
    place.world.start();
    place.world.add_peer("ada", &["--runtime", "claude", "--consent", "trust_folder"]);
    killed_between(&mut place, ["theme", "folder-trust"], anthropic::prompts);
    assert!(place.model.asked().len() == 1, "asked once in all");
}

/// C24, C60: the same with Codex, which asks about its folder and then about our hooks.
#[test]
fn c60_a_daemon_killed_while_codex_comes_up_delivers_all_the_same() {
    let mut place = codex::settled(&["--consent", "trust_folder,hook_trust"]);
    codex::under_version_control(&place);
    killed_between(&mut place, ["folder-trust", "hook-trust"], openai::prompts);
}

/// C46, C60: Claude's status file says that it rests only when every hook about the end has come back, and a hook of somebody
/// else's may take its time. A daemon that starts in between finds there that a turn runs, and keeps what it knows of the work
/// that goes on; once that has ended the session is reaped as idle.
#[test]
fn c46_a_daemon_killed_between_a_hook_and_the_status_file_keeps_claudes_background_work() {
    let tools = ["--arg", "--permission-mode", "--arg", "manual", "--arg", "--allowedTools", "--arg", "Bash"];
    let mut place = claude::settled_with("idle = \"5s\"\n", &tools);
    let (is_let_go, gate) = (place.home.join("let-go"), place.home.join("gate"));
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let slow = format!("[ -e '{}' ] || cat '{}'", is_let_go.display(), gate.display());
    let hooks = json!({ "hooks": { "Stop": [{ "hooks": [{ "type": "command", "command": slow }] }] } });
    fs::create_dir_all(place.home.join(".claude")).unwrap();
    fs::write(place.home.join(".claude/settings.json"), hooks.to_string()).unwrap();
    place.model.answers([Answer::Background("sleep 15".to_owned())]);
    let message = place.send("ada", "take your time");
    place.delivered(message);
    let behind = |told: &TurnObserved| matches!(told.turn, TurnSeen::Background { .. });
    place.world.await_record("the work", |record| told(record).filter(|it| behind(it)).map(|_| ()));
    let born = place.started();
    let last = place.world.records().last().map_or(0, |record| record.lsn.0);
    kill_and_start(&mut place);
    let read = |record: &Record, turn: TurnSeen| {
        let is_it = told(record).is_some_and(|it| it.source == Source::StatusFile && it.turn == turn);
        (record.lsn.0 > last && is_it).then_some(())
    };
    place.world.await_record("the status file that lags", |record| read(record, TurnSeen::Running));
    touch(&is_let_go);
    fs::write(&gate, "").unwrap();
    place.world.await_record("the status file of one at rest", |record| read(record, TurnSeen::Idle));
    let mut has_ended = false;
    let (kept, reason) = place.world.await_record("the reap", |record| {
        has_ended |= record.lsn.0 > last && told(record).is_some_and(|it| it.turn == TurnSeen::Ended);
        let Event::Decision(Decision::Reaped(reaped)) = &record.event else { return None };
        Some((has_ended, reaped.reason.clone()))
    });
    assert!(kept, "reaped before its work had ended\n{}", place.world.story());
    assert!(matches!(reason, ReapReason::Idle { .. }), "{reason:?}");
    assert_eq!(place.started(), born);
    place.world.audit_is_clean();
}

fn told(record: &Record) -> Option<&TurnObserved> {
    match &record.event {
        Event::Fact(Fact::TurnObserved(told)) => Some(told),
        _ => None,
    }
}

/// As [`answers_by_tool`], by a model that calls again when its call found no daemon.
fn answers_until_heard(asked: &Asked) -> Option<Answer> {
    answers_by_tool(asked).or_else(|| {
        let last = asked.body["messages"].as_array()?.last()?["content"].as_array()?;
        last.iter().find(|block| block["type"] == "tool_result" && block["is_error"] == true)?;
        let (from, said) = anthropic::prompts(asked).iter().rev().find_map(|prompt| letter(prompt))?;
        let arguments = serde_json::json!({ "peer": from, "text": format!("heard: {said}") });
        Some(Answer::Tool("send_to_peer", arguments))
    })
}

/// C40, C41, C61: six tasks, and a daemon that goes at another moment of each.
#[test]
fn c61_a_killed_daemon_loses_none_of_a_workers_tasks() {
    let mut place = place();
    peer(&place, "worker", "claude", &["--ephemeral"]);
    place.model.thinks(answers_until_heard);
    let tasks: Vec<MessageId> = (0..6).map(|task| place.send("worker", &format!("task {task}"))).collect();
    type Moment = fn(&Event) -> bool;
    // Of an answer that is taken and never acknowledged the baton below tells: what Claude does then is its own affair, and may
    // take it long.
    let moments: [Moment; 4] = [
        |event| matches!(event, Event::Decision(Decision::WakeDecided(_))),
        |event| matches!(event, Event::Fact(Fact::DeliveryBegun(_))),
        |event| matches!(event, Event::Decision(Decision::Delivered(_))),
        |event| matches!(event, Event::Decision(Decision::Reaped(_))),
    ];
    for moment in moments {
        let last = place.world.records().last().map_or(0, |record| record.lsn.0);
        place.world.await_record("the moment", |record| (record.lsn.0 > last && moment(&record.event)).then_some(()));
        kill_and_start(&mut place);
    }
    let heard = |record: &Record, task: usize| {
        accepted(record).is_some_and(|(accepted, _)| {
            accepted.answers == Some(tasks[task]) && accepted.text == format!("heard: task {task}")
        })
    };
    for task in 0..tasks.len() {
        place.world.await_record("the answer", |record| heard(record, task).then_some(()));
    }
    for task in &tasks {
        place.world.await_record("the task's end", |record| {
            let is_done = matches!(record.event, Event::Decision(Decision::TaskDone(_)));
            (is_done && record.subject.message == Some(*task)).then_some(())
        });
    }
    let dead = |event: &Event| matches!(event, Event::Decision(Decision::MessageDead(_)));
    assert!(!place.world.records().iter().any(|record| dead(&record.event)), "{}", place.world.story());
    place.world.audit_is_clean();
}

/// C61, C62: each hand that was taken is passed on once, though who gave it never hears that it was.
#[test]
fn c61_a_baton_survives_daemons_that_are_killed_as_they_take_it() {
    const TIMES: u32 = 6;
    let mut place = place();
    peer(&place, "ada", "claude", &[]);
    peer(&place, "cody", "codex", &[]);
    place.model.thinks(passes_a_baton);
    place.send("ada", &format!("baton {TIMES}"));
    for left in (0..TIMES).rev() {
        place.world.await_record("the next hand", |record| {
            accepted(record).filter(|(accepted, _)| accepted.text == format!("baton {left}")).map(|_| ())
        });
        kill_and_start(&mut place);
    }
    let records = place.world.records();
    let hands: Vec<_> = records.iter().filter_map(|record| Some(accepted(record)?.0.text.clone())).collect();
    let wanted: Vec<_> = (0..=TIMES).rev().map(|left| format!("baton {left}")).collect();
    assert_eq!(hands, wanted, "{}", place.world.story());
    place.world.audit_is_clean();
}
