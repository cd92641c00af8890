//! Sessions on their way out: reaped, parked, dead, finished; and the guard against crash loops.

use super::{presence, session, session_name, startup};
use crate::model::effect::{Attention, AttentionKind, SessionName, Task};
use crate::model::event::{Parked, QuarantineLifted, Quarantined, Reaped, SessionDied, SessionEnded, SessionFinished};
use crate::model::id::Generation;
use crate::model::name::Identity;
use crate::model::park::{LastDeath, Park, Taken};
use crate::model::record::Record;
use crate::model::session::{Ending, WakeMode};
use crate::model::state::{EndedHow, LastEnd, Presence, Quarantine, Session, SessionPhase, State};
use crate::mutant::{Bug, bug};

pub(super) fn reaped(state: &mut State, record: &Record, decision: &Reaped) -> Vec<Task> {
    let Some(peer) = record.subject.peer.clone() else { return Vec::new() };
    if let Some(presence) = presence(state, record) {
        presence.since = record.at;
    }
    let Some(session) = session(state, record) else { return Vec::new() };
    session.slot = false;
    session.phase = SessionPhase::Ending {
        reaped: record.lsn,
        since: record.at,
        reason: decision.reason.clone(),
        kill_failed: None,
    };
    if bug(Bug::EndsTheWrongGeneration) {
        return vec![Task::EndSession { session: SessionName { peer, generation: Generation(record.lsn) } }];
    }
    vec![Task::EndSession { session: session_name(&peer, session) }]
}

pub(super) fn parked(state: &mut State, record: &Record, decision: &Parked) -> Vec<Task> {
    if let Some(presence) = presence(state, record) {
        // A launch from the folder has consumed nothing (C17), and one in which nothing was said leaves nothing.
        if decision.resume_ref.is_none() && leads_on(presence.park.as_ref()) {
            return Vec::new();
        }
        presence.park = Some(Park {
            lsn: record.lsn,
            at: record.at,
            resume_ref: decision.resume_ref.clone(),
            topics: decision.topics.clone(),
        });
        presence.died = None;
    }
    Vec::new()
}

pub(super) fn kill_failed(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(session) = session(state, record)
        && let SessionPhase::Ending { kill_failed, .. } = &mut session.phase
        && !bug(Bug::KillFailureIgnored)
    {
        *kill_failed = Some(record.at);
    }
    Vec::new()
}

pub(super) fn kill_repeated(state: &mut State, record: &Record) -> Vec<Task> {
    let Some(peer) = record.subject.peer.clone() else { return Vec::new() };
    let Some(session) = session(state, record) else { return Vec::new() };
    if let SessionPhase::Ending { kill_failed, .. } = &mut session.phase {
        *kill_failed = None;
    }
    vec![Task::EndSession { session: session_name(&peer, session) }]
}

pub(super) fn session_died(state: &mut State, record: &Record, decision: &SessionDied) -> Vec<Task> {
    let window_ms = state.settings.crashloop_window_ms;
    let last = record.subject.peer.as_ref().and_then(|peer| last_death(state, record, peer));
    if let Some(presence) = presence(state, record) {
        presence.died = last.or(presence.died.take());
        presence.resumes_failed += u32::from(decision.counted && presence.session.as_ref().is_some_and(was_resuming));
        presence.deaths.retain(|(_, at)| record.at.since(*at) < window_ms);
        if decision.counted && !bug(Bug::DeathNotCounted) {
            presence.deaths.push((record.lsn, record.at));
        }
    }
    leave(state, record, EndedHow::Died, decision.ending.clone(), decision.lived_ms)
}

fn last_death(state: &State, record: &Record, peer: &Identity) -> Option<LastDeath> {
    let session = state.presences.get(peer)?.session.as_ref()?;
    let resume_ref = state.resumable(peer, session).cloned();
    Some(LastDeath { lsn: record.lsn, resume_ref, topics: session.topics.clone() })
}

/// It was to resume a conversation, and has not.
fn was_resuming(session: &Session) -> bool {
    session.taken.is_some() && session.mode != WakeMode::Fresh
}

fn leads_on(park: Option<&Park>) -> bool {
    park.is_some_and(|park| park.resume_ref.is_some())
}

/// A session that never was ready has spent nothing of what its wake took (C17, C29). What was parked of it meanwhile counts
/// only where it leads to a conversation.
fn gives_back(presence: &mut Presence, taken: Taken) {
    if !leads_on(presence.park.as_ref()) && taken.park.is_some() {
        (presence.park, presence.died) = (taken.park, None);
    } else if taken.died.is_some() && presence.park.is_none() {
        presence.died = taken.died;
    }
    presence.refresh = presence.refresh.take().or(taken.refresh);
}

pub(super) fn session_finished(state: &mut State, record: &Record, decision: &SessionFinished) -> Vec<Task> {
    leave(state, record, EndedHow::Finished, Ending::Code { code: 0 }, decision.lived_ms)
}

pub(super) fn session_ended(state: &mut State, record: &Record, decision: &SessionEnded) -> Vec<Task> {
    let Some(session) = session(state, record) else { return Vec::new() };
    let SessionPhase::Ending { reason, .. } = &session.phase else { return Vec::new() };
    let how = EndedHow::Reaped(reason.clone());
    let lived_ms = record.at.since(session.woken);
    leave(state, record, how, decision.ending.clone(), lived_ms)
}

/// The session leaves the state. Its task and the delivery it had under way stay as lost, to be settled one by one;
/// one that may have been read is asked for in the runtime's own record first (C34).
pub(super) fn leave(state: &mut State, record: &Record, how: EndedHow, ending: Ending, lived_ms: u64) -> Vec<Task> {
    let Some(peer) = record.subject.peer.clone() else { return Vec::new() };
    if session(state, record).is_none() {
        return Vec::new();
    }
    let Some(session) = presence(state, record).and_then(|presence| presence.session.take()) else { return Vec::new() };
    let taken = session.task.into_iter().chain(session.delivering);
    let lost: Vec<_> = taken.filter(|id| state.messages.contains_key(id)).collect();
    let Some(presence) = presence(state, record) else { return Vec::new() };
    presence.since = record.at;
    presence.lost.extend(&lost);
    presence.unanswered.extend(session.questions);
    if let Some(taken) = session.taken.filter(|_| !bug(Bug::ParkLost)) {
        gives_back(presence, *taken);
    }
    let generation = session.generation;
    presence.last_end = Some(LastEnd { generation, how, ending, lived_ms, armed: session.armed.is_some() });
    let mut tasks: Vec<Task> = lost.iter().filter_map(|id| startup::settle_lost(state, &peer, *id)).collect();
    tasks.push(Task::ClearSession { session: SessionName { peer, generation } });
    tasks
}

pub(super) fn quarantined(state: &mut State, record: &Record, decision: &Quarantined) -> Vec<Task> {
    let command = state.settings.on_attention.clone();
    let Some(presence) = presence(state, record) else { return Vec::new() };
    presence.quarantine = Some(Quarantine { lsn: record.lsn, until: decision.until });
    presence.since = record.at;
    let peer = record.subject.peer.clone();
    let who = peer.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![Task::CallAttention(Box::new(Attention {
        command,
        what: AttentionKind::Quarantine,
        says: format!(
            "{who} died {} times in {} s and is not woken until the window passes or it is started",
            decision.deaths.len(),
            decision.window_ms / 1000
        ),
        peer,
        message: None,
    }))]
}

/// By an operator the ring is emptied; by time only what has left the window goes (C48, C53).
pub(super) fn quarantine_lifted(state: &mut State, record: &Record, decision: &QuarantineLifted) -> Vec<Task> {
    let window_ms = state.settings.crashloop_window_ms;
    if let Some(presence) = presence(state, record) {
        presence.quarantine = None;
        presence.deaths.retain(|(_, at)| !decision.by_operator && record.at.since(*at) < window_ms);
        presence.wake_retry_at = None;
        presence.last_gate = None;
        presence.since = record.at;
    }
    Vec::new()
}
