//! The moment that an answer is told from: ages and what is left of a limit are counted to it.

use super::error::CliError;
use super::render;
use super::when::{When, zone};
use crate::explain::layout;
use crate::explain::phrase::date_time;
use crate::model::record::Record;
use crate::model::time::Timestamp;
use crate::observe::clock;

/// What is asked about: a moment or the end, of the journal of this home or of a copy.
#[derive(Clone, Copy, Debug)]
pub struct Sought {
    pub at: Option<When>,
    pub is_home: bool,
    /// Everything up to it can be read. Else nobody knows what has become of anything since the record before the damage.
    pub whole: bool,
}

/// That of the question: a moment that was named, else now. Of a copy that is the moment of its last record, wherever it was
/// made: nobody knows how long the one that it was made of has gone on since.
pub fn present(Sought { at, is_home, whole }: Sought, last: Option<Timestamp>) -> Timestamp {
    let here = clock::now();
    match (at, last) {
        (_, None) => here,
        (_, Some(last)) if !whole => last,
        (Some(at), Some(last)) => at.told_from(last),
        (None, Some(last)) if is_home => here.latest(last),
        (None, Some(last)) => last,
    }
}

/// What is to come no journal holds: the state of today would pass for an answer.
pub fn must_have_come(at: When, newest: impl FnOnce() -> Option<Record>) -> Result<(), CliError> {
    let here = clock::now();
    let When::Wall(wall_us) = at else { return Ok(()) };
    if wall_us <= here.wall_us {
        return Ok(());
    }
    let last = newest().map(|record| record.at);
    // The clock of whoever wrote it may be ahead of this one.
    if last.is_some_and(|last| wall_us <= last.wall_us) {
        return Ok(());
    }
    let made = |last| format!("; the newest record was made at {}", date_time(last, &zone()));
    let made = last.map_or_else(String::new, made);
    let why = format!("{} has not come yet{made}", date_time(Timestamp { wall_us, ..here }, &zone()));
    let hint = "`dormouse whynot` says what comes by itself, and when";
    Err(CliError::Usage { why, hint: Some(hint.to_owned()) })
}

/// Of a moment before the first record: which one was understood. A clock time is the last one there was, and may have been
/// meant to be the next.
pub fn nothing_yet(at: Option<When>) -> String {
    let at = match at {
        Some(When::Wall(wall_us)) => format!(" at {}", date_time(Timestamp { wall_us, ..clock::now() }, &zone())),
        Some(When::Lsn(_)) | None => String::new(),
    };
    format!("nothing had happened yet{at}")
}

/// Said once of an answer that is as of another moment than its reader has named: of the end of a copy, or of the record before one
/// that cannot be read.
pub fn as_of_its_end(Sought { at, is_home, whole }: Sought, last: Option<Timestamp>) -> String {
    let Some(last) = last.map(|last| date_time(last, &zone())) else { return String::new() };
    let says = match (whole, at, is_home) {
        (false, ..) => format!(
            "As of {last}, the last record before one that cannot be read: nobody can tell what came of it since."
        ),
        (true, None, false) => format!("As of {last}, the last record of this journal."),
        (true, ..) => return String::new(),
    };
    layout::fold("", &says, render::columns()) + "\n"
}

/// A table, and what is said below it.
pub fn table_above(cells: &[Vec<String>], said: &str) -> String {
    let table = layout::table(cells, render::columns());
    if table.is_empty() || said.is_empty() { table + said } else { format!("{}\n{said}", table.trim_end()) }
}
