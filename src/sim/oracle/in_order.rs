//! One after the other, and none twice unless it says so.

use std::collections::BTreeMap;

use super::Oracle;
use crate::model::event::{Decision, Event, Fact};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::message::{Fate, Purpose};
use crate::model::record::Record;
use crate::model::state::State;
use crate::sim::world::World;
use crate::sim::world::life::Taken;

#[derive(Debug, Default)]
pub struct InOrder {
    /// How often a program has begun on it.
    times: BTreeMap<MessageId, u32>,
    /// When it was last handed over, and when somebody last gave it another round: what was dead is in nobody's way.
    decided: BTreeMap<MessageId, Lsn>,
    revived: BTreeMap<MessageId, Lsn>,
}

impl Oracle for InOrder {
    fn name(&self) -> &'static str {
        "in order, and once"
    }

    fn rule(&self) -> &'static str {
        "C9, C34"
    }

    fn after(&mut self, _: &World, _: &State, record: &Record) -> Result<(), String> {
        let Some(message) = record.subject.message else { return Ok(()) };
        match &record.event {
            // The first input of a session is settled with its wake.
            Event::Decision(Decision::WakeDecided(_)) => drop(self.decided.insert(message, record.lsn)),
            Event::Decision(Decision::DeliveryDecided(_)) => {
                let woken = self.decided.get(&message).map(|lsn| Generation(*lsn));
                if woken.is_none() || woken != record.subject.generation {
                    self.decided.insert(message, record.lsn);
                }
            }
            Event::Fact(Fact::RetryRequested(_)) => drop(self.revived.insert(message, record.lsn)),
            _ => {}
        }
        Ok(())
    }

    fn taken(&mut self, _: &World, state: &State, taken: &Taken) -> Result<(), String> {
        let id = taken.paste.message;
        let times = self.times.entry(id).or_default();
        *times += 1;
        let envelope = &taken.paste.envelope;
        if *times > 1 && !envelope.possible_duplicate && envelope.session_before.is_none() {
            return Err(format!("{id} was given {times} times, and the last one does not say so"));
        }
        let Some(own) = state.messages.get(&id).filter(|_| envelope.purpose == Purpose::Message) else { return Ok(()) };
        let earlier = state.messages.values().find(|other| {
            other.to == own.to
                && other.purpose == Purpose::Message
                && other.accepted < own.accepted
                && other.fate == Fate::Queued
                && self.revived.get(&other.id) < self.decided.get(&id)
        });
        match earlier {
            None => Ok(()),
            Some(other) => Err(format!("{id} came before {}, which was accepted earlier", other.id)),
        }
    }
}
