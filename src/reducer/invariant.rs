//! What must hold after every record. Checked by tests, by `audit`, and in debug builds by the live loop.

use crate::model::id::MessageId;
use crate::model::message::{Fate, Message};
use crate::model::name::Identity;
use crate::model::session::Turn;
use crate::model::state::{Presence, State};

/// Something the state should never be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub rule: &'static str,
    pub what: String,
}

/// Every invariant over the whole state. Costs what peers and unsettled messages there are.
pub fn check(state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    for (identity, presence) in &state.presences {
        queue_holds_what_waits(state, identity, presence, &mut found);
        session_is_sound(state, identity, presence, &mut found);
    }
    every_message_has_one_place(state, &mut found);
    found
}

fn queue_holds_what_waits(state: &State, identity: &Identity, presence: &Presence, found: &mut Vec<Violation>) {
    let mut before = None;
    for id in &presence.queue {
        let Some(message) = state.messages.get(id) else {
            found.push(Violation { rule: "C13", what: format!("queue of {identity} names {id}, which is settled") });
            continue;
        };
        if before.is_some_and(|accepted| accepted > message.accepted) {
            found.push(Violation { rule: "C9", what: format!("queue of {identity} is out of order at {id}") });
        }
        before = Some(message.accepted);
        if !matches!(message.fate, Fate::Queued | Fate::Delivering { .. }) {
            found.push(Violation {
                rule: "C13",
                what: format!("{id} is in the queue of {identity} and {:?}", message.fate),
            });
        }
    }
}

fn session_is_sound(state: &State, identity: &Identity, presence: &Presence, found: &mut Vec<Violation>) {
    let Some(session) = &presence.session else { return };
    if session.generation.0 > state.lsn {
        found.push(Violation { rule: "C16", what: format!("{identity} has a generation from the future") });
    }
    if session.armed.is_some_and(|(lsn, _)| lsn < session.generation.0) {
        found.push(Violation { rule: "C36", what: format!("{identity} is armed by an earlier generation") });
    }
    if matches!(session.turn, Turn::Ended { .. }) && session.turns_open > 0 {
        found.push(Violation {
            rule: "C46b",
            what: format!("{identity}'s turn has ended with {} open", session.turns_open),
        });
    }
    if let Some(id) = session.delivering
        && !matches!(state.messages.get(&id).map(|m| &m.fate), Some(Fate::Delivering { .. }))
    {
        found.push(Violation { rule: "C30", what: format!("{identity} delivers {id}, which is not being delivered") });
    }
}

fn every_message_has_one_place(state: &State, found: &mut Vec<Violation>) {
    for (id, message) in &state.messages {
        let Some(presence) = state.presences.get(&message.to) else {
            found.push(Violation { rule: "C13", what: format!("{id} is for {}, which is unknown", message.to) });
            continue;
        };
        let lost = presence.lost.contains(id);
        let session = presence.session.as_ref();
        let in_place = match message.fate {
            Fate::Queued => waits(state, presence, message),
            Fate::Delivering { .. } => {
                lost || session.is_some_and(|s| s.delivering == Some(*id)) || presence.external_delivery == Some(*id)
            }
            Fate::Delivered { .. } => lost || session.is_some_and(|s| s.task == Some(*id)),
            Fate::Dead { .. } => presence.dead.contains(id),
        };
        if !in_place {
            found.push(Violation { rule: "C13", what: format!("{id} is {:?} and in no place for it", message.fate) });
        }
    }
}

/// Whether the queue names it, which is in the order of acceptance.
fn waits(state: &State, presence: &Presence, message: &Message) -> bool {
    let accepted = |id: &MessageId| state.messages.get(id).map(|message| message.accepted);
    let place = presence.queue.binary_search_by_key(&Some(message.accepted), accepted);
    place.is_ok_and(|place| presence.queue[place] == message.id)
}
