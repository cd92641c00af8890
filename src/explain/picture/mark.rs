//! Marks: one for each record, and what the messages are that they speak of.

use crate::explain::phrase::one_line;
use crate::model::actor::Sender;
use crate::model::event::{Decision, Event, Fact, Kind, Recipient};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::message::Message;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::time::Timestamp;

/// A record, as far as it is drawn and told. Bodies of messages are no part of it.
#[derive(Clone, Debug)]
pub struct Mark {
    pub lsn: Lsn,
    pub at: Timestamp,
    pub kind: Kind,
    pub look: Look,
    /// Of its subject, if that ever had one.
    pub lane: Option<usize>,
    pub generation: Option<Generation>,
    /// Index of the message it is about.
    pub parcel: Option<usize>,
    /// What it names as its reasons, each before it.
    pub links: Vec<Lsn>,
    pub actor: String,
    pub says: String,
    /// It became so while no daemon ran.
    pub found_at_start: bool,
    /// It is an end for silence, and nothing was heard of the program itself.
    pub unheard: Option<String>,
    /// The settings that its figures were compared with, and where those came from; empty for none.
    pub settings: String,
}

/// What a mark looks like. Those that have no look are told, not drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    None,
    Accepted,
    Answer,
    Delivered,
    Done,
    Cancelled,
    Dead,
    Failed,
    Refused,
    Wake,
    Ready,
    Armed,
    Reap,
    Death,
    Quarantine,
    Operator,
}

impl Look {
    /// All of them; a look's number is its place here.
    pub const ALL: [Look; 16] = [
        Look::None,
        Look::Accepted,
        Look::Answer,
        Look::Delivered,
        Look::Done,
        Look::Cancelled,
        Look::Dead,
        Look::Failed,
        Look::Refused,
        Look::Wake,
        Look::Ready,
        Look::Armed,
        Look::Reap,
        Look::Death,
        Look::Quarantine,
        Look::Operator,
    ];

    pub fn of(event: &Event) -> Self {
        match event {
            Event::Fact(fact) => Self::of_fact(fact),
            Event::Decision(decision) => Self::of_decision(decision),
        }
    }

    fn of_fact(fact: &Fact) -> Self {
        match fact {
            Fact::MessageAccepted(it) if it.answers.is_some() => Look::Answer,
            Fact::MessageAccepted(_) => Look::Accepted,
            Fact::MessageRefused(_) | Fact::RequestRefused(_) => Look::Refused,
            Fact::LaunchFailed(_) | Fact::KillFailed(_) => Look::Failed,
            _ => Look::None,
        }
    }

    fn of_decision(decision: &Decision) -> Self {
        match decision {
            Decision::Delivered(_) => Look::Delivered,
            Decision::TaskDone(_) => Look::Done,
            Decision::MessageCancelled(_) => Look::Cancelled,
            Decision::MessageDead(_) => Look::Dead,
            Decision::DeliveryFailed(_) | Decision::WakeFailed(_) | Decision::MessageRequeued(_) => Look::Failed,
            Decision::WakeRefused(_) => Look::Refused,
            Decision::WakeDecided(_) => Look::Wake,
            Decision::SessionReady(_) => Look::Ready,
            Decision::Armed(_) => Look::Armed,
            Decision::Reaped(_) => Look::Reap,
            Decision::SessionDied(_) => Look::Death,
            Decision::Quarantined(_) => Look::Quarantine,
            Decision::StopSet(_) | Decision::StopCleared(_) | Decision::QuarantineLifted(_) => Look::Operator,
            _ => Look::None,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Look::None => "other",
            Look::Accepted => "accepted",
            Look::Answer => "answer",
            Look::Delivered => "delivered",
            Look::Done => "done",
            Look::Cancelled => "cancelled",
            Look::Dead => "dead",
            Look::Failed => "failed",
            Look::Refused => "refused",
            Look::Wake => "wake",
            Look::Ready => "ready",
            Look::Armed => "armed",
            Look::Reap => "reap",
            Look::Death => "death",
            Look::Quarantine => "quarantine",
            Look::Operator => "operator",
        }
    }
}

/// A message, without what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    pub id: MessageId,
    /// As an envelope says it; empty if nothing is known of it any more.
    pub from: String,
    pub sender: Option<Identity>,
    /// Of the sender.
    pub from_lane: Option<usize>,
    pub to: String,
    pub topic: Option<String>,
    pub bytes: u64,
    pub answers: Option<MessageId>,
    /// Places of its acceptance, and of the proof that it came in, with the session that took it.
    pub accepted: Option<usize>,
    pub delivered: Option<usize>,
}

impl Parcel {
    pub(super) fn new(id: MessageId) -> Self {
        Self {
            id,
            from: String::new(),
            sender: None,
            from_lane: None,
            to: String::new(),
            topic: None,
            bytes: 0,
            answers: None,
            accepted: None,
            delivered: None,
        }
    }

    pub(super) fn hear(&mut self, record: &Record, place: usize) {
        match &record.event {
            Event::Fact(Fact::MessageAccepted(it)) => {
                self.sent_by(&it.from, it.text.len() as u64);
                self.accepted = Some(place);
                self.topic = it.topic.as_deref().map(one_line);
                self.answers = it.answers;
                self.to = match &it.to {
                    Recipient::Peer(peer) => peer.to_string(),
                    Recipient::User(name) => one_line(&format!("user:{name}")),
                };
            }
            Event::Decision(Decision::Delivered(_)) => self.delivered = Some(place),
            _ => {}
        }
    }

    /// What the state knows of a report, of a peer's prompt, and of what was accepted before the picture begins: none
    /// of them has an acceptance here.
    pub(super) fn recall(&mut self, known: &Message) {
        self.sent_by(&known.from, known.bytes.into());
        self.to = known.to.to_string();
        self.topic = known.topic.as_deref().map(one_line);
    }

    fn sent_by(&mut self, sender: &Sender, bytes: u64) {
        self.from = one_line(&sender.to_string());
        self.sender = sender.peer().cloned();
        self.bytes = bytes;
    }
}
