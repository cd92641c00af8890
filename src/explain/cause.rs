//! A cause as an agent can act on it: a code, a sentence, and what it may do next.
//!
//! Who asks is not an operator. It sees the reasons of what concerns it, and of other peoples' messages only that there
//! were some.

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use crate::journal::Question;
use crate::model::event::{Decision, Event, Fact, Recipient};
use crate::model::id::{Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::TaskEnd;

use super::because::because;
pub use super::obstacle::{Obstacle, Waits, obstacle};
use super::phrase::rfc3339;
use super::why::{Answer, Gap, Source, Subject, report};

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

/// What a message is to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Sender,
    Receiver {
        /// By a message that names it.
        has_answered: bool,
    },
    /// It is a report on a message of its own, made here (C13).
    Told,
}

impl Side {
    /// That of `own`; none if `message` is neither from nor for it, as far as `source` tells.
    pub fn of<S: Source + ?Sized>(source: &S, message: MessageId, own: &Identity) -> Option<Self> {
        let (mut side, mut has_answered, mut came_in) = (None, false, false);
        let asked = Question { kinds: vec!["message_accepted"], ..Question::about_message(message) };
        source.each(&asked, &mut |record| {
            let Event::Fact(Fact::MessageAccepted(it)) = &record.event else { return };
            let is_from = it.from.peer() == Some(own);
            let is_for = matches!(&it.to, Recipient::Peer(peer) if peer == own);
            let is_itself = record.subject.message == Some(message);
            came_in |= is_itself;
            match is_itself {
                true if is_from => side = Some(Side::Sender),
                true if is_for => side = Some(Side::Receiver { has_answered: false }),
                true => {}
                false => has_answered |= is_from,
            }
        });
        match side {
            Some(Side::Receiver { .. }) => Some(Side::Receiver { has_answered }),
            None if !came_in => is_told_by(source, message, own).then_some(Side::Told),
            side => side,
        }
    }
}

/// `message` is a report for `own`.
fn is_told_by<S: Source + ?Sized>(source: &S, message: MessageId, own: &Identity) -> bool {
    let made = report(source, message).map(|record| record.event);
    matches!(made, Some(Event::Decision(Decision::ReportMade(report))) if report.to.peer() == Some(own))
}

/// `answer` for `own`, whom only some messages concern; none if there is no record. What a message that waits has in its way
/// is `waits`, and what a message that is asked about is to `own` is `side`.
pub fn cause(
    answer: &Answer,
    waits: Option<Waits>,
    own: &Identity,
    side: Option<Side>,
    concerns: impl Fn(MessageId) -> bool,
) -> Option<Cause> {
    let made = made(answer)?;
    let may_see = |record: &&Record| record.subject.message.is_none_or(&concerns);
    let chain: Vec<Step> = answer.chain.iter().map(|(record, _)| record).filter(may_see).map(step).collect();
    let (sentence, next) = match (&answer.subject, waits.filter(|_| answer.waiting().is_some())) {
        (_, Some(waits)) if matches!(side, None | Some(Side::Sender)) => waits.told(&concerns, DO_NOT_SEND_AGAIN),
        (_, Some(waits)) => waits.told(&concerns, HANDED_TO_YOU),
        (Subject::Peer(peer), _) if peer == own => (because(made, &TimeZone::UTC), of_oneself()),
        (Subject::Message(_), _) => {
            let ended = if is_end(&made.event) { "it ended without an answer: " } else { "" };
            (format!("{ended}{}", because(made, &TimeZone::UTC)), of_message(&made.event, side))
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

/// Of a message that waits, to its sender and to whom it is for.
const DO_NOT_SEND_AGAIN: &str = "wait: it stays in the queue and is handed over by itself; do not send it again";
const HANDED_TO_YOU: &str = "wait: it stays in your queue and is handed to you by itself";

fn of_message(event: &Event, side: Option<Side>) -> Vec<Move> {
    match side {
        Some(Side::Receiver { has_answered }) => of_receiver(event, has_answered),
        Some(Side::Told) => {
            vec![Move::without("nothing: it tells you what became of a message of yours, and waits for no answer")]
        }
        Some(Side::Sender) | None if is_end(event) => of_an_end(),
        Some(Side::Sender) | None => next(event),
    }
}

/// What whoever a message is for may do: nothing that is its sender's to do.
fn of_receiver(event: &Event, has_answered: bool) -> Vec<Move> {
    let answer = |why: &str| vec![Move::with("send_to_peer", format!("{why}answer it: its id is `answers`"))];
    match event {
        Event::Fact(Fact::MessageAccepted(_) | Fact::RetryRequested(_))
        | Event::Decision(Decision::DeliveryFailed(_) | Decision::MessageRequeued(_)) => vec![
            Move::without(HANDED_TO_YOU),
            Move::with("whynot", "ask what its delivery waits for: `peer` is `me`, `question` is `delivered`"),
        ],
        Event::Decision(Decision::MessageCancelled(_)) => vec![Move::without("nothing: its sender has called it back")],
        Event::Decision(Decision::MessageDead(_)) => vec![
            Move::without("nothing: it was given up, and its sender knows"),
            Move::without("tell a person, if you need it: `dormouse queue retry` tries this very message again"),
        ],
        Event::Decision(Decision::TaskDone(it)) if it.how == TaskEnd::Answered => vec![answered()],
        _ if has_answered => vec![answered()],
        Event::Fact(Fact::VerbEnded(_)) => answer("a person has cut off the turn in which it was worked on: "),
        _ => answer(""),
    }
}

fn answered() -> Move {
    Move::without("nothing: you have answered it")
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
