//! A report on a message, which waits and is delivered like one (C13).

use super::{Source, Until};
use crate::model::event::{Decision, Event, Fact};
use crate::model::id::MessageId;
use crate::model::record::Record;

/// The record that made `message`, if that is a report; `told` are the records that name it. None does before it is on its way,
/// and none ever says what it is.
pub(super) fn made<S: Source + ?Sized>(
    source: &S,
    message: MessageId,
    told: &[Record],
    until: Until,
) -> Option<Record> {
    let came_in = |it: &Record| matches!(it.event, Event::Fact(Fact::MessageAccepted(_) | Fact::MessageRefused(_)));
    if told.iter().any(came_in) {
        return None;
    }
    let mut made = None;
    source.back(&until.asks(&["report_made"]), &mut |record| {
        made = Some(record).filter(|record| is_made_by(message, record));
        made.is_none()
    });
    made
}

/// `message` is the report that `record` has made.
pub fn is_made_by(message: MessageId, record: &Record) -> bool {
    matches!(&record.event, Event::Decision(Decision::ReportMade(report)) if report.message(record.lsn) == message)
}

/// `record` is about `message`, or has made it.
pub(super) fn is_of(message: MessageId, record: &Record) -> bool {
    record.subject.message == Some(message) || is_made_by(message, record)
}
