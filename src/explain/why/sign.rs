//! What a session's silence was counted from, and what was said that keeps it.

use crate::model::actor::Sender;
use crate::model::delivery::Gate;
use crate::model::event::{Decision, DeliveryWaiting, Event, Fact, KeptBecause, TurnSeen, VerbEnded, VerbOutcome};
use crate::model::id::Generation;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::{ReapReason, Turn};
use crate::model::time::Timestamp;

/// Kinds of records that move the clock of a session, or tell of its turn.
pub(super) const KINDS: &[&str] = &[
    "turn_observed",
    "turn_judged",
    "session_looked",
    "session_adopted",
    "session_ready",
    "armed",
    "delivered",
    "delivery_waiting",
    "message_accepted",
    "verb_ended",
    "wake_decided",
];

/// How long something had been silent, when that was decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    at: Timestamp,
    ms: u64,
}

impl Silence {
    /// That `record` has decided on; none if it has decided on no silence.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let Event::Decision(decision) = &record.event else { return None };
        let ms = match decision {
            Decision::LookDecided(it) => it.silent_ms,
            Decision::Reaped(it) => match it.reason {
                ReapReason::Idle { idle_ms, .. } => idle_ms,
                ReapReason::Done { quiet_ms, .. } => quiet_ms,
                ReapReason::Unarmed { silent_ms, .. } => silent_ms,
                ReapReason::Stopped
                | ReapReason::Replaced
                | ReapReason::Removed
                | ReapReason::WakeFailed
                | ReapReason::Unneeded => return None,
            },
            // Its turn is over since that silence began.
            Decision::TurnJudged(it) => match it.turn {
                Turn::Ended { at, .. } => record.at.since(at),
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { at: record.at, ms })
    }

    /// It is counted from what `record` tells.
    pub(super) fn begins_with(self, record: &Record) -> bool {
        moments(record).into_iter().flatten().any(|moment| self.at.since(moment) == self.ms)
    }

    /// Nothing tells of a moment that is yet to come: before a record that is older than the silence it does not begin. Between
    /// two boots of the machine only the wall clock counts, and that may have been set back.
    pub(super) fn may_begin_before(self, record: &Record) -> bool {
        record.at.boot != self.at.boot || self.at.since(record.at) <= self.ms
    }
}

/// The record is about this session, or its own word.
pub(super) fn is_of(record: &Record, peer: &Identity, generation: Generation) -> bool {
    session_of(record) == Some((peer, generation)) || record.lsn == generation.0
}

pub(super) fn session_of(record: &Record) -> Option<(&Identity, Generation)> {
    match &record.event {
        Event::Fact(Fact::MessageAccepted(it)) => match &it.from {
            Sender::Session { peer, generation } => Some((peer, *generation)),
            _ => None,
        },
        _ => record.subject.peer.as_ref().zip(record.subject.generation),
    }
}

/// The moments at which a record shows that its session lives, or that its turn is over.
fn moments(record: &Record) -> [Option<Timestamp>; 3] {
    let at = record.at;
    let only = |moment| [moment, None, None];
    match &record.event {
        Event::Fact(Fact::TurnObserved(it)) => [Some(it.said(at)), Some(at), None],
        Event::Fact(Fact::SessionLooked(it)) => {
            let seen = it.attached || it.working || it.waiting_on.is_some();
            let moved = |silent_ms: Option<u64>| silent_ms.map(|ms| at.minus_ms(ms));
            [seen.then_some(at), moved(it.transcript_silent_ms), moved(it.screen_silent_ms)]
        }
        Event::Fact(Fact::VerbEnded(VerbEnded { outcome: VerbOutcome::Confirmed { .. }, .. })) => only(Some(at)),
        Event::Fact(Fact::VerbEnded(_)) => only(None),
        Event::Fact(Fact::DeliveryWaiting(it)) => only(needs_person(it).then_some(at)),
        Event::Decision(Decision::TurnJudged(it)) => match it.turn {
            Turn::Ended { at: ended, .. } => only(Some(ended)),
            _ => only(Some(at)),
        },
        _ => only(Some(at)),
    }
}

/// Whoever was about to type saw a dialog.
fn needs_person(it: &DeliveryWaiting) -> bool {
    matches!(it.gate, Gate::NeedsPerson { .. })
}

/// Of those that tell of the same moment, the ones that are worth telling: that a session was ready says something only of
/// one to which nothing was delivered.
pub(super) fn told<T>(mut found: Vec<T>, record: impl Fn(&T) -> &Record) -> Vec<T> {
    let is_ready = |it: &T| matches!(record(it).event, Event::Decision(Decision::SessionReady(_)));
    if !found.iter().all(is_ready) {
        found.retain(|it| !is_ready(it));
    }
    found
}

/// It says what keeps its session, however silent.
pub(super) fn keeps(record: &Record, why: KeptBecause) -> bool {
    let seen = match &record.event {
        Event::Fact(Fact::TurnObserved(it)) => Some(&it.turn),
        Event::Fact(Fact::SessionAdopted(it)) => it.turn.as_ref(),
        _ => None,
    };
    match why {
        KeptBecause::TurnRunning => {
            matches!(seen, Some(TurnSeen::Running)) || matches!(record.event, Event::Decision(Decision::Delivered(_)))
        }
        KeptBecause::WaitsForPerson => {
            let on_screen = match &record.event {
                Event::Fact(Fact::SessionLooked(it)) => it.waiting_on.is_some(),
                Event::Fact(Fact::DeliveryWaiting(it)) => needs_person(it),
                _ => false,
            };
            on_screen || matches!(seen, Some(TurnSeen::Waiting { .. }))
        }
        KeptBecause::BackgroundWork => matches!(seen, Some(TurnSeen::Background { .. })),
        // Nothing was ever said: all there is is that it was woken.
        KeptBecause::NotKnown => matches!(record.event, Event::Decision(Decision::WakeDecided(_))),
        KeptBecause::DeliveryInFlight | KeptBecause::MessageWaiting => false,
    }
}
