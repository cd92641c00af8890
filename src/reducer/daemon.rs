//! The daemon's own events, and the journal's.

use crate::model::effect::Task;
use crate::model::event::{HistoryRemoved, RuntimesChanged, SettingsChanged, SnapshotTaken};
use crate::model::record::Record;
use crate::model::state::{Removed, SNAPSHOTS_KEPT, State};

pub(super) fn daemon_stopped(state: &mut State) -> Vec<Task> {
    if let Some(daemon) = &mut state.daemon {
        (daemon.running, daemon.starting) = (false, false);
    }
    Vec::new()
}

pub(super) fn settings_changed(state: &mut State, fact: &SettingsChanged) -> Vec<Task> {
    state.settings = fact.settings.clone();
    Vec::new()
}

pub(super) fn runtimes_changed(state: &mut State, fact: &RuntimesChanged) -> Vec<Task> {
    state.runtimes = fact.runtimes.iter().map(|traits| (traits.name.clone(), traits.clone())).collect();
    Vec::new()
}

pub(super) fn snapshot_taken(state: &mut State, fact: &SnapshotTaken) -> Vec<Task> {
    state.snapshots.push(fact.clone());
    let older = state.snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
    state.snapshots.drain(..older);
    Vec::new()
}

pub(super) fn history_removed(state: &mut State, record: &Record, fact: &HistoryRemoved) -> Vec<Task> {
    state.removed = Some(Removed { lsn: record.lsn, at: record.at, what: fact.clone() });
    Vec::new()
}
