//! Whether everything came that the script expects, and nothing that it forbids.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::play::Play;
use super::values::{Moment, moment_text};
use super::{Fate, Lined, Pattern, Word};
use crate::config::quantity::duration_text;
use crate::explain::json;
use crate::explain::phrase::count;
use crate::explain::view::{Phase, phase};
use crate::model::event::{Decision, Event, Fact};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::record::Record;
use crate::model::session::TaskEnd;
use crate::sim::faults::{Awaited, Lasts};
use crate::sim::run::Sim;
use crate::sim::world::people::Told;

/// Something that was expected and did not come, or came all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Of the text.
    pub line: usize,
    pub what: String,
    /// The record behind which it was looked for.
    pub behind: Option<Lsn>,
}

impl Failure {
    pub(super) fn of_step(line: usize, what: String) -> Self {
        Self { line, what, behind: None }
    }
}

/// Line and sentence.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Everything that did not go as `play` says.
pub(super) fn failures(mut play: Play, sim: &Sim) -> Vec<Failure> {
    let mut failures = std::mem::take(&mut play.notes.failures);
    let Some(finale) = &play.finale else {
        failures.push(Failure::of_step(1, "the story did not come to its end".to_owned()));
        return failures;
    };
    let records = &sim.history[..finale.records];
    let story = Story { play: &play, records };
    failures.extend(calls(&play, sim));
    failures.extend(opportunities(&play, &finale.awaited));
    failures.extend(story.in_order());
    failures.extend(story.counted());
    failures.extend(story.messages());
    for (peer, expected) in &play.script.finally.it.peers {
        let found = finale.state.presences.get(&peer.0).map_or(Phase::Asleep, phase);
        if found != expected.0 {
            let what = format!("{} was to be {} in the end, and is {}", peer.0, expected.0.word(), found.word());
            failures.push(Failure::of_step(play.script.finally.line, what));
        }
    }
    failures.sort_by_key(|failure| failure.line);
    failures
}

fn calls(play: &Play, sim: &Sim) -> Vec<Failure> {
    let wrong = play.notes.calls.iter().filter_map(|(expected, number)| {
        let told = sim.world.people.calls.get(number).and_then(|call| call.told.as_ref());
        let found = told.map(|told| match told {
            Told::Done(_) => Word::Done,
            Told::Known(_) => Word::Known,
            Told::Refused => Word::Refused,
            Told::InDoubt => Word::InDoubt,
            Told::NotTaken => Word::NotTaken,
        });
        let found_word = found.map_or("nothing", Word::word);
        let what = format!("the caller was to be told `{}`, and was told `{found_word}`", expected.it.word());
        (found != Some(expected.it)).then(|| Failure::of_step(expected.line, what))
    });
    wrong.collect()
}

/// A fault that finds no opportunity makes a story of something else.
fn opportunities(play: &Play, awaited: &[Awaited]) -> Vec<Failure> {
    let all = play.notes.fault_lines.iter().zip(awaited);
    let missed = all.filter_map(|(line, awaited)| {
        let expected = match awaited.lasts {
            Lasts::Times(times) => times,
            Lasts::Until(_) => 1,
        };
        let what = format!("\"{}\" struck {}, expected {expected}", awaited.fault.word(), times(awaited.struck));
        (awaited.struck < expected).then(|| line.map(|line| Failure::of_step(line, what))).flatten()
    });
    missed.collect()
}

struct Story<'a> {
    play: &'a Play,
    records: &'a [Record],
}

impl Story<'_> {
    fn in_order(&self) -> Vec<Failure> {
        let mut sessions = BTreeMap::new();
        let mut before: Option<usize> = None;
        for expected in &self.play.script.expected {
            let from = before.map_or(0, |before| before + 1);
            let found = (from..self.records.len()).find(|at| {
                self.is(&expected.it, *at)
                    && self.in_time(&expected.it, before, *at)
                    && same_session(&expected.it, &self.records[*at], &sessions)
            });
            let Some(at) = found else { return vec![self.missing(expected, before)] };
            if let (Some(name), Some(generation)) = (&expected.it.session, session_of(&self.records[at])) {
                sessions.insert(name.clone(), generation);
            }
            before = Some(at);
        }
        Vec::new()
    }

    fn missing(&self, expected: &Lined<Pattern>, before: Option<usize>) -> Failure {
        let behind = before.map(|at| self.records[at].lsn);
        let place = behind.map_or_else(String::new, |lsn| format!(" behind record {lsn}"));
        let elsewhere: Vec<String> = (0..self.records.len())
            .filter(|at| self.is(&expected.it, *at))
            .take(5)
            .map(|at| format!("{} at {}", self.records[at].lsn, moment_text(self.play.times[at])))
            .collect();
        let elsewhere = match elsewhere.is_empty() {
            true => String::new(),
            false => format!("; in another place, time or session: record {}", elsewhere.join(", ")),
        };
        let what = format!("expected {}{place}, and it did not come{elsewhere}", says(&expected.it));
        Failure { line: expected.line, what, behind }
    }

    fn counted(&self) -> Vec<Failure> {
        let wrong = self.play.script.counted.iter().filter_map(|counted| {
            let found: Vec<usize> = (0..self.records.len()).filter(|at| self.is(&counted.it, *at)).collect();
            let times = counted.it.times.unwrap_or(0);
            let unknown = self.unknown_field(&counted.it);
            let what = match (found.len() == times, unknown) {
                (_, Some(field)) => format!("no {} has a field `{field}`", counted.it.kind.0.name),
                (true, None) => return None,
                (false, None) => {
                    format!("expected {} {times} times, and found {}", says(&counted.it), found.len())
                }
            };
            let behind = found.last().map(|at| self.records[*at].lsn);
            Some(Failure { line: counted.line, what, behind })
        });
        wrong.collect()
    }

    /// A field that no record of this kind has would make any `never` true.
    fn unknown_field(&self, pattern: &Pattern) -> Option<String> {
        let mut same = self.records.iter().filter(|record| record.event.kind().name == pattern.kind.0.name);
        let data = json::record(same.next()?);
        pattern.with.keys().find(|key| data["data"].get(key.as_str()).is_none()).cloned()
    }

    fn is(&self, pattern: &Pattern, at: usize) -> bool {
        let record = &self.records[at];
        let subject = &record.subject;
        let message = pattern.message.as_ref().map(|name| self.play.notes.messages.get(name));
        let cause =
            |lsn: Lsn| self.records.get((lsn.0 as usize).wrapping_sub(1)).map(|record| record.event.kind().name);
        let now = Moment(self.play.times[at]);
        record.event.kind().name == pattern.kind.0.name
            && pattern.peer.as_ref().is_none_or(|peer| subject.peer.as_ref() == Some(&peer.0))
            && message.is_none_or(|message| message.is_some() && subject.message.as_ref() == message)
            && pattern.actor.as_ref().is_none_or(|actor| record.actor.to_string() == *actor)
            && pattern.cause.is_none_or(|kind| record.cause.and_then(cause) == Some(kind.0.name))
            && pattern.from.is_none_or(|from| now >= from)
            && pattern.until.is_none_or(|until| now <= until)
            && (pattern.with.is_empty() || has(&json::record(record)["data"], &pattern.with))
    }

    fn in_time(&self, pattern: &Pattern, before: Option<usize>, at: usize) -> bool {
        let since = self.play.times[at] - before.map_or(0, |before| self.play.times[before]);
        pattern.after.is_none_or(|after| since >= after.0) && pattern.within.is_none_or(|within| since <= within.0)
    }

    fn messages(&self) -> Vec<Failure> {
        let finally = &self.play.script.finally;
        let failure = |what| Failure::of_step(finally.line, what);
        let mut failures = Vec::new();
        for (name, expected) in &finally.it.messages {
            let found = self.play.notes.messages.get(name).and_then(|message| fate(self.records, *message));
            if found != Some(*expected) {
                failures.push(failure(format!(
                    "`{name}` was to be `{}` in the end, and is `{}`",
                    expected.word(),
                    found.map_or("not accepted", Fate::word)
                )));
            }
        }
        for (name, expected) in &finally.it.begun {
            let message = self.play.notes.messages.get(name);
            let found = message.and_then(|message| self.play.began.get(message)).copied().unwrap_or(0);
            if found != *expected {
                failures.push(failure(format!(
                    "programs were to begin {} on `{name}`, and began {}",
                    times(*expected),
                    times(found)
                )));
            }
        }
        failures
    }
}

/// The generation a record is about; a wake's own lsn is that of the session it asks for.
fn session_of(record: &Record) -> Option<Generation> {
    let wakes = matches!(record.event, Event::Decision(Decision::WakeDecided(_)));
    if wakes { Some(Generation(record.lsn)) } else { record.subject.generation }
}

fn times(n: u32) -> String {
    count(n.into(), "time", "times")
}

fn same_session(pattern: &Pattern, record: &Record, sessions: &BTreeMap<String, Generation>) -> bool {
    let Some(name) = &pattern.session else { return true };
    let Some(generation) = session_of(record) else { return false };
    match sessions.get(name) {
        Some(known) => *known == generation,
        None => sessions.values().all(|other| *other != generation),
    }
}

/// What the records say of a message.
fn fate(records: &[Record], message: MessageId) -> Option<Fate> {
    let own = records.iter().filter(|record| record.subject.message == Some(message));
    own.fold(None, |before, record| match &record.event {
        Event::Fact(Fact::MessageAccepted(_)) => Some(Fate::Queued),
        Event::Decision(Decision::DeliveryDecided(_)) => Some(Fate::Delivering),
        Event::Decision(Decision::DeliveryFailed(_) | Decision::MessageRequeued(_)) => Some(Fate::Queued),
        Event::Decision(Decision::Delivered(_)) => Some(Fate::Delivered),
        Event::Decision(Decision::MessageDead(_)) => Some(Fate::Dead),
        Event::Decision(Decision::MessageCancelled(_)) => Some(Fate::Cancelled),
        Event::Decision(Decision::TaskDone(done)) => Some(match done.how {
            TaskEnd::Answered => Fate::Answered,
            TaskEnd::WithoutAWord => Fate::WithoutAWord,
        }),
        _ => before,
    })
}

/// Whether `found` has all that `expected` says, at whatever depth.
fn has(found: &Value, expected: &toml::Table) -> bool {
    expected.iter().all(|(key, expected)| found.get(key).is_some_and(|found| is_value(found, expected)))
}

fn is_value(found: &Value, expected: &toml::Value) -> bool {
    match expected {
        toml::Value::Table(table) => has(found, table),
        toml::Value::String(text) => found.as_str() == Some(text) || is_variant(found, text),
        toml::Value::Integer(number) => found.as_i64() == Some(*number),
        toml::Value::Boolean(truth) => found.as_bool() == Some(*truth),
        toml::Value::Array(items) => found.as_array().is_some_and(|found| {
            found.len() == items.len() && found.iter().zip(items).all(|(found, item)| is_value(found, item))
        }),
        toml::Value::Float(_) | toml::Value::Datetime(_) => false,
    }
}

/// One that carries fields of its own, which nobody asks for.
fn is_variant(found: &Value, name: &str) -> bool {
    found.as_object().is_some_and(|fields| fields.len() == 1 && fields.contains_key(name))
}

fn says(pattern: &Pattern) -> String {
    let mut says = format!("`{}`", pattern.kind.0.name);
    let mut add = |text: String| says.push_str(&text);
    if let Some(peer) = &pattern.peer {
        add(format!(" of {}", peer.0));
    }
    if let Some(message) = &pattern.message {
        add(format!(" about `{message}`"));
    }
    if let Some(actor) = &pattern.actor {
        add(format!(" by {actor}"));
    }
    if let Some(cause) = pattern.cause {
        add(format!(" because of `{}`", cause.0.name));
    }
    if !pattern.with.is_empty() {
        add(format!(" with {}", toml::Value::Table(pattern.with.clone())));
    }
    if let Some(session) = &pattern.session {
        add(format!(" in session `{session}`"));
    }
    for (word, moment) in [("from", pattern.from), ("until", pattern.until)] {
        if let Some(moment) = moment {
            add(format!(" {word} {}", moment_text(moment.0)));
        }
    }
    for (word, span) in [("at least", pattern.after), ("at most", pattern.within)] {
        if let Some(span) = span {
            add(format!(" {word} {} later", duration_text(span.0)));
        }
    }
    says
}
