//! What is said of a turn: the newest word wins, and what comes late moves nothing that came after it (C46b).

use super::{life, presence, session};
use crate::model::effect::Task;
use crate::model::event::{TurnObserved, TurnSeen, UNNAMED_ERROR};
use crate::model::record::Record;
use crate::model::session::{Source, Turn};
use crate::model::state::{Session, State};
use crate::model::time::Timestamp;
use crate::mutant::{Bug, bug};

pub(super) fn turn_observed(state: &mut State, record: &Record, fact: &TurnObserved) -> Vec<Task> {
    let Some(session) = session(state, record) else { return Vec::new() };
    if fact.source == Source::StatusFile && is_same(&session.turn, &fact.turn) {
        // It stands there, and is read again after a restart: nothing has happened.
        return Vec::new();
    }
    sign_of_life(session, record, fact);
    if fact.turn == TurnSeen::Alive {
        return Vec::new();
    }
    let name = fact.turn_id.as_deref();
    let late = fact.is_behind(session.turn_said);
    let names = &mut session.turn_names;
    let of_another = name.is_some_and(|name| !names.has_ended(name));
    let of_unheard = name.is_some_and(|name| names.is_new(name));
    let news = if late { names.hears_late(&fact.turn, name) } else { names.hears(&fact.turn, name) };
    if late || !news {
        session.turns_open = session.turns_open.saturating_sub(u32::from(news));
        if news && has_come_back(session, fact) {
            (session.turn, session.kept) = (Turn::Ended { at: record.at, judged: false }, None);
        }
        how_it_ended(session, fact);
        return Vec::new();
    }
    session.turn_said = Some(fact.said(record.at));
    if fact.turn == TurnSeen::Idle && !of_another && says_more(&session.turn, fact.source) {
        session.turns_open = 0;
        return Vec::new();
    }
    if fact.turn == TurnSeen::Idle && of_unheard {
        session.turn_told = Some(record.lsn);
    }
    told(state, record, &fact.turn, fact.source)
}

/// What waited in a spool was a sign of life when it was said, not when it is heard.
fn sign_of_life(session: &mut Session, record: &Record, fact: &TurnObserved) {
    let at = fact.said(record.at);
    if session.last_sign.latest(at) == at {
        session.last_sign = at;
        session.last_sign_source = fact.source;
    }
    if fact.source == Source::Hook {
        session.last_proof = Some(session.last_proof.map_or(at, |last| last.latest(at)));
    }
}

/// A turn that ended after work went on in the background was the one it was woken up for, even if a word that tells
/// nothing of it was heard first.
fn has_come_back(session: &Session, fact: &TurnObserved) -> bool {
    let Turn::Background { since, .. } = session.turn else { return false };
    fact.turn == TurnSeen::Ended && fact.said_at.is_some_and(|said| said != since && said.latest(since) == said)
}

/// How a turn ended that is known to be over is worth more than that it is, and so is why it failed.
fn how_it_ended(session: &mut Session, fact: &TurnObserved) {
    let at = match &session.turn {
        Turn::Ended { at, .. } => *at,
        Turn::Failed { at, reason } if reason == UNNAMED_ERROR && is_failure(&fact.turn) => *at,
        _ => return,
    };
    if fact.turn_id.as_deref().is_some_and(|name| !session.turn_names.ended_last(name)) {
        return;
    }
    let how = match &fact.turn {
        TurnSeen::Background { on } => Turn::Background { since: at, on: on.clone() },
        TurnSeen::Failed { reason } => Turn::Failed { at, reason: reason.clone() },
        TurnSeen::Running | TurnSeen::Ended | TurnSeen::Idle | TurnSeen::Waiting { .. } | TurnSeen::Alive => return,
    };
    (session.turn, session.kept) = (how, None);
}

fn is_failure(turn: &TurnSeen) -> bool {
    matches!(turn, TurnSeen::Failed { .. })
}

/// Whether what is known of the end says more than that the program is idle: it is idle, too, while work of its own goes
/// on in the background, and its status does not tell how a turn ended.
fn says_more(turn: &Turn, source: Source) -> bool {
    match turn {
        Turn::Background { .. } => true,
        Turn::Failed { .. } => matches!(source, Source::StatusFile | Source::Title),
        Turn::Unknown | Turn::Running { .. } | Turn::Ended { .. } | Turn::Waiting { .. } => false,
    }
}

/// What the program did while nobody watched. The same as before moves no clock.
pub(super) fn turn_found(state: &mut State, record: &Record, turn: &TurnSeen) -> Vec<Task> {
    let Some(session) = session(state, record) else { return Vec::new() };
    // Newer than all that was typed before: a message in doubt has had its turn by now, or will have one (C46b).
    session.turn_told = Some(record.lsn);
    if is_same(&session.turn, turn) {
        return Vec::new();
    }
    session.last_sign = record.at;
    session.last_sign_source = Source::Terminal;
    session.turn_said = Some(record.at);
    told(state, record, turn, Source::Terminal)
}

fn is_same(known: &Turn, seen: &TurnSeen) -> bool {
    match (known, seen) {
        (Turn::Running { judged, .. }, TurnSeen::Running) => !judged,
        (Turn::Ended { .. }, TurnSeen::Ended | TurnSeen::Idle)
        | (Turn::Failed { .. }, TurnSeen::Failed { .. })
        | (Turn::Background { .. }, TurnSeen::Background { .. } | TurnSeen::Ended | TurnSeen::Idle)
        | (_, TurnSeen::Alive) => true,
        (Turn::Waiting { on: before, .. }, TurnSeen::Waiting { on }) => before == on,
        _ => false,
    }
}

fn told(state: &mut State, record: &Record, turn: &TurnSeen, source: Source) -> Vec<Task> {
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
        TurnSeen::Ended => ends(session, record, Turn::Ended { at: record.at, judged: false }),
        TurnSeen::Background { on } => {
            ends(session, record, Turn::Background { since: record.at, on: on.clone() });
        }
        TurnSeen::Idle if bug(Bug::IdleUnheard) => {}
        TurnSeen::Idle => {
            // The record says so by the end of a turn, and may say it before it has shown what that turn was about.
            if source == Source::Transcript {
                session.turn_told = Some(record.lsn);
            }
            session.turns_open = 0;
            session.turn = Turn::Ended { at: record.at, judged: false };
        }
        TurnSeen::Waiting { on } => return life::needs_person(state, record, on, source),
        TurnSeen::Failed { reason } => {
            session.turns_open = 0;
            // Why is known already.
            if reason == UNNAMED_ERROR && matches!(session.turn, Turn::Failed { .. }) {
                return Vec::new();
            }
            session.turn = Turn::Failed { at: record.at, reason: reason.clone() };
        }
        TurnSeen::Alive => {}
    }
    session.waits_by = None;
    let ended_well = was_running && matches!(session.turn, Turn::Ended { .. } | Turn::Background { .. });
    if ended_well && let Some(presence) = presence(state, record) {
        presence.deaths.clear();
    }
    Vec::new()
}

/// Ended only when as many have ended as were submitted (C46b).
fn ends(session: &mut Session, record: &Record, how: Turn) {
    // Its beginning may have gone unheard: an end tells of a turn as well.
    session.turn_told = Some(record.lsn);
    session.turns_open = session.turns_open.saturating_sub(1);
    if session.turns_open == 0 {
        session.turn = how;
    }
}

fn running_since(session: &Session, now: Timestamp) -> Timestamp {
    match session.turn {
        Turn::Running { since, .. } => since,
        Turn::Unknown | Turn::Ended { .. } | Turn::Waiting { .. } | Turn::Failed { .. } | Turn::Background { .. } => {
            now
        }
    }
}
