//! `sim --script`: one scenario, and the records around whatever does not come out as it says.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::context::Context;
use super::error::{CliError, Exit};
use super::render;
use super::sim::trace;
use super::when::zone;
use crate::explain::line::line;
use crate::model::record::Record;
use crate::sim::script::{Failure, Played, Script, play};

/// Records that are shown before and behind the place of a failure.
const BEFORE: usize = 4;
const BEHIND: usize = 12;

/// How it went, in the shape of `--json`.
#[derive(Debug, Serialize)]
struct Told<'a> {
    title: &'a str,
    rules: &'a [String],
    records: usize,
    broken: Option<Promise>,
    failures: Vec<Missed>,
}

/// A promise that no world may break was broken.
#[derive(Debug, Serialize)]
struct Promise {
    oracle: &'static str,
    rule: &'static str,
    what: String,
}

#[derive(Debug, Serialize)]
struct Missed {
    /// Of the file.
    line: usize,
    what: String,
    /// The record behind which it was looked for.
    behind: Option<u64>,
}

pub(super) fn run(file: &Path, traced: bool, context: &Context) -> Result<Exit, CliError> {
    let what = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|source| CliError::Text { what: what.clone(), source })?;
    let script = Script::parse(&text).map_err(|error| CliError::Usage {
        why: format!("{what}:{}: {}", error.line, error.why),
        hint: Some("`docs/scenarios.md` says what a scenario may tell; nothing was run".to_owned()),
    })?;
    let played = play(&script);
    if traced {
        trace(&played.ran, context.output.json)?;
    }
    context.output.print(&told(&script, &played), || text_of(file, &script, &played))?;
    Ok(if played.went_well() { Exit::Done } else { Exit::Failed })
}

fn told<'a>(script: &'a Script, played: &Played) -> Told<'a> {
    let promise = played.ran.broken.as_ref();
    let missed = |failure: &Failure| Missed {
        line: failure.line,
        what: failure.what.clone(),
        behind: failure.behind.map(|lsn| lsn.0),
    };
    Told {
        title: &script.title,
        rules: &script.rules,
        records: played.ran.records.len(),
        broken: promise.map(|it| Promise { oracle: it.oracle, rule: it.rule, what: it.what.clone() }),
        failures: played.failures.iter().map(missed).collect(),
    }
}

fn text_of(file: &Path, script: &Script, played: &Played) -> String {
    let mut lines = Vec::new();
    if let Some(broken) = &played.ran.broken {
        lines.push(format!("{}: {} ({}): {}", file.display(), broken.oracle, broken.rule, broken.what));
        lines.extend(around(&played.ran.records, played.ran.records.len()));
    }
    for failure in &played.failures {
        lines.push(format!("{}:{}: {}", file.display(), failure.line, failure.what));
        lines.extend(failure.behind.into_iter().flat_map(|lsn| around(&played.ran.records, lsn.0 as usize)));
    }
    let outcome = if played.went_well() { "came out as told" } else { "did not come out as told" };
    lines.push(format!(
        "{} ({}) {outcome}: {} records",
        script.title,
        script.rules.join(", "),
        played.ran.records.len()
    ));
    lines.join("\n")
}

/// The records around the one of this number.
fn around(records: &[Record], number: usize) -> Vec<String> {
    let (zone, columns) = (zone(), render::columns());
    let shown = number.saturating_sub(BEFORE)..(number + BEHIND).min(records.len());
    records[shown].iter().map(|record| line(record, &zone, columns)).collect()
}
