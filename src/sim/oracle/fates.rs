//! Nothing is ever dropped silently: an accepted message is known until its end stands in the journal.

use std::collections::BTreeSet;

use super::Oracle;
use crate::model::event::{Decision, Event, Fact, Recipient};
use crate::model::id::MessageId;
use crate::model::record::Record;
use crate::model::session::TaskEnd;
use crate::model::state::State;
use crate::sim::world::World;

#[derive(Debug, Default)]
pub struct Fates {
    /// Accepted, and neither delivered, dead nor cancelled.
    open: BTreeSet<MessageId>,
    /// Tasks whose session died, and nothing has become of them since.
    died: BTreeSet<MessageId>,
}

impl Oracle for Fates {
    fn name(&self) -> &'static str {
        "nothing is dropped silently"
    }

    fn rule(&self) -> &'static str {
        "C13, C41a"
    }

    fn after(&mut self, _: &World, state: &State, record: &Record) -> Result<(), String> {
        if let Event::Decision(Decision::SessionDied(died)) = &record.event {
            self.died.extend(died.task);
        }
        if let Some(message) = record.subject.message {
            let died = self.died.remove(&message);
            match &record.event {
                Event::Fact(Fact::MessageAccepted(fact)) if matches!(fact.to, Recipient::Peer(_)) => {
                    self.open.insert(message);
                }
                // A dead one that is tried again, or a task whose session died.
                Event::Decision(Decision::MessageRequeued(_)) => _ = self.open.insert(message),
                Event::Decision(Decision::Delivered(_) | Decision::MessageDead(_) | Decision::MessageCancelled(_)) => {
                    self.open.remove(&message);
                }
                Event::Decision(Decision::TaskDone(done)) if died && done.how == TaskEnd::WithoutAWord => {
                    return Err(format!("the session of {message} died, and its task is called done"));
                }
                _ => {}
            }
        }
        match self.open.iter().find(|id| !state.messages.contains_key(id)) {
            None => Ok(()),
            Some(id) => Err(format!("{id} is not known any more, and no record says why")),
        }
    }
}
