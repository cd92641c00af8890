//! `queue`: what waits, what is dead, and why it is not moving.

use serde::Serialize;

use crate::model::id::MessageId;
use crate::model::message::{Fate, Message};
use crate::model::name::Identity;
use crate::model::state::{Presence, SessionPhase, State};
use crate::model::time::Timestamp;

use super::because::{delivery_gate, wake_gate};
use super::phrase::{count, one_line, rfc3339, span};

/// One unsettled message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub message: MessageId,
    pub peer: Identity,
    pub from: String,
    pub topic: Option<String>,
    /// Lsn of its acceptance; its text is there.
    pub lsn: u64,
    /// RFC 3339, UTC.
    pub accepted: String,
    #[serde(skip)]
    pub accepted_at: Timestamp,
    pub bytes: u32,
    /// `queued`, `delivering`, `delivered` (a task under way) or `dead`.
    pub state: &'static str,
    /// From 1 at the head of its queue; none for what no longer waits in it.
    pub position: Option<usize>,
    pub attempts: u32,
    pub possible_duplicate: bool,
    /// Why it is not moving, as a clause.
    pub waits_for: String,
}

/// The unsettled messages of `peer`, or of everybody: each queue from its head, then what is under way, then the dead.
pub fn queue(state: &State, peer: Option<&Identity>, now: Timestamp) -> Vec<Row> {
    let presences = state.presences.iter().filter(|(identity, _)| peer.is_none_or(|peer| peer == *identity));
    presences.flat_map(|(identity, presence)| of_peer(state, identity, presence, now)).collect()
}

/// The row of one message; none once it is settled, or if nothing was ever heard of it.
pub fn row_of(state: &State, message: MessageId) -> Option<Row> {
    let to = &state.messages.get(&message)?.to;
    let now = state.now?;
    of_peer(state, to, state.presences.get(to)?, now).into_iter().find(|row| row.message == message)
}

fn of_peer(state: &State, identity: &Identity, presence: &Presence, now: Timestamp) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut ahead = None;
    for (at, id) in presence.queue.iter().enumerate() {
        let Some(message) = state.messages.get(id) else { continue };
        let waits_for = match ahead {
            Some(ahead) if message.fate == Fate::Queued => format!("message {ahead} is before it (C9)"),
            _ => reason(state, presence, message, now),
        };
        rows.push(row(message, Some(at + 1), waits_for));
        ahead = Some(*id);
    }
    let elsewhere = |message: &&Message| message.to == *identity && !presence.queue.contains(&message.id);
    let (dead, under_way): (Vec<&Message>, Vec<&Message>) =
        state.messages.values().filter(elsewhere).partition(|message| matches!(message.fate, Fate::Dead { .. }));
    for message in under_way.into_iter().chain(dead) {
        rows.push(row(message, None, reason(state, presence, message, now)));
    }
    rows
}

fn row(message: &Message, position: Option<usize>, waits_for: String) -> Row {
    Row {
        message: message.id,
        peer: message.to.clone(),
        from: message.from.to_string(),
        topic: message.topic.clone(),
        lsn: message.accepted.0,
        accepted: rfc3339(message.accepted_at),
        accepted_at: message.accepted_at,
        bytes: message.bytes,
        state: match message.fate {
            Fate::Queued => "queued",
            Fate::Delivering { .. } => "delivering",
            Fate::Delivered { .. } => "delivered",
            Fate::Dead { .. } => "dead",
        },
        position,
        attempts: message.attempts,
        possible_duplicate: message.possible_duplicate,
        waits_for: one_line(&waits_for),
    }
}

/// Why this message is where it is.
fn reason(state: &State, presence: &Presence, message: &Message, now: Timestamp) -> String {
    match (&message.fate, &message.waiting_for) {
        (Fate::Dead { why, .. }, _) => format!("given up: {why}; `queue retry` gives it another round (C13)"),
        (Fate::Delivered { generation }, _) => format!("session {generation} works on it"),
        (Fate::Delivering { .. }, Some(gate)) => delivery_gate(gate),
        (Fate::Delivering { generation, begun: Some(_) }, None) => {
            format!("pasted into session {generation}, waits for its proof (C14)")
        }
        (Fate::Delivering { generation, begun: None }, None) => format!("on its way into session {generation}"),
        (Fate::Queued, _) => head_reason(state, presence, message, now),
    }
}

/// What the head of a queue waits for: first what an operator or the guard decided, then the session, then time.
fn head_reason(state: &State, presence: &Presence, message: &Message, now: Timestamp) -> String {
    if let Some(stopped) = &presence.stopped {
        let ago = span(now.since(stopped.at));
        return format!("the peer is stopped, by {} {ago} ago; `start` lets it wake (C52)", stopped.by);
    }
    if let Some(quarantine) = &presence.quarantine {
        let left = span(quarantine.until.since(now));
        return format!("the peer is quarantined for {left} more; `start` lifts it (C48)");
    }
    if let Some(at) = message.retry_at.filter(|at| at.since(now) > 0) {
        return format!("the next attempt is in {} (C13)", span(at.since(now)));
    }
    if let Some(session) = &presence.session {
        return match session.phase {
            SessionPhase::Launching | SessionPhase::Booting => "the session is booting (C28)".to_owned(),
            SessionPhase::Ending { .. } => "the session before is ending (C16)".to_owned(),
            SessionPhase::Open | SessionPhase::Ready { .. } => match session.task.or(session.delivering) {
                Some(before) => format!("message {before} has the session (C30, C35)"),
                None => "the live session takes it next".to_owned(),
            },
        };
    }
    let wake_retry = presence.wake_retry_at.map(|at| at.since(now)).filter(|left| *left > 0);
    match (&presence.last_gate, wake_retry) {
        (_, Some(left)) => format!("the last wake failed; the next is in {} (C51)", span(left)),
        (Some(gate), None) => wake_gate(gate),
        (None, None) if !state.daemon.as_ref().is_some_and(|daemon| daemon.running) => {
            "no daemon is running (C60)".to_owned()
        }
        (None, None) => "nothing holds it: it is woken next".to_owned(),
    }
}

/// The rows as cells below a heading; times are how long before `now`. Nothing if there are no rows.
pub fn table(rows: &[Row], now: Timestamp) -> Vec<Vec<String>> {
    if rows.is_empty() {
        return Vec::new();
    }
    let heading = ["PEER", "MESSAGE", "FROM", "ACCEPTED", "SIZE", "STATE", "TRIED", "WAITS FOR"].map(str::to_owned);
    std::iter::once(heading).chain(rows.iter().map(|row| cells(row, now))).map(Vec::from).collect()
}

fn cells(row: &Row, now: Timestamp) -> [String; 8] {
    let tried = if row.possible_duplicate { format!("{}, in doubt", row.attempts) } else { row.attempts.to_string() };
    [
        row.peer.to_string(),
        row.message.to_string(),
        one_line(&row.from),
        format!("{} ago", span(now.since(row.accepted_at))),
        count(row.bytes.into(), "byte", "bytes"),
        row.state.to_owned(),
        tried,
        row.waits_for.clone(),
    ]
}
