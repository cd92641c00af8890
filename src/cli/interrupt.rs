use super::Because;
use super::context::Context;
use super::error::CliError;
use crate::protocol::{TypedInto, Verb};

/// End the turn that a peer's session is in
///
/// One press of the key that its runtime's file names (Escape). The session lives on, and what waits for it is delivered
/// next. Where no turn runs, nothing is pressed.
#[derive(Debug, clap::Args)]
pub struct Interrupt {
    /// An identity, a personality, or a unique prefix of either
    peer: String,
    #[command(flatten)]
    because: Because,
}

impl Interrupt {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let typed: TypedInto = context.change(Verb::Interrupt { peer: self.peer }, self.because.reason)?;
        context.output.print(&typed, || format!("interrupted {} (record {})", typed.peer, typed.ended))
    }
}
