//! `interrupt` and `compact`: asked for, and waited for until it is known what came of them (C56).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::answer::ending;
use super::{Door, mint};
use crate::daemon::input::Answer;
use crate::explain::because::turn_source;
use crate::explain::phrase::seconds;
use crate::model::actor::Actor;
use crate::model::event::{Decision, Event, Fact, VerbOutcome};
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::request::{PeerName, Request, Verb};
use crate::model::session::TypedVerb;
use crate::protocol::{Problem, ProblemCode, TypedInto};

pub(super) async fn interrupt(
    door: &Door,
    actor: Actor,
    reason: Option<String>,
    peer: String,
) -> Result<Value, Problem> {
    let verb = Verb::Interrupt { peer: PeerName(peer) };
    ask(door, Request { actor, reason, verb }, TypedVerb::Interrupt).await
}

/// A time that is over ends the waiting, not the compaction.
pub(super) async fn compact(
    door: &Door,
    actor: Actor,
    reason: Option<String>,
    peer: String,
    timeout_ms: Option<u64>,
) -> Result<Value, Problem> {
    let verb = Verb::Compact { peer: PeerName(peer.clone()), mint: mint::message_id() };
    let asked = ask(door, Request { actor, reason, verb }, TypedVerb::Compact);
    let Some(timeout_ms) = timeout_ms else { return asked.await };
    match tokio::time::timeout(Duration::from_millis(timeout_ms), asked).await {
        Ok(answer) => answer,
        Err(_) => {
            let why = format!("`{peer}` was not compacted within {}, and still is to be", seconds(timeout_ms));
            let hint = format!("`dormouse log --peer {peer}` shows what it waits for");
            Err(Problem::new(ProblemCode::TimedOut, why).hint(hint))
        }
    }
}

async fn ask(door: &Door, request: Request, verb: TypedVerb) -> Result<Value, Problem> {
    let mut records = door.inputs.records.subscribe();
    let Answer::Done(led_to) = door.ask(request).await? else {
        return Err(Problem::failed("the daemon has no answer to this"));
    };
    let Some((own, peer)) = led_to.first().and_then(|own| Some((own, own.subject.peer.clone()?))) else {
        return Err(Problem::failed("the request left no record of a peer"));
    };
    let waiting = Waiting { asked: own.lsn, peer, verb };
    let ended = waiting.end(door, &mut records).await?;
    serde_json::to_value(&ended).map_err(|error| Problem::failed(error.to_string()))
}

/// One that waits for the end of what it asked for.
struct Waiting {
    asked: Lsn,
    peer: Identity,
    verb: TypedVerb,
}

impl Waiting {
    async fn end(&self, door: &Door, records: &mut Receiver<Arc<Record>>) -> Result<TypedInto, Problem> {
        loop {
            match records.recv().await {
                Ok(record) if record.lsn > self.asked => {
                    if let Some(ended) = self.heard(&record) {
                        return ended;
                    }
                }
                Ok(_) => {}
                // So many records at once that its end may have been among them: the state knows whether it was.
                Err(RecvError::Lagged(_)) => self.is_asked_still(door).await?,
                Err(RecvError::Closed) => return Err(ending()),
            }
        }
    }

    async fn is_asked_still(&self, door: &Door) -> Result<(), Problem> {
        let (peer, asked) = (self.peer.clone(), self.asked);
        let still = door
            .read(move |state, _| {
                let presence = state.presences.get(&peer);
                presence.is_some_and(|presence| presence.verbs.iter().any(|verb| verb.asked == asked))
            })
            .await?;
        let lost = || self.failed("it has ended, and its end was missed here".to_owned());
        if still { Ok(()) } else { Err(lost()) }
    }

    fn heard(&self, record: &Record) -> Option<Result<TypedInto, Problem>> {
        if record.subject.peer.as_ref() != Some(&self.peer) {
            return None;
        }
        match &record.event {
            Event::Fact(Fact::VerbEnded(ended)) if ended.verb == self.verb => {
                Some(self.outcome(record, &ended.outcome))
            }
            Event::Decision(Decision::VerbGivenUp(given_up)) if given_up.asked == self.asked => {
                Some(Err(self.failed(given_up.why.clone())))
            }
            Event::Decision(Decision::PeerForgotten(_)) => Some(Err(self.failed("the peer was removed".to_owned()))),
            _ => None,
        }
    }

    fn outcome(&self, record: &Record, outcome: &VerbOutcome) -> Result<TypedInto, Problem> {
        match outcome {
            VerbOutcome::Confirmed { by } => Ok(TypedInto {
                peer: self.peer.clone(),
                generation: record.subject.generation,
                lsn: self.asked,
                ended: record.lsn,
                by: *by,
            }),
            VerbOutcome::Refused { why } => Err(Problem::refused(self.says(why))),
            VerbOutcome::Failed { why, .. } => Err(self.failed(why.clone())),
            VerbOutcome::Unconfirmed { waited_ms, screen } => {
                let source = match self.verb {
                    TypedVerb::Interrupt => "the program",
                    TypedVerb::Compact => turn_source(crate::model::session::Source::Transcript),
                };
                let seconds = waited_ms / 1000;
                let seen = match screen.trim_end() {
                    "" => String::new(),
                    screen => format!("; its screen says:\n{screen}"),
                };
                Err(self
                    .failed(format!("it was typed, and {source} has not shown in {seconds} s that it was done{seen}")))
            }
        }
    }

    fn failed(&self, why: String) -> Problem {
        Problem::failed(self.says(&why)).hint(format!("`dormouse why {}` has the whole story", self.asked))
    }

    fn says(&self, why: &str) -> String {
        format!("`{}` of {}: {why}", self.verb.word(), self.peer)
    }
}
