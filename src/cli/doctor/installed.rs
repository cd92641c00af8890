//! The service that was installed: whether it would find what it starts, for its `PATH` is that of one day and one shell.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use super::runtimes::Known;
use super::service::Service;
use crate::cli::context::Context;
use crate::cli::service::installed;
use crate::model::name::Runtime;
use crate::model::state::State;
use crate::runtime::Spec;

/// None: no service of this home's is installed.
pub fn examine(context: &Context, service: &Service, known: &Known, state: &State) -> Option<Finding> {
    let unit = installed(context)?;
    let file = unit.file.display();
    let Some(path) = unit.path else {
        let remedy = "`dormouse service install` writes it anew";
        return Some(Finding::warn("service", format!("{file} says nothing of a PATH"), remedy));
    };
    // Of a path, and of what the file's own PATH decides, the runtime's check tells.
    let mut missing: BTreeSet<String> = missing(service, &path, known, state).into_keys().collect();
    missing.extend(service.find("tmux", Some(&path)).is_none().then(|| "tmux".to_owned()));
    if missing.is_empty() {
        return Some(Finding::ok("service", format!("installed as {file}; its PATH has all that peers need")));
    }
    let missing = missing.into_iter().collect::<Vec<_>>().join(", ");
    Some(Finding::warn(
        "service",
        format!("the PATH in {file} has no {missing}"),
        "`dormouse service install` in a shell that finds all of it, then restart the service; sessions go on meanwhile",
    ))
}

/// The programs that peers need and `path` does not have, each with the runtimes that start it.
pub fn missing(service: &Service, path: &str, known: &Known, state: &State) -> BTreeMap<String, Vec<String>> {
    let used: BTreeSet<&Runtime> = state.peers.values().flat_map(|peer| &peer.registration.profile.runtimes).collect();
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for runtime in used {
        let program = known.get(runtime).and_then(|spec| own_name(spec));
        if let Some(program) = program.filter(|program| service.find(program, Some(path)).is_none()) {
            missing.entry(program.to_owned()).or_default().push(runtime.to_string());
        }
    }
    missing
}

/// The program's name, if it is looked for in the daemon's `PATH`.
fn own_name(spec: &Spec) -> Option<&str> {
    let program = spec.argv.first()?.as_str();
    (!program.contains(['/', '{']) && !spec.env.contains_key("PATH")).then_some(program)
}
