//! What the worlds have reached of the decision space: each kind of fact in each phase of its peer, and each way that a
//! rule can go. Counted from a run's records, so that a run that nobody counts costs nothing.

mod branch;
mod phase;
mod refusal;
mod space;

use std::collections::BTreeMap;

pub use branch::branch;
pub use phase::Phase;
pub use space::{BRANCHES, cells, facts, impossible, rare, rare_branch};

use crate::model::event::{Class, Event};
use crate::model::record::Record;
use crate::model::state::State;
use crate::reducer::apply;

/// A fact and the phase it found its peer in.
pub type Cell = (&'static str, Phase);

/// A decision, or a refusal, and the reason it names.
pub type Branch = (&'static str, &'static str);

/// How often each was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub cells: BTreeMap<Cell, u64>,
    pub branches: BTreeMap<Branch, u64>,
}

impl Coverage {
    /// Adds the whole history of one world.
    pub fn add(&mut self, records: &[Record]) {
        let mut state = State::default();
        for record in records {
            let kind = record.event.kind().name;
            if let Event::Fact(_) = record.event {
                *self.cells.entry((kind, Phase::of(&state, &record.subject))).or_default() += 1;
            }
            let cause = record.cause.and_then(|cause| records.get(cause.0 as usize - 1));
            if let Some(reason) = branch(record, cause) {
                *self.branches.entry((kind, reason)).or_default() += 1;
            }
            drop(apply(&mut state, record));
        }
    }

    /// Adds what other worlds have reached.
    pub fn join(&mut self, other: &Coverage) {
        for (cell, count) in &other.cells {
            *self.cells.entry(*cell).or_default() += count;
        }
        for (branch, count) in &other.branches {
            *self.branches.entry(*branch).or_default() += count;
        }
    }

    /// Cells that are possible, and were not reached.
    pub fn cells_missed(&self) -> Vec<Cell> {
        cells().filter(|cell| impossible(*cell).is_none() && !self.cells.contains_key(cell)).collect()
    }

    /// Branches that are possible, and were not reached.
    pub fn branches_missed(&self) -> Vec<Branch> {
        let possible = BRANCHES.iter().filter(|(.., why)| why.is_none()).map(|(kind, reason, _)| (*kind, *reason));
        possible.filter(|branch| !self.branches.contains_key(branch)).collect()
    }

    /// What was reached and is called impossible, or is not in the lists at all.
    pub fn not_foreseen(&self) -> Vec<String> {
        let cells = self.cells.keys().filter_map(|cell| {
            let why = impossible(*cell)?;
            Some(format!("{} when {}: {why}", cell.0, cell.1.word()))
        });
        let branches = self.branches.keys().filter_map(|branch| {
            match BRANCHES.iter().find(|(kind, reason, _)| (*kind, *reason) == *branch) {
                Some((.., None)) => None,
                Some((kind, reason, Some(why))) => Some(format!("{kind} ({reason}): {why}")),
                None => Some(format!("{} ({}): in no list", branch.0, branch.1)),
            }
        });
        cells.chain(branches).collect()
    }
}
