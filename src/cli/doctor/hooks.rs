//! Whether programs trust the hooks that they are given: by them their turns are known to the moment, and untrusted ones are
//! skipped without a word (C24).

use std::fs;
use std::path::Path;

use super::finding::Finding;
use crate::model::state::State;
use crate::runtime::Spec;
use crate::runtime::hook::{self, Trust};
use crate::runtime::placeholders::{Values, expand};

/// What the program itself has written down of our hooks; none where no peer lets it have them, or it asks nobody.
pub fn examine(spec: &Spec, values: &Values, state: &State) -> Option<Finding> {
    let hooks = spec.hooks.as_ref()?;
    let (consent, file) = (hooks.consent.as_ref()?, expand(hooks.trust.as_ref()?, values).ok()?);
    let mut peers = state.peers.values().map(|peer| &peer.registration);
    peers.find(|peer| peer.profile.runtimes.contains(&spec.name) && peer.consents.contains(consent))?;
    // Before its first start there is no file.
    let settings = fs::read_to_string(Path::new(&file)).unwrap_or_default();
    let trust = hook::trust(spec, &values.dormouse, &settings)?;
    Some(finding(format!("runtime {}", spec.name), &file, consent, trust))
}

fn finding(check: String, file: &str, consent: &str, trust: Trust) -> Finding {
    let Trust { trusted, changed, switched_off, all } = trust;
    if switched_off > 0 {
        let says =
            format!("{switched_off} of our {all} hooks are switched off in {file}: it tells of turns by them no more");
        return Finding::warn(check, says, format!("take `enabled = false` out of {file}"));
    }
    let asks = format!("it asks at its next start, which `{consent}` answers");
    Finding::ok(
        check,
        match (trusted == all, changed > 0) {
            (true, _) => format!("trusts our {all} hooks, as {file} says"),
            (false, true) => format!("trusts hooks of ours that are called otherwise now ({file}); {asks}"),
            (false, false) => format!("was not told yet to trust our hooks ({file}); {asks}"),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Verdict;

    #[test]
    fn c24_what_a_program_was_told_of_our_hooks_is_said() {
        let said = |trusted, changed, switched_off| {
            finding(
                "runtime codex".to_owned(),
                "config.toml",
                "hook_trust",
                Trust { trusted, changed, switched_off, all: 6 },
            )
        };
        for (trust, verdict, part) in [
            (said(6, 0, 0), Verdict::Ok, "trusts our 6 hooks"),
            (said(0, 0, 0), Verdict::Ok, "was not told yet"),
            (
                said(5, 1, 0),
                Verdict::Ok,
                "called otherwise now (config.toml); it asks at its next start, which `hook_trust` answers",
            ),
            (said(4, 0, 2), Verdict::Warn, "2 of our 6 hooks are switched off in config.toml"),
        ] {
            assert_eq!(trust.verdict, verdict);
            assert!(trust.says.contains(part), "{}", trust.says);
        }
    }
}
