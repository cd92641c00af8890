//! The runtimes: whether each file can be read, and whether its program is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::finding::Finding;
use super::service::Service;
use crate::cli::error::CliError;
use crate::home::Home;
use crate::model::name::Runtime;
use crate::model::state::State;
use crate::runtime::placeholders::{Values, expand};
use crate::runtime::{Loaded, Runtimes, Spec};

/// Every runtime whose file is in order.
pub type Known = BTreeMap<Runtime, Arc<Spec>>;

/// Each runtime's file and program.
pub fn examine(home: &Home, service: &Service, state: &State) -> (Vec<Finding>, Known) {
    let (mut findings, mut known) = (Vec::new(), Known::new());
    let each = match Runtimes::each(&home.runtimes()) {
        Ok(each) => each,
        Err(error) => {
            let says = CliError::Runtime(error).sentence();
            return (vec![Finding::fail("runtimes", says, "make the folder readable")], known);
        }
    };
    for (file, loaded) in each {
        match loaded {
            Ok(Loaded { name, spec, .. }) => {
                findings.push(program(&spec, file.is_some(), home, service, state));
                known.insert(name, spec);
            }
            Err(error) => {
                let name = file.and_then(|file| Some(file.file_stem()?.to_string_lossy().into_owned()));
                let check = format!("runtime {}", name.unwrap_or_default());
                let remedy = "correct it; until then no daemon starts, and a running one keeps what it has";
                findings.push(Finding::fail(check, CliError::Runtime(error).sentence(), remedy));
            }
        }
    }
    (findings, known)
}

/// A program that is missing matters as much as its runtime does.
fn program(spec: &Spec, is_users: bool, home: &Home, service: &Service, state: &State) -> Finding {
    let check = format!("runtime {}", spec.name);
    let argv0 = spec.argv.first().map_or("", String::as_str);
    if ["{cwd}", "{identity}", "{personality}", "{session_uuid}"].iter().any(|part| argv0.contains(part)) {
        return Finding::ok(check, format!("{argv0} differs from peer to peer"));
    }
    let values = Values {
        home: service.variable("HOME").map_or_else(Default::default, Into::into),
        dormouse_home: home.config.clone(),
        dormouse: service.dormouse.clone(),
        ..Values::default()
    };
    let filled = |text: &str| expand(text, &values).ok();
    let path = spec.env.get("PATH").and_then(|path| filled(path));
    let Some(program) = filled(argv0) else {
        return Finding::ok(check, format!("{argv0} differs from session to session"));
    };
    if let Some(found) = service.find(&program, path.as_deref()) {
        return Finding::ok(check, found.display().to_string());
    }
    let says = format!("its program {program} is not there, or not in the daemon's PATH");
    let remedy = format!("install it, or give its whole path in {}", home.runtime_file(&spec.name).display());
    let profiles = || state.peers.values().map(|peer| &peer.registration.profile);
    if profiles().any(|profile| profile.default_runtime == spec.name) {
        Finding::fail(check, says, remedy)
    } else if is_users || profiles().any(|profile| profile.runtimes.contains(&spec.name)) {
        Finding::warn(check, says, remedy)
    } else {
        Finding::ok(check, format!("{program} is not there; no peer uses it"))
    }
}
