//! Records as `log --json` shows them.

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::event::WritePayload;
use crate::model::record::Record;

use super::phrase::rfc3339;

/// One object: `lsn at kind class peer generation message cause actor data`, in this order; `at` is RFC 3339 UTC with
/// milliseconds, `actor` a text, `data` the event's own fields. What does not apply is null.
pub fn record(record: &Record) -> Value {
    let kind = record.event.kind();
    json!({
        "lsn": record.lsn,
        "at": rfc3339(record.at),
        "kind": kind.name,
        "class": kind.class,
        "peer": record.subject.peer,
        "generation": record.subject.generation,
        "message": record.subject.message,
        "cause": record.cause,
        "actor": record.actor.to_string(),
        "data": record.event.write(AsJson),
    })
}

struct AsJson;

impl WritePayload for AsJson {
    type Output = Value;

    fn write<T: Serialize>(self, payload: &T) -> Value {
        // A path that is not UTF-8 has no JSON form; the rest of the record still has.
        serde_json::to_value(payload).unwrap_or_else(|error| json!({ "unshowable": error.to_string() }))
    }
}
