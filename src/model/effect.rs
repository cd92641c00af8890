//! Things to do to the world, worded so that doing one twice equals doing it once (I6).

use std::path::PathBuf;

use super::actor::Sender;
use super::delivery::RecordMark;
use super::id::{Generation, Lsn, MessageId};
use super::message::{Purpose, SessionBefore, TextPrint};
use super::name::Identity;
use super::profile::{Intelligence, Managed};
use super::session::{Ending, WakeMode};
use super::time::Timestamp;

/// An effect, named by the record that asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub cause: Lsn,
    pub task: Task,
}

/// What to do. Session tasks of one generation run in one lane, in order (C30, C52a).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Done when the session exists and its input surface is there, whoever made it: `session_started`,
    /// `dialog_answered`…, then `box_opened` or `launch_failed`.
    StartSession(Box<StartSession>),
    /// Done when proven: `delivery_waiting`…, `delivery_begun` (durable before the paste), `delivery_ended`.
    DeliverMessage(Box<DeliverMessage>),
    /// Look for the message's mark in the runtime's own record: `delivery_settled`.
    SettleDelivery {
        session: SessionName,
        message: MessageId,
        attempt: u32,
        mark: Option<RecordMark>,
        /// Of what was typed.
        print: Option<TextPrint>,
    },
    /// One key into the session, whatever its lane does: a delivery may wait there for the very turn that is to end.
    /// `verb_ended`.
    Interrupt { session: SessionName },
    /// Done when the runtime's own record says so: `verb_waiting`…, `verb_ended`.
    Compact { session: SessionName, ready_deadline_ms: u64, human_typing_hold_ms: u64 },
    /// `session_looked` or `session_not_known`.
    LookAtSession { session: SessionName },
    /// Cancels what is in the lane, ends the whole tree and verifies it: `session_gone` or `kill_failed`. A start that
    /// comes late finds its generation no longer wanted.
    EndSession { session: SessionName },
    /// Forget the files of a session that is gone.
    ClearSession { session: SessionName },
    /// Run the user's `on_attention`: `attention_called`.
    CallAttention(Box<Attention>),
}

impl Task {
    /// Whose lane it runs in; none for what belongs to no session.
    pub fn session(&self) -> Option<&SessionName> {
        match self {
            Task::StartSession(order) => Some(&order.session),
            Task::DeliverMessage(order) => Some(&order.session),
            Task::SettleDelivery { session, .. }
            | Task::Interrupt { session }
            | Task::Compact { session, .. }
            | Task::LookAtSession { session }
            | Task::EndSession { session }
            | Task::ClearSession { session } => Some(session),
            Task::CallAttention(_) => None,
        }
    }
}

/// Which life of which peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionName {
    pub peer: Identity,
    pub generation: Generation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartSession {
    pub session: SessionName,
    pub folder: PathBuf,
    pub mode: WakeMode,
    pub args: Vec<String>,
    pub consents: Vec<String>,
    /// Who else there is now, by name; the first hundred.
    pub roster: Vec<KnownPeer>,
    /// Of a peer that gets a session for each task (C35).
    pub worker: bool,
    /// When that was decided. Whoever takes up a start goes on with the time it has.
    pub woken: Timestamp,
    /// From then until the input surface is there (C28).
    pub boot_deadline_ms: u64,
}

/// Another peer, as one is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPeer {
    pub identity: Identity,
    pub description: String,
    pub intelligence: Intelligence,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliverMessage {
    pub session: SessionName,
    /// Somebody else's session (C5); `session.generation` is then zero.
    pub managed: Option<Managed>,
    pub message: MessageId,
    /// Where its text lies.
    pub accepted: Lsn,
    pub attempt: u32,
    pub envelope: Envelope,
    /// Typed between the envelope's first line and the text (C19).
    pub initial_prompt: Option<String>,
    /// The turn is known to be running: wait for its end (C33a).
    pub turn_running: bool,
    /// What this session was given before: a program that was interrupted may have put it back into its box.
    pub last_delivered: Option<MessageId>,
    /// Until proof, after the submit (C28).
    pub ready_deadline_ms: u64,
    pub human_typing_hold_ms: u64,
}

/// What the envelope says around the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub from: Sender,
    pub sent: Timestamp,
    pub topic: Option<String>,
    pub purpose: Purpose,
    pub possible_duplicate: bool,
    pub session_before: Option<SessionBefore>,
    /// The sender waits for a reply.
    pub reply_asked: bool,
}

/// Something a person should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attention {
    pub command: Vec<String>,
    pub what: AttentionKind,
    pub peer: Option<Identity>,
    pub message: Option<MessageId>,
    /// One sentence.
    pub says: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttentionKind {
    Quarantine,
    MessageDead,
    NeedsPerson,
    JournalRefuses,
    DiskLow,
}

impl AttentionKind {
    pub fn word(&self) -> &'static str {
        match self {
            AttentionKind::Quarantine => "quarantine",
            AttentionKind::MessageDead => "message_dead",
            AttentionKind::NeedsPerson => "needs_person",
            AttentionKind::JournalRefuses => "journal_refuses",
            AttentionKind::DiskLow => "disk_low",
        }
    }
}

/// Whether a session lives: three answers, never two (C43).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Liveness {
    Alive { pid: u32 },
    Gone { ending: Ending, lived_ms: u64, strays: u32 },
    NotKnown { why: String },
}
