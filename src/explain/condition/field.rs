//! What can be asked of, field by field: a name that is none of these is a slip of the pen, and would never hold.

use serde_json::Value;

use super::Comparison;
use crate::explain::view::Phase;

/// What stands in a field, beside null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    OneOf(&'static [&'static str]),
    Truth,
    Number,
    Text,
    Parts(&'static [(&'static str, Shape)]),
}

use Shape::{Number, OneOf, Parts, Text, Truth};

const PHASES: [&str; 7] = [
    Phase::Asleep.word(),
    Phase::Waking.word(),
    Phase::Live.word(),
    Phase::Reaping.word(),
    Phase::Stopped.word(),
    Phase::Quarantined.word(),
    Phase::External.word(),
];

const QUEUE: Shape = Parts(&[("waiting", Number), ("dead", Number)]);

const SESSION: Shape = Parts(&[
    ("generation", Number),
    ("pid", Number),
    ("turn", OneOf(&["running", "ended", "waiting", "error", "unknown"])),
    ("reason", Text),
    ("armed", Truth),
    ("last_sign_of_life", Text),
    ("source", OneOf(&["hook", "transcript", "delivery", "wake", "screen"])),
]);

/// A row of `peers`. What time will do next is no part of a state.
pub(super) const PEER: Shape = Parts(&[
    ("peer", Text),
    ("personality", Text),
    ("runtime", Text),
    ("ephemeral", Truth),
    ("phase", OneOf(&PHASES)),
    ("since", Text),
    ("queue", QUEUE),
    ("session", SESSION),
]);

/// A row of `messages`.
pub(super) const MESSAGE: Shape = Parts(&[
    ("message", Text),
    ("peer", Text),
    ("from", Text),
    ("topic", Text),
    ("lsn", Number),
    ("accepted", Text),
    ("bytes", Number),
    ("state", OneOf(&["queued", "delivering", "delivered", "dead"])),
    ("position", Number),
    ("attempts", Number),
    ("possible_duplicate", Truth),
    ("waits_for", Text),
]);

pub(super) const DAEMON: Shape = Parts(&[("pid", Number), ("started", Number), ("running", Truth)]);

impl Shape {
    /// The field `name` of it.
    ///
    /// # Errors
    ///
    /// What there is instead.
    pub(super) fn part(self, name: &str) -> Result<Self, String> {
        let Parts(parts) = self else { return Err("a comparison: there are no fields in it".to_owned()) };
        let found = parts.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape);
        found.ok_or_else(|| format!("one of its fields: {}", names(parts)))
    }

    /// Whether it can ever compare so with `literal`.
    ///
    /// # Errors
    ///
    /// What it could.
    pub(super) fn admits(self, comparison: Comparison, literal: &Value) -> Result<(), String> {
        let is_order = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        match (self, literal) {
            (Number, Value::Number(_)) => Ok(()),
            (_, _) if is_order => Err("numbers on both sides of < <= > >=".to_owned()),
            (_, Value::Null) | (Truth, Value::Bool(_)) | (Parts(_), _) => Ok(()),
            (Text, _) => Ok(()),
            (OneOf(words), Value::String(word)) if words.contains(&word.as_str()) => Ok(()),
            (OneOf(words), _) => Err(format!("one of {}, or null", words.join(", "))),
            (Truth, _) => Err("true, false or null".to_owned()),
            (Number, _) => Err("a number or null".to_owned()),
        }
    }
}

fn names(parts: &[(&str, Shape)]) -> String {
    parts.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::explain::{queue, view};
    use crate::model::id::{Lsn, MessageId};
    use crate::model::state::Daemon;
    use crate::model::time::{BootId, Timestamp};

    #[track_caller]
    fn agrees(shape: Shape, value: &Value, without: &[&str]) {
        match (shape, value) {
            (Parts(parts), Value::Object(fields)) => {
                let shown: Vec<&str> = fields.keys().map(String::as_str).filter(|it| !without.contains(it)).collect();
                let known: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
                assert_eq!(known, shown);
                parts.iter().for_each(|(name, shape)| agrees(*shape, &fields[*name], &[]));
            }
            (OneOf(words), Value::String(word)) => assert!(words.contains(&word.as_str()), "{word}"),
            (Truth, Value::Bool(_)) | (Number, Value::Number(_)) | (Text, Value::String(_)) => {}
            (shape, value) => panic!("{shape:?} for {value}"),
        }
    }

    fn shown(it: &impl Serialize) -> Value {
        serde_json::to_value(it).unwrap()
    }

    /// C64: every field that `replay --at --json` shows of them, and no other.
    #[test]
    fn what_can_be_asked_of_is_what_a_moment_shows() {
        let (at, peer) = (Timestamp { wall_us: 0, awake_ms: 0, boot: BootId(1) }, "claude-ada".parse().unwrap());
        let life = view::Life {
            generation: 1,
            pid: Some(1),
            turn: "waiting",
            reason: Some("x".to_owned()),
            armed: true,
            last_sign_of_life: at,
            source: "hook",
            source_words: "a hook",
        };
        let row = view::Row {
            peer: Clone::clone(&peer),
            personality: "ada".parse().unwrap(),
            runtime: "claude".parse().unwrap(),
            ephemeral: false,
            phase: Phase::Live,
            since: Some(at),
            queue: view::Queue { waiting: 1, dead: 0 },
            session: Some(life),
            wake_failed: None,
            next: None,
        };
        agrees(PEER, &shown(&row), &["next"]);
        let message = queue::Row {
            message: MessageId(1),
            peer,
            from: "x".to_owned(),
            topic: Some("x".to_owned()),
            lsn: 1,
            accepted: "x".to_owned(),
            accepted_at: at,
            bytes: 1,
            state: "queued",
            position: Some(1),
            attempts: 0,
            possible_duplicate: false,
            waits_for: "x".to_owned(),
        };
        agrees(MESSAGE, &shown(&message), &[]);
        agrees(DAEMON, &shown(&Daemon { pid: 1, started: Lsn(1), running: true, starting: false }), &[]);
    }
}
