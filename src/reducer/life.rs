//! A session's life: turns, looks, the arm.

use super::{presence, session};
use crate::model::effect::{Attention, AttentionKind, Task};
use crate::model::event::{Kept, SessionLooked, TurnJudged, TurnObserved, TurnSeen};
use crate::model::record::Record;
use crate::model::session::{Source, Turn};
use crate::model::state::{Session, State};
use crate::model::time::Timestamp;
use crate::mutant::{Bug, bug};

pub(super) fn turn_observed(state: &mut State, record: &Record, fact: &TurnObserved) -> Vec<Task> {
    let Some(session) = session(state, record) else { return Vec::new() };
    session.last_sign = record.at;
    session.last_sign_source = fact.source;
    if !session.turn_names.hears(&fact.turn, fact.turn_id.as_deref()) {
        return Vec::new();
    }
    told_turn(state, record, &fact.turn)
}

/// What the program did while nobody watched. The same as before moves no clock.
pub(super) fn turn_found(state: &mut State, record: &Record, turn: &TurnSeen) -> Vec<Task> {
    let Some(session) = session(state, record) else { return Vec::new() };
    // Newer than all that was typed before: a message in doubt has had its turn by now, or will have one (C46b).
    session.turn_told = Some(record.lsn);
    let same = match (&session.turn, turn) {
        (Turn::Running { judged, .. }, TurnSeen::Running) => !judged,
        (Turn::Ended { .. }, TurnSeen::Ended | TurnSeen::Idle) | (Turn::Failed { .. }, TurnSeen::Failed { .. }) => true,
        (Turn::Waiting { on: before, .. }, TurnSeen::Waiting { on }) => before == on,
        _ => false,
    };
    if same {
        return Vec::new();
    }
    session.last_sign = record.at;
    session.last_sign_source = Source::Terminal;
    told_turn(state, record, turn)
}

fn told_turn(state: &mut State, record: &Record, turn: &TurnSeen) -> Vec<Task> {
    let Some(session) = session(state, record) else { return Vec::new() };
    let was_running = matches!(session.turn, Turn::Running { .. });
    session.kept = None;
    match turn {
        TurnSeen::Running => {
            if !matches!(session.turn, Turn::Running { judged: false, .. } | Turn::Waiting { .. }) {
                session.turn_told = Some(record.lsn);
            }
            session.turn = Turn::Running { since: running_since(session, record.at), judged: false };
        }
        TurnSeen::Ended => {
            // Its beginning may have gone unheard: an end tells of a turn as well.
            session.turn_told = Some(record.lsn);
            session.turns_open = session.turns_open.saturating_sub(1);
            // Ended only when as many have ended as were submitted (C46b).
            if session.turns_open == 0 {
                session.turn = Turn::Ended { at: record.at, judged: false };
            }
        }
        TurnSeen::Idle if bug(Bug::IdleUnheard) => {}
        TurnSeen::Idle => {
            session.turns_open = 0;
            session.turn = Turn::Ended { at: record.at, judged: false };
        }
        TurnSeen::Waiting { on } => return needs_person(state, record, on),
        TurnSeen::Failed { reason } => {
            session.turns_open = 0;
            session.turn = Turn::Failed { at: record.at, reason: reason.clone() };
        }
    }
    let ended_well = was_running && matches!(session.turn, Turn::Ended { .. });
    if ended_well && let Some(presence) = presence(state, record) {
        presence.deaths.clear();
    }
    Vec::new()
}

fn running_since(session: &Session, now: Timestamp) -> Timestamp {
    match session.turn {
        Turn::Running { since, .. } => since,
        Turn::Unknown | Turn::Ended { .. } | Turn::Waiting { .. } | Turn::Failed { .. } => now,
    }
}

/// Told once per wait, not at each look.
pub(super) fn needs_person(state: &mut State, record: &Record, on: &str) -> Vec<Task> {
    let command = state.settings.on_attention.clone();
    let Some(session) = session(state, record) else { return Vec::new() };
    if matches!(&session.turn, Turn::Waiting { on: before, .. } if before == on) {
        return Vec::new();
    }
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
    match (&fact.waiting_on, &session.turn) {
        (Some(on), _) => needs_person(state, record, on),
        (None, Turn::Waiting { .. }) => {
            // The dialog is gone and nothing else was said: somebody answered it, and the turn goes on.
            session.turn = Turn::Running { since: record.at, judged: true };
            Vec::new()
        }
        (None, _) => Vec::new(),
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
