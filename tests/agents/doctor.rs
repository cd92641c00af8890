//! What `doctor` says of the real programs.

use std::fs;

use serde_json::Value;

use crate::place::Place;
use crate::{claude, codex};

/// The findings of a check, each as verdict and text with its remedy.
fn findings(place: &Place, check: &str) -> Vec<String> {
    let output = place.world.command(&["doctor", "--json"]).output().unwrap();
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value| {
        let field = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", field("verdict"), field("says"), field("remedy"))
    };
    all.iter().filter(|finding| finding["check"] == check).map(text).collect()
}

#[track_caller]
fn has(findings: &[String], verdict: &str, part: &str) {
    let found = findings.iter().any(|finding| finding.starts_with(verdict) && finding.contains(part));
    assert!(found, "no {verdict} `{part}` in {findings:#?}");
}

/// C24: the very versions its patterns were recorded on, signed in, and what a message can do to it.
#[test]
fn doctor_finds_claude_in_order_and_says_what_a_message_makes_it_read() {
    let found = findings(&claude::settled(&[]), "runtime claude");
    has(&found, "ok", "version 2.1.330, on which its patterns were recorded");
    has(&found, "ok", "signed in by ANTHROPIC_AUTH_TOKEN");
    has(&found, "ok", "`@path` anywhere in a message makes it read that file");
}

/// C24: hooks that nobody consented to are not handed over, and that is said.
#[test]
fn doctor_finds_codex_in_order_and_its_hooks_untrusted() {
    let place = codex::settled(&[]);
    let found = findings(&place, "runtime codex");
    has(&found, "ok", "version 0.169.0, on which its patterns were recorded");
    has(&found, "ok", "config.toml");
    has(&findings(&place, "peer ada"), "warn", "is told no hooks of ours without `hook_trust`");
    let place = codex::settled(&["--consent", "hook_trust,trust_folder"]);
    has(&findings(&place, "peer ada"), "ok", "consents given: hook_trust, trust_folder");
}

/// C24: which hooks it trusts is for Codex itself to say, before it has been asked and after.
#[test]
fn doctor_reads_which_hooks_codex_trusts() {
    let place = codex::settled(&["--consent", "hook_trust"]);
    has(&findings(&place, "runtime codex"), "ok", "was not told yet to trust our hooks");
    let message = place.send("ada", "hello");
    place.delivered(message);
    has(&findings(&place, "runtime codex"), "ok", "trusts our 6 hooks");
    let config = place.home.join(".codex/config.toml");
    let trusted = fs::read_to_string(&config).unwrap();
    fs::write(&config, trusted.replacen("trusted_hash", "enabled = false\ntrusted_hash", 1)).unwrap();
    has(&findings(&place, "runtime codex"), "warn", "1 of our 6 hooks are switched off");
}
