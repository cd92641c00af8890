//! Messages: text for a peer, and what has become of it (C13).

use serde::{Deserialize, Serialize};

use super::actor::Sender;
use super::delivery::{Gate, RecordMark};
use super::id::{Generation, Lsn, MessageId};
use super::name::Identity;
use super::profile::WakePolicy;
use super::session::Ending;
use super::time::Timestamp;

/// Longest topic, in characters.
pub const TOPIC_CHARS_MAX: usize = 200;
/// Longest idempotency key, in characters (C8).
pub const KEY_CHARS_MAX: usize = 128;

/// Why a message exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Somebody sent it.
    Message,
    /// Says that another message was not delivered: never wakes, never a task, never causes a report (C13).
    Report,
    /// The peer's own `initial_prompt`, for a session that was brought up without a message (C19).
    Prompt,
}

/// An accepted message that is not settled yet. Its text stays in the journal, at `accepted`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    pub id: MessageId,
    pub to: Identity,
    pub from: Sender,
    pub topic: Option<String>,
    pub purpose: Purpose,
    /// The policy in force when it was accepted (C3).
    pub policy: WakePolicy,
    pub bytes: u32,
    pub accepted: Lsn,
    pub accepted_at: Timestamp,
    pub fate: Fate,
    /// Pastes begun so far (C13).
    pub attempts: u32,
    /// Deliveries that failed, also before anything could be typed.
    pub failures: u32,
    /// Sessions that took this task and died before answering (C41a).
    pub unfinished: u32,
    /// Pasted at least once without proof: the next one may be a duplicate (C34).
    pub possible_duplicate: bool,
    /// Not tried again before this moment (C13).
    pub retry_at: Option<Timestamp>,
    /// Why its last delivery failed: whoever asks why it waits wants to hear that first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How the session before ended, for the envelope's note (C41a).
    pub session_before: Option<SessionBefore>,
    /// Where the runtime's own record stood before the last paste (C14).
    pub mark: Option<RecordMark>,
    /// Of what was typed last, for a proof that compares the whole (C14).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub print: Option<TextPrint>,
    /// What the delivery waits for, as last observed.
    pub waiting_for: Option<Gate>,
    /// Its sender waits for a reply, and none has come yet (C13).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reply_asked: bool,
}

/// A message that was delivered and for which a peer waits for a reply. It is settled by the answer, or by the report that
/// none will come (C13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub message: MessageId,
    pub from: Sender,
}

/// How the session that had this task before ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionBefore {
    pub ending: Ending,
    pub lived_ms: u64,
}

impl Message {
    /// Whether it is being typed, or was: its program may have begun on it.
    pub fn is_begun(&self) -> bool {
        matches!(self.fate, Fate::Delivering { begun: Some(_), .. })
    }
}

/// Exactly one of these holds (C13). Cancelled and settled messages leave the state; the journal keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    Queued,
    /// Handed to this session's lane; `begun` is the record behind which its proof must stand.
    Delivering {
        generation: Generation,
        begun: Option<Lsn>,
    },
    /// Proven. Kept in the state only while it is an ephemeral session's task.
    Delivered {
        generation: Generation,
    },
    /// Given up, kept and listed, retryable by hand.
    Dead {
        since: Timestamp,
        why: String,
    },
}

/// Tells one text from another without keeping it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextPrint {
    pub bytes: u64,
    pub crc: u32,
}

impl TextPrint {
    pub fn of(text: &str) -> Self {
        Self { bytes: text.len() as u64, crc: crc32fast::hash(text.as_bytes()) }
    }
}
