//! The journal as it grows.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dormouse::journal::Reader;
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::until;

/// Reads each record once, as soon as it is there, whether or not a daemon runs.
pub struct Tail {
    dir: PathBuf,
    reader: Reader,
    next: Lsn,
    changes: OwnedFd,
}

impl Tail {
    /// From the first record on.
    pub(super) fn of(journal: &Path) -> Self {
        until("a journal", || journal.is_dir());
        // Watched before it is read: nothing falls in between.
        let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        let flags = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO;
        inotify::add_watch(&changes, journal, flags).unwrap();
        Self { dir: journal.to_owned(), reader: Reader::open(journal).unwrap(), next: Lsn(1), changes }
    }

    /// From here on only what is yet to come.
    pub fn skip(&mut self) {
        self.refresh();
        self.next = self.reader.last_lsn().next();
    }

    /// Everything unread so far.
    pub fn all(&mut self) -> Vec<Record> {
        self.refresh();
        let records: Vec<Record> = self.reader.records(self.next).map(Result::unwrap).collect();
        self.next = records.last().map_or(self.next, |last| last.lsn.next());
        records
    }

    /// The next record that `wanted` takes; none if it does not come within `patience`.
    pub fn find<T>(&mut self, patience: Duration, mut wanted: impl FnMut(&Record) -> Option<T>) -> Option<T> {
        let until = Instant::now() + patience;
        loop {
            self.refresh();
            for record in self.reader.records(self.next) {
                let record = record.unwrap();
                self.next = record.lsn.next();
                if let Some(found) = wanted(&record) {
                    return Some(found);
                }
            }
            if !self.changed(until.saturating_duration_since(Instant::now())) {
                return None;
            }
        }
    }

    /// A reader that comes upon a segment just being made opens the folder anew.
    fn refresh(&mut self) {
        if self.reader.refresh().is_err() {
            until("a readable journal", || Reader::open(&self.dir).map(|reader| self.reader = reader).is_ok());
        }
    }

    /// Whether anything moved in the folder meanwhile.
    fn changed(&self, patience: Duration) -> bool {
        let left = Timespec { tv_sec: patience.as_secs().cast_signed(), tv_nsec: patience.subsec_nanos().into() };
        let mut fds = [PollFd::new(&self.changes, PollFlags::IN)];
        if patience.is_zero() || poll(&mut fds, Some(&left)).unwrap_or(1) == 0 {
            return false;
        }
        let mut events = [0_u8; 16 * 1024];
        while rustix::io::read(&self.changes, &mut events).is_ok_and(|bytes| bytes > 0) {}
        true
    }
}
