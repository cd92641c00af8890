mod follow;
mod listen;
mod stage;
mod tour;
mod voice;

use std::time::Instant;

use super::error::CliError;
use crate::protocol::Problem;
use stage::Stage;
use voice::Voice;

/// Show in under a minute what dormouse does
///
/// A sealed tour on real tmux: a daemon of its own in a temporary home, a sleeping peer woken by a message, tasks for a
/// worker, a crash, and the questions one asks afterwards. Needs no account and touches nothing of yours; all of it is
/// gone at the end.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Leave the home behind, to look around in it
    #[arg(long)]
    keep: bool,
}

impl Demo {
    pub fn run(self) -> Result<(), CliError> {
        let began = Instant::now();
        let voice = Voice::of_stdout();
        let mut stage = Stage::set()?;
        let toured = tour::introduce(&voice, &stage, self.keep).and_then(|()| tour::all(&voice, &mut stage));
        let log = stage.daemon_log();
        let struck = stage.strike(self.keep);
        toured.map_err(|error| explained(error, &log))?;
        let remains = struck?;
        tour::part(&voice, &remains, began.elapsed())
    }
}

/// An error of the tour's own commands has their words; what the daemon said may say more.
fn explained(error: CliError, daemon_log: &str) -> CliError {
    match error {
        CliError::Problem(problem) if !daemon_log.is_empty() && problem.hint.is_none() => {
            CliError::Problem(Problem { hint: Some(format!("the daemon's last words: {daemon_log}")), ..problem })
        }
        error => error,
    }
}
