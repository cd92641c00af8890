//! Records as lines of text.

use jiff::tz::TimeZone;

use crate::model::record::Record;

use super::because::because;
use super::layout;
use super::phrase::date_time;

/// `lsn  date time  kind  peer  sentence (← cause; actor)`, one line fit for any terminal; times local to `zone`.
///
/// With a width the sentence is folded into it.
pub fn line(record: &Record, zone: &TimeZone, columns: Option<u16>) -> String {
    let peer = record.subject.peer.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let cause = record.cause.map_or_else(String::new, |cause| format!(" ← {cause}"));
    let (lsn, at, kind) = (record.lsn.0, date_time(record.at, zone), record.event.kind().name);
    let prefix = format!("{lsn:>6}  {at}  {kind:<18}  {peer:<16}  ");
    layout::fold(&prefix, &format!("{}{cause}", because(record, zone)), columns)
}
