//! Records: events with their place, times, subject, cause and actor (C64).

use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::event::{Decision, Event, Fact, Recipient};
use super::id::{Generation, Lsn, MessageId};
use super::name::Identity;
use super::time::Timestamp;

/// What a record is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub peer: Option<Identity>,
    pub generation: Option<Generation>,
    pub message: Option<MessageId>,
}

impl Subject {
    /// About nothing in particular: the daemon, the settings.
    pub const NONE: Subject = Subject { peer: None, generation: None, message: None };

    pub fn peer(peer: &Identity) -> Self {
        Self { peer: Some(peer.clone()), ..Self::default() }
    }

    pub fn session(peer: &Identity, generation: Generation) -> Self {
        Self { peer: Some(peer.clone()), generation: Some(generation), message: None }
    }

    #[must_use]
    pub fn with_message(self, message: MessageId) -> Self {
        Self { message: Some(message), ..self }
    }
}

/// One line of history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub lsn: Lsn,
    pub at: Timestamp,
    pub subject: Subject,
    /// The record this one follows from; none for what came from outside.
    pub cause: Option<Lsn>,
    pub actor: Actor,
    pub event: Event,
}

impl Record {
    /// Whose queue it adds to.
    pub fn addressee(&self) -> Option<&Identity> {
        match &self.event {
            Event::Fact(Fact::MessageAccepted(it)) => match &it.to {
                Recipient::Peer(peer) => Some(peer),
                Recipient::User(_) => None,
            },
            Event::Decision(Decision::ReportMade(it)) => it.to.peer(),
            _ => None,
        }
    }

    /// Who shows life by speaking.
    pub fn speaker(&self) -> Option<&Identity> {
        match &self.event {
            Event::Fact(Fact::MessageAccepted(it)) => it.from.peer(),
            _ => None,
        }
    }
}

/// `records`, one behind the other, cut before each fact: it and what followed from it are one group. What comes before the
/// first fact is one too.
pub fn groups(records: &[Record]) -> impl Iterator<Item = &[Record]> {
    records.chunk_by(|_, next| matches!(next.event, Event::Decision(_)))
}

/// An event before it has a place: what the rules propose and the world reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub subject: Subject,
    pub cause: Option<Lsn>,
    pub actor: Actor,
    pub event: Event,
}

impl Draft {
    /// Something dormouse itself saw or concluded.
    pub fn own(subject: Subject, cause: Option<Lsn>, event: impl Into<Event>) -> Self {
        Self { subject, cause, actor: Actor::Dormouse, event: event.into() }
    }

    #[must_use]
    pub fn at(self, lsn: Lsn, at: Timestamp) -> Record {
        Record { lsn, at, subject: self.subject, cause: self.cause, actor: self.actor, event: self.event }
    }
}
