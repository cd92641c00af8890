use jiff::tz::TimeZone;
use rustix::fs::inotify;

use super::context::Context;
use super::error::CliError;
use super::history::{History, Which};
use super::render;
use super::when::{When, zone};
use crate::explain;
use crate::model::actor::Actor;
use crate::model::event::KINDS;
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::record::Record;

/// Print the journal, one record a line
///
/// Reads the journal directly, so it works when the daemon is down.
#[derive(Debug, clap::Args)]
pub struct Log {
    /// Only records about this peer, and what it said
    #[arg(long)]
    peer: Option<String>,
    /// Only records of this kind, such as delivered; once for each
    #[arg(long, value_parser = kind)]
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
    peers: Option<Vec<Identity>>,
    kinds: Vec<&'static str>,
    since: Option<When>,
    until: Option<When>,
    json: bool,
    zone: TimeZone,
    columns: Option<u16>,
}

impl Log {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let mut history = self.which.open(context)?;
        let filter = Filter {
            peers: self.peer.map(|peer| history.named(&peer)).transpose()?,
            kinds: self.kind,
            since: self.since,
            until: self.until,
            json: context.output.json,
            zone: zone(),
            columns: render::columns(),
        };
        let first = match filter.since {
            Some(When::Lsn(lsn)) => Lsn(lsn.0.max(1)),
            _ => Lsn(1),
        };
        if !self.follow {
            return filter.print(&history, first).map(|_| ());
        }
        // Watched before it is read: nothing falls in between.
        let changes = Changes::of(&history)?;
        let mut next = first;
        loop {
            history.reader.refresh()?;
            next = filter.print(&history, next)?;
            changes.wait()?;
        }
    }
}

impl Filter {
    /// Prints what there is from `first` on; returns where to go on.
    fn print(&self, history: &History, first: Lsn) -> Result<Lsn, CliError> {
        let mut next = first;
        for record in history.reader.records(first) {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let (lsn, line) = History::unknown(error, self.json)?;
                    next = lsn.next();
                    // Whom it is about, and when it was, only a newer build can say.
                    if self.peers.is_none() && self.kinds.is_empty() {
                        render::raw(line.as_bytes())?;
                    }
                    continue;
                }
            };
            next = record.lsn.next();
            if self.wants(&record) {
                render::raw(self.line(&record).as_bytes())?;
            }
        }
        Ok(next)
    }

    fn wants(&self, record: &Record) -> bool {
        let concerned = [record.subject.peer.as_ref(), speaker(record)];
        let about = |peers: &Vec<Identity>| concerned.into_iter().flatten().any(|peer| peers.contains(peer));
        self.peers.as_ref().is_none_or(about)
            && (self.kinds.is_empty() || self.kinds.contains(&record.event.kind().name))
            && self.since.is_none_or(|since| since.is_before_or_at(record))
            && self.until.is_none_or(|until| until.is_after_or_at(record))
    }

    fn line(&self, record: &Record) -> String {
        if self.json {
            format!("{}\n", explain::json::record(record))
        } else {
            explain::line::line(record, &self.zone, self.columns) + "\n"
        }
    }
}

/// The peer whose own act this is: what it sends to a person is about nobody else.
fn speaker(record: &Record) -> Option<&Identity> {
    match &record.actor {
        Actor::Session { peer, .. } => Some(peer),
        Actor::Dormouse | Actor::User { .. } => None,
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
        inotify::add_watch(&watch, &history.dir, events).map_err(failed)?;
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

fn kind(text: &str) -> Result<&'static str, String> {
    let known = KINDS.iter().find(|kind| kind.name == text);
    known.map(|kind| kind.name).ok_or_else(|| "this is no kind of record".to_owned())
}
