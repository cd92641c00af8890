//! `whatif`: the same history, decided under other settings.
//!
//! Two worlds are gone through side by side: the one that is recorded, and the one that would have been. What was asked from
//! outside (messages, operators' words, time itself) comes to both as it is recorded. A peer is replayed from the record for
//! as long as every decision about it comes out as it is recorded; from the first one that does not, the two worlds have
//! *parted* for this peer. Then what is recorded of a session still counts for the very same session, if it would have
//! lived; any other session is *modelled* (`model`) by what the record tells of this peer's own boots, deliveries, turns
//! and ends (`habits`). Once the peer stands in both worlds alike again, it goes on as recorded (`was`). Other peers
//! are replayed all the while, unless what parted peers do changes a decision about them.
//!
//! Everything is streamed: what is kept grows with peers and waiting messages, not with history.

mod clock;
mod decide;
mod figures;
mod habits;
mod model;
mod report;
mod same;
mod was;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use crate::model::event::{Decision, Event, Fact};
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::name_map::NameMap;
use crate::model::record::Record;
use crate::model::settings::Settings;
use crate::model::state::State;
use crate::model::time::Timestamp;
use crate::reducer::apply;

use clock::Clock;
pub use figures::Figures;
use figures::Tally;
use habits::Habits;
use model::Model;
pub use report::{Difference, PeerReport, Report, World};
use was::Was;

/// The settings that hold throughout, whatever is recorded; every other one holds as it did.
#[derive(Clone)]
pub struct Policy(Rc<dyn Fn(&mut Settings)>);

impl Policy {
    pub fn new(hold: impl Fn(&mut Settings) + 'static) -> Self {
        Self(Rc::new(hold))
    }

    fn over(&self, recorded: &Settings) -> Settings {
        let mut settings = recorded.clone();
        (self.0)(&mut settings);
        settings
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Policy").field(&self.over(&Settings::default())).finish()
    }
}

/// Peers, each with a place in the record.
type Parted = NameMap<Identity, Lsn>;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    pub policy: Policy,
    /// A session that was reaped as idle and whose peer is woken again within this was reaped in vain.
    pub again_within_ms: u64,
    /// As many differences are kept to be listed; all are counted.
    pub listed_max: usize,
}

/// Takes a history group by group, oldest first.
#[derive(Debug)]
pub struct WhatIf {
    question: Question,
    /// The world that would have been. Records that are in both worlds have their own places in it, and others places
    /// behind all of them.
    would: State,
    /// Those that are recorded, now and ever.
    recorded: Settings,
    held: Vec<Settings>,
    /// For whom the two worlds have parted, with the last record that is folded into what it was.
    parted: Parted,
    was: Was,
    ever_parted: BTreeMap<Identity, Lsn>,
    /// Parted peers of which something has happened in either world.
    touched: Vec<Identity>,
    habits: Habits,
    model: Model,
    clock: Clock,
    /// A daemon has looked at the world and decides.
    serving: bool,
    tallies: [Tally; 2],
    differences: Vec<Difference>,
    counted: u64,
    by_rules: u64,
    decisions: u64,
    first: Lsn,
    seen: Lsn,
    modelled: u64,
}

impl WhatIf {
    /// Goes on from what the records before have made.
    pub fn from(state: State, question: Question) -> Self {
        let recorded = state.settings.clone();
        let mut would = state;
        would.settings = question.policy.over(&recorded);
        let mut this = Self {
            held: vec![recorded.clone()],
            was: Was::of(&would),
            first: would.lsn.next(),
            seen: would.lsn,
            // Of a history without any daemon in it one always decides.
            serving: would.daemon.as_ref().is_none_or(|daemon| daemon.running),
            tallies: [Tally::from(&would), Tally::from(&would)],
            question,
            would,
            recorded,
            parted: Parted::default(),
            ever_parted: BTreeMap::new(),
            touched: Vec::new(),
            habits: Habits::default(),
            model: Model::default(),
            clock: Clock::default(),
            differences: Vec::new(),
            counted: 0,
            by_rules: 0,
            decisions: 0,
            modelled: 0,
        };
        this.was.set_settings(&this.recorded);
        this.all_moved();
        this
    }

    /// Takes the next group: a fact and what followed from it.
    pub fn see(&mut self, group: &[Record]) {
        let Some((first, decisions)) = group.split_first() else { return };
        match &first.event {
            Event::Fact(fact) => self.go_through(fact, first, decisions),
            // The beginning of its group was cut off, so that nobody can say what it followed from.
            Event::Decision(_) => group.iter().for_each(|record| self.take_as_recorded(record)),
        }
        self.seen = group.last().map_or(self.seen, |last| last.lsn);
    }

    /// What came of it.
    pub fn finish(self) -> Report {
        let end = self.would.now;
        let have_queues = self.would.presences.iter().filter(|(_, presence)| !presence.queue.is_empty());
        let have_queues = have_queues.map(|(peer, _)| peer).chain(self.was.state().presences.keys());
        let names: BTreeSet<&Identity> = self.tallies.iter().flat_map(Tally::names).chain(have_queues).collect();
        let peers = names.into_iter().map(|peer| {
            // Whoever lives as recorded has the same queue in both worlds.
            let recorded = if self.parted.contains_key(peer) { self.was.state() } else { &self.would };
            PeerReport {
                peer: peer.clone(),
                parted: self.ever_parted.get(peer).copied(),
                recorded: self.tallies[0].of(peer, end).with_waiting(recorded, peer, end),
                whatif: self.tallies[1].of(peer, end).with_waiting(&self.would, peer, end),
            }
        });
        let peers: Vec<PeerReport> = peers.collect();
        Report {
            first: self.first,
            last: self.seen,
            decisions: self.decisions,
            again_within_ms: self.question.again_within_ms,
            recorded: self.tallies[0].total(end).with_all_waiting(peers.iter().map(|it| &it.recorded)),
            whatif: self.tallies[1].total(end).with_all_waiting(peers.iter().map(|it| &it.whatif)),
            peers,
            held: self.held,
            differences: self.counted,
            listed: self.differences,
            by_rules: self.by_rules,
        }
    }

    fn take_as_recorded(&mut self, record: &Record) {
        for tally in &mut self.tallies {
            tally.passes(record.at);
            tally.see(record, self.question.again_within_ms);
        }
        drop(apply(&mut self.would, record));
        self.moved(record);
    }

    fn go_through(&mut self, fact: &Fact, first: &Record, decisions: &[Record]) {
        self.decisions += decisions.len() as u64;
        let before = self.would.now;
        self.tallies.iter_mut().for_each(|tally| tally.passes(first.at));
        self.pass_time(first);
        self.would.now = Some(first.at);
        std::iter::once(first).chain(decisions).for_each(|record| self.note(record));
        match fact {
            Fact::SettingsChanged(it) => self.settings_change(first, it, decisions),
            _ if self.comes_to_both(fact, first) => self.decide_on(first, decisions),
            _ => self.none_of_these(first, decisions),
        }
        match fact {
            Fact::DaemonStarted(_) => {
                self.serving = false;
                if let Some(before) = before.filter(|before| before.boot != first.at.boot) {
                    self.machine_down(before, first.at);
                }
            }
            Fact::DaemonReady(_) => self.serving = true,
            Fact::DaemonStopped(_) => self.serving = false,
            _ => {}
        }
        self.see_as_it_was(first, decisions);
        self.meet_again();
    }

    /// What the record tells of how long things take, and how much there was of them.
    fn note(&mut self, record: &Record) {
        self.tallies[0].see(record, self.question.again_within_ms);
        let worked = self.habits.see(record, &self.would);
        if self.parted.is_empty() {
            return;
        }
        if let (Event::Decision(Decision::Delivered(_)), Some(peer), Some(message)) =
            (&record.event, &record.subject.peer, record.subject.message)
            && self.parted.contains_key(peer)
        {
            self.model.was_delivered(peer, message, &self.would);
        }
        for worked in worked.into_iter().flatten() {
            self.model.worked(worked, &self.would);
        }
    }

    fn see_as_it_was(&mut self, first: &Record, decisions: &[Record]) {
        for record in std::iter::once(first).chain(decisions) {
            self.was.see(record, &self.parted);
            if self.parted.is_empty() {
                continue;
            }
            self.touched(record);
        }
    }

    fn touched(&mut self, record: &Record) {
        was::concerned(record).for_each(|peer| {
            if !self.touched.contains(peer) && self.parted.contains_key(peer) {
                self.touched.push(peer.clone());
            }
        });
    }

    /// Peers that stand in both worlds alike go on as recorded.
    fn meet_again(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        for peer in touched.drain(..) {
            if self.parted.contains_key(&peer) && self.was.is_alike(&peer, &self.would) {
                self.was.give(&peer, &mut self.would);
                self.model.forget(&peer);
                self.parted.remove(&peer);
                self.clock.moved(&peer, self.would.now);
                self.clock.forget_patience();
            }
        }
        self.touched = touched;
    }
}

/// Where a record that was never made stands in the world that would have been: behind all that were.
const NEVER: u64 = 1 << 62;

/// At a moment between two records. Clocks that say anything at all are no reason to panic.
fn between(now: Timestamp, next: Timestamp, awake_ms: u64) -> Timestamp {
    let awake_ms = awake_ms.max(now.awake_ms);
    let wall_us = now.wall_us.saturating_add((awake_ms - now.awake_ms).saturating_mul(1_000));
    let wall_us = if next.wall_us >= now.wall_us { wall_us.min(next.wall_us) } else { wall_us };
    Timestamp { wall_us, awake_ms, boot: now.boot }
}
