//! From one fact to everything that follows from it.

use crate::model::effect::Effect;
use crate::model::event::{Event, Fact};
use crate::model::message::Fate;
use crate::model::name::Personality;
use crate::model::record::{Draft, Record};
use crate::model::request::{PeerName, Request, Verb};
use crate::model::state::State;
use crate::model::time::Timestamp;
use crate::policy::admit::resolve;
use crate::policy::decide;
use crate::reducer::{apply, invariant};

/// Decisions that may follow from one fact, beyond what each peer and each message adds: whole queues go with their peer.
/// More is a bug: the rules chase each other.
const CASCADE_MAX: usize = 64;

/// Folds `draft` and all decisions that follow into `state`: one atomic group. Effects are added in order.
///
/// # Panics
///
/// If the cascade does not end, or in debug builds if an invariant breaks: dying is safe, for the journal is the state.
pub fn conclude(state: &mut State, now: Timestamp, draft: Draft, effects: &mut Vec<Effect>) -> Vec<Record> {
    let limit = CASCADE_MAX + 16 * state.presences.len() + 4 * state.messages.len();
    // Nearly always this is all: most records lead to nothing.
    let mut group = vec![fold(state, now, draft, effects)];
    let mut decided = 0;
    while let Some(record) = group.get(decided) {
        for draft in decide(state, record) {
            group.push(fold(state, now, draft, effects));
        }
        decided += 1;
        assert!(group.len() <= limit, "the rules chase each other: {:?}", group.last());
    }
    debug_assert_eq!(invariant::check(state), [], "after {:?}", group.last().map(|record| &record.event));
    group
}

fn fold(state: &mut State, now: Timestamp, draft: Draft, effects: &mut Vec<Effect>) -> Record {
    let record = draft.at(state.lsn.next(), now);
    effects.extend(apply(state, &record));
    record
}

/// Whether a report speaks of something that is over: a paste whose message has been called back or cut off, an end
/// that has been recorded.
pub fn is_stale(state: &State, draft: &Draft) -> bool {
    let (Some(peer), Some(generation)) = (&draft.subject.peer, draft.subject.generation) else { return false };
    let session = state.session(peer, generation);
    match &draft.event {
        Event::Fact(Fact::DeliveryBegun(_)) => {
            let message = draft.subject.message.and_then(|id| state.messages.get(&id));
            let in_lane = message.is_some_and(|message| {
                matches!(message.fate, Fate::Delivering { generation: of_message, .. } if of_message == generation)
            });
            !in_lane || session.is_some_and(|session| session.is_ending())
        }
        Event::Fact(Fact::SessionGone(_)) => session.is_none(),
        _ => false,
    }
}

/// The peer that a request may enqueue to or wake.
pub(super) fn named_in(state: &State, request: &Request) -> Option<Personality> {
    let name = match &request.verb {
        Verb::Send(send) => PeerName(send.to.clone()),
        Verb::Start { peer } | Verb::New { peer, .. } | Verb::Attach { peer, .. } | Verb::Compact { peer, .. } => {
            peer.clone()
        }
        Verb::Run { peer, .. } => return Some(peer.personality.clone()),
        Verb::Retry { message } => return state.messages.get(message).map(|m| m.to.personality.clone()),
        Verb::Add { .. }
        | Verb::Remove { .. }
        | Verb::Stop { .. }
        | Verb::Refresh { .. }
        | Verb::Cancel { .. }
        | Verb::Interrupt { .. }
        | Verb::SelfDone
        | Verb::SelfFresh => return None,
    };
    resolve(state, &name).ok().map(|identity| identity.personality)
}

/// Peers with something to wake for, when a session has gone or a deadline has passed.
pub(super) fn about_to_wake(state: &State, draft: &Draft) -> Vec<Personality> {
    let own = draft.subject.peer.iter().map(|peer| peer.personality.clone());
    let waiting = state.presences.iter().filter(|(_, presence)| {
        presence.session.is_none() && (!presence.queue.is_empty() || presence.bring_up.is_some())
    });
    own.chain(waiting.map(|(peer, _)| peer.personality.clone())).collect()
}
