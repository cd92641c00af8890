use super::context::Context;
use super::error::CliError;
use super::history::{History, Which};
use super::render;
use super::when::zone;
use crate::explain::why::{self, Subject};
use crate::journal::{Order, Question};
use crate::model::id::Lsn;
use crate::observe::clock;
use crate::protocol::Problem;

/// Explain how a peer, a message or a record came to be as it is
///
/// Prints one record a line, from the latest cause back to the first. Reads the journal directly, so it works when the
/// daemon is down.
#[derive(Debug, clap::Args)]
pub struct Why {
    /// A peer, a message's id, or an lsn
    subject: String,
    #[command(flatten)]
    which: Which,
}

impl Why {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let history = self.which.open(context)?;
        let subject = subject(&self.subject, &history)?;
        let chain = why::chain(&history, &subject);
        history.check()?;
        if chain.is_empty() {
            return Err(Problem::refused(format!("there is no record of {subject}")).into());
        }
        context
            .output
            .print(&why::json(&subject, &chain), || why::text(&chain, clock::now(), &zone(), render::columns()))
    }
}

/// A personality of several runtimes is explained in the one that something happened to last.
fn subject(text: &str, history: &History) -> Result<Subject, CliError> {
    // First, for an id may be all digits; no lsn is 26 characters long.
    if let Ok(message) = text.parse() {
        return Ok(Subject::Message(message));
    }
    if let Ok(lsn) = text.parse() {
        return Ok(Subject::Record(Lsn(lsn)));
    }
    let mut peers = history.named(text)?;
    if let [only] = &mut peers[..] {
        return Ok(Subject::Peer(only.clone()));
    }
    let about = Question { subjects: Some(peers.clone()), ..Question::default() };
    let newest = history.reader.find(&about, Lsn(1), Order::NewestFirst).next().transpose()?;
    let last = newest.and_then(|record| record.subject.peer);
    Ok(Subject::Peer(last.unwrap_or_else(|| peers.remove(0))))
}
