//! The journal: whether it can be read, and what it says of this home.

use std::path::Path;

use super::finding::Finding;
use crate::cli::capsule::open::Folder;
use crate::cli::error::CliError;
use crate::cli::history::History;
use crate::config::quantity::size_text;
use crate::explain::phrase::count;
use crate::journal::{self, ReadError};
use crate::model::event::{DaemonStarted, Event, Fact};
use crate::model::id::Lsn;
use crate::model::state::State;
use crate::reducer;

/// What the records that can be read add up to.
#[derive(Default)]
pub struct Past {
    pub state: State,
    /// The daemon that started last.
    pub daemon: Option<DaemonStarted>,
}

/// Checks every byte of the journal, if all of its records can be read.
pub fn examine(dir: &Path) -> (Vec<Finding>, Past) {
    let (findings, past) = fold(dir);
    if findings.is_empty() { (vec![every_byte(dir, past.state.lsn)], past) } else { (findings, past) }
}

/// Folds the journal. No finding: there was nothing in the way.
pub fn fold(dir: &Path) -> (Vec<Finding>, Past) {
    let mut past = Past::default();
    let history = match History::open(Folder::Itself(dir.to_owned())) {
        Ok(history) => history,
        Err(CliError::Journal(ReadError::NoJournal { .. })) => {
            return (vec![Finding::ok("journal", format!("none yet at {}: the daemon makes it", dir.display()))], past);
        }
        Err(error) => return (vec![unreadable(&error, Lsn::ZERO)], past),
    };
    if let Some(error) = history.lost_beginning() {
        return (vec![unreadable(&error, Lsn::ZERO)], past);
    }
    match history.told_at(None) {
        Ok(state) => past.state = state,
        Err(error) => return (vec![unreadable(&error, Lsn::ZERO)], past),
    }
    let mut findings = Vec::new();
    for record in history.reader.records(Lsn(1)) {
        match record {
            Ok(record) => {
                if record.lsn > past.state.lsn {
                    drop(reducer::apply(&mut past.state, &record));
                }
                if let Event::Fact(Fact::DaemonStarted(started)) = record.event {
                    past.daemon = Some(started);
                }
            }
            Err(error) => {
                findings.push(unreadable(&error.into(), past.state.lsn));
                break;
            }
        }
    }
    (findings, past)
}

/// All records can be read, and still no daemon starts on a journal whose headers, seals or lengths are damaged.
fn every_byte(dir: &Path, last: Lsn) -> Finding {
    let found = match journal::verify(dir) {
        Ok(found) => found,
        Err(error) => return unreadable(&error.into(), last),
    };
    if let [first, others @ ..] = &found.damage[..] {
        let more = if others.is_empty() {
            String::new()
        } else {
            format!("; and {}", count(others.len() as u64, "place more", "places more"))
        };
        let segment = dir.join(&first.segment);
        let says = format!("segment {} is damaged at byte {}: {}{more}", segment.display(), first.offset, first.what);
        return Finding::fail("journal", says, DAMAGED.to_owned());
    }
    let bytes = found.segments.iter().map(|segment| segment.bytes).sum();
    let records = count(found.records, "record", "records");
    let segments = count(found.segments.len() as u64, "segment", "segments");
    Finding::ok("journal", format!("{records} in {segments} ({}) at {}, all whole", size_text(bytes), dir.display()))
}

const DAMAGED: &str = "`dormouse audit` says all that is damaged, and `dormouse journal salvage --to DIR` copies what can \
                       be read; no daemon writes to it, and nothing is mended in place";

fn unreadable(error: &CliError, last: Lsn) -> Finding {
    let says = if last == Lsn::ZERO { error.sentence() } else { format!("after record {last}: {}", error.sentence()) };
    let remedy = match error {
        CliError::Journal(ReadError::Newer { .. } | ReadError::Unknown { .. }) => {
            "run the build that wrote it, or a newer one".to_owned()
        }
        error if error.is_damage() => DAMAGED.to_owned(),
        _ => "make it readable for the user who runs the daemon".to_owned(),
    };
    Finding::fail("journal", says, remedy)
}
