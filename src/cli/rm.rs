use super::Because;
use super::context::Context;
use super::error::CliError;
use crate::protocol::Verb;

/// Forget a peer
///
/// Its folder stays as it is; its queued messages are cancelled, each on record. Refused while it is live.
#[derive(Debug, clap::Args)]
pub struct Rm {
    /// An identity, a personality, or a unique prefix of either
    peer: String,
    /// End its session first, if it is live
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    because: Because,
}

impl Rm {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        context.change_and_say(Verb::Remove { peer: self.peer, force: self.force }, self.because.reason, "forgot")
    }
}
