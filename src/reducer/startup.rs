//! What a new daemon takes up from the one before (C60): effects whose outcome nobody heard.

use super::{delivery, life, session, session_name, wake};
use crate::model::effect::{SessionName, Task};
use crate::model::event::{DaemonStarted, SessionAdopted};
use crate::model::id::MessageId;
use crate::model::message::Fate;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::Source;
use crate::model::state::{Daemon, SessionPhase, State};

/// Looks under way died with the daemon that took them; deliveries of sessions that are gone are settled again.
pub(super) fn daemon_started(state: &mut State, record: &Record, fact: &DaemonStarted) -> Vec<Task> {
    state.daemon = Some(Daemon { pid: fact.pid, started: record.lsn, running: true });
    for presence in state.presences.values_mut() {
        if let Some(session) = &mut presence.session {
            session.looking = false;
        }
    }
    let lost: Vec<(Identity, MessageId)> = state
        .presences
        .iter()
        .flat_map(|(peer, presence)| presence.lost.iter().map(move |message| (peer.clone(), *message)))
        .collect();
    lost.into_iter().filter_map(|(peer, message)| settle_lost(state, &peer, message)).collect()
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
    let name = session_name(&peer, session);
    let (phase, delivering) = (session.phase.clone(), session.delivering);
    let mut tasks = fact.turn.as_ref().map(|turn| life::turn_found(state, record, turn)).unwrap_or_default();
    match (phase, delivering) {
        (SessionPhase::Launching | SessionPhase::Booting, _) => tasks.extend(wake::start_session(state, &peer)),
        (SessionPhase::Ending { .. }, _) => tasks.push(Task::EndSession { session: name }),
        (SessionPhase::Open | SessionPhase::Ready { .. }, Some(message)) => {
            tasks.extend(take_up(state, &peer, message));
        }
        (SessionPhase::Open | SessionPhase::Ready { .. }, None) => {}
    }
    tasks
}

/// A delivery that was decided but never begun goes on: the paste waits for a durable `delivery_begun`, so nothing was
/// typed. One that was begun is in doubt (C34).
fn take_up(state: &State, peer: &Identity, message: MessageId) -> Vec<Task> {
    let begun = matches!(
        state.messages.get(&message).map(|message| &message.fate),
        Some(Fate::Delivering { begun: Some(_), .. })
    );
    if begun {
        settle_lost(state, peer, message).into_iter().collect()
    } else {
        delivery::deliver(state, peer, message).into_iter().collect()
    }
}
