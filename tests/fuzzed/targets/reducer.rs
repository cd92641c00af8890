//! Any records in any order: the fold and the rules are total, whatever stands in a journal.

use dormouse::journal::format::frame::FrameHeader;
use dormouse::journal::format::payload::{decode, encode};
use dormouse::model::event::KINDS;
use dormouse::model::record::Record;
use dormouse::model::state::State;
use dormouse::policy::deadline::next_deadline;
use dormouse::policy::decide;
use dormouse::reducer::{apply, invariant};

use super::{Input, golden_records};
use crate::script;
use crate::world::{World, ephemeral};

/// Records one behind the other: kind, length, payload. What does not decode is left out. Nothing holds them together,
/// so no invariant is asked for: only that nobody panics, and that folding again comes to the same.
pub fn run(bytes: &[u8]) {
    let (mut state, mut again) = (State::default(), State::default());
    let mut input = Input(bytes);
    while !input.is_empty() {
        let (kind, length) = (usize::from(input.u8()), usize::from(input.u16()));
        let payload = input.bytes(length);
        let (lsn, kind) = (state.lsn.next(), KINDS[kind % KINDS.len()]);
        let frame = FrameHeader {
            length: payload.len() as u32,
            lsn,
            time_us: lsn.0 * 1000,
            kind: kind.number,
            schema: kind.schema,
            flags: 0,
            behind: 1,
        };
        let Ok(record) = decode(&frame, payload) else { continue };
        let effects = apply(&mut state, &record);
        assert_eq!(effects, apply(&mut again, &record), "the same record, another effect");
        assert_eq!(decide(&state, &record), decide(&again, &record), "the same state, another decision");
    }
    assert_eq!(state, again);
    let _ = (next_deadline(&state), invariant::check(&state));
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut world = World::new();
    world.add("ada", ephemeral);
    for line in ["send a to ada", "up ada", "send b to ada", "turn ada idle", "gone ada signal:9"] {
        script::happens(&mut world, line);
    }
    vec![seed(&golden_records()), seed(&world.records), seed(&world.records[..3])]
}

fn seed(records: &[Record]) -> Vec<u8> {
    let mut seed = Vec::new();
    for record in records {
        let number = record.event.kind().number;
        let place = KINDS.iter().position(|kind| kind.number == number).expect("a known kind");
        let mut payload = Vec::new();
        encode(record, &mut payload).expect("a record can be encoded");
        if payload.len() < 700 {
            seed.push(place as u8);
            seed.extend_from_slice(&(payload.len() as u16).to_le_bytes());
            seed.extend_from_slice(&payload);
        }
    }
    seed.truncate(4000);
    seed
}
