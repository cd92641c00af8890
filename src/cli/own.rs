use clap::Subcommand;

use super::Because;
use super::client::Heard;
use super::context::{Context, says};
use super::error::CliError;
use crate::protocol::{Changed, Problem, Reply, Verb};

/// An agent's own calls, from inside its session
#[derive(Debug, clap::Args)]
pub struct Own {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The task is done and there is nothing more to say
    Done(Because),
    /// Start afresh at the next wake instead of resuming this conversation
    Fresh(Because),
}

impl Own {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let (verb, because, done) = match self.what {
            What::Done(because) => (Verb::SelfDone, because, "done:"),
            What::Fresh(because) => (Verb::SelfFresh, because, "fresh at its next wake:"),
        };
        if context.session.is_none() {
            let problem = Problem::refused("`self` is for agents inside a session of dormouse (C55)");
            return Err(problem.hint("outside, `dormouse stop`, `new` and `refresh` name the peer").into());
        }
        match context.hear_or_spool(&context.call(verb, because.reason)?)? {
            Some(Heard::Done(data)) => {
                let changed: Changed = Reply::read(data)?;
                context.output.print(&changed, || says(&changed, done))
            }
            Some(Heard::OnlyAccepted(sent)) => context.output.print(&sent, String::new),
            None => context.output.print(&serde_json::json!({ "outcome": "spooled" }), || "spooled".to_owned()),
        }
    }
}
