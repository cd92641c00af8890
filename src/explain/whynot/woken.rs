//! Why a peer is not woken (C15, C20), and why its next wake would not resume (C17).

use super::{Found, Guard, no_daemon};
use crate::explain::because::{wake_branch, wake_gate_clause, wake_gate_rule};
use crate::explain::phrase::{one_line, span};
use crate::model::name::Identity;
use crate::model::profile::WakePolicy;
use crate::model::session::{WakeBranch, WakeGate, WakeMode};
use crate::model::state::State;
use crate::model::time::Timestamp;
use crate::policy::ask::{NextWake, waking};

/// C5: that something else keeps a peer alive is registered.
pub(super) const HANDED_BACK: &str = "it is registered again without `--managed-by`: `dormouse add`";
/// What asks for a wake of any kind.
const ASKED_FOR: &str = "a message comes: `dormouse send`, or somebody attaches";
/// How what resumes by its topic begins.
pub(in crate::explain) const BY_TOPIC: &str = "a message of one of its topics";
const UNLESS: &str = "somebody stops it or calls its messages back";

pub(super) fn found(state: &State, peer: &Identity, now: Timestamp) -> Found {
    match next_wake(state, peer, now) {
        Ok(next) => Found::held(held(state, peer, &next, now), UNLESS),
        Err(found) => found,
    }
}

/// Everything that keeps a peer asleep.
pub(super) fn guards(state: &State, peer: &Identity, now: Timestamp) -> Vec<Guard> {
    next_wake(state, peer, now).map_or_else(|found| found.guards, |next| held(state, peer, &next, now))
}

/// C17: what the next wake would be, whenever it comes.
pub(super) fn resumed(state: &State, peer: &Identity, now: Timestamp) -> Found {
    let next = match next_wake(state, peer, now) {
        Ok(next) => next,
        Err(found) => return found,
    };
    let mut guards = Vec::new();
    if !state.runtimes.get(&peer.runtime).is_some_and(|traits| traits.can_resume) {
        let why = format!("nothing that runs on `{}` can be resumed: its file does not say how", peer.runtime);
        guards.push(Guard::new("C17", why, "that file has `resume_argv`"));
    }
    guards.extend((next.mode == WakeMode::Fresh).then(|| fresh(state, peer, &next)).flatten());
    let asked_for = |guard: Guard| match guard.until.as_deref() {
        Some(ASKED_FOR) if next.mode == WakeMode::Fresh => {
            Guard { until: Some(resumes(state, peer, &guards)), ..guard }
        }
        _ => guard,
    };
    let held: Vec<Guard> = held(state, peer, &next, now).into_iter().map(asked_for).collect();
    guards.extend(held);
    Found::held(guards, UNLESS)
}

/// What asks for a wake that goes on with what is parked: any message would wake it fresh, and give that up.
fn resumes(state: &State, peer: &Identity, guards: &[Guard]) -> String {
    let is_parked = state.presences.get(peer).is_some_and(|presence| presence.park.is_some());
    let by_topic = |guard: &Guard| guard.until.as_deref().is_some_and(|until| until.starts_with(BY_TOPIC));
    match is_parked {
        _ if guards.iter().any(by_topic) => "such a message comes, or somebody attaches".to_owned(),
        true => "somebody attaches: a message would wake it fresh".to_owned(),
        false => "there is something to resume, and then a message comes or somebody attaches".to_owned(),
    }
}

/// Why the next wake would be a fresh one, whatever its runtime can; none if that is all.
fn fresh(state: &State, peer: &Identity, next: &NextWake) -> Option<Guard> {
    let park = state.presences.get(peer).and_then(|presence| presence.park.as_ref());
    let profile = state.peer(peer).map(|known| &known.registration.profile);
    // What will wake it is not known, and that is what decides: each message to a worker is a task (C17, C35).
    let is_worker = next.message.is_none() && profile.is_some_and(|it| it.wake_policy == WakePolicy::Ephemeral);
    let branch = match next.branch {
        WakeBranch::RefreshMark => next.branch,
        _ if is_worker => WakeBranch::Ephemeral,
        branch => branch,
    };
    let because = format!("its next wake is a fresh one: {}", wake_branch(branch));
    let (because, until) = match branch {
        WakeBranch::NoTopic | WakeBranch::TopicNew => {
            let topics = park.map(|park| park.topics.join("`, `")).filter(|topics| !topics.is_empty());
            let until = match topics {
                Some(topics) => {
                    format!("{BY_TOPIC} is what wakes it: `{topics}`; or somebody attaches")
                }
                None => "somebody attaches: what is parked has no topics that a message could name".to_owned(),
            };
            // What will wake it is not known, and its topic decides.
            let unknown = "a message without a topic of the parked session would wake it fresh";
            (if next.message.is_none() { unknown.to_owned() } else { because }, until)
        }
        WakeBranch::RefreshMark => (because, "that wake has been, and what it leaves is parked".to_owned()),
        WakeBranch::Ephemeral => {
            let until = "its profile's `wake_policy` is not `ephemeral` any more, and a session of it has been parked";
            (because, until.to_owned())
        }
        WakeBranch::ResumeFailed => (because, "somebody attaches, and its program does not end".to_owned()),
        WakeBranch::Died => (because, "the profile says `resume_on_death`, or somebody attaches".to_owned()),
        WakeBranch::FirstWake => (because, "it has had a session that was parked".to_owned()),
        WakeBranch::FolderLaunch | WakeBranch::New => (because, "a wake by message is what comes next".to_owned()),
        // It would be resumed, if there were anything.
        WakeBranch::Attach
        | WakeBranch::Compact
        | WakeBranch::ResumeOnDeath
        | WakeBranch::HumanConversation
        | WakeBranch::TopicKnown => {
            park.filter(|park| park.resume_ref.is_none())?;
            let nothing =
                "nothing of what is parked can be resumed: its program gave it no name, or nothing was said in it";
            (nothing.to_owned(), "a session of which something can be resumed has been parked".to_owned())
        }
    };
    Some(Guard::new("C17", because, until))
}

fn next_wake(state: &State, peer: &Identity, now: Timestamp) -> Result<NextWake, Found> {
    let session = state.presences.get(peer).and_then(|presence| presence.session.as_ref());
    if let Some(session) = session.filter(|session| !session.is_ending()) {
        let mode = if session.mode == WakeMode::Fresh { "fresh" } else { "resumed" };
        let place = format!("in session {}, {mode}", session.generation);
        return Err(Found::moot(match no_daemon(state, now) {
            Some(guard) => format!("it was awake when it was last heard of, {place}; {} (C60)", guard.because),
            None => format!("it is awake, {place}"),
        }));
    }
    waking(state, peer, now).ok_or_else(Found::unheard)
}

/// Nothing that asks for it, or everything that holds it back.
fn held(state: &State, peer: &Identity, next: &NextWake, now: Timestamp) -> Vec<Guard> {
    let mut guards: Vec<Guard> = no_daemon(state, now).into_iter().collect();
    if state.peer(peer).is_none() {
        guards.push(Guard::new("C4", "it is registered no more", "somebody adds it: `dormouse add`"));
    } else if next.reason.is_none() && !state.is_managed(peer) {
        let (rule, why) = match state.presences.get(peer).is_some_and(|presence| !presence.queue.is_empty()) {
            true => ("C13", "nothing asks for it: only reports wait for it, and those never wake"),
            false => ("C17", "nothing asks for it: no message waits, and nobody has called for it"),
        };
        guards.push(Guard::new(rule, why, ASKED_FOR));
    }
    guards.extend(next.gates.iter().map(|it| gate(state, peer, it, now)));
    guards
}

/// C52. By whom is `why`'s to say: agents ask here too.
pub(super) fn stopped(state: &State, peer: &Identity, now: Timestamp) -> Option<Guard> {
    let stopped = state.presences.get(peer)?.stopped.as_ref()?;
    let why = format!("it has been stopped for {}", span(now.since(stopped.at)));
    Some(Guard::new("C52", why, "somebody starts it: `dormouse start`"))
}

fn gate(state: &State, peer: &Identity, gate: &WakeGate, now: Timestamp) -> Guard {
    if let (WakeGate::Stopped { .. }, Some(guard)) = (gate, stopped(state, peer, now)) {
        return guard;
    }
    let (until, in_ms) = match gate {
        WakeGate::ManagedElsewhere { .. } => (HANDED_BACK, None),
        WakeGate::RuntimeNotDeclared => ("the profile declares it and `runtime ls` knows it", None),
        WakeGate::Stopped { .. } => ("somebody starts it: `dormouse start`", None),
        WakeGate::Quarantined { left_ms } => {
            ("that has passed, or somebody starts it: `dormouse start`", Some(*left_ms))
        }
        WakeGate::AlreadyLive => ("the session before is gone", None),
        WakeGate::BootSlots { .. } => ("whoever has one is ready, or has held it for 20 s", None),
        WakeGate::FailedBootSlot => ("the other one is ready, or has held the slot for 20 s", None),
        WakeGate::RetryDelay { left_ms } => ("that has passed", Some(*left_ms)),
    };
    let clause = wake_gate_clause(gate);
    let because = match failure_behind(state, peer, gate) {
        Some(why) => format!("{clause}; the last wake failed: {}", one_line(why)),
        None => clause,
    };
    Guard { in_ms, ..Guard::new(wake_gate_rule(gate), because, until) }
}

/// What the last wake failed for, where that is what a gate comes of.
fn failure_behind<'a>(state: &'a State, peer: &Identity, gate: &WakeGate) -> Option<&'a str> {
    let of_failures = matches!(gate, WakeGate::Quarantined { .. } | WakeGate::RetryDelay { .. });
    let failure = state.presences.get(peer)?.wake_failure.as_ref().filter(|_| of_failures)?;
    Some(&failure.why)
}
