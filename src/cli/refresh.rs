use super::Because;
use super::context::{Context, says};
use super::error::CliError;
use crate::protocol::{Changed, Verb};

/// Let a peer start afresh at its next natural wake
///
/// Its session, if it is live, goes on; what was parked is not resumed.
#[derive(Debug, clap::Args)]
pub struct Refresh {
    /// An identity, a personality, or a unique prefix of either
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    peer: Option<String>,
    /// Every registered peer
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    because: Because,
}

impl Refresh {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        const DONE: &str = "fresh at its next wake:";
        let Some(peer) = self.peer else {
            let changed: Vec<Changed> = context.change(Verb::RefreshAll, self.because.reason)?;
            let lines = || changed.iter().map(|changed| says(changed, DONE) + "\n").collect();
            return context.output.print(&changed, lines);
        };
        context.change_and_say(Verb::Refresh { peer }, self.because.reason, DONE)
    }
}
