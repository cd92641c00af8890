//! The sentence of each decision.

use dormouse::model::delivery::{DeliveryStep, Gate, Proof};
use dormouse::model::event::*;
use dormouse::model::id::Lsn;
use dormouse::model::message::SessionBefore;
use dormouse::model::session::{
    ArmedBy, Ending, ReapReason, Source, TaskEnd, Turn, TypedVerb, WakeBranch, WakeGate, WakeMode, WakeReason,
};
use dormouse::model::time::Timestamp;

use crate::history::{NIGHT_US, at, id, user, wake, wake_decided};

pub fn table() -> Vec<(Event, &'static str)> {
    [wakes(), gates(), boots(), deliveries(), messages(), turns(), reaps(), ends(), marks(), verbs()]
        .into_iter()
        .flatten()
        .collect()
}

fn wakes() -> Vec<(Event, &'static str)> {
    let rich = WakeDecided {
        mode: WakeMode::Resumed { resume_ref: "c0ffee".into() },
        reason: WakeReason::Drain,
        attempt: 2,
        possible_duplicate: true,
        booting: 3,
        park: Some(Lsn(44)),
        ..wake_decided(WakeBranch::TopicKnown)
    };
    let for_reason = |reason, branch| Event::from(WakeDecided { reason, ..wake_decided(branch) });
    vec![
        (
            wake(WakeBranch::FirstWake),
            "woken fresh for a message: nothing was ever parked (C17); 1 of 4 sessions booting at once (C20)",
        ),
        (
            rich.into(),
            "woken resumed for the next task of its queue: the message's topic belongs to the parked session (C17); 3 of 4 \
             sessions booting at once (C20); takes what was parked at record 44; attempt 2; its message may be a duplicate (C34)",
        ),
        (
            for_reason(WakeReason::FolderLaunch, WakeBranch::FolderLaunch),
            "woken fresh for its user: a launch from the folder is fresh (C17); 1 of 4 sessions booting at once (C20)",
        ),
        (
            for_reason(WakeReason::Attach, WakeBranch::Attach),
            "woken fresh for a person who attaches: an attach resumes, but nothing of it can be resumed (C17); 1 of 4 \
             sessions booting at once (C20)",
        ),
        (
            for_reason(WakeReason::New, WakeBranch::New),
            "woken fresh for a new session that was asked for: `new` is fresh, whatever was there (C17); 1 of 4 sessions booting at once \
             (C20)",
        ),
        (
            wake(WakeBranch::Ephemeral),
            "woken fresh for a message: an ephemeral peer gets a fresh session for each task (C17); 1 of 4 sessions booting at once (C20)",
        ),
        (
            Drained { queue_depth: 1 }.into(),
            "no session of this worker is left, so its next task starts at once; 1 task in the queue (C40)",
        ),
    ]
}

fn gates() -> Vec<(Event, &'static str)> {
    let refused = |gate| Event::from(WakeRefused { gate });
    vec![
        (
            refused(WakeGate::ManagedElsewhere { by: "systemd".into() }),
            "not woken: systemd keeps it alive, not we (C5)",
        ),
        (refused(WakeGate::RuntimeNotDeclared), "not woken: its runtime is unknown or not declared by the peer (C15)"),
        (refused(WakeGate::Stopped { since: at(0) }), "not woken: it is stopped (C52), since 03:12:07"),
        (refused(WakeGate::Quarantined { left_ms: 61_000 }), "not woken: it is quarantined for 1 min 1 s more (C48)"),
        (refused(WakeGate::AlreadyLive), "not woken: it is already live (C16)"),
        (refused(WakeGate::BootSlots { booting: 4, boots_max: 4 }), "not woken: 4 of 4 boot slots are taken (C20)"),
        (
            refused(WakeGate::FailedBootSlot),
            "not woken: its last wake failed, and such peers share one boot slot, which another one has (C20)",
        ),
        (refused(WakeGate::RetryDelay { left_ms: 2_000 }), "not woken: its next attempt is due in 2 s (C13)"),
    ]
}

fn boots() -> Vec<(Event, &'static str)> {
    let failed = |counted, left_session| WakeFailed {
        phase: WakePhase::Boot,
        why: "no box in 240 s".into(),
        screen: None,
        counted,
        left_session,
        retry_in_ms: 2_000,
    };
    vec![
        (SessionReady { wake_ms: 6_200 }.into(), "ready 6.2 s after the wake was decided (C28)"),
        (
            failed(true, false).into(),
            "the wake failed: the boot failed: no box in 240 s; counts as a death (C29); what waits for it is tried again in 2 s at the earliest",
        ),
        (
            failed(false, true).into(),
            "the wake failed: the boot failed: no box in 240 s; not counted as a death; the session it left is ended (C29); \
             what waits for it is tried again in 2 s at the earliest",
        ),
        (
            BootSlotReleased { held_ms: 20_000 }.into(),
            "the boot slot was held for 20 s and is free for others; the boot goes on (C20)",
        ),
    ]
}

fn killed() -> Option<SessionBefore> {
    Some(SessionBefore { ending: Ending::Signal { signal: 9 }, lived_ms: 41_000 })
}

fn deliveries() -> Vec<(Event, &'static str)> {
    let decided = |attempt, possible_duplicate, first_input, session_before| {
        Event::from(DeliveryDecided { attempt, possible_duplicate, first_input, session_before })
    };
    let delivered =
        |proof, possible_duplicate| Event::from(Delivered { attempt: 1, possible_duplicate, proof, waited_ms: 4_200 });
    vec![
        (decided(1, false, true, None), "handed to the live session, attempt 1, as its first input (C19)"),
        (
            decided(2, true, false, killed()),
            "handed to the live session, attempt 2; possibly a duplicate (C34); the session before died by signal 9 after 41 s",
        ),
        (
            delivered(Proof::Transcript, false),
            "delivered: proven by the transcript at attempt 1, 4.2 s after it was accepted",
        ),
        (
            delivered(Proof::Answer, true),
            "delivered: proven by an answer that names it at attempt 1, 4.2 s after it was accepted; possibly a duplicate \
             (C34)",
        ),
        (
            delivered(Proof::Keys, false),
            "delivered: proven by accepted keys only at attempt 1, 4.2 s after it was accepted",
        ),
        (
            delivered(Proof::TranscriptExact, false),
            "delivered: proven by the transcript, byte for byte, at attempt 1, 4.2 s after it was accepted",
        ),
        (delivered(Proof::Screen, false), "delivered: proven by the screen at attempt 1, 4.2 s after it was accepted"),
        (
            DeliveryFailed {
                attempt: 2,
                attempts_max: 5,
                why: "the paste did not land".into(),
                retry_in_ms: 2_000,
                possible_duplicate: true,
            }
            .into(),
            "attempt 2 of 5 did not arrive: the paste did not land; tried again in 2 s (C13)",
        ),
    ]
}

fn messages() -> Vec<(Event, &'static str)> {
    let dead = |attempts, unfinished| MessageDead { why: "no proof".into(), attempts, unfinished };
    let requeued = |counted, possible_duplicate, session_before| {
        Event::from(MessageRequeued { why: "its session died".into(), counted, possible_duplicate, session_before })
    };
    vec![
        (dead(5, 0).into(), "given up after 5 attempts: no proof; kept, and retryable by hand (C13)"),
        (
            dead(1, 2).into(),
            "given up after 1 attempt, left unfinished 2 times: no proof; kept, and retryable by hand (C13)",
        ),
        (MessageCancelled { why: "asked by uid 1000".into() }.into(), "cancelled: asked by uid 1000"),
        (
            requeued(true, false, killed()),
            "back to the head of its queue: its session died; counts against unfinished_retries (C41a); the session before \
             died by signal 9 after 41 s",
        ),
        (
            requeued(false, true, None),
            "back to the head of its queue: its session died; not counted (C52a); the next delivery may be a duplicate (C34)",
        ),
        (TaskDone { how: TaskEnd::Answered }.into(), "the task is done: answered"),
        (TaskDone { how: TaskEnd::WithoutAWord }.into(), "the task is done: its session ended without a word (C44a)"),
        (
            ReportMade { about: id(1), to: user("nik"), text: "…".into() }.into(),
            "user:nik is told what became of message 00000000000000000000000001: … (C13)",
        ),
        (AnswerKept { user: "nik".into() }.into(), "the answer is kept in the journal for the user nik"),
    ]
}

fn turns() -> Vec<(Event, &'static str)> {
    let judged = |turn| Event::from(TurnJudged { turn, because: "20 s of silence".into() });
    let kept = |why| Event::from(Kept { why });
    vec![
        (
            Armed { by: ArmedBy::Message { message: id(3) } }.into(),
            "may be ended once it is quiet (armed): it has sent message 00000000000000000000000003 (C36)",
        ),
        (
            Armed { by: ArmedBy::Done }.into(),
            "may be ended once it is quiet (armed): it has said that it is done (C36)",
        ),
        (
            judged(Turn::Ended { at: at(0), judged: true }),
            "judged, not known: the turn ended at 03:12:07, for 20 s of silence (C46a)",
        ),
        (
            judged(Turn::Running { since: at(0), judged: true }),
            "judged, not known: the turn has been running since 03:12:07, for 20 s of silence (C46a)",
        ),
        (
            LookDecided { silent_ms: 3_604_000, last_sign: at(0), source: Source::Delivery }.into(),
            "to be looked at before anything is decided: silent for 1 h 4 s; last sign of life was a delivery at 03:12:07",
        ),
        (kept(KeptBecause::TurnRunning), "kept, however silent: its turn is running (C46)"),
        (kept(KeptBecause::WaitsForPerson), "kept, however silent: it waits for a person (C46)"),
        (kept(KeptBecause::DeliveryInFlight), "kept, however silent: a delivery is in flight (C37)"),
        (kept(KeptBecause::MessageWaiting), "kept, however silent: a message waits for it (C45)"),
        (kept(KeptBecause::BackgroundWork), "kept, however silent: work of its own goes on in the background (C46)"),
        (kept(KeptBecause::NotKnown), "kept, however silent: nobody can say what it does (C43)"),
    ]
}

fn reaps() -> Vec<(Event, &'static str)> {
    let reaped = |reason| Event::from(Reaped { reason });
    let yesterday = Timestamp { wall_us: NIGHT_US - 86_400_000_000, ..at(0) };
    let idle = |last_sign| ReapReason::Idle {
        idle_ms: 3_604_000,
        idle_ms_max: 3_600_000,
        last_sign,
        source: Source::Delivery,
    };
    vec![
        (
            reaped(idle(at(0))),
            "its session is ended (reaped): idle for 1 h 4 s, limit 1 h; last sign of life was a delivery at 03:12:07 (C45)",
        ),
        (
            reaped(idle(yesterday)),
            "its session is ended (reaped): idle for 1 h 4 s, limit 1 h; last sign of life was a delivery at 2026-02-28 03:12:07 (C45)",
        ),
        (
            reaped(ReapReason::Done { armed: Lsn(31), quiet_ms: 20_100, quiet_ms_max: 20_000 }),
            "its session is ended (reaped): it has answered (armed at record 31), its turn has ended, and it has been quiet for 20.1 s, limit 20 s \
             (C37)",
        ),
        (
            reaped(ReapReason::Unarmed { silent_ms: 600_000, silent_ms_max: 600_000 }),
            "its session is ended (reaped): never answered, and silent for 10 min, limit 10 min (C38)",
        ),
        (reaped(ReapReason::Stopped), "its session is ended (reaped): an operator stopped the peer (C52)"),
        (reaped(ReapReason::Replaced), "its session is ended (reaped): a new session was asked for (C54)"),
        (reaped(ReapReason::Removed), "its session is ended (reaped): the peer is forgotten (C4)"),
        (reaped(ReapReason::WakeFailed), "its session is ended (reaped): its wake failed and left it (C29)"),
        (
            reaped(ReapReason::Unneeded),
            "its session is ended (reaped): it has no task, and each task gets a session of its own (C35)",
        ),
    ]
}

fn ends() -> Vec<(Event, &'static str)> {
    let died = |task| SessionDied {
        ending: Ending::Signal { signal: 9 },
        lived_ms: 41_000,
        deaths: 2,
        deaths_max: 3,
        window_ms: 300_000,
        counted: true,
        task,
    };
    let parked = |resume_ref: Option<&str>, topics: &[&str]| Parked {
        resume_ref: resume_ref.map(str::to_owned),
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
    };
    vec![
        (
            parked(Some("c0ffee"), &["release", "docs"]).into(),
            "put aside for later (parked): its conversation `c0ffee` can be resumed; topics `release`, `docs` (C47)",
        ),
        (
            parked(None, &[]).into(),
            "put aside for later (parked): nothing of it can be resumed: its program gave it no name, or nothing was said in it (C47)",
        ),
        (
            died(Some(id(2))).into(),
            "died, for nobody had decided its end: the session died by signal 9 after 41 s; 2 deaths in 5 min, limit 3 (C48); unfinished: message \
             00000000000000000000000002 (C41a)",
        ),
        (
            SessionFinished { lived_ms: 41_000, armed: true }.into(),
            "finished, which is no death: the program ended by itself after 41 s, and it had answered (C44a)",
        ),
        (
            SessionEnded { reaped: Lsn(40), ending: Ending::Code { code: 0 }, took_ms: 320, strays: 1 }.into(),
            "ended as decided at record 40: it exited with code 0 within 320 ms; 1 process of its tree had to be killed \
             (C49)",
        ),
        (
            Quarantined { deaths: vec![Lsn(3), Lsn(9), Lsn(12)], window_ms: 300_000, until: at(60_000) }.into(),
            "quarantined: 3 deaths within 5 min (records 3, 9, 12), so nothing wakes it until 03:13:07 or `dormouse start` (C48)",
        ),
        (
            QuarantineLifted { by_operator: false }.into(),
            "wakes are allowed again: the oldest death has left the window (C48)",
        ),
        (QuarantineLifted { by_operator: true }.into(), "wakes are allowed again: `start` lifted the quarantine (C53)"),
        (
            KillRepeated { reaped: Lsn(41), since_ms: 12_000 }.into(),
            "asked to end it again: the end decided at record 41 could not be verified for 12 s (C49)",
        ),
    ]
}

fn marks() -> Vec<(Event, &'static str)> {
    vec![
        (StopSet {}.into(), "stopped: no message wakes it until it is started again (C52)"),
        (StopCleared { stopped: Lsn(12) }.into(), "started: the stop of record 12 no longer holds (C53)"),
        (RefreshMarked {}.into(), "marked: the next natural wake will be fresh (C54)"),
        (PeerForgotten {}.into(), "forgotten: it is no longer a peer of ours, its folder stays (C4)"),
    ]
}

/// Facts and decisions: neither says anything without the other.
fn verbs() -> Vec<(Event, &'static str)> {
    let (interrupt, compact) = (TypedVerb::Interrupt, TypedVerb::Compact);
    let ended = |verb, outcome| Event::from(VerbEnded { verb, outcome, took_ms: 900 });
    let failed = VerbOutcome::Failed { step: DeliveryStep::Submit, why: "its pane takes no keys".into(), typed: false };
    vec![
        (
            VerbWaiting { verb: compact, gate: Gate::TurnRunning }.into(),
            "`compact` waits: the program's turn is still running (C33a)",
        ),
        (
            ended(interrupt, VerbOutcome::Confirmed { by: Source::Screen }),
            "the turn was interrupted: the screen showed it after 900 ms (C56)",
        ),
        (
            ended(compact, VerbOutcome::Confirmed { by: Source::Transcript }),
            "the conversation was compacted: the transcript showed it after 900 ms (C56)",
        ),
        (
            ended(interrupt, VerbOutcome::Refused { why: "no turn is running".into() }),
            "`interrupt` was not typed: no turn is running",
        ),
        (
            ended(interrupt, failed),
            "`interrupt` failed at the submit after 900 ms: its pane takes no keys; nothing reached the program",
        ),
        (
            ended(compact, VerbOutcome::Unconfirmed { waited_ms: 120_000, screen: "> ".into() }),
            "`compact` was typed, and nothing showed in 2 min that it was done",
        ),
        (
            VerbDecided { verb: interrupt, asked: Lsn(12) }.into(),
            "one key into the session, to end its turn, as asked at record 12 (C56)",
        ),
        (
            VerbDecided { verb: compact, asked: Lsn(12) }.into(),
            "to be typed into the session: compact the conversation, as asked at record 12 (C56)",
        ),
        (
            VerbGivenUp { verb: compact, asked: Lsn(12), why: "its session is gone".into() }.into(),
            "`compact` of record 12 is given up: its session is gone",
        ),
        (
            WakeDecided { reason: WakeReason::Compact, ..wake_decided(WakeBranch::Compact) }.into(),
            "woken fresh for a compaction that was asked for: a conversation is resumed to be compacted, but nothing of it \
             can be resumed (C17); 1 of 4 sessions booting at once (C20)",
        ),
    ]
}
