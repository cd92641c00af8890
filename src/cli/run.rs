use std::path::Path;

use super::Because;
use super::add::whole;
use super::attach::{become_client, needs_terminal};
use super::context::Context;
use super::error::CliError;
use crate::protocol::Verb;

/// Start a fresh session of the peer that lives in this folder, and join it
///
/// Refused while it is live. What was parked stays parked.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// The runtime, if not the peer's default one
    runtime: Option<String>,
    #[command(flatten)]
    because: Because,
}

impl Run {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        needs_terminal()?;
        let verb = Verb::Run { folder: whole(Path::new("."))?, runtime: self.runtime };
        let joined = context.change(verb, self.because.reason)?;
        become_client(context, joined)
    }
}
