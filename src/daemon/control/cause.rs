//! `why` and `whynot` as an agent may ask them: of itself, of its messages, and of whom it has written to.

use std::cell::RefCell;

use serde_json::Value;

use super::Door;
use super::answer::ending;
use super::caller::Caller;
use crate::explain::cause::{Side, Waits, cause, obstacle};
use crate::explain::why::{Answer, Reach, Reading, Source as _, Subject, Until};
use crate::explain::whynot::{Question as Undone, whynot};
use crate::journal::{Question, ReadError, Reader};
use crate::model::actor::Actor;
use crate::model::event::{Event, Fact};
use crate::model::id::MessageId;
use crate::model::name::Identity;
use crate::protocol::{self, Problem};

/// Why a peer or a message is as it is.
pub(super) async fn why(door: &Door, caller: &Caller, subject: String) -> Result<Value, Problem> {
    let own = own(caller)?;
    // First, for an id may be all digits.
    let subject = match subject.parse() {
        Ok(message) => Subject::Message(message),
        Err(_) => Subject::Peer(named(door, &subject, &own).await?),
    };
    // Before the records are read: what something has become of since waits for nothing.
    let waits = match subject {
        Subject::Message(message) => door.read(move |state, now| Waits::of(state, message, now)).await?,
        _ => None,
    };
    read(door, move |reader| {
        let failed = RefCell::default();
        let history = History { reading: Reading { reader, failed: &failed, earlier: &[] }, own: &own };
        let allowed = match &subject {
            Subject::Message(message) => history.concerns(*message),
            Subject::Peer(peer) => history.knows(peer),
            Subject::Session(..) | Subject::Record(_) => false,
        };
        if !allowed {
            // Whether it is one's own to ask about may stand where nothing can be read.
            return failed.take().pop().map_or_else(|| Ok(Err(not_yours(&subject))), Err);
        }
        let answer = Answer::of(&history.reading, subject.clone(), Until::default(), &[], Reach::Near);
        // What is damaged is told as a gap; the rest is answered from what can be read.
        if let Some(error) = other_than_damage(&failed) {
            return Err(error);
        }
        let side = match &subject {
            Subject::Message(message) => Side::of(&history.reading, *message, &own),
            _ => None,
        };
        let Some(cause) = cause(&answer, waits, &own, side, |message| history.concerns(message)) else {
            let nothing = || Ok(Err(Problem::refused(format!("there is no record of {subject} yet"))));
            return failed.take().pop().map_or_else(nothing, Err);
        };
        Ok(serde_json::to_value(cause).map_err(|error| Problem::failed(error.to_string())))
    })
    .await
}

/// What keeps something from happening to a peer.
pub(super) async fn why_not(
    door: &Door,
    caller: &Caller,
    peer: String,
    question: protocol::Undone,
) -> Result<Value, Problem> {
    let own = own(caller)?;
    let peer = named(door, &peer, &own).await?;
    let asked = peer.clone();
    read(door, move |reader| {
        let failed = RefCell::default();
        let reading = Reading { reader, failed: &failed, earlier: &[] };
        let history = History { reading, own: &own };
        if history.knows(&asked) {
            return Ok(Ok(()));
        }
        failed.take().pop().map_or_else(|| Ok(Err(not_yours(&Subject::Peer(asked.clone())))), Err)
    })
    .await?;
    let question = match question {
        protocol::Undone::Reaped => Undone::Reaped,
        protocol::Undone::Woken => Undone::Woken,
        protocol::Undone::Delivered => Undone::Delivered,
        protocol::Undone::Resumed => Undone::Resumed,
    };
    let found = door.read(move |state, now| obstacle(whynot(state, &peer, question, now))).await?;
    serde_json::to_value(found).map_err(|error| Problem::failed(error.to_string()))
}

fn own(caller: &Caller) -> Result<Identity, Problem> {
    match &caller.actor {
        Actor::Session { peer, .. } => Ok(peer.clone()),
        Actor::Dormouse | Actor::User { .. } => Err(Problem::refused("only a session has causes of its own (C62)")
            .hint("`dormouse why` and `dormouse whynot` tell everything")),
    }
}

/// Whom `name` means: the caller itself, an identity, else a personality in its default runtime.
async fn named(door: &Door, name: &str, own: &Identity) -> Result<Identity, Problem> {
    if name == own.to_string() || name == own.personality.as_str() || name == "me" {
        return Ok(own.clone());
    }
    let wanted = name.to_owned();
    let found = door
        .read(move |state, _| {
            let identity = wanted.parse::<Identity>().ok().filter(|it| state.presences.contains_key(it));
            identity.or_else(|| {
                let (personality, known) = state.peers.iter().find(|(it, _)| it.as_str() == wanted)?;
                Some(Identity::new(known.registration.profile.default_runtime.clone(), personality.clone()))
            })
        })
        .await?;
    // The same words as for a peer that is there: who is there at all is `list_peers`' to say.
    found.ok_or_else(|| refusal(name))
}

fn not_yours(subject: &Subject) -> Problem {
    refusal(&subject.to_string())
}

fn refusal(subject: &str) -> Problem {
    Problem::refused(format!("`{subject}` is none of yours to ask about (C62)")).hint(
        "ask about yourself, a message from you or for you (`my_messages` lists them), or a peer that you have written to",
    )
}

/// Reads the journal beside the loop.
async fn read<T: Send + 'static>(
    door: &Door,
    question: impl FnOnce(&Reader) -> Result<Result<T, Problem>, ReadError> + Send + 'static,
) -> Result<T, Problem> {
    let journal = door.home.journal();
    let read = move || Reader::open(&journal).and_then(|reader| question(&reader));
    match tokio::task::spawn_blocking(read).await.map_err(|_| ending())? {
        Ok(answer) => answer,
        Err(error) => {
            let why = crate::executor::tmux::in_full(&error);
            Err(Problem::failed(format!("the journal cannot be read: {why}")))
        }
    }
}

fn other_than_damage(failed: &RefCell<Vec<ReadError>>) -> Option<ReadError> {
    let mut failed = failed.borrow_mut();
    failed.iter().position(|error| !error.is_damage()).map(|at| failed.swap_remove(at))
}

/// What a peer has to do with a history, as far as that can be read.
struct History<'a> {
    reading: Reading<'a>,
    own: &'a Identity,
}

impl History<'_> {
    /// It is from the caller or for it.
    fn concerns(&self, message: MessageId) -> bool {
        Side::of(&self.reading, message, self.own).is_some()
    }

    /// It is the caller, or one that the caller has written to.
    fn knows(&self, peer: &Identity) -> bool {
        let by_own = Question {
            subjects: Some(vec![peer.clone()]),
            concerned: Some(vec![self.own.clone()]),
            kinds: vec!["message_accepted"],
            ..Question::default()
        };
        let mut knows = peer == self.own;
        if !knows {
            self.reading.back(&by_own, &mut |record| {
                let Event::Fact(Fact::MessageAccepted(accepted)) = &record.event else { return true };
                knows = accepted.from.peer() == Some(self.own);
                !knows
            });
        }
        knows
    }
}
