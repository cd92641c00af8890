//! At most one live session for each identity, and one task for each session of an ephemeral peer: in the world, not in
//! what the daemon believes.

use std::collections::BTreeMap;

use super::Oracle;
use crate::model::effect::{Effect, SessionName, Task};
use crate::model::id::MessageId;
use crate::model::message::Purpose;
use crate::model::profile::WakePolicy;
use crate::model::state::State;
use crate::sim::world::World;
use crate::sim::world::life::Taken;

/// The kernel's lock would refuse the second one; this says that it never has to.
#[derive(Debug)]
pub struct OneSession;

impl Oracle for OneSession {
    fn name(&self) -> &'static str {
        "one session at a time"
    }

    fn rule(&self) -> &'static str {
        "C16"
    }

    fn effect(&mut self, world: &World, state: &State, effect: &Effect) -> Result<(), String> {
        let Task::StartSession(order) = &effect.task else { return Ok(()) };
        let holder = world.holder_of(&order.session.peer).filter(|holder| *holder != order.session);
        match holder {
            // Nobody's journal knows that one; it is being ended.
            Some(holder) if holder.generation.0 > state.lsn => Ok(()),
            Some(holder) => {
                Err(format!("{} is started again while its session {} lives", holder.peer, holder.generation))
            }
            None => Ok(()),
        }
    }
}

#[derive(Debug, Default)]
pub struct OneTask {
    tasks: BTreeMap<SessionName, MessageId>,
}

impl Oracle for OneTask {
    fn name(&self) -> &'static str {
        "one task a session"
    }

    fn rule(&self) -> &'static str {
        "C35"
    }

    fn taken(&mut self, _: &World, state: &State, taken: &Taken) -> Result<(), String> {
        let session = &taken.session;
        let ephemeral = state
            .session(&session.peer, session.generation)
            .is_some_and(|session| session.policy == WakePolicy::Ephemeral);
        if !ephemeral || taken.paste.envelope.purpose != Purpose::Message {
            return Ok(());
        }
        let first = *self.tasks.entry(session.clone()).or_insert(taken.paste.message);
        if first == taken.paste.message {
            return Ok(());
        }
        Err(format!(
            "session {} of {} was given {} after {first}",
            session.generation, session.peer, taken.paste.message
        ))
    }
}
