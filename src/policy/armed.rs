//! Armed: a worker has answered, and may go once it is quiet (C36).

use super::{Case, on_behalf};
use crate::model::actor::{Actor, Sender};
use crate::model::delivery::Proof;
use crate::model::event::{AnswerKept, Armed, Delivered, Event, MessageAccepted, Recipient, TurnJudged};
use crate::model::id::Generation;
use crate::model::message::Fate;
use crate::model::name::Identity;
use crate::model::profile::WakePolicy;
use crate::model::record::{Draft, Record, Subject};
use crate::model::session::{ArmedBy, Turn};
use crate::model::state::{Session, State};
use crate::mutant::{Bug, bug};

/// A message out of a session proves the task it names, arms its worker and ends a turn that is judged.
pub(super) fn message_accepted(state: &State, record: &Record, fact: &MessageAccepted) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if let Recipient::User(user) = &fact.to {
        drafts.push(on_behalf(record, AnswerKept { user: user.clone() }));
    }
    if let Some((case, session)) = speaker(state, record, &fact.from) {
        drafts.extend(proof_by_answer(&case, session, fact));
        if !fact.progress {
            let by = record.subject.message.map_or(ArmedBy::Done, |message| ArmedBy::Message { message });
            drafts.extend(arm(&case, session, by));
            drafts.extend(turn_ends(&case, session, "it answered"));
        }
    }
    drafts
}

/// The worker has nothing to say, and says so (C55).
pub(super) fn done_called(state: &State, record: &Record) -> Vec<Draft> {
    let Actor::Session { peer, generation } = &record.actor else { return Vec::new() };
    let Some((case, session)) = live_session(state, record, peer, *generation) else { return Vec::new() };
    let mut drafts: Vec<Draft> = arm(&case, session, ArmedBy::Done).into_iter().collect();
    drafts.extend(turn_ends(&case, session, "it said that it was done"));
    drafts
}

fn speaker<'a>(state: &'a State, record: &'a Record, from: &'a Sender) -> Option<(Case<'a>, &'a Session)> {
    let Sender::Session { peer, generation } = from else { return None };
    live_session(state, record, peer, *generation)
}

fn live_session<'a>(
    state: &'a State,
    record: &'a Record,
    peer: &'a Identity,
    generation: Generation,
) -> Option<(Case<'a>, &'a Session)> {
    let known = state.session(peer, generation);
    let session = if bug(Bug::ArmedByAnybody) { state.presences.get(peer)?.session.as_ref()? } else { known? };
    let case = Case { state, record, peer, presence: state.presences.get(peer)? };
    Some((case, session))
}

/// Also while it is being ended: its task is answered then, however the end was decided (C41a).
fn arm(case: &Case, session: &Session, by: ArmedBy) -> Option<Draft> {
    let may = session.policy == WakePolicy::Ephemeral && session.armed.is_none();
    may.then(|| case.about_session(session, Armed { by }))
}

/// Only where the program does not tell its turns itself (C46a).
fn turn_ends(case: &Case, session: &Session, because: &str) -> Option<Draft> {
    let judged = !case.state.tells_turns(case.peer) && matches!(session.turn, Turn::Running { .. });
    judged.then(|| {
        let turn = Turn::Ended { at: case.now(), judged: true };
        case.about_session(session, TurnJudged { turn, because: because.to_owned() })
    })
}

/// An answer that names the task, from its own generation, is proof as well (C14). One that does not is if the program has
/// begun a turn since the paste; an agent may have something to say to whom its task is from before it has seen that.
fn proof_by_answer(case: &Case, session: &Session, fact: &MessageAccepted) -> Option<Draft> {
    let id = fact.answers.filter(|id| session.delivering == Some(*id))?;
    let message = case.state.messages.get(&id)?;
    let Fate::Delivering { begun: Some(begun), .. } = message.fate else { return None };
    let has_begun_a_turn = session.turn_told.is_some_and(|told| told > begun);
    let has_seen_it = has_begun_a_turn || fact.named || fact.text.contains(&id.to_string());
    has_seen_it.then(|| Draft {
        subject: Subject::session(case.peer, session.generation).with_message(message.id),
        ..case.about_session(session, Event::from(delivered(message, Proof::Answer, case)))
    })
}

pub(super) fn delivered(message: &crate::model::message::Message, proof: Proof, case: &Case) -> Delivered {
    Delivered {
        attempt: message.attempts.max(1),
        possible_duplicate: message.possible_duplicate,
        proof,
        waited_ms: case.now().since(message.accepted_at),
    }
}
