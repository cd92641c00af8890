//! What became of a message, read from the journal.

use std::path::PathBuf;
use std::sync::Arc;

use super::History;
use crate::journal::{ReadError, Reader};
use crate::model::event::{Event, Fact};
use crate::model::id::{Lsn, MessageId};
use crate::model::record::Record;

/// Reads the journal in `dir` anew for each question. They are rare: a key that is known already, or a caller that could
/// not keep up.
pub fn history(dir: PathBuf) -> History {
    Arc::new(move |message, from| about(&dir, message, from).map_err(|error| error.to_string()))
}

fn about(dir: &std::path::Path, message: MessageId, from: Lsn) -> Result<Vec<Record>, ReadError> {
    let reader = Reader::open(dir)?;
    let concerns = |record: &Record| record.subject.message == Some(message) || answers(record) == Some(message);
    reader.records(from).filter(|record| record.as_ref().map_or(true, concerns)).collect()
}

fn answers(record: &Record) -> Option<MessageId> {
    match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) => accepted.answers,
        Event::Decision(crate::model::event::Decision::ReportMade(report)) => Some(report.about),
        _ => None,
    }
}
