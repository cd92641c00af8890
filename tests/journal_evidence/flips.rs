//! Every bit of a journal that was closed in order.

use std::thread;

use dormouse::journal::{DamageKind, verify};
use dormouse::model::event::{Event, Fact};
use dormouse::model::record::Record;

use crate::world::{Copy, put, records, saved, tiny};

/// All records but those that were lost are as they were; each lost one is said to be.
pub fn all_but_the_lost(found: &[Record], expected: &[Record], lost: u64) -> bool {
    let is_lost = |record: &Record| matches!(record.event, Event::Fact(Fact::RecordLost(_)));
    let same =
        |(found, expected): (&Record, &Record)| found == expected || (found.lsn == expected.lsn && is_lost(found));
    found.len() == expected.len()
        && found.iter().zip(expected).all(same)
        && found.iter().filter(|record| is_lost(record)).count() as u64 == lost
}

/// The bits of byte `at` to flip. In a stretch of zeros one of eight: whether such a byte is zero is all that anybody
/// asks of it. Without optimisation the rest would take minutes.
fn bits(bytes: &[u8], at: usize) -> std::ops::Range<u32> {
    let around = &bytes[at.saturating_sub(40)..(at + 40).min(bytes.len())];
    let one = (at % 8) as u32;
    let in_zeros = around.iter().all(|&byte| byte == 0);
    if in_zeros && cfg!(debug_assertions) { one..one + 1 } else { 0..8 }
}

/// I4: one flipped bit of a closed journal is reported wherever it is, in its own segment, at or before its place, and
/// every other record is saved as it was.
#[test]
fn every_flipped_bit_of_a_closed_journal_is_reported_and_costs_at_most_its_own_record() {
    let segments = tiny(2);
    let whole = Copy::of(&segments);
    assert_eq!((segments.len(), verify(whole.path()).unwrap().damage), (2, vec![]));
    let expected = records(whole.path());
    let workers = thread::available_parallelism().map_or(2, usize::from).min(8);
    thread::scope(|scope| {
        for worker in 0..workers {
            let (segments, expected) = (&segments, &expected);
            scope.spawn(move || flip(segments, expected, |at| at % workers == worker));
        }
    });
}

fn flip(segments: &[(String, Vec<u8>)], expected: &[Record], mine: impl Fn(usize) -> bool) {
    let copy = Copy::of(segments);
    for (index, (name, bytes)) in segments.iter().enumerate() {
        let file = copy.handle(index);
        for at in (0..bytes.len()).filter(|&at| mine(at)) {
            let bits = bits(bytes, at);
            let in_content = bits.len() > 1;
            for bit in bits {
                put(&file, at, bytes[at] ^ (1 << bit));
                let found = verify(copy.path()).unwrap();
                let place = format!("bit {bit} of byte {at} of {name}: {:?}", found.damage);
                assert!(found.torn_tail.is_none(), "{place}");
                let [damage] = &found.damage[..] else { panic!("{place}") };
                assert_eq!((damage.kind, damage.segment.as_str()), (DamageKind::Rot, name.as_str()), "{place}");
                assert!(damage.offset <= at as u64, "{place}");
                // A salvage asks the same checksums; one in a few of them shows that it heeds the answers.
                if at % 8 == bit as usize && at % if in_content { 3 } else { 192 } == 0 {
                    let (salvaged, records) = saved(copy.path());
                    assert!(salvaged.lost <= 1 && salvaged.damage == found.damage, "{place}: {salvaged:?}");
                    assert!(all_but_the_lost(&records, expected, salvaged.lost), "{place}: {salvaged:?}");
                }
            }
            put(&file, at, bytes[at]);
        }
    }
    assert_eq!(verify(copy.path()).unwrap().damage, [], "everything was put back");
}
