//! What came of it: both worlds' figures side by side, and what was decided in one of them alone.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::explain::line::line;
use crate::explain::phrase::{count, number, span};
use crate::explain::{json, layout};
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::settings::Settings;

use super::{Figures, NEVER};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum World {
    Recorded,
    WhatIf,
}

/// A decision that was made in one world alone, or at another moment than in the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub world: World,
    pub record: Record,
}

/// One peer in both worlds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerReport {
    pub peer: Identity,
    /// The last record before the worlds first parted for it: what would have been rests on modelled time from there on.
    pub parted: Option<Lsn>,
    pub recorded: Figures,
    pub whatif: Figures,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub first: Lsn,
    pub last: Lsn,
    /// That were recorded.
    pub decisions: u64,
    pub again_within_ms: u64,
    pub recorded: Figures,
    pub whatif: Figures,
    pub peers: Vec<PeerReport>,
    /// Every settings under which something was decided in the record, in the order in which they came.
    pub held: Vec<Settings>,
    /// How many there are; only the first are listed.
    pub differences: u64,
    pub listed: Vec<Difference>,
    /// Decisions that this build's rules make otherwise whatever the settings; there the record was followed.
    pub by_rules: u64,
}

const HOW: &str = "Recorded → what would have been; ~ rests on modelled time. A peer is replayed from the record up to the first decision that comes out \
                   otherwise; from there on the sessions that it would have had are modelled: boots, deliveries and kills take \
                   this peer's own median (its runtime's, where it has none) and end as its last one did, and a turn goes \
                   as the turn on the same message went, if the record has that delivered no later than it would have \
                   been, else as one of this peer's last 64 turns did: of a message that would have come sooner nobody \
                   knows in time how long it took. A worker that was ended before it answered never answers. Messages and \
                   operators' words come when they came, however long a queue would have been. \
                   Once a peer stands in both worlds alike, it goes on as recorded.";

impl Report {
    /// Nothing would have been otherwise.
    pub fn is_same(&self) -> bool {
        self.peers.iter().all(|peer| peer.parted.is_none())
    }

    /// `{"first_lsn", "last_lsn", "decisions", "again_within_ms", "total", "peers", "differences", "listed", "by_rules"}`.
    pub fn json(&self) -> Value {
        let modelled = !self.is_same();
        let peers = self.peers.iter().map(|peer| {
            let worlds = worlds(&peer.recorded, &peer.whatif, peer.parted.is_some());
            json!({ "peer": peer.peer, "parted_lsn": peer.parted, "recorded": worlds.0, "whatif": worlds.1 })
        });
        let (recorded, whatif) = worlds(&self.recorded, &self.whatif, modelled);
        json!({
            "first_lsn": self.first,
            "last_lsn": self.last,
            "decisions": self.decisions,
            "again_within_ms": self.again_within_ms,
            "total": { "recorded": recorded, "whatif": whatif },
            "peers": peers.collect::<Vec<_>>(),
            "differences": self.differences,
            "listed": self.listed.iter().map(Difference::json).collect::<Vec<_>>(),
            "by_rules": self.by_rules,
        })
    }

    /// For people: a table, how it came about, and what differs, as a difference of two texts is shown.
    pub fn text(&self, zone: &TimeZone, columns: Option<u16>) -> String {
        let decisions = count(self.decisions, "decision", "decisions");
        let line = |text: &str| format!("{}\n", layout::fold("", text, columns));
        let judged = format!("Records {} to {}, {decisions}", self.first, self.last);
        if self.is_same() {
            return line(&format!("{judged}: every one would have been the same"))
                + &line_of(&by_rules_text(self.by_rules), line);
        }
        let parted = self.peers.iter().filter(|peer| peer.parted.is_some()).count() as u64;
        let mut out = line(&format!("{judged}; {} would have lived otherwise", count(parted, "peer", "peers"))) + "\n";
        out += &layout::table(&self.table(), columns);
        let within = span(self.again_within_ms);
        out += "\n";
        if self.some_wait() {
            out += &line(
                "still waiting: not delivered by the end, and for how long the first of them had waited then; what they would \
                 come to is in no percentile",
            );
        }
        out += &line(&format!("in vain: reaped as idle, and woken again within {within} (--again-within)"));
        out += &line(HOW);
        out += &line_of(&by_rules_text(self.by_rules), line);
        if !self.listed.is_empty() {
            out += "\n";
            out += &line("What was decided (-) and would not have been then, and what would have been (+):");
        }
        for difference in &self.listed {
            out += &difference.text(zone, columns);
        }
        let left = self.differences - self.listed.len() as u64;
        if left > 0 {
            out += &format!("and {} more (--all)\n", number(left));
        }
        out
    }

    fn some_wait(&self) -> bool {
        self.recorded.waiting + self.whatif.waiting > 0
    }

    fn table(&self) -> Vec<Vec<String>> {
        let mut heading = vec![
            "PEER",
            "WAKES",
            "REAPS",
            "IN VAIN",
            "DEATHS",
            "QUARANTINES",
            "DEAD",
            "SESSION TIME",
            "WAITING P50",
            "P99",
        ];
        // A column of nothing tells nobody anything.
        heading.extend(self.some_wait().then_some("STILL WAITING"));
        let row = |name: &str, recorded: &Figures, whatif: &Figures, modelled: bool| {
            let mut row = row(name, recorded, whatif, modelled);
            row.truncate(heading.len());
            row
        };
        let peers = self.peers.iter().filter(|peer| peer.parted.is_some() || peer.recorded != Figures::default());
        let rows = peers.map(|it| row(&it.peer.to_string(), &it.recorded, &it.whatif, it.parted.is_some()));
        let total = row("all", &self.recorded, &self.whatif, !self.is_same());
        let heading = heading.iter().map(|it| (*it).to_owned()).collect();
        std::iter::once(heading).chain(rows).chain([total]).collect()
    }
}

fn by_rules_text(n: u64) -> String {
    let followed = "under the same settings: there the record was followed (`dormouse replay --diff` shows them)";
    match n {
        0 => String::new(),
        1 => {
            let followed = followed.replace("shows them", "shows it");
            format!("1 decision of this build's rules differs from the recorded one {followed}")
        }
        n => format!("{} decisions of this build's rules differ from the recorded ones {followed}", number(n)),
    }
}

/// A line of it, if there is anything in it.
fn line_of(text: &str, line: impl Fn(&str) -> String) -> String {
    if text.is_empty() { String::new() } else { line(text) }
}

fn worlds(recorded: &Figures, whatif: &Figures, modelled: bool) -> (Value, Value) {
    let figures = |figures: &Figures, modelled: bool| {
        // Figures are plain data, which always has a JSON form.
        let mut shown = serde_json::to_value(figures).unwrap_or_default();
        shown["modelled"] = modelled.into();
        shown
    };
    (figures(recorded, false), figures(whatif, modelled))
}

/// What is not there is no guess.
fn modelled_as(figure: &str) -> String {
    if figure == "-" { figure.to_owned() } else { format!("~{figure}") }
}

fn row(name: &str, recorded: &Figures, whatif: &Figures, modelled: bool) -> Vec<String> {
    let cell = |of: &dyn Fn(&Figures) -> String| {
        let (was, would) = (of(recorded), of(whatif));
        match modelled {
            false => was,
            true if was == would => modelled_as(&would),
            true => format!("{was} → {}", modelled_as(&would)),
        }
    };
    // Of what never was there is no time that it took.
    let waited = |it: &Figures, time: u64| if it.waited_ms.count == 0 { "-".to_owned() } else { span(time) };
    vec![
        name.to_owned(),
        cell(&|it| number(it.wakes)),
        cell(&|it| number(it.reaped())),
        cell(&|it| number(it.false_reaps)),
        cell(&|it| number(it.deaths)),
        cell(&|it| number(it.quarantines)),
        cell(&|it| number(it.dead)),
        cell(&|it| span(it.session_ms)),
        cell(&|it| waited(it, it.waited_ms.p50)),
        cell(&|it| waited(it, it.waited_ms.p99)),
        cell(&|it| match it.waiting {
            0 => "-".to_owned(),
            n => format!("{} ({})", number(n), span(it.waiting_ms_max)),
        }),
    ]
}

impl Difference {
    fn is_modelled(&self) -> bool {
        self.record.lsn.0 >= NEVER
    }

    fn json(&self) -> Value {
        let mut shown = json::record(&self.record);
        never_null(&mut shown);
        let world = if self.world == World::Recorded { "recorded" } else { "whatif" };
        json!({ "world": world, "modelled": self.is_modelled(), "record": shown })
    }

    fn text(&self, zone: &TimeZone, columns: Option<u16>) -> String {
        let sign = if self.world == World::Recorded { '-' } else { '+' };
        let shown = never_marked(&line(&self.record, zone, columns.map(|columns| columns.saturating_sub(2))));
        shown.lines().enumerate().map(|(n, text)| format!("{} {text}\n", if n == 0 { sign } else { ' ' })).collect()
    }
}

/// The place of a record that was never made is none.
fn never_null(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_u64().is_some_and(|number| number > NEVER) => *value = Value::Null,
        Value::Array(items) => items.iter_mut().for_each(never_null),
        Value::Object(fields) => fields.values_mut().for_each(never_null),
        _ => {}
    }
}

/// Records that were never made are numbered by themselves: `~17`.
fn never_marked(text: &str) -> String {
    let place = |word: &str| word.parse::<u64>().ok().filter(|place| *place > NEVER).map(|place| place - NEVER);
    let marked = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()).map(|piece| {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        place(word).map_or_else(|| piece.to_owned(), |place| format!("~{place}{}", &piece[word.len()..]))
    });
    let marked: String = marked.collect();
    // As wide as other places.
    match marked.strip_prefix('~').and_then(|rest| rest.split_once(' ')) {
        Some((place, rest)) => format!("{:>6} {rest}", format!("~{place}")),
        None => marked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_decision_differs_and_several_differ() {
        assert!(by_rules_text(1).starts_with("1 decision of this build's rules differs from the recorded one under "));
        assert!(by_rules_text(2).starts_with("2 decisions of this build's rules differ from the recorded ones under "));
        assert_eq!(by_rules_text(0), "");
    }

    #[test]
    fn records_that_were_never_made_are_numbered_by_themselves() {
        let text = format!("{}  reaped  armed at record {}, after 4611 ms", NEVER + 7, NEVER + 12);
        assert_eq!(never_marked(&text), "    ~7  reaped  armed at record ~12, after 4611 ms");
        let mut shown = json!({ "lsn": NEVER + 1, "data": { "deaths": [3, NEVER + 2] } });
        never_null(&mut shown);
        assert_eq!(shown, json!({ "lsn": null, "data": { "deaths": [3, null] } }));
    }
}
