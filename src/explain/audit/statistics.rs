//! What happened, counted: in bounded memory, whatever the history's length.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::explain::histogram::{Histogram, Spread};
use crate::explain::recent::Recent;
use crate::model::event::{CallRefused, Decision, Event, Fact, KINDS, TurnSeen, place_of};
use crate::model::name::{Identity, Runtime};
use crate::model::record::Record;
use crate::model::session::{Ending, ReapReason, Turn, WakeBranch, WakeMode};
use crate::model::time::Timestamp;

/// Woken again so soon after it was reaped as idle, a session was reaped in vain.
pub const AGAIN_WITHIN_MS: u64 = 600_000;

/// Counts and spreads over the whole history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Records of each kind that occurred.
    pub kinds: BTreeMap<&'static str, u64>,
    pub wakes: Wakes,
    /// By the line of C17 that decided fresh or resumed.
    pub wakes_by_branch: BTreeMap<WakeBranch, u64>,
    /// By reason.
    pub reaps: BTreeMap<&'static str, u64>,
    /// Reaped as idle, and woken again within this.
    pub false_reaps: u64,
    pub again_within_ms: u64,
    /// By ending: `code 1`, `signal 9`, …
    pub deaths: BTreeMap<String, u64>,
    /// Messages, verbs and calls, by the rule that each refusal named.
    pub refusals: BTreeMap<String, u64>,
    /// Deliveries that were marked as possible duplicates.
    pub possible_duplicates: u64,
    pub turns: Turns,
    pub unknown: Unknown,
    /// From acceptance to proof.
    pub accepted_to_delivered_ms: Spread,
    /// From the launch to the open input box.
    pub boot_ms: Spread,
    pub boot_ms_by_runtime: BTreeMap<Runtime, Spread>,
    /// From the wake's decision to ready.
    pub wake_ms: Spread,
    /// From the decision to end a session to its verified end.
    pub kill_ms: Spread,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wakes {
    pub fresh: u64,
    pub resumed: u64,
    pub failed: u64,
}

/// Turns that ended: by the program's own word, or judged by silence (C46a).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Turns {
    pub known: u64,
    pub judged: u64,
}

/// Time of which nothing can be claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// From a daemon's last record to when the next one had looked at the world.
    pub no_daemon_ms: u64,
    /// Of all sessions: from a question that could not be answered to the next thing seen of it (C43).
    pub not_known_ms: u64,
    /// Such questions.
    pub not_known: u64,
}

/// Statistics in the making.
#[derive(Debug)]
pub struct Counts {
    so_far: Statistics,
    delivered: Histogram,
    boot: BTreeMap<Runtime, Histogram>,
    wake: Histogram,
    kill: Histogram,
    /// In the order of [`KINDS`].
    kinds: [u64; KINDS.len()],
    peers: Recent<Identity, Peer>,
    /// Of the daemon that is gone, or is not there yet.
    last_heard: Option<Timestamp>,
    last: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Peer {
    idle_reap: Option<Timestamp>,
    /// A turn runs, or was submitted.
    in_turn: bool,
    not_known: Option<Timestamp>,
}

impl Default for Counts {
    fn default() -> Self {
        Self::again_within(AGAIN_WITHIN_MS)
    }
}

impl Counts {
    pub fn again_within(again_within_ms: u64) -> Self {
        Self {
            so_far: Statistics { again_within_ms, ..Statistics::default() },
            delivered: Histogram::default(),
            boot: BTreeMap::new(),
            wake: Histogram::default(),
            kill: Histogram::default(),
            kinds: [0; KINDS.len()],
            peers: Recent::default(),
            last_heard: None,
            last: None,
        }
    }

    pub fn see(&mut self, record: &Record) {
        if let Some(place) = place_of(record.event.kind().number) {
            self.kinds[place] += 1;
        }
        match &record.event {
            Event::Fact(fact) => self.fact(fact, record),
            Event::Decision(decision) => self.decision(decision, record),
        }
        self.last = Some(record.at);
    }

    fn fact(&mut self, fact: &Fact, record: &Record) {
        match fact {
            Fact::DaemonStarted(_) => self.last_heard = self.last_heard.or(self.last),
            Fact::DaemonStopped(_) => self.last_heard = Some(record.at),
            Fact::DaemonReady(_) => {
                let gone = self.last_heard.take().map_or(0, |heard| record.at.since(heard));
                self.so_far.unknown.no_daemon_ms += gone;
            }
            Fact::MessageRefused(it) => self.refused(&it.rule, 1),
            Fact::RequestRefused(it) => self.refused(&it.rule, 1),
            Fact::CallRefused(CallRefused { rule, times, .. }) => self.refused(rule, u64::from(*times)),
            Fact::BoxOpened(it) => {
                if let Some(peer) = &record.subject.peer {
                    self.boot.entry(peer.runtime.clone()).or_default().add(it.boot_ms);
                }
                self.seen(record);
            }
            Fact::SessionNotKnown(_) => {
                self.so_far.unknown.not_known += 1;
                if let Some(peer) = self.peer(record) {
                    peer.not_known.get_or_insert(record.at);
                }
            }
            Fact::TurnObserved(it) => {
                self.seen(record);
                self.turn(&it.turn, record);
            }
            Fact::SessionLooked(_)
            | Fact::SessionAdopted(_)
            | Fact::SessionGone(_)
            | Fact::DeliveryEnded(_)
            | Fact::PromptTaken(_) => self.seen(record),
            _ => {}
        }
    }

    fn decision(&mut self, decision: &Decision, record: &Record) {
        let so_far = &mut self.so_far;
        match decision {
            Decision::WakeDecided(it) => {
                match it.mode {
                    WakeMode::Fresh => so_far.wakes.fresh += 1,
                    WakeMode::Resumed { .. } => so_far.wakes.resumed += 1,
                }
                *so_far.wakes_by_branch.entry(it.branch).or_default() += 1;
                self.woken(record);
            }
            Decision::WakeFailed(_) => so_far.wakes.failed += 1,
            Decision::SessionReady(it) => self.wake.add(it.wake_ms),
            Decision::Reaped(it) => {
                *so_far.reaps.entry(it.reason.word()).or_default() += 1;
                let idle = matches!(it.reason, ReapReason::Idle { .. });
                if let Some(peer) = self.peer(record) {
                    peer.idle_reap = idle.then_some(record.at);
                }
            }
            Decision::SessionDied(it) => *so_far.deaths.entry(ending(&it.ending)).or_default() += 1,
            Decision::SessionEnded(it) => self.kill.add(it.took_ms),
            Decision::Delivered(it) => {
                so_far.possible_duplicates += u64::from(it.possible_duplicate);
                self.delivered.add(it.waited_ms);
                if let Some(peer) = self.peer(record) {
                    peer.in_turn = true;
                }
            }
            Decision::TurnJudged(it) => {
                let ended = matches!(it.turn, Turn::Ended { .. });
                if let Some(peer) = self.peer(record).filter(|_| ended) {
                    peer.in_turn = false;
                    self.so_far.turns.judged += 1;
                }
            }
            _ => {}
        }
    }

    pub fn finish(self) -> Statistics {
        let mut boots = Histogram::default();
        self.boot.values().for_each(|boot| boots.add_all(boot));
        Statistics {
            accepted_to_delivered_ms: self.delivered.spread(),
            boot_ms: boots.spread(),
            boot_ms_by_runtime: self.boot.iter().map(|(runtime, boot)| (runtime.clone(), boot.spread())).collect(),
            wake_ms: self.wake.spread(),
            kill_ms: self.kill.spread(),
            kinds: KINDS.iter().map(|kind| kind.name).zip(self.kinds).filter(|(_, count)| *count > 0).collect(),
            ..self.so_far
        }
    }

    fn peer(&mut self, record: &Record) -> Option<&mut Peer> {
        let identity = record.subject.peer.as_ref()?;
        Some(self.peers.get_or_add(identity, Peer::default))
    }

    fn refused(&mut self, rule: &str, times: u64) {
        match self.so_far.refusals.get_mut(rule) {
            Some(known) => *known += times,
            None => drop(self.so_far.refusals.insert(rule.to_owned(), times)),
        }
    }

    /// Somebody can say something of this session again.
    fn seen(&mut self, record: &Record) {
        let since = self.peer(record).and_then(|peer| peer.not_known.take());
        self.so_far.unknown.not_known_ms += since.map_or(0, |since| record.at.since(since));
    }

    fn turn(&mut self, turn: &TurnSeen, record: &Record) {
        let Some(peer) = self.peer(record) else { return };
        let ended = match turn {
            TurnSeen::Running | TurnSeen::Waiting { .. } => {
                peer.in_turn = true;
                false
            }
            TurnSeen::Ended | TurnSeen::Idle | TurnSeen::Failed { .. } | TurnSeen::Background { .. } => {
                std::mem::take(&mut peer.in_turn)
            }
            TurnSeen::Alive => false,
        };
        self.so_far.turns.known += u64::from(ended);
    }

    /// C45, C47: what is woken again soon need not have been reaped.
    fn woken(&mut self, record: &Record) {
        let within_ms = self.so_far.again_within_ms;
        let Some(peer) = self.peer(record) else { return };
        (peer.in_turn, peer.not_known) = (false, None);
        let again = peer.idle_reap.take().is_some_and(|reaped| record.at.since(reaped) <= within_ms);
        self.so_far.false_reaps += u64::from(again);
    }
}

/// Without the words that differ each time, so that equal endings count together.
fn ending(ending: &Ending) -> String {
    match ending {
        Ending::Code { code } => format!("code {code}"),
        Ending::Signal { signal } => format!("signal {signal}"),
        Ending::ExecFailed { errno, .. } => format!("exec failed, errno {errno}"),
        Ending::TerminalLost { .. } => "terminal lost".to_owned(),
        Ending::NeverStarted => "never started".to_owned(),
        Ending::MachineDown => "machine down".to_owned(),
        Ending::NotKnown { .. } => "not known".to_owned(),
    }
}
