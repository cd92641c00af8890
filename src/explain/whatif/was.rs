//! Parted peers as they were: what the record adds up to for those whose life would have been another.

use crate::model::event::{Decision, Event, Fact};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::message::{Fate, Message};
use crate::model::name::Identity;
use crate::model::park::{LastDeath, Park};
use crate::model::record::Record;
use crate::model::session::{Source, Turn};
use crate::model::settings::Settings;
use crate::model::state::{Presence, Session, SessionPhase, State};
use crate::model::time::{BootId, Timestamp};
use crate::model::turn_names::TurnNames;
use crate::reducer::apply;

use super::Parted;

/// A state of parted peers alone; settings, runtimes and profiles are those of all.
#[derive(Debug, Default)]
pub struct Was {
    state: State,
}

impl Was {
    /// Nobody has parted.
    pub fn of(state: &State) -> Self {
        let (settings, runtimes, peers) = (state.settings.clone(), state.runtimes.clone(), state.peers.clone());
        let (lsn, now, daemon) = (state.lsn, state.now, state.daemon.clone());
        Self { state: State { lsn, now, settings, runtimes, peers, daemon, ..State::default() } }
    }

    /// Those that are recorded.
    pub fn set_settings(&mut self, recorded: &Settings) {
        self.state.settings = recorded.clone();
    }

    /// From here on `peer` is kept apart, as it is in `would`.
    pub fn take(&mut self, peer: &Identity, would: &State) {
        let Some(presence) = would.presences.get(peer) else { return };
        let messages = messages_of(presence).filter_map(|id| would.messages.get(&id));
        self.state.messages.extend(messages.map(|message| (message.id, message.clone())));
        self.state.presences.insert(peer.clone(), presence.clone());
    }

    /// All that is kept apart.
    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn session(&self, peer: &Identity, generation: Generation) -> Option<&Session> {
        self.state.session(peer, generation)
    }

    /// Folds what concerns a parted peer, and what concerns all.
    pub fn see(&mut self, record: &Record, parted: &Parted) {
        let is_apart = |peer: &Identity| parted.get(peer).is_some_and(|through| record.lsn > *through);
        let subject = record.subject.peer.as_ref();
        let addressee = record.addressee();
        if !is_about_all(record) && !concerned(record).any(is_apart) {
            return;
        }
        drop(apply(&mut self.state, record));
        // Whoever lives as recorded has no place here.
        for peer in subject.into_iter().chain(addressee).filter(|peer| !parted.contains_key(peer)) {
            self.forget(peer);
        }
        self.state.keys.clear();
        self.state.keys_by_age.clear();
    }

    /// Whether `peer` stands as it would: nothing that is still to come could tell the two apart.
    pub fn is_alike(&self, peer: &Identity, would: &State) -> bool {
        let (Some(was), Some(now)) = (self.state.presences.get(peer), would.now) else {
            return !would.presences.contains_key(peer);
        };
        let Some(would_be) = would.presences.get(peer) else { return false };
        let session = |presence: &Presence| presence.session.as_ref().map(|session| session.generation);
        // Most differ by this already.
        if session(was) != session(would_be) || was.queue != would_be.queue {
            return false;
        }
        let fates = |state: &State, presence: &Presence| -> Vec<_> {
            messages_of(presence).filter(|id| !presence.dead.contains(id)).map(|id| fate(state, id, now)).collect()
        };
        // A death that counts in neither world counts for nothing.
        let window_ms = self.state.settings.crashloop_window_ms.max(would.settings.crashloop_window_ms);
        let essence = |presence| essence(presence, now, window_ms);
        essence(was).is_some_and(|was| Some(was) == essence(would_be))
            && fates(&self.state, was) == fates(would, would_be)
    }

    /// `peer` goes on as recorded, in `would` too. What was given up there stays given up.
    pub fn give(&mut self, peer: &Identity, would: &mut State) {
        let Some(mut presence) = self.state.presences.get(peer).cloned() else { return };
        let before = would.presences.get(peer);
        let dead = before.map(|before| before.dead.clone()).unwrap_or_default();
        let gone: Vec<_> = before.into_iter().flat_map(messages_of).filter(|id| !dead.contains(id)).collect();
        for id in gone {
            would.messages.remove(&id);
        }
        let kept = messages_of(&presence).filter(|id| !presence.dead.contains(id));
        would.messages.extend(kept.filter_map(|id| Some((id, self.state.messages.get(&id)?.clone()))));
        presence.dead = dead;
        would.presences.insert(peer.clone(), presence);
        self.forget(peer);
    }

    fn forget(&mut self, peer: &Identity) {
        if let Some(presence) = self.state.presences.remove(peer) {
            for id in messages_of(&presence) {
                self.state.messages.remove(&id);
            }
        }
    }
}

/// Whose life a record may change.
pub fn concerned(record: &Record) -> impl Iterator<Item = &Identity> {
    record.subject.peer.iter().chain(record.addressee()).chain(record.speaker())
}

fn is_about_all(record: &Record) -> bool {
    record.subject.peer.is_none()
        || matches!(
            &record.event,
            Event::Fact(Fact::PeerRegistered(_) | Fact::ProfileChanged(_) | Fact::ProfileUnreadable(_))
                | Event::Decision(Decision::PeerForgotten(_))
        )
}

/// Every message that an identity has a place for.
fn messages_of(presence: &Presence) -> impl Iterator<Item = MessageId> + '_ {
    let session = presence.session.iter().flat_map(|session| session.task.into_iter().chain(session.delivering));
    let placed = presence.queue.iter().chain(&presence.lost).chain(&presence.dead).chain(&presence.external_delivery);
    placed.copied().chain(session)
}

/// Of a message: where it stands, what was counted of it, and what it waits for.
type Standing = (u8, Option<Generation>, [u32; 3], bool, Option<Timestamp>);

fn fate(state: &State, id: MessageId, now: Timestamp) -> Option<Standing> {
    let message: &Message = state.messages.get(&id)?;
    let (word, generation) = match message.fate {
        Fate::Queued => (0, None),
        Fate::Delivering { generation, .. } => (1, Some(generation)),
        Fate::Delivered { generation } => (2, Some(generation)),
        Fate::Dead { .. } => (3, None),
    };
    let counts = [message.attempts, message.failures, message.unfinished];
    let retry_at = message.retry_at.filter(|at| at.since(now) > 0);
    Some((word, generation, counts, message.possible_duplicate, retry_at))
}

/// All that rules could still go by, without the moments at which it came to be. None: something is under way.
fn essence(presence: &Presence, now: Timestamp, window_ms: u64) -> Option<Presence> {
    let zero = Timestamp { wall_us: 0, awake_ms: 0, boot: BootId(0) };
    let is_ahead = |at: &Timestamp| at.since(now) > 0;
    let mut it = presence.clone();
    it.since = zero;
    it.dead.clear();
    (it.last_gate, it.last_end) = (None, None);
    it.wake_retry_at = it.wake_retry_at.filter(is_ahead);
    it.deaths.retain(|(_, at)| now.since(*at) < window_ms);
    it.deaths.iter_mut().for_each(|(lsn, _)| *lsn = Lsn::ZERO);
    for mark in it.stopped.iter_mut().chain(&mut it.refresh) {
        (mark.lsn, mark.at) = (Lsn::ZERO, zero);
    }
    if let Some(quarantine) = &mut it.quarantine {
        quarantine.lsn = Lsn::ZERO;
    }
    put_aside(&mut it.park, &mut it.died, zero);
    let under_way = !it.lost.is_empty() || !it.verbs.is_empty() || it.external_delivery.is_some();
    match &mut it.session {
        _ if under_way => return None,
        Some(session) if session.is_ending() || session.looking => return None,
        Some(session) => still(session, zero),
        None => {}
    }
    Some(it)
}

/// What of a conversation could be resumed.
fn put_aside(park: &mut Option<Park>, died: &mut Option<LastDeath>, zero: Timestamp) {
    if let Some(park) = park {
        (park.lsn, park.at, park.resume_ref) = (Lsn::ZERO, zero, any(park.resume_ref.take()));
    }
    if let Some(died) = died {
        (died.lsn, died.resume_ref) = (Lsn::ZERO, any(died.resume_ref.take()));
    }
}

fn still(session: &mut Session, zero: Timestamp) {
    if let SessionPhase::Ready { since } = &mut session.phase {
        *since = zero;
    }
    (session.last_sign, session.last_proof, session.turn_said) = (zero, None, None);
    (session.last_sign_source, session.turn_told) = (Source::Wake, None);
    (session.look_failed_at, session.screen_moved, session.transcript_moved) = (None, None, None);
    (session.person_seen, session.work_seen, session.pid, session.socket) = (None, None, None, None);
    session.turn_names = TurnNames::default();
    session.armed = session.armed.map(|_| (Lsn::ZERO, zero));
    if let Some(taken) = &mut session.taken {
        put_aside(&mut taken.park, &mut taken.died, zero);
        taken.refresh.iter_mut().for_each(|mark| (mark.lsn, mark.at) = (Lsn::ZERO, zero));
    }
    match &mut session.turn {
        Turn::Running { since: at, .. }
        | Turn::Waiting { since: at, .. }
        | Turn::Background { since: at, .. }
        | Turn::Ended { at, .. }
        | Turn::Failed { at, .. } => *at = zero,
        Turn::Unknown => {}
    }
}

/// By what a conversation would be resumed is no rule's business, only that it can be.
fn any(reference: Option<String>) -> Option<String> {
    reference.map(|_| String::new())
}
