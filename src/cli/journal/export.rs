//! The history in the forms that other programs read.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::cli::error::{CliError, sentence};
use crate::cli::history::{History, Which};
use crate::cli::progress::Progress;
use crate::cli::when::zone;
use crate::explain;
use crate::explain::picture::{Painter, Picture, page, perfetto};
use crate::journal::Question;
use crate::model::id::Lsn;
use crate::model::state::State;

/// Write the whole history down for other programs, or as a picture
///
/// `html` is one page that needs nothing else: a lane for each peer, what happened to it, and why, a click away. It has no
/// body of any message, only sizes.
#[derive(Debug, clap::Args)]
pub struct Export {
    #[command(flatten)]
    which: Which,
    /// What to write
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write it here instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Format {
    /// Every record as JSON, one a line, as `log --json` has it
    #[default]
    Jsonl,
    /// A page for a browser
    Html,
    /// Trace events, for ui.perfetto.dev
    Perfetto,
}

impl Export {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        if context.output.json && matches!(self.format, Format::Html) {
            let why = "`--format html` is a page, and no JSON document".to_owned();
            let hint = Some("`--format jsonl` has every record, `--format perfetto` the picture as JSON".to_owned());
            return Err(CliError::Usage { why, hint });
        }
        let history = self.which.open(context)?;
        let draw = |zone: &jiff::tz::TimeZone| picture(&history, zone);
        let text = match self.format {
            Format::Jsonl => return lines(history, self.output.as_deref()),
            Format::Html => {
                let zone = zone();
                let name = zone.iana_name().map(str::to_owned);
                // Where a zone has no name a browser could know, everything is said in UTC.
                let speaks = if name.is_some() { zone } else { jiff::tz::TimeZone::UTC };
                page::page(&draw(&speaks)?, name)
            }
            Format::Perfetto => perfetto::trace(&draw(&zone())?).to_string() + "\n",
        };
        to(self.output.as_deref(), |out| out.write_all(text.as_bytes()))?;
        history.finish(None)
    }
}

/// Every record that can be read. Where no snapshot tells how things stood, behind damage or a removed beginning, there are
/// marks and no bars.
fn picture(history: &History, zone: &jiff::tz::TimeZone) -> Result<Picture, CliError> {
    let mut told = history.told()?;
    let first = history.reader.first_lsn();
    if first <= Lsn(1) {
        told.push(State::default());
    }
    let mut painter = Painter::from(told, zone);
    let mut progress = Progress::over(first, history.reader.last_lsn(), "drawn");
    history.read(&Question::default(), Lsn(1), |found| {
        let record = found?;
        progress.at(record.lsn);
        painter.see(&record);
        Ok(true)
    })?;
    if let Some(beginning) = &history.beginning {
        painter.note(format!("{}.", beginning.sentence(zone)));
    }
    for (place, next) in history.each_unread(|error, next| (sentence(error), next)) {
        // The page is for others: where the journal lies is nothing to them.
        let place = place.replace(&format!("{}/", history.dir.display()), "");
        let behind = match next {
            Some(next) => format!("What is drawn behind it begins with record {next}"),
            None => "Nothing behind it can be drawn".to_owned(),
        };
        painter.note(format!("{place}. {behind}."));
    }
    Ok(painter.finish())
}

fn lines(history: History, output: Option<&Path>) -> Result<(), CliError> {
    let mut failed = None;
    let mut progress = Progress::over(history.reader.first_lsn(), history.reader.last_lsn(), "written");
    to(output, |out| {
        let read = history.read(&Question::default(), Lsn(1), |found| {
            let line = match found {
                Ok(record) => {
                    progress.at(record.lsn);
                    format!("{}\n", explain::json::record(&record))
                }
                Err(error) => History::unknown(error, true)?.1,
            };
            out.write_all(line.as_bytes()).map(|()| true).map_err(|source| unwritten(output, source))
        });
        failed = read.err();
        Ok(())
    })?;
    failed.map_or_else(|| history.finish(None), Err)
}

/// Writes to a file, or to standard output.
fn to(output: Option<&Path>, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let written = match output {
        Some(path) => File::create(path).and_then(|file| {
            let mut out = BufWriter::new(file);
            write(&mut out)?;
            out.flush()
        }),
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            write(&mut out).and_then(|()| out.flush())
        }
    };
    written.map_err(|source| unwritten(output, source))
}

fn unwritten(output: Option<&Path>, source: io::Error) -> CliError {
    match output {
        Some(file) => CliError::File { file: file.to_owned(), source },
        None => CliError::Output { source },
    }
}
