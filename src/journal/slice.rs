//! A part of a history as a journal of its own, as retention would have left it: it begins with a snapshot, and readers
//! take it as they take any other.

use super::Snapshot;
use super::audit::hex;
use super::format::frame::FrameHeader;
use super::format::payload;
use super::salvage::{Copyist, SalvageError};
use super::snapshot;
use super::storage::Storage;
use crate::model::actor::Actor;
use crate::model::event::{Event, HistoryRemoved, RetentionReason};
use crate::model::id::Lsn;
use crate::model::record::{Record, Subject};

/// So much of a segment's file is room that nothing fills; a slice is made to be sent somewhere.
const SEGMENT_BYTES: u64 = 256 << 10;

/// Where a slice begins: the state right before its first record, in the shape `schema`.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    pub schema: u16,
    pub state: &'a [u8],
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Sliced {
    pub first_lsn: Lsn,
    /// The last record of the old journal that is in it.
    pub last_lsn: Lsn,
    /// Behind it: records of the slice's own, which say what it begins with.
    pub added: Vec<Lsn>,
}

/// Writes `records`, consecutive and in whole groups, into a new journal in `to`, which is empty. Without what came `before`
/// the first one, unless it is the very first, no state can be told of what is written.
///
/// Records are written as this build writes them, with times, lsns and causes as they are; digests are the new journal's
/// own. `random` gives 16 fresh random bytes at each call.
///
/// # Errors
///
/// A record that is not the next one: its place would be another's. What the file system says. What was written to `to` by then
/// is no journal.
pub fn slice<S: Storage>(
    to: S,
    before: Option<Before<'_>>,
    records: impl Iterator<Item = Record>,
    now_wall_us: u64,
    random: impl FnMut() -> [u8; 16],
) -> Result<Option<Sliced>, SalvageError> {
    let mut records = records.peekable();
    let Some(first) = records.peek().map(|record| record.lsn) else { return Ok(None) };
    let mut copyist = Copyist::begin(&to, random, now_wall_us, SEGMENT_BYTES, first);
    let mut last: Option<Record> = None;
    while let Some(record) = records.next() {
        let expected = last.as_ref().map_or(first, |last| last.lsn.next());
        if record.lsn != expected {
            return Err(SalvageError::NotNext { expected, found: record.lsn });
        }
        let more_follows = records.peek().is_some_and(|next| matches!(next.event, Event::Decision(_)));
        put(&mut copyist, &record, more_follows)?;
        last = Some(record);
    }
    let Some(last) = last else { return Ok(None) };
    let mut added = Vec::new();
    if first > Lsn(1) {
        let mut events = Vec::new();
        if let Some(before) = before {
            // The segment of that record is not in the slice: nothing of it could be compared.
            let through = Lsn(first.0 - 1);
            let snapshot = Snapshot::of(copyist.name(), through, (1, [0; 16]), before.schema, before.state);
            snapshot::write(&to, &snapshot).map_err(|source| copyist.unwritten(std::io::Error::other(source)))?;
            events.push(Event::from(snapshot.taken()));
        }
        let removed = HistoryRemoved {
            first_kept: first,
            segments: 0,
            bytes: 0,
            // Nothing stood before the first segment of this journal.
            head: hex(&[0; 32]),
            because: RetentionReason::Capsule {},
        };
        events.push(removed.into());
        for event in events {
            let lsn = Lsn(last.lsn.0 + 1 + added.len() as u64);
            let record =
                Record { lsn, subject: Subject::NONE, cause: None, actor: Actor::Dormouse, event, at: last.at };
            put(&mut copyist, &record, false)?;
            added.push(lsn);
        }
    }
    copyist.finish()?;
    Ok(Some(Sliced { first_lsn: first, last_lsn: last.lsn, added }))
}

/// A record outside of any journal: one line of JSON, its payload in hexadecimal digits as a journal would hold it.
///
/// # Errors
///
/// It has no payload: a text in it is too long for one.
pub fn line_of(record: &Record) -> Result<String, SalvageError> {
    let mut bytes = Vec::new();
    payload::encode(record, &mut bytes).map_err(|source| SalvageError::Encode { lsn: record.lsn, source })?;
    let (kind, hex) = (record.event.kind(), bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let (lsn, wall_us) = (record.lsn, record.at.wall_us);
    let line = Line { lsn, wall_us, kind: kind.number, schema: kind.schema, payload: hex };
    Ok(serde_json::to_string(&line).expect("numbers and a text") + "\n")
}

/// The record that a line holds; none if it is no such line, or of a kind that only a newer build knows.
pub fn of_line(line: &str) -> Option<Record> {
    let Line { lsn, wall_us, kind, schema, payload } = serde_json::from_str(line).ok()?;
    let digits = payload.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let bytes = digits.collect::<Option<Vec<u8>>>()?;
    let length = u32::try_from(bytes.len()).ok()?;
    let header = FrameHeader { length, lsn, time_us: wall_us, kind, schema, flags: 0, behind: 1 };
    payload::decode(&header, &bytes).ok()
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Line {
    lsn: Lsn,
    wall_us: u64,
    kind: u16,
    schema: u8,
    payload: String,
}

fn put<S: Storage, R: FnMut() -> [u8; 16]>(
    copyist: &mut Copyist<'_, S, R>,
    record: &Record,
    more_follows: bool,
) -> Result<(), SalvageError> {
    let mut payload = Vec::new();
    payload::encode(record, &mut payload).map_err(|source| SalvageError::Encode { lsn: record.lsn, source })?;
    copyist.put(record, payload, more_follows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::DirStorage;
    use crate::model::event::DaemonStopped;
    use crate::model::time::{BootId, Timestamp};

    /// I5: a frame says its own lsn, and readers count places; a hole would make every later record one that was tampered with.
    #[test]
    fn i5_a_slice_with_a_hole_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let record = |lsn: u64| {
            let at = Timestamp { wall_us: lsn, awake_ms: lsn, boot: BootId(1) };
            let event = DaemonStopped { why: "a signal".to_owned() }.into();
            Record { lsn: Lsn(lsn), at, subject: Subject::NONE, cause: None, actor: Actor::Dormouse, event }
        };
        let records = [414, 415, 418].into_iter().map(record);
        let refused = slice(DirStorage::open(dir.path()).unwrap(), None, records, 5, || [7; 16]).unwrap_err();
        assert_eq!(refused.to_string(), "record 418 cannot stand where record 416 belongs");
    }
}
