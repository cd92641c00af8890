//! The service that was installed: whether it would find what it starts, for its `PATH` is that of one day and one shell.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::runtimes::Known;
use super::service::Service;
use crate::cli::context::Context;
use crate::cli::service::installed;
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
    let used = state.peers.values().flat_map(|peer| &peer.registration.profile.runtimes);
    let programs = used.filter_map(|runtime| own_name(known.get(runtime)?)).chain(["tmux"]);
    // Of a path, and of what the file's own PATH decides, the runtime's check tells.
    let missing = |program: &&str| service.find(program, Some(&path)).is_none();
    let missing: BTreeSet<&str> = programs.filter(missing).collect();
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

/// The program's name, if it is looked for in the daemon's `PATH`.
fn own_name(spec: &Spec) -> Option<&str> {
    let program = spec.argv.first()?.as_str();
    (!program.contains(['/', '{']) && !spec.env.contains_key("PATH")).then_some(program)
}
