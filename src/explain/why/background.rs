//! What a record rests on without naming it: the message that a wake was for, and what began a delay that is over.

use super::{Question, Source};
use crate::model::event::{DeadlineKind, Decision, Event, Fact};
use crate::model::id::{Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::WakeGate;

/// Attempts that are followed back: a peer that fails all night would be told of attempt by attempt.
const ATTEMPTS_MAX: u32 = 4;

#[derive(Debug, Default)]
pub(super) struct Background {
    attempts: u32,
}

impl Background {
    /// Records that explain `record`, beyond those that it links to. One question to the source each.
    pub(super) fn of<S: Source + ?Sized>(&mut self, source: &S, record: &Record) -> Vec<Record> {
        let Event::Decision(decision) = &record.event else { return Vec::new() };
        match decision {
            Decision::WakeDecided(it) => {
                let message = it.message.and_then(|message| accepted(source, message));
                let retried = after_a_delay(source, record).then(|| self.failed(source, record)).flatten();
                message.into_iter().chain(retried).collect()
            }
            Decision::WakeRefused(it) => match it.gate {
                WakeGate::RetryDelay { .. } | WakeGate::FailedBootSlot => {
                    self.failed(source, record).into_iter().collect()
                }
                WakeGate::Quarantined { .. } => newest(source, record, &["quarantined"]).into_iter().collect(),
                _ => Vec::new(),
            },
            Decision::DeliveryDecided(it) if it.attempt > 1 => self.failed(source, record).into_iter().collect(),
            Decision::QuarantineLifted(it) if !it.by_operator => {
                newest(source, record, &["quarantined"]).into_iter().collect()
            }
            Decision::KillRepeated(_) => newest(source, record, &["kill_failed"]).into_iter().collect(),
            Decision::BootSlotReleased(_) => {
                record.subject.generation.and_then(|generation| source.record(generation.0)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// What began the delay: the attempt before, which failed.
    fn failed<S: Source + ?Sized>(&mut self, source: &S, record: &Record) -> Option<Record> {
        if self.attempts == ATTEMPTS_MAX {
            return None;
        }
        self.attempts += 1;
        let kinds: &[&str] = match record.event {
            Event::Decision(Decision::DeliveryDecided(_)) => &["delivery_failed"],
            _ => &["wake_failed", "delivery_failed"],
        };
        newest(source, record, kinds)
    }
}

fn after_a_delay<S: Source + ?Sized>(source: &S, record: &Record) -> bool {
    let cause = record.cause.and_then(|cause| source.record(cause)).map(|cause| cause.event);
    matches!(&cause, Some(Event::Fact(Fact::DeadlinePassed(it))) if it.deadline == DeadlineKind::Retry)
}

/// The newest record of these kinds about the same peer, before this one.
fn newest<S: Source + ?Sized>(source: &S, record: &Record, kinds: &[&'static str]) -> Option<Record> {
    let peer: &Identity = record.subject.peer.as_ref()?;
    source.newest(&Question {
        subjects: Some(vec![peer.clone()]),
        kinds: kinds.to_vec(),
        last: Some(Lsn(record.lsn.0.checked_sub(1)?)),
        ..Question::default()
    })
}

fn accepted<S: Source + ?Sized>(source: &S, message: MessageId) -> Option<Record> {
    let asked = Question { kinds: vec!["message_accepted"], ..Question::about_message(message) };
    source.oldest(&asked).filter(|record| record.subject.message == Some(message))
}
