//! What is answered.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::VERSION;
use super::call::Verb;
use crate::model::delivery::Proof;
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::profile::Managed;
use crate::model::session::Source;

/// One line of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The message is durable; the caller asked to wait for more, and another line follows.
    Accepted(Sent),
    /// Done, with what the verb has to say.
    Ok(Value),
    Error(Problem),
}

/// Why a call was not done. `message` is one sentence without its next step, which is the `hint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    pub code: ProblemCode,
    pub message: String,
    pub hint: Option<String>,
    /// The very same call may succeed later.
    pub retryable: bool,
    /// Nobody knows yet whether it was done: the journal failed under it (C63).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_doubt: bool,
}

/// What kind of problem. Scripts rely on these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// The call itself makes no sense.
    Usage,
    /// A rule says no.
    Refused,
    /// The world did not.
    Failed,
    TimedOut,
    /// Caller and daemon speak different versions.
    Version,
    /// The journal cannot be written: nothing is accepted (C63).
    JournalRefuses,
    /// Too many callers at once.
    Busy,
    /// The daemon is ending.
    Ending,
    /// The message is dead, cancelled, or its task ended without an answer.
    NotDelivered,
    NoReply,
}

/// What has become of a message when its sender is answered; `send --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// None only for a spooled call: the daemon mints the id when it takes it.
    pub message: Option<MessageId>,
    /// The identity, or `user:NAME`; for a spooled call the peer as it was named.
    pub peer: String,
    pub outcome: SentOutcome,
    pub queue_depth: Option<u32>,
    pub lsn: Option<Lsn>,
    pub proof: Option<Proof>,
    pub reply: Option<Answered>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentOutcome {
    /// Kept in the session's folder until the daemon takes it (C61a).
    Spooled,
    Accepted,
    Delivered,
    Replied,
}

/// The answer to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    pub message: Option<MessageId>,
    /// The identity that answered, else the sender as an envelope says it.
    pub from: String,
    pub text: String,
}

/// What a verb that changes something has led to in its turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub verb: String,
    pub peer: Option<Identity>,
    pub message: Option<MessageId>,
    /// The record of the request itself.
    pub lsn: Lsn,
    /// Kinds of the records that followed from it at once, oldest first.
    pub led_to: Vec<String>,
    /// Messages that were cancelled by it (C4).
    #[serde(default)]
    pub cancelled: Vec<MessageId>,
}

/// A folder that is a peer now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    pub peer: Identity,
    pub folder: PathBuf,
    /// The profile, if there was none before.
    pub profile_written: Option<PathBuf>,
    /// What the profile says that is honoured differently than written.
    pub remarks: Vec<String>,
    /// As they hold now: a folder that is added again keeps what was given before.
    pub consents: Vec<String>,
    pub args: Vec<String>,
    pub managed: Option<Managed>,
    pub lsn: Lsn,
}

/// A live session, for who wants to join its terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    pub peer: Identity,
    pub generation: Generation,
}

/// What was typed into a session, and seen to have worked (C56).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedInto {
    pub peer: Identity,
    pub generation: Option<Generation>,
    /// The record of the request, and that of its end.
    pub lsn: Lsn,
    pub ended: Lsn,
    /// What showed it.
    pub by: Source,
}

/// An overview, with ages as the daemon's clock has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewed {
    pub rows: Value,
    /// The same for people: cells below a heading, for whoever knows how wide the terminal is. Empty if there is nothing.
    pub table: Vec<Vec<String>>,
}

/// A session's screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peeked {
    pub peer: Identity,
    pub generation: Generation,
    pub screen: String,
}

/// A line that is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    #[error("the daemon's answer speaks version {found} of the control protocol, this program speaks {expected}")]
    Version { found: u32, expected: u32 },
    #[error("the daemon's answer cannot be read: {why}")]
    Malformed { why: String },
}

#[derive(Serialize)]
struct Spoken<'a> {
    version: u32,
    #[serde(flatten)]
    said: &'a Reply,
}

/// [`Reply::Ok`] with what the verb has to say as it is, without a detour by a [`Value`].
#[derive(Serialize)]
struct Done<'a, T> {
    version: u32,
    ok: &'a T,
}

/// A line as it is read: one of the three is there.
#[derive(Deserialize)]
struct Heard {
    version: u32,
    accepted: Option<Sent>,
    /// Nothing to say is something said.
    #[serde(default, deserialize_with = "even_null")]
    ok: Option<Value>,
    error: Option<Problem>,
}

fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Reply {
    /// Done, with `data`.
    pub fn ok(data: &impl Serialize) -> Self {
        match serde_json::to_value(data) {
            Ok(value) => Reply::Ok(value),
            Err(error) => Reply::Error(Problem::failed(format!("the answer has no JSON form: {error}"))),
        }
    }

    /// One line, its newline included.
    pub fn to_line(&self) -> Vec<u8> {
        line(&Spoken { version: VERSION, said: self })
    }

    /// The line of [`Reply::ok`] with the same `data`.
    pub fn ok_line(data: &impl Serialize) -> Vec<u8> {
        line(&Done { version: VERSION, ok: data })
    }

    /// Reads one line, with or without its newline.
    pub fn from_line(line: &[u8]) -> Result<Self, ReplyError> {
        #[derive(Deserialize)]
        struct Spoken {
            version: u32,
        }
        let malformed = |error: serde_json::Error| ReplyError::Malformed { why: error.to_string() };
        let read = serde_json::from_slice::<Heard>(line);
        let version = match &read {
            Ok(heard) => heard.version,
            // The rest of another version's reply may have another shape.
            Err(_) => serde_json::from_slice::<Spoken>(line).map_err(malformed)?.version,
        };
        if version != VERSION {
            return Err(ReplyError::Version { found: version, expected: VERSION });
        }
        match read.map_err(malformed)? {
            Heard { accepted: Some(sent), .. } => Ok(Reply::Accepted(sent)),
            Heard { ok: Some(data), .. } => Ok(Reply::Ok(data)),
            Heard { error: Some(problem), .. } => Ok(Reply::Error(problem)),
            Heard { .. } => Err(ReplyError::Malformed { why: "it says nothing that this version knows".to_owned() }),
        }
    }

    /// What the verb had to say, as the type it is.
    pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, ReplyError> {
        serde_json::from_value(value).map_err(|error| ReplyError::Malformed { why: error.to_string() })
    }
}

impl Problem {
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        let retryable = matches!(code, ProblemCode::JournalRefuses | ProblemCode::Busy | ProblemCode::Ending);
        Self { code, message: message.into(), hint: None, retryable, in_doubt: false }
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ProblemCode::Refused, message)
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ProblemCode::Failed, message)
    }

    /// `--from` of a session, whose name we know better (C12a).
    pub fn from_inside_a_session() -> Self {
        Self::refused("`--from` is for callers outside sessions: a session speaks in its own name")
            .hint("leave out `--from`; the message was not accepted")
    }

    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    #[must_use]
    pub fn retryable(self) -> Self {
        Self { retryable: true, ..self }
    }

    #[must_use]
    pub fn in_doubt(self) -> Self {
        Self { in_doubt: true, ..self }
    }
}

impl Verb {
    /// Whether a session's call may wait in its spool for a daemon (C61a).
    pub fn may_be_spooled(&self) -> bool {
        matches!(self, Verb::Send(_) | Verb::SelfDone | Verb::SelfFresh)
    }

    /// It changes nothing, and nothing of it could be accepted.
    pub fn is_question(&self) -> bool {
        matches!(
            self,
            Verb::Ls
                | Verb::Queue { .. }
                | Verb::Peek { .. }
                | Verb::Peers
                | Verb::Messages
                | Verb::Why { .. }
                | Verb::WhyNot { .. }
        )
    }

    /// Whether the answer may take as long as the world does, not only as long as the daemon.
    pub fn waits(&self) -> bool {
        match self {
            Verb::Send(send) => send.wait > super::Wait::Accepted,
            Verb::Attach { .. } | Verb::Run { .. } | Verb::Interrupt { .. } | Verb::Compact { .. } => true,
            _ => false,
        }
    }
}

/// One JSON line of what cannot fail to have one: no map keys but strings, no numbers but integers.
pub(super) fn line(said: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(said).expect("structs of texts and integers have a JSON form");
    line.push(b'\n');
    line
}
