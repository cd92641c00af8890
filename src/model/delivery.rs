//! Deliveries: what they wait for, how they end, what proves them (C13, C14, C27).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a delivery waits for before its paste. Waiting is no attempt and has no limit (C13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Another delivery of this identity is under way (C30).
    Lane,
    /// The input box is not on the screen.
    BoxNotOpen,
    /// The box holds text that is not ours.
    BoxNotEmpty,
    /// A person is attached and has text in the composer (C32).
    PersonTyping { waited_ms: u64 },
    /// The program's turn is still running (C33a).
    TurnRunning,
    /// A dialog that needs a person is open.
    NeedsPerson { on: String },
    /// The program did not ask for bracketed paste (C27).
    PasteModeOff,
    /// A person holds the pane in a tmux mode while attached.
    PaneInMode,
    /// The question itself failed; nothing is decided on it (C43).
    NotKnown { why: String },
}

/// Where the runtime's own record stood before the paste: only what lies behind counts as proof (C14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordMark {
    pub path: PathBuf,
    pub offset: u64,
}

/// What shows that the runtime has begun on this very message (C14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A hook carried the whole message, byte for byte.
    Hook,
    /// The record names message and attempt.
    Transcript,
    /// A message of this session that names the task.
    Answer,
    Screen,
    /// Accepted keys only (routers).
    Keys,
    /// An entry of the record is the whole message, byte for byte.
    TranscriptExact,
}

/// The step a delivery had reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStep {
    /// Before anything was typed.
    Open,
    Paste,
    Land,
    Submit,
    Prove,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOutcome {
    Proven {
        proof: Proof,
    },
    /// A step failed. `typed`: bytes of it may have reached the program.
    Failed {
        step: DeliveryStep,
        why: String,
        typed: bool,
    },
    /// Submitted, and no proof in time (C28); the last lines of the screen.
    Unproven {
        waited_ms: u64,
        screen: String,
    },
    /// Its session ended under it, or its lane was cancelled (C52a).
    CutOff {
        typed: bool,
    },
    /// The program can never take it as it is, however often it is tried; nothing was typed.
    Impossible {
        why: String,
    },
}

/// How a delivery in doubt was settled (C34).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// The runtime's record holds it, behind the mark.
    Found,
    /// The record can be read and does not hold it.
    Absent,
    /// There is no record, or it cannot be read.
    CannotTell { why: String },
    /// The runtime's record holds it behind the mark, byte for byte.
    FoundExact,
}
