use super::context::Context;
use super::error::CliError;
use super::history::{History, Which};
use super::render;
use super::when::zone;
use crate::explain::why::{self, Subject};
use crate::journal::ReadError;
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
        if let (Subject::Record(lsn), true) = (&subject, chain.is_empty()) {
            // There may be one that only a newer build knows.
            let _ = history.reader.record(*lsn)?;
        }
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
    let mut last = peers[0].clone();
    for record in history.reader.records(Lsn(1)) {
        let known = match record {
            Ok(record) => record.subject.peer,
            Err(ReadError::Unknown { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(peer) = known.filter(|peer| peers.contains(peer)) {
            last = peer;
        }
    }
    Ok(Subject::Peer(last))
}
