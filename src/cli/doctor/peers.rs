//! Each registered peer: its folder, its profile, its runtimes, what its user granted.

use std::collections::BTreeSet;
use std::path::Path;

use super::finding::Finding;
use super::runtimes::Known;
use crate::cli::error::sentence;
use crate::model::profile::{Profile, Registration};
use crate::model::state::Peer;
use crate::registry;
use crate::runtime::Spec;

/// What could keep `peer` from being woken, or makes it behave otherwise than its profile reads.
pub fn examine(peer: &Peer, known: &Known) -> Vec<Finding> {
    let Registration { folder, profile, consents, managed, .. } = &peer.registration;
    let name = &profile.personality;
    let check = || format!("peer {name}");
    if !folder.is_dir() {
        let says = format!("its folder {} is not there", folder.display());
        return vec![Finding::fail(check(), says, format!("bring it back, or `dormouse rm {name}`"))];
    }
    let mut findings = Vec::new();
    let profile = match registry::read(folder) {
        Ok(read) if read.personality != *name => {
            let says = format!("its profile names `{}`; the one registered stays in force", read.personality);
            findings.push(Finding::warn(check(), says, "an identity never changes (C3): name it as it was"));
            profile.clone()
        }
        Ok(read) => read,
        Err(error) => {
            let says = format!("{}; the last profile that could be read stays in force", sentence(&error));
            findings.push(Finding::warn(check(), says, "correct the file (C3)"));
            profile.clone()
        }
    };
    let honoured = "nothing, or write what is meant into the profile (C2, C42)";
    findings.extend(profile.remarks.iter().map(|remark| Finding::warn(check(), remark, honoured)));
    if managed.is_none() {
        findings.extend(runtimes(folder, &profile, consents, known));
        findings.extend(asked_by_none(&profile, consents, known));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(check(), described(&profile, &peer.registration)));
    }
    findings
}

fn runtimes(folder: &Path, profile: &Profile, consents: &[String], known: &Known) -> Vec<Finding> {
    let name = &profile.personality;
    let check = || format!("peer {name}");
    let mut findings = Vec::new();
    for runtime in &profile.runtimes {
        let Some(spec) = known.get(runtime) else {
            let says = format!("its runtime `{runtime}` is not known here");
            let remedy = "`dormouse runtime ls` lists those that are";
            let is_default = *runtime == profile.default_runtime;
            findings.push(if is_default {
                Finding::fail(check(), says, remedy)
            } else {
                Finding::warn(check(), says, remedy)
            });
            continue;
        };
        let missing: Vec<&str> = spec.dialogs.iter().filter_map(|dialog| dialog.consent.as_deref()).collect();
        let missing: Vec<&str> = missing.into_iter().filter(|it| !consents.iter().any(|given| given == it)).collect();
        let all = missing.join(",");
        for consent in &missing {
            let of_hooks = spec.hooks.as_ref().is_some_and(|hooks| hooks.consent.as_deref() == Some(consent));
            let says = if of_hooks {
                format!(
                    "{runtime} is told no hooks of ours without `{consent}`; should it ask for its user's own, the wake fails"
                )
            } else {
                format!("{runtime} may ask for `{consent}`, and nobody consented: such a wake fails (C24)")
            };
            findings.push(Finding::warn(
                check(),
                says,
                format!("`dormouse add {} --consent {all}`, or those you agree to", folder.display()),
            ));
        }
    }
    findings
}

/// Consents that do nothing, as one that is misspelt does. None where a runtime is not known: it may ask for them.
fn asked_by_none(profile: &Profile, consents: &[String], known: &Known) -> Option<Finding> {
    let specs: Vec<_> = profile.runtimes.iter().map(|runtime| known.get(runtime)).collect::<Option<_>>()?;
    let asked = |spec: &Spec| -> Vec<String> {
        let of_dialogs = spec.dialogs.iter().filter_map(|dialog| dialog.consent.clone());
        of_dialogs.chain(spec.hooks.iter().filter_map(|hooks| hooks.consent.clone())).collect()
    };
    let asked: BTreeSet<String> = specs.into_iter().flat_map(|spec| asked(spec)).collect();
    let idle: Vec<&str> = consents.iter().filter(|it| !asked.contains(*it)).map(String::as_str).collect();
    let runtimes = profile.runtimes.iter().map(|runtime| runtime.as_str()).collect::<Vec<_>>().join(", ");
    let asked = asked.into_iter().collect::<Vec<_>>().join(", ");
    let asked = if asked.is_empty() { "for none".to_owned() } else { format!("for {asked}") };
    (!idle.is_empty()).then(|| {
        Finding::warn(
            format!("peer {}", profile.personality),
            format!("consents given that no dialog of {runtimes} asks for (C24): {}", idle.join(", ")),
            format!("it asks {asked}; `dormouse add --help` says how consents are given"),
        )
    })
}

fn described(profile: &Profile, registration: &Registration) -> String {
    let runtimes: Vec<&str> = profile.runtimes.iter().map(|runtime| runtime.as_str()).collect();
    let managed = registration.managed.as_ref().map_or_else(String::new, |it| format!("; kept alive by {}", it.by));
    let consents = if registration.consents.is_empty() {
        String::new()
    } else {
        format!("; consents given: {}", registration.consents.join(", "))
    };
    format!("{}, {}{managed}{consents}", registration.folder.display(), runtimes.join(", "))
}
