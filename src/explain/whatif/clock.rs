//! Time between two records: what would have been due there, and what would have been heard.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::actor::Actor;
use crate::model::effect::SessionName;
use crate::model::event::{DeadlineKind, DeadlinePassed, Event, Fact, SessionGone};
use crate::model::name::Identity;
use crate::model::record::{Draft, Record, Subject};
use crate::model::session::Ending;
use crate::model::settings::Settings;
use crate::model::time::Timestamp;
use crate::policy::deadline;

use super::{NEVER, WhatIf, between, was};

/// Deadlines are asked for only once so much time has passed since something moved them: in a busy second they move all
/// the time.
const ASKED_MS: u64 = 1_000;
/// Where only a limit is another one, this part of it: no silence that has just begun is long enough so soon.
const OF_LIMIT: u64 = 60;

/// When something is due that the record has no deadline for.
#[derive(Debug, Default)]
pub struct Clock {
    dues: BTreeMap<Identity, (u64, DeadlineKind)>,
    /// Nothing is due before it.
    none_before_ms: u64,
    moved: BTreeSet<Identity>,
    /// The last one of them: the next record is mostly about the same.
    last_moved: Option<Identity>,
    since_ms: u64,
    /// For how long nobody asks, of those that have moved; none until it is needed.
    patience_ms: Option<u64>,
}

impl Clock {
    pub fn moved(&mut self, peer: &Identity, now: Option<Timestamp>) {
        if self.last_moved.as_ref() == Some(peer) {
            return;
        }
        if self.moved.is_empty() {
            self.since_ms = now.map_or(0, |now| now.awake_ms);
        }
        if !self.moved.contains(peer) {
            self.moved.insert(peer.clone());
            self.forget_patience();
        }
        self.last_moved = Some(peer.clone());
    }

    /// Who has moved, or who has parted, is another one now.
    pub fn forget_patience(&mut self) {
        self.patience_ms = None;
    }

    fn set(&mut self, peer: Identity, due: Option<(u64, DeadlineKind)>) {
        match due {
            Some(due) => {
                self.none_before_ms = self.none_before_ms.min(due.0);
                self.dues.insert(peer, due);
            }
            None => drop(self.dues.remove(&peer)),
        }
    }

    /// The first thing that is due, unless that is behind `until_ms`. Asked for at every record, and nearly always none.
    fn next(&mut self, until_ms: u64) -> Option<(u64, &Identity, DeadlineKind)> {
        if until_ms < self.none_before_ms {
            return None;
        }
        let all = self.dues.iter().map(|(peer, (at, kind))| (*at, peer, *kind));
        let first = all.min_by_key(|(at, peer, _)| (*at, *peer));
        self.none_before_ms = first.map_or(u64::MAX, |(at, ..)| at);
        first.filter(|(at, ..)| *at <= until_ms)
    }
}

fn limits(settings: &Settings) -> [u64; 3] {
    [settings.idle_ms, settings.ephemeral_quiet_ms, settings.ephemeral_unarmed_idle_ms]
}

impl WhatIf {
    /// Whether any silence would be long enough at another moment.
    fn is_clock_set(&self) -> bool {
        limits(&self.would.settings) != limits(&self.recorded)
    }

    /// How long nobody asks what is due.
    fn asked_ms(&self) -> u64 {
        if self.clock.moved.iter().any(|peer| self.parted.contains_key(peer)) {
            return ASKED_MS;
        }
        let pairs = limits(&self.would.settings).into_iter().zip(limits(&self.recorded));
        let shortest = pairs.filter(|(would, was)| would != was).map(|(would, _)| would).min();
        ASKED_MS.max(shortest.unwrap_or_default() / OF_LIMIT)
    }

    pub(super) fn all_moved(&mut self) {
        self.clock.dues.clear();
        self.clock.forget_patience();
        let peers: Vec<Identity> = self.would.presences.keys().cloned().collect();
        peers.iter().for_each(|peer| self.clock.moved(peer, self.would.now));
    }

    /// A record was folded in, so that what its peers wait for may be another thing.
    pub(super) fn moved(&mut self, record: &Record) {
        if self.parted.is_empty() && !self.is_clock_set() {
            return;
        }
        let now = self.would.now;
        was::concerned(record).for_each(|peer| self.clock.moved(peer, now));
        // What is recorded touches them as well, once it is folded into what was.
        if record.lsn.0 > NEVER {
            self.touched(record);
        }
    }

    /// Everything that would have happened before `next` and is not recorded. While no daemon decides nothing does; it
    /// happens once one does again.
    pub(super) fn pass_time(&mut self, next: &Record) {
        let starts = matches!(next.event, Event::Fact(Fact::DaemonStarted(_)));
        let Some(before) = self.would.now.filter(|now| self.serving && !starts && now.boot == next.at.boot) else {
            return;
        };
        let mut now = before;
        loop {
            self.ask_what_is_due(next.at.awake_ms);
            let due = self.clock.next(next.at.awake_ms);
            let planned = self.model.next_ms().filter(|at| *at <= next.at.awake_ms);
            match (planned, due) {
                (None, None) => return,
                (Some(planned), due) if due.is_none_or(|(at, ..)| planned <= at) => {
                    now = between(now, next.at, planned);
                    self.would.now = Some(now);
                    if let Some(draft) = self.model.take(&self.would) {
                        self.happens(draft, now);
                    }
                }
                (_, Some((at, peer, kind))) => {
                    let peer = peer.clone();
                    self.clock.dues.remove(&peer);
                    now = between(now, next.at, at);
                    self.would.now = Some(now);
                    self.happens(Draft::own(Subject::peer(&peer), None, DeadlinePassed { deadline: kind }), now);
                }
                (Some(_), None) => return,
            }
        }
    }

    fn ask_what_is_due(&mut self, until_ms: u64) {
        let waited_ms = until_ms.saturating_sub(self.clock.since_ms);
        if self.clock.moved.is_empty() || waited_ms < ASKED_MS {
            return;
        }
        let patience_ms = self.clock.patience_ms.unwrap_or_else(|| self.asked_ms());
        self.clock.patience_ms = Some(patience_ms);
        if waited_ms < patience_ms {
            return;
        }
        self.clock.last_moved = None;
        for peer in std::mem::take(&mut self.clock.moved) {
            let due = self.due(&peer);
            self.clock.set(peer, due);
        }
    }

    /// What is due for a peer and not recorded: anything, if the worlds have parted for it; else what would be earlier under
    /// the other limits. What would be later comes out when the recorded moment comes and brings nothing.
    fn due(&mut self, peer: &Identity) -> Option<(u64, DeadlineKind)> {
        let is_parted = self.parted.contains_key(peer);
        if !is_parted && !self.is_clock_set() {
            return None;
        }
        let would = deadline::next_of_peer(&self.would, peer)?;
        if !is_parted {
            std::mem::swap(&mut self.would.settings, &mut self.recorded);
            let was = deadline::next_of_peer(&self.would, peer);
            std::mem::swap(&mut self.would.settings, &mut self.recorded);
            if was.is_some_and(|was| was.at.awake_ms <= would.at.awake_ms) {
                return None;
            }
        }
        Some((would.at.awake_ms, would.kind))
    }

    /// Something happens that is not recorded.
    pub(super) fn happens(&mut self, draft: Draft, at: Timestamp) {
        let record = draft.at(self.never(), at);
        self.decide_on(&record, &[]);
    }

    /// Another start of the machine: no modelled session is left, and its clock begins anew. How long the machine was up after
    /// the last record `before` nobody knows.
    pub(super) fn machine_down(&mut self, before: Timestamp, now: Timestamp) {
        self.model.machine_down();
        let modelled = self.parted.keys().filter_map(|peer| {
            let session = self.would.presences.get(peer)?.session.as_ref()?;
            let is_recorded = self.was.session(peer, session.generation).is_some();
            (!is_recorded).then(|| (SessionName { peer: peer.clone(), generation: session.generation }, session.woken))
        });
        for (session, woken) in modelled.collect::<Vec<_>>() {
            let (ending, lived_ms) = (Ending::MachineDown, before.since(woken));
            let gone = SessionGone { ending, lived_ms, strays: 0, found_at_start: true };
            let subject = Subject::session(&session.peer, session.generation);
            self.happens(Draft { actor: Actor::Dormouse, ..Draft::own(subject, None, gone) }, now);
        }
        self.all_moved();
    }
}
