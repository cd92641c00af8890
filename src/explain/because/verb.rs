//! What operators had typed into a session: `interrupt` and `compact`.

use crate::explain::phrase::{seconds, span};
use crate::model::event::{
    CompactRequested, InterruptRequested, VerbDecided, VerbEnded, VerbGivenUp, VerbOutcome, VerbWaiting,
};
use crate::model::session::TypedVerb;

use super::deliver::{gate, step, typed_words};
use super::given;
use super::life::source;

pub fn interrupt_requested(it: &InterruptRequested) -> String {
    format!("asked to interrupt the turn{} (C56)", given(it.reason.as_ref()))
}

pub fn compact_requested(it: &CompactRequested) -> String {
    format!("asked to have the conversation compacted{} (C56)", given(it.reason.as_ref()))
}

pub fn decided(it: &VerbDecided) -> String {
    let what = match it.verb {
        TypedVerb::Interrupt => "one key into the session, to end its turn",
        TypedVerb::Compact => "to be typed into the session: compact the conversation",
    };
    format!("{what}, as asked at record {} (C56)", it.asked)
}

pub fn waiting(it: &VerbWaiting) -> String {
    format!("`{}` waits: {}", it.verb.word(), gate(&it.gate))
}

pub fn ended(it: &VerbEnded) -> String {
    let (verb, took) = (it.verb, seconds(it.took_ms));
    let done = match verb {
        TypedVerb::Interrupt => "the turn was interrupted",
        TypedVerb::Compact => "the conversation was compacted",
    };
    match &it.outcome {
        VerbOutcome::Confirmed { by } => format!("{done}: {} showed it after {took} (C56)", source(*by)),
        VerbOutcome::Refused { why } => format!("`{}` was not typed: {why}", verb.word()),
        VerbOutcome::Failed { step: failed_at, why, typed } => {
            format!("`{}` failed {} after {took}: {why}; {}", verb.word(), step(*failed_at), typed_words(*typed))
        }
        VerbOutcome::Unconfirmed { waited_ms, .. } => {
            format!("`{}` was typed, and nothing showed in {} that it was done", verb.word(), span(*waited_ms))
        }
    }
}

pub fn given_up(it: &VerbGivenUp) -> String {
    format!("`{}` of record {} is given up: {}", it.verb.word(), it.asked, it.why)
}
