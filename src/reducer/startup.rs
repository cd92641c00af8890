//! What a new daemon takes up from the one before (C60): effects whose outcome nobody heard.

use super::{delivery, session, session_name, turn, wake};
use crate::model::effect::{SessionName, Task};
use crate::model::event::{DaemonStarted, SessionAdopted};
use crate::model::id::MessageId;
use crate::model::message::{Fate, Message};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::Source;
use crate::model::state::{Daemon, SessionPhase, State};
use crate::mutant::{Bug, bug};

/// Looks under way died with the daemon that took them; deliveries of sessions that are gone are settled again, and those
/// into sessions of somebody else's, which no look finds, are taken up.
pub(super) fn daemon_started(state: &mut State, record: &Record, fact: &DaemonStarted) -> Vec<Task> {
    state.daemon = Some(Daemon { pid: fact.pid, started: record.lsn, running: true, starting: true });
    for presence in state.presences.values_mut() {
        if let Some(session) = &mut presence.session {
            session.looking &= bug(Bug::LookNeverEnds);
        }
    }
    let lost: Vec<(Identity, MessageId)> = state
        .presences
        .iter()
        .flat_map(|(peer, presence)| presence.lost.iter().map(move |message| (peer.clone(), *message)))
        .collect();
    let external: Vec<(Identity, MessageId)> = state
        .presences
        .iter()
        .filter_map(|(peer, presence)| Some((peer.clone(), presence.external_delivery?)))
        .collect();
    let settled = lost.into_iter().filter_map(|(peer, message)| settle_lost(state, &peer, message));
    settled.chain(external.into_iter().flat_map(|(peer, message)| take_up(state, &peer, message))).collect()
}

/// Asks the runtime's record about a message that a gone session may have read (C34).
pub(super) fn settle_lost(state: &State, peer: &Identity, message: MessageId) -> Option<Task> {
    let message = state.messages.get(&message)?;
    match message.fate {
        Fate::Delivering { generation, begun: Some(_) } => Some(Task::SettleDelivery {
            session: SessionName { peer: peer.clone(), generation },
            message: message.id,
            attempt: message.attempts,
            mark: message.mark.clone(),
            print: message.print,
        }),
        Fate::Delivering { begun: None, .. } | Fate::Queued | Fate::Delivered { .. } | Fate::Dead { .. } => None,
    }
}

/// The session lives: what it was in the middle of goes on, or is looked up.
pub(super) fn session_adopted(state: &mut State, record: &Record, fact: &SessionAdopted) -> Vec<Task> {
    let (Some(peer), Some(session)) = (record.subject.peer.clone(), session(state, record)) else { return Vec::new() };
    session.pid = Some(fact.pid);
    if matches!(session.last_sign_source, Source::Wake) {
        session.last_sign = session.woken;
    }
    let mut tasks = fact.turn.as_ref().map(|turn| turn::turn_found(state, record, turn)).unwrap_or_default();
    tasks.extend(go_on(state, &peer));
    tasks
}

/// The world has been looked at. Of sessions that nobody could tell of just now nothing new is decided (C43); what was
/// decided before goes on, for each effect asks its own questions.
pub(super) fn daemon_ready(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(daemon) = &mut state.daemon {
        daemon.starting = false;
    }
    let state = &*state;
    let untold = state.presences.iter().filter(|(_, presence)| {
        presence.session.as_ref().is_some_and(|session| session.look_failed_at == Some(record.at))
    });
    untold.flat_map(|(peer, _)| go_on(state, peer)).collect()
}

/// What this peer's session was in the middle of.
fn go_on(state: &State, peer: &Identity) -> Vec<Task> {
    let Some(session) = state.presences.get(peer).and_then(|presence| presence.session.as_ref()) else {
        return Vec::new();
    };
    match (&session.phase, session.delivering) {
        (SessionPhase::Launching | SessionPhase::Booting, _) if bug(Bug::BootNotTakenUp) => Vec::new(),
        (SessionPhase::Launching | SessionPhase::Booting, _) => wake::start_session(state, peer).into_iter().collect(),
        (SessionPhase::Ending { .. }, _) => vec![Task::EndSession { session: session_name(peer, session) }],
        (SessionPhase::Open | SessionPhase::Ready { .. }, Some(message)) => take_up(state, peer, message),
        (SessionPhase::Open | SessionPhase::Ready { .. }, None) => Vec::new(),
    }
}

/// A delivery that was decided but never begun goes on: the paste waits for a durable `delivery_begun`, so nothing was
/// typed. One that was begun is in doubt (C34).
fn take_up(state: &State, peer: &Identity, message: MessageId) -> Vec<Task> {
    let begun = state.messages.get(&message).is_some_and(Message::is_begun);
    if begun && !bug(Bug::DeliveredAgain) {
        settle_lost(state, peer, message).into_iter().collect()
    } else {
        delivery::deliver(state, peer, message).into_iter().collect()
    }
}
