//! The whole answer: the chain with its settings, its gaps, and the proof.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::gap::{Gap, GapKind, gaps};
use super::recomputed::{Reach, Recomputed, recompute};
use super::report::is_of;
use super::setting::{InForce, Stood, in_force};
use super::standing::Standing;
use super::{Source, Subject, Until, chain_until, cut_off, prefix, step, step_json, waited, who};
use crate::explain::layout;
use crate::explain::line::line;
use crate::explain::phrase::{date, number, span, time_of_day};
use crate::model::id::{Lsn, MessageId};
use crate::model::record::Record;
use crate::model::state::State;
use crate::model::time::Timestamp;

/// As wide as what [`moment`] says.
const WHEN_COLUMNS: usize = 22;
const DAY_US: u64 = 86_400_000_000;

/// When it was, as a person asks for it: `03:12      5 h 48 min ago`; of another day `2026-03-01  12 d ago`. The clock is that of the
/// wall, and how long ago it was is told by the time that the machine was awake.
fn moment(at: Timestamp, now: Timestamp, ago: &str, zone: &TimeZone) -> String {
    let days = now.wall_us.saturating_sub(at.wall_us) / DAY_US;
    match days {
        0 => format!("{} {:>16}", time_of_day(at, zone), format!("{} {ago}", span(now.since(at)))),
        days => format!("{} {:>11}", date(at, zone), format!("{} d {ago}", number(days))),
    }
}

/// What comes behind the last record of the chain belongs to it too.
fn goes_on<'a>(subject: &Subject, chain: impl Iterator<Item = &'a Record> + Clone) -> bool {
    match subject {
        Subject::Peer(_) => true,
        Subject::Message(message) => {
            let own = chain.filter(|it| is_of(*message, it));
            waited::waits_before(*message, own.clone(), Lsn(u64::MAX)) || waited::is_worked_on(own)
        }
        Subject::Session(..) | Subject::Record(_) => false,
    }
}

/// Why something is as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub subject: Subject,
    /// Latest first, each with the settings its figures were compared with; empty if there is no record of the subject.
    pub chain: Vec<(Record, Vec<Stood>)>,
    /// Latest first.
    pub gaps: Vec<Gap>,
    /// Records that would explain more and are not kept any more, latest first.
    pub cut_off: Vec<Lsn>,
    pub recomputed: Recomputed,
    /// Of a message that [is open](Answer::open), if a state was [asked](Answer::stand).
    pub standing: Option<Standing>,
}

impl Answer {
    /// Costs the chain, a question a kind of gap, and what `reach` allows to be folded from the states that are `told`.
    pub fn of<S: Source + ?Sized>(source: &S, subject: Subject, until: Until, told: &[State], reach: Reach) -> Self {
        let chain = chain_until(source, &subject, until);
        let goes_on = goes_on(&subject, chain.iter());
        let cut_off = cut_off(source, &chain);
        let recomputed = recompute(source, &chain, told, reach);
        // The last, for what could not be read until then is a gap too.
        let gaps = gaps(source, &chain, until, goes_on);
        let mut known: Option<InForce> = None;
        let mut settings = |record: &Record| {
            if known.as_ref().is_none_or(|known| !known.holds_at(record.lsn)) {
                known = in_force(source, record.lsn);
            }
            known.as_ref().map_or_else(Vec::new, |known| known.of(&record.event))
        };
        let chain = chain.into_iter().map(|record| (settings(&record), record)).map(|(set, it)| (it, set)).collect();
        Self { subject, chain, gaps, cut_off, recomputed, standing: None }
    }

    /// The message that was asked about, as long as nothing has become of it: it waits, or is on its way.
    pub fn waiting(&self) -> Option<MessageId> {
        let own = |message: MessageId| self.chain.iter().map(|(it, _)| it).filter(move |it| is_of(message, it));
        self.open().filter(|message| waited::waits_before(*message, own(*message), Lsn(u64::MAX)))
    }

    /// The message that was asked about, as long as it waits, is on its way, or is a task that a session has in hand.
    pub fn open(&self) -> Option<MessageId> {
        match &self.subject {
            Subject::Message(message) if self.goes_on() => Some(*message),
            _ => None,
        }
    }

    /// Says of a message that is open where it stands at `now`, of which `state` is the last that is known.
    pub fn stand(&mut self, state: &State, now: Timestamp) {
        self.standing = self.open().and_then(|message| Standing::of(state, message, now));
    }

    fn goes_on(&self) -> bool {
        goes_on(&self.subject, self.chain.iter().map(|(record, _)| record))
    }

    /// No daemon serves, whatever the records say: one that was killed had no time to. `last` is the last record there is.
    pub fn nobody_serves_since(&mut self, last: &Record) {
        if self.goes_on() && !self.chain.is_empty() {
            let is_told = |gap: &Gap| gap.kind == GapKind::NoDaemon && gap.to.is_none();
            if !self.gaps.iter().any(is_told) {
                self.gaps.insert(0, Gap::without_daemon(last));
            }
        }
    }

    /// `{"subject", "chain": [record + "because" + "settings"], "gaps", "recomputed", "standing"}`; times in UTC.
    pub fn json(&self) -> Value {
        let chain: Vec<Value> = self
            .chain
            .iter()
            .map(|(record, settings)| {
                let mut value = step_json(record, self.chain.iter().map(|(it, _)| it));
                value["settings"] = settings.iter().map(Stood::json).collect();
                value
            })
            .collect();
        let gaps: Vec<Value> = self.gaps.iter().map(Gap::json).collect();
        json!({
            "subject": self.subject.to_string(),
            "chain": chain,
            "gaps": gaps,
            "recomputed": self.recomputed.json(),
            "standing": self.standing,
        })
    }

    /// One line a record: lsn, the time of day and how long before `now`, the sentence, the settings it was compared with, and who asked when it
    /// was not dormouse itself. What is not known stands between them. `removed` says why the chain ends where it does.
    pub fn text(
        &self,
        when: (Timestamp, &str),
        removed: Option<&str>,
        zone: &TimeZone,
        columns: Option<u16>,
    ) -> String {
        let (now, ago) = when;
        let is_past = ago != "ago";
        let ago = |at: Timestamp| moment(at, now, ago, zone);
        let mut lines: Vec<(Lsn, bool, String)> = Vec::new();
        for (record, settings) in &self.chain {
            let settings: Vec<String> = settings.iter().map(Stood::text).collect();
            let behind = if settings.is_empty() { String::new() } else { format!(" [{}]", settings.join("; ")) };
            let who = who(record, self.chain.iter().map(|(it, _)| it), Some(&self.subject));
            lines.push((record.lsn, false, step(record, &ago(record.at), (&who, &behind), zone, columns)));
        }
        for gap in &self.gaps {
            let says = format!("NOT KNOWN: {}", gap.sentence(now, zone));
            let when = gap.to.or(gap.since()).map_or_else(|| " ".repeat(WHEN_COLUMNS), ago);
            let line = layout::fold(&prefix(gap.at, &when), &says, columns);
            lines.push((gap.at, true, line + "\n"));
        }
        // What a gap is said by comes before it, so that one reads what follows from what.
        lines.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
        let standing = self.standing.as_ref().map(|it| layout::fold("", &it.sentence(is_past), columns) + "\n");
        let mut out: String = standing.into_iter().chain(lines.into_iter().map(|(_, _, line)| line)).collect();
        out += &self.end_of_history(removed, columns);
        for divergence in &self.recomputed.differ {
            let side = |name: &str, records: &[Record]| match records {
                [] => format!("  {name}: nothing\n"),
                _ => records.iter().map(|record| format!("  {name}: {}\n", line(record, zone, None).trim())).collect(),
            };
            out += &format!("After record {}:\n", divergence.after.lsn);
            out += &(side("recorded", &divergence.recorded) + &side("decided now", &divergence.decided));
        }
        self.recomputed.sentences().iter().fold(out, |out, says| out + &layout::fold("", says, columns) + "\n")
    }

    /// Where the chain would go on, if the records were still there.
    fn end_of_history(&self, removed: Option<&str>, columns: Option<u16>) -> String {
        let (Some(latest), Some(removed)) = (self.cut_off.first(), removed) else { return String::new() };
        let others = if self.cut_off.len() > 1 { " and others" } else { "" };
        let gone = format!("{:>WHEN_COLUMNS$}", "removed");
        layout::fold(&prefix(*latest, &gone), &format!("here{others}: {removed}"), columns) + "\n"
    }
}
