//! What becomes of messages whose session is gone (C13, C41a, C52a).

use super::Case;
use crate::model::actor::Sender;
use crate::model::event::{MessageDead, MessageRequeued, ReportMade, TaskDone};
use crate::model::id::MessageId;
use crate::model::message::{Fate, Message, Purpose, SessionBefore};
use crate::model::record::{Draft, Record};
use crate::model::session::{ReapReason, TaskEnd};
use crate::model::state::{EndedHow, LastEnd, State};
use crate::mutant::{Bug, bug};

/// The next lost message of this peer, if it can be settled now. One that may have been read waits for what the
/// runtime's record says (C34).
pub(super) fn lost(case: &Case) -> Vec<Draft> {
    if case.presence.lost.is_empty() {
        return Vec::new();
    }
    let settled = case.presence.lost.iter().find_map(|id| {
        let message = case.state.messages.get(id)?;
        match &message.fate {
            Fate::Delivered { .. } => Some(task(case, message)),
            Fate::Delivering { begun: None, .. } | Fate::Queued => Some(vec![untouched(case, message)]),
            Fate::Delivering { begun: Some(_), .. } | Fate::Dead { .. } => None,
        }
    });
    settled.unwrap_or_default()
}

/// The next question whose session has ended: nobody is left who could answer it (C13). Its sender may have the
/// conversation's own answer later, if it is resumed; until then it need not wait.
pub(super) fn unanswered(case: &Case) -> Vec<Draft> {
    if bug(Bug::NoReplyUntold) {
        return Vec::new();
    }
    let Some(question) = case.presence.unanswered.first() else { return Vec::new() };
    vec![report(case, question.message, &question.from, "before it replied")]
}

/// The sender is told (C13). A person learns it from the call that waits, or from the journal.
fn report(case: &Case, about: MessageId, to: &Sender, without: &str) -> Draft {
    let ended = case.presence.last_end.as_ref().map_or_else(|| "ended".to_owned(), ended_how);
    let text = format!("Your message {about} was delivered to {}, and its session {ended} {without}.", case.peer);
    case.about_message(about, ReportMade { about, to: to.clone(), text })
}

/// As a sentence goes on after "the session".
fn ended_how(end: &LastEnd) -> String {
    match &end.how {
        EndedHow::Reaped(reason) => format!("was ended ({})", reason.word()),
        EndedHow::Died | EndedHow::Finished | EndedHow::NeverCame => end.ending.to_string(),
    }
}

/// Cut off before anything was typed.
fn untouched(case: &Case, message: &Message) -> Draft {
    case.about_message(
        message.id,
        MessageRequeued {
            why: "its session ended before anything was typed".to_owned(),
            counted: false,
            possible_duplicate: false,
            session_before: None,
        },
    )
}

fn task(case: &Case, message: &Message) -> Vec<Draft> {
    let Some(end) = &case.presence.last_end else { return vec![untouched(case, message)] };
    if end.armed {
        return done(case, message, TaskEnd::Answered);
    }
    match &end.how {
        EndedHow::Finished => done(case, message, TaskEnd::WithoutAWord),
        EndedHow::Reaped(ReapReason::Stopped | ReapReason::Replaced | ReapReason::Removed) => {
            vec![cut_off(case, message)]
        }
        EndedHow::Reaped(_) => done(case, message, TaskEnd::WithoutAWord),
        EndedHow::Died if bug(Bug::DeadTaskIsDone) => done(case, message, TaskEnd::WithoutAWord),
        EndedHow::Died | EndedHow::NeverCame => vec![unfinished(case, message, end)],
    }
}

/// Nothing more will come of it. A peer that gets no answer is told so: a worker that had nothing to say owes one only to
/// whom waits for it (C13).
fn done(case: &Case, message: &Message, how: TaskEnd) -> Vec<Draft> {
    let without = match how {
        TaskEnd::WithoutAWord => Some("without a word"),
        TaskEnd::Answered if message.reply_asked => Some("before it replied"),
        TaskEnd::Answered => None,
    };
    let told = without.filter(|_| message.from.peer().is_some() && message.purpose == Purpose::Message);
    let report = told.map(|without| report(case, message.id, &message.from, without));
    [case.about_message(message.id, TaskDone { how })].into_iter().chain(report).collect()
}

/// An operator ended it: back to the head, not counted, marked, for it had been pasted (C52a).
fn cut_off(case: &Case, message: &Message) -> Draft {
    case.about_message(
        message.id,
        MessageRequeued {
            why: "its session was ended by an operator".to_owned(),
            counted: false,
            possible_duplicate: true,
            session_before: None,
        },
    )
}

/// Given again in a fresh session as often as the setting says; after that it is dead (C41a).
fn unfinished(case: &Case, message: &Message, end: &LastEnd) -> Draft {
    let retries = case.state.settings.unfinished_retries;
    let tries = message.unfinished + 1;
    if tries > retries {
        let why = match tries {
            1 => format!("its session {}, before it was answered", end.ending),
            _ => format!("{tries} sessions died before it was answered (the last one {})", end.ending),
        };
        return case.about_message(message.id, MessageDead { why, attempts: message.attempts, unfinished: tries });
    }
    case.about_message(
        message.id,
        MessageRequeued {
            why: format!("the session {} before it was answered", end.ending),
            counted: true,
            possible_duplicate: true,
            session_before: Some(SessionBefore { ending: end.ending.clone(), lived_ms: end.lived_ms }),
        },
    )
}

/// The sender is told (C13). Reports and prompts cause none.
pub(super) fn message_dead(state: &State, record: &Record, decision: &MessageDead) -> Vec<Draft> {
    let Some(message) = record.subject.message.and_then(|id| state.messages.get(&id)) else { return Vec::new() };
    if message.purpose != Purpose::Message {
        return Vec::new();
    }
    let text = format!("Your message {} to {} was not delivered: {}.", message.id, message.to, decision.why);
    let report = ReportMade { about: message.id, to: message.from.clone(), text };
    vec![Draft::own(record.subject.clone(), Some(record.lsn), report)]
}
