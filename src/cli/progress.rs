//! How far a long walk through a history has come, for whoever waits at a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::model::id::Lsn;

/// Nothing is shown before it has taken as long, and nothing more often than every tenth of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line on standard error that says how much is done; gone when the walk ends. Nothing, if that is no terminal.
#[derive(Debug)]
pub struct Progress {
    first: Lsn,
    last: Lsn,
    what: &'static str,
    shown: bool,
    next: Option<Instant>,
}

impl Progress {
    /// Of the records from `first` to `last`, of which each will have been `what`.
    pub fn over(first: Lsn, last: Lsn, what: &'static str) -> Self {
        let next = io::stderr().is_terminal().then(|| Instant::now() + PATIENCE);
        Self { first, last, what, shown: false, next }
    }

    /// `lsn` is reached. Costs a look at the clock every thousand records.
    pub fn at(&mut self, lsn: Lsn) {
        let Some(next) = self.next.filter(|_| lsn.0.is_multiple_of(1024)) else { return };
        let now = Instant::now();
        if now < next {
            return;
        }
        self.next = Some(now + PATIENCE / 10);
        self.shown = true;
        let (done, all) = (lsn.0 - self.first.0, (self.last.0 - self.first.0).max(1));
        let mut err = io::stderr().lock();
        // Whoever cannot be told waits without being told.
        let _ = write!(err, "\r\x1b[K{} of {} records {}, {} %", done, all, self.what, done * 100 / all);
        let _ = err.flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
