//! `queue`: what waits, what is dead, and why it is not moving.

use serde::Serialize;

use crate::model::id::{Generation, MessageId};
use crate::model::message::{Fate, Message};
use crate::model::name::Identity;
use crate::model::session::Turn;
use crate::model::state::{Presence, Session, SessionPhase, State};
use crate::model::time::Timestamp;

use super::because::delivery_gate;
use super::forecast::upcoming_of;
use super::phrase::{count, one_line, rfc3339, span};
use super::view::Next;
use super::whynot::delivered::guards;
use super::whynot::{Guard, no_daemon};

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
    let shown: Vec<(&Identity, &Presence)> = presences.collect();
    let waiting = shown.iter().filter(|(_, presence)| !presence.queue.is_empty()).map(|(identity, _)| *identity);
    let next = upcoming_of(state, waiting);
    shown.into_iter().flat_map(|(peer, presence)| of_peer(state, peer, presence, next.get(peer), now)).collect()
}

/// The row of one message; none once it is settled, or if nothing was ever heard of it.
pub fn row_of(state: &State, message: MessageId, now: Timestamp) -> Option<Row> {
    let to = &state.messages.get(&message)?.to;
    let next = upcoming_of(state, [to]);
    of_peer(state, to, state.presences.get(to)?, next.get(to), now).into_iter().find(|row| row.message == message)
}

fn of_peer(state: &State, identity: &Identity, presence: &Presence, next: Option<&Next>, now: Timestamp) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut ahead = None;
    for (at, id) in presence.queue.iter().enumerate() {
        let Some(message) = state.messages.get(id) else { continue };
        let waits_for = match ahead {
            Some(ahead) if message.fate == Fate::Queued => {
                format!("{}message {ahead} is before it (C9)", unseen(state, now))
            }
            _ => reason(state, identity, message, next, now),
        };
        rows.push(row(message, Some(at + 1), waits_for));
        ahead = Some(*id);
    }
    let elsewhere = |message: &&Message| message.to == *identity && !presence.queue.contains(&message.id);
    let (dead, under_way): (Vec<&Message>, Vec<&Message>) =
        state.messages.values().filter(elsewhere).partition(|message| matches!(message.fate, Fate::Dead { .. }));
    for message in under_way.into_iter().chain(dead) {
        rows.push(row(message, None, reason(state, identity, message, next, now)));
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
fn reason(state: &State, identity: &Identity, message: &Message, next: Option<&Next>, now: Timestamp) -> String {
    // A session that something else keeps alive has no generation of ours (C5).
    let place = |generation: &Generation| match state.is_managed(identity) {
        true => "its terminal".to_owned(),
        false => format!("session {generation}"),
    };
    let unseen = || unseen(state, now);
    match (&message.fate, &message.waiting_for) {
        (Fate::Dead { why, .. }, _) => format!("given up: {why}; `queue retry` gives it another round (C13)"),
        (Fate::Delivered { generation }, _) => unseen() + &in_hand(state.session(identity, *generation), *generation),
        (Fate::Delivering { .. }, Some(gate)) => unseen() + &delivery_gate(gate),
        (Fate::Delivering { generation, begun: Some(_) }, None) => {
            format!("{}pasted into {}, waits for its proof (C14)", unseen(), place(generation))
        }
        (Fate::Delivering { generation, begun: None }, None) => {
            format!("{}on its way into {}", unseen(), place(generation))
        }
        (Fate::Queued, _) => head_reason(state, identity, message, next, now),
    }
}

/// What becomes of a task that was delivered. It stays one until its session is gone, whatever that does meanwhile.
fn in_hand(session: Option<&Session>, generation: Generation) -> String {
    let Some(session) = session else {
        // Between two records of the same moment.
        return format!("session {generation} has ended, and what becomes of its task is decided next (C41a)");
    };
    let says = match (&session.phase, &session.turn) {
        (SessionPhase::Ending { .. }, _) => "is being ended".to_owned(),
        _ if session.armed.is_some() => "has answered, and ends once it is quiet (C37)".to_owned(),
        (_, Turn::Ended { judged: false, .. }) => "has ended its turn without an answer (C38)".to_owned(),
        (_, Turn::Ended { judged: true, .. }) => {
            "has been silent for long, and its turn counts as ended (C46a)".to_owned()
        }
        (_, Turn::Failed { reason, .. }) => format!("has ended its turn with an error: {} (C38)", one_line(reason)),
        (_, Turn::Waiting { on, .. }) => format!("waits for a person: {} (C46)", one_line(on)),
        (_, Turn::Background { on, .. }) => {
            format!("has ended its turn, and work of its own goes on: {} (C46)", one_line(on))
        }
        (_, Turn::Running { .. } | Turn::Unknown) => "works on it".to_owned(),
    };
    format!("session {generation} {says}")
}

/// What stands before everything that nobody has seen since.
fn unseen(state: &State, now: Timestamp) -> String {
    no_daemon(state, now).map_or_else(String::new, |it| format!("{} ({}); ", it.because, it.rule))
}

/// What the head of a queue waits for, as `whynot` has it, and what comes of it by itself.
fn head_reason(state: &State, identity: &Identity, message: &Message, next: Option<&Next>, now: Timestamp) -> String {
    let Some(presence) = state.presences.get(identity) else { return String::new() };
    let own = format!("message {}", message.id);
    let by = presence.stopped.as_ref().map_or_else(String::new, |stopped| format!(", by {}", stopped.by));
    let said = |guard: Guard| {
        let by = if guard.rule == "C52" { &*by } else { "" };
        format!("{}{by} ({})", guard.because.replace(&own, "it"), guard.rule)
    };
    let mut waits: Vec<String> = Vec::new();
    if let Some(before) = presence.session.as_ref().and_then(|session| session.task.or(session.delivering)) {
        waits.push(format!("message {before} has the session (C30, C35)"));
    }
    let guards = guards(state, identity, presence, message, now);
    // The next task of a worker moves with the end of the session before it.
    let by_its_end = guards.iter().any(|guard| guard.rule == "C35");
    waits.extend(guards.into_iter().map(said));
    if waits.is_empty() {
        return match (&presence.session, state.is_managed(identity)) {
            (None, false) => "nothing holds it: it is woken next".to_owned(),
            (Some(_), _) | (_, true) => "the live session takes it next".to_owned(),
        };
    }
    waits.extend(
        next.filter(|next| next.is_of_its_queue() || by_its_end && next.brings == "reaped").map(|next| next.text(now)),
    );
    waits.join("; ")
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
