//! What a peer says of itself (C1), and what we were told about it when it was registered (C4, C5).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::name::{Personality, Runtime};

/// Whether each message gets a session of its own (C2, C35).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WakePolicy {
    /// One session, resumed or renewed as topics ask.
    Persistent,
    /// One fresh session a task; `wake_policy` is exactly `ephemeral`.
    Ephemeral,
}

/// The part of a profile that rules look at; the file may hold more (C1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub personality: Personality,
    pub default_runtime: Runtime,
    /// Every runtime the peer may be present in, the default one included.
    pub runtimes: Vec<Runtime>,
    pub description: String,
    pub intelligence: Intelligence,
    pub initial_prompt: Option<String>,
    pub wake_policy: WakePolicy,
    /// `interfaces.telegram` is set: a person talks to it (C17).
    pub converses_with_people: bool,
    /// A death is followed by a resume, not a fresh session (C17).
    pub resume_on_death: bool,
    /// What the file says that is honoured differently than written, for `doctor` (C2, C42).
    pub remarks: Vec<String>,
}

/// Who thinks behind the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intelligence {
    Artificial,
    Natural,
    Absent,
}

/// A registered peer: its folder, its profile, and what its user granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    pub folder: PathBuf,
    pub profile: Profile,
    /// Dialogs that may be answered on the user's behalf (C24).
    pub consents: Vec<String>,
    /// Arguments added to the program's argv for this peer.
    pub args: Vec<String>,
    /// Kept alive by something else: only delivered to (C5).
    pub managed: Option<Managed>,
}

impl Registration {
    /// A peer whose profile says no more than its name and its one runtime, and to whom nothing was granted.
    pub fn plain(folder: impl Into<PathBuf>, personality: Personality, runtime: Runtime) -> Self {
        let profile = Profile {
            personality,
            default_runtime: runtime.clone(),
            runtimes: vec![runtime],
            description: String::new(),
            intelligence: Intelligence::Artificial,
            initial_prompt: None,
            wake_policy: WakePolicy::Persistent,
            converses_with_people: false,
            resume_on_death: false,
            remarks: Vec::new(),
        };
        Self { folder: folder.into(), profile, consents: Vec::new(), args: Vec::new(), managed: None }
    }
}

/// A session of somebody else's tmux server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    pub by: String,
    pub socket: PathBuf,
    pub target: String,
}
