//! Admission: every request becomes exactly one fact, what was asked or why it was refused (C6, C58).

mod message;
mod peer;
mod resolve;
mod verb;

#[cfg(test)]
mod tests;

use crate::model::actor::Actor;
use crate::model::event::{Event, RequestRefused};
use crate::model::id::{Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::record::{Draft, Subject};
use crate::model::request::{Request, Verb};
use crate::model::state::State;
use crate::model::time::Timestamp;

pub use resolve::{Unresolved, resolve};

/// What a request comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "an admission lives for a moment, and most of them are facts")]
pub enum Admission {
    /// To be journaled; its event says whether the request stands or is refused.
    Fact(Draft),
    /// An idempotency key already stands for this message: nothing is enqueued (C8).
    Known { message: MessageId, accepted: Lsn, queue_depth: u32 },
}

/// Why a request is refused: the rule, a sentence, the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub rule: &'static str,
    pub why: String,
    pub hint: Option<String>,
}

impl Refusal {
    fn new(rule: &'static str, why: impl Into<String>) -> Self {
        Self { rule, why: why.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Checks `request` against the state and words the fact it comes to.
pub fn admit(state: &State, now: Timestamp, request: Request) -> Admission {
    let Request { actor, reason, verb } = request;
    if let Verb::Send(send) = verb {
        return message::send(state, actor, reason, *send);
    }
    let word = verb.word();
    match checked(state, now, &actor, &reason, verb) {
        Ok((subject, event)) => Admission::Fact(Draft { subject, cause: None, actor, event }),
        Err((peer, refusal)) => Admission::Fact(refused(actor, peer, word, refusal)),
    }
}

type Checked = Result<(Subject, Event), (Option<Identity>, Refusal)>;

fn checked(state: &State, now: Timestamp, actor: &Actor, reason: &Option<String>, verb: Verb) -> Checked {
    match verb {
        Verb::Add { registration } => peer::add(state, reason, *registration),
        Verb::Remove { peer, force } => peer::remove(state, reason, &peer, force),
        Verb::Stop { peer } => peer::stop(state, reason, &peer),
        Verb::Start { peer } => peer::start(state, reason, &peer),
        Verb::New { peer, mint } => peer::new(state, now, reason, &peer, mint),
        Verb::Refresh { peer } => peer::refresh(state, reason, &peer),
        Verb::Attach { peer, mint } => peer::attach(state, now, reason, &peer, mint),
        Verb::Run { peer, mint } => peer::run(state, now, reason, peer, mint),
        Verb::Interrupt { peer } => verb::interrupt(state, reason, &peer),
        Verb::Compact { peer, mint } => verb::compact(state, now, reason, &peer, mint),
        Verb::SelfDone => peer::done(state, actor, reason),
        Verb::SelfFresh => peer::fresh(state, actor, reason),
        Verb::Cancel { message } => message::cancel(state, reason, message),
        Verb::Retry { message } => message::retry(state, reason, message),
        Verb::Send(_) => Err((None, Refusal::new("C6", "a message is admitted by rules of its own"))),
    }
}

fn refused(actor: Actor, peer: Option<Identity>, verb: &str, refusal: Refusal) -> Draft {
    let event =
        RequestRefused { verb: verb.to_owned(), rule: refusal.rule.to_owned(), why: refusal.why, hint: refusal.hint };
    let subject = Subject { peer, ..Subject::NONE };
    Draft { subject, cause: None, actor, event: event.into() }
}
