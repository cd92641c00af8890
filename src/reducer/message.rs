//! Messages: into the queue, out of it, back again.

use super::{presence, session};
use crate::model::actor::Sender;
use crate::model::effect::{Attention, AttentionKind, Task};
use crate::model::event::{MessageAccepted, MessageDead, MessageRequeued, Recipient, ReportMade};
use crate::model::id::MessageId;
use crate::model::message::{Fate, Message, Purpose, TextPrint};
use crate::model::name::Identity;
use crate::model::profile::WakePolicy;
use crate::model::record::Record;
use crate::model::session::Source;
use crate::model::state::{Key, State};
use crate::mutant::{Bug, bug};

pub(super) fn message_accepted(state: &mut State, record: &Record, fact: &MessageAccepted) -> Vec<Task> {
    let Some(id) = record.subject.message else { return Vec::new() };
    remember_key(state, record, fact, id);
    if let Recipient::Peer(to) = &fact.to {
        let message = Message {
            topic: fact.topic.clone(),
            policy: fact.policy,
            bytes: u32::try_from(fact.text.len()).unwrap_or(u32::MAX),
            reply_asked: fact.reply_asked,
            ..fresh(record, id, to.clone(), fact.from.clone(), Purpose::Message)
        };
        enqueue(state, record, message);
    }
    speaker_shows_life(state, record, &fact.from);
    if let (Some(id), false) = (fact.answers, fact.progress) {
        answered(state, &fact.from, id);
    }
    Vec::new()
}

/// Nobody needs to be told any more that no reply will come.
fn answered(state: &mut State, by: &Sender, id: MessageId) {
    let Sender::Session { peer, generation } = by else { return };
    if let Some(message) = state.messages.get_mut(&id).filter(|message| message.to == *peer) {
        message.reply_asked = false;
    }
    let session = state.presences.get_mut(peer).and_then(|presence| presence.session.as_mut());
    if let Some(session) = session.filter(|session| session.generation == *generation) {
        session.questions.retain(|question| question.message != id);
    }
}

/// A message of which nothing is known but its place.
fn fresh(record: &Record, id: MessageId, to: Identity, from: Sender, purpose: Purpose) -> Message {
    Message {
        id,
        to,
        from,
        topic: None,
        purpose,
        policy: WakePolicy::Persistent,
        bytes: 0,
        accepted: record.lsn,
        accepted_at: record.at,
        fate: Fate::Queued,
        attempts: 0,
        failures: 0,
        unfinished: 0,
        possible_duplicate: false,
        retry_at: None,
        failure: None,
        session_before: None,
        mark: None,
        print: None,
        waiting_for: None,
        reply_asked: false,
    }
}

/// The peer's own prompt as a first input (C19): its text is in the profile, so it lies nowhere in the journal.
pub(super) fn prompt(record: &Record, id: MessageId, to: Identity) -> Message {
    fresh(record, id, to, Sender::Dormouse { about: record.lsn }, Purpose::Prompt)
}

pub(super) fn enqueue(state: &mut State, record: &Record, message: Message) {
    let presence = state.presences.get_or_insert_with(&message.to, || super::Presence::new(record.at));
    presence.queue.push_back(message.id);
    state.messages.insert(message.id, message);
}

fn remember_key(state: &mut State, record: &Record, fact: &MessageAccepted, message: MessageId) {
    forget_old_keys(state, record);
    let Some(word) = fact.key.as_ref().filter(|_| !bug(Bug::IdForgotten)) else { return };
    let to = match &fact.to {
        Recipient::Peer(peer) => peer.to_string(),
        Recipient::User(name) => format!("user:{name}"),
    };
    let name = (fact.from.clone(), to, word.clone());
    let text = TextPrint::of(&fact.text);
    let key = Key { message, accepted: record.lsn, at: record.at, text, queue_depth: fact.queue_depth };
    if state.keys.insert(name.clone(), key).is_none() {
        state.keys_by_age.push_back(name);
    }
}

/// Keys are kept for `id_memory`, and for as long as their message is not settled (C8). While a daemon starts none is
/// forgotten: a call that comes out of a spool may have been accepted by the one before, however long nobody served (C61a).
fn forget_old_keys(state: &mut State, record: &Record) {
    if state.daemon.as_ref().is_some_and(|daemon| daemon.starting) {
        return;
    }
    let is_young = |key: &Key| record.at.since(key.at) < state.settings.id_memory_ms;
    for _ in 0..state.keys_by_age.len() {
        let Some(name) = state.keys_by_age.front() else { return };
        let key = state.keys.get(name);
        if key.is_some_and(is_young) {
            return;
        }
        let is_unsettled = key.is_some_and(|key| state.messages.contains_key(&key.message));
        let Some(name) = state.keys_by_age.pop_front() else { return };
        // One that a dead message keeps is in nobody's way: it is asked about again when those that are younger are old.
        if is_unsettled {
            state.keys_by_age.push_back(name);
        } else {
            state.keys.remove(&name);
        }
    }
}

fn speaker_shows_life(state: &mut State, record: &Record, from: &Sender) {
    let Sender::Session { peer, generation } = from else { return };
    let Some(presence) = state.presences.get_mut(peer) else { return };
    if let Some(session) = presence.session.as_mut().filter(|session| session.generation == *generation) {
        session.last_sign = record.at;
        session.last_sign_source = Source::Answer;
    }
}

pub(super) fn message_dead(state: &mut State, record: &Record, decision: &MessageDead) -> Vec<Task> {
    let Some(id) = record.subject.message else { return Vec::new() };
    leave_queue(state, record, id);
    let Some(message) = state.messages.get_mut(&id) else { return Vec::new() };
    message.fate = Fate::Dead { since: record.at, why: decision.why.clone() };
    let (to, command) = (message.to.clone(), state.settings.on_attention.clone());
    if let Some(presence) = presence(state, record) {
        presence.dead.insert(id);
    }
    vec![Task::CallAttention(Box::new(Attention {
        command,
        what: AttentionKind::MessageDead,
        says: format!("message {id} to {to} was given up: {}", decision.why),
        peer: Some(to),
        message: Some(id),
    }))]
}

pub(super) fn message_cancelled(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(id) = record.subject.message {
        leave_queue(state, record, id);
        if let Some(presence) = presence(state, record) {
            presence.dead.remove(&id);
        }
        state.messages.remove(&id);
    }
    Vec::new()
}

/// Takes a message out of the queue and of what a session holds or took with it.
pub(super) fn leave_queue(state: &mut State, record: &Record, id: MessageId) {
    let Some(presence) = presence(state, record) else { return };
    presence.queue.retain(|queued| *queued != id);
    presence.lost.retain(|lost| *lost != id);
    if presence.external_delivery == Some(id) {
        presence.external_delivery = None;
    }
    if let Some(session) = &mut presence.session
        && session.delivering == Some(id)
    {
        session.delivering = None;
    }
}

/// Back to its place in the order of acceptance: the head, but for what was accepted before it (C9, C52a).
pub(super) fn message_requeued(state: &mut State, record: &Record, decision: &MessageRequeued) -> Vec<Task> {
    let Some(id) = record.subject.message else { return Vec::new() };
    leave_queue(state, record, id);
    let Some(message) = state.messages.get_mut(&id) else { return Vec::new() };
    let by_hand = matches!(message.fate, Fate::Dead { .. });
    message.fate = Fate::Queued;
    message.retry_at = None;
    message.waiting_for = None;
    message.possible_duplicate |= decision.possible_duplicate;
    message.session_before.clone_from(&decision.session_before);
    if by_hand {
        (message.attempts, message.failures, message.unfinished) = (0, 0, 0);
        message.failure = None;
    } else if decision.counted {
        message.unfinished += 1;
    }
    let accepted = message.accepted;
    let messages = &state.messages;
    let accepted_of = |id: &MessageId| messages.get(id).map(|message| message.accepted);
    if let Some(identity) = &record.subject.peer
        && let Some(presence) = state.presences.get_mut(identity)
    {
        presence.dead.remove(&id);
        let place = presence.queue.iter().position(|other| accepted_of(other) > Some(accepted));
        let place = place.filter(|_| !bug(Bug::QueueOutOfOrder));
        presence.queue.insert(place.unwrap_or(presence.queue.len()), id);
    }
    Vec::new()
}

pub(super) fn task_done(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(id) = record.subject.message {
        leave_queue(state, record, id);
        state.messages.remove(&id);
    }
    if let Some(session) = session(state, record) {
        session.task = None;
    }
    Vec::new()
}

/// The report waits in its sender's queue like a message, but never wakes (C13). An ephemeral sender gets none: it
/// would become a task.
pub(super) fn report_made(state: &mut State, record: &Record, decision: &ReportMade) -> Vec<Task> {
    if let Some(presence) = presence(state, record) {
        presence.unanswered.retain(|question| question.message != decision.about);
    }
    let Sender::Session { peer, .. } = &decision.to else { return Vec::new() };
    let gets_tasks = state.peer(peer).is_none_or(|peer| peer.registration.profile.wake_policy == WakePolicy::Ephemeral);
    if !gets_tasks {
        let from = Sender::Dormouse { about: record.lsn };
        let bytes = u32::try_from(decision.text.len()).unwrap_or(u32::MAX);
        let report =
            Message { bytes, ..fresh(record, decision.message(record.lsn), peer.clone(), from, Purpose::Report) };
        enqueue(state, record, report);
    }
    Vec::new()
}
