//! Hooks of Codex, as version 0.169.0 calls them, and its older `notify`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Said, Trust, text, words};
use crate::model::event::TurnSeen;

const EVENTS: [&str; 6] = ["SessionStart", "UserPromptSubmit", "PermissionRequest", "Stop", "Interrupt", "SessionEnd"];

/// Longest the program waits for a hook, in seconds: more it does not grant to all of them. Ours ends long before.
const TIMEOUT_S: u32 = 3;

/// Settings on the command line. Hooks need a person's trust, `notify` does not.
pub(super) fn arguments(dormouse: &Path, trusted: bool) -> Vec<String> {
    if !trusted {
        return vec!["-c".to_owned(), format!("notify=[{}, \"hook\"]", quoted(&dormouse.display().to_string()))];
    }
    let command = quoted(&command(dormouse));
    let hook = format!("[{{hooks=[{{type=\"command\",command={command},timeout={TIMEOUT_S}}}]}}]");
    EVENTS.iter().flat_map(|event| ["-c".to_owned(), format!("hooks.{event}={hook}")]).collect()
}

fn command(dormouse: &Path) -> String {
    format!("{} hook", shell_word(&dormouse.display().to_string()))
}

/// Its settings, as far as they are about hooks.
#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    hooks: HookSettings,
}

#[derive(Default, Deserialize)]
struct HookSettings {
    #[serde(default)]
    state: BTreeMap<String, HookState>,
}

#[derive(Deserialize)]
struct HookState {
    trusted_hash: Option<String>,
    enabled: Option<bool>,
}

/// It names a hook by where that comes from, which for arguments is made up, by its event, and by its place there.
pub(super) fn trust(dormouse: &Path, settings: &str) -> Option<Trust> {
    let known = toml::from_str::<Settings>(settings).ok()?.hooks.state;
    let mut trust = Trust { all: EVENTS.len(), ..Trust::default() };
    for event in EVENTS.map(snake_case) {
        match known.get(&format!("/<session-flags>/config.toml:{event}:0:0")) {
            Some(HookState { enabled: Some(false), .. }) => trust.switched_off += 1,
            Some(HookState { trusted_hash: Some(hash), .. }) if *hash == hash_of(&event, dormouse) => {
                trust.trusted += 1
            }
            Some(HookState { trusted_hash: Some(_), .. }) => trust.changed += 1,
            Some(_) | None => {}
        }
    }
    Some(trust)
}

/// What it trusts: the event and the hook, as JSON with its keys in order.
fn hash_of(event: &str, dormouse: &Path) -> String {
    let hook = json!({ "async": false, "command": command(dormouse), "timeout": TIMEOUT_S, "type": "command" });
    let identity = json!({ "event_name": event, "hooks": [hook] }).to_string();
    Sha256::digest(identity.as_bytes()).iter().fold("sha256:".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn snake_case(event: &str) -> String {
    let word = |(place, letter): (usize, char)| match letter.is_ascii_uppercase() {
        true if place > 0 => format!("_{}", letter.to_ascii_lowercase()),
        _ => letter.to_ascii_lowercase().to_string(),
    };
    event.chars().enumerate().map(word).collect()
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// As a shell takes it for one word.
fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// `known` is what the session's conversation is called. Helpers speak in its name, and say that they are helpers; tasks that
/// its model gives away have threads of their own, and so have titles. It is where a prompt is taken, which alone can tell
/// that a person has gone over to another one.
pub(super) fn said(payload: &Value, known: Option<&str>) -> Said {
    if let Some(event) = text(payload, "hook_event_name") {
        let (conversation, prompted) = (text(payload, "session_id"), event == "UserPromptSubmit");
        let of_helper = payload.get("agent_id").is_some_and(|agent| !agent.is_null());
        let of_another = known.is_some() && conversation.as_deref() != known && !prompted;
        if of_helper || of_another {
            return Said { turn: Some(TurnSeen::Alive), ..Said::default() };
        }
        return Said {
            turn: Some(turn(&event, payload)),
            turn_id: text(payload, "turn_id"),
            prompt: text(payload, "prompt").filter(|_| prompted),
            conversation,
        };
    }
    let ours = known.is_some() && text(payload, "thread-id").as_deref() == known;
    match text(payload, "type").as_deref() {
        Some("agent-turn-complete") if ours => {
            Said { turn: Some(TurnSeen::Ended), turn_id: text(payload, "turn-id"), ..Said::default() }
        }
        _ => Said::default(),
    }
}

fn turn(event: &str, payload: &Value) -> TurnSeen {
    match event {
        "UserPromptSubmit" => TurnSeen::Running,
        "PermissionRequest" => match words(&text(payload, "tool_name").unwrap_or_default()) {
            tool if tool.is_empty() => TurnSeen::Waiting { on: "a permission".to_owned() },
            tool => TurnSeen::Waiting { on: format!("permission to use {tool}") },
        },
        "Stop" => TurnSeen::Ended,
        // It does nothing now, whatever was given to it in this turn.
        "Interrupt" => TurnSeen::Idle,
        _ => TurnSeen::Alive,
    }
}
