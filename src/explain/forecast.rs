//! What time alone would bring: the rules run on from a state, with nothing more to be heard from anybody.
//!
//! Deadlines pass at their moments, every look finds silence, and what is ended is gone at once. What a program would do is
//! not guessed at: sessions that are started say nothing, deliveries have no outcome.

use std::collections::VecDeque;

use crate::model::effect::{Effect, SessionName, Task};
use crate::model::event::{DeadlinePassed, SessionGone, SessionLooked};
use crate::model::record::{Draft, Record, Subject};
use crate::model::session::Ending;
use crate::model::state::State;
use crate::policy::deadline::next_deadline;
use crate::supervisor::conclude;

/// Deadlines that are passed on the way: with one peer few do, and every one is later than the one before.
const DEADLINES_MAX: usize = 10_000;

/// The first record that `wanted` takes, at the moment at which it would be made. Its lsn is that of a world in which
/// nothing else happens. None: time alone does not bring it.
pub fn forecast(state: &State, wanted: impl Fn(&Record) -> bool) -> Option<Record> {
    let mut state = state.clone();
    for _ in 0..DEADLINES_MAX {
        let deadline = next_deadline(&state)?;
        let now = state.now.map_or(deadline.at, |now| now.latest(deadline.at));
        let mut drafts = VecDeque::from([Draft::own(Subject::NONE, None, DeadlinePassed { deadline: deadline.kind })]);
        while let Some(draft) = drafts.pop_front() {
            let mut effects = Vec::new();
            let group = conclude(&mut state, now, draft, &mut effects);
            if let Some(found) = group.into_iter().find(&wanted) {
                return Some(found);
            }
            drafts.extend(effects.iter().filter_map(|effect| silence(&state, effect)));
        }
    }
    None
}

/// What an effect brings in a world that is silent.
fn silence(state: &State, effect: &Effect) -> Option<Draft> {
    let about = |name: &SessionName| Subject::session(&name.peer, name.generation);
    match &effect.task {
        Task::LookAtSession { session } => {
            let nothing = SessionLooked {
                screen_silent_ms: None,
                transcript_silent_ms: None,
                waiting_on: None,
                attached: false,
                working: false,
            };
            Some(Draft::own(about(session), Some(effect.cause), nothing))
        }
        Task::EndSession { session } => {
            let woken = state.session(&session.peer, session.generation)?.woken;
            let lived_ms = state.now?.since(woken);
            let gone = SessionGone { ending: Ending::Code { code: 0 }, lived_ms, strays: 0, found_at_start: false };
            Some(Draft::own(about(session), Some(effect.cause), gone))
        }
        Task::StartSession(_)
        | Task::DeliverMessage(_)
        | Task::SettleDelivery { .. }
        | Task::Interrupt { .. }
        | Task::Compact { .. }
        | Task::ClearSession { .. }
        | Task::CallAttention(_) => None,
    }
}
