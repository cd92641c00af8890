//! What is called dead is gone, and no question that failed ends anything.

use std::collections::BTreeSet;

use super::Oracle;
use crate::model::effect::{Effect, SessionName, Task};
use crate::model::event::{Decision, Event, Fact};
use crate::model::record::Record;
use crate::model::session::ReapReason;
use crate::model::state::State;
use crate::sim::world::World;

#[derive(Debug, Default)]
pub struct Ends {
    /// Sessions whose last question got no answer.
    unknown: BTreeSet<SessionName>,
}

impl Oracle for Ends {
    fn name(&self) -> &'static str {
        "dead means gone, not known means nothing"
    }

    fn rule(&self) -> &'static str {
        "C43, C44"
    }

    fn after(&mut self, world: &World, _: &State, record: &Record) -> Result<(), String> {
        let (Some(peer), Some(generation)) = (&record.subject.peer, record.subject.generation) else { return Ok(()) };
        let name = SessionName { peer: peer.clone(), generation };
        match &record.event {
            Event::Fact(Fact::SessionNotKnown(_)) => drop(self.unknown.insert(name)),
            Event::Fact(Fact::SessionLooked(_) | Fact::SessionGone(_) | Fact::SessionAdopted(_)) => {
                self.unknown.remove(&name);
            }
            Event::Decision(Decision::Reaped(reaped)) => {
                let silence = matches!(reaped.reason, ReapReason::Idle { .. } | ReapReason::Unarmed { .. });
                if silence && self.unknown.contains(&name) {
                    return Err(format!("{peer} is reaped ({:?}) on a question that failed", reaped.reason));
                }
            }
            Event::Decision(Decision::SessionDied(_) | Decision::SessionFinished(_) | Decision::SessionEnded(_))
                if world.lives.get(&name).is_some_and(|life| life.lives()) =>
            {
                return Err(format!("session {generation} of {peer} is called over, and lives"));
            }
            _ => {}
        }
        Ok(())
    }

    fn effect(&mut self, _: &World, state: &State, effect: &Effect) -> Result<(), String> {
        let Task::EndSession { session } = &effect.task else { return Ok(()) };
        match state.session(&session.peer, session.generation) {
            Some(known) if known.is_ending() => Ok(()),
            // It ended by itself between the decision and its effect.
            None => Ok(()),
            Some(_) => Err(format!("{} is ended, and no decision says so", session.peer)),
        }
    }
}
