mod again;
mod step;

use super::context::Context;
use super::error::{CliError, Exit};
use super::history::{Folded, Which};
use super::present::{Sought, nothing_yet};
use super::render;
use super::silence;
use super::when::{When, zone};
use crate::config::ROWS;
use crate::explain::forecast;
use crate::explain::replay::{self, Moment, Setting};
use crate::model::record::Record;
use crate::model::settings::Settings;
use crate::model::state::State;
use crate::model::time::Timestamp;

/// Show the whole state as it was at a moment, or go through the history again
///
/// Peers with their sessions and marks, every message that was waiting, under way or dead, and the settings in force.
/// `--step` goes through the records one at a time; `--verify` decides the whole history again, and exits with 1 if
/// this build comes to other decisions. Reads the journal directly, so it works when the daemon is down.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// As it was then: RFC 3339, 14:05, 2h, yesterday, or an lsn [default: the journal's end]
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    at: Option<When>,
    /// One record at a time with what it changed, from `--at` or the first one on; to and fro at a terminal
    #[arg(long, conflicts_with_all = ["verify", "diff"])]
    step: bool,
    /// Decide everything again, and show the first decision that comes out otherwise
    #[arg(long, conflicts_with_all = ["at", "diff"])]
    verify: bool,
    /// As `--verify`, and show every such decision: what an upgrade to this build would do differently
    #[arg(long, conflicts_with = "at")]
    diff: bool,
    #[command(flatten)]
    which: Which,
}

impl Replay {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self { verify: true, which, .. } => return again::run(context, which, again::Show::First),
            Self { diff: true, which, .. } => return again::run(context, which, again::Show::All),
            Self { step: true, which, at, .. } => step::run(context, which, at)?,
            Self { which, at, .. } => at_once(context, which, at)?,
        }
        Ok(Exit::Done)
    }
}

fn at_once(context: &Context, which: Which, at: Option<When>) -> Result<(), CliError> {
    let is_home = which.is_home();
    let history = which.open(context)?;
    let Folded { mut state, last, whole } = history.fold(at)?;
    let Some(record) = last else {
        context.output.print(&replay::nothing(), || nothing_yet(at))?;
        return history.finish(Some(state.lsn));
    };
    let silent = at.and_then(|_| silence::nobody_serves(&history, context, Sought { at, is_home, whole }));
    if silent.is_some() {
        silence::stands_still(&mut state);
    }
    let now = at.filter(|_| whole).map_or(record.at, |at| at.told_from(record.at));
    let moment = moment_of(&state, (&record, now), changed(&state.settings));
    context.output.print(&moment, || moment.text(&record, &zone(), render::columns()))?;
    history.finish(Some(state.lsn))
}

/// Right after a record, as seen from a moment.
fn moment_of(state: &State, seen: (&Record, Timestamp), settings: Vec<Setting>) -> Moment {
    let next = forecast::upcoming(state);
    replay::moment(state, seen, settings, |peer| next.get(peer).cloned())
}

/// The settings that are not at their defaults.
fn changed(settings: &Settings) -> Vec<Setting> {
    let shown = ROWS.iter().map(|row| (row.name, row.get(settings), row.default_text()));
    let differ = shown.filter(|(_, value, default)| value != default);
    differ.map(|(name, value, default)| Setting { name, value, default }).collect()
}
