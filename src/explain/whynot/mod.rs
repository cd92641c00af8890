//! `whynot`: what keeps something from happening to a peer, and what would let it.

pub(super) mod delivered;
mod past;
mod reaped;
pub(super) mod woken;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::model::event::{Decision, Event};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::WakeMode;
use crate::model::state::State;
use crate::model::time::Timestamp;

use super::because::because;
use super::forecast::{Coming, forecast};
use super::layout;
use super::phrase::{clock, rfc3339, span};

pub use past::Past;

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
    /// When it ends by itself, if the moment is known.
    pub in_ms: Option<u64>,
}

/// What time alone will bring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ByItself {
    /// RFC 3339, UTC.
    pub at: String,
    pub in_ms: u64,
    /// Somebody else's doing may bring it sooner: a boot slot is free as soon as whoever has it is ready.
    pub at_latest: bool,
    /// The kind of the record that is made then.
    pub brings: &'static str,
    /// The rule's sentence, as the record would have it.
    pub because: String,
    /// What would keep it from coming.
    pub unless: String,
    #[serde(skip)]
    at_moment: Timestamp,
    /// What it is, where that is all there is to say: times in it are told in the zone of who asks.
    #[serde(skip)]
    coming: Option<Box<Record>>,
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
    /// What comes by itself on the way to it: before a delivery the wake, and before that the end of the session that stands in
    /// its way.
    pub first: Option<ByItself>,
    /// It comes by itself at a moment that nobody can name: when, as a sentence.
    pub undated: Option<String>,
    /// No daemon runs: nothing comes by itself.
    pub without_daemon: bool,
}

/// What one question comes to, before time is asked.
struct Found {
    moot: Option<String>,
    guards: Vec<Guard>,
    /// What would keep it from coming by itself.
    unless: String,
    later: Option<String>,
}

impl Guard {
    fn new(rule: &'static str, because: impl Into<String>, until: impl Into<String>) -> Self {
        Self { rule, because: because.into(), until: Some(until.into()), in_ms: None }
    }

    /// It ends by itself after so long.
    fn over(self, in_ms: Option<u64>) -> Self {
        Self { in_ms: in_ms.filter(|ms| *ms > 0), ..self }
    }
}

impl Found {
    fn moot(why: impl Into<String>) -> Self {
        Self { moot: Some(why.into()), ..Self::held(Vec::new(), "") }
    }

    fn held(guards: Vec<Guard>, unless: &str) -> Self {
        Self { moot: None, guards, unless: unless.to_owned(), later: None }
    }

    /// Of this very state; what records from before it say is [`Past`]'s to tell.
    fn unheard() -> Self {
        Self::moot(past::UNHEARD)
    }
}

fn is_without_daemon(state: &State) -> bool {
    !state.daemon.as_ref().is_some_and(|daemon| daemon.running)
}

/// C60: without a daemon nothing is decided, and nothing is heard.
pub(super) fn no_daemon(state: &State, now: Timestamp) -> Option<Guard> {
    let silent_ms = state.now.map_or(0, |last| now.since(last));
    let since = match silent_ms {
        0..1_000 => String::new(),
        _ => format!(", and nothing has been heard for {}: what was so then may not be so now", span(silent_ms)),
    };
    let why = format!("no daemon is running{since}");
    is_without_daemon(state).then(|| Guard::new("C60", why, "one is: `dormouse daemon`"))
}

/// Why `peer` is not what is asked for, at `now`; the state is that of the last record before it.
pub fn whynot(state: &State, peer: &Identity, question: Question, now: Timestamp) -> WhyNot {
    let found = match question {
        Question::Reaped => reaped::found(state, peer, now),
        Question::Woken => woken::found(state, peer, now),
        Question::Resumed => woken::resumed(state, peer, now),
        Question::Delivered => delivered::found(state, peer, now),
    };
    let moot = found.moot.is_some();
    let unless = found.unless;
    let coming = |question| {
        let found = (!moot).then(|| forecast(state, peer, |record| is_it(question, record))).flatten();
        found.map(|coming| comes(&coming, now, unless.clone()))
    };
    let waits_for_slot = found.guards.iter().any(|guard| guard.rule == "C20");
    let at_latest = |it: ByItself| ByItself { at_latest: waits_for_slot && it.brings != "reaped", ..it };
    let by_itself = coming(question).map(at_latest);
    let is_far = question == Question::Delivered && !moot && by_itself.is_none();
    let first = is_far.then(|| before_a_delivery(state, peer, now, &unless)).flatten().map(at_latest);
    WhyNot {
        peer: peer.clone(),
        question,
        moot: found.moot,
        guards: found.guards,
        by_itself,
        first,
        undated: found.later,
        without_daemon: is_without_daemon(state),
    }
}

fn is_it(question: Question, record: &Record) -> bool {
    let Event::Decision(decision) = &record.event else { return false };
    match (question, decision) {
        (Question::Reaped, Decision::Reaped(_)) | (Question::Woken, Decision::WakeDecided(_)) => true,
        (Question::Resumed, Decision::WakeDecided(wake)) => wake.mode != WakeMode::Fresh,
        (Question::Delivered, Decision::DeliveryDecided(_)) => true,
        _ => false,
    }
}

/// C40: the wake that comes by itself, or the end of the session that lives until then.
fn before_a_delivery(state: &State, peer: &Identity, now: Timestamp, unless: &str) -> Option<ByItself> {
    let coming = |question, unless: &str| {
        let coming = forecast(state, peer, |record| is_it(question, record))?;
        Some(comes(&coming, now, unless.to_owned()))
    };
    let woken = coming(Question::Woken, unless)?;
    let ended = coming(Question::Reaped, &reaped::found(state, peer, now).unless);
    Some(ended.filter(|ended| ended.in_ms <= woken.in_ms && lives(state, peer)).unwrap_or(woken))
}

fn lives(state: &State, peer: &Identity) -> bool {
    state.presences.get(peer).is_some_and(|presence| presence.session.is_some())
}

fn comes(coming: &Coming, now: Timestamp, unless: String) -> ByItself {
    let record = &coming.record;
    let because = match &coming.failed {
        Some(failed) => {
            format!("its wake fails, for {}, and the session that it leaves is ended (C28, C29)", failed.why)
        }
        None => because(record, &TimeZone::UTC),
    };
    let told = coming.failed.is_none().then(|| Box::new(record.clone()));
    ByItself {
        at: rfc3339(record.at),
        in_ms: record.at.since(now),
        at_latest: false,
        brings: record.event.kind().name,
        because,
        unless,
        at_moment: record.at,
        coming: told,
    }
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
                // Some say it themselves.
                let says = |left: &str| {
                    [format!("{left} more"), format!("in {left}")].iter().any(|it| guard.because.contains(it))
                };
                let left = guard.in_ms.map(span).filter(|left| !says(left));
                let over = left.map_or_else(String::new, |left| format!(", in {left}"));
                out += &(layout::fold("      until ", &format!("{until}{over}"), columns) + "\n");
            }
        }
        out + &layout::fold("", &self.outlook(now, zone), columns) + "\n"
    }

    fn outlook(&self, now: Timestamp, zone: &TimeZone) -> String {
        if let Some(coming) = &self.by_itself {
            return coming.sentence(now, zone);
        }
        if let Some(first) = &self.first {
            let woken = if first.brings == "reaped" { "it is woken for what waits, and " } else { "" };
            return format!("{} Then {woken}its program has to open its input box.", first.sentence(now, zone));
        }
        match (&self.undated, &self.guards[..]) {
            _ if self.without_daemon => "Time alone does not bring it: nothing is decided without a daemon.".to_owned(),
            (Some(undated), _) => undated.clone(),
            (None, [_, _, ..]) => "Time alone does not bring it: all of this stands in its way.".to_owned(),
            (None, _) => "Time alone does not bring it.".to_owned(),
        }
    }
}

impl ByItself {
    fn sentence(&self, now: Timestamp, zone: &TimeZone) -> String {
        let (left, at, unless) = (span(self.in_ms), clock(self.at_moment, now, zone), &self.unless);
        let unless = if unless.is_empty() { String::new() } else { format!("; unless {unless}") };
        let because = self.coming.as_ref().map_or_else(|| self.because.clone(), |coming| because(coming, zone));
        let within = if self.at_latest { "At the latest in" } else { "In" };
        format!("{within} {left}, at {at}, by itself: {because}{unless}.")
    }
}
