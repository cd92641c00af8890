//! The payload of any kind, from any bytes.

use dormouse::journal::format::frame::FrameHeader;
use dormouse::journal::format::payload::{decode, encode};
use dormouse::model::event::KINDS;
use dormouse::model::id::Lsn;

use super::{Input, golden_records};

/// The first byte chooses the kind, the rest is its payload.
pub fn run(bytes: &[u8]) {
    let mut input = Input(bytes);
    let dormouse::model::event::Kind { number: kind, schema, .. } = KINDS[usize::from(input.u8()) % KINDS.len()];
    let frame = |payload: &[u8]| FrameHeader {
        length: payload.len() as u32,
        lsn: Lsn(3),
        time_us: 5,
        kind,
        schema,
        flags: 0,
        behind: 1,
    };
    let Ok(record) = decode(&frame(input.0), input.0) else { return };
    assert_eq!(record.event.kind().number, kind);
    let mut ours = Vec::new();
    encode(&record, &mut ours).expect("what was decoded can be encoded");
    // Numbers may be written longer than need be; we write them short, and so we never grow what we read.
    assert!(ours.len() <= input.0.len(), "{} bytes became {}", input.0.len(), ours.len());
    let again = decode(&frame(&ours), &ours).expect("what was encoded can be decoded");
    assert_eq!(again, record);
    let json = serde_json::to_string(&record).expect("a record is JSON");
    let from_json: dormouse::model::record::Record = serde_json::from_str(&json).expect("and back");
    assert_eq!(from_json, record, "{json}");
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for record in golden_records() {
        let number = record.event.kind().number;
        let place = KINDS.iter().position(|kind| kind.number == number).expect("a golden kind is known");
        let mut seed = vec![place as u8];
        encode(&record, &mut seed).expect("a golden record can be encoded");
        seed.truncate(1500);
        seeds.push(seed);
    }
    seeds
}
