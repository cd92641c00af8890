//! The journal, as the verbs that need no daemon read it.

use std::cell::RefCell;
use std::path::PathBuf;

use super::beginning::Beginning;
use super::context::Context;
use super::error::CliError;
use super::when::{When, zone};
use crate::explain::why::{Reading, Source as _};
use crate::journal::{self, ReadError, Reader};
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::state::State;
use crate::protocol::Problem;
use crate::reducer;
use crate::supervisor::snapshot;

/// Which journal.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Read this journal, such as a copy, instead of the home's
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
}

/// A journal open for reading.
#[derive(Debug)]
pub struct History {
    pub dir: PathBuf,
    pub reader: Reader,
    /// If it was removed.
    pub beginning: Option<Beginning>,
    /// The first failure of a look-up that had no way to say so.
    failed: RefCell<Option<ReadError>>,
}

impl Which {
    pub fn dir(self, context: &Context) -> PathBuf {
        self.journal.unwrap_or_else(|| context.home.journal())
    }

    pub fn open(self, context: &Context) -> Result<History, CliError> {
        History::open(self.dir(context))
    }
}

impl History {
    /// The line that stands for a record of a kind that only a newer build knows; any other error again.
    pub fn unknown(error: ReadError, json: bool) -> Result<(Lsn, String), CliError> {
        let ReadError::Unknown { lsn, kind, schema, payload, .. } = error else { return Err(error.into()) };
        let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = if json {
            let unknown = serde_json::json!({ "kind": kind, "schema": schema, "payload": hex });
            format!("{}\n", serde_json::json!({ "lsn": lsn, "unknown": unknown }))
        } else {
            format!("{lsn:>6}  kind {kind}, schema {schema}: not known to this build; its payload: {hex}\n")
        };
        Ok((lsn, line))
    }

    pub fn open(dir: PathBuf) -> Result<Self, CliError> {
        let reader = Reader::open(&dir)?;
        let beginning = Beginning::of(&reader)?;
        Ok(Self { dir, reader, beginning, failed: RefCell::new(None) })
    }

    /// The latest state before or at a moment that is told without the records before it: the empty one, or that of a
    /// snapshot where the beginning was removed. Folding goes on with the record behind [`State::lsn`].
    pub fn told_at(&self, at: Option<When>) -> Result<State, CliError> {
        match &self.beginning {
            None => Ok(State::default()),
            Some(beginning) => beginning.state_at(&self.reader, at, &zone()),
        }
    }

    /// Who `name` means, from all that this history ever knew: an identity, else every one of a personality, else of a
    /// unique prefix.
    pub fn named(&self, name: &str) -> Result<Vec<Identity>, CliError> {
        let known = self.reader.peers()?;
        let exact = |peer: &&Identity| peer.to_string() == name;
        let personality = |peer: &&Identity| peer.personality.as_str() == name;
        let prefix =
            |peer: &&Identity| peer.to_string().starts_with(name) || peer.personality.as_str().starts_with(name);
        let tried: [&dyn Fn(&&Identity) -> bool; 3] = [&exact, &personality, &prefix];
        let found = tried.into_iter().map(|meant| known.iter().filter(meant).cloned().collect::<Vec<_>>());
        let Some(found) = found.into_iter().find(|found| !found.is_empty()) else {
            return Err(Problem::refused(format!("no record is about a peer called `{name}`")).into());
        };
        if found.iter().any(|peer| peer.personality != found[0].personality) {
            let candidates: Vec<String> = found.iter().map(ToString::to_string).collect();
            return Err(Problem::refused(format!("`{name}` could be {}", candidates.join(" or "))).into());
        }
        Ok(found)
    }

    /// The state as it was at a moment, or at the end, and the last record before it; none if there was none yet.
    pub fn folded(&self, at: Option<When>) -> Result<(State, Option<Record>), CliError> {
        let last = self.reader.last_lsn();
        if let Some(When::Lsn(lsn)) = at.filter(|at| matches!(at, When::Lsn(lsn) if *lsn > last)) {
            let why = format!("there is no record {lsn} yet: the journal ends with record {last}");
            return Err(Problem::refused(why).into());
        }
        let mut state = self.told_at(at)?;
        let mut last = self.reading().record(state.lsn);
        for record in self.reader.records(state.lsn.next()) {
            let record = record?;
            if at.is_some_and(|at| !at.is_after_or_at(&record)) {
                break;
            }
            // What it asked of the world was done then.
            drop(reducer::apply(&mut state, &record));
            last = Some(record);
        }
        Ok((state, last))
    }

    /// What went wrong during look-ups, if anything did; else what is known of a beginning that was removed.
    pub fn check(self) -> Result<Option<Beginning>, CliError> {
        self.failed.into_inner().map_or(Ok(self.beginning), |error| Err(error.into()))
    }

    /// As [`History::check`], for who has answered from the rest.
    pub fn read(self) -> (Option<Beginning>, Option<CliError>) {
        (self.beginning, self.failed.into_inner().map(CliError::from))
    }

    /// The states that are told beside the records: folding can begin at each.
    pub fn told(&self) -> Result<Vec<State>, CliError> {
        let snapshots = journal::snapshots(&self.reader)?.proved;
        // What a newer build wrote tells this one nothing.
        Ok(snapshots.iter().filter_map(|proved| snapshot::decode(proved).ok()).collect())
    }

    /// For questions that have no way to say what they could not read; [`History::check`] does.
    pub fn reading(&self) -> Reading<'_> {
        Reading { reader: &self.reader, failed: &self.failed }
    }
}
