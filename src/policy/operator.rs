//! What operators and agents asked for (C52-C55, C4).

use super::{Case, on_behalf, reap};
use crate::model::actor::Actor;
use crate::model::event::{
    CancelRequested, MessageCancelled, MessageRequeued, PeerForgotten, QuarantineLifted, RefreshMarked, RetryRequested,
    StopCleared, StopSet,
};
use crate::model::name::{Identity, Personality};
use crate::model::record::{Draft, Record, Subject};
use crate::model::session::ReapReason;
use crate::model::state::{EndedHow, State};

pub(super) fn refresh(state: &State, record: &Record) -> Vec<Draft> {
    let marked = presence(state, record).is_some_and(|case| case.presence.refresh.is_some());
    if marked { Vec::new() } else { vec![on_behalf(record, RefreshMarked {})] }
}

pub(super) fn stop(state: &State, record: &Record) -> Vec<Draft> {
    let stopped = presence(state, record).is_some_and(|case| case.presence.stopped.is_some());
    if stopped { Vec::new() } else { vec![on_behalf(record, StopSet {})] }
}

/// Flag, park, end (C52).
pub(super) fn stop_set(state: &State, record: &Record) -> Vec<Draft> {
    let Some(case) = presence(state, record) else { return Vec::new() };
    let Some(session) = case.live() else { return Vec::new() };
    let drafts = reap::park_and_reap(&case, session, ReapReason::Stopped);
    drafts.into_iter().map(|draft| Draft { actor: record.actor.clone(), ..draft }).collect()
}

pub(super) fn start(state: &State, record: &Record) -> Vec<Draft> {
    let Some(case) = presence(state, record) else { return Vec::new() };
    let mut drafts = Vec::new();
    if let Some(stopped) = &case.presence.stopped {
        drafts.push(on_behalf(record, StopCleared { stopped: stopped.lsn }));
    }
    if case.presence.quarantine.is_some() {
        drafts.push(on_behalf(record, QuarantineLifted { by_operator: true }));
    }
    drafts
}

/// What is queued is cancelled as events, what lives is ended, then the peer is forgotten (C4). A live session is
/// forgotten with its peer only when it is gone.
pub(super) fn remove(state: &State, record: &Record) -> Vec<Draft> {
    let Some(personality) = record.subject.peer.as_ref().map(|peer| &peer.personality) else { return Vec::new() };
    let of_peer = |peer: &&Identity| peer.personality == *personality;
    let mut drafts = cancelled_with_its_peer(state, record, personality);
    let live = state.presences.keys().filter(of_peer).filter_map(|peer| {
        let presence = state.presences.get(peer)?;
        let case = Case { state, record, peer, presence };
        Some(reap::reap(&case, case.live()?, ReapReason::Removed))
    });
    let live: Vec<Draft> = live.map(|draft| Draft { actor: record.actor.clone(), ..draft }).collect();
    let ending = state.presences.iter().any(|(peer, presence)| of_peer(&peer) && presence.session.is_some());
    if !ending {
        drafts.push(on_behalf(record, PeerForgotten {}));
    }
    drafts.extend(live);
    drafts
}

/// Nothing is forgotten with its peer that no event has cancelled (C13).
fn cancelled_with_its_peer(state: &State, record: &Record, personality: &Personality) -> Vec<Draft> {
    let messages = state.messages.values().filter(|message| message.to.personality == *personality);
    let cancelled = messages.map(|message| {
        let subject = Subject::peer(&message.to).with_message(message.id);
        let event = MessageCancelled { why: "its peer was removed".to_owned() };
        Draft { subject, ..on_behalf(record, event) }
    });
    cancelled.collect()
}

/// A peer that was removed while live is forgotten once its session is gone, with what was sent to it meanwhile.
pub(super) fn forget_when_gone(case: &Case) -> Vec<Draft> {
    let removed = case.presence.last_end.as_ref().is_some_and(|end| end.how == EndedHow::Reaped(ReapReason::Removed));
    if !removed {
        return Vec::new();
    }
    let of_peer = |peer: &Identity| peer.personality == case.peer.personality;
    let live = case.state.presences.iter().any(|(peer, presence)| of_peer(peer) && presence.session.is_some());
    if live {
        return Vec::new();
    }
    let mut drafts = cancelled_with_its_peer(case.state, case.record, &case.peer.personality);
    drafts.iter_mut().for_each(|draft| draft.actor = Actor::Dormouse);
    drafts.push(case.about_peer(PeerForgotten {}));
    drafts
}

pub(super) fn cancel(record: &Record, fact: &CancelRequested) -> Vec<Draft> {
    let why = fact.reason.clone().unwrap_or_else(|| "as asked".to_owned());
    vec![on_behalf(record, MessageCancelled { why })]
}

/// Another round for a dead message: its counts begin anew. What was pasted once may have arrived, and
/// its last attempt has left no mark of that (C34).
pub(super) fn retry(state: &State, record: &Record, fact: &RetryRequested) -> Vec<Draft> {
    let why = fact.reason.clone().unwrap_or_else(|| "as asked".to_owned());
    let message = record.subject.message.and_then(|id| state.messages.get(&id));
    let possible_duplicate = message.is_some_and(|message| message.attempts > 0 && !message.possible_duplicate);
    let event = MessageRequeued { why, counted: false, possible_duplicate, session_before: None };
    vec![on_behalf(record, event)]
}

fn presence<'a>(state: &'a State, record: &'a Record) -> Option<Case<'a>> {
    let peer = record.subject.peer.as_ref()?;
    Some(Case { state, record, peer, presence: state.presences.get(peer)? })
}
