//! Events about peers and what operators asked of them.

use serde::{Deserialize, Serialize};

use crate::model::id::{Lsn, MessageId};
use crate::model::name::Personality;
use crate::model::profile::{Profile, Registration};

/// Requested: a folder is a peer from here on (C4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRegistered {
    pub registration: Registration,
    pub reason: Option<String>,
}

/// Requested: forget this peer (C4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveRequested {
    pub force: bool,
    pub reason: Option<String>,
}

/// Observed: the profile's file says something else than before (C3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileChanged {
    pub profile: Profile,
}

/// Observed: the profile's file cannot be read; the last one in the journal stays in force (C3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileUnreadable {
    pub personality: Personality,
    pub why: String,
}

/// Requested, and refused: nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRefused {
    pub verb: String,
    pub rule: String,
    pub why: String,
    /// The next step, if there is one.
    pub hint: Option<String>,
}

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name { $(pub $field: $type,)* pub reason: Option<String> })*
    };
}

requests! {
    /// Requested: end this peer's session and let no message wake it (C52).
    StopRequested {}
    /// Requested: lift stop and quarantine (C53).
    StartRequested {}
    /// Requested: a fresh session now, whatever was there (C54). `mint` names the prompt's message, if one is needed.
    NewRequested { mint: MessageId }
    /// Requested: fresh at the next natural wake (C54).
    RefreshRequested {}
    /// Requested: a live session to look at, resumed if need be (C57).
    AttachRequested { mint: MessageId }
    /// Requested: a fresh session, started by its user from the folder (C17).
    RunRequested { mint: MessageId }
    /// Requested by the session itself: its task is done, nothing to say (C55).
    DoneCalled {}
    /// Requested by the session itself: fresh at its next wake (C55).
    FreshCalled {}
    /// Requested: one key that ends the turn of this session (C56).
    InterruptRequested {}
    /// Requested: the program shall sum its conversation up; a parked peer is resumed for it first (C56). `mint` names the
    /// prompt's message, should it not be resumed after all.
    CompactRequested { mint: MessageId }
}

/// Concluded: the operator's stop holds from here on (C52).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopSet {}

/// Concluded: the stop no longer holds (C53).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopCleared {
    pub stopped: Lsn,
}

/// Concluded: the next natural wake will be fresh (C54).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshMarked {}

/// Concluded: this peer is no longer ours; its folder stays (C4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerForgotten {}
