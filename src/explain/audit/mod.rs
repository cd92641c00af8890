//! `audit`: checks every promise over a whole history, from its records alone, and counts what happened.

mod causes;
mod messages;
mod sessions;
mod states;
mod statistics;

use serde::Serialize;

use crate::model::id::Lsn;
use crate::model::record::Record;
use crate::model::state::State;

pub use super::histogram::Spread;
use causes::Causes;
use messages::Messages;
use sessions::Sessions;
use states::States;
pub use statistics::{AGAIN_WITHIN_MS, Statistics};

/// What a check of the bytes found, before any record was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    pub segments: u64,
    pub damage: Vec<Damage>,
    pub torn_tail: Option<TornTail>,
}

/// Bytes that no crash explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// What has happened, in the words of `journal verify`; `snapshot` for a snapshot that is not what its record says.
    pub kind: &'static str,
    pub segment: String,
    pub offset: u64,
    pub lsn: Option<u64>,
    pub what: String,
}

/// The end of an unsynced last batch: a crash left it, nobody was told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TornTail {
    pub segment: String,
    pub offset: u64,
    pub bytes: u64,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The rule of the contract, or the invariant of the architecture.
    pub rule: &'static str,
    pub lsn: u64,
    pub what: String,
}

/// Something that is not over at the last record. No violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Open {
    /// The record that opened it.
    pub lsn: u64,
    pub what: String,
}

/// The records from one on. To judge what follows without it would be to judge another history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NotJudged {
    #[serde(rename = "not_judged_from")]
    pub from: u64,
    /// So many of them can be read.
    #[serde(rename = "not_judged_records")]
    pub records: u64,
    #[serde(rename = "not_judged_because")]
    pub because: Because,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The first of them cannot be read.
    Damage,
    /// Only a newer build knows its kind.
    UnknownKind,
}

/// The findings, in the shape of `audit --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    pub segments: u64,
    pub records: u64,
    pub first_lsn: u64,
    pub last_lsn: u64,
    pub damage: Vec<Damage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torn_tail: Option<TornTail>,
    #[serde(flatten)]
    pub not_judged: Option<NotJudged>,
    pub violations: Vec<Violation>,
    pub open: Vec<Open>,
    pub statistics: Statistics,
}

impl Audit {
    /// Neither damage nor violation.
    pub fn is_clean(&self) -> bool {
        self.damage.is_empty() && self.violations.is_empty()
    }
}

/// What the checks share: where the history begins, and what they found.
#[derive(Debug, Default)]
struct Findings {
    first: Lsn,
    violations: Vec<Violation>,
}

impl Findings {
    fn violation(&mut self, rule: &'static str, record: &Record, what: String) {
        self.violations.push(Violation { rule, lsn: record.lsn.0, what });
    }

    /// Something is missing that must have come before. Says nothing of a history whose beginning was cut off.
    fn missing(&mut self, rule: &'static str, record: &Record, what: &str) {
        if self.sees_all() {
            self.violation(rule, record, what.to_owned());
        }
    }

    /// Retention has cut nothing off.
    fn sees_all(&self) -> bool {
        self.first == Lsn(1)
    }
}

/// Takes records one by one, oldest first. Memory grows with the messages and deliveries of the history, not with its
/// records or its texts.
#[derive(Debug, Default)]
pub struct Auditor {
    records: u64,
    last: Lsn,
    findings: Findings,
    causes: Causes,
    messages: Messages,
    sessions: Sessions,
    states: States,
    counts: statistics::Counts,
}

impl Auditor {
    /// Compares what the records add up to with each of these states, which snapshots tell. Where the beginning was
    /// removed, it adds to the oldest of them.
    pub fn comparing(snapshots: Vec<State>) -> Self {
        Self { states: States::of(snapshots), ..Self::default() }
    }

    /// Counts an idle session as reaped in vain if its peer is woken again within so long.
    #[must_use]
    pub fn again_within(self, again_within_ms: u64) -> Self {
        Self { counts: statistics::Counts::again_within(again_within_ms), ..self }
    }

    pub fn see(&mut self, record: &Record) {
        if self.records == 0 {
            self.findings.first = record.lsn;
        } else if record.lsn != self.last.next() {
            let what = format!("record {} follows record {}: lsns are dense", record.lsn, self.last);
            self.findings.violation("I5", record, what);
        }
        self.records += 1;
        self.last = record.lsn;
        self.causes.see(record, &mut self.findings);
        self.sessions.see(record, &mut self.findings);
        self.messages.see(record, &mut self.findings);
        self.states.see(record, &mut self.findings);
        self.counts.see(record);
    }

    /// The findings, with those of the bytes.
    pub fn finish(mut self, bytes: Bytes) -> Audit {
        let mut open = self.messages.open();
        open.extend(self.sessions.open());
        open.sort_by_key(|open| open.lsn);
        self.findings.violations.sort_by_key(|violation| violation.lsn);
        Audit {
            segments: bytes.segments,
            records: self.records,
            first_lsn: self.findings.first.0,
            last_lsn: self.last.0,
            damage: bytes.damage,
            torn_tail: bytes.torn_tail,
            not_judged: None,
            violations: self.findings.violations,
            open,
            statistics: self.counts.finish(),
        }
    }
}

/// The findings over `records`, oldest first.
pub fn audit<'a>(records: impl IntoIterator<Item = &'a Record>, bytes: Bytes) -> Audit {
    let mut auditor = Auditor::default();
    for record in records {
        auditor.see(record);
    }
    auditor.finish(bytes)
}
