//! What may be asked of the daemon, before any check: the admission rules turn each into one fact.

use super::actor::{Actor, Sender};
use super::event::{Decision, Event, Fact};
use super::id::MessageId;
use super::name::{Identity, Runtime};
use super::profile::Registration;
use super::record::{Record, Subject};

/// A request as it came in, with the actor the kernel or a secret vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub actor: Actor,
    pub reason: Option<String>,
    pub verb: Verb,
}

/// A peer as somebody named it: identity, else personality, else a unique prefix of either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerName(pub String);

/// One verb that changes something. `mint` is a message id made at the door, for rules cannot make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    Add {
        registration: Box<Registration>,
    },
    Remove {
        peer: PeerName,
        force: bool,
    },
    Send(Box<Send>),
    Stop {
        peer: PeerName,
    },
    Start {
        peer: PeerName,
    },
    New {
        peer: PeerName,
        mint: MessageId,
    },
    Refresh {
        peer: PeerName,
    },
    Attach {
        peer: PeerName,
        mint: MessageId,
    },
    /// Folder launch: `runtime` or the peer's default one.
    Run {
        peer: Identity,
        mint: MessageId,
    },
    Interrupt {
        peer: PeerName,
    },
    Compact {
        peer: PeerName,
        mint: MessageId,
    },
    Cancel {
        message: MessageId,
    },
    Retry {
        message: MessageId,
    },
    /// Of the session that is the actor.
    SelfDone,
    SelfFresh,
}

/// A message on its way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    pub mint: MessageId,
    /// A peer, or `user:NAME`.
    pub to: String,
    pub runtime: Option<Runtime>,
    pub from: Sender,
    pub topic: Option<String>,
    pub text: String,
    pub key: Option<String>,
    pub progress: bool,
    /// The message that this one answers, as its sender names it.
    pub answers: Option<Named>,
    pub reply_asked: bool,
}

/// A message somebody names, and what the journal knows of it: the state forgets what is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub message: MessageId,
    pub delivered: DeliveredHere,
}

/// Whether a message was delivered to the session that speaks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveredHere {
    From(Sender),
    Never,
    /// Nobody could look it up.
    NotKnown,
}

impl DeliveredHere {
    /// What `records`, of which some may be about other messages, tell of message `id` and the session `here`.
    pub fn told_by(records: &[Record], here: &Subject, id: MessageId) -> Self {
        let of_it = || records.iter().filter(|record| record.subject.message == Some(id));
        let here = here.clone().with_message(id);
        let is_delivered =
            |it: &Record| matches!(it.event, Event::Decision(Decision::Delivered(_))) && it.subject == here;
        let accepted = of_it().find_map(|it| match &it.event {
            Event::Fact(Fact::MessageAccepted(accepted)) => Some(accepted.from.clone()),
            _ => None,
        });
        accepted.filter(|_| of_it().any(is_delivered)).map_or(DeliveredHere::Never, DeliveredHere::From)
    }
}

impl Send {
    /// A text, and nothing more to it.
    pub fn plain(mint: MessageId, from: Sender, to: String, text: String) -> Self {
        Self {
            mint,
            to,
            runtime: None,
            from,
            topic: None,
            text,
            key: None,
            progress: false,
            answers: None,
            reply_asked: false,
        }
    }
}

impl Verb {
    /// The word a user types for it.
    pub fn word(&self) -> &'static str {
        match self {
            Verb::Add { .. } => "add",
            Verb::Remove { .. } => "rm",
            Verb::Send(_) => "send",
            Verb::Stop { .. } => "stop",
            Verb::Start { .. } => "start",
            Verb::New { .. } => "new",
            Verb::Refresh { .. } => "refresh",
            Verb::Attach { .. } => "attach",
            Verb::Run { .. } => "run",
            Verb::Interrupt { .. } => "interrupt",
            Verb::Compact { .. } => "compact",
            Verb::Cancel { .. } => "queue cancel",
            Verb::Retry { .. } => "queue retry",
            Verb::SelfDone => "self done",
            Verb::SelfFresh => "self fresh",
        }
    }
}
