//! A peer that waits for a reply hears how that ends: by a reply, or by the word that there will be none.

use std::collections::{BTreeMap, BTreeSet};

use super::Oracle;
use crate::model::actor::Sender;
use crate::model::event::{Decision, Event, Fact, Recipient};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::state::State;
use crate::sim::world::World;

#[derive(Debug, Default)]
pub struct Questions {
    /// Asked by a peer, and whom.
    open: BTreeMap<MessageId, Identity>,
    /// The session that each message was last delivered to, and those that have replied to one.
    delivered: BTreeMap<MessageId, Generation>,
    replied: BTreeSet<(MessageId, Generation)>,
}

impl Oracle for Questions {
    fn name(&self) -> &'static str {
        "who waits for a reply is told"
    }

    fn rule(&self) -> &'static str {
        "C13"
    }

    fn after(&mut self, _: &World, _: &State, record: &Record) -> Result<(), String> {
        match (&record.event, record.subject.message) {
            (Event::Fact(Fact::MessageAccepted(fact)), Some(message)) => {
                let Sender::Session { peer, generation } = &fact.from else { return Ok(()) };
                if let Some(question) = fact.answers.filter(|id| !fact.progress && self.open.get(id) == Some(peer)) {
                    self.open.remove(&question);
                    self.replied.insert((question, *generation));
                }
                if let (Recipient::Peer(to), true) = (&fact.to, fact.reply_asked) {
                    self.open.insert(message, to.clone());
                }
            }
            (Event::Decision(Decision::Delivered(_)), Some(message)) => {
                self.delivered.extend(record.subject.generation.map(|generation| (message, generation)));
            }
            // Of one that is dead it is said how often it was tried, whatever an earlier session has replied.
            (Event::Decision(Decision::MessageDead(_)), Some(message)) => drop(self.delivered.remove(&message)),
            (Event::Decision(Decision::ReportMade(report)), _) => {
                self.open.remove(&report.about);
                let last = self.delivered.get(&report.about).map(|generation| (report.about, *generation));
                if last.is_some_and(|last| self.replied.contains(&last)) {
                    return Err(format!("{} has its reply, and its sender is told: {}", report.about, report.text));
                }
            }
            // Whoever calls it back does not wait for it.
            (Event::Decision(Decision::MessageCancelled(_)), Some(message)) => drop(self.open.remove(&message)),
            _ => {}
        }
        Ok(())
    }

    fn at_rest(&mut self, _: &World, state: &State) -> Result<(), String> {
        let waits = |(id, to): &(&MessageId, &Identity)| {
            let presence = state.presences.get(to);
            let session = presence.and_then(|presence| presence.session.as_ref());
            let may_reply = session.is_some_and(|session| session.questions.iter().any(|asked| asked.message == **id));
            // Nobody learns when a session ends that something else keeps (C5).
            let ours = self.delivered.get(id).is_some_and(|generation| generation.0 > Lsn::ZERO);
            ours && !may_reply && !state.messages.contains_key(id)
        };
        match self.open.iter().find(waits) {
            None => Ok(()),
            Some((id, to)) => Err(format!("nobody was told what became of the reply of {to} to {id}")),
        }
    }
}
