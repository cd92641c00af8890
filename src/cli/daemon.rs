use std::env;
use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use super::context::Context;
use super::error::CliError;
use crate::config::{self, SettingFlag};
use crate::daemon;
use crate::supervisor::Keeping;

/// Run the daemon in the foreground until a signal
///
/// Diagnostics go to standard error, as many as `DORMOUSE_LOG` asks for (`info`, `dormouse=debug`). SIGTERM and SIGINT
/// end it and leave the sessions running; SIGHUP reads the settings again. tmux is the one that `PATH` finds.
#[derive(Debug, clap::Args)]
pub struct Daemon {
    /// Give a setting for this run, above `config.toml` and the environment
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<SettingFlag>,
    /// Take a snapshot of the state after so many records [default: 100000]
    #[arg(long, value_name = "RECORDS", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_records: Option<u64>,
}

impl Daemon {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let loaded = config::load(&context.home.config_file(), env::vars_os())?.with_flags(&self.settings)?;
        let filter = EnvFilter::try_from_env("DORMOUSE_LOG").unwrap_or_else(|_| EnvFilter::new("info,rmcp=warn"));
        let coloured = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(coloured).init();
        let keeping = Keeping::default();
        let snapshot_records = self.snapshot_records.unwrap_or(keeping.snapshot_records);
        Ok(daemon::run::run(&context.home, loaded, self.settings, Keeping { snapshot_records })?)
    }
}
