//! Hooks of Claude Code, as version 2.1.330 calls them.

use std::path::Path;

use serde_json::{Value, json};

use super::{Said, text, words};
use crate::model::event::{TurnSeen, UNNAMED_ERROR};

/// The events that say something of a session's turns, and those that show that it lives.
const EVENTS: [&str; 8] = [
    "SessionStart",
    "UserPromptSubmit",
    "PermissionRequest",
    "Notification",
    "Stop",
    "StopFailure",
    "SubagentStop",
    "SessionEnd",
];

/// Longest the program waits for a hook, in seconds. Ours ends long before.
const TIMEOUT_S: u32 = 5;

/// Every hook by its program and arguments, so that no shell is started for it.
pub(super) fn settings(dormouse: &Path) -> String {
    let hook = json!({ "type": "command", "command": dormouse, "args": ["hook"], "timeout": TIMEOUT_S });
    let hooks: serde_json::Map<String, Value> =
        EVENTS.iter().map(|event| ((*event).to_owned(), json!([{ "hooks": [hook] }]))).collect();
    json!({ "hooks": hooks }).to_string()
}

pub(super) fn said(payload: &Value) -> Said {
    let Some(event) = text(payload, "hook_event_name") else { return Said::default() };
    // What its helpers do is no turn of the session's.
    if payload.get("agent_id").is_some_and(|agent| !agent.is_null()) {
        return Said { turn: Some(TurnSeen::Alive), ..Said::default() };
    }
    let names_conversation = matches!(event.as_str(), "SessionStart" | "UserPromptSubmit");
    Said {
        turn: Some(turn(&event, payload)),
        turn_id: text(payload, "prompt_id"),
        prompt: text(payload, "prompt").filter(|_| event == "UserPromptSubmit"),
        conversation: text(payload, "session_id").filter(|_| names_conversation),
    }
}

fn turn(event: &str, payload: &Value) -> TurnSeen {
    match event {
        "UserPromptSubmit" => TurnSeen::Running,
        "PermissionRequest" => TurnSeen::Waiting { on: permission(&text(payload, "tool_name").unwrap_or_default()) },
        "Notification" => notified(payload),
        "Stop" => match background(payload) {
            Some(on) => TurnSeen::Background { on },
            None => TurnSeen::Ended,
        },
        "StopFailure" => {
            let reason = text(payload, "error").unwrap_or_else(|| UNNAMED_ERROR.to_owned());
            TurnSeen::Failed { reason: words(&reason) }
        }
        _ => TurnSeen::Alive,
    }
}

fn notified(payload: &Value) -> TurnSeen {
    match text(payload, "notification_type").as_deref() {
        Some("permission_prompt") => {
            let message = text(payload, "message").unwrap_or_default();
            let tool = message.split_once("permission to use ").map_or("", |(_, tool)| tool);
            TurnSeen::Waiting { on: permission(tool) }
        }
        Some("idle_prompt") => TurnSeen::Idle,
        _ => TurnSeen::Alive,
    }
}

/// The same words for the same question, whichever event tells of it.
fn permission(tool: &str) -> String {
    match words(tool) {
        tool if tool.is_empty() => "a permission".to_owned(),
        tool => format!("permission to use {tool}"),
    }
}

/// What will wake it up again: then its turn is paused, and not over (C46).
fn background(payload: &Value) -> Option<String> {
    let count = |field: &str| payload.get(field).and_then(Value::as_array).map_or(0, Vec::len);
    let (tasks, crons) = (count("background_tasks"), count("session_crons"));
    let said = [(tasks, "task"), (crons, "scheduled prompt")].into_iter().filter(|(count, _)| *count > 0);
    let said = said.map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }));
    Some(said.collect::<Vec<_>>().join(", ")).filter(|said| !said.is_empty())
}
