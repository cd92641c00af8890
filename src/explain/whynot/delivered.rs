//! Why what waits is not delivered (C13, C30, C32, C33a).

use super::{Found, Guard, head, woken};
use crate::explain::because::delivery_gate;
use crate::explain::phrase::span;
use crate::model::message::{Fate, Message};
use crate::model::name::Identity;
use crate::model::profile::WakePolicy;
use crate::model::session::TypedVerb;
use crate::model::state::{AskedVerb, Presence, Session, SessionPhase, State};

pub(super) fn found(state: &State, peer: &Identity) -> Found {
    let Some(presence) = state.presences.get(peer) else { return Found::moot("nothing was ever heard of it") };
    let under_way =
        state.messages.values().find(|message| message.to == *peer && matches!(message.fate, Fate::Delivering { .. }));
    if let Some(message) = under_way {
        return held(on_its_way(message));
    }
    let Some(message) = head(state, peer).and_then(|id| state.messages.get(&id)) else {
        return Found::moot("nothing waits to be delivered to it");
    };
    let Some(session) = presence.session.as_ref() else {
        let mut found = woken::found(state, peer);
        found
            .guards
            .insert(0, Guard::new("C15", format!("message {} waits, and it is asleep", message.id), "it wakes"));
        return found;
    };
    held(behind(state, presence, session, message).unwrap_or_else(|| {
        Guard::new(
            "C30",
            format!("nothing: message {} is what the session takes next", message.id),
            "the next turn of the loop",
        )
    }))
}

fn held(guard: Guard) -> Found {
    Found { moot: None, guards: vec![guard], unless: "somebody stops it or calls the message back".to_owned() }
}

fn on_its_way(message: &Message) -> Guard {
    let id = message.id;
    match (&message.waiting_for, &message.fate) {
        (Some(gate), _) => {
            Guard::new("C27", format!("message {id} waits: {}", delivery_gate(gate)), "that is no longer so")
        }
        (None, Fate::Delivering { begun: Some(_), .. }) => Guard::new(
            "C14",
            format!("message {id} was typed, and its proof is waited for"),
            "the program has been seen to take it",
        ),
        (None, _) => Guard::new(
            "C27",
            format!("message {id} is on its way into the session"),
            "the box has been seen open and empty",
        ),
    }
}

/// What the head of the queue waits for beside a session.
fn behind(state: &State, presence: &Presence, session: &Session, message: &Message) -> Option<Guard> {
    let id = message.id;
    if let SessionPhase::Ending { reaped, .. } = session.phase {
        let why = format!("the session before it is ending, by record {reaped}");
        return Some(Guard::new("C16", why, "it is gone"));
    }
    if matches!(session.phase, SessionPhase::Launching | SessionPhase::Booting) {
        return Some(Guard::new("C28", "the session boots", "its input box is there, or its wake has failed"));
    }
    let left_ms = message.retry_at.zip(state.now).map(|(at, now)| at.since(now)).filter(|left| *left > 0);
    if let Some(left_ms) = left_ms {
        return Some(Guard::new(
            "C13",
            format!("message {id} waits {} more for its next attempt", span(left_ms)),
            "that has passed",
        ));
    }
    let compacts =
        |asked: &&AskedVerb| asked.verb == TypedVerb::Compact && asked.generation == Some(session.generation);
    if let Some(asked) = presence.verbs.iter().find(compacts) {
        let why = format!("its conversation is compacted first, as record {} asked", asked.asked);
        return Some(Guard::new("C30", why, "that has ended"));
    }
    let wants_its_own = message.policy == WakePolicy::Ephemeral && session.first_input != Some(id);
    if wants_its_own {
        let why = format!("message {id} is a task, and each task gets a session of its own");
        return Some(Guard::new("C35", why, "the worker's session has ended"));
    }
    presence.quarantine.as_ref().map(|_| Guard::new("C48", "it is quarantined", "somebody starts it: `dormouse start`"))
}
