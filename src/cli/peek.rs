use super::context::Context;
use super::error::CliError;
use crate::protocol::{Peeked, Verb};

/// Print the screen of a peer's session
#[derive(Debug, clap::Args)]
pub struct Peek {
    /// An identity, a personality, or a unique prefix of either
    peer: String,
}

impl Peek {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let peeked: Peeked = context.ask(Verb::Peek { peer: self.peer })?;
        context.output.print(&peeked, || peeked.screen.clone())
    }
}
