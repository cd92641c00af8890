//! `replay --verify` and `--diff`: the whole history decided again.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use crate::cli::beginning::LeftOut;
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
    left_out: Option<LeftOut>,
    cut: Option<Cut>,
}

/// Why neither this record nor those behind it are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Only a newer build knows it.
    Unknown(Lsn),
    Unreadable(Lsn),
}

/// Exits with 1 where the rules of this build do not come to the decisions that are recorded, with 3 if that cannot be said
/// of all of them.
pub fn run(context: &Context, which: Which, show: Show) -> Result<Exit, CliError> {
    let history = which.open(context)?;
    let outcome = decide_again(&history, show)?;
    context.output.print(&outcome.json(), || outcome.text())?;
    history.finish(Some(outcome.judged.last))?;
    Ok(match (outcome.divergences.is_empty(), outcome.cut) {
        (false, _) => Exit::Failed,
        (true, Some(_)) => Exit::Refused,
        (true, None) => Exit::Done,
    })
}

fn decide_again(history: &History, show: Show) -> Result<Outcome, CliError> {
    let state = history.first_told()?;
    let first = state.lsn.next();
    let left_out = history.left_out(first);
    let mut progress = Progress::over(first, history.reader.last_lsn(), "decided again");
    let (mut again, mut divergences, mut cut, mut failed) = (Again::from(state), Vec::new(), None, None);
    let mut next = first;
    history.reader.each_group(first, |group| {
        match group {
            Ok(group) => {
                for record in group {
                    progress.at(record.lsn);
                    next = record.lsn.next();
                }
                divergences.extend(again.see(group));
                if show == Show::All || divergences.is_empty() {
                    return ControlFlow::Continue(());
                }
            }
            Err(ReadError::Unknown { lsn, .. }) => cut = Some(Cut::Unknown(lsn)),
            // What was judged up to there was judged.
            Err(error) if error.is_damage() => {
                cut = Some(Cut::Unreadable(next));
                history.reading().note(error);
            }
            Err(error) => failed = Some(error),
        }
        ControlFlow::Break(())
    });
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(Outcome { judged: again.finish(), divergences, left_out, cut }),
    }
}

impl Outcome {
    fn json(&self) -> Value {
        json!({
            "first_lsn": self.judged.first,
            "last_lsn": self.judged.last,
            "decisions": self.judged.decisions,
            "left_out": self.left_out.as_ref().map(LeftOut::json),
            "not_judged_from": self.cut.map(|cut| match cut { Cut::Unknown(lsn) | Cut::Unreadable(lsn) => lsn }),
            "divergences": self.divergences.iter().map(Divergence::json).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let Judged { first, last, decisions } = self.judged;
        let mut out: String = self.divergences.iter().map(side_by_side).collect();
        let decided = count(decisions, "decision", "decisions");
        out += &match self.divergences.len() {
            0 if last < first => "no record is judged\n".to_owned(),
            0 if decisions == 0 => format!("records {first} to {last}: none of them is a decision\n"),
            0 => format!("records {first} to {last}: all {decided} come out as they are recorded\n"),
            n => {
                let differ = count(n as u64, "place", "places");
                format!("records {first} to {last}, {decided}: this build decides otherwise in {differ}\n")
            }
        };
        out += &match self.cut {
            Some(Cut::Unknown(lsn)) => {
                format!("from record {lsn} on nothing is judged: only a newer build knows what it says\n")
            }
            Some(Cut::Unreadable(lsn)) => format!("from record {lsn} on nothing is judged: it cannot be read\n"),
            None => String::new(),
        };
        out + &LeftOut::line(self.left_out.as_ref(), render::columns())
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
