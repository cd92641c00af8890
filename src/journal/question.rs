//! What records are asked for, so that an index can say where not to look.

use crate::model::actor::Actor;
use crate::model::event::{Decision, Event, Fact};
use crate::model::id::{Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::record::{Record, Subject};

/// Which records are asked for: those that fit every part that is given. Without any part, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Their subject is one of these peers.
    pub subjects: Option<Vec<Identity>>,
    /// About one of these peers, or its own act: what a peer says to a person is about nobody else.
    pub concerned: Option<Vec<Identity>>,
    /// About this message, an answer to it, or a report on it.
    pub message: Option<MessageId>,
    /// Names of kinds, one of which theirs is; any, if there is none.
    pub kinds: Vec<&'static str>,
    /// Wall clock, microseconds since 1970: not before, not after.
    pub since_us: Option<u64>,
    pub until_us: Option<u64>,
    /// Their places in the history: not before, not after.
    pub first: Option<Lsn>,
    pub last: Option<Lsn>,
}

impl Question {
    /// About this message, an answer to it, or a report on it.
    pub fn about_message(message: MessageId) -> Self {
        Self { message: Some(message), ..Self::default() }
    }

    /// Whether `record` is one of those asked for.
    pub fn wants(&self, record: &Record) -> bool {
        let is_one_of = |peers: &Vec<Identity>, peer: Option<&Identity>| peer.is_some_and(|peer| peers.contains(peer));
        self.is_in_time(record.at.wall_us)
            && self.is_in_place(record.lsn)
            && (self.kinds.is_empty() || self.kinds.contains(&record.event.kind().name))
            && self.subjects.as_ref().is_none_or(|peers| is_one_of(peers, record.subject.peer.as_ref()))
            && self.concerned.as_ref().is_none_or(|peers| concerned(record).any(|peer| peers.contains(peer)))
            && self.message.is_none_or(|message| messages(record).any(|about| about == message))
    }

    /// It asks for more than a time: whether a record of a kind that this build does not know fits, nobody can say.
    pub fn asks_who_or_what(&self) -> bool {
        self.subjects.is_some() || self.concerned.is_some() || self.message.is_some() || !self.kinds.is_empty()
    }

    /// Whether the record at `lsn` can be one of them.
    pub(super) fn is_in_place(&self, lsn: Lsn) -> bool {
        self.first.is_none_or(|first| lsn >= first) && self.last.is_none_or(|last| lsn <= last)
    }

    /// Whether a record made then can be one of them.
    pub(super) fn is_in_time(&self, wall_us: u64) -> bool {
        self.since_us.is_none_or(|since| wall_us >= since) && self.until_us.is_none_or(|until| wall_us <= until)
    }
}

/// The peers that a record concerns: its subject, and the one whose own act it is.
pub(super) fn concerned(record: &Record) -> impl Iterator<Item = &Identity> {
    concerned_by(&record.subject, &record.actor)
}

/// The peers that a record of this subject and actor concerns.
pub(super) fn concerned_by<'a>(subject: &'a Subject, actor: &'a Actor) -> impl Iterator<Item = &'a Identity> {
    let actor = match actor {
        Actor::Session { peer, .. } => Some(peer),
        Actor::Dormouse | Actor::User { .. } => None,
    };
    subject.peer.iter().chain(actor)
}

/// The messages that a record is about: its subject, and the one that it answers or reports on.
pub(super) fn messages(record: &Record) -> impl Iterator<Item = MessageId> {
    let other = match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) => accepted.answers,
        Event::Decision(Decision::ReportMade(report)) => Some(report.about),
        _ => None,
    };
    record.subject.message.into_iter().chain(other)
}
