//! What a message has waited for on its way: what its peer was not woken for, and what held its delivery.

use super::background::begins_to_wait;
use super::report::is_made_by;
use super::{Question, Source, Until};
use crate::model::event::{Decision, Event, Fact};
use crate::model::id::{Lsn, MessageId};
use crate::model::profile::WakePolicy;
use crate::model::record::Record;

/// Told of one message at most, the newest of them: it may wait for days.
const TOLD_MAX: usize = 12;
/// Of the message itself.
const OWN: &[&str] = &["wake_decided", "delivery_decided", "delivery_waiting"];
const REFUSED: &str = "wake_refused";
/// Behind one of these a gate is told of anew.
const ANEW: &[&str] = &[
    REFUSED,
    "wake_decided",
    "session_died",
    "session_ended",
    "session_finished",
    "stop_cleared",
    "quarantine_lifted",
];

/// What `message` has waited for, of whose fate `told` are the records, oldest first.
pub(super) fn made<S: Source + ?Sized>(source: &S, message: MessageId, told: &[Record], until: Until) -> Vec<Record> {
    let came_in = |it: &&Record| matches!(it.event, Event::Fact(Fact::MessageAccepted(_))) || is_made_by(message, it);
    let Some(accepted) = told.iter().find(came_in) else {
        return Vec::new();
    };
    let is_over = !waits_before(message, told.iter(), Lsn(u64::MAX));
    let last = is_over.then(|| told.last().map(|it| it.lsn)).flatten().or(until.last);
    let asks = |kinds| Question { first: Some(accepted.lsn), last, ..until.asks(kinds) };
    let mut found = Vec::new();
    source.each(&Question { message: Some(message), ..asks(OWN) }, &mut |record| {
        found.extend((record.subject.message == Some(message)).then_some(record));
    });
    // A report wakes nobody.
    if is_made_by(message, accepted) {
        return found.split_off(found.len().saturating_sub(TOLD_MAX));
    }
    let subjects = accepted.subject.peer.clone().map(|peer| vec![peer]);
    source.each(&Question { subjects: subjects.clone(), ..asks(&[REFUSED]) }, &mut |record| {
        found.extend(waits_before(message, told.iter(), record.lsn).then_some(record));
    });
    // Said when it began, and not again for each message that comes while it lasts.
    if found.iter().all(|it| it.cause != Some(accepted.lsn)) {
        let before = Until { last: Some(accepted.lsn), ..Until::default() };
        let newest = source.newest(&Question { subjects, ..before.asks(ANEW) });
        found.extend(newest.filter(|it| it.event.kind().name == REFUSED));
    }
    found.sort_by_key(|record| record.lsn);
    found.split_off(found.len().saturating_sub(TOLD_MAX))
}

/// Whether `message` still waits right before record `lsn`, or is on its way; `told` are its records in either order.
pub(super) fn waits_before<'a>(message: MessageId, told: impl Iterator<Item = &'a Record>, lsn: Lsn) -> bool {
    let begins = |it: &Record| begins_to_wait(it) || is_made_by(message, it);
    let newest = told.filter(|it| it.lsn < lsn && (begins(it) || ends_to_wait(it))).max_by_key(|it| it.lsn);
    newest.is_some_and(begins)
}

/// Whether a task is with a session: delivered, and neither done nor given back; `told` are its records in either order.
pub(super) fn is_worked_on<'a>(told: impl Iterator<Item = &'a Record> + Clone) -> bool {
    let is_task =
        |it: &Record| matches!(&it.event, Event::Fact(Fact::MessageAccepted(it)) if it.policy == WakePolicy::Ephemeral);
    let is_done = |it: &&Record| matches!(it.event, Event::Decision(Decision::TaskDone(_)));
    let newest =
        told.clone().filter(|it| begins_to_wait(it) || ends_to_wait(it) || is_done(it)).max_by_key(|it| it.lsn);
    let is_delivered = newest.is_some_and(|it| matches!(it.event, Event::Decision(Decision::Delivered(_))));
    is_delivered && told.clone().any(is_task)
}

fn ends_to_wait(record: &Record) -> bool {
    matches!(
        record.event,
        Event::Decision(
            Decision::Delivered(_) | Decision::MessageDead(_) | Decision::MessageCancelled(_) | Decision::AnswerKept(_)
        )
    )
}
