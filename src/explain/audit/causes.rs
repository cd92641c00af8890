//! Every decision follows from something that came before it (C64).

use std::collections::BTreeMap;

use crate::model::event::{Class, Decision, Event, Fact};
use crate::model::id::Lsn;
use crate::model::record::{Record, Subject};
use crate::model::time::Timestamp;

use super::Findings;

/// What is concluded from a fact stands right behind it, in its group.
const FACTS_MAX: usize = 64;

/// The subjects of the last facts whose conclusions must be about the same thing.
#[derive(Debug, Default)]
pub struct Causes {
    subjects: BTreeMap<Lsn, Subject>,
    last: Option<Timestamp>,
}

impl Causes {
    pub fn see(&mut self, record: &Record, findings: &mut Findings) {
        self.clock(record, findings);
        match record.cause {
            Some(cause) if cause >= record.lsn => {
                findings.violation("C64", record, format!("its cause is record {cause}, which does not precede it"));
            }
            None if record.event.kind().class == Class::Decision => {
                findings.violation("C64", record, "a decision without a cause".to_owned());
            }
            cause => self.subject(cause, record, findings),
        }
        if let Event::Fact(Fact::DeliveryEnded(_) | Fact::DeliverySettled(_) | Fact::SessionGone(_)) = &record.event {
            self.subjects.insert(record.lsn, record.subject.clone());
            if self.subjects.len() > FACTS_MAX {
                self.subjects.pop_first();
            }
        }
    }

    /// C50a: within one start of the machine the awake clock never goes back.
    fn clock(&mut self, record: &Record, findings: &mut Findings) {
        let back = self.last.is_some_and(|last| last.boot == record.at.boot && record.at.awake_ms < last.awake_ms);
        if back {
            findings.violation("C50a", record, "its awake time lies before that of the record before it".to_owned());
        }
        self.last = Some(record.at);
    }

    fn subject(&self, cause: Option<Lsn>, record: &Record, findings: &mut Findings) {
        let Some((cause, of_cause)) = cause.and_then(|cause| Some((cause, self.subjects.get(&cause)?))) else { return };
        let differs = match &record.event {
            Event::Decision(Decision::Delivered(_) | Decision::DeliveryFailed(_)) => {
                of_cause.message.is_some() && record.subject.message != of_cause.message
            }
            Event::Decision(
                Decision::SessionDied(_)
                | Decision::SessionFinished(_)
                | Decision::SessionEnded(_)
                | Decision::Parked(_),
            ) => record.subject.peer != of_cause.peer,
            _ => false,
        };
        if differs {
            findings.violation("C64", record, format!("it is about something else than its cause, record {cause}"));
        }
    }
}
