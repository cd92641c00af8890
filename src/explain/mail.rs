//! `my_messages`: what one session was given, and what it has sent.

use serde::Serialize;

use crate::model::actor::Sender;
use crate::model::effect::SessionName;
use crate::model::event::{Decision, Event, Fact, MessageAccepted, Recipient};
use crate::model::id::MessageId;
use crate::model::record::Record;

use super::phrase::rfc3339;

/// Bytes of a text that are shown; the rest is said to be there.
const TEXT_BYTES_MAX: usize = 4096;

/// One message, as the session it concerns may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Letter {
    pub message: MessageId,
    /// `from_me` or `for_me`.
    pub direction: &'static str,
    /// The other one: the sender as an envelope says it, or whom it is for.
    pub peer: String,
    pub topic: Option<String>,
    /// RFC 3339, UTC.
    pub accepted: String,
    /// `queued`, `delivering`, `delivered`, `kept` (for a person), `cancelled` or `dead`.
    pub state: &'static str,
    pub bytes: usize,
    /// What this session sent, or was given. What only waits for it is not its own yet: read here and delivered later, it
    /// would be done twice.
    pub text: Option<String>,
    /// The message it answers, and the latest one that answers it.
    pub answers: Option<MessageId>,
    pub answered_by: Option<MessageId>,
}

/// The message `id` out of the records about it, oldest first, as `session` may see it; none, if it is neither from nor
/// for its peer.
pub fn letter(id: MessageId, records: &[Record], session: &SessionName) -> Option<Letter> {
    let own = records.iter().filter(|record| record.subject.message == Some(id));
    let (record, accepted) = own.clone().find_map(acceptance)?;
    let from_me = accepted.from.peer() == Some(&session.peer);
    let for_me = matches!(&accepted.to, Recipient::Peer(peer) if *peer == session.peer);
    if !from_me && !for_me {
        return None;
    }
    let was_given = own.clone().any(|record| {
        record.subject.generation == Some(session.generation)
            && matches!(record.event, Event::Decision(Decision::Delivered(_)))
    });
    let (direction, peer) = match (from_me, &accepted.to) {
        (true, Recipient::Peer(peer)) => ("from_me", peer.to_string()),
        (true, Recipient::User(name)) => ("from_me", format!("user:{name}")),
        (false, _) => ("for_me", accepted.from.to_string()),
    };
    let answering = |record: &Record| match &record.event {
        Event::Fact(Fact::MessageAccepted(answer)) if answer.answers == Some(id) => record.subject.message,
        _ => None,
    };
    Some(Letter {
        message: id,
        direction,
        peer,
        topic: accepted.topic.clone(),
        accepted: rfc3339(record.at),
        state: own.filter_map(state).next_back().unwrap_or("queued"),
        bytes: accepted.text.len(),
        text: (from_me || was_given).then(|| shown(&accepted.text)),
        answers: accepted.answers,
        answered_by: records.iter().filter_map(answering).next_back(),
    })
}

/// The message that `record` shows to be this session's: accepted from it, or delivered to it.
pub fn own(record: &Record, session: &SessionName) -> Option<MessageId> {
    let SessionName { peer: own, generation: this } = session;
    let is_own = match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) => {
            matches!(&accepted.from, Sender::Session { peer, generation } if peer == own && generation == this)
        }
        Event::Decision(Decision::Delivered(_)) => {
            record.subject.peer.as_ref() == Some(own) && record.subject.generation == Some(*this)
        }
        _ => false,
    };
    record.subject.message.filter(|_| is_own)
}

fn acceptance(record: &Record) -> Option<(&Record, &MessageAccepted)> {
    match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) => Some((record, accepted)),
        _ => None,
    }
}

fn state(record: &Record) -> Option<&'static str> {
    Some(match &record.event {
        Event::Fact(Fact::MessageAccepted(_))
        | Event::Decision(Decision::MessageRequeued(_) | Decision::DeliveryFailed(_)) => "queued",
        Event::Fact(Fact::DeliveryBegun(_)) => "delivering",
        Event::Decision(Decision::Delivered(_)) => "delivered",
        Event::Decision(Decision::AnswerKept(_)) => "kept",
        Event::Decision(Decision::MessageCancelled(_)) => "cancelled",
        Event::Decision(Decision::MessageDead(_)) => "dead",
        _ => return None,
    })
}

fn shown(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    format!("{}… ({} bytes in all)", &text[..end], text.len())
}
