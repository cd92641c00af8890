//! Wakes: who is next, the gates, fresh or resumed, and how a wake ends (C15, C17, C20, C28, C29).

use super::quarantine::has_passed;
use super::{Case, case_of_session, reap, retry};
use crate::model::event::{
    BootSlotReleased, Drained, LaunchFailed, SessionReady, WakeDecided, WakeFailed, WakePhase, WakeRefused,
};
use crate::model::id::{Lsn, MessageId};
use crate::model::message::{Fate, Message, Purpose};
use crate::model::profile::WakePolicy;
use crate::model::record::{Draft, Record};
use crate::model::session::{ReapReason, WakeBranch, WakeGate, WakeMode, WakeReason};
use crate::model::state::{Peer, Presence, Session, SessionPhase, State};
use crate::model::time::Timestamp;
use crate::mutant::{Bug, bug};

/// Longest that a boot holds its slot (C20).
pub(super) const SLOT_MS_MAX: u64 = 20_000;

/// What the next wake of a peer would be, and what holds it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextWake {
    /// What asks for it; none: nothing does.
    pub reason: Option<WakeReason>,
    pub message: Option<MessageId>,
    /// All that hold, in the order in which they are asked.
    pub gates: Vec<WakeGate>,
    pub branch: WakeBranch,
    pub mode: WakeMode,
}

/// As the rules would decide at `case`.
pub(super) fn next_wake(case: Case) -> NextWake {
    let wanted = want(case);
    let reason = wanted.as_ref().map(|want| want.reason);
    let want = wanted.unwrap_or_else(|| {
        let peer = case.state.peer(case.peer);
        Want { case, peer, asked: case.record.lsn, reason: WakeReason::Message, message: None, mint: None }
    });
    let (branch, mode) = fresh_or_resumed(&want);
    let gates = GATES.iter().filter_map(|gate| gate(&want)).collect();
    NextWake { reason, message: want.message.map(|message| message.id), gates, branch, mode }
}

/// Something that asks for a session.
struct Want<'a> {
    case: Case<'a>,
    /// None if nobody of this name is registered: then nothing is wanted.
    peer: Option<&'a Peer>,
    /// When it was asked, for the order (C20).
    asked: Lsn,
    reason: WakeReason,
    message: Option<&'a Message>,
    mint: Option<MessageId>,
}

/// At most one wake, in the order in which they were asked for, and the gates that newly hold others back.
pub(super) fn next(state: &State, record: &Record) -> Vec<Draft> {
    let mut wants: Vec<Want> = state
        .presences
        .iter()
        .filter(|(_, presence)| presence.session.is_none() && presence.lost.is_empty())
        .filter_map(|(peer, presence)| want(Case { state, record, peer, presence }))
        .collect();
    wants.sort_by_key(|want| want.asked);
    let mut drafts = Vec::new();
    for want in &wants {
        match gate(want) {
            Some(gate) => drafts.extend(refused(&want.case, gate)),
            None => {
                drafts.extend(woken(want));
                break;
            }
        }
    }
    drafts
}

/// What this peer wants a session for: an operator's word before a message (C54, C57).
fn want(case: Case<'_>) -> Option<Want<'_>> {
    let asleep = case.presence.bring_up.is_none() && case.presence.queue.is_empty();
    if asleep {
        return None;
    }
    let peer = Some(case.state.peer(case.peer)?);
    if let Some(bring_up) = &case.presence.bring_up {
        // The message that waits is the first input of what was brought up (C19), if it is due.
        let message = head(&case).filter(|head| retry_left_ms(&case, head).is_none());
        let (reason, mint) = (bring_up.reason, Some(bring_up.mint));
        return Some(Want { case, peer, asked: bring_up.asked, reason, message, mint });
    }
    let head = head(&case)?;
    let drained = case.presence.last_end.is_some() && head.policy == WakePolicy::Ephemeral;
    if drained && bug(Bug::WorkerNotDrained) {
        return None;
    }
    let reason = if drained { WakeReason::Drain } else { WakeReason::Message };
    Some(Want { case, peer, asked: head.accepted, reason, message: Some(head), mint: None })
}

/// The first message that may wake: reports never do (C13).
fn head<'a>(case: &Case<'a>) -> Option<&'a Message> {
    let messages = case.presence.queue.iter().filter_map(|id| case.state.messages.get(id));
    messages.into_iter().find(|message| message.purpose != Purpose::Report && message.fate == Fate::Queued)
}

/// So often in a row a conversation is tried whose program ends before it is ready: the conversation may be what it cannot
/// read. What has nothing to do with the conversation, as a login or a server of tmux's, ends no program by itself.
const RESUMES_MAX: u32 = 2;

/// What holds a wake back: C15, in its order; then what must pass first (C13, C20).
const GATES: [fn(&Want) -> Option<WakeGate>; 7] =
    [managed_elsewhere, not_declared, stopped, quarantined, already_live, delayed, no_slot];

fn gate(want: &Want) -> Option<WakeGate> {
    GATES.iter().find_map(|gate| gate(want))
}

fn managed_elsewhere(want: &Want) -> Option<WakeGate> {
    let managed = want.peer?.registration.managed.as_ref();
    managed.filter(|_| !bug(Bug::ManagedIsWoken)).map(|managed| WakeGate::ManagedElsewhere { by: managed.by.clone() })
}

fn not_declared(want: &Want) -> Option<WakeGate> {
    let runtime = &want.case.peer.runtime;
    let declared = &want.peer?.registration.profile.runtimes;
    let known = want.case.state.runtimes.contains_key(runtime) && declared.contains(runtime);
    (!known).then_some(WakeGate::RuntimeNotDeclared)
}

fn stopped(want: &Want) -> Option<WakeGate> {
    let stopped = want.case.presence.stopped.as_ref().filter(|_| !bug(Bug::StopIgnored));
    stopped.map(|stopped| WakeGate::Stopped { since: stopped.at })
}

fn quarantined(want: &Want) -> Option<WakeGate> {
    let quarantine = want.case.presence.quarantine.as_ref();
    quarantine.map(|quarantine| WakeGate::Quarantined { left_ms: ms_until(&want.case, quarantine.until) })
}

fn already_live(want: &Want) -> Option<WakeGate> {
    want.case.presence.session.as_ref().map(|_| WakeGate::AlreadyLive)
}

fn delayed(want: &Want) -> Option<WakeGate> {
    let case = &want.case;
    let by_message = want.message.filter(|_| want.mint.is_none()).and_then(|head| retry_left_ms(case, head));
    let by_wake = case.presence.wake_retry_at.filter(|at| !has_passed(case.now(), *at)).map(|at| ms_until(case, at));
    by_message.max(by_wake).map(|left_ms| WakeGate::RetryDelay { left_ms })
}

fn retry_left_ms(case: &Case, message: &Message) -> Option<u64> {
    message.retry_at.filter(|at| !has_passed(case.now(), *at)).map(|at| ms_until(case, at))
}

fn ms_until(case: &Case, moment: Timestamp) -> u64 {
    moment.since(case.now())
}

fn no_slot(want: &Want) -> Option<WakeGate> {
    let case = &want.case;
    let boots_max = case.state.settings.boots_max;
    let booting = booting(case.state);
    if booting >= boots_max && !bug(Bug::TooManyBoots) {
        return Some(WakeGate::BootSlots { booting, boots_max });
    }
    // One peer's trouble never stops the work for another (C51).
    let holds_failed_slot = |presence: &Presence| presence.last_wake_failed && holds_slot(presence);
    let taken = case.presence.last_wake_failed && case.state.presences.values().any(holds_failed_slot);
    taken.then_some(WakeGate::FailedBootSlot)
}

fn holds_slot(presence: &Presence) -> bool {
    presence.session.as_ref().is_some_and(|session| session.slot)
}

fn booting(state: &State) -> u32 {
    let slots = state.presences.values().filter(|presence| holds_slot(presence)).count();
    u32::try_from(slots).unwrap_or(u32::MAX)
}

/// Said when the reason changes, not at each look.
fn refused(case: &Case, gate: WakeGate) -> Option<Draft> {
    let same_kind = case
        .presence
        .last_gate
        .as_ref()
        .is_some_and(|last| std::mem::discriminant(last) == std::mem::discriminant(&gate));
    (!same_kind).then(|| case.about_peer(WakeRefused { gate }))
}

fn woken(want: &Want) -> Vec<Draft> {
    let case = &want.case;
    let (branch, mode) = fresh_or_resumed(want);
    let profile = want.peer.map(|peer| &peer.registration.profile);
    // A prompt alone is typed as a message of its own; with a message it goes in front of it (C19).
    let bare_fresh = want.message.is_none() && mode == WakeMode::Fresh;
    let prompt = want.mint.filter(|_| bare_fresh && profile.is_some_and(|p| p.initial_prompt.is_some()));
    let message = want.message;
    let decision = WakeDecided {
        park: consumes(branch, case.presence),
        mode,
        branch,
        reason: want.reason,
        message: message.map(|message| message.id),
        prompt,
        attempt: message.map_or(1, |message| message.attempts + 1),
        possible_duplicate: message.is_some_and(|message| message.possible_duplicate),
        booting: booting(case.state) + 1,
        boots_max: case.state.settings.boots_max,
    };
    let mut wake = case.about_peer(decision);
    wake.subject.message = message.map(|message| message.id);
    // What released it is the record at hand; what it is for is told by the message.
    let drained = (want.reason == WakeReason::Drain && message.is_some()).then(|| {
        let queue_depth = u32::try_from(case.presence.queue.len()).unwrap_or(u32::MAX);
        let mut draft = case.about_peer(Drained { queue_depth });
        draft.subject.message = message.map(|message| message.id);
        draft
    });
    drained.into_iter().chain([wake]).collect()
}

fn consumes(branch: WakeBranch, presence: &Presence) -> Option<Lsn> {
    let park = presence.park.as_ref().map(|park| park.lsn);
    park.filter(|_| branch != WakeBranch::FolderLaunch)
}

/// C17, line by line.
fn fresh_or_resumed(want: &Want) -> (WakeBranch, WakeMode) {
    let case = &want.case;
    let park = case.presence.park.as_ref();
    let resumable = |reference: Option<&String>| match reference.filter(|_| can_resume(case)) {
        Some(resume_ref) => WakeMode::Resumed { resume_ref: resume_ref.clone() },
        None => WakeMode::Fresh,
    };
    let parked_ref = park.and_then(|park| park.resume_ref.as_ref());
    let died_ref = case.presence.died.as_ref().and_then(|died| died.resume_ref.as_ref());
    match want.reason {
        WakeReason::FolderLaunch => return (WakeBranch::FolderLaunch, WakeMode::Fresh),
        WakeReason::Attach => return (WakeBranch::Attach, resumable(parked_ref.or(died_ref))),
        WakeReason::Compact => return (WakeBranch::Compact, resumable(parked_ref.or(died_ref))),
        WakeReason::New => return (WakeBranch::New, WakeMode::Fresh),
        WakeReason::Message | WakeReason::Drain => {}
    }
    let policy = want.message.map_or(WakePolicy::Persistent, |message| message.policy);
    if case.presence.refresh.is_some() {
        return (WakeBranch::RefreshMark, WakeMode::Fresh);
    }
    if policy == WakePolicy::Ephemeral {
        return (WakeBranch::Ephemeral, WakeMode::Fresh);
    }
    let (branch, mode) = by_what_was_left(want, resumable(parked_ref), resumable(died_ref));
    if mode != WakeMode::Fresh && case.presence.resumes_failed >= RESUMES_MAX {
        return (WakeBranch::ResumeFailed, WakeMode::Fresh);
    }
    (branch, mode)
}

/// A message is at work, and nothing else has said how it is to be.
fn by_what_was_left(want: &Want, parked: WakeMode, died: WakeMode) -> (WakeBranch, WakeMode) {
    let case = &want.case;
    let Some(park) = &case.presence.park else { return never_parked(want, died) };
    let profile = want.peer.map(|peer| &peer.registration.profile);
    if profile.is_some_and(|profile| profile.converses_with_people) {
        return (WakeBranch::HumanConversation, parked);
    }
    match want.message.and_then(|message| message.topic.as_ref()) {
        Some(topic) if park.topics.contains(topic) => (WakeBranch::TopicKnown, parked),
        Some(_) => (WakeBranch::TopicNew, WakeMode::Fresh),
        None => (WakeBranch::NoTopic, WakeMode::Fresh),
    }
}

fn never_parked(want: &Want, resumed: WakeMode) -> (WakeBranch, WakeMode) {
    let resume_on_death = want.peer.is_some_and(|peer| peer.registration.profile.resume_on_death);
    match (&want.case.presence.died, resume_on_death) {
        (Some(_), true) if resumed != WakeMode::Fresh => (WakeBranch::ResumeOnDeath, resumed),
        (Some(_), _) => (WakeBranch::Died, WakeMode::Fresh),
        (None, _) => (WakeBranch::FirstWake, WakeMode::Fresh),
    }
}

fn can_resume(case: &Case) -> bool {
    case.state.runtimes.get(&case.peer.runtime).is_some_and(|traits| traits.can_resume)
}

/// Without a first input the open box is all there is to wait for (C19). What a worker was woken for may have been
/// cancelled or given up before it could be typed: then its session is good for nothing (C35).
pub(super) fn nothing_to_type(case: &Case) -> Vec<Draft> {
    let Some(session) = case.live().filter(|session| session.phase == SessionPhase::Open) else { return Vec::new() };
    if session.delivering.is_some() || session.failing || is_to_be_typed(case.state, session) {
        return Vec::new();
    }
    if session.policy == WakePolicy::Ephemeral && session.first_input.is_some() {
        return vec![reap::reap(case, session, ReapReason::Unneeded)];
    }
    vec![case.about_session(session, SessionReady { wake_ms: case.now().since(session.woken) })]
}

fn is_to_be_typed(state: &State, session: &Session) -> bool {
    let first = session.first_input.and_then(|id| state.messages.get(&id));
    first.is_some_and(|message| !matches!(message.fate, Fate::Dead { .. }))
}

/// C29: what is left is ended; what left nothing counts as a death.
pub(super) fn launch_failed(state: &State, record: &Record, fact: &LaunchFailed) -> Vec<Draft> {
    let Some((case, session)) = case_of_session(state, record) else { return Vec::new() };
    if session.is_ending() || session.has_last_words(fact) {
        return Vec::new();
    }
    let event = WakeFailed {
        phase: fact.phase,
        why: fact.why.clone(),
        screen: fact.screen.clone(),
        // What could not be launched is the machine's trouble, not the program's (C43).
        counted: fact.phase != WakePhase::Launch,
        left_session: fact.left_session,
        retry_in_ms: retry::delay_ms(&state.settings, case.presence.wakes_failed + 1),
    };
    vec![case.about_session(session, event)]
}

/// A slot is given back after 20 s, whatever the boot does (C20).
pub(super) fn slot_held_too_long(case: &Case) -> Vec<Draft> {
    let Some(session) = case.live().filter(|session| session.slot) else { return Vec::new() };
    let held_ms = case.now().since(session.woken);
    if held_ms < SLOT_MS_MAX { Vec::new() } else { vec![case.about_session(session, BootSlotReleased { held_ms })] }
}
