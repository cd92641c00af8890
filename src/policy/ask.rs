//! What the rules would say of a peer between two records, for people: the same rules, asked without deciding anything.

use super::reap::{self, Verdict};
use super::{Case, deadline, wake};
use crate::model::event::KeptBecause;
use crate::model::id::{Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::session::{Source, TypedVerb};
use crate::model::state::{Session, SessionPhase, State};
use crate::model::time::Timestamp;

pub use super::reap::{Limit, Silence};
pub use super::wake::NextWake;

/// How a peer stands to its session's being reaped by policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaping {
    NoSession,
    /// It was decided.
    Decided {
        reaped: Lsn,
        since: Timestamp,
    },
    /// All of this keeps it, in the order in which it is asked.
    Held(Vec<Hold>),
}

/// One thing that keeps a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
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

/// As of `now`. None: nothing was ever heard of this identity.
pub fn reaping(state: &State, peer: &Identity, now: Timestamp) -> Option<Reaping> {
    with_case(state, peer, now, |case| {
        let Some(session) = &case.presence.session else { return Reaping::NoSession };
        if let SessionPhase::Ending { reaped, since, .. } = session.phase {
            return Reaping::Decided { reaped, since };
        }
        let mut held = Vec::new();
        if !session.is_ready() {
            held.push(Hold::NotReady { woken: session.woken });
        }
        held.extend(session.delivering.map(|message| Hold::Delivering { message }));
        held.extend(case.presence.verbs.iter().map(|asked| Hold::Typing { verb: asked.verb }));
        if session.is_ready() {
            held.extend(reap::is_unseen(&case, session).then_some(Hold::Unseen));
            held.extend(reap::all_verdicts(&case, session).into_iter().filter_map(|verdict| match verdict {
                Verdict::Nothing => None,
                Verdict::Keep(why) => Some(Hold::Kept(why)),
                Verdict::Silent(silence) => Some(Hold::Silent { silence, looking: session.looking }),
            }));
        }
        Reaping::Held(held)
    })
}

/// As of `now`. None: nothing was ever heard of this identity.
pub fn waking(state: &State, peer: &Identity, now: Timestamp) -> Option<NextWake> {
    with_case(state, peer, now, wake::next_wake)
}

/// From when on a session's silence is counted, and by what sign.
pub fn last_sign(session: &Session) -> (Timestamp, Source) {
    reap::last_sign(session)
}

fn with_case<T>(state: &State, peer: &Identity, now: Timestamp, ask: impl FnOnce(Case) -> T) -> Option<T> {
    let record = deadline::asking(state.lsn, now);
    Some(ask(Case { state, record: &record, peer, presence: state.presences.get(peer)? }))
}
