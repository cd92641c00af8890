//! Why a peer is not woken (C15, C20), and why its next wake would not resume (C17).

use super::{Found, Guard};
use crate::explain::because::{wake_branch, wake_gate};
use crate::model::name::Identity;
use crate::model::session::{WakeBranch, WakeGate, WakeMode};
use crate::model::state::State;
use crate::policy::ask::{NextWake, waking};

pub(super) fn found(state: &State, peer: &Identity) -> Found {
    match presence_of(state, peer) {
        Ok(next) => Found { moot: None, guards: held(state, peer, &next), unless: unless() },
        Err(found) => found,
    }
}

/// C17: what the next wake would be, whenever it comes.
pub(super) fn resumed(state: &State, peer: &Identity) -> Found {
    let next = match presence_of(state, peer) {
        Ok(next) => next,
        Err(found) => return found,
    };
    let mut guards = Vec::new();
    if next.mode == WakeMode::Fresh {
        let why = format!("its next wake is a fresh one: {}", wake_branch(next.branch));
        let guard = Guard { rule: "C17", because: why, until: would_resume(state, peer, &next) };
        guards.push(guard);
    }
    guards.extend(held(state, peer, &next));
    Found { moot: None, guards, unless: unless() }
}

fn unless() -> String {
    "somebody stops it or calls its messages back".to_owned()
}

fn presence_of(state: &State, peer: &Identity) -> Result<NextWake, Found> {
    let session = state.presences.get(peer).and_then(|presence| presence.session.as_ref());
    if let Some(session) = session.filter(|session| !session.is_ending()) {
        let mode = if session.mode == WakeMode::Fresh { "fresh" } else { "resumed" };
        return Err(Found::moot(format!("it is awake, in session {}, {mode}", session.generation)));
    }
    waking(state, peer).ok_or_else(|| Found::moot("nothing was ever heard of it"))
}

/// Nothing that asks for it, or everything that holds it back.
fn held(state: &State, peer: &Identity, next: &NextWake) -> Vec<Guard> {
    let mut guards: Vec<Guard> = Vec::new();
    if state.peer(peer).is_none() {
        guards.push(Guard::new("C4", "it is registered no more", "somebody adds it: `dormouse add`"));
    } else if next.reason.is_none() {
        let why = match state.presences.get(peer).is_some_and(|presence| !presence.queue.is_empty()) {
            true => "nothing asks for it: only reports wait for it, and those never wake (C13)",
            false => "nothing asks for it: no message waits, and nobody has called for it",
        };
        guards.push(Guard::new("C17", why, "a message comes: `dormouse send`, or somebody attaches"));
    }
    guards.extend(next.gates.iter().map(gate));
    if !state.daemon.as_ref().is_some_and(|daemon| daemon.running) {
        guards.push(Guard::new("C60", "no daemon is running", "one is: `dormouse daemon`"));
    }
    guards
}

fn gate(gate: &WakeGate) -> Guard {
    let (rule, until) = match gate {
        WakeGate::ManagedElsewhere { .. } => return Guard::for_ever("C5", clause(gate)),
        WakeGate::RuntimeNotDeclared => ("C15", "the profile declares it and `runtime ls` knows it"),
        WakeGate::Stopped { .. } => ("C52", "somebody starts it: `dormouse start`"),
        WakeGate::Quarantined { .. } => ("C48", "that has passed, or somebody starts it: `dormouse start`"),
        WakeGate::AlreadyLive => ("C16", "the session before is gone"),
        WakeGate::BootSlots { .. } => ("C20", "one of them is ready, or has held its slot for 20 s"),
        WakeGate::FailedBootSlot => ("C51", "the other one is ready, or has held the slot for 20 s"),
        WakeGate::RetryDelay { .. } => ("C13", "that has passed"),
    };
    Guard::new(rule, clause(gate), until)
}

/// The gate's own sentence, without the rule that stands beside it here.
fn clause(gate: &WakeGate) -> String {
    let said = wake_gate(gate);
    said.rsplit_once(" (C").map_or(said.clone(), |(clause, _)| clause.to_owned())
}

/// The nearest way to a resumed one, if there is one.
fn would_resume(state: &State, peer: &Identity, next: &NextWake) -> Option<String> {
    let can = state.runtimes.get(&peer.runtime).is_some_and(|traits| traits.can_resume);
    let park = state.presences.get(peer).and_then(|presence| presence.park.as_ref());
    match next.branch {
        _ if !can => None,
        WakeBranch::TopicNew | WakeBranch::NoTopic => {
            let topics = park.map(|park| park.topics.join("`, `")).filter(|topics| !topics.is_empty());
            Some(match topics {
                Some(topics) => {
                    format!("a message of one of its topics is what wakes it: `{topics}`; or somebody attaches")
                }
                None => "somebody attaches: what is parked has no topics that a message could name".to_owned(),
            })
        }
        WakeBranch::RefreshMark => Some("that wake has been, and what it leaves is parked".to_owned()),
        WakeBranch::Died => Some("the profile says `resume_on_death`, or somebody attaches".to_owned()),
        WakeBranch::FirstWake => Some("it has had a session that was parked".to_owned()),
        WakeBranch::Ephemeral => None,
        WakeBranch::FolderLaunch
        | WakeBranch::Attach
        | WakeBranch::Compact
        | WakeBranch::New
        | WakeBranch::ResumeOnDeath
        | WakeBranch::HumanConversation
        | WakeBranch::TopicKnown => Some("a wake by message is what comes next".to_owned()),
    }
}
