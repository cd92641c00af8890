use super::Because;
use super::context::Context;
use super::error::CliError;
use crate::protocol::Verb;

/// Let a peer wake again
///
/// Clears a stop and a quarantine; what is queued drains.
#[derive(Debug, clap::Args)]
pub struct Start {
    /// An identity, a personality, or a unique prefix of either
    peer: String,
    #[command(flatten)]
    because: Because,
}

impl Start {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let verb = Verb::Start { peer: self.peer };
        context.mark_and_say(verb, self.because.reason, "started", "was not stopped")
    }
}
