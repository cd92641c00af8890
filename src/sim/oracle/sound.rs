//! The invariants of the state, after each record.

use super::Oracle;
use crate::model::record::Record;
use crate::model::state::State;
use crate::reducer::invariant;
use crate::sim::world::World;

#[derive(Debug)]
pub struct Sound;

impl Oracle for Sound {
    fn name(&self) -> &'static str {
        "invariants"
    }

    fn rule(&self) -> &'static str {
        "C13"
    }

    fn after(&mut self, _: &World, state: &State, _: &Record) -> Result<(), String> {
        match invariant::check(state).first() {
            None => Ok(()),
            Some(violation) => Err(format!("{}: {}", violation.rule, violation.what)),
        }
    }
}
