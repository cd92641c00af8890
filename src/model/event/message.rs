//! Events about messages, from acceptance to their end.

use serde::{Deserialize, Serialize};

use crate::model::actor::Sender;
use crate::model::delivery::{DeliveryOutcome, Gate, Proof, RecordMark, Settlement};
use crate::model::id::{Lsn, MessageId};
use crate::model::message::{SessionBefore, TextPrint};
use crate::model::name::Identity;
use crate::model::profile::WakePolicy;
use crate::model::session::TaskEnd;

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    Peer(Identity),
    /// A person outside: an answer is kept for them in the journal, and told to whoever waits for it.
    User(String),
}

/// Requested, and every check passed: durable before anyone is told so (C6, C7). Its text lives here and nowhere
/// else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAccepted {
    pub to: Recipient,
    pub from: Sender,
    pub topic: Option<String>,
    /// As it was sent, controls and all.
    pub text: String,
    /// Characters that will be made visible before it is typed (C12).
    pub replaced: u32,
    /// The sender's idempotency key (C8).
    pub key: Option<String>,
    /// Does not arm the worker that sent it (C36).
    pub progress: bool,
    /// The message this one answers: as the sender named it, or else one from this recipient that the sender's session has
    /// in hand.
    pub answers: Option<MessageId>,
    /// The policy in force now (C3).
    pub policy: WakePolicy,
    /// Messages in the queue, this one included.
    pub queue_depth: u32,
    pub reason: Option<String>,
    /// The sender named what it answers; else `answers` is concluded.
    #[serde(default)]
    pub named: bool,
    /// The sender waits for a reply, and hears of it if none can come any more (C13).
    #[serde(default)]
    pub reply_asked: bool,
}

/// As it was before an answer could name its question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAcceptedV1 {
    pub to: Recipient,
    pub from: Sender,
    pub topic: Option<String>,
    pub text: String,
    pub replaced: u32,
    pub key: Option<String>,
    pub progress: bool,
    pub answers: Option<MessageId>,
    pub policy: WakePolicy,
    pub queue_depth: u32,
    pub reason: Option<String>,
}

impl From<MessageAcceptedV1> for MessageAccepted {
    fn from(old: MessageAcceptedV1) -> Self {
        let MessageAcceptedV1 { to, from, topic, text, replaced, key, progress, answers, policy, queue_depth, reason } =
            old;
        Self {
            to,
            from,
            topic,
            text,
            replaced,
            key,
            progress,
            answers,
            policy,
            queue_depth,
            reason,
            named: false,
            reply_asked: false,
        }
    }
}

/// Requested, and refused: it was not accepted (C6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRefused {
    pub to: String,
    pub from: Sender,
    pub rule: String,
    pub why: String,
    pub hint: Option<String>,
    pub bytes: u64,
    /// BLAKE3 of the text, hexadecimal.
    pub digest: String,
}

/// Requested: cancel this message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRequested {
    pub reason: Option<String>,
}

/// Requested: give this dead message another round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryRequested {
    pub reason: Option<String>,
}

/// Observed: the delivery waits, for something else than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryWaiting {
    pub gate: Gate,
}

/// Observed: every gate is open and the paste follows once this is durable. The attempt counts from here (C13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryBegun {
    pub attempt: u32,
    pub mark: Option<RecordMark>,
    /// Bytes of the envelope as typed.
    pub bytes: u32,
    /// Of the envelope as the program will have it, after what it is known to do to a text.
    pub print: TextPrint,
}

/// Ended: a delivery, well or badly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryEnded {
    pub attempt: u32,
    pub outcome: DeliveryOutcome,
    /// From the first look at the screen to the end.
    pub took_ms: u64,
}

/// Observed: what the runtime's record says of a delivery in doubt (C34).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverySettled {
    pub settlement: Settlement,
}

/// Concluded: hand this message to the live session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryDecided {
    pub attempt: u32,
    pub possible_duplicate: bool,
    /// It is the first input of a fresh session: `initial_prompt` goes in front (C19).
    pub first_input: bool,
    pub session_before: Option<SessionBefore>,
}

/// Concluded: the runtime has begun on this very message (C14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    pub attempt: u32,
    pub possible_duplicate: bool,
    pub proof: Proof,
    /// From acceptance to here.
    pub waited_ms: u64,
}

/// Concluded: this attempt did not arrive; tried again after the delay (C13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryFailed {
    pub attempt: u32,
    pub attempts_max: u32,
    pub why: String,
    pub retry_in_ms: u64,
    /// Bytes of it may have reached the program (C34).
    pub possible_duplicate: bool,
}

/// Concluded: given up. Kept, listed, retryable by hand (C13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageDead {
    pub why: String,
    pub attempts: u32,
    pub unfinished: u32,
}

/// Concluded: it will not be delivered, as asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCancelled {
    pub why: String,
}

/// Concluded: back to the head of its queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRequeued {
    pub why: String,
    /// Counted against `unfinished_retries` (C41a), unlike a task that an operator cut off (C52a).
    pub counted: bool,
    pub possible_duplicate: bool,
    pub session_before: Option<SessionBefore>,
}

/// Concluded: a delivered task needs nothing more (C13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDone {
    pub how: TaskEnd,
}

/// Concluded: the sender is told that nothing will come of its message: it was not delivered, its task ended without a
/// word, or nobody is left who could answer it (C13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportMade {
    /// That message.
    pub about: MessageId,
    pub to: Sender,
    pub text: String,
}

impl ReportMade {
    /// The name that the report has as a message, where it becomes one, of the record `made`. Derived, because the fold can
    /// make none: the name of the message that it is about, with its own place folded into the random part.
    pub fn message(&self, made: Lsn) -> MessageId {
        const REPORT: u128 = 0x7265_706f_7274;
        MessageId(self.about.0 ^ REPORT ^ (u128::from(made.0) << 16))
    }
}

/// Concluded: an answer for a person outside stays in the journal for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerKept {
    pub user: String,
}
