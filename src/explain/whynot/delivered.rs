//! Why what waits is not delivered (C13, C30, C32, C33a).

use super::{Found, Guard, no_daemon, woken};
use crate::explain::because::delivery_gate;
use crate::explain::phrase::{count, one_line, span};
use crate::model::delivery::Gate;
use crate::model::message::{Fate, Message};
use crate::model::name::Identity;
use crate::model::profile::WakePolicy;
use crate::model::session::TypedVerb;
use crate::model::state::{AskedVerb, Presence, Session, SessionPhase, State};
use crate::model::time::Timestamp;

const UNLESS: &str = "somebody stops it or calls the message back";

pub(super) fn found(state: &State, peer: &Identity, now: Timestamp) -> Found {
    let Some(presence) = state.presences.get(peer) else { return Found::unheard() };
    let under_way =
        state.messages.values().find(|message| message.to == *peer && matches!(message.fate, Fate::Delivering { .. }));
    let waits = presence.queue.iter().filter_map(|id| state.messages.get(id)).find(|it| it.fate == Fate::Queued);
    let (mut guards, unless) = match (under_way, waits) {
        (Some(message), _) => (no_daemon(state, now).into_iter().chain([on_its_way(state, message)]).collect(), UNLESS),
        (None, None) => return Found::moot(nothing_waits(state, presence)),
        (None, Some(message)) => (guards(state, peer, presence, message, now), UNLESS),
    };
    if let (None, Some(message), None, false) = (under_way, waits, &presence.session, state.is_managed(peer)) {
        let why = format!("message {} waits, and it is asleep", message.id);
        guards.insert(0, Guard::new("C15", why, "it wakes"));
    }
    if guards.is_empty() {
        let why = match waits {
            Some(message) => format!("nothing: message {} is what it takes next", message.id),
            None => "nothing".to_owned(),
        };
        guards.push(Guard::new("C30", why, "the next turn of the loop"));
    }
    Found::held(guards, unless)
}

/// What was given up waits for nothing but a person (C13).
fn nothing_waits(state: &State, presence: &Presence) -> String {
    let given_up = presence.dead.iter().filter_map(|id| match &state.messages.get(id)?.fate {
        Fate::Dead { since, why } => Some((*since, *id, why)),
        _ => None,
    });
    let Some((_, id, why)) = given_up.max_by_key(|(since, id, _)| (since.wall_us, *id)) else {
        return "nothing waits to be delivered to it".to_owned();
    };
    let others = match presence.dead.len() {
        0 | 1 => String::new(),
        n => format!("; {} given up before it", count(n as u64 - 1, "message was", "messages were")),
    };
    format!(
        "nothing waits to be delivered to it; message {id} was given up: {}{others}; `dormouse queue retry {id}` gives it \
         another round (C13)",
        one_line(why)
    )
}

/// Everything that holds `message`, the first of those that wait.
pub(in crate::explain) fn guards(
    state: &State,
    peer: &Identity,
    presence: &Presence,
    message: &Message,
    now: Timestamp,
) -> Vec<Guard> {
    let mut guards: Vec<Guard> = no_daemon(state, now).into_iter().collect();
    if state.is_managed(peer) {
        guards.extend(woken::stopped(state, peer, now));
        guards.extend(retry(message, now));
        return guards;
    }
    // It has to be woken first.
    let Some(session) = presence.session.as_ref() else { return woken::guards(state, peer, now) };
    guards.extend(behind(presence, session, message));
    guards.extend(retry(message, now));
    guards
}

/// A delivery under way.
pub(super) fn on_its_way(state: &State, message: &Message) -> Guard {
    let id = message.id;
    let into = if state.is_managed(&message.to) { "its terminal" } else { "the session" };
    match (&message.waiting_for, &message.fate) {
        (Some(gate), _) => {
            let said = delivery_gate(gate);
            // The rule stands behind it.
            let (why, rule) = said.rsplit_once(" (").unwrap_or((&said, "C27"));
            let why = format!("message {id} waits to be typed: {why}");
            Guard::new(rule_of(rule), why, end_of(gate))
        }
        (None, Fate::Delivering { begun: Some(_), .. }) => Guard::new(
            "C14",
            format!("message {id} was typed, and its proof is waited for"),
            "the program has been seen to take it",
        ),
        (None, _) => {
            Guard::new("C27", format!("message {id} is on its way into {into}"), "the box has been seen open and empty")
        }
    }
}

/// What ends it.
fn end_of(gate: &Gate) -> &'static str {
    match gate {
        Gate::Lane => "that one has ended",
        Gate::BoxNotOpen => "its input box is there",
        Gate::BoxNotEmpty => "somebody has sent that text or cleared it: `dormouse attach`",
        Gate::PersonTyping { .. } => "that person has sent it or cleared it, or has left",
        Gate::TurnRunning => "the turn ends",
        Gate::NeedsPerson { .. } => "somebody has answered it: `dormouse attach`",
        Gate::PasteModeOff => "the program asks for it",
        Gate::PaneInMode => "that person has left the mode",
        Gate::NotKnown { .. } => "the question is answered",
    }
}

fn rule_of(text: &str) -> &'static str {
    const RULES: &[&str] = &["C30", "C32", "C33a", "C43"];
    RULES.iter().find(|rule| text.starts_with(**rule)).copied().unwrap_or("C27")
}

fn retry(message: &Message, now: Timestamp) -> Option<Guard> {
    let left_ms = message.retry_at.map(|at| at.since(now)).filter(|left| *left > 0)?;
    let failed = message.failure.as_ref();
    let failed = failed.map_or_else(String::new, |why| format!("; the last one failed: {}", one_line(why)));
    let why = format!("message {} waits {} more for its next attempt{failed}", message.id, span(left_ms));
    Some(Guard::new("C13", why, "that has passed").over(Some(left_ms)))
}

/// What the head of the queue waits for beside a session.
fn behind(presence: &Presence, session: &Session, message: &Message) -> Vec<Guard> {
    let mut guards = Vec::new();
    match session.phase {
        SessionPhase::Ending { reaped, .. } => {
            let why = format!("the session before it is ending, by record {reaped}");
            guards.push(Guard::new("C16", why, "it is gone"));
        }
        SessionPhase::Launching | SessionPhase::Booting => {
            guards.push(Guard::new("C28", "the session boots", "its input box is there, or its wake has failed"));
        }
        SessionPhase::Open | SessionPhase::Ready { .. } => {}
    }
    if session.looking {
        let why = "the session is being looked at, for it has been silent for long";
        guards.push(Guard::new("C45", why, "what it shows is known"));
    }
    let compacts =
        |asked: &&AskedVerb| asked.verb == TypedVerb::Compact && asked.generation == Some(session.generation);
    if let Some(asked) = presence.verbs.iter().find(compacts) {
        let why = format!("its conversation is compacted first, as record {} asked", asked.asked);
        guards.push(Guard::new("C30", why, "that has ended"));
    }
    if message.policy == WakePolicy::Ephemeral && session.first_input != Some(message.id) {
        let why = format!("message {} is a task, and each task gets a session of its own", message.id);
        guards.push(Guard::new("C35", why, "the worker's session has ended"));
    }
    guards
}
