//! The rules: what follows from what just happened. Pure, total, deterministic.
//!
//! A record is first asked what it means by itself (an answer arms, an end is a death); where it means nothing of its
//! own, the standing rules of its peer are asked (what is due, what may be delivered, who may be woken). They look at
//! the state and not at the record, so that a condition is never missed because its moment was.

pub mod admit;
mod armed;
pub mod ask;
pub mod deadline;
mod death;
mod deliver;
mod operator;
mod quarantine;
mod reap;
mod retry;
mod settle;
mod verb;
mod wake;

use crate::model::event::{Decision, Event, Fact};
use crate::model::id::MessageId;
use crate::model::name::Identity;
use crate::model::record::{Draft, Record, Subject};
use crate::model::state::{Presence, Session, State};
use crate::model::time::Timestamp;
use crate::mutant::{Bug, bug};

/// What follows from `record`, which has been folded into `state`. The caller folds each draft and asks again, until
/// nothing more follows.
pub fn decide(state: &State, record: &Record) -> Vec<Draft> {
    let mut drafts = match &record.event {
        Event::Fact(fact) => on_fact(state, record, fact),
        Event::Decision(decision) => on_decision(state, record, decision),
    };
    let asked = if drafts.is_empty() { concerned(record) } else { Concerned::None };
    match asked {
        Concerned::None => {}
        Concerned::One(peer) => drafts = standing(state, record, peer),
        Concerned::All => drafts.extend(state.presences.keys().flat_map(|peer| standing(state, record, peer))),
    }
    // What an answer means for the worker that gives it, or a dead task for the worker that had it, must not make whom it is
    // for wait until something else happens there.
    let addressee = record.addressee().filter(|to| !asked.includes(to));
    drafts.extend(addressee.into_iter().flat_map(|to| standing(state, record, to)));
    if drafts.is_empty() && !matches!(asked, Concerned::None) {
        drafts = wake::next(state, record);
    }
    drafts
}

/// Whose standing rules are asked.
#[derive(Clone, Copy)]
enum Concerned<'a> {
    None,
    One(&'a Identity),
    All,
}

impl Concerned<'_> {
    fn includes(self, peer: &Identity) -> bool {
        match self {
            Concerned::None => false,
            Concerned::One(one) => one == peer,
            Concerned::All => true,
        }
    }
}

/// Before a new daemon has looked at the world nothing is decided on what the old one believed (C60).
fn concerned(record: &Record) -> Concerned<'_> {
    match (&record.event, &record.subject.peer) {
        (Event::Fact(Fact::DaemonStarted(_)), _) => Concerned::None,
        (_, Some(peer)) => Concerned::One(peer),
        (_, None) => Concerned::All,
    }
}

fn on_fact(state: &State, record: &Record, fact: &Fact) -> Vec<Draft> {
    match fact {
        Fact::MessageAccepted(fact) => armed::message_accepted(state, record, fact),
        Fact::DoneCalled(_) => armed::done_called(state, record),
        Fact::FreshCalled(_) | Fact::RefreshRequested(_) => operator::refresh(state, record),
        Fact::StopRequested(_) => operator::stop(state, record),
        Fact::StartRequested(_) => operator::start(state, record),
        Fact::RemoveRequested(_) => operator::remove(state, record),
        Fact::CancelRequested(fact) => operator::cancel(record, fact),
        Fact::RetryRequested(fact) => operator::retry(state, record, fact),
        Fact::LaunchFailed(fact) => wake::launch_failed(state, record, fact),
        Fact::DeliveryEnded(fact) => deliver::delivery_ended(state, record, fact),
        Fact::PromptTaken(fact) => deliver::prompt_taken(state, record, fact),
        Fact::DeliverySettled(fact) => deliver::delivery_settled(state, record, fact),
        Fact::SessionGone(fact) => death::session_gone(state, record, fact),
        Fact::SessionLooked(_) => reap::session_looked(state, record),
        Fact::SessionNotKnown(_) if bug(Bug::FailedLookReaps) => reap::session_looked(state, record),
        Fact::DaemonStarted(_)
        | Fact::DaemonReady(_)
        | Fact::SnapshotTaken(_)
        | Fact::HistoryRemoved(_)
        | Fact::RecordLost(_)
        | Fact::CallRefused(_)
        | Fact::DaemonStopped(_)
        | Fact::SettingsChanged(_)
        | Fact::SettingsUnreadable(_)
        | Fact::RuntimesChanged(_)
        | Fact::DeadlinePassed(_)
        | Fact::AttentionCalled(_)
        | Fact::PeerRegistered(_)
        | Fact::ProfileChanged(_)
        | Fact::ProfileUnreadable(_)
        | Fact::RequestRefused(_)
        | Fact::NewRequested(_)
        | Fact::AttachRequested(_)
        | Fact::RunRequested(_)
        | Fact::InterruptRequested(_)
        | Fact::CompactRequested(_)
        | Fact::MessageRefused(_)
        | Fact::DeliveryWaiting(_)
        | Fact::DeliveryBegun(_)
        | Fact::SessionStarted(_)
        | Fact::BoxOpened(_)
        | Fact::DialogAnswered(_)
        | Fact::TurnObserved(_)
        | Fact::ConversationNamed(_)
        | Fact::SessionNotKnown(_)
        | Fact::SessionAdopted(_)
        | Fact::OrphanEnded(_)
        | Fact::KillFailed(_)
        | Fact::VerbWaiting(_)
        | Fact::VerbEnded(_) => Vec::new(),
    }
}

fn on_decision(state: &State, record: &Record, decision: &Decision) -> Vec<Draft> {
    match decision {
        Decision::Delivered(_) => deliver::delivered(state, record),
        Decision::MessageDead(decision) => settle::message_dead(state, record, decision),
        Decision::StopSet(_) => operator::stop_set(state, record),
        Decision::WakeDecided(_)
        | Decision::WakeRefused(_)
        | Decision::SessionReady(_)
        | Decision::WakeFailed(_)
        | Decision::BootSlotReleased(_)
        | Decision::DeliveryDecided(_)
        | Decision::DeliveryFailed(_)
        | Decision::MessageCancelled(_)
        | Decision::MessageRequeued(_)
        | Decision::TaskDone(_)
        | Decision::ReportMade(_)
        | Decision::AnswerKept(_)
        | Decision::Armed(_)
        | Decision::TurnJudged(_)
        | Decision::LookDecided(_)
        | Decision::Reaped(_)
        | Decision::Kept(_)
        | Decision::Drained(_)
        | Decision::Parked(_)
        | Decision::SessionDied(_)
        | Decision::SessionFinished(_)
        | Decision::SessionEnded(_)
        | Decision::Quarantined(_)
        | Decision::QuarantineLifted(_)
        | Decision::KillRepeated(_)
        | Decision::StopCleared(_)
        | Decision::RefreshMarked(_)
        | Decision::PeerForgotten(_)
        | Decision::VerbDecided(_)
        | Decision::VerbGivenUp(_) => Vec::new(),
    }
}

/// The rules that always hold for one peer, in the order in which they may speak; the first that does is it.
fn standing(state: &State, record: &Record, peer: &Identity) -> Vec<Draft> {
    let Some(presence) = state.presences.get(peer) else { return Vec::new() };
    let case = Case { state, record, peer, presence };
    let rules: [fn(&Case) -> Vec<Draft>; 10] = [
        settle::unanswered,
        operator::forget_when_gone,
        settle::lost,
        quarantine::check,
        reap::overruled,
        wake::nothing_to_type,
        verb::due,
        deliver::next,
        reap::due,
        wake::slot_held_too_long,
    ];
    rules.iter().map(|rule| rule(&case)).find(|drafts| !drafts.is_empty()).unwrap_or_default()
}

/// One peer at one record.
#[derive(Clone, Copy)]
struct Case<'a> {
    state: &'a State,
    record: &'a Record,
    peer: &'a Identity,
    presence: &'a Presence,
}

impl<'a> Case<'a> {
    fn now(&self) -> Timestamp {
        self.record.at
    }

    /// The session, unless it is already on its way out.
    fn live(&self) -> Option<&'a Session> {
        self.presence.session.as_ref().filter(|session| !session.is_ending())
    }

    fn about_peer(&self, event: impl Into<Event>) -> Draft {
        Draft::own(Subject::peer(self.peer), Some(self.record.lsn), event)
    }

    fn about_session(&self, session: &Session, event: impl Into<Event>) -> Draft {
        Draft::own(Subject::session(self.peer, session.generation), Some(self.record.lsn), event)
    }

    fn about_message(&self, message: MessageId, event: impl Into<Event>) -> Draft {
        let subject = Subject {
            peer: Some(self.peer.clone()),
            generation: self.presence.session.as_ref().map(|session| session.generation),
            message: Some(message),
        };
        Draft::own(subject, Some(self.record.lsn), event)
    }
}

/// The case a record is about, if its session is still the one it speaks of.
fn case_of_session<'a>(state: &'a State, record: &'a Record) -> Option<(Case<'a>, &'a Session)> {
    let peer = record.subject.peer.as_ref()?;
    let session = state.session(peer, record.subject.generation?)?;
    let presence = state.presences.get(peer)?;
    Some((Case { state, record, peer, presence }, session))
}

/// A decision that follows from an operator's word carries their name (C58).
fn on_behalf(record: &Record, event: impl Into<Event>) -> Draft {
    Draft { subject: record.subject.clone(), cause: Some(record.lsn), actor: record.actor.clone(), event: event.into() }
}
