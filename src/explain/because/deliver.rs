//! Deliveries: what they wait for, how they end, what proves them.

use crate::explain::phrase::{count, number, seconds, span};
use crate::model::delivery::{DeliveryOutcome, DeliveryStep, Gate, Proof, Settlement};
use crate::model::event::{
    Delivered, DeliveryBegun, DeliveryDecided, DeliveryEnded, DeliveryFailed, DeliverySettled, DeliveryWaiting,
    PromptTaken,
};

use super::message::session_before;

pub fn waiting(it: &DeliveryWaiting) -> String {
    format!("the delivery waits: {}", gate(&it.gate))
}

/// What a delivery waits for, as a clause.
pub fn gate(gate: &Gate) -> String {
    match gate {
        Gate::Lane => "another delivery to this peer is under way (C30)".to_owned(),
        Gate::BoxNotOpen => "the input box is not on the screen (C27)".to_owned(),
        Gate::BoxNotEmpty => "the input box holds text that is not ours (C27)".to_owned(),
        Gate::PersonTyping { waited_ms } => {
            format!("a person is attached and has text in the composer, for {} now (C32)", span(*waited_ms))
        }
        Gate::TurnRunning => "the program's turn is still running (C33a)".to_owned(),
        Gate::NeedsPerson { on } => format!("a dialog needs a person: {on} (C27)"),
        Gate::PasteModeOff => "the program has not asked for bracketed paste (C27)".to_owned(),
        Gate::PaneInMode => "a person holds the pane in a tmux mode (C27)".to_owned(),
        Gate::NotKnown { why } => format!("nobody can say how the screen stands: {why} (C43)"),
    }
}

pub fn begun(it: &DeliveryBegun) -> String {
    let mark = it.mark.as_ref().map_or_else(String::new, |mark| {
        format!("; proof counts behind byte {} of {} (C14)", number(mark.offset), mark.path.display())
    });
    format!(
        "attempt {} begins: every gate is open, {} to type{mark}",
        it.attempt,
        count(it.bytes.into(), "byte", "bytes")
    )
}

pub fn prompt_taken(it: &PromptTaken) -> String {
    format!(
        "the program says that it was given attempt {}, {} in all",
        it.attempt,
        count(it.print.bytes, "byte", "bytes")
    )
}

pub fn ended(it: &DeliveryEnded) -> String {
    let (attempt, took) = (it.attempt, seconds(it.took_ms));
    match &it.outcome {
        DeliveryOutcome::Proven { proof } => {
            format!("attempt {attempt} was proven by {} after {took}", proven_by(*proof))
        }
        DeliveryOutcome::Failed { step: failed_at, why, typed } => {
            format!("attempt {attempt} failed {} after {took}: {why}; {}", step(*failed_at), typed_words(*typed))
        }
        DeliveryOutcome::Unproven { waited_ms, .. } => {
            format!("attempt {attempt} was submitted, and no proof came in {} (C28)", seconds(*waited_ms))
        }
        DeliveryOutcome::CutOff { typed } => {
            format!("attempt {attempt} was cut off after {took}; {} (C52a)", typed_words(*typed))
        }
        DeliveryOutcome::Impossible { why } => {
            format!("it can never be delivered as it is: {why}; nothing was typed")
        }
    }
}

pub(super) fn step(step: DeliveryStep) -> &'static str {
    match step {
        DeliveryStep::Open => "before anything was typed",
        DeliveryStep::Paste => "at the paste",
        DeliveryStep::Land => "while the paste was to land",
        DeliveryStep::Submit => "at the submit",
        DeliveryStep::Prove => "while it waited for proof",
    }
}

pub(super) fn typed_words(typed: bool) -> &'static str {
    if typed { "some of it may have reached the program" } else { "nothing reached the program" }
}

/// What proved it, as the object of "proven by".
fn proven_by(proof: Proof) -> &'static str {
    match proof {
        Proof::Hook => "a hook",
        Proof::Transcript => "the transcript",
        Proof::TranscriptExact => "the transcript, byte for byte,",
        Proof::Answer => "an answer that names it",
        Proof::Screen => "the screen",
        Proof::Keys => "accepted keys only",
    }
}

pub fn settled(it: &DeliverySettled) -> String {
    match &it.settlement {
        Settlement::Found => "a delivery in doubt is settled: the runtime's record holds the message (C34)".to_owned(),
        Settlement::FoundExact => {
            "a delivery in doubt is settled: the runtime's record holds the message, byte for byte (C34)".to_owned()
        }
        Settlement::Absent => {
            "a delivery in doubt is settled: the runtime's record does not hold the message (C34)".to_owned()
        }
        Settlement::CannotTell { why } => format!("a delivery in doubt stays in doubt: {why} (C34)"),
    }
}

pub fn decided(it: &DeliveryDecided) -> String {
    let first = if it.first_input { ", as its first input (C19)" } else { "" };
    let duplicate = if it.possible_duplicate { "; possibly a duplicate (C34)" } else { "" };
    let before = it.session_before.as_ref().map_or_else(String::new, |before| format!("; {}", session_before(before)));
    format!("handed to the live session, attempt {}{first}{duplicate}{before}", it.attempt)
}

pub fn delivered(it: &Delivered) -> String {
    let duplicate = if it.possible_duplicate { "; possibly a duplicate (C34)" } else { "" };
    let (proof, waited) = (proven_by(it.proof), span(it.waited_ms));
    format!("delivered: proven by {proof} at attempt {}, {waited} after it was accepted{duplicate}", it.attempt)
}

pub fn failed(it: &DeliveryFailed) -> String {
    let retry = seconds(it.retry_in_ms);
    format!("attempt {} of {} did not arrive: {}; tried again in {retry} (C13)", it.attempt, it.attempts_max, it.why)
}
