//! What is called delivered has arrived: the program has begun on this very message.

use std::collections::BTreeSet;

use super::Oracle;
use crate::model::event::{Decision, Event};
use crate::model::id::MessageId;
use crate::model::record::Record;
use crate::model::state::State;
use crate::sim::world::World;
use crate::sim::world::life::Taken;

#[derive(Debug, Default)]
pub struct Arrived {
    taken: BTreeSet<MessageId>,
}

impl Oracle for Arrived {
    fn name(&self) -> &'static str {
        "delivered means arrived"
    }

    fn rule(&self) -> &'static str {
        "C14"
    }

    fn after(&mut self, _: &World, _: &State, record: &Record) -> Result<(), String> {
        let (Event::Decision(Decision::Delivered(_)), Some(message)) = (&record.event, record.subject.message) else {
            return Ok(());
        };
        if self.taken.contains(&message) { Ok(()) } else { Err(format!("no program has ever seen {message}")) }
    }

    fn taken(&mut self, _: &World, _: &State, taken: &Taken) -> Result<(), String> {
        self.taken.insert(taken.paste.message);
        Ok(())
    }
}
