use super::context::Context;
use super::error::CliError;
use super::history::Which;
use super::render;
use super::when::{When, zone};
use crate::config::ROWS;
use crate::explain::replay::{self, Setting};
use crate::model::settings::Settings;
use crate::policy::deadline;

/// Show the whole state as it was at a moment
///
/// Peers with their sessions and marks, every message that was waiting, under way or dead, and the settings in force.
/// Reads the journal directly, so it works when the daemon is down.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// As it was then: RFC 3339, 14:05, 2h, yesterday, or an lsn [default: the journal's end]
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    at: Option<When>,
    #[command(flatten)]
    which: Which,
}

impl Replay {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let (state, last) = self.which.open(context)?.folded(self.at)?;
        let Some(record) = last else {
            return context.output.print(&replay::nothing(), || "nothing had happened yet".to_owned());
        };
        let next = |peer: &_| deadline::of_peer(&state, peer);
        let moment = replay::moment(&state, &record, changed(&state.settings), next);
        context.output.print(&moment, || moment.text(&record, &zone(), render::columns()))
    }
}

/// The settings that are not at their defaults.
fn changed(settings: &Settings) -> Vec<Setting> {
    let shown = ROWS.iter().map(|row| (row.name, row.get(settings), row.default_text()));
    let differ = shown.filter(|(_, value, default)| value != default);
    differ.map(|(name, value, default)| Setting { name, value, default }).collect()
}
