//! What is compared: how much of what there was, and how much there would have been.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::explain::histogram::{Histogram, Spread};
use crate::explain::recent::Recent;
use crate::model::event::{Decision, Event};
use crate::model::message::{Fate, Message, Purpose};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::ReapReason;
use crate::model::state::State;
use crate::model::time::{BootId, Timestamp};

/// One world's figures of one peer, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    pub wakes: u64,
    pub wakes_failed: u64,
    /// By reason.
    pub reaps: BTreeMap<&'static str, u64>,
    /// Reaped as idle, and woken again soon after.
    pub false_reaps: u64,
    pub deaths: u64,
    pub quarantines: u64,
    /// From each wake to its session's end, or to the end of what was looked at. Of a session that went down with the machine
    /// nobody knows more than the last record before: it lived up to there at least.
    pub session_ms: u64,
    /// Messages that were given up.
    pub dead: u64,
    /// From acceptance to proof, of those that were proven.
    pub waited_ms: Spread,
    /// Messages that had not been by the end, and for how long the first of them had waited then: no percentile knows of them.
    pub waiting: u64,
    pub waiting_ms_max: u64,
}

/// Figures in the making.
#[derive(Debug, Default)]
pub struct Tally {
    peers: Recent<Identity, Peer>,
    now: Option<Timestamp>,
    /// When each start of the machine but the present one was last heard of.
    boots: BTreeMap<BootId, Timestamp>,
}

#[derive(Debug, Default)]
struct Peer {
    so_far: Figures,
    waited: Histogram,
    woken: Option<Timestamp>,
    idle_reap: Option<Timestamp>,
}

impl Tally {
    /// Goes on from a state; what was before does not count.
    pub fn from(state: &State) -> Self {
        let mut peers = Recent::<Identity, Peer>::default();
        for (peer, _) in state.presences.iter().filter(|(_, presence)| presence.session.is_some()) {
            peers.get_or_add(peer, || Peer { woken: state.now, ..Peer::default() });
        }
        Self { peers, now: state.now, boots: BTreeMap::new() }
    }

    /// Time has come to `now`, which every record shows, whether it counts or not.
    pub fn passes(&mut self, now: Timestamp) {
        let before = self.now.replace(now).filter(|before| before.boot != now.boot);
        self.boots.extend(before.map(|before| (before.boot, before)));
    }

    pub fn see(&mut self, record: &Record, again_within_ms: u64) {
        let (Event::Decision(decision), Some(identity)) = (&record.event, &record.subject.peer) else { return };
        let counts = matches!(
            decision,
            Decision::WakeDecided(_)
                | Decision::WakeFailed(_)
                | Decision::Reaped(_)
                | Decision::SessionDied(_)
                | Decision::SessionFinished(_)
                | Decision::SessionEnded(_)
                | Decision::Quarantined(_)
                | Decision::MessageDead(_)
                | Decision::Delivered(_)
        );
        if !counts {
            return;
        }
        let peer = self.peers.get_or_add(identity, Peer::default);
        let at = lived_to(&self.boots, peer.woken, record.at);
        match decision {
            Decision::WakeDecided(_) => peer.woken(record.at, again_within_ms),
            Decision::WakeFailed(it) => {
                peer.so_far.wakes_failed += 1;
                if !it.left_session {
                    peer.gone(at);
                }
            }
            Decision::Reaped(it) => peer.reaped(&it.reason, record.at),
            Decision::SessionDied(_) => {
                peer.so_far.deaths += 1;
                peer.gone(at);
            }
            Decision::Quarantined(_) => peer.so_far.quarantines += 1,
            Decision::MessageDead(_) => peer.so_far.dead += 1,
            Decision::Delivered(it) => peer.waited.add(it.waited_ms),
            _ => peer.gone(at),
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &Identity> {
        self.peers.iter().map(|(peer, _)| peer)
    }

    /// What there was of one peer up to `end`.
    pub fn of(&self, peer: &Identity, end: Option<Timestamp>) -> Figures {
        self.peers.get(peer).map(|peer| peer.up_to(self.lived_to(peer, end))).unwrap_or_default()
    }

    pub fn total(&self, end: Option<Timestamp>) -> Figures {
        let mut waited = Histogram::default();
        let mut total = Figures::default();
        for (_, peer) in self.peers.iter() {
            waited.add_all(&peer.waited);
            total.add(&peer.up_to(self.lived_to(peer, end)));
        }
        Figures { waited_ms: waited.spread(), ..total }
    }

    fn lived_to(&self, peer: &Peer, end: Option<Timestamp>) -> Option<Timestamp> {
        end.map(|end| lived_to(&self.boots, peer.woken, end))
    }
}

/// How far a session that was woken then has lived by `at`: not beyond what is known of its own start of the machine.
fn lived_to(boots: &BTreeMap<BootId, Timestamp>, woken: Option<Timestamp>, at: Timestamp) -> Timestamp {
    let other = woken.filter(|woken| woken.boot != at.boot);
    other.map_or(at, |woken| boots.get(&woken.boot).copied().unwrap_or(woken))
}

impl Peer {
    fn woken(&mut self, at: Timestamp, again_within_ms: u64) {
        self.so_far.wakes += 1;
        self.woken = Some(at);
        let again = self.idle_reap.take().is_some_and(|reaped| at.since(reaped) <= again_within_ms);
        self.so_far.false_reaps += u64::from(again);
    }

    fn reaped(&mut self, reason: &ReapReason, at: Timestamp) {
        *self.so_far.reaps.entry(reason.word()).or_default() += 1;
        self.idle_reap = matches!(reason, ReapReason::Idle { .. }).then_some(at);
    }

    fn gone(&mut self, at: Timestamp) {
        self.so_far.session_ms += self.woken.take().map_or(0, |woken| at.since(woken));
    }

    fn up_to(&self, end: Option<Timestamp>) -> Figures {
        let live_ms = self.woken.zip(end).map_or(0, |(woken, end)| end.since(woken));
        let session_ms = self.so_far.session_ms + live_ms;
        Figures { session_ms, waited_ms: self.waited.spread(), ..self.so_far.clone() }
    }
}

impl Figures {
    pub fn reaped(&self) -> u64 {
        self.reaps.values().sum()
    }

    fn add(&mut self, other: &Figures) {
        self.wakes += other.wakes;
        self.wakes_failed += other.wakes_failed;
        for (reason, times) in &other.reaps {
            *self.reaps.entry(reason).or_default() += times;
        }
        self.false_reaps += other.false_reaps;
        self.deaths += other.deaths;
        self.quarantines += other.quarantines;
        self.session_ms += other.session_ms;
        self.dead += other.dead;
    }

    fn wait(&mut self, other: &Figures) {
        self.waiting += other.waiting;
        self.waiting_ms_max = self.waiting_ms_max.max(other.waiting_ms_max);
    }

    /// With what waits for `peer` in `state` at the `end`.
    pub fn with_waiting(self, state: &State, peer: &Identity, end: Option<Timestamp>) -> Self {
        let queue = state.presences.get(peer).map(|presence| &presence.queue);
        let messages = queue.into_iter().flatten().filter_map(|id| state.messages.get(id));
        let waits =
            |it: &&Message| it.purpose == Purpose::Message && matches!(it.fate, Fate::Queued | Fate::Delivering { .. });
        let since = messages.filter(waits).filter_map(|it| Some(end?.since(it.accepted_at)));
        let (waiting, longest_ms) = since.fold((0, 0), |(n, longest_ms), ms| (n + 1, ms.max(longest_ms)));
        Self { waiting, waiting_ms_max: longest_ms, ..self }
    }

    /// Of all of them.
    pub fn with_all_waiting<'a>(self, peers: impl Iterator<Item = &'a Figures>) -> Self {
        peers.fold(self, |mut total, peer| {
            total.wait(peer);
            total
        })
    }
}
