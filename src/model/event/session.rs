//! Events about sessions: waking, living, ending.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::id::{Lsn, MessageId};
use crate::model::message::TextPrint;
use crate::model::session::{ArmedBy, Ending, ReapReason, Source, Turn, WakeBranch, WakeGate, WakeMode, WakeReason};
use crate::model::time::Timestamp;

/// Observed: the session's own process is up and has started the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStarted {
    /// The shim, with the start time that tells it from a later process of the same number.
    pub pid: u32,
    pub start_ticks: u64,
    pub socket: PathBuf,
    /// What a later wake may resume this conversation by.
    pub resume_ref: Option<String>,
    /// From the wake's durability to here.
    pub took_ms: u64,
}

/// How far a wake had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WakePhase {
    Launch,
    Boot,
    Deliver,
    /// Nobody watched: the daemon was down.
    Unwatched,
}

/// Ended: the launch or the boot failed. Of a program that ended under its boot this has only what it said last, and its end is
/// told behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchFailed {
    pub phase: WakePhase,
    pub why: String,
    /// The last lines of the screen, if there was one.
    pub screen: Option<String>,
    /// A session may be left and has to be ended (C29).
    pub left_session: bool,
}

/// Observed: one key was pressed in a known dialog (C24).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialogAnswered {
    pub dialog: String,
    pub key: String,
    pub consent: Option<String>,
    /// The line of the screen that was recognised.
    pub saw: String,
}

/// Observed: the input surface is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxOpened {
    pub boot_ms: u64,
}

/// Observed: the program's turn began, ended, or waits (C46b).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnObserved {
    pub turn: TurnSeen,
    pub source: Source,
    /// The program's own name for the turn.
    pub turn_id: Option<String>,
    /// When the program said it, where that is known: words may come late, and one behind the other.
    pub said_at: Option<Timestamp>,
}

impl TurnObserved {
    /// When it was said, if it was heard at `heard`. A clock of somebody else's may be ahead: nothing is heard before it
    /// was said.
    pub fn said(&self, heard: Timestamp) -> Timestamp {
        self.said_at.filter(|at| at.is_by(heard)).unwrap_or(heard)
    }

    /// Whether it was said before the newest word on the turn, or is that very word once more (C46b).
    ///
    /// A status file knows its moment by the wall clock alone: its awake time is too early by what the machine has slept
    /// since, and its wall time may be of a clock that was set. It is behind only if neither says otherwise.
    pub fn is_behind(&self, newest: Option<Timestamp>) -> bool {
        let (Some(said), Some(newest)) = (self.said_at, newest) else { return false };
        said.is_by(newest) && (self.source != Source::StatusFile || said.wall_us <= newest.wall_us)
    }
}

/// The reason of a failure that its source does not tell.
pub const UNNAMED_ERROR: &str = "unnamed error";

/// What a source can say of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnSeen {
    Running,
    Ended,
    /// The program says that it does nothing, whatever was counted before.
    Idle,
    Waiting {
        on: String,
    },
    Failed {
        reason: String,
    },
    /// Its turn is over, and work of its own goes on that it will wake up from (C46).
    Background {
        on: String,
    },
    /// A sign of life that tells nothing of the turn: a child agent's, or the beginning of a conversation (C45).
    Alive,
}

/// Observed: the program says itself that it was given this very attempt, and what it was given (C14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptTaken {
    pub attempt: u32,
    /// Of the whole prompt, as `delivery_begun` has the one that was typed: only the same is proof.
    pub print: TextPrint,
    pub said_at: Option<Timestamp>,
}

/// Observed: what the program calls its conversation, where dormouse could not choose the name (C17).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationNamed {
    /// What a later wake may resume it by.
    pub resume_ref: String,
    pub source: Source,
}

/// Ended: somebody looked at the session; how long ago each source last moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLooked {
    /// None: the source does not exist here.
    pub screen_silent_ms: Option<u64>,
    pub transcript_silent_ms: Option<u64>,
    /// A dialog that needs a person is on the screen.
    pub waiting_on: Option<String>,
    /// A person has the session before them: whatever it does, it is in use.
    pub attached: bool,
    /// Its screen says that it is at work.
    pub working: bool,
}

/// Observed: the question whether it lives, or what it does, could not be answered (C43).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionNotKnown {
    pub question: String,
    pub why: String,
}

/// Observed: the session is gone, with its whole tree (C44, C49).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionGone {
    pub ending: Ending,
    pub lived_ms: u64,
    /// Processes of its tree that had to be killed after the program had ended.
    pub strays: u32,
    /// Found at the daemon's start, not as it happened.
    pub found_at_start: bool,
}

/// Observed at start: a live session of ours, by its generation (C60).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionAdopted {
    pub pid: u32,
    /// What it is doing, as far as its own files tell.
    pub turn: Option<TurnSeen>,
}

/// Observed at start: a session that no state of ours knows was ended (C60).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrphanEnded {
    pub what: String,
    pub strays: u32,
}

/// Ended: the kill could not be verified; it is tried again (C49).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillFailed {
    pub why: String,
    pub survivors: u32,
}

/// Concluded: give this peer a session. Its lsn is the session's generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeDecided {
    pub mode: WakeMode,
    pub branch: WakeBranch,
    pub reason: WakeReason,
    /// The first input, when there is one.
    pub message: Option<MessageId>,
    /// The peer's `initial_prompt` is typed as this message of its own (C19).
    pub prompt: Option<MessageId>,
    pub attempt: u32,
    pub possible_duplicate: bool,
    /// Sessions booting, this one included, and the limit (C20).
    pub booting: u32,
    pub boots_max: u32,
    /// The park this wake consumes (C17).
    pub park: Option<Lsn>,
}

/// Concluded: no wake, and why (C15). Recorded when the reason changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeRefused {
    pub gate: WakeGate,
}

/// Concluded: the wake has done what it was for (C28).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionReady {
    /// From the wake's decision.
    pub wake_ms: u64,
}

/// Concluded: the wake did not (C28, C29).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeFailed {
    pub phase: WakePhase,
    pub why: String,
    pub screen: Option<String>,
    /// Counts as a death: it was the program's own failure, whether or not it left a session to be ended (C29, C48). Not so if
    /// it ended by itself: then `session_died` counts.
    pub counted: bool,
    /// A session is left, and ended.
    pub left_session: bool,
    pub retry_in_ms: u64,
}

/// Concluded: the slot was held for its time; the boot goes on without it (C20).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootSlotReleased {
    pub held_ms: u64,
}

/// Concluded: the worker has answered; once quiet it may be reaped (C36).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    pub by: ArmedBy,
}

/// Concluded from indirect evidence: the turn has begun or ended (C46a). Judged, not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnJudged {
    pub turn: Turn,
    pub because: String,
}

/// Concluded: look at the session before anything is decided on its silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookDecided {
    pub silent_ms: u64,
    pub last_sign: Timestamp,
    pub source: Source,
}

/// Concluded: this session ends (C37, C38, C45, C52). Not a death.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaped {
    pub reason: ReapReason,
}

/// Concluded: not reaped, and why that is a surprise. Recorded when the reason changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub why: KeptBecause,
}

/// What keeps a session that looks silent (C43, C46).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptBecause {
    TurnRunning,
    WaitsForPerson,
    DeliveryInFlight,
    MessageWaiting,
    NotKnown,
    BackgroundWork,
}

/// Concluded: the next task of an ephemeral worker that has no session (C40).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    pub queue_depth: u32,
}

/// Concluded: what was there may be resumed (C47).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    pub resume_ref: Option<String>,
    pub topics: Vec<String>,
}

/// Concluded: it ended without a decision of ours and without having finished (C44).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDied {
    pub ending: Ending,
    pub lived_ms: u64,
    /// Deaths in the window, this one included, and the limit (C48).
    pub deaths: u32,
    pub deaths_max: u32,
    pub window_ms: u64,
    /// Counts towards the crash-loop guard; the machine going down does not.
    pub counted: bool,
    /// The ephemeral task it was working on.
    pub task: Option<MessageId>,
}

/// Concluded: it ended by itself and well (C44a).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionFinished {
    pub lived_ms: u64,
    pub armed: bool,
}

/// Concluded: the session we decided to end is gone, and how it took it (C49).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnded {
    pub reaped: Lsn,
    pub ending: Ending,
    pub took_ms: u64,
    pub strays: u32,
}

/// Concluded: the kill could not be verified, so it is asked for again (C49).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillRepeated {
    pub reaped: Lsn,
    pub since_ms: u64,
}

/// Concluded: too many deaths; no wakes until the window passes or an operator starts the peer (C48).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    pub deaths: Vec<Lsn>,
    pub window_ms: u64,
    pub until: Timestamp,
}

/// Concluded: wakes are allowed again (C48).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineLifted {
    /// `start` lifted it (C53); else the window has passed.
    pub by_operator: bool,
}
