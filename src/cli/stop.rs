use super::Because;
use super::context::Context;
use super::error::CliError;
use crate::protocol::Verb;

/// End a peer's session and let no message wake it
///
/// What is queued stays; new messages are refused, saying so. `dormouse start` ends it.
#[derive(Debug, clap::Args)]
pub struct Stop {
    /// An identity, a personality, or a unique prefix of either
    peer: String,
    #[command(flatten)]
    because: Because,
}

impl Stop {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let verb = Verb::Stop { peer: self.peer };
        context.mark_and_say(verb, self.because.reason, "stopped", "was stopped already")
    }
}
