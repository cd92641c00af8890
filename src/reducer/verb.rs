//! What operators asked to have typed into a session (C56): asked, decided, ended.

use super::{peer, presence, session, session_name};
use crate::model::effect::Task;
use crate::model::event::{CompactRequested, VerbDecided, VerbEnded, VerbGivenUp, VerbOutcome};
use crate::model::id::Generation;
use crate::model::record::Record;
use crate::model::session::{TypedVerb, WakeReason};
use crate::model::state::{AskedVerb, Presence, State};

pub(super) fn interrupt_requested(state: &mut State, record: &Record) -> Vec<Task> {
    let generation = record.subject.generation;
    if let Some(presence) = presence(state, record) {
        ask(presence, record, TypedVerb::Interrupt, generation);
    }
    Vec::new()
}

/// A peer without a session is resumed first.
pub(super) fn compact_requested(state: &mut State, record: &Record, fact: &CompactRequested) -> Vec<Task> {
    let Some(presence) = presence(state, record) else { return Vec::new() };
    let live = presence.session.as_ref().filter(|session| !session.is_ending()).map(|session| session.generation);
    ask(presence, record, TypedVerb::Compact, live);
    match live {
        Some(_) => Vec::new(),
        None => peer::bring_up(state, record, WakeReason::Compact, fact.mint),
    }
}

fn ask(presence: &mut Presence, record: &Record, verb: TypedVerb, generation: Option<Generation>) {
    presence.verbs.push(AskedVerb { verb, asked: record.lsn, generation, decided: None });
}

/// What waited for a session to be resumed belongs to the one that is.
pub(super) fn resumed(presence: &mut Presence, generation: Generation) {
    for asked in &mut presence.verbs {
        asked.generation.get_or_insert(generation);
    }
}

pub(super) fn verb_decided(state: &mut State, record: &Record, decision: &VerbDecided) -> Vec<Task> {
    let (ready_deadline_ms, human_typing_hold_ms) =
        (state.settings.ready_deadline_ms, state.settings.human_typing_hold_ms);
    let Some(presence) = presence(state, record) else { return Vec::new() };
    for asked in presence.verbs.iter_mut().filter(|asked| asked.asked == decision.asked) {
        asked.decided = Some(record.lsn);
    }
    let Some(peer) = record.subject.peer.clone() else { return Vec::new() };
    let Some(session) = session(state, record).map(|session| session_name(&peer, session)) else { return Vec::new() };
    vec![match decision.verb {
        TypedVerb::Interrupt => Task::Interrupt { session },
        TypedVerb::Compact => Task::Compact { session, ready_deadline_ms, human_typing_hold_ms },
    }]
}

/// What was done in a session is a sign of its life (C45).
pub(super) fn verb_ended(state: &mut State, record: &Record, fact: &VerbEnded) -> Vec<Task> {
    let generation = record.subject.generation;
    if let Some(presence) = presence(state, record) {
        let ended = |asked: &AskedVerb| asked.verb == fact.verb && asked.generation == generation;
        presence.verbs.retain(|asked| !(ended(asked) && asked.decided.is_some()));
    }
    if let (VerbOutcome::Confirmed { by }, Some(session)) = (&fact.outcome, session(state, record)) {
        session.last_sign = record.at;
        session.last_sign_source = *by;
    }
    Vec::new()
}

pub(super) fn verb_given_up(state: &mut State, record: &Record, decision: &VerbGivenUp) -> Vec<Task> {
    if let Some(presence) = presence(state, record) {
        presence.verbs.retain(|asked| asked.asked != decision.asked);
    }
    Vec::new()
}
