//! A sender's own id stands for one message, for as long as it is remembered.

use std::collections::BTreeMap;

use super::Oracle;
use crate::model::actor::Sender;
use crate::model::event::{Event, Fact, Recipient};
use crate::model::record::Record;
use crate::model::state::State;
use crate::model::time::Timestamp;
use crate::sim::world::World;

#[derive(Debug, Default)]
pub struct Once {
    accepted: BTreeMap<(Sender, String, String), Timestamp>,
}

impl Oracle for Once {
    fn name(&self) -> &'static str {
        "an id is used once"
    }

    fn rule(&self) -> &'static str {
        "C8"
    }

    fn after(&mut self, _: &World, state: &State, record: &Record) -> Result<(), String> {
        let Event::Fact(Fact::MessageAccepted(fact)) = &record.event else { return Ok(()) };
        let Some(key) = &fact.key else { return Ok(()) };
        let to = match &fact.to {
            Recipient::Peer(peer) => peer.to_string(),
            Recipient::User(name) => name.clone(),
        };
        let before = self.accepted.insert((fact.from.clone(), to, key.clone()), record.at);
        let memory_ms = state.settings.id_memory_ms;
        let remembered = |at: &Timestamp| at.boot == record.at.boot && record.at.awake_ms - at.awake_ms < memory_ms;
        match before.filter(remembered) {
            None => Ok(()),
            Some(_) => Err(format!("`{key}` of {:?} was accepted twice", fact.from)),
        }
    }
}
