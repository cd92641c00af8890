use super::context::Context;
use super::error::CliError;
use super::history::{Folded, Which};
use super::present::{Sought, as_of_its_end, nothing_yet, present, table_above};
use super::render;
use super::silence;
use super::when::When;
use crate::explain::{forecast, layout, view};
use crate::protocol::{Verb, Viewed};

/// List the peers: what each is doing, since when, and what comes next
///
/// With `--at` or `--journal`, reads the journal and needs no daemon.
#[derive(Debug, clap::Args)]
pub struct Ls {
    /// As it was then: RFC 3339, 14:05, 2h, yesterday, or an lsn
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    at: Option<When>,
    #[command(flatten)]
    which: Which,
}

impl Ls {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        // A copy knows of no daemon, and none that runs here knows of the copy.
        if self.at.is_some() || !self.which.is_home() {
            return as_it_was(context, self.which, self.at);
        }
        let viewed: Viewed = context.ask(Verb::Ls)?;
        context.output.print(&viewed.rows, || layout::table(&viewed.table, render::columns()))
    }
}

/// Folds the journal up to `at`, or to its end: no daemon is needed for what was.
fn as_it_was(context: &Context, which: Which, at: Option<When>) -> Result<(), CliError> {
    let is_home = which.is_home();
    let history = which.open(context)?;
    let Folded { mut state, last, whole } = history.fold(at)?;
    let asked = Sought { at, is_home, whole };
    let silent = at.and_then(|_| silence::nobody_serves(&history, context, asked));
    if silent.is_some() {
        silence::stands_still(&mut state);
    }
    let next = forecast::upcoming(&state);
    let rows = view::ls(&state, |peer| next.get(peer).cloned());
    context.output.print(&rows, || {
        let Some(last) = state.now.or(last.map(|record| record.at)) else {
            return nothing_yet(asked.at);
        };
        let now = present(asked, Some(last));
        let told = as_of_its_end(asked, Some(last));
        let said = silent.as_ref().map(silence::sentence).unwrap_or(told);
        table_above(&view::table(&rows, now), &said)
    })?;
    history.finish(Some(state.lsn))
}
