//! What must hold in any world, one file each. They know the truth, the records, and the state those add up to.

mod acknowledged;
mod armed;
mod arrived;
mod conversations;
mod ends;
mod fates;
mod gates;
mod in_order;
mod once;
mod questions;
mod running;
mod settled;
mod silence;
mod sound;
mod spooled;
mod tasks;
mod told;

pub use acknowledged::Acknowledged;
pub use settled::unsettled;
pub use spooled::spooled_is_taken_up;
pub use told::callers_were_told;

use super::world::World;
use super::world::life::Taken;
use crate::model::effect::Effect;
use crate::model::record::Record;
use crate::model::state::State;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub oracle: &'static str,
    pub rule: &'static str,
    pub what: String,
}

/// Looks on. Each method is called at its moment, with everything as it is then.
pub trait Oracle: std::fmt::Debug {
    /// What it watches over.
    fn name(&self) -> &'static str;
    fn rule(&self) -> &'static str;

    /// A record is durable; `state` is that after it.
    ///
    /// # Errors
    ///
    /// The promise is broken, as the text says; so of all of them.
    fn after(&mut self, _world: &World, _state: &State, _record: &Record) -> Result<(), String> {
        Ok(())
    }

    /// An effect is begun.
    fn effect(&mut self, _world: &World, _state: &State, _effect: &Effect) -> Result<(), String> {
        Ok(())
    }

    /// Faults have stopped, and the world has come to rest.
    fn at_rest(&mut self, _world: &World, _state: &State) -> Result<(), String> {
        Ok(())
    }

    /// A program has begun on a message.
    fn taken(&mut self, _world: &World, _state: &State, _taken: &Taken) -> Result<(), String> {
        Ok(())
    }
}

/// All of them.
pub fn all() -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(sound::Sound),
        Box::new(arrived::Arrived::default()),
        Box::new(in_order::InOrder::default()),
        Box::new(tasks::OneSession),
        Box::new(tasks::OneTask::default()),
        Box::new(running::Running),
        Box::new(ends::Ends::default()),
        Box::new(fates::Fates::default()),
        Box::new(silence::Silence::default()),
        Box::new(gates::Gates::default()),
        Box::new(once::Once::default()),
        Box::new(armed::Arms::default()),
        Box::new(questions::Questions::default()),
        Box::new(conversations::Conversations::default()),
    ]
}
