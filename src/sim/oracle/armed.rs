//! An arm belongs to the session that spoke, and to no later one.

use std::collections::BTreeMap;

use super::Oracle;
use crate::model::actor::{Actor, Sender};
use crate::model::event::{Decision, Event, Fact};
use crate::model::id::{Generation, Lsn};
use crate::model::record::Record;
use crate::model::state::State;
use crate::sim::world::World;

#[derive(Debug, Default)]
pub struct Arms {
    /// Who spoke, by the record of it.
    spoke: BTreeMap<Lsn, Generation>,
}

impl Oracle for Arms {
    fn name(&self) -> &'static str {
        "an arm is one's own"
    }

    fn rule(&self) -> &'static str {
        "C36"
    }

    fn after(&mut self, _: &World, _: &State, record: &Record) -> Result<(), String> {
        match &record.event {
            Event::Fact(Fact::MessageAccepted(fact)) => {
                if let Sender::Session { generation, .. } = fact.from {
                    self.spoke.insert(record.lsn, generation);
                }
            }
            Event::Fact(Fact::DoneCalled(_)) => {
                if let Actor::Session { generation, .. } = record.actor {
                    self.spoke.insert(record.lsn, generation);
                }
            }
            Event::Decision(Decision::Armed(_)) => {
                let spoke = record.cause.and_then(|cause| self.spoke.get(&cause).copied());
                if spoke != record.subject.generation {
                    return Err(format!("{:?} is armed by what {spoke:?} said", record.subject));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
