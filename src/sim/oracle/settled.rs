//! Once faults stop, the world comes to rest: every accepted message is delivered, dead or cancelled, and every session
//! that is not needed has ended.

use crate::model::effect::SessionName;
use crate::model::message::{Fate, Purpose};
use crate::model::name::Identity;
use crate::model::state::State;
use crate::sim::fleet::Program;
use crate::sim::hands::is_managed;
use crate::sim::world::World;

/// What has not come to rest, if anything has not.
pub fn unsettled(world: &World, state: &State) -> Option<String> {
    let waits = state.messages.values().find(|message| {
        let stopped = state.presences.get(&message.to).is_some_and(|presence| presence.stopped.is_some());
        let open = matches!(message.fate, Fate::Queued | Fate::Delivering { .. });
        // A report never wakes anybody (C13).
        open && !stopped && message.purpose == Purpose::Message
    });
    if let Some(message) = waits {
        let life = world.lives.values().rev().find(|life| life.name.peer == message.to);
        return Some(format!(
            "message {} for {} is {:?} and waits for {:?}; its program is {:?}",
            message.id,
            message.to,
            message.fate,
            message.waiting_for,
            life.map(|life| life.stage)
        ));
    }
    // A router runs until somebody ends it.
    let needed = |peer: &Identity| Program::of(&peer.runtime) == Program::Router;
    let believed = state.presences.iter().find(|(peer, presence)| presence.session.is_some() && !needed(peer));
    if let Some((peer, presence)) = believed {
        let phase = presence.session.as_ref().map(|session| (&session.phase, &session.turn, session.kept));
        return Some(format!("{peer} still has a session: {phase:?}"));
    }
    let nobodys = |name: &SessionName| !is_managed(name) && state.session(&name.peer, name.generation).is_none();
    let life = world.lives.values().find(|life| life.lives() && nobodys(&life.name))?;
    Some(format!("session {} of {} lives, and nobody knows of it", life.name.generation, life.name.peer))
}
