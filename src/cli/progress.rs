//! How far a long walk through a history has come, for whoever waits at a terminal.

use std::io::{self, IsTerminal, Stderr, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::journal::Reader;
use crate::model::id::Lsn;

/// Nothing is shown before it has taken as long, and nothing more often than every tenth of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line on standard error that says how much is done; gone when the walk ends. Nothing, if that is no terminal.
#[derive(Debug)]
pub struct Progress {
    first: Lsn,
    last: Lsn,
    what: &'static str,
    line: Option<Line<Stderr>>,
}

impl Progress {
    /// Of the records from `first` to `last`, of which each will have been `what`.
    pub fn over(first: Lsn, last: Lsn, what: &'static str) -> Self {
        let line = io::stderr().is_terminal().then(|| Line::new(io::stderr(), PATIENCE));
        Self { first, last, what, line }
    }

    /// Of every record of the journal in `dir`, as far as anybody can tell where that ends.
    pub fn through(dir: &Path, what: &'static str) -> Self {
        // Whoever is not told anything need not find out.
        let reader = io::stderr().is_terminal().then(|| Reader::open(dir).ok()).flatten();
        let (first, last) = reader.map_or((Lsn(1), Lsn::ZERO), |reader| (reader.first_lsn(), reader.last_lsn()));
        Self::over(first, last, what)
    }

    /// `lsn` is reached. Costs a look at the clock every thousand records.
    pub fn at(&mut self, lsn: Lsn) {
        if let Some(line) = self.line.as_mut().filter(|_| lsn.0.is_multiple_of(1024)) {
            line.show(|| said(self.first, self.last, lsn, self.what));
        }
    }
}

fn said(first: Lsn, last: Lsn, at: Lsn, what: &str) -> String {
    let done = at.0.saturating_sub(first.0);
    // Where it ends nobody can tell.
    if last < at {
        return format!("{done} records {what}");
    }
    let all = last.0.saturating_sub(first.0).max(1);
    format!("{done} of {all} records {what}, {} %", done * 100 / all)
}

/// A line that is written over and over.
#[derive(Debug)]
struct Line<W: Write> {
    to: W,
    patience: Duration,
    next: Instant,
    shown: bool,
}

impl<W: Write> Line<W> {
    fn new(to: W, patience: Duration) -> Self {
        Self { to, patience, next: Instant::now() + patience, shown: false }
    }

    fn show(&mut self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + self.patience / 10;
        self.shown = true;
        // Whoever cannot be told waits without being told.
        let _ = write!(self.to, "\r\x1b[K{}", text()).and_then(|()| self.to.flush());
    }
}

impl<W: Write> Drop for Line<W> {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(self.to, "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it writes while a walk goes on, with so much patience.
    fn written(patience: Duration) -> String {
        let mut to = Vec::new();
        let mut line = Line::new(&mut to, patience);
        for at in [1024, 2048] {
            line.show(|| said(Lsn(1), Lsn(2049), Lsn(at), "folded"));
        }
        drop(line);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn a_long_walk_says_how_far_it_is_and_leaves_nothing_behind() {
        let expected = "\r\x1b[K1023 of 2048 records folded, 49 %\r\x1b[K2047 of 2048 records folded, 99 %\r\x1b[K";
        assert_eq!(written(Duration::ZERO), expected);
    }

    #[test]
    fn a_walk_of_which_nobody_knows_the_end_says_no_share() {
        assert_eq!(said(Lsn(1), Lsn::ZERO, Lsn(2049), "checked"), "2048 records checked");
    }

    #[test]
    fn a_short_walk_says_nothing() {
        assert_eq!(written(Duration::from_secs(3600)), "");
    }
}
