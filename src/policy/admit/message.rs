//! Admission of messages: the checks of C6 in their order.

use crate::model::actor::{Actor, Sender};
use crate::model::event::{CancelRequested, Event, MessageAccepted, MessageRefused, Recipient, RetryRequested};
use crate::model::id::MessageId;
use crate::model::message::{Fate, KEY_CHARS_MAX, Message, TOPIC_CHARS_MAX, TextPrint};
use crate::model::name::{Identity, Runtime};
use crate::model::profile::WakePolicy;
use crate::model::record::{Draft, Subject};
use crate::model::request::{DeliveredHere, Named, PeerName, Send};
use crate::model::state::{Key, Session, State};
use crate::model::text;

use super::{Admission, Checked, Refusal, resolve};

pub(super) fn send(state: &State, actor: Actor, reason: Option<String>, send: Send) -> Admission {
    let to = match recipient(state, &send) {
        Ok(to) => to,
        Err(refusal) => return Admission::Fact(refused_draft(actor, send, None, refusal)),
    };
    let known = match known_key(state, &send, &to) {
        Ok(Some(Key { message, accepted, queue_depth, .. })) => {
            return Admission::Known { message: *message, accepted: *accepted, queue_depth: *queue_depth };
        }
        Ok(None) => Ok(()),
        Err(refusal) => Err(refusal),
    };
    Admission::Fact(match known.and_then(|()| place(state, &send, &to)) {
        Ok(place) => accepted_draft(actor, accepted(state, send, to, place, reason)),
        Err(refusal) => refused_draft(actor, send, peer_of(&to), refusal),
    })
}

fn peer_of(to: &Recipient) -> Option<Identity> {
    match to {
        Recipient::Peer(peer) => Some(peer.clone()),
        Recipient::User(_) => None,
    }
}

fn accepted_draft(actor: Actor, (mint, accepted): (MessageId, MessageAccepted)) -> Draft {
    let subject = Subject { peer: peer_of(&accepted.to), generation: None, message: Some(mint) };
    Draft { subject, cause: None, actor, event: accepted.into() }
}

/// Journaled too, with the text's length and digest only (C6), and with the peer if there is one of that name (C64).
fn refused_draft(actor: Actor, send: Send, peer: Option<Identity>, refusal: Refusal) -> Draft {
    let event = MessageRefused {
        to: send.to,
        from: send.from,
        rule: refusal.rule.to_owned(),
        why: refusal.why,
        hint: refusal.hint,
        bytes: send.text.len() as u64,
        digest: blake3::hash(send.text.as_bytes()).to_hex().to_string(),
    };
    Draft { subject: Subject { peer, ..Subject::NONE }, cause: None, actor, event: event.into() }
}

/// Name, registered, runtime declared.
fn recipient(state: &State, send: &Send) -> Result<Recipient, Refusal> {
    if let Some(user) = send.to.strip_prefix("user:") {
        return to_user(send, user);
    }
    let named = resolve(state, &PeerName(send.to.clone()))?;
    let to = match &send.runtime {
        Some(runtime) => Identity::new(runtime.clone(), named.personality),
        None => named,
    };
    declared(state, &to.runtime, &to)?;
    Ok(Recipient::Peer(to))
}

/// Only agents answer people; a person who wants to reach another has better ways.
fn to_user(send: &Send, user: &str) -> Result<Recipient, Refusal> {
    let from_session = matches!(send.from, Sender::Session { .. });
    if !from_session {
        return Err(Refusal::new("C6", format!("`user:{user}` is a person: only a session can answer one")));
    }
    if user.is_empty() || text::has_control(user) {
        return Err(Refusal::new("C6", format!("`user:{user}` names nobody")));
    }
    Ok(Recipient::User(user.to_owned()))
}

fn declared(state: &State, runtime: &Runtime, to: &Identity) -> Result<(), Refusal> {
    let declared = state.peer(to).is_some_and(|peer| peer.registration.profile.runtimes.contains(runtime));
    if declared {
        return Ok(());
    }
    let runtimes = state.peer(to).map(|peer| &peer.registration.profile.runtimes);
    let runtimes: Vec<&str> = runtimes.into_iter().flatten().map(Runtime::as_str).collect();
    Err(Refusal::new("C6", format!("{} does not declare the runtime `{runtime}`", to.personality))
        .hint(format!("it declares {}", runtimes.join(", "))))
}

/// The same key again returns the first outcome; with another text it is refused (C8).
fn known_key<'a>(state: &'a State, send: &Send, to: &Recipient) -> Result<Option<&'a Key>, Refusal> {
    let Some(word) = &send.key else { return Ok(None) };
    let chars = word.chars().count();
    if chars == 0 || chars > KEY_CHARS_MAX || text::has_control(word) {
        let why = format!("the id has {chars} characters; it may have 1 to {KEY_CHARS_MAX}, none of them a control");
        return Err(Refusal::new("C8", why));
    }
    let Some(key) = state.keys.get(&(send.from.clone(), recipient_word(to), word.clone())) else { return Ok(None) };
    if key.text == TextPrint::of(&send.text) {
        return Ok(Some(key));
    }
    let why = format!("the id `{word}` was used for another text (message {})", key.message);
    Err(Refusal::new("C8", why).hint("give this message an id of its own"))
}

fn recipient_word(to: &Recipient) -> String {
    match to {
        Recipient::Peer(peer) => peer.to_string(),
        Recipient::User(name) => format!("user:{name}"),
    }
}

/// Where a message stands that nothing speaks against.
struct Place {
    /// In force for whom it is for.
    policy: WakePolicy,
    /// Of the queue, with it.
    queue_depth: u32,
    /// What its sender says that it answers.
    named: Option<MessageId>,
}

fn place(state: &State, send: &Send, to: &Recipient) -> Result<Place, Refusal> {
    topic(send)?;
    body(state, send)?;
    let (policy, queue_depth) = match to {
        Recipient::Peer(peer) => queue(state, send, peer)?,
        Recipient::User(_) => (WakePolicy::Persistent, 0),
    };
    let named = match &send.answers {
        Some(named) => named_answer(state, send, named, to)?,
        None => None,
    };
    Ok(Place { policy, queue_depth, named })
}

fn accepted(
    state: &State,
    send: Send,
    to: Recipient,
    place: Place,
    reason: Option<String>,
) -> (MessageId, MessageAccepted) {
    let Place { policy, queue_depth, named } = place;
    let answers = named.or_else(|| concluded_answer(state, &send, &to));
    let (named, replaced) = (named.is_some(), text::visible(&send.text).replaced);
    let Send { mint, from, topic, text, key, progress, reply_asked, .. } = send;
    let accepted = MessageAccepted {
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
        named,
        reply_asked,
    };
    (mint, accepted)
}

fn topic(send: &Send) -> Result<(), Refusal> {
    let Some(topic) = &send.topic else { return Ok(()) };
    let chars = topic.chars().count();
    if chars > TOPIC_CHARS_MAX {
        return Err(Refusal::new("C6", format!("the topic has {chars} characters, at most {TOPIC_CHARS_MAX} may be")));
    }
    if chars == 0 || text::has_control(topic) {
        return Err(Refusal::new("C12", "the topic is empty or holds a control character"));
    }
    Ok(())
}

fn body(state: &State, send: &Send) -> Result<(), Refusal> {
    let bytes_max = state.settings.message_bytes_max as usize;
    if send.text.contains('\0') {
        return Err(Refusal::new("C6", "the text holds a NUL byte"));
    }
    if send.text.trim().is_empty() {
        return Err(Refusal::new("C6", "the text is empty"));
    }
    if send.text.len() > bytes_max {
        return Err(Refusal::new("C6", format!("the text has {} bytes, at most {bytes_max} may be", send.text.len()))
            .hint("put it in a file and send its path; `message_bytes_max` is the setting"));
    }
    Ok(())
}

/// Not to oneself, not stopped, not full. Returns the policy in force and the depth with this message.
fn queue(state: &State, send: &Send, to: &Identity) -> Result<(WakePolicy, u32), Refusal> {
    let policy = state.peer(to).map_or(WakePolicy::Persistent, |peer| peer.registration.profile.wake_policy);
    not_to_oneself(send, to, policy)?;
    let Some(presence) = state.presences.get(to) else { return Ok((policy, 1)) };
    if let Some(stopped) = &presence.stopped {
        return Err(Refusal::new("C52", format!("cannot deliver to `{to}`: it is stopped (by {})", stopped.by))
            .hint(format!("`dormouse start {to}` lets it wake; the message was not accepted")));
    }
    let depth = u32::try_from(presence.queue.len()).unwrap_or(u32::MAX);
    let queue_max = state.settings.queue_max;
    if depth >= queue_max {
        return Err(Refusal::new("C6", format!("the queue of {to} is full: {depth} messages, limit {queue_max}"))
            .hint(format!("`dormouse queue {to}` says why it is not moving")));
    }
    Ok((policy, depth + 1))
}

/// For an ephemeral target the personality is compared (C11).
fn not_to_oneself(send: &Send, to: &Identity, policy: WakePolicy) -> Result<(), Refusal> {
    let Some(speaker) = send.from.peer() else { return Ok(()) };
    let same = match policy {
        WakePolicy::Persistent => speaker == to,
        WakePolicy::Ephemeral => speaker.personality == to.personality,
    };
    if same { Err(Refusal::new("C11", format!("{speaker} cannot write to itself"))) } else { Ok(()) }
}

/// The message that the sender says to answer (C13). It must have been given to the very session that speaks, by whom the
/// answer is for: none could end another's waiting. Where nobody could look, nothing is believed and nothing refused.
fn named_answer(state: &State, send: &Send, named: &Named, to: &Recipient) -> Result<Option<MessageId>, Refusal> {
    let id = named.message;
    let Sender::Session { peer, generation } = &send.from else {
        return Err(Refusal::new("C13", "only what an agent sends out of its session can answer a message"));
    };
    let known = state.session(peer, *generation).and_then(|session| given_to(state, session, id));
    let asked_by = match (known, &named.delivered) {
        (Some(asked_by), _) | (None, DeliveredHere::From(asked_by)) => asked_by,
        (None, DeliveredHere::NotKnown) => return Ok(None),
        (None, DeliveredHere::Never) => {
            return Err(Refusal::new("C13", format!("message {id} was never delivered to this session")).hint(
                "a message's id stands in its first line; without one the answer goes to what was delivered last",
            ));
        }
    };
    if is_from(asked_by, to) {
        return Ok(Some(id));
    }
    Err(Refusal::new("C13", format!("message {id} is from {asked_by}: an answer to it goes there"))
        .hint("leave out the message's id to say something else"))
}

/// Whom `id` is from, if the state still knows it to have been typed into this session.
fn given_to<'a>(state: &'a State, session: &'a Session, id: MessageId) -> Option<&'a Sender> {
    let in_hand = session.task.into_iter().chain(session.delivering.filter(|id| has_begun(state, *id)));
    let message = in_hand.filter(|in_hand| *in_hand == id).find_map(|id| state.messages.get(&id));
    let question = session.questions.iter().find(|question| question.message == id);
    let last = session.last_delivered_from.as_ref().filter(|_| session.last_delivered == Some(id));
    message.map(|message| &message.from).or(question.map(|question| &question.from)).or(last)
}

fn has_begun(state: &State, id: MessageId) -> bool {
    state.messages.get(&id).is_some_and(Message::is_begun)
}

/// What a message that names none is taken to answer: what the sender's session is working on, if it came from this
/// recipient; or else the one thing they still wait for a reply to.
fn concluded_answer(state: &State, send: &Send, to: &Recipient) -> Option<MessageId> {
    let Sender::Session { peer, generation } = &send.from else { return None };
    let session = state.session(peer, *generation)?;
    // What only waits to be typed cannot be answered yet; and a session that was given something before may be slow to
    // answer that. Only the first thing it was ever given is known to be what it speaks of.
    let first = session.last_delivered.is_none();
    let begun = session.delivering.filter(|id| first && has_begun(state, *id));
    let (id, asked_by) = match session.task.or(begun).and_then(|id| state.messages.get(&id)) {
        Some(message) => (message.id, &message.from),
        None => (session.last_delivered?, session.last_delivered_from.as_ref()?),
    };
    if is_from(asked_by, to) { Some(id) } else { only_question(session, to) }
}

fn only_question(session: &Session, to: &Recipient) -> Option<MessageId> {
    let mut asked = session.questions.iter().filter(|question| is_from(&question.from, to));
    asked.next().filter(|_| asked.next().is_none()).map(|question| question.message)
}

fn is_from(sender: &Sender, to: &Recipient) -> bool {
    match (sender, to) {
        (Sender::Session { peer, .. }, Recipient::Peer(to)) => peer.personality == to.personality,
        (Sender::User { name, .. }, Recipient::User(to)) => name == to,
        (Sender::User { .. } | Sender::Unverified { .. } | Sender::Dormouse { .. }, _)
        | (Sender::Session { .. }, Recipient::User(_)) => false,
    }
}

/// Only what has not been typed can be called back.
pub(super) fn cancel(state: &State, reason: &Option<String>, id: MessageId) -> Checked {
    let message = unsettled(state, id)?;
    let peer = message.to.clone();
    match message.fate {
        Fate::Queued | Fate::Dead { .. } | Fate::Delivering { begun: None, .. } => {
            let event = Event::from(CancelRequested { reason: reason.clone() });
            Ok((Subject::peer(&peer).with_message(id), event))
        }
        Fate::Delivering { .. } | Fate::Delivered { .. } => {
            let why = format!("message {id} has been typed into the session of {peer}");
            Err((Some(peer), Refusal::new("C13", why)))
        }
    }
}

pub(super) fn retry(state: &State, reason: &Option<String>, id: MessageId) -> Checked {
    let message = unsettled(state, id)?;
    let peer = message.to.clone();
    let is_where = match message.fate {
        Fate::Dead { .. } => None,
        Fate::Queued => Some("waits in the queue of"),
        Fate::Delivering { begun: None, .. } => Some("waits to be typed into the session of"),
        Fate::Delivering { begun: Some(_), .. } | Fate::Delivered { .. } => Some("has been typed into the session of"),
    };
    if let Some(is_where) = is_where {
        let refusal = Refusal::new("C13", format!("message {id} is not dead: it {is_where} {peer}"));
        return Err((Some(peer), refusal));
    }
    Ok((Subject::peer(&peer).with_message(id), RetryRequested { reason: reason.clone() }.into()))
}

fn unsettled(state: &State, id: MessageId) -> Result<&Message, (Option<Identity>, Refusal)> {
    state.messages.get(&id).ok_or_else(|| {
        let refusal = Refusal::new("C13", format!("no unsettled message is called {id}"));
        (None, refusal.hint(format!("`dormouse why {id}` tells what became of it")))
    })
}
