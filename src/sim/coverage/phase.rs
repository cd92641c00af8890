//! How a peer stands when a fact reaches it: the columns of the table.

use crate::model::record::Subject;
use crate::model::session::Turn;
use crate::model::state::{Presence, Session, SessionPhase, State};

macro_rules! phases {
    ($($(#[$doc:meta])* $name:ident $word:literal;)*) => {
        /// Finer than what `ls` says, for the rules tell these apart.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Phase { $($(#[$doc])* $name),* }

        impl Phase {
            pub const ALL: &[Phase] = &[$(Phase::$name),*];

            /// At most seven letters.
            pub fn word(self) -> &'static str {
                match self { $(Phase::$name => $word),* }
            }
        }
    };
}

phases! {
    /// The fact is about no peer.
    Nobody "nobody";
    /// Nothing was ever known of this identity, or all of it is forgotten.
    New "new";
    /// Something else keeps it alive.
    External "extern";
    Asleep "asleep";
    Stopped "stopped";
    Quarantined "looped";
    Launching "launch";
    Booting "boot";
    Open "open";
    /// Ready, and its turn runs.
    Works "works";
    /// Ready, and it waits for a person.
    Asks "asks";
    /// Ready, and it does nothing that is known.
    Rests "rests";
    Ending "ending";
}

impl Phase {
    /// Of the peer that `subject` names, as `state` has it.
    pub fn of(state: &State, subject: &Subject) -> Phase {
        let Some(peer) = &subject.peer else { return Phase::Nobody };
        let Some(presence) = state.presences.get(peer) else { return Phase::New };
        if state.is_managed(peer) {
            return Phase::External;
        }
        match &presence.session {
            Some(session) => of_session(session),
            None => of_nobody_there(presence),
        }
    }
}

fn of_session(session: &Session) -> Phase {
    match (&session.phase, &session.turn) {
        (SessionPhase::Launching, _) => Phase::Launching,
        (SessionPhase::Booting, _) => Phase::Booting,
        (SessionPhase::Open, _) => Phase::Open,
        (SessionPhase::Ending { .. }, _) => Phase::Ending,
        (SessionPhase::Ready { .. }, Turn::Running { .. } | Turn::Background { .. }) => Phase::Works,
        (SessionPhase::Ready { .. }, Turn::Waiting { .. }) => Phase::Asks,
        (SessionPhase::Ready { .. }, Turn::Unknown | Turn::Ended { .. } | Turn::Failed { .. }) => Phase::Rests,
    }
}

fn of_nobody_there(presence: &Presence) -> Phase {
    if presence.stopped.is_some() {
        return Phase::Stopped;
    }
    if presence.quarantine.is_some() { Phase::Quarantined } else { Phase::Asleep }
}
