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
pub use super::obstacle::{Obstacle, Waits, obstacle};
use super::phrase::rfc3339;
use super::why::{Answer, Gap, Subject};

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

impl Move {
    pub(super) fn with(tool: &'static str, what: impl Into<String>) -> Self {
        Self { tool: Some(tool), what: what.into() }
    }

    pub(super) fn without(what: impl Into<String>) -> Self {
        Self { tool: None, what: what.into() }
    }
}

/// `answer` for `own`, whom only some messages concern; none if there is no record. What a message that waits has in its way
/// is `waits`.
pub fn cause(
    answer: &Answer,
    waits: Option<Waits>,
    own: &Identity,
    concerns: impl Fn(MessageId) -> bool,
) -> Option<Cause> {
    let made = made(answer)?;
    let may_see = |record: &&Record| record.subject.message.is_none_or(&concerns);
    let chain: Vec<Step> = answer.chain.iter().map(|(record, _)| record).filter(may_see).map(step).collect();
    let (sentence, next) = match (&answer.subject, waits.filter(|_| answer.waiting().is_some())) {
        (_, Some(waits)) => waits.told(&concerns),
        (Subject::Peer(peer), _) if peer == own => (because(made, &TimeZone::UTC), of_oneself()),
        (Subject::Message(_), _) if is_end(&made.event) => {
            (format!("it ended without an answer: {}", because(made, &TimeZone::UTC)), of_an_end())
        }
        _ => (because(made, &TimeZone::UTC), next(&made.event)),
    };
    Some(Cause {
        subject: answer.subject.to_string(),
        code: made.event.kind().name,
        sentence,
        since: rfc3339(made.at),
        next,
        withheld: answer.chain.len() - chain.len(),
        chain,
        gaps: answer.gaps.iter().map(Gap::json).collect(),
    })
}

/// The record that made it so. What has become of a message is not that its sender was told, nor what it waited for.
fn made(answer: &Answer) -> Option<&Record> {
    let mut chain = answer.chain.iter().map(|(record, _)| record);
    let newest = chain.clone().next()?;
    let Subject::Message(message) = answer.subject else { return Some(newest) };
    let fates = chain.clone().filter(|it| it.subject.message == Some(message) && is_fate(&it.event));
    let is_over = |it: &&Record| {
        matches!(
            it.event,
            Event::Decision(Decision::MessageDead(_) | Decision::TaskDone(_) | Decision::MessageCancelled(_))
        )
    };
    let fate = fates.clone().next().filter(is_over).or_else(|| {
        let is_told = |it: &&Record| matches!(it.event, Event::Decision(Decision::ReportMade(_)));
        let is_cut_off = |it: &&Record| matches!(it.event, Event::Fact(Fact::VerbEnded(_)));
        let is_it =
            |it: &&Record| is_cut_off(it) || it.subject.message == Some(message) && (is_told(it) || is_fate(&it.event));
        chain.find(is_it)
    });
    // Nothing comes behind a delivery but how it ended.
    let is_ended =
        |fate: &&Record| matches!(fate.event, Event::Decision(Decision::Delivered(_))) && is_end(&newest.event);
    fate.filter(|fate| !is_ended(fate)).or(Some(newest))
}

/// The turn in which a message was worked on is over, or its session is.
fn is_end(event: &Event) -> bool {
    matches!(
        event,
        Event::Fact(Fact::TurnObserved(_))
            | Event::Decision(
                Decision::TurnJudged(_)
                    | Decision::SessionDied(_)
                    | Decision::SessionEnded(_)
                    | Decision::SessionFinished(_)
            )
    )
}

/// A message stands elsewhere behind it than before.
fn is_fate(event: &Event) -> bool {
    matches!(
        event,
        Event::Fact(Fact::MessageAccepted(_) | Fact::MessageRefused(_) | Fact::RetryRequested(_))
            | Event::Decision(
                Decision::Delivered(_)
                    | Decision::DeliveryFailed(_)
                    | Decision::MessageRequeued(_)
                    | Decision::MessageDead(_)
                    | Decision::MessageCancelled(_)
                    | Decision::TaskDone(_)
                    | Decision::AnswerKept(_)
            )
    )
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

/// Nobody is told of it, and a session that waits for an answer would wait for ever.
fn of_an_end() -> Vec<Move> {
    vec![Move::with("send_to_peer", "it ended without a word to you, and its work may be there: ask, or send it again")]
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
        Event::Decision(Decision::ReportMade(_)) => {
            vec![write("nobody is left who could answer it, and its work may be there: ask, or send it again")]
        }
        Event::Decision(Decision::AnswerKept(_)) => {
            vec![wait("it lies ready for whom it is for; what they answer comes to you as a message of its own")]
        }
        Event::Fact(Fact::VerbEnded(_)) => {
            vec![write(
                "a person has cut off the turn in which it was worked on: ask what is there before you send it again",
            )]
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
