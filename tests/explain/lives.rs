//! Whole lives of one peer, ada, and an honest history of them.

use dormouse::model::actor::Sender;
use dormouse::model::delivery::{DeliveryOutcome, Proof};
use dormouse::model::event::*;
use dormouse::model::id::{Generation, Lsn};
use dormouse::model::message::TextPrint;
use dormouse::model::profile::WakePolicy;
use dormouse::model::record::Subject;
use dormouse::model::session::{ArmedBy, Ending, ReapReason, Source, TaskEnd, WakeBranch};

use crate::history::{History, about, accepted_as, at, id, in_session, peer, user, wake};

pub const ADA: &str = "claude-ada";

impl History {
    pub fn accept(&mut self, n: u128, policy: WakePolicy) -> u64 {
        let accepted = accepted_as(Recipient::Peer(peer(ADA)), user("nik"), "hello", policy);
        self.fact(about(ADA).with_message(id(n)), accepted)
    }

    /// A wake and its program; the generation.
    pub fn live(&mut self) -> u64 {
        let generation = self.then(about(ADA), wake(WakeBranch::FirstWake));
        let socket = "/run/s.sock".into();
        let started = SessionStarted { pid: 7, start_ticks: 1, socket, resume_ref: None, took_ms: 200 };
        self.because_of(generation, in_session(ADA, generation), started);
        self.because_of(generation, in_session(ADA, generation), BoxOpened { boot_ms: 4_000 });
        generation
    }

    pub fn decide_delivery(&mut self, n: u128, session: u64, attempt: u32, possible_duplicate: bool) {
        let decided = DeliveryDecided { attempt, possible_duplicate, first_input: false, session_before: None };
        self.then(in_session(ADA, session).with_message(id(n)), decided);
    }

    pub fn begin(&mut self, n: u128, session: u64, attempt: u32) {
        self.then(
            in_session(ADA, session).with_message(id(n)),
            DeliveryBegun { attempt, mark: None, bytes: 300, print: TextPrint::of("") },
        );
    }

    pub fn end(&mut self, n: u128, session: u64, outcome: DeliveryOutcome) {
        self.fact(in_session(ADA, session).with_message(id(n)), DeliveryEnded { attempt: 1, outcome, took_ms: 900 });
    }

    pub fn conclude(&mut self, n: u128, session: u64) {
        let delivered = Delivered { attempt: 1, possible_duplicate: false, proof: Proof::Hook, waited_ms: 5_000 };
        self.then(in_session(ADA, session).with_message(id(n)), delivered);
    }

    /// A delivery, whole and proven.
    pub fn deliver(&mut self, n: u128, session: u64) {
        self.decide_delivery(n, session, 1, false);
        self.begin(n, session, 1);
        self.end(n, session, DeliveryOutcome::Proven { proof: Proof::Hook });
        self.conclude(n, session);
    }

    pub fn turn(&mut self, session: u64, turn: TurnSeen) {
        self.fact(in_session(ADA, session), TurnObserved { turn, source: Source::Hook, turn_id: None, said_at: None });
    }

    pub fn reap(&mut self, session: u64, reason: ReapReason) -> u64 {
        self.fact(about(ADA), DeadlinePassed { deadline: DeadlineKind::Look });
        self.then(in_session(ADA, session), Reaped { reason })
    }

    pub fn gone(&mut self, session: u64) {
        let gone =
            SessionGone { ending: Ending::Signal { signal: 9 }, lived_ms: 9_000, strays: 0, found_at_start: false };
        self.fact(in_session(ADA, session), gone);
    }

    pub fn ended(&mut self, session: u64, reaped: u64) {
        let ending = Ending::Signal { signal: 9 };
        self.then(in_session(ADA, session), SessionEnded { reaped: Lsn(reaped), ending, took_ms: 300, strays: 0 });
    }

    pub fn died(&mut self, session: u64) {
        let ending = Ending::Signal { signal: 9 };
        let died = SessionDied {
            ending,
            lived_ms: 9_000,
            deaths: 1,
            deaths_max: 3,
            window_ms: 300_000,
            counted: true,
            task: None,
        };
        self.then(in_session(ADA, session), died);
    }

    pub fn done(&mut self, n: u128, session: u64) {
        self.then(in_session(ADA, session).with_message(id(n)), TaskDone { how: TaskEnd::Answered });
    }
}

pub fn idle(idle_ms: u64) -> ReapReason {
    ReapReason::Idle { idle_ms, idle_ms_max: 3_600_000, last_sign: at(0), source: Source::Delivery }
}

/// Two tasks of an ephemeral worker, then an idle reap of another life, a stop and a start.
pub fn honest() -> History {
    let mut history = History::default();
    history.fact(Subject::NONE, DaemonStarted { version: "0".into(), pid: 1, tmux: None });
    history.accept(1, WakePolicy::Ephemeral);
    let first = history.live();
    history.accept(2, WakePolicy::Ephemeral);
    history.deliver(1, first);
    history.then(in_session(ADA, first), SessionReady { wake_ms: 5_000 });
    history.turn(first, TurnSeen::Running);
    let from = Sender::Session { peer: peer(ADA), generation: Generation(Lsn(first)) };
    let to = Recipient::User("nik".into());
    let answer = MessageAccepted { answers: Some(id(1)), ..accepted_as(to, from, "done", WakePolicy::Ephemeral) };
    history.fact(in_session(ADA, first).with_message(id(10)), answer);
    let armed = history.then(in_session(ADA, first), Armed { by: ArmedBy::Message { message: id(10) } });
    history.done(1, first);
    history.turn(first, TurnSeen::Ended);
    let done = ReapReason::Done { armed: Lsn(armed), quiet_ms: 20_000, quiet_ms_max: 20_000 };
    let reaped = history.reap(first, done);
    history.gone(first);
    history.ended(first, reaped);
    let second = history.live();
    history.deliver(2, second);
    history.then(in_session(ADA, second), SessionReady { wake_ms: 7_000 });
    history.gone(second);
    history.died(second);
    let requeued =
        MessageRequeued { why: "died".into(), counted: true, possible_duplicate: false, session_before: None };
    history.then(about(ADA).with_message(id(2)), requeued);
    let third = history.live();
    history.deliver(2, third);
    history.done(2, third);
    let reaped = history.reap(third, idle(3_600_500));
    history.gone(third);
    history.ended(third, reaped);
    history.fact(about(ADA), StopRequested { reason: None });
    let stopped = history.then(about(ADA), StopSet {});
    history.fact(about(ADA), StartRequested { reason: None });
    history.then(about(ADA), StopCleared { stopped: Lsn(stopped) });
    history
}
