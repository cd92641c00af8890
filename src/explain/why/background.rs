//! What a record rests on without naming it: the message that a wake was for, what began a delay that is over, the sign of
//! life that a silence was counted from, the word by which a turn is running, who has the boot slots.

use std::collections::BTreeSet;

use super::sign::{self, Silence};
use super::{Question, Source};
use crate::model::event::{DeadlineKind, Decision, Event, Fact, KeptBecause, WakeDecided};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::{WakeBranch, WakeGate, WakeMode, WakeReason};

/// Attempts that are followed back: a peer that fails all night would be told of attempt by attempt.
const ATTEMPTS_MAX: usize = 4;
/// Records that are looked at for one that says what is looked for. It lies close, or nobody knows it.
pub(super) const LOOKED_AT_MAX: usize = 1_000;

const FAILED: &[&str] = &["wake_failed", "delivery_failed"];
/// Of a message: why it is tried again, or not any more.
pub(super) const TRIED: &[&str] = &["delivery_failed", "message_requeued"];
/// A wake, or what allows one again.
pub(super) const START: &[&str] = &["wake_decided", "stop_cleared"];
/// Whatever a record may rest on as the newest of its kind about the same peer.
pub(super) const NEWEST: &[&str] = &[
    "wake_failed",
    "delivery_failed",
    "quarantined",
    "kill_failed",
    "stop_set",
    "stop_cleared",
    "refresh_marked",
    "session_died",
    "session_ready",
    "wake_decided",
    "attach_requested",
    "new_requested",
    "run_requested",
    "compact_requested",
];
/// What says how a peer is run, whichever of its identities the record is about.
pub(super) const REGISTERED: &[&str] = &["peer_registered", "profile_changed"];
/// Kinds after which a message waits, or does not any more.
pub(super) const QUEUE: &[&str] =
    &["message_accepted", "message_requeued", "delivered", "message_cancelled", "message_dead"];
/// Kinds after which a boot slot is taken, or free (C20).
pub(super) const SLOTS: &[&str] = &[
    "wake_decided",
    "box_opened",
    "launch_failed",
    "boot_slot_released",
    "wake_failed",
    "reaped",
    "session_died",
    "session_finished",
    "session_ended",
];

/// A record that stands behind another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    At(Lsn),
    Accepted(MessageId),
    /// The newest of these kinds about the same peer.
    Newest(&'static [&'static str]),
    /// The same, if it is a delay that was over that has caused this one.
    AfterADelay(&'static [&'static str]),
    /// What has lifted the stop that stood between the wake before and this one.
    Start,
    /// The newest of these kinds about the same message.
    OfMessage(&'static [&'static str], MessageId),
    /// What a silence was counted from.
    Sign(Silence),
    /// The newest word that keeps the session.
    Word(KeptBecause),
    /// The message that waits for the session.
    Waiting,
    /// The wakes that have so many boot slots; none given: the one of a peer whose last wake failed.
    Slots(Option<u32>),
    /// What says how the peer is run.
    Registered,
    /// What says which runtimes there are.
    Runtimes,
}

pub(super) fn behind(record: &Record) -> Vec<Behind> {
    let Event::Decision(decision) = &record.event else { return Vec::new() };
    let message = record.subject.message;
    let accepted = || message.map(Behind::Accepted).into_iter().collect();
    let tried = || message.map(|message| Behind::OfMessage(TRIED, message)).into_iter().collect();
    let by_wake = || record.subject.generation.map(|generation| Behind::At(generation.0)).into_iter().collect();
    match decision {
        Decision::WakeDecided(it) => woken(it),
        Decision::WakeRefused(it) => refused(&it.gate),
        Decision::SessionReady(_) | Decision::BootSlotReleased(_) => by_wake(),
        Decision::DeliveryDecided(it) if it.attempt > 1 => match message {
            Some(message) => vec![Behind::Accepted(message), Behind::OfMessage(TRIED, message)],
            None => Vec::new(),
        },
        Decision::DeliveryDecided(_) | Decision::Delivered(_) => accepted(),
        Decision::MessageDead(it) if it.attempts > 1 || it.unfinished > 0 => tried(),
        Decision::DeliveryFailed(it) if it.attempt > 1 => tried(),
        Decision::QuarantineLifted(it) if !it.by_operator => vec![Behind::Newest(&["quarantined"])],
        Decision::KillRepeated(_) => vec![Behind::Newest(&["kill_failed"])],
        Decision::Kept(it) => kept(it.why),
        _ => Silence::of(record).map(Behind::Sign).into_iter().collect(),
    }
}

fn woken(it: &WakeDecided) -> Vec<Behind> {
    // It may have waited for a boot slot: what released it is another record than the one that asked for it.
    let asked = match it.reason {
        WakeReason::Message | WakeReason::Drain => None,
        WakeReason::Attach => Some(Behind::Newest(&["attach_requested"])),
        WakeReason::New => Some(Behind::Newest(&["new_requested"])),
        WakeReason::FolderLaunch => Some(Behind::Newest(&["run_requested"])),
        WakeReason::Compact => Some(Behind::Newest(&["compact_requested"])),
    };
    let by_branch = match it.branch {
        WakeBranch::RefreshMark => Some(Behind::Newest(&["refresh_marked"])),
        WakeBranch::Died | WakeBranch::ResumeOnDeath | WakeBranch::ResumeFailed => {
            Some(Behind::Newest(&["session_died"]))
        }
        WakeBranch::Attach | WakeBranch::Compact if it.park.is_none() => Some(Behind::Newest(&["session_died"])),
        _ => None,
    };
    // What was asked for could be resumed then, or it would have been refused.
    let is_resumed = matches!(it.mode, WakeMode::Resumed { .. });
    let was_to_be = matches!(it.branch, WakeBranch::Attach | WakeBranch::Compact);
    let runtimes = (was_to_be && !is_resumed).then_some(Behind::Runtimes);
    let message = it.message.map(Behind::Accepted);
    let behind = [message, Some(Behind::Start), asked, by_branch, runtimes, Some(Behind::AfterADelay(FAILED))];
    behind.into_iter().flatten().collect()
}

fn refused(gate: &WakeGate) -> Vec<Behind> {
    match gate {
        WakeGate::ManagedElsewhere { .. } => vec![Behind::Registered],
        WakeGate::RuntimeNotDeclared => vec![Behind::Registered, Behind::Runtimes],
        WakeGate::Stopped { .. } => vec![Behind::Newest(&["stop_set"])],
        WakeGate::Quarantined { .. } => vec![Behind::Newest(&["quarantined"])],
        WakeGate::AlreadyLive => vec![Behind::Newest(&["wake_decided"])],
        WakeGate::BootSlots { booting, .. } => vec![Behind::Slots(Some(*booting))],
        WakeGate::FailedBootSlot => vec![Behind::Newest(FAILED), Behind::Slots(None)],
        WakeGate::RetryDelay { .. } => vec![Behind::Newest(FAILED)],
    }
}

fn kept(why: KeptBecause) -> Vec<Behind> {
    match why {
        KeptBecause::MessageWaiting => vec![Behind::Waiting],
        why => vec![Behind::Word(why)],
    }
}

pub(super) fn is_retry(record: &Record) -> bool {
    matches!(&record.event, Event::Fact(Fact::DeadlinePassed(it)) if it.deadline == DeadlineKind::Retry)
}

/// Asks a source for it.
#[derive(Debug, Default)]
pub(super) struct Background {
    /// Told so far.
    attempts: BTreeSet<Lsn>,
}

impl Background {
    /// Records that explain `record`, beyond those that it links to. One question to the source each, and for the boot slots
    /// one more for each that is taken.
    pub(super) fn of<S: Source + ?Sized>(&mut self, source: &S, record: &Record) -> Vec<Record> {
        behind(record).into_iter().flat_map(|behind| self.found(source, record, behind)).collect()
    }

    fn found<S: Source + ?Sized>(&mut self, source: &S, record: &Record, behind: Behind) -> Vec<Record> {
        let Some(before) = Before::of(source, record) else { return Vec::new() };
        let found = match behind {
            Behind::At(lsn) => source.record(lsn),
            Behind::Accepted(message) => accepted(source, message),
            Behind::AfterADelay(_) if !is_after_a_delay(source, record) => None,
            Behind::Newest(kinds) | Behind::AfterADelay(kinds) => self.attempt(kinds, || before.newest(kinds)),
            Behind::Start => before.newest(START).filter(lifts_a_stop),
            Behind::OfMessage(kinds, message) => self.attempt(kinds, || before.newest_of_message(kinds, message)),
            Behind::Sign(silence) => return before.signs(silence),
            Behind::Word(why) => before.word(why),
            Behind::Waiting => before.waiting(),
            Behind::Slots(taken) => return before.slots(taken),
            Behind::Registered => before.registered(),
            Behind::Runtimes => source.newest(&before.asks(&["runtimes_changed"])),
        };
        found.into_iter().collect()
    }

    /// What is `found`, unless it is of attempts, and enough of them have been told of.
    fn attempt(&mut self, kinds: &[&str], found: impl FnOnce() -> Option<Record>) -> Option<Record> {
        if !kinds.iter().any(|kind| FAILED.contains(kind)) {
            return found();
        }
        let found = (self.attempts.len() < ATTEMPTS_MAX).then(found).flatten();
        self.attempts.extend(found.as_ref().map(|record| record.lsn));
        found
    }
}

fn lifts_a_stop(record: &Record) -> bool {
    matches!(record.event, Event::Decision(Decision::StopCleared(_)))
}

fn is_after_a_delay<S: Source + ?Sized>(source: &S, record: &Record) -> bool {
    record.cause.and_then(|cause| source.record(cause)).is_some_and(|cause| is_retry(&cause))
}

fn accepted<S: Source + ?Sized>(source: &S, message: MessageId) -> Option<Record> {
    let asked = Question { kinds: vec!["message_accepted"], ..Question::about_message(message) };
    source.oldest(&asked).filter(|record| record.subject.message == Some(message))
}

/// What stands before a record.
struct Before<'a, S: ?Sized> {
    source: &'a S,
    last: Lsn,
    peer: Option<&'a Identity>,
    generation: Option<Generation>,
}

impl<'a, S: Source + ?Sized> Before<'a, S> {
    fn of(source: &'a S, record: &'a Record) -> Option<Self> {
        let last = Lsn(record.lsn.0.checked_sub(1)?);
        Some(Self { source, last, peer: record.subject.peer.as_ref(), generation: record.subject.generation })
    }

    fn asks(&self, kinds: &[&'static str]) -> Question {
        Question { kinds: kinds.to_vec(), last: Some(self.last), ..Question::default() }
    }

    fn newest(&self, kinds: &[&'static str]) -> Option<Record> {
        let subjects = Some(vec![self.peer?.clone()]);
        self.source.newest(&Question { subjects, ..self.asks(kinds) })
    }

    fn newest_of_message(&self, kinds: &[&'static str], message: MessageId) -> Option<Record> {
        self.source.newest(&Question { message: Some(message), ..self.asks(kinds) })
    }

    /// Of the session, newest first.
    fn of_session(&self, see: &mut dyn FnMut(Record) -> bool) {
        let (Some(peer), Some(generation)) = (self.peer, self.generation) else { return };
        let (concerned, first) = (Some(vec![peer.clone()]), Some(generation.0));
        let asked = Question { concerned, first, ..self.asks(sign::KINDS) };
        let mut left = LOOKED_AT_MAX;
        self.source.back(&asked, &mut |record| {
            left -= 1;
            (!sign::is_of(&record, peer, generation) || see(record)) && left > 0
        });
    }

    fn signs(&self, silence: Silence) -> Vec<Record> {
        let mut found = Vec::new();
        self.of_session(&mut |record| {
            let goes_on = silence.may_begin_before(&record);
            if silence.begins_with(&record) {
                found.push(record);
            }
            goes_on
        });
        sign::told(found, |record| record)
    }

    fn word(&self, why: KeptBecause) -> Option<Record> {
        let mut found = None;
        self.of_session(&mut |record| {
            if sign::keeps(&record, why) {
                found = Some(record);
            }
            found.is_none()
        });
        found
    }

    fn waiting(&self) -> Option<Record> {
        let subjects = Some(vec![self.peer?.clone()]);
        let (mut settled, mut found) = (BTreeSet::new(), None);
        self.source.back(&Question { subjects, ..self.asks(QUEUE) }, &mut |record| {
            let Some(message) = record.subject.message else { return true };
            if begins_to_wait(&record) && !settled.contains(&message) {
                found = Some(record);
            }
            settled.insert(message);
            found.is_none() && settled.len() < LOOKED_AT_MAX
        });
        found
    }

    fn slots(&self, taken: Option<u32>) -> Vec<Record> {
        let wanted = taken.map_or(1, |taken| taken as usize);
        let (mut free, mut found, mut left) = (BTreeSet::new(), Vec::new(), LOOKED_AT_MAX);
        self.source.back(&self.asks(SLOTS), &mut |record| {
            left -= 1;
            match &record.event {
                Event::Decision(Decision::WakeDecided(_)) => {
                    if !free.contains(&record.lsn) && (taken.is_some() || self.has_failed_before(&record)) {
                        found.push(record);
                    }
                }
                _ => free.extend(record.subject.generation.map(|generation| generation.0)),
            }
            found.len() < wanted && left > 0
        });
        found
    }

    fn has_failed_before(&self, wake: &Record) -> bool {
        let Some(before) = Before::of(self.source, wake) else { return false };
        before.newest(&["wake_failed", "session_ready"]).is_some_and(|it| has_failed(&it))
    }

    fn registered(&self) -> Option<Record> {
        let personality = &self.peer?.personality;
        let mut found = None;
        self.source.back(&self.asks(REGISTERED), &mut |record| {
            if record.subject.peer.as_ref().is_some_and(|peer| peer.personality == *personality) {
                found = Some(record);
            }
            found.is_none()
        });
        found
    }
}

/// The next wake of its peer shares a slot with others: one that nobody watched is tried again at once, like any other.
pub(super) fn has_failed(record: &Record) -> bool {
    matches!(&record.event, Event::Decision(Decision::WakeFailed(it)) if it.retry_in_ms > 0)
}

/// From here on its message is one that waits, if nothing else is said of it.
pub(super) fn begins_to_wait(record: &Record) -> bool {
    matches!(record.event, Event::Fact(Fact::MessageAccepted(_)) | Event::Decision(Decision::MessageRequeued(_)))
}
