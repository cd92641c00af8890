//! A cause as an agent can act on it: a code, a sentence, and what it may do next.
//!
//! Who asks is not an operator. It sees the reasons of what concerns it, and of other peoples' messages only that there
//! were some.

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use crate::model::event::{Decision, Event, Fact};
use crate::model::id::{Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::TaskEnd;

use super::because::because;
use super::phrase::rfc3339;
use super::why::{Answer, Gap, Subject};
use super::whynot::{Guard, WhyNot};

/// Why something is as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    pub subject: String,
    /// The kind of the record that made it so, as `log` has it.
    pub code: &'static str,
    pub sentence: String,
    /// RFC 3339, UTC.
    pub since: String,
    /// Allowed moves, the most sensible first.
    pub next: Vec<Move>,
    /// What led to it, latest first.
    pub chain: Vec<Step>,
    pub gaps: Vec<Value>,
    /// So many records of the chain are about others' messages.
    pub withheld: usize,
}

/// Something that can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// The tool that does it; none: waiting, or a person.
    pub tool: Option<&'static str>,
    pub what: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    pub lsn: Lsn,
    pub at: String,
    pub kind: &'static str,
    pub because: String,
}

/// Why something does not happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Obstacle {
    /// The number of the rule that holds first; `moot` if the question does not arise.
    pub code: &'static str,
    pub sentence: String,
    pub next: Vec<Move>,
    #[serde(flatten)]
    pub whynot: WhyNot,
}

impl Move {
    fn with(tool: &'static str, what: impl Into<String>) -> Self {
        Self { tool: Some(tool), what: what.into() }
    }

    fn without(what: impl Into<String>) -> Self {
        Self { tool: None, what: what.into() }
    }
}

/// `answer` for `own`, whom only some messages concern; none if there is no record.
pub fn cause(answer: &Answer, own: &Identity, concerns: impl Fn(MessageId) -> bool) -> Option<Cause> {
    let (made, _) = answer.chain.first()?;
    let may_see = |record: &&Record| record.subject.message.is_none_or(&concerns);
    let chain: Vec<Step> = answer.chain.iter().map(|(record, _)| record).filter(may_see).map(step).collect();
    Some(Cause {
        subject: answer.subject.to_string(),
        code: made.event.kind().name,
        sentence: because(made, &TimeZone::UTC),
        since: rfc3339(made.at),
        next: match &answer.subject {
            Subject::Peer(peer) if peer == own => of_oneself(),
            _ => next(&made.event),
        },
        withheld: answer.chain.len() - chain.len(),
        chain,
        gaps: answer.gaps.iter().map(Gap::json).collect(),
    })
}

fn step(record: &Record) -> Step {
    let (lsn, at, kind) = (record.lsn, rfc3339(record.at), record.event.kind().name);
    Step { lsn, at, kind, because: because(record, &TimeZone::UTC) }
}

/// Who asks is awake, and writes to oneself is refused (C11).
fn of_oneself() -> Vec<Move> {
    vec![
        Move::with("my_messages", "see what you were given, and what became of what you have sent"),
        Move::with("whynot", "ask what keeps your session from being ended: `peer` is `me`, `question` is `reaped`"),
    ]
}

/// What may be done once this has happened.
fn next(event: &Event) -> Vec<Move> {
    let write = |what: &str| Move::with("send_to_peer", what);
    let wait = |what: &str| Move::without(format!("wait: {what}"));
    match event {
        Event::Fact(Fact::MessageAccepted(_) | Fact::RetryRequested(_)) => vec![
            Move::with("whynot", "ask what its delivery waits for: `question` is `delivered`"),
            wait("it is in the queue and stays there; do not send it again"),
        ],
        Event::Fact(Fact::MessageRefused(_)) => vec![write("mend what was refused, and send it again")],
        Event::Decision(Decision::Delivered(_)) => vec![wait("an answer comes to you as a message of its own")],
        Event::Decision(Decision::DeliveryFailed(_) | Decision::MessageRequeued(_)) => {
            vec![wait("it is tried again by itself; do not send it again")]
        }
        Event::Decision(Decision::MessageDead(_)) => vec![
            write("send it again as a new message, if it is still needed; it was never answered"),
            Move::without("tell a person: `dormouse queue retry` tries this very message again"),
        ],
        Event::Decision(Decision::MessageCancelled(_)) => {
            vec![write("it was called back: send a new message only if it is still needed")]
        }
        Event::Decision(Decision::TaskDone(it)) if it.how == TaskEnd::Answered => {
            vec![Move::with("my_messages", "read the answer")]
        }
        Event::Decision(Decision::TaskDone(_)) => {
            vec![write("it ended without a word, and its work may be there: look at it, or ask again")]
        }
        Event::Decision(Decision::Quarantined(_)) => vec![
            wait("it may be woken again once the oldest death has left the window; messages to it are kept until then"),
            Move::without("tell a person: `dormouse start` lets it wake at once"),
        ],
        Event::Decision(Decision::StopSet(_)) => vec![Move::without(
            "tell a person: only `dormouse start` lets it wake, and until then messages to it are refused",
        )],
        Event::Decision(Decision::PeerForgotten(_)) => {
            vec![Move::with("list_peers", "it is no peer any more: find another one")]
        }
        Event::Decision(
            Decision::WakeFailed(_)
            | Decision::SessionDied(_)
            | Decision::Reaped(_)
            | Decision::SessionEnded(_)
            | Decision::SessionFinished(_)
            | Decision::QuarantineLifted(_)
            | Decision::StopCleared(_),
        )
        | Event::Fact(Fact::PeerRegistered(_)) => {
            vec![write("it has no session now: a message wakes it"), wait("what is queued for it wakes it by itself")]
        }
        Event::Decision(Decision::WakeDecided(_)) => vec![
            wait("it still boots, and what waits for it is handed to it once it is ready"),
            Move::with("whynot", "ask what its first message waits for: `question` is `delivered`"),
        ],
        Event::Decision(Decision::SessionReady(_)) | Event::Fact(Fact::SessionAdopted(_)) => {
            vec![
                write("it lives: a message is handed to it when its turn allows"),
                wait("its answers come by themselves"),
            ]
        }
        _ => vec![Move::with("why", "ask for the message or the peer that this concerns")],
    }
}

/// `whynot` for an agent. What only a person can end comes first: an agent that waits for anything else waits in vain.
pub fn obstacle(whynot: WhyNot) -> Obstacle {
    let stopped = whynot.guards.iter().find(|guard| guard.rule == "C52");
    let (code, sentence) = match (&whynot.moot, stopped.or(whynot.guards.first())) {
        (Some(moot), _) => ("moot", moot.clone()),
        (None, Some(guard)) => (guard.rule, guard.because.clone()),
        (None, None) => ("none", "nothing stands in its way: it is about to happen".to_owned()),
    };
    let by_itself = whynot.by_itself.iter().map(|it| {
        let seconds = it.in_ms.div_ceil(1_000);
        Move::without(format!("wait {seconds} s: it comes by itself at {}, unless {}", it.at, it.unless))
    });
    // What is stopped takes no messages (C52).
    let until = whynot.guards.iter().filter(|guard| stopped.is_none_or(|stopped| stopped.rule == guard.rule));
    // What comes by itself needs no second wait for the same moment.
    let comes = whynot.by_itself.is_some();
    let until = until.filter(|guard| !(comes && guard.in_ms.is_some() && !needs_person(guard)));
    let next = by_itself.chain(until.filter_map(|guard| guard.until.as_deref()).map(end_of)).collect();
    Obstacle { code, sentence, next, whynot }
}

fn needs_person(guard: &Guard) -> bool {
    guard.until.as_ref().is_some_and(|until| until.contains("`dormouse "))
}

/// What would end a guard, as a move.
fn end_of(until: &str) -> Move {
    match until.contains("`dormouse send`") {
        true => Move::with("send_to_peer", "send it a message: that is what it waits for"),
        false if until.contains("`dormouse ") => Move::without(format!("tell a person; it lasts until {until}")),
        false => Move::without(format!("wait until {until}")),
    }
}
