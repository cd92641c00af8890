//! Deliveries to live sessions: which message is next, and what its end means (C13, C14, C30, C34, C41).

use super::{Case, armed, case_of_session, retry, verb};
use crate::model::delivery::{DeliveryOutcome, DeliveryStep, Proof, Settlement};
use crate::model::event::{
    DeliveryDecided, DeliveryEnded, DeliveryFailed, DeliverySettled, Event, MessageDead, MessageRequeued, PromptTaken,
    SessionReady, WakeFailed, WakePhase,
};
use crate::model::message::{Fate, Message};
use crate::model::profile::WakePolicy;
use crate::model::record::{Draft, Record, Subject};
use crate::model::session::WakeMode;
use crate::model::state::{Session, SessionPhase, State};
use crate::mutant::{Bug, bug};

use super::quarantine::has_passed;

/// The next message for this peer's live session, one at a time (C30).
pub(super) fn next(case: &Case) -> Vec<Draft> {
    let has_first_input = case.presence.session.as_ref().is_some_and(|session| session.first_input.is_some());
    // Nearly always there is nothing, and then nobody need know where it would go.
    if case.presence.queue.is_empty() && !has_first_input {
        return Vec::new();
    }
    if case.state.is_managed(case.peer) {
        return external(case).into_iter().collect();
    }
    let Some(session) = case.live() else { return Vec::new() };
    let open = matches!(session.phase, SessionPhase::Open | SessionPhase::Ready { .. });
    if !open || session.delivering.is_some() || session.failing || session.looking || verb::compacts(case, session) {
        return Vec::new();
    }
    let Some(message) = candidate(case, session) else { return Vec::new() };
    let first_input = session.first_input == Some(message.id) && session.mode == WakeMode::Fresh;
    vec![decided(case, message, first_input)]
}

fn decided(case: &Case, message: &Message, first_input: bool) -> Draft {
    case.about_message(
        message.id,
        DeliveryDecided {
            attempt: message.attempts + 1,
            possible_duplicate: message.possible_duplicate,
            first_input,
            session_before: message.session_before.clone(),
        },
    )
}

/// A fresh worker gets its one task and nothing else (C35). Anyone else gets the head of the queue, the first input
/// before all others.
fn candidate<'a>(case: &Case<'a>, session: &Session) -> Option<&'a Message> {
    let messages = &case.state.messages;
    let first = session.first_input.and_then(|id| messages.get(&id)).filter(|message| is_due(case, message));
    if !session.is_ready() || session.policy == WakePolicy::Ephemeral {
        return first.filter(|_| session.task.is_none());
    }
    first.or_else(|| {
        let head = case.presence.queue.iter().filter_map(|id| messages.get(id)).find(|m| m.fate == Fate::Queued)?;
        // A task that was accepted when the peer was ephemeral keeps its own fresh session (C3).
        (head.policy == WakePolicy::Persistent && is_due(case, head)).then_some(head)
    })
}

fn is_due(case: &Case, message: &Message) -> bool {
    message.fate == Fate::Queued && message.retry_at.is_none_or(|at| has_passed(case.now(), at))
}

/// Into a session that something else keeps alive (C5).
fn external(case: &Case) -> Option<Draft> {
    if case.presence.external_delivery.is_some() || case.presence.stopped.is_some() {
        return None;
    }
    let head = case.presence.queue.iter().filter_map(|id| case.state.messages.get(id)).next()?;
    is_due(case, head).then(|| decided(case, head, false))
}

/// What the end of a delivery means for its message and, where it was the first input, for the wake.
pub(super) fn delivery_ended(state: &State, record: &Record, fact: &DeliveryEnded) -> Vec<Draft> {
    let Some((case, message)) = in_lane(state, record) else { return Vec::new() };
    match &fact.outcome {
        DeliveryOutcome::Proven { proof } => vec![proven(&case, message, *proof)],
        DeliveryOutcome::Failed { typed: true, .. } if bug(Bug::TypedIsProven) => {
            vec![proven(&case, message, Proof::Screen)]
        }
        DeliveryOutcome::Failed { step, why, typed } => failed(&case, message, &step_says(*step, why), *typed, None),
        DeliveryOutcome::Unproven { waited_ms, screen } => {
            let why = format!("submitted, and no proof of it in {} s", waited_ms / 1000);
            failed(&case, message, &why, true, Some(screen.clone()))
        }
        DeliveryOutcome::Impossible { why } => vec![given_up(&case, message, message.failures, why.clone())],
        // The session's own end says what becomes of it (C34, C52a).
        DeliveryOutcome::CutOff { .. } => Vec::new(),
    }
}

fn step_says(step: DeliveryStep, why: &str) -> String {
    let step = match step {
        DeliveryStep::Open => "before the paste",
        DeliveryStep::Paste => "at the paste",
        DeliveryStep::Land => "while the paste should land",
        DeliveryStep::Submit => "at the submit",
        DeliveryStep::Prove => "while waiting for proof",
    };
    format!("{step}: {why}")
}

/// The message the record speaks of, if it is still being delivered to the session the record speaks of.
fn in_lane<'a>(state: &'a State, record: &'a Record) -> Option<(Case<'a>, &'a Message)> {
    let peer = record.subject.peer.as_ref()?;
    let message = state.messages.get(record.subject.message.as_ref()?)?;
    let Fate::Delivering { generation, .. } = message.fate else { return None };
    let same = record.subject.generation.is_none_or(|of_record| of_record == generation);
    same.then_some((Case { state, record, peer, presence: state.presences.get(peer)? }, message))
}

fn proven(case: &Case, message: &Message, proof: Proof) -> Draft {
    let subject = Subject { message: Some(message.id), ..case.record.subject.clone() };
    Draft::own(subject, Some(case.record.lsn), armed::delivered(message, proof, case))
}

fn failed(case: &Case, message: &Message, why: &str, typed: bool, screen: Option<String>) -> Vec<Draft> {
    let settings = &case.state.settings;
    let mut drafts = Vec::new();
    // What failed before it could be typed is no attempt, but it failed: it would fail for ever.
    let failures = message.attempts.max(message.failures + 1);
    if failures >= settings.attempts_max {
        let why = format!("{failures} deliveries failed, the last one {why}");
        drafts.push(given_up(case, message, failures, why));
    } else {
        let event = DeliveryFailed {
            attempt: failures,
            attempts_max: settings.attempts_max,
            why: why.to_owned(),
            retry_in_ms: retry::delay_ms(settings, failures),
            possible_duplicate: typed,
        };
        drafts.push(case.about_message(message.id, event));
    }
    // A first input that was typed and not proven is a failed wake, and leaves a live session (C28, C29). One that
    // could not even be typed is tried again in the session that is there.
    let waking = case.live().filter(|s| !s.is_ready() && s.first_input == Some(message.id) && typed);
    drafts.extend(waking.map(|session| {
        let retry_in_ms = retry::delay_ms(settings, case.presence.wakes_failed + 1);
        let why = why.to_owned();
        let event =
            WakeFailed { phase: WakePhase::Deliver, why, screen, counted: true, left_session: true, retry_in_ms };
        case.about_session(session, event)
    }));
    drafts
}

fn given_up(case: &Case, message: &Message, attempts: u32, why: String) -> Draft {
    case.about_message(message.id, MessageDead { why, attempts, unfinished: message.unfinished })
}

/// The first input has been taken: the session is ready (C28).
pub(super) fn delivered(state: &State, record: &Record) -> Vec<Draft> {
    let Some((case, session)) = case_of_session(state, record) else { return Vec::new() };
    let first = !session.is_ready() && !session.is_ending() && session.first_input == record.subject.message;
    let ready = first.then(|| {
        let event = SessionReady { wake_ms: case.now().since(session.woken) };
        case.about_session(session, Event::from(event))
    });
    ready.into_iter().collect()
}

/// The program says itself what it was given: this very attempt, and every byte of it (C14). Anything else is left to its
/// record.
pub(super) fn prompt_taken(state: &State, record: &Record, fact: &PromptTaken) -> Vec<Draft> {
    let Some((case, message)) = in_lane(state, record) else { return Vec::new() };
    let is_it = message.is_begun() && message.attempts == fact.attempt && message.print == Some(fact.print);
    is_it.then(|| proven(&case, message, Proof::Hook)).into_iter().collect()
}

/// A delivery in doubt is settled by the runtime's own record; only if that cannot tell is it sent again, marked
/// (C34).
pub(super) fn delivery_settled(state: &State, record: &Record, fact: &DeliverySettled) -> Vec<Draft> {
    let Some((case, message)) = in_lane(state, record) else { return Vec::new() };
    match &fact.settlement {
        Settlement::Found => vec![proven(&case, message, Proof::Transcript)],
        Settlement::FoundExact => vec![proven(&case, message, Proof::TranscriptExact)],
        Settlement::Absent => vec![again(&case, message, "the runtime's record does not hold it")],
        Settlement::CannotTell { why } => {
            vec![again(&case, message, &format!("the runtime's record cannot tell ({why})"))]
        }
    }
}

fn again(case: &Case, message: &Message, why: &str) -> Draft {
    case.about_message(
        message.id,
        MessageRequeued {
            why: why.to_owned(),
            counted: false,
            possible_duplicate: !bug(Bug::DuplicateNotMarked),
            session_before: message.session_before.clone(),
        },
    )
}
