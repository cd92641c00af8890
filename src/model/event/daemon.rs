//! Events about the daemon itself, its settings and its deadlines.

use serde::{Deserialize, Serialize};

use crate::model::name::Runtime;
use crate::model::settings::{SettingGiven, Settings};

/// Observed: a daemon has replayed the journal and begins to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStarted {
    pub version: String,
    pub pid: u32,
    /// What `tmux -V` said, if it could be asked.
    pub tmux: Option<String>,
}

/// Observed: what was in flight has been looked at, each finding an event of its own; from here on the daemon serves
/// (C60).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonReady {
    pub adopted: u32,
    pub gone: u32,
    pub not_known: u32,
}

/// Observed: the daemon ends in order; sessions go on (C61).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStopped {
    pub why: String,
}

/// Observed: these settings are in force from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChanged {
    pub settings: Settings,
    /// Those that somebody gave, and where, in the order in which they are shown; all others stand at their defaults. None:
    /// nobody noted it.
    pub given: Option<Vec<SettingGiven>>,
}

/// As it was first written: where a value came from was not noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChangedV1 {
    pub settings: Settings,
}

impl From<SettingsChangedV1> for SettingsChanged {
    fn from(old: SettingsChangedV1) -> Self {
        Self { settings: old.settings, given: None }
    }
}

/// Observed: the settings file, or that of a runtime, is invalid; what it would have replaced stays (C3a).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsUnreadable {
    pub why: String,
}

/// Observed: the runtimes this daemon knows, with what the rules need of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimesChanged {
    pub runtimes: Vec<RuntimeTraits>,
}

/// What the rules need to know of a runtime's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeTraits {
    pub name: Runtime,
    pub kind: RuntimeKind,
    /// It has a `resume_argv`.
    pub can_resume: bool,
    /// The program tells its turns itself; else they are judged (C46a).
    pub tells_turns: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeKind {
    Tui,
    Router,
}

/// Elapsed: the deadline that `next_deadline` named has passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadlinePassed {
    pub deadline: DeadlineKind,
}

/// What waits for time to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlineKind {
    /// A session is old enough in silence to be looked at (C37, C38, C45, C46a).
    Look,
    /// A boot slot has been held for its 20 s (C20).
    BootSlot,
    /// A failed delivery or wake may be tried again (C13).
    Retry,
    /// The oldest death leaves the window (C48).
    Quarantine,
}

/// Ended: the user's `on_attention` command ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttentionCalled {
    pub what: String,
    /// Why it could not be run or how it failed.
    pub failed: Option<String>,
}

/// Observed: somebody was turned away at a door of the daemon before anything could be asked of it (C62). Its subject is
/// the session whose secret was shown, if it is one that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRefused {
    /// Which door: `mcp`.
    pub door: String,
    /// The HTTP status that was answered.
    pub status: u16,
    pub rule: String,
    pub why: String,
    /// Whose process called, as far as the kernel told.
    pub uid: Option<u32>,
    /// How many calls this record stands for: those that come again within a minute are counted, for a flood of them must
    /// not fill the journal.
    pub times: u32,
}
