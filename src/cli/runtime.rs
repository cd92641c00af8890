use std::fs;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::context::Context;
use super::error::CliError;
use crate::model::name;
use crate::protocol::Problem;
use crate::runtime::{Runtimes, Spec, screen};

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
        let runtimes = Runtimes::load(&context.home.runtimes())?;
        match self.what {
            What::Ls => ls(context, &runtimes),
            What::Show { name } => {
                let text = runtimes.text(&name).ok_or_else(|| unknown(&name, &runtimes))?;
                context.output.print(&json!({ "name": name, "text": text }), || text.to_owned())
            }
            What::Check { name, screen } => {
                let spec = runtimes.get(&name).ok_or_else(|| unknown(&name, &runtimes))?;
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

fn ls(context: &Context, runtimes: &Runtimes) -> Result<(), CliError> {
    let rows: Vec<(&name::Runtime, String)> = runtimes
        .names()
        .map(|name| (name, runtimes.file(name).map_or("built in".to_owned(), |file| file.display().to_string())))
        .collect();
    let data: Vec<Value> = rows.iter().map(|(name, from)| json!({ "name": name, "from": from })).collect();
    context.output.print(&data, || rows.iter().map(|(name, from)| format!("{name:<16} {from}\n")).collect())
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

fn unknown(name: &name::Runtime, runtimes: &Runtimes) -> CliError {
    let known: Vec<&str> = runtimes.names().map(name::Runtime::as_str).collect();
    Problem::refused(format!("the runtime `{name}` is not known")).hint(format!("known: {}", known.join(", "))).into()
}
