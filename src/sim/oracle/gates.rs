//! Who may be woken: nobody who is stopped, in quarantine, dying in a loop or somebody else's, and so many at once.

use std::collections::{BTreeMap, BTreeSet};

use super::Oracle;
use crate::model::event::{Decision, Event, Fact, TurnSeen};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::state::State;
use crate::model::time::Timestamp;
use crate::sim::world::World;

#[derive(Debug, Default)]
pub struct Gates {
    stopped: BTreeSet<Identity>,
    quarantined: BTreeSet<Identity>,
    /// Since a turn ended well, or an operator forgave them.
    deaths: BTreeMap<Identity, Vec<Timestamp>>,
}

impl Oracle for Gates {
    fn name(&self) -> &'static str {
        "nobody is woken behind a closed gate"
    }

    fn rule(&self) -> &'static str {
        "C15, C20, C48, C52"
    }

    fn after(&mut self, _: &World, state: &State, record: &Record) -> Result<(), String> {
        let Some(peer) = &record.subject.peer else { return Ok(()) };
        match &record.event {
            Event::Fact(fact) => self.see(peer, fact),
            Event::Decision(Decision::WakeDecided(_)) => return self.may_wake(state, peer, record.at),
            Event::Decision(decision) => self.note(peer, decision, record.at),
        }
        Ok(())
    }
}

impl Gates {
    fn see(&mut self, peer: &Identity, fact: &Fact) {
        let turn = match fact {
            Fact::TurnObserved(seen) => Some(&seen.turn),
            Fact::SessionAdopted(adopted) => adopted.turn.as_ref(),
            _ => None,
        };
        if matches!(turn, Some(TurnSeen::Ended | TurnSeen::Idle | TurnSeen::Background { .. })) {
            self.deaths.remove(peer);
        }
    }

    fn note(&mut self, peer: &Identity, decision: &Decision, at: Timestamp) {
        match decision {
            Decision::StopSet(_) => drop(self.stopped.insert(peer.clone())),
            Decision::StopCleared(_) => drop(self.stopped.remove(peer)),
            Decision::Quarantined(_) => drop(self.quarantined.insert(peer.clone())),
            Decision::QuarantineLifted(lifted) => {
                self.quarantined.remove(peer);
                if lifted.by_operator {
                    self.deaths.remove(peer);
                }
            }
            Decision::SessionDied(died) if died.counted => self.deaths.entry(peer.clone()).or_default().push(at),
            Decision::WakeFailed(failed) if failed.counted => self.deaths.entry(peer.clone()).or_default().push(at),
            Decision::PeerForgotten(_) => {
                let stays = |other: &Identity| other.personality != peer.personality;
                self.stopped.retain(stays);
                self.quarantined.retain(stays);
                self.deaths.retain(|other, _| stays(other));
            }
            _ => {}
        }
    }

    fn may_wake(&self, state: &State, peer: &Identity, now: Timestamp) -> Result<(), String> {
        if self.stopped.contains(peer) {
            return Err(format!("{peer} is woken, and was stopped"));
        }
        if self.quarantined.contains(peer) {
            return Err(format!("{peer} is woken in quarantine"));
        }
        if state.is_managed(peer) {
            return Err(format!("{peer} is woken, and something else keeps it alive"));
        }
        let (window_ms, deaths_max) = (state.settings.crashloop_window_ms, state.settings.crashloop_deaths_max);
        let of_now = |at: &&Timestamp| at.boot == now.boot && now.awake_ms - at.awake_ms < window_ms;
        let deaths = self.deaths.get(peer).into_iter().flatten().filter(of_now).count();
        if deaths >= deaths_max as usize {
            return Err(format!("{peer} is woken after {deaths} deaths in {window_ms} ms"));
        }
        let booting = state.presences.values().filter_map(|presence| presence.session.as_ref()).filter(|s| s.slot);
        match booting.count() {
            booting if booting > state.settings.boots_max as usize => Err(format!("{booting} sessions boot at once")),
            _ => Ok(()),
        }
    }
}
