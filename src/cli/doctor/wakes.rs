//! Peers whose last wake has failed: a sign-out, a consent that is missing, a program that is gone.

use super::finding::Finding;
use crate::explain::phrase::one_line;
use crate::model::state::State;

pub fn examine(state: &State) -> Vec<Finding> {
    let failures = state.presences.iter().filter_map(|(peer, presence)| Some((peer, presence.wake_failure.as_ref()?)));
    let findings = failures.map(|(peer, failure)| {
        let says = format!("its last wake failed: {}", one_line(&failure.why));
        Finding::warn(format!("wake of {peer}"), says, format!("`dormouse why {}` tells all of it", failure.lsn))
    });
    findings.collect()
}
