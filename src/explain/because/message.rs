//! Messages, from acceptance to their end.

use crate::explain::phrase::{count, number, one_line, seconds};
use crate::model::event::{
    AnswerKept, CancelRequested, MessageAccepted, MessageCancelled, MessageDead, MessageRefused, MessageRequeued,
    Recipient, ReportMade, RetryRequested, TaskDone,
};
use crate::model::message::SessionBefore;
use crate::model::session::TaskEnd;

use super::given;

pub fn accepted(it: &MessageAccepted) -> String {
    let mut says = match &it.to {
        Recipient::Peer(peer) => format!("accepted from {} for {peer}", it.from),
        Recipient::User(user) => format!("accepted from {} for the user {user}", it.from),
    };
    says += &format!(", {}", count(it.text.len() as u64, "byte", "bytes"));
    if let Some(topic) = &it.topic {
        says += &format!(", topic `{topic}`");
    }
    if matches!(it.to, Recipient::Peer(_)) {
        says += &format!("; {} in the queue", number(it.queue_depth.into()));
    }
    if let Some(answers) = it.answers {
        says += &format!("; answers {answers}{}", if it.named { ", as it says itself" } else { "" });
    }
    if it.reply_asked {
        says += "; a reply is waited for";
    }
    if it.progress {
        says += "; progress only, it arms nothing (C36)";
    }
    if it.replaced > 0 {
        says +=
            &format!("; {} made visible (C12)", count(it.replaced.into(), "control character", "control characters"));
    }
    says + &given(it.reason.as_ref())
}

pub fn refused(it: &MessageRefused) -> String {
    let hint = it.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
    let size = count(it.bytes, "byte", "bytes");
    format!("not accepted: {} ({}); {size} from {} to {}{hint}", it.why, it.rule, it.from, it.to)
}

pub fn cancel_requested(it: &CancelRequested) -> String {
    format!("asked to cancel the message{}", given(it.reason.as_ref()))
}

pub fn retry_requested(it: &RetryRequested) -> String {
    format!("asked to try the dead message again{}", given(it.reason.as_ref()))
}

pub fn dead(it: &MessageDead) -> String {
    let attempts = count(it.attempts.into(), "attempt", "attempts");
    let unfinished = match it.unfinished {
        0 => String::new(),
        n => format!(", left unfinished {}", count(n.into(), "time", "times")),
    };
    format!("given up after {attempts}{unfinished}: {}; kept, and retryable by hand (C13)", it.why)
}

pub fn cancelled(it: &MessageCancelled) -> String {
    format!("cancelled: {}", it.why)
}

pub fn requeued(it: &MessageRequeued) -> String {
    let counted = if it.counted { "counts against unfinished_retries (C41a)" } else { "not counted (C52a)" };
    let before = it.session_before.as_ref().map_or_else(String::new, |before| format!("; {}", session_before(before)));
    let duplicate = if it.possible_duplicate { "; the next delivery may be a duplicate (C34)" } else { "" };
    format!("back to the head of its queue: {}; {counted}{before}{duplicate}", it.why)
}

/// How the session that had it before ended.
pub fn session_before(it: &SessionBefore) -> String {
    format!("the session before {} after {}{}", it.ending, it.ending.at_least(), seconds(it.lived_ms))
}

pub fn task_done(it: &TaskDone) -> String {
    match it.how {
        TaskEnd::Answered => "the task is done: answered".to_owned(),
        TaskEnd::WithoutAWord => "the task is done: its session ended without a word (C44a)".to_owned(),
    }
}

pub fn report_made(it: &ReportMade) -> String {
    format!("{} is told what became of message {}: {} (C13)", it.to, it.about, one_line(&it.text))
}

pub fn answer_kept(it: &AnswerKept) -> String {
    format!("the answer is kept in the journal for the user {}", it.user)
}
