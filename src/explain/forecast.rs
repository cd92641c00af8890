//! What time alone would bring: the rules run on from a state, with nothing more to be heard from anybody.
//!
//! Deadlines pass at their moments, every look finds silence, a box that is not open stays shut, and what is ended is gone at
//! once. What a program would do is not guessed at: sessions that are started say nothing, deliveries have no outcome.

use std::collections::{BTreeMap, VecDeque};

use crate::model::effect::{Effect, SessionName, Task};
use crate::model::event::{
    DeadlineKind, DeadlinePassed, Decision, Event, LaunchFailed, SessionGone, SessionLooked, WakeFailed, WakePhase,
};
use crate::model::name::Identity;
use crate::model::record::{Draft, Record, Subject};
use crate::model::session::{Ending, ReapReason, Turn, WakeGate};
use crate::model::state::{Presence, Session, SessionPhase, State};
use crate::model::time::Timestamp;
use crate::policy::ask::waking;
use crate::policy::deadline::{lapsed_deadline, next_deadline};
use crate::supervisor::conclude;

use super::phrase::seconds;
use super::view::Next;

/// Deadlines that are passed on the way, and so many more for each peer: few are, but a dialog that nobody answers is looked
/// at again and again.
const DEADLINES_MAX: usize = 500;
const DEADLINES_MAX_EACH: usize = 20;

/// Something that comes by itself.
#[derive(Clone, Debug)]
pub struct Coming {
    /// Its lsn is that of a world in which nothing else happens.
    pub record: Record,
    /// The wake that fails before it, if that is what brings it.
    pub failed: Option<WakeFailed>,
}

/// The first record about `peer` that `wanted` takes, at the moment at which it would be made. None: time alone does not bring
/// it, or no daemon is there to decide anything.
pub fn forecast(state: &State, peer: &Identity, wanted: impl Fn(&Record) -> bool) -> Option<Coming> {
    let wanted = |record: &Record| record.subject.peer.as_ref() == Some(peer) && wanted(record);
    let others = state.presences.keys().filter(|other| *other != peer && shares_slots(state, other));
    let mut found = None;
    run(part_of(state, others.chain([peer])), |group| {
        found = group.iter().position(&wanted).map(|at| coming(group, at));
        found.is_some()
    });
    found
}

/// What comes next for each peer, by itself: what `whynot` would say of it.
pub fn upcoming(state: &State) -> BTreeMap<Identity, Next> {
    upcoming_of(state, state.presences.keys())
}

/// As [`upcoming`], of `peers`.
pub fn upcoming_of<'a>(state: &'a State, peers: impl IntoIterator<Item = &'a Identity>) -> BTreeMap<Identity, Next> {
    // Those that are woken or may be wait for one another; for anybody else only its own clocks count.
    let (together, alone): (Vec<_>, Vec<_>) = peers.into_iter().partition(|peer| shares_slots(state, peer));
    let mut all: BTreeMap<Identity, Next> =
        alone.into_iter().flat_map(|peer| first_of_each(state, vec![peer])).collect();
    if !together.is_empty() {
        let waking = state.presences.keys().filter(|peer| shares_slots(state, peer)).collect();
        let found = first_of_each(state, waking);
        all.extend(found.into_iter().filter(|(peer, _)| together.contains(&peer)));
    }
    all
}

fn shares_slots(state: &State, peer: &Identity) -> bool {
    let Some(presence) = state.presences.get(peer) else { return false };
    let waits = !presence.queue.is_empty() || presence.bring_up.is_some();
    presence.session.as_ref().map_or(waits, |session| session.slot)
}

fn first_of_each(state: &State, peers: Vec<&Identity>) -> BTreeMap<Identity, Next> {
    let part = part_of(state, peers);
    let mut open: Vec<Identity> = part.presences.keys().cloned().collect();
    let mut found = BTreeMap::new();
    let mut lifted = BTreeMap::new();
    run(part, |group| {
        for (at, record) in group.iter().enumerate() {
            let Some(peer) = record.subject.peer.as_ref().filter(|peer| open.contains(peer)).cloned() else { continue };
            let Some(next) = next(state, &peer, &coming(group, at)) else { continue };
            // A quarantine that is over is worth a word only where nothing comes of it.
            if next.brings == LIFTED {
                lifted.insert(peer, next);
            } else {
                open.retain(|it| *it != peer);
                found.insert(peer, next);
            }
        }
        open.is_empty()
    });
    for (peer, next) in lifted {
        found.entry(peer).or_insert(next);
    }
    found
}

const LIFTED: &str = "quarantine_lifted";

/// What a record brings to its peer, if that is something one waits for; `state` is the one before everything.
fn next(state: &State, peer: &Identity, coming: &Coming) -> Option<Next> {
    let Event::Decision(decision) = &coming.record.event else { return None };
    let deadline = match decision {
        Decision::Reaped(it) => match (&it.reason, &coming.failed) {
            (ReapReason::Done { .. }, _) => "ephemeral_quiet",
            (ReapReason::Unarmed { .. }, _) => "ephemeral_unarmed_idle",
            (_, Some(_)) => "boot_deadline",
            _ => "idle",
        },
        Decision::WakeDecided(_) => waits_for(state, peer),
        Decision::DeliveryDecided(_) => "retry",
        Decision::KillRepeated(_) => "kill",
        Decision::QuarantineLifted(_) => "quarantine",
        _ => return None,
    };
    Some(Next { deadline, brings: coming.record.event.kind().name, at: coming.record.at })
}

/// What a wake that is to come waits for now.
fn waits_for(state: &State, peer: &Identity) -> &'static str {
    let gates = state.now.and_then(|now| waking(state, peer, now)).map_or_else(Vec::new, |next| next.gates);
    match gates.first() {
        Some(WakeGate::Quarantined { .. }) => "quarantine",
        Some(WakeGate::BootSlots { .. } | WakeGate::FailedBootSlot) => "boot_slot",
        _ => "retry",
    }
}

/// So much of `state` that these peers' next deadlines come out the same.
fn part_of<'a>(state: &State, peers: impl IntoIterator<Item = &'a Identity>) -> State {
    let mut part = State {
        lsn: state.lsn,
        now: state.now,
        settings: state.settings.clone(),
        daemon: state.daemon.clone(),
        ..State::default()
    };
    for peer in peers {
        let Some(presence) = state.presences.get(peer) else { continue };
        let known = state.peer(peer);
        part.peers.extend(known.map(|known| (peer.personality.clone(), known.clone())));
        let runtime = state.runtimes.get_key_value(&peer.runtime);
        part.runtimes.extend(runtime.map(|(name, traits)| (name.clone(), traits.clone())));
        let named = messages_of(presence).filter_map(|id| state.messages.get_key_value(&id));
        part.messages.extend(named.map(|(id, message)| (*id, message.clone())));
        part.presences.insert(peer.clone(), presence.clone());
    }
    part
}

fn messages_of(presence: &Presence) -> impl Iterator<Item = crate::model::id::MessageId> + '_ {
    let session = presence.session.iter().flat_map(|it| [it.first_input, it.task, it.delivering]).flatten();
    let queue = presence.queue.iter().chain(&presence.dead).chain(&presence.lost).copied();
    queue.chain(session).chain(presence.external_delivery)
}

fn coming(group: &[Record], at: usize) -> Coming {
    let record = group[at].clone();
    let failed = group[..at].iter().rev().find_map(|before| match &before.event {
        Event::Decision(Decision::WakeFailed(it)) if before.subject == record.subject => Some(it.clone()),
        _ => None,
    });
    Coming { record, failed }
}

/// Goes on from `state`, group by group, until `enough` says so.
fn run(mut state: State, mut enough: impl FnMut(&[Record]) -> bool) {
    if !state.daemon.as_ref().is_some_and(|daemon| daemon.running) {
        return;
    }
    let mut boots: Vec<(Timestamp, Draft)> = state.presences.iter().filter_map(|it| boot(&state, it)).collect();
    boots.sort_by_key(|(at, _)| std::cmp::Reverse(at.awake_ms));
    // Within a turn, above all within a start: what has come due is decided before the turn is over.
    let mut lapsed = state.now.zip(lapsed_deadline(&state)).map(|(now, kind)| (now, passed(kind)));
    for _ in 0..DEADLINES_MAX + DEADLINES_MAX_EACH * state.presences.len() {
        let deadline = next_deadline(&state);
        let is_first = |boot: &Timestamp| deadline.is_none_or(|deadline| boot.awake_ms <= deadline.at.awake_ms);
        let (at, draft) = match (lapsed.take().or_else(|| boots.pop_if(|(at, _)| is_first(at))), deadline) {
            (Some(first), _) => first,
            (None, Some(it)) => (it.at, passed(it.kind)),
            (None, None) => return,
        };
        let now = state.now.map_or(at, |now| now.latest(at));
        let mut drafts = VecDeque::from([draft]);
        while let Some(draft) = drafts.pop_front() {
            let mut effects = Vec::new();
            let group = conclude(&mut state, now, draft, &mut effects);
            if enough(&group) {
                return;
            }
            drafts.extend(effects.iter().filter_map(|effect| silence(&state, effect)));
        }
    }
}

fn passed(deadline: DeadlineKind) -> Draft {
    Draft::own(Subject::NONE, None, DeadlinePassed { deadline })
}

/// When a boot that goes on fails, and how (C28).
fn boot(state: &State, (peer, presence): (&Identity, &Presence)) -> Option<(Timestamp, Draft)> {
    let session = presence.session.as_ref()?;
    let at = boot_fails_at(state, session)?;
    let limit = seconds(state.settings.boot_deadline_ms);
    let (phase, why) = match session.phase {
        SessionPhase::Launching => (WakePhase::Launch, format!("the session's process did not start in {limit}")),
        _ => (WakePhase::Boot, format!("the input box did not open in {limit}")),
    };
    let failed = LaunchFailed { phase, why, screen: None, left_session: true };
    Some((at, Draft::own(Subject::session(peer, session.generation), None, failed)))
}

/// When the boot of `session` fails if its box stays shut; none if it does not boot, or the machine has been started since: then it
/// is gone, and that has not been seen yet.
pub(super) fn boot_fails_at(state: &State, session: &Session) -> Option<Timestamp> {
    let boots = matches!(session.phase, SessionPhase::Launching | SessionPhase::Booting) && !session.failing;
    let at = session.woken.plus_ms(state.settings.boot_deadline_ms);
    (boots && state.now.is_none_or(|now| now.boot == at.boot)).then_some(at)
}

/// What an effect brings in a world that is silent.
fn silence(state: &State, effect: &Effect) -> Option<Draft> {
    let about = |name: &SessionName| Subject::session(&name.peer, name.generation);
    match &effect.task {
        Task::LookAtSession { session } => {
            let seen = looked(state, state.session(&session.peer, session.generation)?, &session.peer);
            Some(Draft::own(about(session), Some(effect.cause), seen))
        }
        Task::EndSession { session } => {
            let woken = state.session(&session.peer, session.generation)?.woken;
            let lived_ms = state.now?.since(woken);
            let gone = SessionGone { ending: Ending::Code { code: 0 }, lived_ms, strays: 0, found_at_start: false };
            Some(Draft::own(about(session), Some(effect.cause), gone))
        }
        Task::StartSession(_)
        | Task::DeliverMessage(_)
        | Task::SettleDelivery { .. }
        | Task::Interrupt { .. }
        | Task::Compact { .. }
        | Task::ClearSession { .. }
        | Task::CallAttention(_) => None,
    }
}

/// Nothing has moved since the last look, and a dialog that was there is there still.
fn looked(state: &State, session: &Session, peer: &Identity) -> SessionLooked {
    let silent_ms = |moved: Option<Timestamp>| moved.zip(state.now).map(|(moved, now)| now.since(moved));
    let waiting_on = match &session.turn {
        Turn::Waiting { on, .. } if !state.tells_turns(peer) => Some(on.clone()),
        _ => None,
    };
    SessionLooked {
        screen_silent_ms: silent_ms(session.screen_moved),
        transcript_silent_ms: silent_ms(session.transcript_moved),
        waiting_on,
        attached: false,
        working: false,
    }
}
