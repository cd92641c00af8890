//! What stands behind the records of a whole history, told as it goes by: nothing is asked for twice.

use std::collections::{BTreeMap, VecDeque};

use super::background::{
    Behind, LOOKED_AT_MAX, NEWEST, QUEUE, REGISTERED, SLOTS, TRIED, begins_to_wait, behind, has_failed, is_retry,
};
use super::sign;
use crate::model::event::{Decision, Event, Fact};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::name::{Identity, Personality};
use crate::model::record::Record;

/// As [`super::chain()`] asks a source for it, record by record from the oldest on.
#[derive(Debug, Default)]
pub struct Trail {
    accepted: BTreeMap<MessageId, Lsn>,
    newest: BTreeMap<(Identity, &'static str), Lsn>,
    tried: BTreeMap<MessageId, Lsn>,
    registered: BTreeMap<Personality, Lsn>,
    runtimes: Option<Lsn>,
    retry: Option<Lsn>,
    /// The newest session of each peer, and what told of it, oldest first.
    sessions: BTreeMap<Identity, VecDeque<Record>>,
    /// In the order in which they began to wait.
    waiting: BTreeMap<Identity, Vec<(MessageId, Lsn)>>,
    slots: Vec<Slot>,
    /// Whether its last wake failed.
    failed: BTreeMap<Identity, bool>,
}

/// A boot slot that is taken.
#[derive(Debug)]
struct Slot {
    wake: Lsn,
    /// The wake before had failed.
    after_failure: bool,
}

impl Trail {
    /// What explains `record`, which follows the last one, beyond what it links to.
    pub fn see(&mut self, record: &Record) -> Vec<Lsn> {
        let found = behind(record).into_iter().flat_map(|behind| self.found(record, behind)).collect();
        self.note(record);
        found
    }

    fn found(&self, record: &Record, behind: Behind) -> Vec<Lsn> {
        let Some(peer) = &record.subject.peer else { return Vec::new() };
        let found = match behind {
            Behind::At(lsn) => Some(lsn),
            Behind::Accepted(message) => self.accepted.get(&message).copied(),
            Behind::AfterADelay(_) if record.cause.is_none() || record.cause != self.retry => None,
            Behind::Newest(kinds) | Behind::AfterADelay(kinds) => {
                kinds.iter().filter_map(|kind| self.newest.get(&(peer.clone(), kind)).copied()).max()
            }
            Behind::Start => {
                let newest = |kind| self.newest.get(&(peer.clone(), kind)).copied();
                newest("stop_cleared").filter(|cleared| Some(*cleared) > newest("wake_decided"))
            }
            Behind::OfMessage(_, message) => self.tried.get(&message).copied(),
            Behind::Sign(silence) => {
                let told = self.of_session(record).take_while(|it| silence.may_begin_before(it));
                let signs = told.filter(|it| silence.begins_with(it)).collect();
                return sign::told(signs, |it| *it).into_iter().map(|it| it.lsn).collect();
            }
            Behind::Word(why) => self.of_session(record).find(|it| sign::keeps(it, why)).map(|it| it.lsn),
            Behind::Waiting => self.waiting.get(peer).and_then(|waiting| waiting.last()).map(|(_, lsn)| *lsn),
            Behind::Slots(Some(taken)) => {
                return self.slots.iter().rev().take(taken as usize).map(|slot| slot.wake).collect();
            }
            Behind::Slots(None) => self.slots.iter().rfind(|slot| slot.after_failure).map(|slot| slot.wake),
            Behind::Registered => self.registered.get(&peer.personality).copied(),
            Behind::Runtimes => self.runtimes,
        };
        found.into_iter().collect()
    }

    /// What told of the record's session so far, newest first.
    fn of_session(&self, record: &Record) -> impl Iterator<Item = &Record> {
        let told = record.subject.peer.as_ref().and_then(|peer| self.sessions.get(peer));
        let generation = record.subject.generation.map(|generation| generation.0);
        let told = told.filter(|told| told.front().is_some_and(|wake| Some(wake.lsn) == generation));
        told.into_iter().flat_map(|told| told.iter().rev())
    }

    fn note(&mut self, record: &Record) {
        let kind = record.event.kind().name;
        match &record.event {
            Event::Fact(Fact::MessageAccepted(_)) => {
                self.accepted.extend(record.subject.message.map(|message| (message, record.lsn)));
            }
            Event::Fact(Fact::RuntimesChanged(_)) => self.runtimes = Some(record.lsn),
            _ if is_retry(record) => self.retry = Some(record.lsn),
            _ => {}
        }
        if let Some(message) = record.subject.message.filter(|_| TRIED.contains(&kind)) {
            self.tried.insert(message, record.lsn);
        }
        if SLOTS.contains(&kind) {
            self.note_slot(record);
        }
        if sign::KINDS.contains(&kind) {
            self.note_sign(record);
        }
        let Some(peer) = &record.subject.peer else { return };
        if NEWEST.contains(&kind) {
            self.newest.insert((peer.clone(), kind), record.lsn);
        }
        if REGISTERED.contains(&kind) {
            self.registered.insert(peer.personality.clone(), record.lsn);
        }
        if let Some(message) = record.subject.message.filter(|_| QUEUE.contains(&kind)) {
            let waiting = self.waiting.entry(peer.clone()).or_default();
            waiting.retain(|(id, _)| *id != message);
            waiting.extend(begins_to_wait(record).then_some((message, record.lsn)));
        }
    }

    fn note_slot(&mut self, record: &Record) {
        let peer = record.subject.peer.clone();
        match &record.event {
            Event::Decision(Decision::WakeDecided(_)) => {
                let after_failure = peer.is_some_and(|peer| self.failed.get(&peer).copied().unwrap_or_default());
                self.slots.push(Slot { wake: record.lsn, after_failure });
            }
            event => {
                let generation = record.subject.generation;
                self.slots.retain(|slot| Some(Generation(slot.wake)) != generation);
                if let (Event::Decision(Decision::WakeFailed(_)), Some(peer)) = (event, peer) {
                    self.failed.insert(peer, has_failed(record));
                }
            }
        }
    }

    fn note_sign(&mut self, record: &Record) {
        let peer = sign::session_of(record).map_or(record.subject.peer.as_ref(), |(peer, _)| Some(peer));
        let Some(peer) = peer.cloned() else { return };
        match &record.event {
            Event::Decision(Decision::WakeDecided(_)) => drop(self.sessions.insert(peer, [record.clone()].into())),
            event => {
                if matches!(event, Event::Decision(Decision::SessionReady(_))) {
                    self.failed.insert(peer.clone(), false);
                }
                let Some(told) = self.sessions.get_mut(&peer) else { return };
                let generation = told.front().map(|wake| Generation(wake.lsn));
                if generation.is_some_and(|generation| sign::is_of(record, &peer, generation)) {
                    if told.len() > LOOKED_AT_MAX {
                        told.remove(1);
                    }
                    told.push_back(without_text(record));
                }
            }
        }
    }
}

/// Nobody asks what was said.
fn without_text(record: &Record) -> Record {
    let mut record = record.clone();
    if let Event::Fact(Fact::MessageAccepted(it)) = &mut record.event {
        it.text = String::new();
    }
    record
}
