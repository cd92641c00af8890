//! Violations to plant into an honest history.

use dormouse::model::delivery::{DeliveryOutcome, Proof};
use dormouse::model::event::*;
use dormouse::model::id::Lsn;
use dormouse::model::profile::WakePolicy;
use dormouse::model::session::{ArmedBy, ReapReason, WakeBranch};

use crate::history::{History, about, at, id, in_session, wake, wake_decided};
use crate::lives::{ADA, idle};

/// One planted violation a row: what is done to a history, and the rule that must name it.
pub type Plant = (&'static str, fn(&mut History));

pub const SESSIONS: &[Plant] = &[
    ("I5", |h| {
        h.records.remove(4);
    }),
    ("C64", |h| h.records[2].cause = None),
    ("C64", |h| h.records[2].cause = Some(Lsn(30))),
    ("C50a", |h| h.records[5].at.awake_ms = 1),
    ("C16", |h| {
        h.accept(5, WakePolicy::Persistent);
        h.live();
        h.then(about(ADA), wake(WakeBranch::FirstWake));
    }),
    ("C16", |h| {
        h.accept(5, WakePolicy::Persistent);
        let session = h.live();
        let socket = "/run/s.sock".into();
        let again = SessionStarted { pid: 8, start_ticks: 2, socket, resume_ref: None, took_ms: 1 };
        h.fact(in_session(ADA, session), again);
    }),
    ("C15", |h| {
        h.fact(about(ADA), StopRequested { reason: None });
        h.then(about(ADA), StopSet {});
        h.live();
    }),
    ("C48", |h| {
        h.fact(about(ADA), DeadlinePassed { deadline: DeadlineKind::Look });
        h.then(about(ADA), Quarantined { deaths: vec![], window_ms: 300_000, until: at(0) });
        h.live();
    }),
    ("C20", |h| {
        h.because_of(1, about(ADA), WakeDecided { booting: 5, ..wake_decided(WakeBranch::New) });
    }),
    ("C46", |h| {
        let session = h.because_of(1, about(ADA), wake(WakeBranch::New));
        h.turn(session, TurnSeen::Running);
        h.reap(session, idle(3_600_000));
    }),
    ("C46", |h| {
        let session = h.because_of(1, about(ADA), wake(WakeBranch::New));
        h.turn(session, TurnSeen::Waiting { on: "allow?".into() });
        h.reap(session, idle(3_600_000));
    }),
    ("C45", |h| {
        let session = h.because_of(1, about(ADA), wake(WakeBranch::New));
        h.reap(session, idle(3_599_999));
    }),
    ("C38", |h| {
        let session = h.because_of(1, about(ADA), wake(WakeBranch::New));
        h.reap(session, ReapReason::Unarmed { silent_ms: 5, silent_ms_max: 600_000 });
    }),
    ("C36", |h| {
        let session = h.because_of(1, about(ADA), wake(WakeBranch::New));
        h.reap(session, ReapReason::Done { armed: Lsn(9), quiet_ms: 20_000, quiet_ms_max: 20_000 });
    }),
    ("C36", |h| {
        h.because_of(1, in_session(ADA, 2), Armed { by: ArmedBy::Done });
    }),
    ("C28", |h| {
        h.because_of(1, in_session(ADA, 2), SessionReady { wake_ms: 1 });
    }),
    ("C37", |h| {
        h.accept(5, WakePolicy::Persistent);
        let session = h.live();
        h.decide_delivery(5, session, 1, false);
        h.begin(5, session, 1);
        h.reap(session, idle(3_600_000));
    }),
    ("C44", |h| {
        let session = h.because_of(1, about(ADA), wake(WakeBranch::New));
        h.gone(session);
        h.died(session);
        h.gone(session);
    }),
    ("C44", |h| {
        let session = h.because_of(1, about(ADA), wake(WakeBranch::New));
        h.gone(session);
        h.died(session);
        h.died(session);
    }),
    ("C44a", |h| {
        let session = h.because_of(1, about(ADA), wake(WakeBranch::New));
        h.reap(session, ReapReason::Stopped);
        h.gone(session);
        h.died(session);
    }),
    ("C49", |h| {
        let session = h.because_of(1, about(ADA), wake(WakeBranch::New));
        h.gone(session);
        h.ended(session, 3);
    }),
];

pub const MESSAGES: &[Plant] = &[
    ("C9", |h| {
        h.accept(1, WakePolicy::Persistent);
    }),
    ("C9", |h| {
        h.accept(5, WakePolicy::Persistent);
        h.accept(6, WakePolicy::Persistent);
        let session = h.live();
        h.deliver(6, session);
    }),
    ("C13", |h| {
        let session = h.because_of(1, about(ADA), wake(WakeBranch::New));
        h.then(
            in_session(ADA, session).with_message(id(77)),
            MessageDead { why: "x".into(), attempts: 1, unfinished: 0 },
        );
    }),
    ("C13", |h| {
        h.accept(5, WakePolicy::Persistent);
        let session = h.live();
        h.deliver(5, session);
        h.conclude(5, session);
    }),
    ("C13", |h| {
        h.accept(5, WakePolicy::Persistent);
        let session = h.live();
        h.deliver(5, session);
        h.then(about(ADA).with_message(id(5)), MessageCancelled { why: "asked".into() });
    }),
    ("C14", |h| {
        h.accept(5, WakePolicy::Persistent);
        let session = h.live();
        h.conclude(5, session);
    }),
    ("C14", |h| {
        h.accept(5, WakePolicy::Persistent);
        let session = h.live();
        h.begin(5, session, 1);
        h.conclude(5, session);
    }),
    ("C30", |h| {
        h.accept(5, WakePolicy::Persistent);
        h.accept(6, WakePolicy::Persistent);
        let session = h.live();
        h.begin(5, session, 1);
        h.begin(6, session, 1);
    }),
    ("C34", |h| {
        h.accept(5, WakePolicy::Persistent);
        let session = h.live();
        h.begin(5, session, 1);
        h.end(5, session, DeliveryOutcome::Unproven { waited_ms: 120_000, screen: String::new() });
        h.decide_delivery(5, session, 2, false);
    }),
    ("C35", |h| {
        h.accept(5, WakePolicy::Ephemeral);
        h.accept(6, WakePolicy::Ephemeral);
        let session = h.live();
        h.deliver(5, session);
        h.deliver(6, session);
    }),
    ("C4", |h| {
        h.accept(5, WakePolicy::Persistent);
        h.then(about(ADA), PeerForgotten {});
    }),
    ("C64", |h| {
        h.accept(5, WakePolicy::Persistent);
        h.accept(6, WakePolicy::Persistent);
        let session = h.live();
        h.begin(5, session, 1);
        h.end(5, session, DeliveryOutcome::Proven { proof: Proof::Hook });
        let failed =
            DeliveryFailed { attempt: 1, attempts_max: 5, why: "x".into(), retry_in_ms: 1, possible_duplicate: false };
        h.then(in_session(ADA, session).with_message(id(6)), failed);
    }),
];
