//! The journal, as the verbs that need no daemon read it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use super::context::Context;
use super::error::CliError;
use super::when::When;
use crate::explain::why::Source;
use crate::journal::{ReadError, Reader};
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::state::State;
use crate::protocol::Problem;
use crate::reducer;

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
        Ok(Self { dir, reader, failed: RefCell::new(None) })
    }

    /// Who `name` means, from all that this history ever knew: an identity, else every one of a personality, else of a
    /// unique prefix.
    pub fn named(&self, name: &str) -> Result<Vec<Identity>, CliError> {
        let mut known = BTreeSet::new();
        for record in self.reader.records(Lsn(1)) {
            match record {
                Ok(record) => known.extend(record.subject.peer),
                Err(ReadError::Unknown { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
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
        let (mut state, mut last) = (State::default(), None);
        for record in self.reader.records(Lsn(1)) {
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

    /// What went wrong during look-ups, if anything did.
    pub fn check(self) -> Result<(), CliError> {
        self.failed.into_inner().map_or(Ok(()), |error| Err(error.into()))
    }

    fn note(&self, error: ReadError) {
        self.failed.borrow_mut().get_or_insert(error);
    }
}

impl Source for History {
    fn record(&self, lsn: Lsn) -> Option<Record> {
        self.reader.record(lsn).unwrap_or_else(|error| {
            // What a newer build wrote explains nothing to this one, and keeps nothing else from being explained.
            if !matches!(error, ReadError::Unknown { .. }) {
                self.note(error);
            }
            None
        })
    }

    fn each(&self, see: &mut dyn FnMut(&Record)) {
        for record in self.reader.records(Lsn(1)) {
            match record {
                Ok(record) => see(&record),
                Err(ReadError::Unknown { .. }) => {}
                Err(error) => return self.note(error),
            }
        }
    }
}
