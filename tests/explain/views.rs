//! `ls` and `queue`.

use dormouse::explain::{queue, view};
use dormouse::model::delivery::Gate;
use dormouse::model::event::{RuntimeKind, RuntimeTraits};
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::message::{Fate, Message, Purpose};
use dormouse::model::name::Runtime;
use dormouse::model::profile::{Managed, WakePolicy};
use dormouse::model::session::{ReapReason, Source, Turn, WakeBranch, WakeMode, WakeReason};
use dormouse::model::state::{Daemon, Mark, Peer, Presence, Quarantine, Session, SessionPhase, State};
use serde_json::json;

use crate::facts::registration;
use crate::history::{at, id, peer, user};

fn presence() -> Presence {
    Presence::new(at(0))
}

fn session(phase: SessionPhase) -> Session {
    Session {
        generation: Generation(Lsn(812)),
        woken: at(0),
        mode: WakeMode::Fresh,
        branch: WakeBranch::FirstWake,
        reason: WakeReason::Message,
        policy: WakePolicy::Persistent,
        phase,
        slot: false,
        pid: Some(4711),
        socket: None,
        resume_ref: None,
        first_input: None,
        task: None,
        topics: Vec::new(),
        turn: Turn::Running { since: at(0), judged: false },
        turns_open: 1,
        turn_told: None,
        turn_names: dormouse::model::turn_names::TurnNames::default(),
        armed: None,
        delivering: None,
        last_delivered: None,
        last_delivered_from: None,
        questions: Vec::new(),
        last_sign: at(1_000),
        last_sign_source: Source::Hook,
        last_proof: None,
        looking: false,
        look_failed_at: None,
        screen_moved: None,
        transcript_moved: None,
        kept: None,
        person_seen: None,
        work_seen: None,
        turn_said: None,
        waits_by: None,
        failing: false,
        last_words: None,
        taken: None,
    }
}

fn message(n: u128, fate: Fate) -> Message {
    Message {
        id: id(n),
        to: peer("claude-ada"),
        from: user("nik"),
        topic: None,
        purpose: Purpose::Message,
        policy: WakePolicy::Persistent,
        bytes: 5,
        accepted: Lsn(n as u64),
        accepted_at: at(0),
        fate,
        attempts: 0,
        failures: 0,
        unfinished: 0,
        possible_duplicate: false,
        retry_at: None,
        failure: None,
        session_before: None,
        mark: None,
        print: None,
        waiting_for: None,
        reply_asked: false,
    }
}

/// One peer, ada, as `presence` says.
fn world(presence: Option<Presence>, managed: Option<Managed>) -> State {
    let mut state = State::default();
    let registration = registration(WakePolicy::Persistent, managed);
    let registered = Peer { registration, registered: Lsn(1), profile_unreadable: None };
    state.peers.insert("ada".parse().unwrap(), registered);
    state.presences.extend(presence.map(|presence| (peer("claude-ada"), presence)));
    state
}

fn queued(state: &mut State, messages: Vec<Message>) {
    let presence = state.presences.get_mut(&peer("claude-ada")).unwrap();
    for message in messages {
        match message.fate {
            Fate::Dead { .. } => drop(presence.dead.insert(message.id)),
            Fate::Delivered { .. } => {}
            Fate::Queued | Fate::Delivering { .. } => presence.queue.push_back(message.id),
        }
        state.messages.insert(message.id, message);
    }
}

fn phase_of(state: &State) -> &'static str {
    view::ls(state, |_| None)[0].phase.word()
}

#[test]
fn every_phase_has_its_word() {
    let with = |phase| Presence { session: Some(session(phase)), ..presence() };
    let stopped = Presence { stopped: Some(Mark { lsn: Lsn(3), at: at(0), by: "uid 1000".into() }), ..presence() };
    let quarantined = Presence { quarantine: Some(Quarantine { lsn: Lsn(3), until: at(60_000) }), ..presence() };
    let ending = Presence { stopped: stopped.stopped.clone(), ..with(ending_phase()) };
    for (presence, word) in [
        (None, "asleep"),
        (Some(presence()), "asleep"),
        (Some(with(SessionPhase::Launching)), "waking"),
        (Some(with(SessionPhase::Booting)), "waking"),
        (Some(with(SessionPhase::Open)), "waking"),
        (Some(with(SessionPhase::Ready { since: at(0) })), "live"),
        (Some(ending), "reaping"),
        (Some(stopped), "stopped"),
        (Some(quarantined), "quarantined"),
    ] {
        assert_eq!(phase_of(&world(presence, None)), word);
    }
    let managed = Managed { by: "systemd".into(), socket: "/run/x".into(), target: "ada".into() };
    assert_eq!(phase_of(&world(None, Some(managed))), "external");
}

fn ending_phase() -> SessionPhase {
    SessionPhase::Ending { reaped: Lsn(900), since: at(0), reason: ReapReason::Stopped, kill_failed: None }
}

fn idle() -> view::Next {
    view::Next { deadline: "idle", brings: "reaped", at: at(3_600_000) }
}

#[test]
fn ls_json_has_the_promised_shape() {
    let live = Presence { session: Some(session(SessionPhase::Ready { since: at(0) })), ..presence() };
    let mut state = world(Some(live), None);
    queued(&mut state, vec![message(1, Fate::Queued), message(2, Fate::Dead { since: at(0), why: "no proof".into() })]);
    let rows = view::ls(&state, |_| Some(idle()));
    assert_eq!(
        serde_json::to_value(rows).unwrap(),
        json!([{
            "peer": "claude-ada", "personality": "ada", "runtime": "claude", "ephemeral": false, "phase": "live",
            "since": "2026-03-01T03:12:07.250Z",
            "queue": {"waiting": 1, "dead": 1},
            "session": {
                "generation": 812, "pid": 4711, "turn": "running", "reason": null, "armed": false,
                "last_sign_of_life": "2026-03-01T03:12:08.250Z", "source": "hook",
            },
            "next": {"deadline": "idle", "brings": "reaped", "at": "2026-03-01T04:12:07.250Z"},
        }])
    );
}

#[test]
fn every_turn_has_its_word_and_says_what_it_waits_for() {
    let shown = |turn| {
        let session = Session { turn, ..session(SessionPhase::Ready { since: at(0) }) };
        let rows = view::ls(&world(Some(Presence { session: Some(session), ..presence() }), None), |_| None);
        let life = rows[0].session.clone().unwrap();
        (life.turn, life.reason)
    };
    assert_eq!(shown(Turn::Unknown), ("unknown", None));
    assert_eq!(shown(Turn::Ended { at: at(0), judged: true }), ("ended", None));
    assert_eq!(shown(Turn::Waiting { since: at(0), on: "allow?".into() }), ("waiting", Some("allow?".into())));
    assert_eq!(shown(Turn::Failed { at: at(0), reason: "usage".into() }), ("error", Some("usage".into())));
}

#[test]
fn the_table_speaks_of_now() {
    let live = Presence { session: Some(session(SessionPhase::Ready { since: at(0) })), ..presence() };
    let rows = view::ls(&world(Some(live), None), |_| Some(idle()));
    let lines = view::table(&rows, at(61_000));
    assert_eq!(lines[0], ["PEER", "PHASE", "SINCE", "TURN", "LAST SIGN OF LIFE", "QUEUE", "NEXT"]);
    assert_eq!(
        lines[1],
        ["claude-ada", "live", "1 min 1 s ago", "running", "1 min ago, a hook", "0", "reaped in 58 min 59 s (idle)"]
    );
}

/// With a daemon at work, and a runtime that it knows.
fn waits_for(state: &State) -> Vec<String> {
    let mut state = state.clone();
    state.now = Some(at(10_000));
    state.lsn = Lsn(1_000);
    state.daemon = Some(Daemon { pid: 7, started: Lsn(1), running: true, starting: false });
    let claude = Runtime::new("claude").unwrap();
    let traits = RuntimeTraits { name: claude.clone(), kind: RuntimeKind::Tui, can_resume: true, tells_turns: true };
    state.runtimes.insert(claude, traits);
    queue::queue(&state, None, at(10_000)).into_iter().map(|row| row.waits_for).collect()
}

/// C13: the queue names what each message waits for.
#[test]
fn c13_the_head_of_a_queue_says_what_holds_it() {
    let mark = Mark { lsn: Lsn(3), at: at(0), by: "uid 1000".into() };
    let quarantine = Quarantine { lsn: Lsn(3), until: at(70_000) };
    let with = |phase| Presence { session: Some(session(phase)), ..presence() };
    for (presence, says) in [
        (Presence { stopped: Some(mark), ..presence() }, "it has been stopped for 10 s, by uid 1000 (C52)"),
        (
            Presence { quarantine: Some(quarantine), ..presence() },
            "it is quarantined for 1 min more (C48); woken in 1 min (quarantine)",
        ),
        (
            Presence { wake_retry_at: Some(at(12_000)), ..presence() },
            "its next attempt is due in 2 s (C13); woken in 2 s (retry)",
        ),
        (presence(), "nothing holds it: it is woken next"),
        (with(SessionPhase::Booting), "the session boots (C28)"),
        (with(ending_phase()), "the session before it is ending, by record 900 (C16)"),
        (with(SessionPhase::Ready { since: at(0) }), "the live session takes it next"),
    ] {
        let mut state = world(Some(presence), None);
        queued(&mut state, vec![message(1, Fate::Queued)]);
        assert_eq!(waits_for(&state), [says]);
    }
    // C60: nobody is there to decide anything.
    let mut state = world(Some(presence()), None);
    queued(&mut state, vec![message(1, Fate::Queued)]);
    let rows = queue::queue(&state, None, at(10_000));
    assert!(rows[0].waits_for.starts_with("no daemon is running (C60)"), "{}", rows[0].waits_for);
}

#[test]
fn c13_each_fate_says_where_the_message_is() {
    let generation = Generation(Lsn(812));
    let on_its_way = Fate::Delivering { generation, begun: None };
    let gated = Message { waiting_for: Some(Gate::TurnRunning), ..message(1, on_its_way.clone()) };
    let delayed = Message { retry_at: Some(at(14_000)), ..message(1, Fate::Queued) };
    for (message, says) in [
        (gated, "the program's turn is still running (C33a)"),
        (message(1, on_its_way), "on its way into session 812"),
        (
            message(1, Fate::Delivering { generation, begun: Some(Lsn(820)) }),
            "pasted into session 812, waits for its proof (C14)",
        ),
        (message(1, Fate::Delivered { generation }), "session 812 works on it"),
        (
            message(1, Fate::Dead { since: at(0), why: "no proof".into() }),
            "given up: no proof; `queue retry` gives it another round (C13)",
        ),
        (delayed, "its next attempt is due in 4 s (C13); woken in 4 s (retry)"),
    ] {
        let ready = SessionPhase::Ready { since: at(0) };
        let is_with_session = matches!(message.fate, Fate::Delivered { .. });
        let session = is_with_session.then(|| session(ready));
        let mut state = world(Some(Presence { session, ..presence() }), None);
        queued(&mut state, vec![message]);
        assert_eq!(waits_for(&state), [says]);
    }
}

/// C41a, C43: a task stays with its session until that is gone; only while its turn runs is it said to be worked on.
#[test]
fn c41a_a_task_in_hand_says_what_its_session_does() {
    let ready = || session(SessionPhase::Ready { since: at(0) });
    let turned = |turn| Some(Session { turn, ..ready() });
    let reason = ReapReason::Stopped;
    let ending = SessionPhase::Ending { reaped: Lsn(830), since: at(0), reason, kill_failed: None };
    let on = || "permission".to_owned();
    for (session, says) in [
        (Some(ready()), "session 812 works on it"),
        (turned(Turn::Unknown), "session 812 works on it"),
        (turned(Turn::Ended { at: at(0), judged: false }), "session 812 has ended its turn without an answer (C38)"),
        (
            turned(Turn::Ended { at: at(0), judged: true }),
            "session 812 has been silent for long, and its turn counts as ended (C46a)",
        ),
        (
            turned(Turn::Failed { at: at(0), reason: "usage limit".into() }),
            "session 812 has ended its turn with an error: usage limit (C38)",
        ),
        (turned(Turn::Waiting { since: at(0), on: on() }), "session 812 waits for a person: permission (C46)"),
        (
            turned(Turn::Background { since: at(0), on: "1 task".into() }),
            "session 812 has ended its turn, and work of its own goes on: 1 task (C46)",
        ),
        (
            Some(Session { armed: Some((Lsn(820), at(0))), ..ready() }),
            "session 812 has answered, and ends once it is quiet (C37)",
        ),
        (Some(session(ending)), "session 812 is being ended"),
        (None, "session 812 has ended, and what becomes of its task is decided next (C41a)"),
    ] {
        let mut state = world(Some(Presence { session, ..presence() }), None);
        queued(&mut state, vec![message(1, Fate::Delivered { generation: Generation(Lsn(812)) })]);
        assert_eq!(waits_for(&state), [says]);
    }
}

/// C9: who stands behind is told who stands before; the dead come last and are in nobody's way.
#[test]
fn c9_those_behind_wait_for_the_one_before() {
    let mut state = world(Some(presence()), None);
    let dead = Fate::Dead { since: at(0), why: "no proof".into() };
    queued(&mut state, vec![message(1, dead), message(2, Fate::Queued), message(3, Fate::Queued)]);
    let rows = queue::queue(&state, Some(&peer("claude-ada")), at(10_000));
    let shown: Vec<(MessageId, Option<usize>, &str)> =
        rows.iter().map(|row| (row.message, row.position, row.state)).collect();
    assert_eq!(shown, [(id(2), Some(1), "queued"), (id(3), Some(2), "queued"), (id(1), None, "dead")]);
    let before = "no daemon is running (C60); message 00000000000000000000000002 is before it (C9)";
    assert_eq!(rows[1].waits_for, before);
    assert_eq!(queue::queue(&state, Some(&peer("claude-eve")), at(0)), []);
}
