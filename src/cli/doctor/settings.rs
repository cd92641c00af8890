//! The settings file and the environment over it.

use super::finding::Finding;
use super::service::Service;
use crate::cli::error::CliError;
use crate::config::{self, Source};
use crate::home::Home;
use crate::model::settings::Settings;
use crate::model::state::State;

/// Whether the daemon could read its settings, and has; with those a daemon started now would have, where it can.
pub fn examine(home: &Home, service: &Service, state: &State) -> (Finding, Settings) {
    let file = home.config_file();
    let loaded = match config::load(&file, service.environment()).and_then(|loaded| loaded.with_flags(&service.flags)) {
        Ok(loaded) => loaded,
        Err(error) => {
            let says = CliError::Config(error).sentence();
            let remedy = match service.pid {
                Some(_) => "correct it; until then the daemon keeps the settings it has, and cannot be started again",
                None => "correct it; until then no daemon starts",
            };
            return (Finding::fail("settings", says, remedy), state.settings.clone());
        }
    };
    let given = loaded.sources.values().filter(|source| **source != Source::Default).count();
    let finding = match service.pid {
        Some(pid) if loaded.settings != state.settings => Finding::warn(
            "settings",
            format!("{} and the environment say other settings than the daemon has in force", file.display()),
            format!("`kill -HUP {pid}` makes it read them"),
        ),
        _ if given == 0 => Finding::ok("settings", "all at their defaults"),
        _ => Finding::ok(
            "settings",
            format!("{given} given, all others at their defaults; `dormouse config` lists them"),
        ),
    };
    (finding, loaded.settings)
}
