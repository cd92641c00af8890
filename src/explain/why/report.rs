//! A report on a message, which waits and is delivered like one (C13).

use super::{Question, Source, Until};
use crate::model::event::{Decision, Event, Fact};
use crate::model::id::MessageId;
use crate::model::record::Record;

const KIND: &str = "report_made";

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
    found(source, &until.asks(&[KIND]), message)
}

/// The record that made the report `message`, of those that `source` has; none: it is no report.
pub fn any<S: Source + ?Sized>(source: &S, message: MessageId) -> Option<Record> {
    found(source, &Question { kinds: vec![KIND], ..Question::default() }, message)
}

fn found<S: Source + ?Sized>(source: &S, reports: &Question, message: MessageId) -> Option<Record> {
    let mut made = None;
    source.back(reports, &mut |record| {
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
