use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CliError, sentence, warn};
use crate::model::name;
use crate::protocol::Problem;
use crate::runtime::{Broken, Runtimes, Spec, screen};

/// The runtimes that are known: list, print, check them
#[derive(Debug, clap::Args)]
pub struct Runtime {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the runtimes and where each is described
    Ls,
    /// Print a runtime's file
    Show { name: name::Runtime },
    /// Check a runtime's file, also against a saved screen
    Check {
        name: name::Runtime,
        /// Say which patterns match this screen, and on which line
        #[arg(long, value_name = "FILE")]
        screen: Option<PathBuf>,
    },
}

impl Runtime {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        // Reading a file is checking it: whatever is wrong with one names its line and key.
        let (runtimes, broken) = Runtimes::default().again(&context.home.runtimes())?;
        match self.what {
            What::Ls => ls(context, &runtimes, broken),
            What::Show { name } => {
                known(&name, &runtimes, broken)?;
                let text = runtimes.text(&name).unwrap_or_default();
                context.output.print(&json!({ "name": name, "text": text }), || text.to_owned())
            }
            What::Check { name, screen } => {
                let spec = known(&name, &runtimes, broken)?;
                let Some(file) = screen else {
                    let says = || format!("{name} is in order");
                    return context.output.print(&json!({ "name": name, "ok": true }), says);
                };
                let what = file.display().to_string();
                let text = fs::read_to_string(&file).map_err(|source| CliError::Text { what, source })?;
                check(context, &spec, &text)
            }
        }
    }
}

/// One of the list; `problem` where its file is not in order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Row {
    name: String,
    from: String,
    problem: Option<String>,
}

/// Those that are not in order stand among the others, and make it fail, as a check of each would.
fn ls(context: &Context, runtimes: &Runtimes, broken: Vec<Broken>) -> Result<(), CliError> {
    let in_order = runtimes.names().map(|name| {
        let from = runtimes.file(name).map_or("built in".to_owned(), |file| file.display().to_string());
        Row { name: name.to_string(), from, problem: None }
    });
    let not_in_order = broken.iter().map(|it| {
        let (name, from) = (it.name().into_owned(), it.file.display().to_string());
        Row { name, from, problem: Some(sentence(&it.error)) }
    });
    let mut rows: Vec<Row> = in_order.chain(not_in_order).collect();
    rows.sort();
    let line = |Row { name, from, problem }: &Row| {
        let problem = problem.as_ref().map_or("", |_| "  (not in order)");
        format!("{name:<16} {from}{problem}\n")
    };
    context.output.print(&rows, || rows.iter().map(line).collect())?;
    let mut broken = broken.into_iter();
    let first = broken.next();
    for further in broken {
        let hint = format!("`dormouse runtime check {}` checks it", further.name());
        warn(&sentence(&further.error), &hint, context.output.json);
    }
    first.map_or(Ok(()), |first| Err(first.error.into()))
}

/// Which rules match the screen, and what would be done.
fn check(context: &Context, spec: &Spec, text: &str) -> Result<(), CliError> {
    let seen = screen::seen(spec, text);
    let would = would_do(&screen::read(spec, text));
    let matches: Vec<Value> = seen
        .iter()
        .map(|seen| json!({ "rule": seen.rule, "line_number": seen.line_number, "line": seen.line }))
        .collect();
    context.output.print(&json!({ "matches": matches, "would": would }), || {
        let mut lines: String =
            seen.iter().map(|seen| format!("{:>4}  {:<24} {}\n", seen.line_number, seen.rule, seen.line)).collect();
        lines.push_str(&would);
        lines
    })
}

fn would_do(reading: &screen::Reading<'_>) -> String {
    if let Some(fatal) = reading.fatal {
        return format!("the wake would fail: {}", fatal.says);
    }
    if let Some(seen) = &reading.dialog {
        let key = if seen.selected { &seen.dialog.confirm } else { &seen.dialog.step };
        let consent = seen.dialog.consent.as_deref().map(|consent| format!(", given the consent {consent}"));
        return format!("{key} would be pressed for the dialog {}{}", seen.dialog.name, consent.unwrap_or_default());
    }
    match (&reading.waiting, reading.box_open, reading.working) {
        (Some(on), ..) => format!("nothing would be typed: it waits for a person ({on})"),
        (None, Some(false), _) => "nothing would be typed: the input box is not there".to_owned(),
        (None, _, true) => "nothing would be typed before its turn has ended".to_owned(),
        (None, Some(true), false) if reading.box_empty == Some(false) => {
            "nothing would be typed: the input box holds a text".to_owned()
        }
        (None, Some(true) | None, false) => "a message would be delivered".to_owned(),
    }
}

fn known(name: &name::Runtime, runtimes: &Runtimes, broken: Vec<Broken>) -> Result<Arc<Spec>, CliError> {
    if let Some(broken) = broken.into_iter().find(|broken| broken.name() == name.as_str()) {
        return Err(broken.error.into());
    }
    runtimes.get(name).ok_or_else(|| {
        let known: Vec<&str> = runtimes.names().map(name::Runtime::as_str).collect();
        let unknown = Problem::refused(format!("the runtime `{name}` is not known"));
        unknown.hint(format!("known: {}", known.join(", "))).into()
    })
}
