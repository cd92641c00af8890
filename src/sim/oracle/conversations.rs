//! What was parked is there to be resumed until a session of its own has been ready.

use std::collections::BTreeMap;

use super::Oracle;
use crate::model::event::{Decision, Event, WakeDecided};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::{WakeBranch, WakeMode};
use crate::model::state::State;
use crate::sim::world::World;

#[derive(Debug, Default)]
pub struct Conversations {
    /// The name under which a peer's last conversation can be resumed.
    parked: BTreeMap<Identity, String>,
    /// How the session at hand was woken.
    woken: BTreeMap<Identity, WakeBranch>,
}

impl Oracle for Conversations {
    fn name(&self) -> &'static str {
        "a failed wake loses no conversation"
    }

    fn rule(&self) -> &'static str {
        "C17"
    }

    fn after(&mut self, _: &World, state: &State, record: &Record) -> Result<(), String> {
        let Some(peer) = &record.subject.peer else { return Ok(()) };
        match &record.event {
            Event::Decision(Decision::Parked(decided)) => {
                if let Some(resume_ref) = &decided.resume_ref {
                    self.parked.insert(peer.clone(), resume_ref.clone());
                }
            }
            Event::Decision(Decision::WakeDecided(decided)) => {
                self.woken.insert(peer.clone(), decided.branch);
                self.is_resumed(peer, state, decided)?;
            }
            // A launch from the folder leaves what was parked where it is.
            Event::Decision(Decision::SessionReady(_)) if self.woken.get(peer) != Some(&WakeBranch::FolderLaunch) => {
                self.parked.remove(peer);
            }
            // It may have run on other runtimes, too.
            Event::Decision(Decision::PeerForgotten(_)) => {
                self.parked.retain(|other, _| other.personality != peer.personality);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Conversations {
    fn is_resumed(&mut self, peer: &Identity, state: &State, decided: &WakeDecided) -> Result<(), String> {
        if decided.branch == WakeBranch::New {
            self.parked.remove(peer);
        }
        let can_resume = state.runtimes.get(&peer.runtime).is_some_and(|traits| traits.can_resume);
        let Some(parked) = self.parked.get(peer).filter(|_| can_resume) else { return Ok(()) };
        let is_lost = match (&decided.mode, decided.branch) {
            (WakeMode::Resumed { resume_ref }, _) => resume_ref != parked,
            (WakeMode::Fresh, branch) => {
                use WakeBranch::{Died, FirstWake, HumanConversation, TopicKnown};
                matches!(branch, Died | FirstWake | HumanConversation | TopicKnown)
            }
        };
        if is_lost {
            return Err(format!(
                "{peer} is woken by {:?} as {:?}, and {parked:?} is parked",
                decided.branch, decided.mode
            ));
        }
        Ok(())
    }
}
