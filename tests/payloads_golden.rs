//! Payloads as they were published, one line a sample: what any version wrote is read for ever (I4).
//!
//! `tests/golden/payloads.jsonl` only grows. A kind's new schema adds lines; those of the old one stay, with the JSON that
//! the newest makes of them.

#[allow(dead_code, reason = "only the samples of its table are taken")]
#[path = "explain/decisions.rs"]
mod decisions;
#[allow(dead_code, reason = "only the samples of its table are taken")]
#[path = "explain/facts.rs"]
mod facts;
#[allow(dead_code, reason = "the samples take what they need")]
#[path = "explain/history.rs"]
mod history;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dormouse::journal::format::frame::FrameHeader;
use dormouse::journal::format::payload::{decode, encode};
use dormouse::model::event::KINDS;
use dormouse::model::record::Record;
use serde_json::{Value, json};

fn golden() -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/payloads.jsonl");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn payload(record: &Record) -> Vec<u8> {
    let mut payload = Vec::new();
    encode(record, &mut payload).unwrap();
    payload
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A sample as its line has it.
fn line(record: &Record) -> Value {
    let kind = record.event.kind();
    json!({
        "kind": kind.number, "schema": kind.schema, "name": kind.name, "payload": hex(&payload(record)), "record": record
    })
}

fn number(line: &Value, field: &str) -> u64 {
    line[field].as_u64().unwrap_or_else(|| panic!("no {field} in {line}"))
}

#[test]
fn every_golden_payload_is_read_as_its_record_and_written_the_same() {
    for line in golden() {
        let bytes = unhex(line["payload"].as_str().unwrap());
        let (kind, schema) = (number(&line, "kind") as u16, number(&line, "schema") as u8);
        let expected: Record = serde_json::from_value(line["record"].clone()).unwrap();
        let frame = FrameHeader {
            length: bytes.len() as u32,
            lsn: expected.lsn,
            time_us: expected.at.wall_us,
            kind,
            schema,
            flags: 0,
            behind: 1,
        };
        let record = decode(&frame, &bytes).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(record, expected);
        assert_eq!(json!(record), line["record"], "its JSON has another shape");
        let known = record.event.kind();
        assert_eq!((known.number, known.name), (kind, line["name"].as_str().unwrap()));
        if schema == known.schema {
            assert_eq!(payload(&record), bytes, "{} is written otherwise now", known.name);
        }
    }
}

/// Samples of every kind; what is written of them now is left in the tests' own folder.
#[test]
fn every_kind_and_schema_has_a_golden_payload() {
    let golden = golden();
    let has: BTreeSet<_> = golden.iter().map(|line| (number(line, "kind"), number(line, "schema"))).collect();
    let lines: Vec<Value> = [facts::table(), decisions::table()]
        .into_iter()
        .flatten()
        .map(|(event, _)| line(&history::record(7, event)))
        .collect();
    let now = Path::new(env!("CARGO_TARGET_TMPDIR")).join("payloads.jsonl");
    fs::write(&now, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    for kind in KINDS {
        for schema in 1..=kind.schema {
            let row = (u64::from(kind.number), u64::from(schema));
            assert!(has.contains(&row), "{}, schema {schema}, has none; see {}", kind.name, now.display());
        }
    }
    let gone: Vec<_> = lines.iter().filter(|line| !golden.contains(line)).collect();
    assert!(gone.is_empty(), "golden payloads that changed or vanished (now: {}): {gone:#?}", now.display());
}
