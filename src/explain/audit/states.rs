//! Folding the records gives the state that each snapshot tells (I3).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::id::Lsn;
use crate::model::record::Record;
use crate::model::state::State;
use crate::reducer::apply;

use super::Findings;

/// What the records add up to, as far as there is something to compare it with.
#[derive(Debug, Default)]
pub struct States {
    told: BTreeMap<Lsn, State>,
    /// None: the beginning was removed, and no snapshot has come yet.
    folded: Option<State>,
}

impl States {
    pub fn of(snapshots: Vec<State>) -> Self {
        Self { told: snapshots.into_iter().map(|state| (state.lsn, state)).collect(), folded: None }
    }

    pub fn see(&mut self, record: &Record, findings: &mut Findings) {
        if record.lsn == Lsn(1) {
            self.folded = Some(State::default());
        }
        if self.folded.is_none() {
            // Of the record right before the first that is kept, or of one behind it.
            self.folded = self.told.remove(&Lsn(record.lsn.0.saturating_sub(1)));
        }
        if self.told.is_empty() {
            self.folded = None;
        }
        let Some(state) = &mut self.folded else { return };
        drop(apply(state, record));
        let Some(told) = self.told.remove(&record.lsn) else { return };
        let (folded, told) = (by_rules(state.clone()), by_rules(told));
        if folded != told {
            let differing = differing(&folded, &told).join(", ");
            let what =
                format!("the snapshot as of this record tells another state than the records add up to: {differing}");
            findings.violation("I3", record, what);
        }
    }
}

/// All that rules go by. Why a delivery failed is kept for the reader alone, and a build before this one did not keep it.
fn by_rules(mut state: State) -> State {
    state.messages.values_mut().for_each(|message| message.failure = None);
    state
}

/// The parts of a state in which two differ.
fn differing(one: &State, other: &State) -> Vec<String> {
    let (one, other) = (serde_json::to_value(one), serde_json::to_value(other));
    let (Ok(Value::Object(one)), Ok(Value::Object(other))) = (one, other) else { return Vec::new() };
    one.into_iter().filter(|(name, value)| other.get(name) != Some(value)).map(|(name, _)| name).collect()
}
