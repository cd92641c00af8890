//! A journal whose beginning was removed: what is known of it, and from where a state can be told.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::error::CliError;
use super::when::When;
use crate::explain::layout;
use crate::explain::phrase::date_time;
use crate::journal::{self, ReadError, Reader};
use crate::model::event::{Event, Fact, RetentionReason};
use crate::model::id::Lsn;
use crate::model::state::{Removed, State};
use crate::protocol::Problem;
use crate::supervisor::snapshot;

/// The beginning that is gone.
#[derive(Debug)]
pub struct Beginning {
    /// The first record that is kept.
    pub first: Lsn,
    pub removed: Removed,
    /// The states that snapshots tell, oldest first. The journal proves each of them.
    pub states: Vec<State>,
}

impl Beginning {
    /// None if nothing was removed.
    ///
    /// # Errors
    ///
    /// The beginning is missing and no record that can be read says that it was removed.
    pub fn of(reader: &Reader) -> Result<Option<Self>, CliError> {
        let first = reader.first_lsn();
        if first <= Lsn(1) {
            return Ok(None);
        }
        let mut states = Vec::new();
        for proved in journal::snapshots(reader)?.proved {
            // What a newer build wrote tells this one nothing; another snapshot may.
            states.extend(snapshot::decode(&proved).ok());
        }
        let mut removed = states.last().and_then(|state: &State| state.removed.clone());
        // What cannot be read is said by who reads it.
        for record in reader.records(states.last().map_or(first, |state| state.lsn.next())).flatten() {
            if let Event::Fact(Fact::HistoryRemoved(what)) = record.event {
                removed = Some(Removed { lsn: record.lsn, at: record.at, what });
            }
        }
        // A removal under way, or cut off, leaves some of what it names.
        match removed.filter(|removed| removed.what.first_kept >= first) {
            Some(removed) => Ok(Some(Self { first, removed, states })),
            None => Err(ReadError::Gap { segment: reader.first_segment(), found: first, expected: Lsn(1) }.into()),
        }
    }

    /// The latest state that a snapshot tells and that is not after `at`.
    ///
    /// # Errors
    ///
    /// No state that early can be told any more.
    pub fn state_at(&self, reader: &Reader, at: Option<When>, zone: &TimeZone) -> Result<State, CliError> {
        let told = self.states.iter().rev().find(|state| at.is_none_or(|at| self.tells(state, at, reader)));
        told.cloned().ok_or_else(|| self.too_early(at, zone).into())
    }

    /// The first state that every record behind it is kept of.
    ///
    /// # Errors
    ///
    /// No snapshot that this build can use tells one.
    pub fn earliest(&self, zone: &TimeZone) -> Result<State, CliError> {
        let told = self.states.iter().find(|state| state.lsn.next() >= self.first);
        told.cloned().ok_or_else(|| self.too_early(None, zone).into())
    }

    /// `state` is not after `at`, and the record that made it is kept or followed by one that is not after `at` either.
    fn tells(&self, state: &State, at: When, reader: &Reader) -> bool {
        let before = match at {
            When::Lsn(lsn) => state.lsn <= lsn,
            When::Wall(wall_us) => state.now.is_some_and(|now| now.wall_us <= wall_us),
        };
        let next = || reader.record(state.lsn.next()).ok().flatten();
        before && (state.lsn >= self.first || next().is_some_and(|record| at.is_after_or_at(&record)))
    }

    fn too_early(&self, at: Option<When>, zone: &TimeZone) -> Problem {
        let told = match self.states.first() {
            None => "no snapshot that this build can use tells a later one".to_owned(),
            Some(oldest) if oldest.lsn < self.first => {
                format!("the oldest snapshot tells that after record {}", oldest.lsn)
            }
            Some(oldest) => format!("the oldest snapshot is as of record {}", oldest.lsn),
        };
        let moment = match at {
            Some(When::Lsn(lsn)) => format!("the state at record {lsn}"),
            Some(When::Wall(_)) => "the state at that moment".to_owned(),
            None => "the state".to_owned(),
        };
        Problem::refused(format!("{moment} cannot be told: {}; {told}", self.sentence(zone)))
            .hint(format!("`dormouse log --since {}` prints every record that is kept", self.first))
    }

    /// What was removed, by which setting, and when.
    pub fn sentence(&self, zone: &TimeZone) -> String {
        let setting = match self.removed.what.because {
            RetentionReason::Size { .. } => "retain_bytes",
            RetentionReason::Age { .. } => "retain_age",
            RetentionReason::Capsule {} => {
                return format!("records before {} were left out of this capsule", self.first);
            }
        };
        let at = date_time(self.removed.at, zone);
        format!("records before {} were removed by {setting} at {at} (record {})", self.first, self.removed.lsn)
    }
}

/// What a verb over the whole history could not begin with.
#[derive(Debug)]
pub struct LeftOut {
    /// The first and the last of those that are there, and that no state is told before.
    pub records: Option<(Lsn, Lsn)>,
    /// Why there are none before.
    pub removed: Option<String>,
}

impl LeftOut {
    pub fn sentence(&self) -> String {
        let left = self.records.map(|(first, last)| {
            format!(
                "records {first} to {last} are left out: the earliest state that is told is the one after record {last}"
            )
        });
        left.into_iter().chain(self.removed.clone()).collect::<Vec<_>>().join("; ")
    }

    /// `{"first_lsn", "last_lsn", "because"}`; without lsns where everything that is kept was looked at.
    pub fn json(&self) -> Value {
        let (first, last) = self.records.unzip();
        json!({ "first_lsn": first, "last_lsn": last, "because": self.sentence() })
    }

    /// As the last line of an answer.
    pub fn line(left: Option<&Self>, columns: Option<u16>) -> String {
        left.map_or_else(String::new, |left| layout::fold("", &left.sentence(), columns) + "\n")
    }
}
