//! What the rules would say of a peer between two records, for people: the same rules, asked without deciding anything.

use super::reap::{self, Verdict};
use super::{Case, deadline, wake};
use crate::model::event::KeptBecause;
use crate::model::id::{Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::session::TypedVerb;
use crate::model::state::{SessionPhase, State};
use crate::model::time::Timestamp;

pub use super::reap::{Limit, Silence};
pub use super::wake::NextWake;

/// What stands between a peer's session and its reaping by policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaping {
    NoSession,
    /// It was decided.
    Decided {
        reaped: Lsn,
        since: Timestamp,
    },
    /// It still boots, or its first input is on its way.
    NotReady {
        woken: Timestamp,
    },
    /// Nothing with a delivery in flight is reaped (C37).
    Delivering {
        message: MessageId,
    },
    /// An operator has asked for something to be typed into it (C56).
    Typing {
        verb: TypedVerb,
    },
    /// A router that is no worker: nobody can say that it is idle (C45).
    Unseen,
    Kept(KeptBecause),
    /// Only time; `looking`: it is up, and the session is being looked at.
    Silent {
        silence: Silence,
        looking: bool,
    },
}

/// None: nothing was ever heard of this identity.
pub fn reaping(state: &State, peer: &Identity) -> Option<Reaping> {
    with_case(state, peer, |case| {
        let Some(session) = &case.presence.session else { return Reaping::NoSession };
        if let SessionPhase::Ending { reaped, since, .. } = session.phase {
            return Reaping::Decided { reaped, since };
        }
        if !session.is_ready() {
            return Reaping::NotReady { woken: session.woken };
        }
        if let (None, Some(asked)) = (session.delivering, case.presence.verbs.first()) {
            return Reaping::Typing { verb: asked.verb };
        }
        match (reap::verdict(&case, session), session.delivering) {
            (_, Some(message)) => Reaping::Delivering { message },
            (Verdict::Nothing, None) => Reaping::Unseen,
            (Verdict::Keep(why), None) => Reaping::Kept(why),
            (Verdict::Silent(silence), None) => Reaping::Silent { silence, looking: session.looking },
        }
    })
}

/// None: nothing was ever heard of this identity.
pub fn waking(state: &State, peer: &Identity) -> Option<NextWake> {
    with_case(state, peer, wake::next_wake)
}

fn with_case<T>(state: &State, peer: &Identity, ask: impl FnOnce(Case) -> T) -> Option<T> {
    let record = deadline::asking(state.lsn, state.now?);
    Some(ask(Case { state, record: &record, peer, presence: state.presences.get(peer)? }))
}
