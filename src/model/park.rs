//! What is kept of a conversation that may be gone on with (C17).

use serde::{Deserialize, Serialize};

use super::id::Lsn;
use super::state::Mark;
use super::time::Timestamp;

/// What was parked may be resumed (C47).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Park {
    pub lsn: Lsn,
    pub at: Timestamp,
    pub resume_ref: Option<String>,
    pub topics: Vec<String>,
}

/// How the last life ended, for `resume_on_death`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastDeath {
    pub lsn: Lsn,
    pub resume_ref: Option<String>,
    pub topics: Vec<String>,
}

/// What a wake takes (C17). It is spent once the session is ready; one that never is gives it back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    pub park: Option<Park>,
    pub died: Option<LastDeath>,
    pub refresh: Option<Mark>,
}
