use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use super::Because;
use super::context::Context;
use super::error::CliError;
use crate::executor::attach_command;
use crate::model::effect::{Liveness, SessionName};
use crate::observe;
use crate::protocol::{Joined, Problem, Verb};

/// Join a peer's terminal, waking it first
///
/// A peer that is asleep resumes its conversation; where there is none to resume, `dormouse new` starts a fresh one.
/// Leaving the terminal (Ctrl-b d) leaves the session running.
#[derive(Debug, clap::Args)]
pub struct Attach {
    /// An identity, a personality, or a unique prefix of either
    peer: String,
    #[command(flatten)]
    because: Because,
}

impl Attach {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        needs_terminal()?;
        let joined = context.change(Verb::Attach { peer: self.peer }, self.because.reason)?;
        become_client(context, joined)
    }
}

/// Said before anything is woken: a session nobody can look at was not what was asked for.
pub fn needs_terminal() -> Result<(), CliError> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(());
    }
    let problem = Problem::refused("there is no terminal here to join the session with");
    let hint = "`dormouse peek PEER` prints the screen of a session that is live; a message wakes a peer (`dormouse send PEER`)";
    Err(problem.hint(hint).into())
}

/// Hands the terminal to a tmux client until the person leaves it or the session ends.
pub fn become_client(context: &Context, joined: Joined) -> Result<(), CliError> {
    let name = SessionName { peer: joined.peer, generation: joined.generation };
    let mut command = attach_command(Path::new("tmux"), &context.home, &name);
    let failed = |source| CliError::Program { program: "tmux".to_owned(), source };
    let status = command.status().map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    // tmux takes the end of its server for a failure; for whoever looked on it is just the end.
    match observe::liveness(&context.home, &name) {
        Liveness::Gone { ending, .. } => {
            // Whoever looked on may have closed the terminal.
            let _ = writeln!(io::stderr(), "the session of {} {ending}", name.peer);
            Ok(())
        }
        Liveness::Alive { .. } | Liveness::NotKnown { .. } => Err(failed(io::Error::other(status.to_string()))),
    }
}
