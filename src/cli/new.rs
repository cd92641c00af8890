use super::Because;
use super::context::Context;
use super::error::CliError;
use crate::protocol::Verb;

/// Give a peer a fresh session now, whatever was there
///
/// A session that is live is ended first; its conversation is not resumed.
#[derive(Debug, clap::Args)]
pub struct New {
    /// An identity, a personality, or a unique prefix of either
    peer: String,
    #[command(flatten)]
    because: Because,
}

impl New {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        context.change_and_say(Verb::New { peer: self.peer }, self.because.reason, "a fresh session for")
    }
}
