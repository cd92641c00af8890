//! Where a message stands that is not settled yet.

use serde::Serialize;

use crate::explain::queue;
use crate::model::id::MessageId;
use crate::model::name::Identity;
use crate::model::state::State;
use crate::model::time::Timestamp;

/// As `queue` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub peer: Identity,
    /// `queued`, `delivering`, or `delivered`: a task that is worked on.
    pub state: &'static str,
    /// From 1 at the head of its queue.
    pub position: Option<usize>,
    /// Why it is not moving, as a clause.
    pub waits_for: String,
}

impl Standing {
    pub(super) fn of(state: &State, message: MessageId, now: Timestamp) -> Option<Self> {
        let queue::Row { peer, state, position, waits_for, .. } = queue::row_of(state, message, now)?;
        Some(Self { peer, state, position, waits_for })
    }

    /// For people; of the present with where to ask on.
    pub(super) fn sentence(&self, is_past: bool) -> String {
        let Self { peer, state, position, waits_for } = self;
        let is = if is_past { "was" } else { "is" };
        let stands = match (*state, position) {
            ("queued", Some(position)) => format!("It {is} queued for {peer}, at position {position}"),
            ("delivering", _) => format!("It {is} being delivered to {peer}"),
            ("delivered", _) => return format!("It {is} with {peer}: {waits_for}."),
            (state, _) => format!("It {is} {state}"),
        };
        let ask = format!(" `dormouse whynot {peer} delivered` says what would end that.");
        format!("{stands}: {waits_for}.{}", if is_past { "" } else { &ask })
    }
}
