//! Deliveries: decided, begun, ended.

use super::{life, message, presence, session};
use crate::model::delivery::Gate;
use crate::model::effect::{DeliverMessage, Envelope, SessionName, Task};
use crate::model::event::{DeliveryBegun, DeliveryDecided, DeliveryEnded, DeliveryFailed, DeliveryWaiting};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::message::{Fate, Message, Purpose, Question};
use crate::model::name::Identity;
use crate::model::profile::WakePolicy;
use crate::model::record::Record;
use crate::model::session::{Source, Turn, WakeMode};
use crate::model::state::{Session, State};

/// Most topics a session remembers (C18).
const TOPICS_MAX: usize = 16;

pub(super) fn delivery_decided(state: &mut State, record: &Record, decision: &DeliveryDecided) -> Vec<Task> {
    let (Some(peer), Some(id)) = (record.subject.peer.clone(), record.subject.message) else { return Vec::new() };
    let generation = record.subject.generation.unwrap_or(Generation(Lsn::ZERO));
    if let Some(message) = state.messages.get_mut(&id) {
        message.fate = Fate::Delivering { generation, begun: None };
        message.retry_at = None;
        message.session_before.clone_from(&decision.session_before);
    }
    match session(state, record) {
        Some(session) => session.delivering = Some(id),
        None => {
            if let Some(presence) = presence(state, record) {
                presence.external_delivery = Some(id);
            }
        }
    }
    deliver(state, &peer, id).into_iter().collect()
}

/// The effect that delivers `id` into the session it was handed to.
pub(super) fn deliver(state: &State, peer: &Identity, id: MessageId) -> Option<Task> {
    let message = state.messages.get(&id)?;
    let Fate::Delivering { generation, .. } = message.fate else { return None };
    let registration = &state.peer(peer)?.registration;
    let session = state.session(peer, generation);
    let first_of_fresh = session.is_some_and(|s| s.first_input == Some(id) && s.mode == WakeMode::Fresh);
    Some(Task::DeliverMessage(Box::new(DeliverMessage {
        session: SessionName { peer: peer.clone(), generation },
        managed: registration.managed.clone(),
        message: id,
        accepted: message.accepted,
        attempt: message.attempts + 1,
        envelope: envelope(message),
        initial_prompt: registration.profile.initial_prompt.clone().filter(|_| first_of_fresh),
        turn_running: session.is_some_and(Session::is_told_running),
        last_delivered: session.and_then(|session| session.last_delivered),
        ready_deadline_ms: state.settings.ready_deadline_ms,
        human_typing_hold_ms: state.settings.human_typing_hold_ms,
    })))
}

fn envelope(message: &Message) -> Envelope {
    Envelope {
        from: message.from.clone(),
        sent: message.accepted_at,
        topic: message.topic.clone(),
        purpose: message.purpose,
        possible_duplicate: message.possible_duplicate,
        session_before: message.session_before.clone(),
        reply_asked: message.reply_asked,
    }
}

pub(super) fn delivery_waiting(state: &mut State, record: &Record, fact: &DeliveryWaiting) -> Vec<Task> {
    if let Some(message) = record.subject.message.and_then(|id| state.messages.get_mut(&id)) {
        message.waiting_for = Some(fact.gate.clone());
    }
    if let Gate::NeedsPerson { on } = &fact.gate {
        return life::needs_person(state, record, on, Source::Screen);
    }
    Vec::new()
}

pub(super) fn delivery_begun(state: &mut State, record: &Record, fact: &DeliveryBegun) -> Vec<Task> {
    if let Some(message) = record.subject.message.and_then(|id| state.messages.get_mut(&id))
        && let Fate::Delivering { begun, .. } = &mut message.fate
    {
        *begun = Some(record.lsn);
        message.attempts = fact.attempt;
        message.mark.clone_from(&fact.mark);
        message.print = Some(fact.print);
        message.waiting_for = None;
    }
    Vec::new()
}

pub(super) fn delivery_ended(state: &mut State, record: &Record, _fact: &DeliveryEnded) -> Vec<Task> {
    if let Some(message) = record.subject.message.and_then(|id| state.messages.get_mut(&id)) {
        message.waiting_for = None;
    }
    Vec::new()
}

pub(super) fn delivered(state: &mut State, record: &Record) -> Vec<Task> {
    let (Some(peer), Some(id)) = (&record.subject.peer, record.subject.message) else { return Vec::new() };
    let tells_turns = state.tells_turns(peer);
    let begun = state.messages.get(&id).and_then(|message| match message.fate {
        Fate::Delivering { begun, .. } => begun,
        Fate::Queued | Fate::Delivered { .. } | Fate::Dead { .. } => None,
    });
    let was_lost = state.presences.get(peer).is_some_and(|presence| presence.lost.contains(&id));
    message::leave_queue(state, record, id);
    let Some(message) = state.messages.get(&id).cloned() else { return Vec::new() };
    let is_task = match session(state, record) {
        Some(session) => {
            note_delivery(session, record, &message);
            note_turn(session, record, begun, tells_turns);
            session.policy == WakePolicy::Ephemeral && message.purpose == Purpose::Message
        }
        // Settled after the session's end: whether it was a task is told by the policy it was accepted under.
        None => was_lost && message.policy == WakePolicy::Ephemeral,
    };
    match record.subject.generation.filter(|_| is_task) {
        Some(generation) => keep_as_task(state, record, id, generation, was_lost),
        None => {
            state.messages.remove(&id);
            note_question(state, record, message, was_lost);
        }
    }
    Vec::new()
}

/// A peer waits for a reply: from this session, or from nobody if it has ended (C13). A person is told by the call that
/// waits, and nobody knows when a session of somebody else's ends.
fn note_question(state: &mut State, record: &Record, message: Message, was_lost: bool) {
    if !message.reply_asked || message.from.peer().is_none() {
        return;
    }
    let question = Question { message: message.id, from: message.from };
    if let Some(session) = session(state, record) {
        session.questions.push(question);
    } else if let Some(presence) = presence(state, record).filter(|_| was_lost) {
        presence.unanswered.push(question);
    }
}

/// The delivery notes the topic and moves the idle clock (C18, C33).
fn note_delivery(session: &mut Session, record: &Record, message: &Message) {
    session.last_sign = record.at;
    session.last_sign_source = Source::Delivery;
    session.last_proof = Some(record.at);
    session.last_delivered = Some(message.id);
    session.last_delivered_from = Some(message.from.clone());
    if let Some(topic) = &message.topic
        && !session.topics.contains(topic)
    {
        if session.topics.len() == TOPICS_MAX {
            session.topics.remove(0);
        }
        session.topics.push(topic.clone());
    }
}

/// A turn starts with what was submitted (C46a). A program that tells its turns may have told this one, and even its
/// end, before its record showed the proof: its own word is newer evidence than what a proof means (C46b).
fn note_turn(session: &mut Session, record: &Record, begun: Option<Lsn>, tells_turns: bool) {
    let told = begun.is_some_and(|begun| session.turn_told.is_some_and(|told| told > begun));
    match session.turn {
        Turn::Ended { .. } | Turn::Failed { .. } | Turn::Background { .. } if told => return,
        Turn::Waiting { .. } if told => {}
        Turn::Running { judged: false, .. } => {}
        _ => session.turn = Turn::Running { since: record.at, judged: !tells_turns },
    }
    session.turns_open += 1;
}

fn keep_as_task(state: &mut State, record: &Record, id: MessageId, generation: Generation, was_lost: bool) {
    if let Some(message) = state.messages.get_mut(&id) {
        message.fate = Fate::Delivered { generation };
    }
    match session(state, record) {
        Some(session) => session.task = Some(id),
        // Its session is gone already: what became of the task is still to be settled.
        None if was_lost => {
            if let Some(presence) = presence(state, record) {
                presence.lost.push(id);
            }
        }
        None => {}
    }
}

pub(super) fn delivery_failed(state: &mut State, record: &Record, decision: &DeliveryFailed) -> Vec<Task> {
    let Some(id) = record.subject.message else { return Vec::new() };
    if let Some(message) = state.messages.get_mut(&id) {
        message.fate = Fate::Queued;
        message.failures += 1;
        message.retry_at = Some(record.at.plus_ms(decision.retry_in_ms));
        message.failure = Some(decision.why.clone());
        message.possible_duplicate |= decision.possible_duplicate;
    }
    if let Some(session) = session(state, record) {
        session.delivering = None;
    } else if let Some(presence) = presence(state, record) {
        presence.external_delivery = None;
    }
    Vec::new()
}
