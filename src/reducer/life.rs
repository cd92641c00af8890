//! A session's life: turns, looks, the arm.

use super::session;
use crate::model::effect::{Attention, AttentionKind, Task};
use crate::model::event::{ConversationNamed, Kept, SessionLooked, TurnJudged};
use crate::model::record::Record;
use crate::model::session::{Source, Turn};
use crate::model::state::{Session, State};
use crate::model::time::Timestamp;

/// From here on this is what a park keeps and a resume goes by (C17).
pub(super) fn conversation_named(state: &mut State, record: &Record, fact: &ConversationNamed) -> Vec<Task> {
    if let Some(session) = session(state, record) {
        session.resume_ref = Some(fact.resume_ref.clone());
    }
    Vec::new()
}

/// Told once per wait, not at each look, nor by each of those who see it in words of their own.
pub(super) fn needs_person(state: &mut State, record: &Record, on: &str, by: Source) -> Vec<Task> {
    let command = state.settings.on_attention.clone();
    let Some(session) = session(state, record) else { return Vec::new() };
    if matches!(&session.turn, Turn::Waiting { on: before, .. } if before == on || session.waits_by != Some(by)) {
        return Vec::new();
    }
    session.waits_by = Some(by);
    session.turn = Turn::Waiting { since: record.at, on: on.to_owned() };
    let peer = record.subject.peer.clone();
    let who = peer.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![Task::CallAttention(Box::new(Attention {
        command,
        what: AttentionKind::NeedsPerson,
        says: format!("{who} waits for a person: {on}"),
        peer,
        message: record.subject.message,
    }))]
}

pub(super) fn session_looked(state: &mut State, record: &Record, fact: &SessionLooked) -> Vec<Task> {
    let Some(session) = session(state, record) else { return Vec::new() };
    session.looking = false;
    session.look_failed_at = fact.waiting_on.is_some().then_some(record.at);
    session.screen_moved = fact.screen_silent_ms.map(|ms| record.at.minus_ms(ms));
    session.transcript_moved = fact.transcript_silent_ms.map(|ms| record.at.minus_ms(ms));
    if fact.attached {
        session.person_seen = Some(record.at);
    }
    if fact.working {
        work_seen(session, record.at);
    }
    match (&fact.waiting_on, &session.turn) {
        (Some(on), _) => needs_person(state, record, on, Source::Screen),
        (None, Turn::Waiting { .. }) => {
            // The dialog is gone and nothing else was said: somebody answered it, and the turn goes on.
            session.turn = Turn::Running { since: record.at, judged: true };
            session.waits_by = None;
            Vec::new()
        }
        (None, _) => Vec::new(),
    }
}

/// A turn that nobody told of, or that was taken to be over: what its screen shows now is newer (C46b).
fn work_seen(session: &mut Session, now: Timestamp) {
    session.work_seen = Some(now);
    if matches!(session.turn, Turn::Unknown | Turn::Ended { .. } | Turn::Failed { .. }) {
        session.turn = Turn::Running { since: now, judged: true };
    }
}

pub(super) fn session_not_known(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(session) = session(state, record) {
        session.looking = false;
        session.look_failed_at = Some(record.at);
    }
    Vec::new()
}

pub(super) fn look_decided(state: &mut State, record: &Record) -> Vec<Task> {
    let Some(peer) = record.subject.peer.clone() else { return Vec::new() };
    let Some(session) = session(state, record) else { return Vec::new() };
    session.looking = true;
    vec![Task::LookAtSession { session: super::session_name(&peer, session) }]
}

/// An arm belongs to a generation and can never end a later session (C36).
pub(super) fn armed(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(session) = session(state, record) {
        session.armed = Some((record.lsn, record.at));
    }
    Vec::new()
}

pub(super) fn turn_judged(state: &mut State, record: &Record, decision: &TurnJudged) -> Vec<Task> {
    if let Some(session) = session(state, record) {
        session.turn = decision.turn.clone();
        session.kept = None;
        if matches!(session.turn, Turn::Ended { .. }) {
            session.turns_open = 0;
        }
    }
    Vec::new()
}

pub(super) fn kept(state: &mut State, record: &Record, decision: &Kept) -> Vec<Task> {
    if let Some(session) = session(state, record) {
        session.kept = Some(decision.why);
    }
    Vec::new()
}
