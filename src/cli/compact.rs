use std::time::Duration;

use super::Because;
use super::context::Context;
use super::error::CliError;
use super::send::duration;
use crate::protocol::{TypedInto, Verb};

/// Have a peer's conversation compacted
///
/// Types the program's own command into its input box once that is open and empty, and waits until the program's own
/// record shows that it was done. A parked peer is resumed for it first.
#[derive(Debug, clap::Args)]
pub struct Compact {
    /// An identity, a personality, or a unique prefix of either
    peer: String,
    /// Stop waiting after this long; it is compacted all the same
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    because: Because,
}

impl Compact {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let timeout_ms = self.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        let typed: TypedInto = context.change(Verb::Compact { peer: self.peer, timeout_ms }, self.because.reason)?;
        context.output.print(&typed, || format!("compacted {} (record {})", typed.peer, typed.ended))
    }
}
