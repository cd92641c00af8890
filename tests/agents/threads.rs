//! What Codex does beside its session's own conversation: helpers, and tasks that its model gives away.

use dormouse::model::event::{Event, Fact, TurnSeen};
use dormouse::model::session::Source;
use serde_json::json;

use crate::codex;
use crate::daemon_fixture::until;
use crate::model::{Answer, Asked};
use crate::silent::waits_for_its_command;

const COMMAND: &str = "timeout 5 tail -f /dev/null";

/// A model that lets a helper do something, then gives a task away, and then waits for a command for longer than either takes.
fn gives_work_away(asked: &Asked) -> Option<Answer> {
    let said = asked.body["input"].to_string();
    let of_the_session = said.contains("share the work");
    match of_the_session {
        false => None,
        _ if !said.contains("agent_id") => {
            Some(Answer::OfCodex("multi_agent_v1", "spawn_agent", json!({ "message": "a helper's part" })))
        }
        _ if !said.contains("threadId") => {
            Some(Answer::OfCodex("mcp__codex_tui", "create_thread", json!({ "prompt": "somebody else's task" })))
        }
        _ if !said.contains(COMMAND) => Some(Answer::Run(COMMAND.to_owned())),
        _ => waits_for_its_command(asked),
    }
}

/// C46b, C17: beginnings and ends of other threads are none of the session's turn, whichever source tells of them, and none of
/// them is what a later wake resumes.
#[test]
fn c46b_what_codexs_other_threads_do_is_no_turn_of_the_session() {
    let args = ["--consent", "hook_trust", "--arg", "--dangerously-bypass-approvals-and-sandbox"];
    let place = codex::settled(&[&args[..], &["--arg", "-c", "--arg", "features.multi_agent=true"]].concat());
    place.model.thinks(gives_work_away);
    let message = place.send("ada", "share the work");
    place.delivered(message);
    let all = || place.model.asked().iter().map(|asked| asked.body["input"].to_string()).collect::<String>();
    for part in ["a helper's part", "somebody else's task</input>"] {
        until(part, || all().contains(part));
    }
    let (_, ended) = place.told(0, "the end of the turn", |turn| *turn == TurnSeen::Ended);
    assert!(place.model.asked().len() >= 5);
    let (mut turns, mut names) = (Vec::new(), Vec::new());
    for record in place.world.records() {
        match record.event {
            Event::Fact(Fact::ConversationNamed(named)) => names.push(named.resume_ref),
            Event::Fact(Fact::TurnObserved(told)) if told.source == Source::Hook && told.turn != TurnSeen::Alive => {
                turns.push((told.turn, told.turn_id));
            }
            Event::Fact(Fact::TurnObserved(told)) => {
                let is_early = told.source == Source::Transcript && record.lsn.0 < ended;
                assert!(!is_early, "{told:?}\n{}", place.world.story());
            }
            _ => {}
        }
    }
    assert_eq!(names.len(), 1, "{names:?}\n{}", place.world.story());
    let own = turns[0].1.clone();
    assert_eq!(turns, [(TurnSeen::Running, own.clone()), (TurnSeen::Ended, own)], "{}", place.world.story());
    place.world.audit_is_clean();
}
