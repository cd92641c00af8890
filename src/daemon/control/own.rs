//! What concerns the session that asks.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Door;
use super::answer::ending;
use super::caller::Caller;
use crate::executor::tmux::in_full;
use crate::explain::mail::{self, Letter};
use crate::home::Home;
use crate::journal::{Order, Question, ReadError, Reader};
use crate::model::actor::Actor;
use crate::model::effect::SessionName;
use crate::model::id::{Lsn, MessageId};
use crate::model::record::Record;
use crate::model::state::State;
use crate::protocol::Problem;

/// Messages that are listed, the newest.
const LETTERS_MAX: usize = 40;

/// What is queued and delivered for and by the caller, oldest first.
pub(super) async fn messages(door: &Door, caller: &Caller) -> Result<Value, Problem> {
    let Actor::Session { peer, generation } = &caller.actor else {
        return Err(Problem::refused("only a session has messages of its own (C62)")
            .hint("`dormouse queue` shows what waits, and `dormouse log` what was sent"));
    };
    let session = SessionName { peer: peer.clone(), generation: *generation };
    let named = session.clone();
    let waiting = door.read(move |state, _| waiting(state, &named)).await?;
    let home = door.home.clone();
    let letters = tokio::task::spawn_blocking(move || letters(&home, &session, waiting)).await;
    match letters.map_err(|_| ending())? {
        Ok(letters) => serde_json::to_value(letters).map_err(|error| Problem::failed(error.to_string())),
        Err(error) => Err(Problem::failed(format!("the journal cannot be read: {}", in_full(&error)))),
    }
}

/// What is not settled yet, for or from the caller's peer.
fn waiting(state: &State, session: &SessionName) -> BTreeSet<MessageId> {
    let concerns = |peer: Option<&_>| peer == Some(&session.peer);
    let unsettled = state.messages.values().filter(|it| concerns(Some(&it.to)) || concerns(it.from.peer()));
    unsettled.map(|message| message.id).collect()
}

fn letters(home: &Home, session: &SessionName, mut known: BTreeSet<MessageId>) -> Result<Vec<Letter>, ReadError> {
    let reader = Reader::open(&home.journal())?;
    let question = Question {
        concerned: Some(vec![session.peer.clone()]),
        kinds: vec!["message_accepted", "delivered"],
        ..Question::default()
    };
    for record in reader.find(&question, session.generation.0, Order::OldestFirst) {
        known.extend(mail::own(&record?, session));
    }
    let newest = known.into_iter().rev().take(LETTERS_MAX);
    let mut letters = Vec::new();
    for message in newest {
        let about = Question::about_message(message);
        let records: Vec<Record> = reader.find(&about, Lsn(1), Order::OldestFirst).collect::<Result<_, _>>()?;
        letters.extend(mail::letter(message, &records, session));
    }
    letters.reverse();
    Ok(letters)
}
