//! Records by hand.

use dormouse::model::actor::{Actor, Sender};
use dormouse::model::event::{Event, MessageAccepted, Recipient, WakeDecided};
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::name::Identity;
use dormouse::model::profile::WakePolicy;
use dormouse::model::record::{Record, Subject};
use dormouse::model::session::{WakeBranch, WakeMode, WakeReason};
use dormouse::model::time::{BootId, Timestamp};

/// 2026-03-01 03:12:07.250 UTC.
pub const NIGHT_US: u64 = 1_772_334_727_250_000;

pub fn at(ms: u64) -> Timestamp {
    Timestamp { wall_us: NIGHT_US + ms * 1_000, awake_ms: 10_000_000 + ms, boot: BootId(1) }
}

pub fn peer(name: &str) -> Identity {
    name.parse().unwrap()
}

pub fn id(n: u128) -> MessageId {
    MessageId(n)
}

/// A record about nothing in particular.
pub fn record(lsn: u64, event: Event) -> Record {
    Record { lsn: Lsn(lsn), at: at(0), subject: Subject::NONE, cause: None, actor: Actor::Dormouse, event }
}

pub fn user(name: &str) -> Sender {
    Sender::User { name: name.to_owned(), uid: 1000 }
}

/// A message of `text` for `to`, from `user:NAME` or from a session.
pub fn accepted_as(to: Recipient, from: Sender, text: &str, policy: WakePolicy) -> MessageAccepted {
    MessageAccepted {
        to,
        from,
        topic: None,
        text: text.to_owned(),
        replaced: 0,
        key: None,
        progress: false,
        answers: None,
        policy,
        queue_depth: 1,
        reason: None,
        named: false,
        reply_asked: false,
    }
}

pub fn accepted(to: &str, from: &str, text: &str) -> Event {
    let from = user(from.strip_prefix("user:").unwrap());
    accepted_as(Recipient::Peer(peer(to)), from, text, WakePolicy::Persistent).into()
}

pub fn wake_decided(branch: WakeBranch) -> WakeDecided {
    WakeDecided {
        mode: WakeMode::Fresh,
        branch,
        reason: WakeReason::Message,
        message: None,
        prompt: None,
        attempt: 1,
        possible_duplicate: false,
        booting: 1,
        boots_max: 4,
        park: None,
    }
}

pub fn wake(branch: WakeBranch) -> Event {
    wake_decided(branch).into()
}

/// A history in the making: lsns dense from 1, a second between records, subjects as given.
#[derive(Default)]
pub struct History {
    pub records: Vec<Record>,
}

impl History {
    fn push(&mut self, subject: Subject, cause: Option<u64>, event: Event) -> u64 {
        let lsn = self.records.len() as u64 + 1;
        let cause = cause.map(Lsn);
        let at = at(lsn * 1_000);
        self.records.push(Record { lsn: Lsn(lsn), at, subject, cause, actor: Actor::Dormouse, event });
        lsn
    }

    /// Something from outside.
    pub fn fact(&mut self, subject: Subject, event: impl Into<Event>) -> u64 {
        self.push(subject, None, event.into())
    }

    /// What follows from the record before it.
    pub fn then(&mut self, subject: Subject, event: impl Into<Event>) -> u64 {
        let cause = self.records.len() as u64;
        self.push(subject, Some(cause), event.into())
    }

    pub fn because_of(&mut self, cause: u64, subject: Subject, event: impl Into<Event>) -> u64 {
        self.push(subject, Some(cause), event.into())
    }
}

pub fn about(name: &str) -> Subject {
    Subject::peer(&peer(name))
}

pub fn in_session(name: &str, generation: u64) -> Subject {
    Subject::session(&peer(name), Generation(Lsn(generation)))
}
