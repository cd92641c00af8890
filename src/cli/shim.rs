use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::shim;

/// The pane's own process
#[derive(Debug, clap::Args)]
pub struct Shim {
    #[command(subcommand)]
    stage: Stage,
}

#[derive(Debug, Subcommand)]
enum Stage {
    /// Start the session's program and see it to its end
    Run { dir: PathBuf },
    /// Become the program
    Exec { dir: PathBuf },
    /// Read what the program writes to its terminal
    Watch { dir: PathBuf },
}

impl Shim {
    /// The exit code is the program's own: tmux and the daemon read it.
    pub fn run(self) -> ExitCode {
        match self.stage {
            Stage::Run { dir } => shim::run(&dir),
            Stage::Exec { dir } => shim::exec_stage(&dir),
            Stage::Watch { dir } => shim::watch(&dir),
        }
    }
}
