//! `replay --verify` and `--diff`: the whole history decided again.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::history::{History, Which};
use crate::cli::progress::Progress;
use crate::cli::render;
use crate::cli::when::zone;
use crate::explain::again::{Again, Divergence, Judged};
use crate::explain::line::line;
use crate::explain::phrase::count;
use crate::journal::ReadError;
use crate::model::id::Lsn;
use crate::model::record::Record;

/// How much of what differs is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    First,
    All,
}

/// What came of it.
struct Outcome {
    judged: Judged,
    divergences: Vec<Divergence>,
    /// A record that only a newer build knows: neither it nor those behind it are judged.
    not_judged_from: Option<Lsn>,
}

/// Exits with 1 where the rules of this build do not come to the decisions that are recorded, with 3 if that cannot be said
/// of all of them.
pub fn run(context: &Context, which: Which, show: Show) -> Result<Exit, CliError> {
    let history = which.open(context)?;
    let outcome = decide_again(&history, show)?;
    context.output.print(&outcome.json(), || outcome.text())?;
    history.finish(Some(outcome.judged.last))?;
    Ok(match (outcome.divergences.is_empty(), outcome.not_judged_from) {
        (false, _) => Exit::Failed,
        (true, Some(_)) => Exit::Refused,
        (true, None) => Exit::Done,
    })
}

fn decide_again(history: &History, show: Show) -> Result<Outcome, CliError> {
    let state = history.told_at(None)?;
    let first = state.lsn.next();
    let mut progress = Progress::over(first, history.reader.last_lsn(), "decided again");
    let (mut again, mut divergences, mut end) = (Again::from(state), Vec::new(), Ok(None));
    history.reader.each_group(first, |group| {
        match group {
            Ok(group) => {
                group.iter().for_each(|record| progress.at(record.lsn));
                divergences.extend(again.see(group));
                if show == Show::All || divergences.is_empty() {
                    return ControlFlow::Continue(());
                }
            }
            Err(ReadError::Unknown { lsn, .. }) => end = Ok(Some(lsn)),
            // What was judged up to there was judged.
            Err(error) if error.is_damage() => history.reading().note(error),
            Err(error) => end = Err(error),
        }
        ControlFlow::Break(())
    });
    let not_judged_from = end?;
    Ok(Outcome { judged: again.finish(), divergences, not_judged_from })
}

impl Outcome {
    fn json(&self) -> Value {
        json!({
            "first_lsn": self.judged.first,
            "last_lsn": self.judged.last,
            "decisions": self.judged.decisions,
            "not_judged_from": self.not_judged_from,
            "divergences": self.divergences.iter().map(Divergence::json).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let Judged { first, last, decisions } = self.judged;
        let mut out: String = self.divergences.iter().map(side_by_side).collect();
        let decided = count(decisions, "decision", "decisions");
        out += &match self.divergences.len() {
            0 if decisions == 0 => "nothing was ever decided\n".to_owned(),
            0 => format!("records {first} to {last}: all {decided} come out as they are recorded\n"),
            n => {
                let differ = count(n as u64, "place", "places");
                format!("records {first} to {last}, {decided}: this build decides otherwise in {differ}\n")
            }
        };
        if let Some(lsn) = self.not_judged_from {
            out += &format!("from record {lsn} on nothing is judged: only a newer build knows what it says\n");
        }
        out
    }
}

fn side_by_side(divergence: &Divergence) -> String {
    let show = |record: &Record| line(record, &zone(), render::columns());
    let side = |heading: &str, records: &[Record], lsn: bool| {
        let lines = records.iter().map(|record| {
            let shown = show(record);
            // What is not recorded has no place.
            if lsn { shown + "\n" } else { format!("{:>6}{}\n", "-", shown.get(6..).unwrap_or_default()) }
        });
        let none = || if records.is_empty() { "        nothing\n".to_owned() } else { String::new() };
        format!("{heading}\n{}{}", lines.collect::<String>(), none())
    };
    let after = show(&divergence.after);
    let recorded = side("  recorded:", &divergence.recorded, true);
    let decided = side("  decided now:", &divergence.decided, false);
    format!("after\n{after}\n{recorded}{decided}\n")
}
