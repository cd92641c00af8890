//! Sessions: how they start, what they do, how they end.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::{Lsn, MessageId};
use super::time::Timestamp;

/// How a session begins (C17).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WakeMode {
    Fresh,
    Resumed { resume_ref: String },
}

/// Which line of C17 decided fresh or resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WakeBranch {
    FolderLaunch,
    Attach,
    /// `new`: a fresh session now, whatever was there (C54).
    New,
    RefreshMark,
    Ephemeral,
    FirstWake,
    Died,
    ResumeOnDeath,
    HumanConversation,
    TopicKnown,
    TopicNew,
    NoTopic,
    /// `compact` resumes a parked peer first (C56).
    Compact,
    /// It was to be resumed, and its program ended each time that was tried.
    ResumeFailed,
}

/// What asked for the wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WakeReason {
    Message,
    /// An ephemeral worker's next task (C40).
    Drain,
    Attach,
    New,
    FolderLaunch,
    /// Its conversation is to be compacted (C56).
    Compact,
}

/// Why a wake was not decided, in the order of C15, and what must pass first (C20).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WakeGate {
    ManagedElsewhere {
        by: String,
    },
    RuntimeNotDeclared,
    Stopped {
        since: Timestamp,
    },
    Quarantined {
        left_ms: u64,
    },
    AlreadyLive,
    /// All boot slots are taken; the wakes run in the order of their messages (C20).
    BootSlots {
        booting: u32,
        boots_max: u32,
    },
    /// The last wake failed: such peers share one slot (C20, C51).
    FailedBootSlot,
    /// The head of the queue waits for its next attempt (C13).
    RetryDelay {
        left_ms: u64,
    },
}

/// Where a program's end was seen and what it was (C44).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    #[serde(rename = "exited")]
    Code { code: i32 },
    #[serde(rename = "killed")]
    Signal { signal: i32 },
    /// The program could not be started at all.
    ExecFailed { errno: i32, program: String },
    /// The terminal went away: the tmux server ended and took the session with it.
    TerminalLost { then: Option<Box<Ending>> },
    /// No program was ever started for this generation.
    NeverStarted,
    /// The machine went down (another boot id).
    MachineDown,
    /// It is gone, and nobody saw how: the process that would have known was killed as well.
    NotKnown { why: String },
}

impl Ending {
    /// A normal end: exit code 0 (C44a).
    pub fn is_success(&self) -> bool {
        matches!(self, Ending::Code { code: 0 })
    }

    /// What stands before the time that the session has lived: where nobody saw its end, it is that up to when it was last
    /// seen to live.
    pub fn at_least(&self) -> &'static str {
        match self {
            Ending::MachineDown | Ending::NotKnown { .. } => "at least ",
            Ending::Code { .. }
            | Ending::Signal { .. }
            | Ending::ExecFailed { .. }
            | Ending::TerminalLost { .. }
            | Ending::NeverStarted => "",
        }
    }
}

/// As a sentence goes on after "the session": "died by signal 9".
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Code { code } => write!(f, "exited with code {code}"),
            Ending::Signal { signal } => write!(f, "died by signal {signal}"),
            Ending::ExecFailed { errno, program } => {
                write!(f, "could not start `{program}`: {}", std::io::Error::from_raw_os_error(*errno))
            }
            Ending::TerminalLost { then: None } => f.write_str("lost its terminal"),
            Ending::TerminalLost { then: Some(then) } => write!(f, "lost its terminal and {then}"),
            Ending::NeverStarted => f.write_str("was never started"),
            Ending::MachineDown => f.write_str("went down with the machine"),
            Ending::NotKnown { why } => write!(f, "is gone, nobody saw how ({why})"),
        }
    }
}

/// What is known of a session's turn (C46).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Nothing was ever seen of it.
    Unknown,
    Running {
        since: Timestamp,
        judged: bool,
    },
    Ended {
        at: Timestamp,
        judged: bool,
    },
    /// A dialog is open: it needs a person.
    Waiting {
        since: Timestamp,
        on: String,
    },
    /// The program reports an error of its own (limit, sign-out, API).
    Failed {
        at: Timestamp,
        reason: String,
    },
    /// Its turn is over, and work of its own goes on that it will wake up from.
    Background {
        since: Timestamp,
        on: String,
    },
}

/// Where a sign of life or a turn was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Hook,
    StatusFile,
    Transcript,
    /// The program's own words in its terminal output (OSC 7501).
    Terminal,
    Screen,
    Delivery,
    Answer,
    Wake,
    /// A person was attached.
    Person,
    /// The title that the program has given its terminal.
    Title,
}

/// Why a session is ended by us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReapReason {
    /// C45, C47.
    Idle { idle_ms: u64, idle_ms_max: u64, last_sign: Timestamp, source: Source },
    /// C37: armed, its turn has ended, and quiet since.
    Done { armed: Lsn, quiet_ms: u64, quiet_ms_max: u64 },
    /// C38: never armed and truly silent.
    Unarmed { silent_ms: u64, silent_ms_max: u64 },
    /// C52.
    Stopped,
    /// C54.
    Replaced,
    /// C4.
    Removed,
    /// C29: a wake that failed and left a live session.
    WakeFailed,
    /// C35: a worker's session without a task: what it was woken for was settled before it could be typed, or it was
    /// brought up bare and a task has come, which gets a session of its own; or a router stood in the way of one (C3).
    Unneeded,
}

impl ReapReason {
    /// Its name, as the journal and `--json` have it.
    pub fn word(&self) -> &'static str {
        match self {
            ReapReason::Idle { .. } => "idle",
            ReapReason::Done { .. } => "done",
            ReapReason::Unarmed { .. } => "unarmed",
            ReapReason::Stopped => "stopped",
            ReapReason::Replaced => "replaced",
            ReapReason::Removed => "removed",
            ReapReason::WakeFailed => "wake_failed",
            ReapReason::Unneeded => "unneeded",
        }
    }
}

/// What a worker armed itself with (C36).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmedBy {
    Message { message: MessageId },
    Done,
}

/// How a task ended (C13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskEnd {
    Answered,
    WithoutAWord,
}

/// What an operator has typed into a live session (C56).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypedVerb {
    /// One key that ends the turn.
    Interrupt,
    /// A command of the program's own, into its open and empty box.
    Compact,
}

impl TypedVerb {
    /// The word a user types for it.
    pub fn word(self) -> &'static str {
        match self {
            TypedVerb::Interrupt => "interrupt",
            TypedVerb::Compact => "compact",
        }
    }
}

/// A wake that has failed (C28).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WakeFailure {
    pub lsn: Lsn,
    pub at: Timestamp,
    pub why: String,
}
