//! What of the installing shell's environment the service is given, and what never stands in a file.

use std::collections::BTreeSet;
use std::env;
use std::path::Path;

use super::unit::Manager;
use crate::cli::context::Context;
use crate::cli::doctor::sign_in_variables;
use crate::config::{LOCAL_ROWS, ROWS};

/// They say where dormouse's own folders are, unless one folder was named for everything.
const OWN_FOLDERS: [&str; 3] = ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"];
/// They say where the programs of runtimes keep their sign-in and their records.
const PROGRAMS_HOMES: [&str; 2] = ["CLAUDE_CONFIG_DIR", "CODEX_HOME"];
/// How much the daemon says; no row of the settings.
const DIAGNOSTICS: &str = "DORMOUSE_LOG";
/// Keys that programs take without a word of it in their runtime's file.
const KEYS: [&str; 2] = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"];

/// Names and values, beside the `PATH`. Only what is known to be no secret: folders and settings, by name.
pub fn pinned(manager: Manager, home_is_named: bool) -> Vec<(String, String)> {
    let own = OWN_FOLDERS.into_iter().filter(|_| !home_is_named);
    let folders = own.chain(PROGRAMS_HOMES).filter_map(|name| Some((name.to_owned(), value(name)?)));
    // A relative folder would mean another one in every peer's folder.
    let folders = folders.filter(|(_, folder)| Path::new(folder).is_absolute());
    let folders = folders.filter(|(name, folder)| name != "XDG_RUNTIME_DIR" || !gives_itself(manager, folder));
    let settings = ROWS.iter().map(|row| row.variable()).chain(LOCAL_ROWS.iter().map(|row| row.variable()));
    let settings = settings.chain([DIAGNOSTICS.to_owned()]);
    folders.chain(settings.filter_map(|name| value(&name).map(|value| (name, value)))).collect()
}

/// The variables of this shell by which a program could be signed in, by name.
pub fn secrets(context: &Context) -> Vec<String> {
    let known: BTreeSet<String> = KEYS.map(str::to_owned).into_iter().chain(sign_in_variables(&context.home)).collect();
    known.into_iter().filter(|name| value(name).is_some()).collect()
}

fn gives_itself(manager: Manager, folder: &str) -> bool {
    let own = format!("/run/user/{}", rustix::process::getuid().as_raw());
    manager == Manager::Systemd && folder.trim_end_matches('/') == own
}

/// An empty variable is none, and one that is not UTF-8 has no place in the file.
fn value(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
