use std::ffi::OsString;
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
    /// What the daemon, tmux and the shim itself call it with; none for whatever else somebody typed.
    pub fn of(args: &[OsString]) -> Option<Self> {
        let [verb, stage, dir] = args else { return None };
        let dir = PathBuf::from(dir);
        let stage = match stage.to_str().filter(|_| verb == "shim" && dir.is_absolute())? {
            "run" => Stage::Run { dir },
            "exec" => Stage::Exec { dir },
            "watch" => Stage::Watch { dir },
            _ => return None,
        };
        Some(Self { stage })
    }

    /// The exit code is the program's own: tmux and the daemon read it.
    pub fn run(self) -> ExitCode {
        match self.stage {
            Stage::Run { dir } => shim::run(&dir),
            Stage::Exec { dir } => shim::exec_stage(&dir),
            Stage::Watch { dir } => shim::watch(&dir),
        }
    }
}
