//! What nobody knows, at the place in a chain where it would have to stand: declared, never guessed.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Question, Source, Unread, Until};
use crate::explain::because::because;
use crate::explain::phrase::{clock, rfc3339, span};
use crate::model::event::{Decision, Event, Fact};
use crate::model::id::{Generation, Lsn};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::{ReapReason, Source as Sign};
use crate::model::time::Timestamp;

/// A stretch of which something is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub kind: GapKind,
    /// The record that ends it, or that says it; in a chain it stands behind this one.
    pub at: Lsn,
    /// Of the last record before it, or of what says it; of what cannot be read see [`Gap::since`].
    pub from: Timestamp,
    /// None: it has not ended.
    pub to: Option<Timestamp>,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapKind {
    /// No daemon ran: nothing was seen and nothing decided.
    NoDaemon,
    /// Somebody was asked, and could not say.
    NotKnown,
    /// The program did not say it; it was judged from silence.
    Judged,
    /// Nothing was heard of the program itself.
    Silent,
    /// A record stood here and was lost.
    Lost,
    /// Records stand here that cannot be read.
    Unreadable,
}

/// What a sentence needs beyond the times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// How the daemon before ended.
    Down(Ended),
    /// The record that says it.
    Said(Box<Record>),
    /// What the silence was counted from.
    Unheard(Sign),
    /// The first record that cannot be read, and the last one if another is known to stand behind it; when those before and
    /// behind were made.
    Unread { first: Lsn, last: Option<Lsn>, before: Option<Timestamp>, behind: Option<Timestamp> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    InOrder,
    /// It was killed, or died.
    Suddenly,
    /// The machine has started anew in between.
    WithTheMachine,
}

/// The gaps between the records of `chain`, and behind the last one up to `until` if it `goes_on`; latest first.
pub(super) fn gaps<S: Source + ?Sized>(source: &S, chain: &[Record], until: Until, goes_on: bool) -> Vec<Gap> {
    let (Some(newest), Some(oldest)) = (chain.first(), chain.last()) else { return Vec::new() };
    let last = if goes_on { until } else { Until { last: Some(newest.lsn), wall_us: None } };
    let mut found = Vec::new();
    // What a start has found became so while no daemon ran: the gap before it is what it stands for.
    let found_at_start = chain.iter().filter(|record| is_found_at_start(record));
    let started = found_at_start.filter_map(|record| {
        source.newest(&Question { last: Some(record.lsn), ..Until::default().asks(&["daemon_started"]) })
    });
    let first = started.map(|started| Lsn(started.lsn.0 - 1)).chain([oldest.lsn]).min().unwrap_or(oldest.lsn);
    daemons(source, first, last, goes_on, &mut found);
    let lost = Question { first: Some(oldest.lsn), ..last.asks(&["record_lost"]) };
    source.each(&lost, &mut |record| found.push(said(GapKind::Lost, record)));
    for session in sessions(chain) {
        let is_newest = session.last == newest.lsn;
        let until = if is_newest { last } else { Until { last: Some(session.last), wall_us: None } };
        not_told(source, chain, &session, until, &mut found);
    }
    found.extend(chain.iter().filter_map(unheard));
    // The last, for only what was asked for shows what cannot be read.
    let is_before = |it: &Unread| goes_on || it.first < newest.lsn;
    found.extend(source.unread().into_iter().filter(is_before).map(|it| unread(source, it, newest)));
    found.sort_by_key(|gap| std::cmp::Reverse(gap.at));
    only_the_newest_of_each(found, chain)
}

/// Spans in which no daemon ran.
fn daemons<S: Source + ?Sized>(source: &S, first: Lsn, until: Until, goes_on: bool, found: &mut Vec<Gap>) {
    let asked = Question { first: Some(first.next()), ..until.asks(&["daemon_started"]) };
    source.each(&asked, &mut |started| {
        let Some(before) = source.record(Lsn(started.lsn.0 - 1)) else { return };
        let ended = match before.event {
            Event::Fact(Fact::DaemonStopped(_)) => Ended::InOrder,
            _ if before.at.boot != started.at.boot => Ended::WithTheMachine,
            _ => Ended::Suddenly,
        };
        let what = What::Down(ended);
        found.push(Gap { kind: GapKind::NoDaemon, at: started.lsn, from: before.at, to: Some(started.at), what });
    });
    let newest = goes_on.then(|| source.newest(&until.asks(&["daemon_started", "daemon_stopped"]))).flatten();
    if let Some(Record { lsn, at, event: Event::Fact(Fact::DaemonStopped(_)), .. }) = newest {
        let what = What::Down(Ended::InOrder);
        found.push(Gap { kind: GapKind::NoDaemon, at: lsn, from: at, to: None, what });
    }
}

/// It became so before the daemon started that has found it.
pub fn is_found_at_start(record: &Record) -> bool {
    match &record.event {
        Event::Fact(Fact::SessionGone(gone)) => gone.found_at_start,
        Event::Fact(fact) => matches!(fact, Fact::SessionAdopted(_) | Fact::OrphanEnded(_) | Fact::DeliverySettled(_)),
        Event::Decision(_) => false,
    }
}

/// A session that a chain speaks of, and the last record that does.
struct Spoken {
    peer: Identity,
    generation: Generation,
    last: Lsn,
}

fn sessions(chain: &[Record]) -> Vec<Spoken> {
    let mut spoken: Vec<Spoken> = Vec::new();
    // The latest record comes first.
    for record in chain {
        let (Some(peer), Some(generation)) = (&record.subject.peer, record.subject.generation) else { continue };
        if spoken.iter().all(|it| (&it.peer, it.generation) != (peer, generation)) {
            spoken.push(Spoken { peer: peer.clone(), generation, last: record.lsn });
        }
    }
    spoken
}

/// What nobody could say of a session, or had to judge, if the chain does not hold it anyway.
fn not_told<S: Source + ?Sized>(source: &S, chain: &[Record], session: &Spoken, until: Until, found: &mut Vec<Gap>) {
    let (first, subjects) = (Some(session.generation.0), Some(vec![session.peer.clone()]));
    let asked = Question { first, subjects, ..until.asks(&["session_not_known", "turn_judged"]) };
    source.each(&asked, &mut |record| {
        let is_new = chain.iter().all(|known| known.lsn != record.lsn);
        if record.subject.generation == Some(session.generation) && is_new {
            let is_judged = matches!(record.event, Event::Decision(_));
            found.push(said(if is_judged { GapKind::Judged } else { GapKind::NotKnown }, record));
        }
    });
}

fn said(kind: GapKind, record: Record) -> Gap {
    Gap { kind, at: record.lsn, from: record.at, to: Some(record.at), what: What::Said(Box::new(record)) }
}

/// Of a session that was ended for its silence, of which the program itself had said nothing.
pub fn unheard(record: &Record) -> Option<Gap> {
    let Event::Decision(Decision::Reaped(reaped)) = &record.event else { return None };
    let ReapReason::Idle { last_sign, source, .. } = &reaped.reason else { return None };
    let outside = matches!(source, Sign::Wake | Sign::Delivery | Sign::Screen | Sign::Person);
    let what = What::Unheard(*source);
    outside.then_some(Gap { kind: GapKind::Silent, at: record.lsn, from: *last_sign, to: Some(record.at), what })
}

/// Records that cannot be read, between two that can. `asked` is what a chain that meets them explains.
fn unread<S: Source + ?Sized>(source: &S, it: Unread, asked: &Record) -> Gap {
    let made = |lsn: Lsn| source.record(lsn).map(|record| record.at);
    let before = it.first.0.checked_sub(1).and_then(|lsn| made(Lsn(lsn)));
    let (behind, last) = (it.next.and_then(made), it.next.map(|next| Lsn(next.0 - 1)));
    let from = before.or(behind).unwrap_or(asked.at);
    let what = What::Unread { first: it.first, last, before, behind };
    Gap { kind: GapKind::Unreadable, at: last.unwrap_or(it.first), from, to: behind, what }
}

/// The same is often said again and again; between two records of the chain once is enough.
fn only_the_newest_of_each(found: Vec<Gap>, chain: &[Record]) -> Vec<Gap> {
    let mut told = BTreeSet::new();
    let place = |gap: &Gap| chain.iter().position(|record| record.lsn < gap.at).unwrap_or(chain.len());
    let is_first = |gap: &Gap| match gap.kind {
        GapKind::NotKnown | GapKind::Judged => told.insert((place(gap), gap.kind.word())),
        GapKind::NoDaemon | GapKind::Silent | GapKind::Lost | GapKind::Unreadable => true,
    };
    let mut is_first = is_first;
    found.into_iter().filter(|gap| is_first(gap)).collect()
}

impl GapKind {
    /// As scripts know it.
    pub fn word(self) -> &'static str {
        match self {
            GapKind::NoDaemon => "no_daemon",
            GapKind::NotKnown => "not_known",
            GapKind::Judged => "judged",
            GapKind::Silent => "silent",
            GapKind::Lost => "lost",
            GapKind::Unreadable => "unreadable",
        }
    }
}

impl Gap {
    /// When it began, as far as that is known: of records that cannot be read it is the time of the one before them, if that
    /// can.
    pub fn since(&self) -> Option<Timestamp> {
        match &self.what {
            What::Unread { before, .. } => *before,
            _ => Some(self.from),
        }
    }

    /// Behind `last`, the last record there is.
    pub(super) fn without_daemon(last: &Record) -> Self {
        let what = What::Down(Ended::Suddenly);
        Self { kind: GapKind::NoDaemon, at: last.lsn, from: last.at, to: None, what }
    }

    /// What is not known, as one line, said at `now`.
    pub fn sentence(&self, now: Timestamp, zone: &TimeZone) -> String {
        let at = |moment: Timestamp| clock(moment, now, zone);
        match (&self.what, self.to) {
            (What::Down(Ended::InOrder), None) => {
                format!("no daemon runs since {}: nothing that happened later is known", at(self.from))
            }
            (What::Down(_), None) => {
                let from = at(self.from);
                format!("no daemon runs, and none has said that it ends: nothing that happened after {from} is known")
            }
            (What::Down(ended), Some(to)) => {
                let why = match ended {
                    Ended::InOrder => "it had been stopped",
                    Ended::Suddenly => "it had been killed, or had died",
                    Ended::WithTheMachine => "the machine had gone down",
                };
                let down_ms = wall_ms(self.from, to);
                if down_ms == 0 {
                    return format!("no daemon ran for a moment at {}: {why}", at(to));
                }
                format!(
                    "no daemon ran between {} and {}, for {}: {why}. What happened in that time is known only as far as \
                     the next start found traces of it",
                    at(self.from),
                    at(to),
                    span(down_ms)
                )
            }
            (What::Unread { first, last, before, behind }, _) => {
                unreadable((*first, *last), (before.map(at), behind.map(at)))
            }
            (What::Said(record), _) => {
                because(record, zone).replacen("judged, not known: the turn", "it was only judged that the turn", 1)
            }
            (What::Unheard(sign), _) => {
                let from = match sign {
                    Sign::Wake => "it was woken",
                    Sign::Delivery => "it was last delivered to",
                    Sign::Person => "somebody was last seen at its terminal",
                    _ => "its screen last moved",
                };
                format!(
                    "since {from} the program has said nothing of itself, by hook, status file or transcript: that it was \
                     idle is concluded from its silence"
                )
            }
        }
    }

    /// `{"kind", "lsn", "from", "to", "says"}`; times in UTC, `to` null while it lasts, and either where nobody knows it.
    pub fn json(&self) -> Value {
        json!({
            "kind": self.kind.word(),
            "lsn": self.at,
            "from": self.since().map(rfc3339),
            "to": self.to.map(rfc3339),
            // Nobody knows when it is read: every time has its date.
            "says": self.sentence(Timestamp { wall_us: 0, ..self.from }, &TimeZone::UTC),
        })
    }
}

fn unreadable((first, last): (Lsn, Option<Lsn>), made: (Option<String>, Option<String>)) -> String {
    let (which, say) = match last {
        Some(last) if last == first => (format!("record {first}"), "it says"),
        Some(last) => (format!("records {first} to {last}"), "they say"),
        None => (format!("record {first} and what comes behind it"), "they say"),
    };
    let when = match made {
        (Some(from), Some(to)) => format!(" (made between {from} and {to})"),
        (Some(from), None) => format!(" (made after {from})"),
        (None, Some(to)) => format!(" (made before {to})"),
        (None, None) => String::new(),
    };
    format!("{which}{when} cannot be read: nobody can tell what {say}, and it may belong here")
}

/// Across a restart of the machine only the wall clock goes on.
fn wall_ms(from: Timestamp, to: Timestamp) -> u64 {
    to.wall_us.saturating_sub(from.wall_us) / 1_000
}
