use std::env;
use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use super::context::Context;
use super::error::CliError;
use crate::config::{self, SettingFlag};
use crate::daemon;

/// Run the daemon in the foreground until a signal
///
/// Diagnostics go to standard error, as many as `DORMOUSE_LOG` asks for (`info`, `dormouse=debug`). SIGTERM and SIGINT
/// end it and leave the sessions running; SIGHUP reads the settings again. tmux is the one that `PATH` finds.
#[derive(Debug, clap::Args)]
pub struct Daemon {
    /// Give a setting for this run, above `config.toml` and the environment
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<SettingFlag>,
}

impl Daemon {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let loaded = config::load(&context.home.config_file(), env::vars_os())?.with_flags(&self.settings)?;
        let filter = EnvFilter::try_from_env("DORMOUSE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        let coloured = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(coloured).init();
        Ok(daemon::run::run(&context.home, loaded, self.settings)?)
    }
}
