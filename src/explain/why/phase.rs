//! Which records made the present phase of a peer.

use super::{Question, Source, Until};
use crate::model::event::{Decision, Event, Fact};
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::record::Record;

/// The kinds of records after which `ls` may show another phase.
pub(super) const PHASE: &[&str] = &[
    "peer_registered",
    "session_adopted",
    "wake_decided",
    "session_ready",
    "wake_failed",
    "reaped",
    "session_died",
    "session_finished",
    "session_ended",
    "quarantined",
    "quarantine_lifted",
    "stop_set",
    "stop_cleared",
    "peer_forgotten",
];

/// The newest record that changed the phase of `peer`, and the newest adoption since: that confirms the phase, and says that
/// nobody watched before. Behind what has lifted a stop or a quarantine it is the end before as well: that a peer may be woken
/// again is not why it has no session. A registration of a peer that was known already changes none, unless it is kept alive by
/// something else since, or not any more (C5).
pub(super) fn made<S: Source + ?Sized>(source: &S, peer: &Identity, until: Until) -> Vec<Record> {
    let mut found: Vec<Record> = Vec::new();
    let mut registered: Option<Record> = None;
    let subjects = Some(vec![peer.clone()]);
    source.back(&Question { subjects, ..until.asks(PHASE) }, &mut |record| match &record.event {
        Event::Fact(Fact::PeerRegistered(_)) => {
            if registered.as_ref().is_some_and(|later| is_managed(later) != is_managed(&record)) {
                return false;
            }
            registered = Some(record);
            true
        }
        Event::Fact(Fact::SessionAdopted(_)) => {
            found.extend(found.is_empty().then_some(record));
            true
        }
        Event::Decision(Decision::PeerForgotten(_)) => {
            found.extend(registered.is_none().then_some(record));
            false
        }
        _ => {
            registered = registered.take().filter(|it| begins_or_ends_to_be_managed(source, peer, it));
            let is_lifted = found.iter().any(lifts);
            let goes_on = registered.is_none() && (lifts(&record) || is_lifted && holds_back(&record));
            found.extend((registered.is_none() && !(is_lifted && goes_on)).then_some(record));
            goes_on
        }
    });
    found.extend(registered);
    found
}

fn lifts(record: &Record) -> bool {
    matches!(record.event, Event::Decision(Decision::StopCleared(_) | Decision::QuarantineLifted(_)))
}

fn holds_back(record: &Record) -> bool {
    matches!(record.event, Event::Decision(Decision::StopSet(_) | Decision::Quarantined(_)))
}

fn begins_or_ends_to_be_managed<S: Source + ?Sized>(source: &S, peer: &Identity, registered: &Record) -> bool {
    let before = Until { last: Some(Lsn(registered.lsn.0.saturating_sub(1))), wall_us: None };
    let subjects = Some(vec![peer.clone()]);
    let before = source.newest(&Question { subjects, ..before.asks(&["peer_registered"]) });
    before.is_some_and(|before| is_managed(&before) != is_managed(registered))
}

fn is_managed(record: &Record) -> bool {
    matches!(&record.event, Event::Fact(Fact::PeerRegistered(it)) if it.registration.managed.is_some())
}
