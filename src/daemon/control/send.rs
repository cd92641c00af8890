//! `send`: asks, and waits for as much as the sender wants to know.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::answer::{ending, in_words};
use super::caller::Caller;
use super::fate::{Ear, Heard};
use super::{Door, mint};
use crate::daemon::input::{Answer, Ask, Input};
use crate::explain::because::delivery_gate;
use crate::explain::phrase::seconds;
use crate::model::actor::Sender;
use crate::model::event::{Event, Fact, Recipient};
use crate::model::id::{Lsn, MessageId};
use crate::model::message::{Fate, Message};
use crate::model::record::{Record, Subject};
use crate::model::request::{self, DeliveredHere, Named, Request};
use crate::protocol::{Problem, ProblemCode, Reply, SendMessage, Sent, SentOutcome, Wait};

/// Sends `message`; `early` hears of its acceptance when more is waited for.
pub(super) async fn send(
    door: &Door,
    caller: Caller,
    request_id: MessageId,
    reason: Option<String>,
    message: SendMessage,
    early: &mpsc::UnboundedSender<Reply>,
) -> Result<Value, Problem> {
    let (wait, timeout_ms) = (message.wait, message.timeout_ms);
    if wait == Wait::Replied && matches!(caller.sender, Sender::Unverified { .. }) {
        let why = "a name that was only claimed gets no replies";
        return Err(not_accepted(Problem::refused(why).hint("leave out --from, or wait for `delivered`")));
    }
    // Before asking: what follows in the very next turn must not be missed.
    let records = (wait > Wait::Accepted).then(|| door.inputs.records.subscribe());
    let answers = match message.answers {
        Some(id) => Some(door.named(&caller.sender, id).await.map_err(not_accepted)?),
        None => None,
    };
    let (ask, posted) = letter(caller, request_id, reason, message, answers)?;
    door.tell(Input::Ask(ask)).map_err(not_accepted)?;
    let (sent, settled) = posted.accepted(door).await?;
    let Some((records, message)) = records.zip(sent.message) else { return said(&sent) };
    if !settled.iter().any(|record| Some(record.lsn) == sent.lsn) {
        return Err(no_longer_told(message, sent.lsn));
    }
    // A caller that has gone is noticed by its connection.
    let _ = early.send(Reply::Accepted(sent.clone()));
    let waiting = Waiting { door, sent, ear: Ear::new(message, wait), records };
    let Some(ms) = timeout_ms else { return waiting.end(settled).await };
    let deadline = Instant::now() + Duration::from_millis(ms);
    match tokio::time::timeout_at(deadline, waiting.end(settled)).await {
        Ok(end) => end,
        Err(_) => Err(timed_out(door, message, wait, ms).await),
    }
}

/// A message that the loop is asked to accept.
pub(super) struct Posted {
    to: String,
    answer: oneshot::Receiver<Answer>,
}

/// What the loop is to be asked for `message`, and what then waits for its answer.
pub(super) fn letter(
    caller: Caller,
    request_id: MessageId,
    reason: Option<String>,
    message: SendMessage,
    answers: Option<Named>,
) -> Result<(Ask, Posted), Problem> {
    let to = message.to.clone();
    let (ask, answer) = Ask::new(request(caller, request_id, reason, message, answers).map_err(not_accepted)?);
    Ok((ask, Posted { to, answer }))
}

impl Posted {
    /// What the sender is told first, and the records that may hold more already.
    pub(super) async fn accepted(self, door: &Door) -> Result<(Sent, Vec<Record>), Problem> {
        let answer = in_words(self.answer).await.map_err(not_accepted)?;
        accepted(door, answer, self.to).await
    }
}

/// What the rules are asked. A session's call that has no key of its own is one message however often it comes (C61a).
pub(super) fn request(
    caller: Caller,
    request_id: MessageId,
    reason: Option<String>,
    message: SendMessage,
    answers: Option<Named>,
) -> Result<Request, Problem> {
    let SendMessage { to, text, topic, key, runtime, progress, wait, .. } = message;
    let runtime = match runtime.map(|runtime| runtime.parse()).transpose() {
        Ok(runtime) => runtime,
        Err(error) => return Err(Problem::refused(crate::model::name::NameError::to_string(&error))),
    };
    let key = key.or_else(|| caller.sender.peer().map(|_| request_id.to_string()));
    let send = request::Send {
        mint: mint::message_id(),
        to,
        runtime,
        from: caller.sender,
        topic,
        text,
        key,
        progress,
        answers,
        reply_asked: wait == Wait::Replied,
    };
    Ok(Request { actor: caller.actor, reason, verb: request::Verb::Send(Box::new(send)) })
}

async fn accepted(door: &Door, answer: Answer, to: String) -> Result<(Sent, Vec<Record>), Problem> {
    let sent = |message, peer, depth, lsn| Sent {
        message: Some(message),
        peer,
        outcome: SentOutcome::Accepted,
        queue_depth: Some(depth),
        lsn: Some(lsn),
        proof: None,
        reply: None,
    };
    match answer {
        Answer::Done(records) => {
            let Some((lsn, id, accepted)) = records.iter().find_map(acceptance) else {
                return Err(Problem::failed("the daemon's answer holds no accepted message"));
            };
            let peer = match &accepted.to {
                Recipient::Peer(peer) => peer.to_string(),
                Recipient::User(name) => format!("user:{name}"),
            };
            Ok((sent(id, peer, accepted.queue_depth, lsn), records))
        }
        Answer::Known { message, accepted, queue_depth } => {
            let peer =
                door.read(move |state, _| state.messages.get(&message).map(|known| known.to.to_string())).await?;
            let records = door.history(message, accepted).await?;
            Ok((sent(message, peer.unwrap_or(to), queue_depth, accepted), records))
        }
        Answer::Refused { .. } | Answer::JournalRefuses { .. } => Err(Problem::refused("the message was refused")),
    }
}

fn acceptance(record: &Record) -> Option<(Lsn, MessageId, &crate::model::event::MessageAccepted)> {
    match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) => Some((record.lsn, record.subject.message?, accepted)),
        _ => None,
    }
}

/// A sender that wants to know more.
struct Waiting<'a> {
    door: &'a Door,
    sent: Sent,
    ear: Ear,
    records: Receiver<Arc<Record>>,
}

impl Waiting<'_> {
    async fn end(mut self, already: Vec<Record>) -> Result<Value, Problem> {
        let mut heard = self.hear(&already);
        loop {
            if let Some(heard) = heard {
                return self.conclude(heard);
            }
            heard = match self.records.recv().await {
                Ok(record) => self.ear.hear(&record),
                Err(RecvError::Closed) => return Err(ending()),
                // So many records at once that some were dropped here: the journal has them.
                Err(RecvError::Lagged(_)) => {
                    let (message, lsn) = (self.sent.message, self.sent.lsn);
                    let Some((message, lsn)) = message.zip(lsn) else { return Err(ending()) };
                    let missed = self.door.history(message, lsn).await?;
                    self.hear(&missed)
                }
            };
        }
    }

    fn hear(&mut self, records: &[Record]) -> Option<Heard> {
        records.iter().find_map(|record| self.ear.hear(record))
    }

    fn conclude(mut self, heard: Heard) -> Result<Value, Problem> {
        self.sent.proof = self.ear.proof;
        match heard {
            Heard::Delivered => self.sent.outcome = SentOutcome::Delivered,
            Heard::Replied(reply) => {
                self.sent.outcome = SentOutcome::Replied;
                self.sent.reply = Some(reply);
            }
            Heard::Never(problem) => return Err(problem),
        }
        said(&self.sent)
    }
}

impl Door {
    /// What the journal knows of a message that a session says to answer.
    async fn named(&self, speaker: &Sender, message: MessageId) -> Result<Named, Problem> {
        let delivered = match speaker {
            Sender::Session { peer, generation } => {
                let records = self.history(message, Lsn(1)).await?;
                DeliveredHere::told_by(&records, &Subject::session(peer, *generation), message)
            }
            Sender::User { .. } | Sender::Unverified { .. } | Sender::Dormouse { .. } => DeliveredHere::NotKnown,
        };
        Ok(Named { message, delivered })
    }

    /// Records about a message, read where reading may take its time.
    async fn history(&self, message: MessageId, from: Lsn) -> Result<Vec<Record>, Problem> {
        let history = Arc::clone(&self.history);
        match tokio::task::spawn_blocking(move || history(message, from)).await {
            Ok(Ok(records)) => Ok(records),
            Ok(Err(why)) => Err(Problem::failed(format!("the journal cannot be read: {why}"))),
            Err(_) => Err(ending()),
        }
    }
}

/// A key is remembered for longer than history may be kept (C8).
fn no_longer_told(message: MessageId, accepted: Option<Lsn>) -> Problem {
    let lsn = accepted.unwrap_or_default();
    Problem::failed(format!(
        "message {message} was accepted before, as record {lsn}, and that record was removed since"
    ))
    .hint("what became of it can no longer be told; it is not sent again")
}

/// Says what has become of the message so far: it is not taken back.
async fn timed_out(door: &Door, message: MessageId, wait: Wait, timeout_ms: u64) -> Problem {
    let found =
        door.read(move |state, _| state.messages.get(&message).map(|found| (at(found), found.to.clone()))).await;
    let (at, waits_for) = match found {
        Ok(Some((Some(at), to))) => (at, Some(to)),
        // What is settled, the state has forgotten.
        Ok(Some((None, _)) | None) => ("delivered".to_owned(), None),
        Err(_) => ("not known".to_owned(), None),
    };
    let wanted = if wait == Wait::Replied { "replied to" } else { "delivered" };
    let within = seconds(timeout_ms);
    let next = match waits_for {
        Some(to) => format!(
            "`dormouse whynot {to} delivered` says what holds it, `dormouse queue cancel {message}` takes it back"
        ),
        None => format!("`dormouse why {message}` tells how far it came"),
    };
    Problem::new(ProblemCode::TimedOut, format!("not {wanted} within {within}: message {message} is {at}"))
        .hint(format!("it stays accepted; {next}"))
}

/// Where a message is that has not been delivered; none once it has.
fn at(message: &Message) -> Option<String> {
    Some(match (&message.fate, &message.waiting_for) {
        (Fate::Queued, _) => "queued".to_owned(),
        (Fate::Delivering { .. }, Some(gate)) => format!("waiting: {}", delivery_gate(gate)),
        (Fate::Delivering { .. }, None) => "being delivered".to_owned(),
        (Fate::Delivered { .. }, _) => return None,
        (Fate::Dead { why, .. }, _) => format!("dead: {why}"),
    })
}

fn said(sent: &Sent) -> Result<Value, Problem> {
    serde_json::to_value(sent).map_err(|error| Problem::failed(error.to_string()))
}

/// Every refusal of a message says so (C6).
fn not_accepted(problem: Problem) -> Problem {
    let says_so = |text: &str| text.contains("not accepted");
    // Those two say themselves what is known of the message.
    let says_itself = matches!(problem.code, ProblemCode::Ending | ProblemCode::JournalRefuses);
    if says_itself || says_so(&problem.message) || problem.hint.as_deref().is_some_and(says_so) {
        return problem;
    }
    let hint = problem.hint.as_ref().map_or(String::new(), |hint| format!("{hint}; "));
    problem.hint(format!("{hint}the message was not accepted"))
}
