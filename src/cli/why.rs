use serde_json::json;

use super::context::Context;
use super::error::CliError;
use super::history::{History, Which};
use super::render;
use super::when::zone;
use crate::explain::layout;
use crate::explain::why::{self, Subject};
use crate::journal::{Order, Question, ReadError};
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
        if let (Subject::Record(lsn), true) = (&subject, chain.is_empty())
            && *lsn >= history.reader.first_lsn()
        {
            // There may be one that only a newer build knows.
            let _ = history.reader.record(*lsn)?;
        }
        let cut_off = why::cut_off(&history, &chain);
        let beginning = history.check()?;
        let removed = beginning.as_ref().map(|beginning| beginning.sentence(&zone()));
        if chain.is_empty() {
            let removed = removed.map_or_else(String::new, |removed| format!("; {removed}"));
            return Err(Problem::refused(format!("there is no record of {subject}{removed}")).into());
        }
        let mut json = why::json(&subject, &chain);
        if let (Some(beginning), [_, ..]) = (&beginning, &cut_off[..]) {
            json["cut_off"] = json!({
                "records": cut_off,
                "first_kept": beginning.first,
                "removed_by": beginning.removed.lsn,
            });
        }
        context.output.print(&json, || {
            let text = why::text(&chain, clock::now(), &zone(), render::columns());
            text + &end_of_history(&cut_off, removed.as_deref())
        })
    }
}

/// A line that says where the chain would go on, if the records were still there.
fn end_of_history(cut_off: &[Lsn], removed: Option<&str>) -> String {
    let (Some(latest), Some(removed)) = (cut_off.first(), removed) else { return String::new() };
    let others = if cut_off.len() > 1 { " and others" } else { "" };
    layout::fold(
        &format!("{:>6}  {:>16}  ", latest.0, "removed"),
        &format!("here{others}: {removed}"),
        render::columns(),
    ) + "\n"
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
    let mut newest = history.reader.find(&about, Lsn(1), Order::NewestFirst);
    let newest = newest.find(|record| !matches!(record, Err(ReadError::Unknown { .. }))).transpose()?;
    let last = newest.and_then(|record| record.subject.peer);
    Ok(Subject::Peer(last.unwrap_or_else(|| peers.remove(0))))
}
