//! `why`: the chain of causes behind a peer's phase, a session's end, a message's fate, or one record.
//!
//! [`chain()`] walks from record to record. [`Answer`] is the whole proof: the settings that were compared, the gaps of
//! which nothing is known, and whether the decisions come out the same when they are decided again.

mod answer;
mod background;
mod ended;
mod gap;
mod interrupted;
mod phase;
mod reading;
mod recomputed;
mod report;
mod setting;
mod sign;
mod standing;
mod trail;
mod waited;

use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::journal::Question;
use crate::model::actor::Actor;
use crate::model::event::{Decision, Event, Fact, Recipient};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::ReapReason;
use crate::model::time::Timestamp;

use super::because::because;
use super::layout;
use super::phrase::{one_line, span};

use background::Background;
use phase::PHASE;

pub use answer::Answer;
pub use gap::{Gap, GapKind, is_found_at_start, unheard};
pub use reading::Reading;
pub use recomputed::{Reach, Recomputed, TooFar};
pub use report::{any as report, is_made_by as is_report_made_by};
pub use setting::{InForce, Origin, Stood};
pub use standing::Standing;
pub use trail::Trail;

/// Where records come from: a journal, or a slice in a test.
pub trait Source {
    /// The record at `lsn`, if there is one.
    fn record(&self, lsn: Lsn) -> Option<Record>;

    /// The first record that is kept: what stood before it was removed.
    fn first(&self) -> Lsn {
        Lsn(1)
    }

    /// The records that `question` asks for, oldest first.
    fn each(&self, question: &Question, see: &mut dyn FnMut(Record));

    /// The records that `question` asks for, newest first, as long as `see` says so.
    fn back(&self, question: &Question, see: &mut dyn FnMut(Record) -> bool);

    /// The newest record that `question` asks for.
    fn newest(&self, question: &Question) -> Option<Record> {
        let mut newest = None;
        self.back(question, &mut |record| {
            newest = Some(record);
            false
        });
        newest
    }

    /// The oldest one.
    fn oldest(&self, question: &Question) -> Option<Record>;

    /// Every record from `from` on, in order, as long as `see` says so.
    fn walk(&self, from: Lsn, see: &mut dyn FnMut(Record) -> bool) -> Walked;

    /// What could not be read of all that was asked for so far, in the order of the history.
    fn unread(&self) -> Vec<Unread> {
        Vec::new()
    }
}

/// How far a walk came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walked {
    /// As far as was asked for.
    Whole,
    /// To what cannot be read; the groups before it are whole, for nothing is read of one that is not.
    ToDamage,
    /// To a record that is there and cannot be understood: it may belong to the group before it.
    ToUnknown,
}

/// A stretch of a history that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    pub first: Lsn,
    /// The record with which reading goes on; none: there is none.
    pub next: Option<Lsn>,
}

/// Records in the order of their lsns.
impl Source for [Record] {
    fn record(&self, lsn: Lsn) -> Option<Record> {
        self.binary_search_by_key(&lsn, |record| record.lsn).ok().map(|at| self[at].clone())
    }

    fn each(&self, question: &Question, see: &mut dyn FnMut(Record)) {
        self.iter().filter(|record| question.wants(record)).cloned().for_each(see);
    }

    fn back(&self, question: &Question, see: &mut dyn FnMut(Record) -> bool) {
        let _ = self.iter().rev().filter(|record| question.wants(record)).cloned().all(see);
    }

    fn oldest(&self, question: &Question) -> Option<Record> {
        self.iter().find(|record| question.wants(record)).cloned()
    }

    fn walk(&self, from: Lsn, see: &mut dyn FnMut(Record) -> bool) -> Walked {
        let rest = &self[self.partition_point(|record| record.lsn < from)..];
        let _ = rest.iter().cloned().all(see);
        Walked::Whole
    }

    fn first(&self) -> Lsn {
        self[..].first().map_or(Lsn(1), |record| record.lsn)
    }
}

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// How it came to be in its present phase.
    Peer(Identity),
    /// What became of it: `PEER@GENERATION`, the generation as `ls`, `log` and `replay` have it.
    Session(Identity, Generation),
    /// What became of it.
    Message(MessageId),
    Record(Lsn),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Peer(peer) => peer.fmt(f),
            Subject::Session(peer, generation) => write!(f, "{peer}@{generation}"),
            Subject::Message(message) => message.fmt(f),
            Subject::Record(lsn) => lsn.fmt(f),
        }
    }
}

/// Up to where a history is asked: records made later are not known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Until {
    pub last: Option<Lsn>,
    /// Wall clock, microseconds since 1970.
    pub wall_us: Option<u64>,
}

impl Until {
    fn asks(self, kinds: &[&'static str]) -> Question {
        Question { kinds: kinds.to_vec(), last: self.last, until_us: self.wall_us, ..Question::default() }
    }
}

/// The records behind `subject`, latest first; empty if there is no record of it. A question or two to the source for a
/// peer or a session, and to a message with its turns, none for a record; then one look-up a link.
///
/// For a peer it begins with the record that made its present phase, or has confirmed it since, for a session or a message
/// with the one that made its fate, and holds what made the earlier fates too, down to its beginning.
pub fn chain<S: Source + ?Sized>(source: &S, subject: &Subject) -> Vec<Record> {
    chain_until(source, subject, Until::default())
}

/// As [`chain()`], of what was known at a moment.
pub fn chain_until<S: Source + ?Sized>(source: &S, subject: &Subject, until: Until) -> Vec<Record> {
    let mut found: BTreeMap<Lsn, Record> = BTreeMap::new();
    let mut open: BTreeMap<Lsn, Option<Record>> = BTreeMap::new();
    open.extend(made(source, subject, until).into_iter().map(|record| (record.lsn, Some(record))));
    let mut background = Background::default();
    // The latest first: what lies behind it is followed before what lies behind older ones.
    while let Some((lsn, known)) = open.pop_last() {
        if found.contains_key(&lsn) {
            continue;
        }
        if let Some(record) = known.or_else(|| source.record(lsn)) {
            for link in links(&record) {
                open.entry(link).or_insert(None);
            }
            open.extend(background.of(source, &record).into_iter().map(|it| (it.lsn, Some(it))));
            found.insert(lsn, record);
        }
    }
    found.into_values().rev().collect()
}

/// The records that made `subject` what it is, in any order.
fn made<S: Source + ?Sized>(source: &S, subject: &Subject, until: Until) -> Vec<Record> {
    let mut found = Vec::new();
    match subject {
        Subject::Record(lsn) => found.extend(source.record(*lsn)),
        Subject::Peer(peer) => found = phase::made(source, peer, until),
        Subject::Session(peer, generation) => {
            let of_peer = Question { subjects: Some(vec![peer.clone()]), ..until.asks(PHASE) };
            let first = Some(generation.0);
            // A peer has one session at a time (C16): the next wake lies behind everything of this one.
            let later = Question { first: Some(generation.0.next()), kinds: vec!["wake_decided"], ..of_peer.clone() };
            let next = source.oldest(&later).map(|record| record.lsn);
            let last = next.into_iter().chain(of_peer.last).min();
            source.each(&Question { first, last, ..of_peer }, &mut |record| {
                if record.subject.generation == Some(*generation) || record.lsn == generation.0 {
                    found.push(record);
                }
            });
        }
        Subject::Message(message) => {
            source.each(&Question { message: Some(*message), ..until.asks(FATE) }, &mut |record| {
                // An answer to it is another message, with a fate of its own.
                if record.subject.message == Some(*message) {
                    found.push(record);
                }
            });
            found.extend(report::made(source, *message, &found, until));
            let more = [interrupted::made(source, &found, until), waited::made(source, *message, &found, until)];
            let ended = ended::made(source, &found, until);
            found.extend(more.into_iter().flatten().chain(ended));
        }
    }
    found
}

/// What `chain` goes on with and `source` does not keep any more, latest first.
pub fn cut_off<S: Source + ?Sized>(source: &S, chain: &[Record]) -> Vec<Lsn> {
    let is_gone = |link: &Lsn| *link < source.first() && chain.iter().all(|record| record.lsn != *link);
    let mut links: Vec<Lsn> = chain.iter().flat_map(links).filter(is_gone).collect();
    links.sort_by(|a, b| b.cmp(a));
    links.dedup();
    links
}

/// The records this one names as its reasons: its cause, and those its figures speak of. A cause stands before its
/// effect; a link that does not is damage for `audit`, and would make this walk a circle. The cause comes last.
pub fn links(record: &Record) -> impl Iterator<Item = Lsn> + use<> {
    let named = match &record.event {
        // Without it nobody would know what the session is there for, or that the record of it was removed.
        Event::Fact(Fact::SessionAdopted(_)) => record.subject.generation.map(|it| it.0).into_iter().collect(),
        Event::Decision(Decision::SessionEnded(it)) => vec![it.reaped],
        Event::Decision(Decision::Quarantined(it)) => it.deaths.clone(),
        Event::Decision(Decision::StopCleared(it)) => vec![it.stopped],
        Event::Decision(Decision::WakeDecided(it)) => it.park.into_iter().collect(),
        Event::Decision(Decision::KillRepeated(it)) => vec![it.reaped],
        Event::Decision(Decision::VerbDecided(it)) => vec![it.asked],
        Event::Decision(Decision::VerbGivenUp(it)) => vec![it.asked],
        Event::Decision(Decision::Reaped(it)) => match it.reason {
            ReapReason::Done { armed, .. } => vec![armed],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let own = record.lsn;
    named.into_iter().chain(record.cause).filter(move |link| *link < own)
}

/// The kinds of records after which a message stands elsewhere than before.
const FATE: &[&str] = &[
    "message_accepted",
    "message_refused",
    "retry_requested",
    "delivered",
    "delivery_failed",
    "message_dead",
    "message_cancelled",
    "message_requeued",
    "task_done",
    "report_made",
    "answer_kept",
];

/// `{"subject", "chain": [record + "because"]}`, latest first; times in UTC.
pub fn json(subject: &Subject, chain: &[Record]) -> Value {
    let chain: Vec<Value> = chain.iter().map(|record| step_json(record, chain.iter())).collect();
    json!({ "subject": subject.to_string(), "chain": chain })
}

fn step_json<'a>(record: &Record, chain: impl Iterator<Item = &'a Record> + Clone) -> Value {
    let mut value = super::json::record(record);
    value["because"] = format!("{}{}", moment(record, chain), because(record, &TimeZone::UTC)).into();
    value
}

/// One line a record: lsn, how long before `now`, the sentence, and who asked when it was not dormouse itself.
pub fn text(chain: &[Record], now: Timestamp, zone: &TimeZone, columns: Option<u16>) -> String {
    let ago = |record: &Record| format!("{} ago", span(now.since(record.at)));
    let who = |record: &Record| who(record, chain.iter(), None);
    chain.iter().map(|record| step(record, &ago(record), (&who(record), ""), zone, columns)).collect()
}

/// Whom and what a record of a chain is about, as its line begins. A deadline is of nobody by itself: here it is of those for
/// whom it led to something. The message that was asked about needs no name.
fn who<'a>(record: &Record, chain: impl Iterator<Item = &'a Record> + Clone, asked: Option<&Subject>) -> String {
    let moment = moment(record, chain.clone());
    let mut peers: Vec<String> = record.subject.peer.iter().map(ToString::to_string).collect();
    if matches!(record.event, Event::Fact(Fact::DeadlinePassed(_))) {
        let led_to = chain.filter(|it| it.cause == Some(record.lsn));
        peers = led_to.filter_map(|it| Some(it.subject.peer.as_ref()?.to_string())).collect();
        peers.sort();
        peers.dedup();
    }
    let message = record.subject.message.filter(|message| asked != Some(&Subject::Message(*message)));
    let message = message.map_or_else(String::new, |message| format!("(message {message}) "));
    let peers = if peers.is_empty() { String::new() } else { format!("{} ", peers.join(", ")) };
    format!("{peers}{message}{moment}")
}

/// What is said before a record that was only the moment at which something was decided. The rules of every peer are asked
/// again when a message to a person is heard, when it is kept for them, and when a start has found out which runtimes there are:
/// what they find on another peer than the sender, or in a silence, was so already.
fn moment<'a>(record: &Record, chain: impl Iterator<Item = &'a Record> + Clone) -> &'static str {
    if is_only_a_moment(record, &chain) { "heard at that moment, and no reason for it: " } else { "" }
}

fn is_only_a_moment<'a>(record: &Record, chain: &(impl Iterator<Item = &'a Record> + Clone)) -> bool {
    let concerns = |it: &Record| match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) if matches!(accepted.to, Recipient::User(_)) => {
            let is_of_it = it.subject.message == record.subject.message;
            accepted.from.peer() == it.subject.peer.as_ref() || is_of_it && !is_only_a_moment(it, chain)
        }
        Event::Decision(Decision::AnswerKept(_)) => {
            let sender = match &record.actor {
                Actor::Session { peer, .. } => Some(peer),
                Actor::Dormouse | Actor::User { .. } => None,
            };
            sender == it.subject.peer.as_ref()
        }
        Event::Fact(Fact::RuntimesChanged(_)) => sign::Silence::of(it).is_none(),
        _ => true,
    };
    let mut followed = chain.clone().filter(|it| it.cause == Some(record.lsn)).peekable();
    followed.peek().is_some() && !followed.any(concerns)
}

/// One line of a chain: whom it is about and what is said behind it come as `(who, behind)`.
fn step(record: &Record, ago: &str, (who, behind): (&str, &str), zone: &TimeZone, columns: Option<u16>) -> String {
    let actor = match &record.actor {
        Actor::Dormouse => String::new(),
        actor => format!(" (by {})", one_line(&actor.to_string())),
    };
    let sentence = format!("{who}{}{behind}{actor}", because(record, zone));
    layout::fold(&prefix(record.lsn, ago), &sentence, columns) + "\n"
}

fn prefix(lsn: Lsn, ago: &str) -> String {
    format!("{:>6}  {ago:>16}  ", lsn.0)
}

#[cfg(test)]
mod tests {
    use super::FATE;
    use super::phase::PHASE;
    use crate::model::event::KINDS;

    /// A name that is none would never be found.
    #[test]
    fn every_kind_that_explains_is_one() {
        for name in PHASE.iter().chain(FATE) {
            assert!(KINDS.iter().any(|kind| kind.name == *name), "{name}");
        }
    }
}
