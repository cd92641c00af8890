//! What hooks say, understood by the runtimes as they are known now.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::effect::SessionName;
use crate::model::record::{Draft, Subject};
use crate::model::state::State;
use crate::protocol;
use crate::runtime::{Runtimes, hook};

/// Shared by all who hear hooks; renewed when the runtimes are read again.
#[derive(Clone, Debug)]
pub struct Ears(Arc<RwLock<Arc<Runtimes>>>);

impl Ears {
    pub fn new(runtimes: Arc<Runtimes>) -> Self {
        Self(Arc::new(RwLock::new(runtimes)))
    }

    pub(super) fn renew(&self, runtimes: Arc<Runtimes>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = runtimes;
    }

    /// The facts of one hook of `session`, whose conversation is known to be called so; none if it says nothing of it.
    pub(super) fn facts(&self, session: &SessionName, conversation: Option<&str>, said: &protocol::Hook) -> Vec<Draft> {
        let runtimes = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let Some(spec) = runtimes.get(&session.peer.runtime) else { return Vec::new() };
        let hook = hook::Hook { payload: &said.payload, said_at: said.said_at, conversation };
        let subject = Subject::session(&session.peer, session.generation);
        let about = |message| Subject { message, ..subject.clone() };
        hook::facts(&spec, hook).into_iter().map(|(event, message)| Draft::own(about(message), None, event)).collect()
    }
}

/// What this session's conversation is called, as far as the state knows.
pub(super) fn conversation(state: &State, session: &SessionName) -> Option<String> {
    state.session(&session.peer, session.generation)?.resume_ref.clone()
}

/// What the conversations of `sessions` are called.
pub(super) fn conversations(state: &State, sessions: &[SessionName]) -> BTreeMap<SessionName, String> {
    sessions.iter().filter_map(|session| Some((session.clone(), conversation(state, session)?))).collect()
}
