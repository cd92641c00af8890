//! The sentence of each fact.

#[path = "daemon_facts.rs"]
mod daemon_facts;

use dormouse::model::delivery::{DeliveryOutcome, DeliveryStep, Gate, Proof, RecordMark, Settlement};
use dormouse::model::event::*;
use dormouse::model::message::TextPrint;
use dormouse::model::profile::{Managed, Profile, Registration, WakePolicy};
use dormouse::model::session::{Ending, Source};

use crate::history::{accepted, accepted_as, at, id, peer, user};

pub fn profile(policy: WakePolicy) -> Profile {
    registration(policy, None).profile
}

pub fn registration(policy: WakePolicy, managed: Option<Managed>) -> Registration {
    let mut plain = Registration::plain("/srv/ada", "ada".parse().unwrap(), "claude".parse().unwrap());
    plain.profile.wake_policy = policy;
    Registration { managed, ..plain }
}

pub fn table() -> Vec<(Event, &'static str)> {
    [daemon_facts::table(), peers(), requests(), messages(), deliveries(), boots(), lives()]
        .into_iter()
        .flatten()
        .collect()
}

fn peers() -> Vec<(Event, &'static str)> {
    let managed = Managed { by: "systemd".into(), socket: "/run/x.sock".into(), target: "ada".into() };
    let registered = |policy, managed, reason: Option<&str>| PeerRegistered {
        registration: registration(policy, managed),
        reason: reason.map(str::to_owned),
    };
    let refused = |hint: Option<&str>| RequestRefused {
        verb: "rm".into(),
        rule: "C4".into(),
        why: "ada is live".into(),
        hint: hint.map(str::to_owned),
    };
    vec![
        (
            registered(WakePolicy::Ephemeral, None, None).into(),
            "registered: the folder /srv/ada is ada, ephemeral, on claude by default",
        ),
        (
            registered(WakePolicy::Persistent, Some(managed), Some("moved here")).into(),
            "registered: the folder /srv/ada is ada, persistent, on claude by default; systemd keeps it alive, it is only \
             delivered to (C5); reason given: moved here",
        ),
        (RemoveRequested { force: true, reason: None }.into(), "asked to forget the peer, even if it is live"),
        (
            RemoveRequested { force: false, reason: Some("done".into()) }.into(),
            "asked to forget the peer; reason given: done",
        ),
        (
            ProfileChanged { profile: profile(WakePolicy::Ephemeral) }.into(),
            "the profile has changed: now ada, ephemeral, on claude by default (C3)",
        ),
        (
            ProfileUnreadable { personality: "ada".parse().unwrap(), why: "expected `,` at line 2".into() }.into(),
            "the profile of ada cannot be read, so the last one stays in force: expected `,` at line 2 (C3)",
        ),
        (refused(None).into(), "`rm` was refused: ada is live (C4)"),
        (refused(Some("add --force")).into(), "`rm` was refused: ada is live (C4); add --force"),
    ]
}

fn requests() -> Vec<(Event, &'static str)> {
    let (none, mint) = (None, id(9));
    vec![
        (
            StopRequested { reason: Some("maintenance".into()) }.into(),
            "asked to stop the peer; reason given: maintenance",
        ),
        (StartRequested { reason: none.clone() }.into(), "asked to start the peer"),
        (NewRequested { mint, reason: none.clone() }.into(), "asked for a fresh session now, whatever was there"),
        (RefreshRequested { reason: none.clone() }.into(), "asked for a fresh session at the next natural wake"),
        (AttachRequested { mint, reason: none.clone() }.into(), "asked to attach to the peer's session"),
        (RunRequested { mint, reason: none.clone() }.into(), "started by its user from its folder"),
        (DoneCalled { reason: none.clone() }.into(), "the session says that its task is done"),
        (FreshCalled { reason: none.clone() }.into(), "the session asks to be fresh at its next wake"),
        (InterruptRequested { reason: none.clone() }.into(), "asked to interrupt the turn (C56)"),
        (CompactRequested { mint, reason: none }.into(), "asked to have the conversation compacted (C56)"),
    ]
}

fn messages() -> Vec<(Event, &'static str)> {
    let full = MessageAccepted {
        topic: Some("release".into()),
        replaced: 2,
        progress: true,
        answers: Some(id(5)),
        queue_depth: 1_200,
        reason: Some("nightly".into()),
        named: true,
        reply_asked: true,
        ..accepted_as(Recipient::Peer(peer("claude-ada")), user("nik"), "hello", WakePolicy::Persistent)
    };
    let answer = accepted_as(Recipient::User("nik".into()), user("eve"), "x", WakePolicy::Persistent);
    let refused = MessageRefused {
        to: "ada".into(),
        from: user("nik"),
        rule: "C6".into(),
        why: "ada is stopped".into(),
        hint: Some("`dormouse start ada` lets it wake".into()),
        bytes: 2_000_000,
        digest: "00".into(),
    };
    vec![
        (accepted("claude-ada", "user:nik", "hello"), "accepted from user:nik for claude-ada, 5 bytes; 1 in the queue"),
        (
            full.into(),
            "accepted from user:nik for claude-ada, 5 bytes, topic `release`; 1,200 in the queue; answers \
             00000000000000000000000005, as it says itself; a reply is waited for; progress only, it arms nothing (C36); 2 \
             control characters made visible (C12); reason given: nightly",
        ),
        (answer.into(), "accepted from user:eve for the user nik, 1 byte"),
        (
            refused.into(),
            "not accepted: ada is stopped (C6); 2,000,000 bytes from user:nik to ada; `dormouse start ada` lets it wake",
        ),
        (CancelRequested { reason: None }.into(), "asked to cancel the message"),
        (RetryRequested { reason: None }.into(), "asked to try the dead message again"),
    ]
}

fn deliveries() -> Vec<(Event, &'static str)> {
    let waits = |gate| Event::from(DeliveryWaiting { gate });
    let ended = |outcome| Event::from(DeliveryEnded { attempt: 2, outcome, took_ms: 3_250 });
    let settled = |settlement| Event::from(DeliverySettled { settlement });
    let mark = RecordMark { path: "/srv/t.jsonl".into(), offset: 8_812 };
    let failed = |step, typed| DeliveryOutcome::Failed { step, why: "no pane".into(), typed };
    vec![
        (waits(Gate::Lane), "the delivery waits: another delivery to this peer is under way (C30)"),
        (waits(Gate::BoxNotOpen), "the delivery waits: the input box is not on the screen (C27)"),
        (waits(Gate::BoxNotEmpty), "the delivery waits: the input box holds text that is not ours (C27)"),
        (
            waits(Gate::PersonTyping { waited_ms: 150_000 }),
            "the delivery waits: a person is attached and has text in the composer, for 2 min 30 s now (C32)",
        ),
        (waits(Gate::TurnRunning), "the delivery waits: the program's turn is still running (C33a)"),
        (
            waits(Gate::NeedsPerson { on: "allow Bash?".into() }),
            "the delivery waits: a dialog needs a person: allow Bash? (C27)",
        ),
        (waits(Gate::PasteModeOff), "the delivery waits: the program has not asked for bracketed paste (C27)"),
        (waits(Gate::PaneInMode), "the delivery waits: a person holds the pane in a tmux mode (C27)"),
        (
            waits(Gate::NotKnown { why: "tmux timed out".into() }),
            "the delivery waits: nobody can say how the screen stands: tmux timed out (C43)",
        ),
        (
            DeliveryBegun { attempt: 1, mark: Some(mark), bytes: 312, print: TextPrint::of("") }.into(),
            "attempt 1 begins: every gate is open, 312 bytes to type; proof counts behind byte 8,812 of /srv/t.jsonl (C14)",
        ),
        (
            DeliveryBegun { attempt: 3, mark: None, bytes: 1, print: TextPrint::of("") }.into(),
            "attempt 3 begins: every gate is open, 1 byte to type",
        ),
        (ended(DeliveryOutcome::Proven { proof: Proof::Hook }), "attempt 2 was proven by a hook after 3.2 s"),
        (
            ended(failed(DeliveryStep::Open, false)),
            "attempt 2 failed before anything was typed after 3.2 s: no pane; nothing reached the program",
        ),
        (
            ended(failed(DeliveryStep::Submit, true)),
            "attempt 2 failed at the submit after 3.2 s: no pane; some of it may have reached the program",
        ),
        (
            ended(DeliveryOutcome::Unproven { waited_ms: 120_000, screen: "> ".into() }),
            "attempt 2 was submitted, and no proof came in 2 min (C28)",
        ),
        (
            ended(DeliveryOutcome::CutOff { typed: false }),
            "attempt 2 was cut off after 3.2 s; nothing reached the program (C52a)",
        ),
        (
            ended(DeliveryOutcome::Impossible { why: "a line is too long".into() }),
            "it can never be delivered as it is: a line is too long; nothing was typed",
        ),
        (settled(Settlement::Found), "a delivery in doubt is settled: the runtime's record holds the message (C34)"),
        (
            settled(Settlement::Absent),
            "a delivery in doubt is settled: the runtime's record does not hold the message (C34)",
        ),
        (
            settled(Settlement::FoundExact),
            "a delivery in doubt is settled: the runtime's record holds the message, byte for byte (C34)",
        ),
        (
            settled(Settlement::CannotTell { why: "there is no transcript".into() }),
            "a delivery in doubt stays in doubt: there is no transcript (C34)",
        ),
    ]
}

fn boots() -> Vec<(Event, &'static str)> {
    let failed =
        |phase, left_session| LaunchFailed { phase, why: "no box in 240 s".into(), screen: None, left_session };
    let answered = |consent: Option<&str>| DialogAnswered {
        dialog: "trust".into(),
        key: "Enter".into(),
        consent: consent.map(str::to_owned),
        saw: "❯ 1. Yes".into(),
    };
    let started =
        SessionStarted { pid: 77, start_ticks: 1, socket: "/run/s.sock".into(), resume_ref: None, took_ms: 210 };
    vec![
        (started.into(), "the program was started after 210 ms, in process 77"),
        (failed(WakePhase::Launch, false).into(), "the launch failed: no box in 240 s"),
        (
            failed(WakePhase::Unwatched, true).into(),
            "the boot, while no daemon watched, failed: no box in 240 s; a session is left and has to be ended (C29)",
        ),
        (failed(WakePhase::Deliver, false).into(), "the first delivery failed: no box in 240 s"),
        (answered(None).into(), "the dialog `trust` was answered with Enter, seeing `❯ 1. Yes` (C24)"),
        (
            answered(Some("trust-folder")).into(),
            "the dialog `trust` was answered with Enter, by the consent `trust-folder`, seeing `❯ 1. Yes` (C24)",
        ),
        (BoxOpened { boot_ms: 4_100 }.into(), "the input box is there after 4.1 s of boot"),
        (
            SessionAdopted { pid: 77, turn: Some(TurnSeen::Running) }.into(),
            "found alive at the daemon's start and taken over, process 77; its turn is running (C60)",
        ),
        (
            SessionAdopted { pid: 77, turn: None }.into(),
            "found alive at the daemon's start and taken over, process 77 (C60)",
        ),
        (
            OrphanEnded { what: "session 12 of claude-ada".into(), strays: 1 }.into(),
            "no record knows it, so it was ended at the daemon's start: session 12 of claude-ada, 1 process (C60)",
        ),
    ]
}

fn lives() -> Vec<(Event, &'static str)> {
    let turn = |turn, source, turn_id: Option<&str>| {
        Event::from(TurnObserved { turn, source, turn_id: turn_id.map(str::to_owned), said_at: None })
    };
    let looked = |screen, transcript, on: Option<&str>| {
        Event::from(SessionLooked {
            screen_silent_ms: screen,
            transcript_silent_ms: transcript,
            waiting_on: on.map(str::to_owned),
            attached: false,
            working: screen == Some(0),
        })
    };
    let gone =
        |ending, strays, found_at_start| Event::from(SessionGone { ending, lived_ms: 41_000, strays, found_at_start });
    vec![
        (turn(TurnSeen::Running, Source::Hook, Some("t1")), "the program's turn `t1` is running, says a hook"),
        (turn(TurnSeen::Ended, Source::Transcript, None), "the program's turn has ended, says the transcript"),
        (
            turn(TurnSeen::Idle, Source::Terminal, None),
            "the program's turn is over: the program is idle, says the program's own word on its terminal",
        ),
        (
            turn(TurnSeen::Idle, Source::Title, None),
            "the program's turn is over: the program is idle, says the program's title",
        ),
        (
            turn(TurnSeen::Waiting { on: "allow Bash?".into() }, Source::Screen, None),
            "the program's turn waits for a person: allow Bash?, says the screen",
        ),
        (
            turn(TurnSeen::Failed { reason: "usage limit".into() }, Source::StatusFile, None),
            "the program's turn has failed: usage limit, says the program's status file",
        ),
        (
            looked(Some(3_604_000), None, None),
            "looked at: the screen has been silent for 1 h 4 s, there is no transcript",
        ),
        (
            looked(Some(5_000), Some(900), Some("trust?")),
            "looked at: the screen has been silent for 5 s, the transcript has been silent for 900 ms; a dialog needs a \
             person: trust?",
        ),
        (
            SessionNotKnown { question: "whether it lives".into(), why: "tmux did not answer".into() }.into(),
            "nobody can say whether it lives: tmux did not answer; nothing is decided on it (C43)",
        ),
        (gone(Ending::Signal { signal: 9 }, 0, false), "the session died by signal 9 after 41 s"),
        (
            gone(Ending::Code { code: 1 }, 2, true),
            "the session exited with code 1 after 41 s; 2 processes of its tree had to be killed (C49); found so at the \
             daemon's start",
        ),
        (
            KillFailed { why: "cgroup is frozen".into(), survivors: 1 }.into(),
            "the kill could not be verified: cgroup is frozen; 1 process left (C49)",
        ),
        (
            turn(TurnSeen::Background { on: "1 task".into() }, Source::Hook, Some("t1")),
            "the program's turn `t1` has ended, and work goes on in the background: 1 task, says a hook",
        ),
        (turn(TurnSeen::Alive, Source::Hook, None), "the program's turn is not spoken of: a sign of life, says a hook"),
        (
            PromptTaken { attempt: 2, print: TextPrint::of("ada"), said_at: Some(at(5)) }.into(),
            "the program says that it was given attempt 2, 3 bytes in all",
        ),
        (
            ConversationNamed { resume_ref: "c0ffee".into(), source: Source::Transcript }.into(),
            "its conversation is called `c0ffee`, says the transcript; a later wake may resume it by that (C17)",
        ),
        (
            looked(Some(0), None, None),
            "looked at: the screen has just moved, there is no transcript; the screen says that it is at work",
        ),
    ]
}
