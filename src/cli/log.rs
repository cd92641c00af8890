use std::io::{self, IsTerminal as _};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::tz::TimeZone;
use rustix::fs::inotify;

use super::context::Context;
use super::error::CliError;
use super::history::{History, Which};
use super::progress::Progress;
use super::render;
use super::when::{When, zone};
use crate::explain;
use crate::journal::Question;
use crate::model::event::KINDS;
use crate::model::id::Lsn;
use crate::model::record::Record;

/// Print the journal, one record a line
///
/// Reads the journal directly, so it works when the daemon is down.
#[derive(Debug, clap::Args)]
#[command(after_long_help = kinds())]
pub struct Log {
    /// Only records about this peer, and what it said
    #[arg(long)]
    peer: Option<String>,
    /// Only records of this kind, such as delivered; once for each. `--help` lists all of them
    #[arg(long, value_parser = kind(), hide_possible_values = true)]
    kind: Vec<&'static str>,
    /// From this moment: RFC 3339, 14:05, 2h, yesterday, or an lsn
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    since: Option<When>,
    /// Up to this moment
    #[arg(long, value_name = "WHEN", value_parser = When::parse, conflicts_with = "follow")]
    until: Option<When>,
    /// Go on with what is yet to come
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    which: Which,
}

/// What of the journal is wanted, and in which form.
struct Filter {
    question: Question,
    /// The last record that is wanted.
    until: Lsn,
    json: bool,
    zone: TimeZone,
    columns: Option<u16>,
}

impl Log {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let mut history = self.which.open(context)?;
        let concerned = self.peer.map(|peer| history.named(&peer)).transpose()?;
        let (first, since_us) = match self.since {
            Some(When::Lsn(lsn)) => (Lsn(lsn.0.max(1)), None),
            Some(When::Wall(wall_us)) => (Lsn(1), Some(wall_us)),
            None => (Lsn(1), None),
        };
        let (until, until_us) = match self.until {
            Some(When::Lsn(lsn)) => (lsn, None),
            Some(When::Wall(wall_us)) => (Lsn(u64::MAX), Some(wall_us)),
            None => (Lsn(u64::MAX), None),
        };
        let question = Question { concerned, kinds: self.kind, since_us, until_us, ..Question::default() };
        let (json, zone, columns) = (context.output.json, zone(), render::columns());
        let filter = Filter { question, until, json, zone, columns };
        if !self.follow {
            filter.print(&history, first)?;
            return history.finish(None);
        }
        // Watched before it is read: nothing falls in between.
        let changes = Changes::of(&history)?;
        let mut next = first;
        loop {
            history.reader.refresh()?;
            filter.print(&history, next)?;
            next = next.max(history.reader.last_lsn().next());
            changes.wait()?;
        }
    }
}

impl Filter {
    /// Prints what there is from `first` on.
    fn print(&self, history: &History, first: Lsn) -> Result<(), CliError> {
        // Whoever sees the lines themselves sees how far it is.
        let mut progress = (!io::stdout().is_terminal())
            .then(|| Progress::over(first, history.reader.last_lsn().min(self.until), "gone through"));
        history.read(&self.question, first, |found| {
            let (lsn, line) = match found {
                Ok(record) => (record.lsn, self.line(&record)),
                // Whom it is about only a newer build can say.
                Err(_) if self.question.asks_who_or_what() => return Ok(true),
                Err(error) => History::unknown(error, self.json)?,
            };
            if let Some(progress) = &mut progress {
                progress.at(lsn);
            }
            let goes_on = lsn <= self.until;
            if goes_on {
                render::raw(line.as_bytes())?;
            }
            Ok(goes_on)
        })
    }

    fn line(&self, record: &Record) -> String {
        if self.json {
            format!("{}\n", explain::json::record(record))
        } else {
            explain::line::line(record, &self.zone, self.columns) + "\n"
        }
    }
}

/// Whatever the daemon writes into the journal's folder.
struct Changes(rustix::fd::OwnedFd);

impl Changes {
    fn of(history: &History) -> Result<Self, CliError> {
        let failed =
            |errno: rustix::io::Errno| CliError::Text { what: history.dir.display().to_string(), source: errno.into() };
        let watch = inotify::init(inotify::CreateFlags::CLOEXEC).map_err(failed)?;
        let events = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
        inotify::add_watch(&watch, &*history.dir, events).map_err(failed)?;
        Ok(Self(watch))
    }

    /// Until something has changed; what changed is for the reader to find out.
    fn wait(&self) -> Result<(), CliError> {
        let mut events = [0_u8; 4096];
        loop {
            match rustix::io::read(&self.0, &mut events) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(CliError::Text { what: "changes".to_owned(), source: errno.into() }),
            }
        }
    }
}

/// One of those there are; who misses it is shown all of them.
fn kind() -> impl TypedValueParser<Value = &'static str> {
    let known = |text: String| KINDS.iter().find(|kind| kind.name == text).map_or("", |kind| kind.name);
    PossibleValuesParser::new(KINDS.iter().map(|kind| kind.name)).map(known)
}

/// What a list of all kinds would push out of sight stands before it.
fn kinds() -> String {
    format!("Kinds: {}", KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", "))
}
