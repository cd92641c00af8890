//! Promises about messages: each accounted for, in order, once, and proven before it is called delivered.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::delivery::{DeliveryOutcome, Proof, Settlement};
use crate::model::event::{
    Decision, Delivered, DeliveryDecided, DeliveryEnded, Event, Fact, MessageAccepted, Recipient,
};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::message::TextPrint;
use crate::model::name::Identity;
use crate::model::profile::WakePolicy;
use crate::model::record::Record;

use super::{Findings, Open};
use crate::explain::recent::Recent;

/// What has become of each message so far.
#[derive(Debug, Default)]
pub struct Messages {
    known: Recent<MessageId, Message>,
    /// Accepted, for a peer, and not delivered, cancelled or dead: in the order they must be delivered in.
    lines: Recent<Identity, BTreeSet<(Lsn, MessageId)>>,
    /// The ephemeral task of each session.
    tasks: BTreeMap<Generation, MessageId>,
}

#[derive(Debug)]
struct Message {
    to: Option<Identity>,
    accepted: Lsn,
    policy: Option<WakePolicy>,
    fate: Fate,
    /// It stands in line; reports, prompts and what was retried by hand may be overtaken.
    in_line: bool,
    /// Attempts whose paste was recorded, each with what was typed.
    begun: Vec<(u32, TextPrint)>,
    proven: bool,
    /// Submitted, or cut off while it was typed, and neither proven nor settled since.
    in_doubt: Option<Lsn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waiting,
    Delivered,
    Done,
    Dead,
    Cancelled,
    /// For a person outside: accepted is all there is to it.
    Kept,
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Fate::Waiting => "waiting",
            Fate::Delivered => "delivered",
            Fate::Done => "done",
            Fate::Dead => "dead",
            Fate::Cancelled => "cancelled",
            Fate::Kept => "kept",
        }
    }
}

impl Messages {
    pub fn see(&mut self, record: &Record, findings: &mut Findings) {
        if let Event::Decision(Decision::PeerForgotten(_)) = &record.event {
            return self.forgotten(record, findings);
        }
        if let Event::Decision(Decision::WakeDecided(it)) = &record.event
            && let Some(prompt) = it.prompt
        {
            self.made(prompt, record.subject.peer.clone(), record.lsn);
        }
        let Some(id) = record.subject.message else { return };
        match &record.event {
            Event::Fact(Fact::MessageAccepted(it)) => self.accepted(id, it, record, findings),
            Event::Decision(Decision::ReportMade(it)) => {
                self.made(it.message(record.lsn), it.to.peer().cloned(), record.lsn);
            }
            Event::Fact(fact) => self.fact(id, fact, record),
            Event::Decision(decision) => self.decision(id, decision, record, findings),
        }
    }

    /// Everything that is not settled at the end.
    pub fn open(&self) -> Vec<Open> {
        let unsettled = self.known.iter().filter(|(_, message)| match message.fate {
            // What nobody sent is owed to nobody: a report may wait for ever, for it never wakes.
            Fate::Waiting => message.policy.is_some(),
            Fate::Delivered => message.policy == Some(WakePolicy::Ephemeral),
            Fate::Done | Fate::Dead | Fate::Cancelled | Fate::Kept => false,
        });
        unsettled
            .map(|(id, message)| {
                let what = if message.fate == Fate::Waiting { "waits to be delivered" } else { "is a task under way" };
                Open { lsn: message.accepted.0, what: format!("message {id} {what}") }
            })
            .collect()
    }

    fn accepted(&mut self, id: MessageId, it: &MessageAccepted, record: &Record, findings: &mut Findings) {
        if self.known.get(&id).is_some() {
            return findings.violation("C9", record, format!("the id {id} is used again"));
        }
        let (to, fate) = match &it.to {
            Recipient::Peer(peer) => (Some(peer.clone()), Fate::Waiting),
            Recipient::User(_) => (None, Fate::Kept),
        };
        if let Some(to) = to.clone() {
            self.lines.get_or_add(&to, BTreeSet::new).insert((record.lsn, id));
        }
        let message = Message { policy: Some(it.policy), fate, in_line: to.is_some(), ..Message::new(to, record.lsn) };
        self.known.get_or_add(&id, || message);
    }

    /// A report or a prompt: ours, and out of line.
    fn made(&mut self, id: MessageId, to: Option<Identity>, lsn: Lsn) {
        let fate = if to.is_some() { Fate::Waiting } else { Fate::Kept };
        self.known.get_or_add(&id, || Message { fate, ..Message::new(to, lsn) });
    }

    fn fact(&mut self, id: MessageId, fact: &Fact, record: &Record) {
        let Some(message) = self.known.get_mut(&id) else { return };
        match fact {
            Fact::DeliveryBegun(it) => {
                message.begin(it.attempt, it.print);
                message.in_doubt = Some(record.lsn);
            }
            Fact::DeliveryEnded(it) => message.ended(it),
            // Byte for byte, or it is left to the program's record.
            Fact::PromptTaken(it) if message.typed(it.attempt) == Some(it.print) => {
                (message.proven, message.in_doubt) = (true, None);
            }
            Fact::DeliverySettled(it) => match it.settlement {
                Settlement::Found | Settlement::FoundExact => (message.proven, message.in_doubt) = (true, None),
                Settlement::Absent => message.in_doubt = None,
                Settlement::CannotTell { .. } => {}
            },
            Fact::RetryRequested(_) if message.fate == Fate::Dead => {
                (message.fate, message.in_line) = (Fate::Waiting, false);
            }
            _ => {}
        }
    }

    fn decision(&mut self, id: MessageId, decision: &Decision, record: &Record, findings: &mut Findings) {
        let Some(message) = self.known.get_mut(&id) else {
            if findings.sees_all() && is_about_message(decision) {
                findings.violation("C13", record, format!("message {id} was never accepted"));
            }
            return;
        };
        match decision {
            Decision::DeliveryDecided(it) => message.check_doubt(it, record, findings),
            Decision::Delivered(it) => self.delivered(id, it, record, findings),
            Decision::MessageDead(_) => self.settle(id, Fate::Dead, record, findings),
            Decision::MessageCancelled(_) => self.settle(id, Fate::Cancelled, record, findings),
            Decision::TaskDone(_) => self.settle(id, Fate::Done, record, findings),
            Decision::MessageRequeued(_) => self.requeued(id, record, findings),
            _ => {}
        }
    }

    fn delivered(&mut self, id: MessageId, it: &Delivered, record: &Record, findings: &mut Findings) {
        let Some(message) = self.known.get(&id) else { return };
        if message.typed(it.attempt).is_none() && findings.sees_all() {
            findings.violation("C14", record, format!("attempt {} is delivered and was never begun", it.attempt));
        } else if !message.proven && it.proof != Proof::Answer && findings.sees_all() {
            findings.violation("C14", record, "delivered without a proof before it".to_owned());
        }
        let twice = message.fate == Fate::Delivered && !it.possible_duplicate;
        if twice || matches!(message.fate, Fate::Done | Fate::Cancelled | Fate::Dead) {
            findings.violation("C13", record, format!("delivered, and it was already {}", message.fate.word()));
        }
        if message.in_line {
            self.check_order(id, record, findings);
        }
        self.check_task(id, record, findings);
        self.leave_line(id);
        if let Some(message) = self.known.get_mut(&id) {
            (message.fate, message.in_doubt) = (Fate::Delivered, None);
        }
    }

    /// C9: nobody who stands before it still waits.
    fn check_order(&self, id: MessageId, record: &Record, findings: &mut Findings) {
        let Some(message) = self.known.get(&id) else { return };
        let line = message.to.as_ref().and_then(|to| self.lines.get(to));
        let Some((_, first)) = line.and_then(|line| line.first()) else { return };
        if *first != id {
            findings.violation("C9", record, format!("delivered before message {first}, which was accepted earlier"));
        }
    }

    /// C35: one task, one session.
    fn check_task(&mut self, id: MessageId, record: &Record, findings: &mut Findings) {
        let is_task = self.known.get(&id).is_some_and(|message| message.policy == Some(WakePolicy::Ephemeral));
        // A session of somebody else's has no generation of ours, and is given whatever comes (C5).
        let own = record.subject.generation.filter(|generation| generation.0 != Lsn::ZERO);
        let Some(generation) = own.filter(|_| is_task) else { return };
        match self.tasks.insert(generation, id) {
            Some(before) if before != id => {
                findings.violation("C35", record, format!("session {generation} already had the task {before}"));
            }
            _ => {}
        }
    }

    fn settle(&mut self, id: MessageId, fate: Fate, record: &Record, findings: &mut Findings) {
        let Some(message) = self.known.get_mut(&id) else { return };
        let is_task = message.policy == Some(WakePolicy::Ephemeral);
        let allowed = match (message.fate, fate) {
            (Fate::Waiting, Fate::Dead | Fate::Cancelled) | (Fate::Delivered, Fate::Done) => true,
            (Fate::Dead, Fate::Cancelled) => true,
            (Fate::Delivered, Fate::Dead | Fate::Cancelled) => is_task,
            _ => false,
        };
        if !allowed {
            findings.violation("C13", record, format!("now {}, and it was {}", fate.word(), message.fate.word()));
        }
        message.fate = fate;
        self.leave_line(id);
    }

    fn requeued(&mut self, id: MessageId, record: &Record, findings: &mut Findings) {
        let Some(message) = self.known.get_mut(&id) else { return };
        if matches!(message.fate, Fate::Done | Fate::Cancelled) {
            findings.violation("C13", record, format!("requeued, and it was {}", message.fate.word()));
        }
        (message.fate, message.proven) = (Fate::Waiting, false);
        // Its place is that of its acceptance: before all that came later.
        if let Some(to) = message.to.clone().filter(|_| message.in_line) {
            self.lines.get_or_add(&to, BTreeSet::new).insert((message.accepted, id));
        }
    }

    /// C4: what was queued for a forgotten peer is cancelled, not lost.
    fn forgotten(&mut self, record: &Record, findings: &mut Findings) {
        let Some(peer) = &record.subject.peer else { return };
        // A report that was made to a peer without a place for it was never queued.
        let waits = |message: &Message| message.fate == Fate::Waiting && message.policy.is_some();
        for (id, message) in self.known.iter().filter(|(_, message)| waits(message)) {
            if let Some(to) = message.to.as_ref().filter(|to| to.personality == peer.personality) {
                findings.violation("C4", record, format!("message {id} still waits for {to}"));
            }
        }
    }

    fn leave_line(&mut self, id: MessageId) {
        let Some(message) = self.known.get_mut(&id) else { return };
        if let Some(line) = message.to.as_ref().and_then(|to| self.lines.get_mut(to)) {
            line.remove(&(message.accepted, id));
        }
    }
}

impl Message {
    fn new(to: Option<Identity>, accepted: Lsn) -> Self {
        Self {
            to,
            accepted,
            policy: None,
            fate: Fate::Waiting,
            in_line: false,
            begun: Vec::new(),
            proven: false,
            in_doubt: None,
        }
    }

    fn begin(&mut self, attempt: u32, print: TextPrint) {
        match self.begun.iter_mut().find(|(of, _)| *of == attempt) {
            Some((_, typed)) => *typed = print,
            None => {
                // A history is full of messages, and nearly all have one.
                self.begun.reserve_exact(1);
                self.begun.push((attempt, print));
            }
        }
    }

    /// What the paste of an attempt was; none if none is recorded.
    fn typed(&self, attempt: u32) -> Option<TextPrint> {
        self.begun.iter().find(|(of, _)| *of == attempt).map(|(_, print)| *print)
    }

    fn ended(&mut self, it: &DeliveryEnded) {
        match it.outcome {
            DeliveryOutcome::Proven { .. } => (self.proven, self.in_doubt) = (true, None),
            // Nothing was submitted: what lies in the box is not the program's.
            DeliveryOutcome::Failed { typed: false, .. }
            | DeliveryOutcome::CutOff { typed: false }
            | DeliveryOutcome::Impossible { .. } => {
                self.in_doubt = None;
            }
            DeliveryOutcome::Failed { .. } | DeliveryOutcome::CutOff { .. } | DeliveryOutcome::Unproven { .. } => {}
        }
    }

    /// C34: what may have arrived is not sent again without saying so.
    fn check_doubt(&self, it: &DeliveryDecided, record: &Record, findings: &mut Findings) {
        if let Some(begun) = self.in_doubt.filter(|_| !it.possible_duplicate) {
            let what = format!("sent again unmarked, and the attempt of record {begun} may have arrived");
            findings.violation("C34", record, what);
        }
    }
}

/// Decisions that speak of an accepted message as their subject.
fn is_about_message(decision: &Decision) -> bool {
    matches!(
        decision,
        Decision::DeliveryDecided(_)
            | Decision::Delivered(_)
            | Decision::DeliveryFailed(_)
            | Decision::MessageDead(_)
            | Decision::MessageCancelled(_)
            | Decision::MessageRequeued(_)
            | Decision::TaskDone(_)
    )
}
