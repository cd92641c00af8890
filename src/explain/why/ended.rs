//! How it ended for a message that its session has taken and not answered.

use super::interrupted::ends_its_turn;
use super::{Question, Source, Until};
use crate::model::actor::Sender;
use crate::model::event::{Decision, Event, Fact, MessageAccepted, Recipient};
use crate::model::id::Lsn;
use crate::model::profile::WakePolicy;
use crate::model::record::Record;

/// The end of the turn in which a message was worked on, else of its session, if no answer has come; `told` are the records of its
/// fate. A task has an end of its own, and whoever waits for a reply is told of it.
pub(super) fn made<S: Source + ?Sized>(source: &S, told: &[Record], until: Until) -> Option<Record> {
    let delivered = told.iter().max_by_key(|it| it.lsn)?;
    let is_delivered = matches!(delivered.event, Event::Decision(Decision::Delivered(_)));
    let (generation, peer) = (delivered.subject.generation.filter(|_| is_delivered)?, delivered.subject.peer.clone()?);
    let accepted = told.iter().find_map(|it| match &it.event {
        Event::Fact(Fact::MessageAccepted(it)) if it.policy != WakePolicy::Ephemeral => Some(it),
        _ => None,
    })?;
    let asks = |kinds, last| {
        let subjects = Some(vec![peer.clone()]);
        Question { first: Some(delivered.lsn.next()), last, subjects, ..until.asks(kinds) }
    };
    // The turns behind the next delivery are about that one.
    let next = source.oldest(&asks(&["delivered"], until.last)).map(|record| Lsn(record.lsn.0 - 1));
    let is_of_it = |record: &Record| record.subject.generation == Some(generation);
    let turn = source.newest(&asks(&["turn_observed", "turn_judged"], next.or(until.last)));
    let turn = turn.filter(|seen| is_of_it(seen) && ends_its_turn(seen));
    let gone = || source.oldest(&asks(&["session_died", "session_ended", "session_finished"], until.last));
    let ended = turn.or_else(|| gone().filter(is_of_it))?;
    let mut is_answered = false;
    let said =
        Question { subjects: None, concerned: Some(vec![peer.clone()]), ..asks(&["message_accepted"], until.last) };
    source.each(&said, &mut |record| {
        if let Event::Fact(Fact::MessageAccepted(it)) = &record.event {
            let speaks = it.from == Sender::Session { peer: peer.clone(), generation };
            let names_it = it.answers.is_some() && it.answers == delivered.subject.message;
            is_answered |= names_it || speaks && record.lsn < ended.lsn && is_for_its_sender(it, accepted);
        }
    });
    (!is_answered).then_some(ended)
}

/// An agent may answer without naming what it answers.
fn is_for_its_sender(said: &MessageAccepted, asked: &MessageAccepted) -> bool {
    match (&said.to, &asked.from) {
        (Recipient::Peer(to), Sender::Session { peer, .. }) => to == peer,
        (Recipient::User(to), Sender::User { name, .. } | Sender::Unverified { name, .. }) => to == name,
        _ => false,
    }
}
