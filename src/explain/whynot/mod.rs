//! `whynot`: what keeps something from happening to a peer, and what would let it.

mod delivered;
mod reaped;
mod woken;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::model::event::{Decision, Event};
use crate::model::id::MessageId;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::WakeMode;
use crate::model::state::State;
use crate::model::time::Timestamp;

use super::because::because;
use super::forecast::forecast;
use super::layout;
use super::phrase::{clock, rfc3339, span};

/// What has not happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    Reaped,
    Woken,
    Delivered,
    Resumed,
}

/// One thing that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guard {
    /// Of the contract.
    pub rule: &'static str,
    /// What holds, as a clause with its figures.
    pub because: String,
    /// What would end it, as a clause; none: nothing of what anybody may do.
    pub until: Option<String>,
}

/// What time alone will bring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ByItself {
    /// RFC 3339, UTC.
    pub at: String,
    pub in_ms: u64,
    /// The rule's sentence, as the record would have it.
    pub because: String,
    /// What would keep it from coming.
    pub unless: String,
    #[serde(skip)]
    at_moment: Timestamp,
}

/// The answer, in the shape of `whynot --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhyNot {
    pub peer: Identity,
    pub question: Question,
    /// Why the question does not arise, as a clause: it has happened, or could not.
    pub moot: Option<String>,
    /// Everything that holds, what is asked first in front.
    pub guards: Vec<Guard>,
    pub by_itself: Option<ByItself>,
}

/// What one question comes to, before time is asked.
struct Found {
    moot: Option<String>,
    guards: Vec<Guard>,
    /// What would keep it from coming by itself.
    unless: String,
}

impl Guard {
    fn new(rule: &'static str, because: impl Into<String>, until: impl Into<String>) -> Self {
        Self { rule, because: because.into(), until: Some(until.into()) }
    }

    fn for_ever(rule: &'static str, because: impl Into<String>) -> Self {
        Self { rule, because: because.into(), until: None }
    }
}

impl Found {
    fn moot(why: impl Into<String>) -> Self {
        Self { moot: Some(why.into()), guards: Vec::new(), unless: String::new() }
    }
}

/// Why `peer` is not what is asked for, at `now`; the state is that of the last record before it.
pub fn whynot(state: &State, peer: &Identity, question: Question, now: Timestamp) -> WhyNot {
    let found = match question {
        Question::Reaped => reaped::found(state, peer, now),
        Question::Woken => woken::found(state, peer),
        Question::Resumed => woken::resumed(state, peer),
        Question::Delivered => delivered::found(state, peer),
    };
    let unless = found.unless;
    let coming = found.moot.is_none().then(|| forecast(state, |record| is_it(peer, question, record))).flatten();
    let by_itself = coming.map(|record| ByItself {
        at: rfc3339(record.at),
        in_ms: record.at.since(now),
        because: because(&record, &TimeZone::UTC),
        unless,
        at_moment: record.at,
    });
    WhyNot { peer: peer.clone(), question, moot: found.moot, guards: found.guards, by_itself }
}

fn is_it(peer: &Identity, question: Question, record: &Record) -> bool {
    let Event::Decision(decision) = &record.event else { return false };
    let it = match (question, decision) {
        (Question::Reaped, Decision::Reaped(_)) | (Question::Woken, Decision::WakeDecided(_)) => true,
        (Question::Resumed, Decision::WakeDecided(wake)) => wake.mode != WakeMode::Fresh,
        (Question::Delivered, Decision::DeliveryDecided(_)) => true,
        _ => false,
    };
    it && record.subject.peer.as_ref() == Some(peer)
}

/// What waits first in a peer's queue.
fn head(state: &State, peer: &Identity) -> Option<MessageId> {
    state.presences.get(peer)?.queue.front().copied()
}

impl Question {
    pub fn word(self) -> &'static str {
        match self {
            Question::Reaped => "reaped",
            Question::Woken => "woken",
            Question::Delivered => "delivered to",
            Question::Resumed => "resumed",
        }
    }
}

impl WhyNot {
    /// For people.
    pub fn text(&self, now: Timestamp, zone: &TimeZone, columns: Option<u16>) -> String {
        let peer = &self.peer;
        if let Some(moot) = &self.moot {
            return layout::fold("", &format!("{peer}: {moot}"), columns) + "\n";
        }
        let mut out = format!("{peer} is not {}:\n", self.question.word());
        for guard in &self.guards {
            out += &(layout::fold("  ", &format!("{} ({})", guard.because, guard.rule), columns) + "\n");
            if let Some(until) = &guard.until {
                out += &(layout::fold("      until ", until, columns) + "\n");
            }
        }
        let coming = match &self.by_itself {
            Some(coming) => format!(
                "In {}, at {}, by itself: {}; unless {}.",
                span(coming.in_ms),
                clock(coming.at_moment, now, zone),
                coming.because,
                coming.unless
            ),
            None => "Time alone does not bring it.".to_owned(),
        };
        out + &layout::fold("", &coming, columns) + "\n"
    }
}
