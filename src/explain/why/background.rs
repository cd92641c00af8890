//! What a record rests on without naming it: the message that a wake was for, and what began a delay that is over.

use std::collections::BTreeMap;

use super::{Question, Source};
use crate::model::event::{DeadlineKind, Decision, Event, Fact};
use crate::model::id::{Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::WakeGate;

/// Attempts that are followed back: a peer that fails all night would be told of attempt by attempt.
const ATTEMPTS_MAX: u32 = 4;

const FAILED: &[&str] = &["wake_failed", "delivery_failed"];
/// Whatever a record may rest on as the newest of its kind.
const NEWEST: &[&str] = &["wake_failed", "delivery_failed", "quarantined", "kill_failed"];

/// What stands behind a record.
#[derive(Debug, Default)]
struct Behind {
    message: Option<MessageId>,
    /// The newest record of these kinds about the same peer.
    newest: &'static [&'static str],
    /// Only if a delay that was over has caused this one.
    after_a_delay: bool,
    wake: Option<Lsn>,
}

fn behind(record: &Record) -> Behind {
    let newest = |newest| Behind { newest, ..Behind::default() };
    let Event::Decision(decision) = &record.event else { return Behind::default() };
    match decision {
        Decision::WakeDecided(it) => Behind { message: it.message, after_a_delay: true, ..newest(FAILED) },
        Decision::WakeRefused(it) => match it.gate {
            WakeGate::RetryDelay { .. } | WakeGate::FailedBootSlot => newest(FAILED),
            WakeGate::Quarantined { .. } => newest(&["quarantined"]),
            _ => Behind::default(),
        },
        Decision::DeliveryDecided(it) if it.attempt > 1 => newest(&["delivery_failed"]),
        Decision::QuarantineLifted(it) if !it.by_operator => newest(&["quarantined"]),
        Decision::KillRepeated(_) => newest(&["kill_failed"]),
        Decision::BootSlotReleased(_) => {
            Behind { wake: record.subject.generation.map(|generation| generation.0), ..Behind::default() }
        }
        _ => Behind::default(),
    }
}

fn is_retry(record: &Record) -> bool {
    matches!(&record.event, Event::Fact(Fact::DeadlinePassed(it)) if it.deadline == DeadlineKind::Retry)
}

/// Asks a source for it.
#[derive(Debug, Default)]
pub(super) struct Background {
    attempts: u32,
}

impl Background {
    /// Records that explain `record`, beyond those that it links to. One question to the source each.
    pub(super) fn of<S: Source + ?Sized>(&mut self, source: &S, record: &Record) -> Vec<Record> {
        let behind = behind(record);
        let message = behind.message.and_then(|message| accepted(source, message));
        let wake = behind.wake.and_then(|wake| source.record(wake));
        message.into_iter().chain(wake).chain(self.newest(source, record, &behind)).collect()
    }

    fn newest<S: Source + ?Sized>(&mut self, source: &S, record: &Record, behind: &Behind) -> Option<Record> {
        let is_attempt = behind.newest.iter().any(|kind| FAILED.contains(kind));
        let too_many = is_attempt && self.attempts == ATTEMPTS_MAX;
        if behind.newest.is_empty() || too_many || (behind.after_a_delay && !is_after_a_delay(source, record)) {
            return None;
        }
        self.attempts += u32::from(is_attempt);
        source.newest(&Question {
            subjects: Some(vec![record.subject.peer.clone()?]),
            kinds: behind.newest.to_vec(),
            last: Some(Lsn(record.lsn.0.checked_sub(1)?)),
            ..Question::default()
        })
    }
}

fn is_after_a_delay<S: Source + ?Sized>(source: &S, record: &Record) -> bool {
    record.cause.and_then(|cause| source.record(cause)).is_some_and(|cause| is_retry(&cause))
}

fn accepted<S: Source + ?Sized>(source: &S, message: MessageId) -> Option<Record> {
    let asked = Question { kinds: vec!["message_accepted"], ..Question::about_message(message) };
    source.oldest(&asked).filter(|record| record.subject.message == Some(message))
}

/// The same of a whole history, record by record from the oldest on.
#[derive(Debug, Default)]
pub struct Trail {
    accepted: BTreeMap<MessageId, Lsn>,
    newest: BTreeMap<(Identity, &'static str), Lsn>,
    retry: Option<Lsn>,
}

impl Trail {
    /// What explains `record`, which follows the last one, beyond what it links to.
    pub fn see(&mut self, record: &Record) -> Vec<Lsn> {
        let behind = behind(record);
        let is_due = !behind.after_a_delay || (record.cause.is_some() && record.cause == self.retry);
        let peer = record.subject.peer.as_ref().filter(|_| is_due);
        let of_kind = |kind: &&'static str| self.newest.get(&(peer?.clone(), *kind)).copied();
        let newest = behind.newest.iter().filter_map(of_kind).max();
        let message = behind.message.and_then(|message| self.accepted.get(&message).copied());
        let found = message.into_iter().chain(behind.wake).chain(newest).collect();
        self.note(record);
        found
    }

    fn note(&mut self, record: &Record) {
        if is_retry(record) {
            self.retry = Some(record.lsn);
        }
        let kind = record.event.kind().name;
        if let Some(peer) = record.subject.peer.as_ref().filter(|_| NEWEST.contains(&kind)) {
            self.newest.insert((peer.clone(), kind), record.lsn);
        }
        if let (Event::Fact(Fact::MessageAccepted(_)), Some(message)) = (&record.event, record.subject.message) {
            self.accepted.insert(message, record.lsn);
        }
    }
}
