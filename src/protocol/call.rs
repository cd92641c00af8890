//! What is asked.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::VERSION;
use crate::model::id::MessageId;
use crate::model::profile::Managed;
use crate::model::time::Timestamp;

/// One call: who says to be asking, why, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub version: u32,
    /// Minted once for a call, kept when it is tried again: a session's message without a key of its own has this one
    /// (C8), so that a call that was both answered too late and spooled is one message (C61a).
    pub request_id: MessageId,
    /// What the session's secret file holds; a call without it comes from outside sessions (C62).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Who a caller outside sessions says to be (C12a).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The caller has more to say on this connection, and may say it before this is answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    pub verb: Verb,
}

/// One verb with what it needs. Peers are named as the user named them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Verb {
    Add(Box<AddPeer>),
    Remove {
        peer: String,
        force: bool,
    },
    Send(Box<SendMessage>),
    Stop {
        peer: String,
    },
    Start {
        peer: String,
    },
    New {
        peer: String,
    },
    Refresh {
        peer: String,
    },
    RefreshAll,
    Attach {
        peer: String,
    },
    Interrupt {
        peer: String,
    },
    Compact {
        peer: String,
        /// None: for as long as it takes. Counts from the call's arrival.
        timeout_ms: Option<u64>,
    },
    /// Folder launch, in the peer whose folder this is.
    Run {
        folder: PathBuf,
        runtime: Option<String>,
    },
    Cancel {
        message: MessageId,
    },
    Retry {
        message: MessageId,
    },
    SelfDone,
    SelfFresh,
    /// What the program of the calling session says of itself.
    Hook(Box<Hook>),
    Ls,
    Queue {
        peer: Option<String>,
    },
    Peek {
        peer: String,
    },
    /// Whom a session can write to.
    Peers,
    /// What is queued and delivered for and by the session that asks.
    Messages,
    /// Why a message or a peer that concerns the session that asks is as it is.
    Why {
        subject: String,
    },
    WhyNot {
        peer: String,
        question: Undone,
    },
}

/// What has not happened to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undone {
    Reaped,
    Woken,
    Delivered,
    Resumed,
}

/// One hook of a session's program. What it means, the daemon knows: a hook outlives upgrades.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// When it was started.
    pub said_at: Timestamp,
    /// What the program gave to it, an object.
    pub payload: Value,
}

/// A folder to be registered (C4), or registered again: what is not named then stays as it was. Paths are absolute: the
/// daemon stands elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddPeer {
    pub folder: PathBuf,
    pub name: Option<String>,
    pub runtime: Option<String>,
    pub ephemeral: bool,
    pub prompt: Option<String>,
    pub description: Option<String>,
    pub consents: Vec<String>,
    pub args: Vec<String>,
    pub managed: Option<Managed>,
    /// Consents that are taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_consents: Vec<String>,
    /// The arguments so far are taken away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_args: bool,
}

/// A message to be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    pub to: String,
    pub text: String,
    pub topic: Option<String>,
    pub key: Option<String>,
    pub runtime: Option<String>,
    pub progress: bool,
    pub wait: Wait,
    /// None: for as long as it takes. Counts from the call's arrival.
    pub timeout_ms: Option<u64>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<MessageId>,
}

/// What the answer to a message waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// The message is durable in the peer's queue
    #[default]
    Accepted,
    /// The peer's runtime has been proven to have it
    Delivered,
    /// The peer has answered it
    Replied,
}

/// A line that is no call.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the caller speaks version {found} of the control protocol, this daemon speaks {expected}")]
    Version { found: u32, expected: u32 },
    #[error("the call cannot be read: {why}")]
    Malformed { why: String },
}

impl Call {
    pub fn new(request_id: MessageId, verb: Verb) -> Self {
        Self { version: VERSION, request_id, secret: None, from: None, reason: None, more: false, verb }
    }

    /// One line, its newline included.
    pub fn to_line(&self) -> Vec<u8> {
        super::reply::line(self)
    }

    /// Reads one line, with or without its newline.
    ///
    /// What cannot be read may be another version's call, whose rest has another shape: then that is what is wrong with it.
    pub fn from_line(line: &[u8]) -> Result<Self, CallError> {
        #[derive(Deserialize)]
        struct Spoken {
            version: u32,
        }
        let malformed = |error: serde_json::Error| CallError::Malformed { why: error.to_string() };
        let read = serde_json::from_slice::<Self>(line);
        let version = match &read {
            Ok(call) => call.version,
            Err(_) => serde_json::from_slice::<Spoken>(line).map_err(malformed)?.version,
        };
        if version != VERSION {
            return Err(CallError::Version { found: version, expected: VERSION });
        }
        read.map_err(malformed)
    }
}
