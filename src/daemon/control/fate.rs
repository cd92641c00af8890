//! What a waiting sender listens for in the records (pure).

use crate::model::delivery::Proof;
use crate::model::event::{Decision, Event, Fact, MessageAccepted};
use crate::model::id::{Lsn, MessageId};
use crate::model::profile::WakePolicy;
use crate::model::record::{Record, Subject};
use crate::protocol::{Answered, Problem, ProblemCode, Wait};

/// Follows one message through the records until what is waited for has come, or never will.
#[derive(Clone, Debug)]
pub(super) struct Ear {
    message: MessageId,
    wait: Wait,
    heard: Lsn,
    pub delivered: bool,
    pub proof: Option<Proof>,
    /// The session that has read it, where no task is kept that would tell the end of its work.
    reader: Option<Subject>,
    is_task: bool,
}

/// The end of waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Delivered,
    Replied(Answered),
    Never(Problem),
}

impl Ear {
    pub fn new(message: MessageId, wait: Wait) -> Self {
        Self { message, wait, heard: Lsn::ZERO, delivered: false, proof: None, reader: None, is_task: false }
    }

    /// Takes the next record. One that came before, by another way, is passed over.
    pub fn hear(&mut self, record: &Record) -> Option<Heard> {
        if record.lsn <= self.heard {
            return None;
        }
        self.heard = record.lsn;
        match &record.event {
            Event::Fact(Fact::MessageAccepted(accepted)) if record.subject.message == Some(self.message) => {
                self.is_task = accepted.policy == WakePolicy::Ephemeral;
                None
            }
            Event::Fact(Fact::MessageAccepted(accepted)) => self.accepted(record, accepted),
            Event::Decision(Decision::SessionDied(_) | Decision::SessionFinished(_) | Decision::SessionEnded(_)) => {
                self.session_over(record)
            }
            Event::Decision(Decision::ReportMade(report)) if report.about == self.message => Some(self.reported()),
            Event::Decision(decision) if record.subject.message == Some(self.message) => {
                self.note_reader(record, decision);
                self.decided(decision)
            }
            _ => None,
        }
    }

    /// Its sender is told, and so is whoever waits.
    fn reported(&self) -> Heard {
        Heard::Never(if self.delivered {
            self.never("the session that read it ended without an answer", ProblemCode::NoReply)
        } else {
            self.never("the message was not delivered", ProblemCode::NotDelivered)
        })
    }

    /// An answer, unless its sender said that more is to come.
    fn accepted(&self, record: &Record, accepted: &MessageAccepted) -> Option<Heard> {
        if self.wait != Wait::Replied || accepted.answers != Some(self.message) || accepted.progress {
            return None;
        }
        let from = accepted.from.peer().map_or_else(|| accepted.from.to_string(), ToString::to_string);
        Some(Heard::Replied(Answered { message: record.subject.message, from, text: accepted.text.clone() }))
    }

    fn note_reader(&mut self, record: &Record, decision: &Decision) {
        if matches!(decision, Decision::Delivered(_)) && !self.is_task {
            self.reader = Some(Subject { message: None, ..record.subject.clone() });
        }
    }

    /// Nobody is left who could answer.
    fn session_over(&self, record: &Record) -> Option<Heard> {
        let of = Subject { message: None, ..record.subject.clone() };
        let over = self.wait == Wait::Replied && self.reader.as_ref() == Some(&of);
        over.then(|| Heard::Never(self.never("the session that read it ended without an answer", ProblemCode::NoReply)))
    }

    fn decided(&mut self, decision: &Decision) -> Option<Heard> {
        match decision {
            Decision::Delivered(delivered) => self.arrived(Some(delivered.proof)),
            // For a person outside there is no further proof to be had than that it is kept for them.
            Decision::AnswerKept(_) => self.arrived(None),
            Decision::MessageDead(dead) => {
                let why = format!("the message is dead after {} attempts: {}", dead.attempts, dead.why);
                let problem = self.never(&why, ProblemCode::NotDelivered);
                Some(Heard::Never(problem.hint(format!("`dormouse queue retry {}` tries again", self.message))))
            }
            Decision::MessageCancelled(cancelled) => {
                let why = format!("the message was cancelled: {}", cancelled.why);
                Some(Heard::Never(self.never(&why, ProblemCode::NotDelivered)))
            }
            // A reply would have been heard before; a worker may also have said that it has nothing to say.
            Decision::TaskDone(_) if self.wait == Wait::Replied => {
                Some(Heard::Never(self.never("the task ended without an answer", ProblemCode::NoReply)))
            }
            _ => None,
        }
    }

    fn arrived(&mut self, proof: Option<Proof>) -> Option<Heard> {
        self.delivered = true;
        self.proof = proof;
        (self.wait == Wait::Delivered).then_some(Heard::Delivered)
    }

    fn never(&self, why: &str, code: ProblemCode) -> Problem {
        Problem::new(code, format!("{why} (message {})", self.message))
            .hint(format!("`dormouse why {}` says how it came to that", self.message))
    }
}
