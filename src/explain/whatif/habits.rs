//! What programs did in the record: how long things take a peer, and how they ended last. Whatever is modelled goes by it.

use std::collections::BTreeMap;

use crate::explain::histogram::Histogram;
use crate::model::delivery::{DeliveryOutcome, Proof};
use crate::model::event::{Decision, Event, Fact, LaunchFailed, TurnSeen};
use crate::model::id::MessageId;
use crate::model::name::{Identity, Runtime};
use crate::model::record::Record;
use crate::model::session::{Ending, Turn};
use crate::model::time::Timestamp;

/// Where nothing like it was ever recorded, of nobody.
const BOOT_MS: u64 = 5_000;
const DELIVERY_MS: u64 = 1_000;
const TURN_MS: u64 = 60_000;
const KILL_MS: u64 = 500;

/// By peer, and by runtime for peers of which too little is known.
#[derive(Debug, Default)]
pub struct Habits {
    peers: BTreeMap<Identity, Peer>,
    runtimes: BTreeMap<Runtime, Times>,
}

#[derive(Debug, Default)]
struct Times {
    boot: Histogram,
    delivery: Histogram,
    turn: Histogram,
    kill: Histogram,
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
    armed: bool,
    ended_by_us: bool,
    /// In its turn.
    message: Option<(MessageId, Timestamp)>,
}

/// A boot that comes to nothing.
#[derive(Clone, Debug)]
pub enum NoBoot {
    Failed(LaunchFailed),
    Gone(Ending),
}

/// How the turn on a message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// It has ended; `armed`: with an answer.
    Rested { armed: bool },
    /// With its session.
    Gone { ending: Ending },
}

/// A turn that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worked {
    pub message: MessageId,
    pub ms: u64,
    pub over: Over,
}

impl Habits {
    /// Takes the next record as it was; tells of the turn that it ends.
    pub fn see(&mut self, record: &Record) -> Option<Worked> {
        let identity = record.subject.peer.as_ref()?;
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
                | Fact::DeliveryEnded(_)
                | Fact::TurnObserved(_),
            ) => {}
            _ => return None,
        }
        let peer = self.peers.entry(identity.clone()).or_default();
        let of_runtime = self.runtimes.entry(identity.runtime.clone()).or_default();
        match &record.event {
            Event::Fact(fact) => peer.fact(fact, record, of_runtime),
            Event::Decision(decision) => peer.decision(decision, record, of_runtime),
        }
    }

    pub fn boot_ms(&self, peer: &Identity) -> u64 {
        self.median(peer, |times| &times.boot, BOOT_MS)
    }

    pub fn turn_ms(&self, peer: &Identity) -> u64 {
        self.median(peer, |times| &times.turn, TURN_MS)
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

    fn median(&self, peer: &Identity, of: impl Fn(&Times) -> &Histogram, otherwise: u64) -> u64 {
        let own = self.peers.get(peer).map(|known| of(&known.times));
        let of_runtime = self.runtimes.get(&peer.runtime).map(&of);
        own.into_iter().chain(of_runtime).find_map(|times| times.percentile(50)).unwrap_or(otherwise)
    }
}

impl Peer {
    fn fact(&mut self, fact: &Fact, record: &Record, of_runtime: &mut Times) -> Option<Worked> {
        let since_woken = self.woken.map_or(0, |woken| record.at.since(woken));
        match fact {
            Fact::BoxOpened(it) => {
                (self.open, self.boot) = (true, None);
                both(&mut self.times.boot, &mut of_runtime.boot, it.boot_ms);
            }
            Fact::LaunchFailed(it) => self.boot = Some((since_woken, NoBoot::Failed(it.clone()))),
            // What the machine does is no habit of a peer's.
            Fact::SessionGone(it) if !self.ended_by_us && it.ending != Ending::MachineDown => {
                if !self.open && !it.found_at_start {
                    self.boot = Some((since_woken, NoBoot::Gone(it.ending.clone())));
                }
                return self.worked(record.at, Over::Gone { ending: it.ending.clone() }, of_runtime);
            }
            Fact::DeliveryEnded(it) => match &it.outcome {
                DeliveryOutcome::Proven { proof } => {
                    (self.delivery, self.proof) = (None, Some(*proof));
                    both(&mut self.times.delivery, &mut of_runtime.delivery, it.took_ms);
                }
                DeliveryOutcome::Failed { .. } | DeliveryOutcome::Unproven { .. } => {
                    self.delivery = Some((it.took_ms, it.outcome.clone()));
                }
                // Of its session or of this one message alone.
                DeliveryOutcome::CutOff { .. } | DeliveryOutcome::Impossible { .. } => {}
            },
            Fact::TurnObserved(it) => match it.turn {
                TurnSeen::Ended | TurnSeen::Idle | TurnSeen::Failed { .. } | TurnSeen::Background { .. } => {
                    return self.rested(record.at, of_runtime);
                }
                TurnSeen::Running | TurnSeen::Waiting { .. } | TurnSeen::Alive => {}
            },
            _ => {}
        }
        None
    }

    fn decision(&mut self, decision: &Decision, record: &Record, of_runtime: &mut Times) -> Option<Worked> {
        match decision {
            Decision::WakeDecided(_) => {
                self.woken = Some(record.at);
                (self.open, self.armed, self.ended_by_us, self.message) = (false, false, false, None);
            }
            Decision::Delivered(_) => {
                self.message = record.subject.message.map(|message| (message, record.at));
                self.armed = false;
            }
            Decision::Armed(_) => self.armed = true,
            Decision::TurnJudged(it) => {
                if let Turn::Ended { at, .. } = it.turn {
                    return self.rested(at, of_runtime);
                }
            }
            // What it was at is over, whatever it was.
            Decision::Reaped(_) => {
                self.ended_by_us = true;
                return self.rested(record.at, of_runtime);
            }
            Decision::SessionEnded(it) => both(&mut self.times.kill, &mut of_runtime.kill, it.took_ms),
            _ => {}
        }
        None
    }

    fn rested(&mut self, at: Timestamp, of_runtime: &mut Times) -> Option<Worked> {
        let armed = self.armed;
        self.worked(at, Over::Rested { armed }, of_runtime)
    }

    fn worked(&mut self, at: Timestamp, over: Over, of_runtime: &mut Times) -> Option<Worked> {
        let (message, since) = self.message.take()?;
        let ms = at.since(since);
        if matches!(over, Over::Rested { .. }) {
            both(&mut self.times.turn, &mut of_runtime.turn, ms);
        }
        Some(Worked { message, ms, over })
    }
}

fn both(own: &mut Histogram, of_runtime: &mut Histogram, ms: u64) {
    own.add(ms);
    of_runtime.add(ms);
}
