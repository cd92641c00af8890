//! Wakes: decided, started, open, ready, failed.

use super::{ending, message, presence, session, session_name, verb};
use crate::model::effect::{KnownPeer, StartSession, Task};
use crate::model::event::{LaunchFailed, SessionStarted, WakeDecided, WakeFailed, WakeRefused};
use crate::model::id::Generation;
use crate::model::name::Identity;
use crate::model::park::Taken;
use crate::model::profile::WakePolicy;
use crate::model::record::Record;
use crate::model::session::{Ending, Source, Turn, WakeBranch, WakeFailure, WakeMode};
use crate::model::state::{EndedHow, Presence, Session, SessionPhase, State};
use crate::model::turn_names::TurnNames;
use crate::mutant::{Bug, bug};

pub(super) fn wake_decided(state: &mut State, record: &Record, decision: &WakeDecided) -> Vec<Task> {
    let Some(peer) = record.subject.peer.clone() else { return Vec::new() };
    if let Some(id) = decision.prompt {
        message::enqueue(state, record, message::prompt(record, id, peer.clone()));
    }
    let profile_policy = state.peer(&peer).map_or(WakePolicy::Persistent, |peer| peer.registration.profile.wake_policy);
    // A task is handled by the policy in force when it was accepted (C3).
    let policy = decision.message.and_then(|id| state.messages.get(&id)).map_or(profile_policy, |m| m.policy);
    let topics = kept_topics(state, &peer, &decision.mode);
    let Some(presence) = presence(state, record) else { return Vec::new() };
    presence.session = Some(new_session(record, decision, policy, topics));
    let taken = takes(presence, decision);
    if let Some(session) = &mut presence.session {
        session.taken = taken;
    }
    presence.since = record.at;
    presence.last_gate = None;
    presence.wake_retry_at = None;
    if decision.mode != WakeMode::Fresh {
        verb::resumed(presence, Generation(record.lsn));
    }
    presence.bring_up = presence.bring_up.take().filter(|bring_up| bring_up.reason != decision.reason);
    start_session(state, &peer).into_iter().collect()
}

/// What the wake takes from the peer, if a session that never gets ready is to give it back: what was there before `new` is not
/// wanted any more.
fn takes(presence: &mut Presence, decision: &WakeDecided) -> Option<Box<Taken>> {
    // A folder launch consumes nothing (C17).
    if decision.branch == WakeBranch::FolderLaunch {
        return None;
    }
    let refresh = if decision.mode == WakeMode::Fresh { presence.refresh.take() } else { None };
    let taken = Taken { park: presence.park.take(), died: presence.died.take(), refresh };
    (decision.branch != WakeBranch::New && taken != Taken::default()).then(|| Box::new(taken))
}

/// A resumed conversation keeps its topics; a fresh one starts the set anew (C18).
fn kept_topics(state: &State, peer: &Identity, mode: &WakeMode) -> Vec<String> {
    let WakeMode::Resumed { .. } = mode else { return Vec::new() };
    let Some(presence) = state.presences.get(peer) else { return Vec::new() };
    let parked = presence.park.as_ref().map(|park| park.topics.clone());
    parked.or_else(|| presence.died.as_ref().map(|died| died.topics.clone())).unwrap_or_default()
}

fn new_session(record: &Record, decision: &WakeDecided, policy: WakePolicy, topics: Vec<String>) -> Session {
    Session {
        generation: Generation(record.lsn),
        woken: record.at,
        mode: decision.mode.clone(),
        branch: decision.branch,
        reason: decision.reason,
        policy,
        phase: SessionPhase::Launching,
        slot: true,
        pid: None,
        socket: None,
        resume_ref: None,
        first_input: decision.message.or(decision.prompt),
        task: None,
        topics,
        turn: Turn::Unknown,
        turns_open: 0,
        turn_told: None,
        turn_names: TurnNames::default(),
        armed: None,
        delivering: None,
        last_delivered: None,
        last_delivered_from: None,
        questions: Vec::new(),
        last_sign: record.at,
        last_sign_source: Source::Wake,
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

/// The effect that brings the peer's session up; repeated, it goes on watching the same boot.
pub(super) fn start_session(state: &State, peer: &Identity) -> Option<Task> {
    let registration = &state.peer(peer)?.registration;
    let session = state.presences.get(peer)?.session.as_ref()?;
    Some(Task::StartSession(Box::new(StartSession {
        session: session_name(peer, session),
        folder: registration.folder.clone(),
        mode: session.mode.clone(),
        args: registration.args.clone(),
        consents: registration.consents.clone(),
        roster: roster(state, peer),
        worker: session.policy == WakePolicy::Ephemeral,
        woken: session.woken,
        boot_deadline_ms: state.settings.boot_deadline_ms,
    })))
}

/// More than any prompt should list.
const ROSTER_MAX: usize = 100;

fn roster(state: &State, own: &Identity) -> Vec<KnownPeer> {
    let others = state.peers.iter().filter(|(name, _)| **name != own.personality);
    let known = others.map(|(name, peer)| {
        let profile = &peer.registration.profile;
        let identity = Identity::new(profile.default_runtime.clone(), name.clone());
        KnownPeer { identity, description: profile.description.clone(), intelligence: profile.intelligence }
    });
    known.take(ROSTER_MAX).collect()
}

pub(super) fn wake_refused(state: &mut State, record: &Record, decision: &WakeRefused) -> Vec<Task> {
    if let Some(presence) = presence(state, record) {
        presence.last_gate = Some(decision.gate.clone());
    }
    Vec::new()
}

pub(super) fn session_started(state: &mut State, record: &Record, fact: &SessionStarted) -> Vec<Task> {
    if let Some(session) = session(state, record) {
        if session.phase == SessionPhase::Launching {
            session.phase = SessionPhase::Booting;
        }
        session.pid = Some(fact.pid);
        session.socket = Some(fact.socket.clone());
        session.resume_ref.clone_from(&fact.resume_ref);
    }
    Vec::new()
}

pub(super) fn launch_failed(state: &mut State, record: &Record, fact: &LaunchFailed) -> Vec<Task> {
    if let Some(session) = session(state, record) {
        session.slot = false;
        if session.has_last_words(fact) {
            session.last_words.clone_from(&fact.screen);
        } else {
            session.failing = true;
        }
    }
    Vec::new()
}

/// The slot is given back when the box is open (C20).
pub(super) fn box_opened(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(session) = session(state, record) {
        session.slot = false;
        if matches!(session.phase, SessionPhase::Launching | SessionPhase::Booting) {
            session.phase = SessionPhase::Open;
        }
    }
    Vec::new()
}

pub(super) fn session_ready(state: &mut State, record: &Record) -> Vec<Task> {
    let Some(presence) = presence(state, record) else { return Vec::new() };
    presence.last_wake_failed = false;
    presence.wake_failure = None;
    presence.wakes_failed = 0;
    presence.resumes_failed = 0;
    presence.since = record.at;
    if let Some(session) = &mut presence.session {
        session.phase = SessionPhase::Ready { since: record.at };
        session.taken = None;
        if session.turn == Turn::Unknown && session.last_delivered.is_none() {
            // Nothing was submitted, so nothing can be running (C46a).
            session.turn = Turn::Ended { at: record.at, judged: true };
        }
    }
    if bug(Bug::ReadyTakesATask) {
        let done = presence.queue.pop_front();
        drop(done.and_then(|id| state.messages.remove(&id)));
    }
    Vec::new()
}

pub(super) fn wake_failed(state: &mut State, record: &Record, decision: &WakeFailed) -> Vec<Task> {
    let Some(presence) = presence(state, record) else { return Vec::new() };
    presence.wake_retry_at = Some(record.at.plus_ms(decision.retry_in_ms));
    presence.wake_failure = Some(WakeFailure { lsn: record.lsn, at: record.at, why: decision.why.clone() });
    if decision.retry_in_ms > 0 {
        presence.last_wake_failed = true;
        presence.wakes_failed += 1;
    }
    if decision.counted {
        presence.deaths.push((record.lsn, record.at));
    }
    if decision.left_session {
        if let Some(session) = session(state, record) {
            session.failing = true;
            session.slot = false;
        }
        return Vec::new();
    }
    let ending = Ending::NotKnown { why: decision.why.clone() };
    ending::leave(state, record, EndedHow::NeverCame, ending, 0)
}

pub(super) fn boot_slot_released(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(session) = session(state, record) {
        session.slot = false;
    }
    Vec::new()
}
