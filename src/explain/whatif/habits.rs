//! What programs did in the record: how long things take a peer, and how they ended last. Whatever is modelled goes by it.

use std::cell::Cell;

use crate::explain::histogram::Histogram;
use crate::explain::recent::Recent;
use crate::model::delivery::{DeliveryOutcome, Proof};
use crate::model::event::{Decision, DeliveryEnded, Event, Fact, LaunchFailed};
use crate::model::id::MessageId;
use crate::model::name::Identity;
use crate::model::profile::WakePolicy;
use crate::model::record::Record;
use crate::model::session::{Ending, WakeBranch};
use crate::model::state::State;
use crate::model::time::Timestamp;

use super::work::{Over, Work, Worked};

/// Where nothing like it was ever recorded, of nobody.
const BOOT_MS: u64 = 5_000;
const DELIVERY_MS: u64 = 1_000;
const TURN_MS: u64 = 60_000;
const KILL_MS: u64 = 500;

#[derive(Debug, Default)]
pub struct Habits {
    peers: Recent<Identity, Peer>,
}

#[derive(Debug, Default)]
struct Times {
    boot: Usual,
    delivery: Usual,
    kill: Usual,
}

/// How long something usually takes.
#[derive(Debug, Default)]
struct Usual {
    all: Histogram,
    /// The median when there were so many: to find it again for one more would be most of the work.
    median: Cell<(u64, u64)>,
}

impl Usual {
    /// Once there are many, one in so many more moves the median too little to matter.
    const FEW: u64 = 32;

    fn add(&mut self, ms: u64) {
        self.all.add(ms);
    }

    /// None if it was never measured.
    fn median(&self) -> Option<u64> {
        let (then, known) = self.median.get();
        let count = self.all.count();
        if then > 0 && count - then <= then / Self::FEW {
            return Some(known);
        }
        let median = self.all.percentile(50)?;
        self.median.set((count, median));
        Some(median)
    }
}

#[derive(Debug, Default)]
struct Peer {
    times: Times,
    /// How the last boot failed; none: its box opened.
    boot: Option<(u64, NoBoot)>,
    /// How the last delivery failed; none: it was proven.
    delivery: Option<(u64, DeliveryOutcome)>,
    proof: Option<Proof>,
    woken: Option<Timestamp>,
    open: bool,
    work: Work,
}

/// A boot that comes to nothing.
#[derive(Clone, Debug)]
pub enum NoBoot {
    Failed(LaunchFailed),
    Gone(Ending),
}

impl Habits {
    /// Takes the next record as it was, before it is folded into `would`, and tells of every turn that is over with it
    /// ([`Work::see`]).
    pub fn see(&mut self, record: &Record, would: &State) -> [Option<Worked>; 2] {
        let Some(identity) = &record.subject.peer else { return [None, None] };
        match &record.event {
            Event::Decision(
                Decision::WakeDecided(_)
                | Decision::Delivered(_)
                | Decision::Armed(_)
                | Decision::Reaped(_)
                | Decision::TurnJudged(_)
                | Decision::SessionEnded(_),
            )
            | Event::Fact(
                Fact::BoxOpened(_)
                | Fact::LaunchFailed(_)
                | Fact::SessionGone(_)
                | Fact::DeliveryBegun(_)
                | Fact::DeliveryEnded(_)
                | Fact::TurnObserved(_),
            ) => {}
            _ => return [None, None],
        }
        let peer = self.peers.get_or_add(identity, Peer::default);
        peer.see(record);
        peer.work.see(record, policy_of(record, would))
    }

    pub fn boot_ms(&self, peer: &Identity) -> u64 {
        self.median(peer, |times| &times.boot, BOOT_MS)
    }

    /// How the turn on a message goes of which the record does not tell in time: as one of this peer's last ones did, else of
    /// its runtime's.
    pub fn turn(&self, peer: &Identity, message: MessageId) -> Worked {
        let own = self.peers.get(peer).and_then(|known| known.work.like(message));
        let of_runtime = || {
            let alike = self.peers.iter().filter(|(other, _)| other.runtime == peer.runtime);
            alike.filter_map(|(_, known)| known.work.like(message)).next()
        };
        let armed = Over::Rested { armed: true };
        own.or_else(of_runtime).unwrap_or(Worked { message, ms: TURN_MS, over: armed })
    }

    pub fn kill_ms(&self, peer: &Identity) -> u64 {
        self.median(peer, |times| &times.kill, KILL_MS)
    }

    /// How a boot of this peer would fail now: as its last one did, if that failed.
    pub fn no_boot(&self, peer: &Identity) -> Option<(u64, NoBoot)> {
        self.peers.get(peer)?.boot.clone()
    }

    /// How a delivery would end now, and after how long: as the last one failed, if it did.
    pub fn delivery(&self, peer: &Identity) -> (u64, DeliveryOutcome) {
        let known = self.peers.get(peer);
        let proof = known.and_then(|known| known.proof).unwrap_or(Proof::Transcript);
        known.and_then(|known| known.delivery.clone()).unwrap_or_else(|| {
            (self.median(peer, |times| &times.delivery, DELIVERY_MS), DeliveryOutcome::Proven { proof })
        })
    }

    /// Of a peer that never did it, that of all of its runtime's.
    fn median(&self, peer: &Identity, of: impl Fn(&Times) -> &Usual, otherwise: u64) -> u64 {
        let own = self.peers.get(peer).and_then(|known| of(&known.times).median());
        own.or_else(|| {
            let mut of_runtime = Histogram::default();
            let alike = self.peers.iter().filter(|(other, _)| other.runtime == peer.runtime);
            alike.for_each(|(_, known)| of_runtime.add_all(&of(&known.times).all));
            of_runtime.percentile(50)
        })
        .unwrap_or(otherwise)
    }
}

/// The policy of the session that a wake brings: that of its message, else its peer's (C3). Messages are the same in both
/// worlds, and so are profiles.
fn policy_of(record: &Record, would: &State) -> WakePolicy {
    let Event::Decision(Decision::WakeDecided(it)) = &record.event else { return WakePolicy::Persistent };
    let of_message = it.message.and_then(|id| would.messages.get(&id)).map(|message| message.policy);
    let of_worker = (it.branch == WakeBranch::Ephemeral).then_some(WakePolicy::Ephemeral);
    let peer = record.subject.peer.as_ref().and_then(|peer| would.peer(peer));
    let of_peer = peer.map(|peer| peer.registration.profile.wake_policy);
    of_message.or(of_worker).or(of_peer).unwrap_or(WakePolicy::Persistent)
}

impl Peer {
    fn see(&mut self, record: &Record) {
        let since_woken = self.woken.map_or(0, |woken| record.at.since(woken));
        match &record.event {
            Event::Decision(Decision::WakeDecided(_)) => (self.woken, self.open) = (Some(record.at), false),
            Event::Decision(Decision::SessionEnded(it)) => self.times.kill.add(it.took_ms),
            Event::Fact(Fact::BoxOpened(it)) => {
                (self.open, self.boot) = (true, None);
                self.times.boot.add(it.boot_ms);
            }
            Event::Fact(Fact::LaunchFailed(it)) => self.boot = Some((since_woken, NoBoot::Failed(it.clone()))),
            // What the machine does is no habit of a peer's.
            Event::Fact(Fact::SessionGone(it))
                if !self.open
                    && !it.found_at_start
                    && !self.work.is_ended_by_us()
                    && it.ending != Ending::MachineDown =>
            {
                self.boot = Some((since_woken, NoBoot::Gone(it.ending.clone())));
            }
            Event::Fact(Fact::DeliveryEnded(it)) => self.delivery_ended(it),
            _ => {}
        }
    }

    fn delivery_ended(&mut self, it: &DeliveryEnded) {
        match &it.outcome {
            DeliveryOutcome::Proven { proof } => {
                (self.delivery, self.proof) = (None, Some(*proof));
                self.times.delivery.add(it.took_ms);
            }
            DeliveryOutcome::Failed { .. } | DeliveryOutcome::Unproven { .. } => {
                self.delivery = Some((it.took_ms, it.outcome.clone()));
            }
            // Of its session or of this one message alone.
            DeliveryOutcome::CutOff { .. } | DeliveryOutcome::Impossible { .. } => {}
        }
    }
}
