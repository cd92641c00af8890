//! The daemon's own events.

use crate::model::effect::Task;
use crate::model::event::{RuntimesChanged, SettingsChanged};
use crate::model::state::State;

pub(super) fn daemon_stopped(state: &mut State) -> Vec<Task> {
    if let Some(daemon) = &mut state.daemon {
        daemon.running = false;
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
