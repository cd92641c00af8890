//! The state as a snapshot holds it: one JSON document, with the revision of its shape beside it.

use crate::journal::{Fold, Snapshot};
use crate::model::event::HistoryRemoved;
use crate::model::record::Record;
use crate::model::state::{SCHEMA, State};
use crate::mutant::{Bug, bug};
use crate::reducer::apply;

/// Why a snapshot's state cannot be used. The journal has it all the same, unless its beginning was removed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("the state has schema {found}, newer than this build's {SCHEMA}: a newer dormouse is needed")]
    Newer { found: u16 },
    #[error("the state has schema {found}, which no dormouse has written")]
    Unknown { found: u16 },
    #[error("the state does not read as schema {schema}")]
    Unreadable {
        schema: u16,
        #[source]
        source: serde_json::Error,
    },
    #[error("the state is that after record {found}, the snapshot's is that after record {expected}")]
    OtherRecord { found: u64, expected: u64 },
}

/// `state` as one JSON document of schema [`SCHEMA`].
///
/// # Errors
///
/// A path that is not UTF-8, which no record can hold either.
pub fn encode(state: &State) -> Result<Vec<u8>, serde_json::Error> {
    if bug(Bug::SnapshotWithoutKeys) {
        return serde_json::to_vec(&State {
            keys: Default::default(),
            keys_by_age: Default::default(),
            ..state.clone()
        });
    }
    serde_json::to_vec(state)
}

/// The state in `snapshot`. Older schemas are converted here, one step each.
///
/// # Errors
///
/// A newer schema, or bytes that are no state.
pub fn decode(snapshot: &Snapshot) -> Result<State, StateError> {
    let (schema, expected) = (snapshot.state_schema, snapshot.through.0);
    let state: State = match schema {
        SCHEMA => {
            serde_json::from_slice(snapshot.state()).map_err(|source| StateError::Unreadable { schema, source })?
        }
        found if found > SCHEMA => return Err(StateError::Newer { found }),
        found => return Err(StateError::Unknown { found }),
    };
    if state.lsn != snapshot.through {
        return Err(StateError::OtherRecord { found: state.lsn.0, expected });
    }
    Ok(state)
}

/// The state, folded from a journal that is being opened.
#[derive(Debug, Default)]
pub struct Folded {
    pub state: State,
}

impl Fold for &mut Folded {
    fn begin(&mut self) {
        self.state = State::default();
    }

    fn begin_from(&mut self, snapshot: &Snapshot) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.state = decode(snapshot)?;
        Ok(())
    }

    fn record(&mut self, record: Record) {
        // What it asked of the world was done then, or will be asked again when the world has been looked at.
        drop(apply(&mut self.state, &record));
    }

    fn removed(&self) -> Option<&HistoryRemoved> {
        self.state.removed.as_ref().map(|removed| &removed.what)
    }
}
