use clap::Subcommand;

use super::Because;
use super::capsule::bodies::is_filling;
use super::context::Context;
use super::error::CliError;
use super::history::{Folded, Which};
use super::present::{Sought, as_of_its_end, present, table_above};
use super::render;
use super::silence;
use super::when::{When, zone};
use crate::explain::why::is_report_made_by;
use crate::explain::{self, layout, phrase, queue};
use crate::journal::Question;
use crate::model::event::{Decision, Event, Fact};
use crate::model::id::{Lsn, MessageId};
use crate::model::text::visible;
use crate::protocol::{Problem, Verb, Viewed};

/// What waits for a peer, and why it is not moving
///
/// Without a subcommand: every message that is queued, under way or dead. With `--at` or `--journal`, reads the journal and
/// needs no daemon.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Queue {
    /// Only this peer's
    peer: Option<String>,
    /// As it was then: RFC 3339, 14:05, 2h, yesterday, or an lsn
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    at: Option<When>,
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Take a message back that is not delivered yet
    Cancel(One),
    /// Give a dead message another round
    Retry(One),
    /// Print a message with its body; reads the journal
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The message's id
    #[arg(value_name = "ID")]
    message: MessageId,
    #[command(flatten)]
    because: Because,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The message's id
    #[arg(value_name = "ID")]
    message: MessageId,
    #[command(flatten)]
    which: Which,
}

impl Show {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let message = self.message;
        let history = self.which.open(context)?;
        let asked = Question { kinds: vec!["message_accepted"], ..Question::about_message(message) };
        let mut found = None;
        history.read(&asked, Lsn(1), |record| {
            // An answer to it is another message.
            found = record.ok().filter(|record| record.subject.message == Some(message));
            Ok(found.is_none())
        })?;
        if found.is_none() {
            // No record names a report but those of its delivery, and its text stands with what made it.
            let reports = Question { kinds: vec!["report_made"], ..Question::default() };
            history.read(&reports, Lsn(1), |record| {
                found = record.ok().filter(|record| is_report_made_by(message, record));
                Ok(found.is_none())
            })?;
        }
        if let Some(record) = &found
            && let Some(text) = text_of(&record.event)
        {
            context.output.print(&explain::json::record(record), || {
                let line = explain::line::line(record, &zone(), render::columns());
                if history.dir.is_of_capsule() && is_filling(text) {
                    let bytes = phrase::count(text.len() as u64, "byte", "bytes");
                    return format!("{line}\n\nIts text, {bytes}, was left out of this capsule.");
                }
                format!("{line}\n\n{}", visible(text).text)
            })?;
            return history.finish(None);
        }
        history.finish_unanswered()?;
        Err(Problem::refused(format!("there is no record of a message {message}")).into())
    }
}

/// What whoever is given the message reads.
fn text_of(event: &Event) -> Option<&str> {
    match event {
        Event::Fact(Fact::MessageAccepted(accepted)) => Some(&accepted.text),
        Event::Decision(Decision::ReportMade(report)) => Some(&report.text),
        _ => None,
    }
}

/// What waited then, for whoever is meant by `peer`, or for all.
fn as_it_was(which: Which, peer: Option<&str>, at: Option<When>, context: &Context) -> Result<(), CliError> {
    let is_home = which.is_home();
    let history = which.open(context)?;
    let peers = peer.map(|peer| history.named(peer)).transpose()?;
    let Folded { mut state, whole, .. } = history.fold(at)?;
    let asked = Sought { at, is_home, whole };
    let silent = silence::nobody_serves(&history, context, asked);
    if silent.is_some() {
        silence::stands_still(&mut state);
    }
    let now = present(asked, state.now);
    let rows: Vec<queue::Row> = match &peers {
        None => queue::queue(&state, None, now),
        Some(peers) => peers.iter().flat_map(|peer| queue::queue(&state, Some(peer), now)).collect(),
    };
    context.output.print(&rows, || {
        let told = as_of_its_end(asked, state.now);
        let said = silent.as_ref().map(silence::sentence).unwrap_or(told);
        table_above(&queue::table(&rows, now), &said)
    })?;
    history.finish(Some(state.lsn))
}

impl Queue {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            Some(What::Cancel(One { message, because })) => {
                context.change_and_say(Verb::Cancel { message }, because.reason, "cancelled")
            }
            Some(What::Retry(One { message, because })) => {
                context.change_and_say(Verb::Retry { message }, because.reason, "queued again:")
            }
            Some(What::Show(show)) => show.run(context),
            // A copy knows of no daemon, and none that runs here knows of the copy.
            None if self.at.is_some() || !self.which.is_home() => {
                as_it_was(self.which, self.peer.as_deref(), self.at, context)
            }
            None => {
                let viewed: Viewed = context.ask(Verb::Queue { peer: self.peer })?;
                context.output.print(&viewed.rows, || layout::table(&viewed.table, render::columns()))
            }
        }
    }
}
