//! The trace for Perfetto: Chrome's trace events, as its format document has them.

use std::collections::BTreeMap;

use dormouse::explain::picture::perfetto::trace;
use serde_json::Value;

use super::history::fleet;
use super::picture;

fn events() -> Vec<Value> {
    trace(&picture(&fleet()))["traceEvents"].as_array().unwrap().clone()
}

fn of<'a>(events: &'a [Value], phase: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["ph"] == phase)
}

#[test]
fn each_peer_has_a_track_of_its_name() {
    let events = events();
    let tracks: BTreeMap<u64, &str> = of(&events, "M")
        .filter(|event| event["name"] == "thread_name")
        .map(|event| (event["tid"].as_u64().unwrap(), event["args"]["name"].as_str().unwrap()))
        .collect();
    let expected: Vec<String> = picture(&fleet()).lanes.iter().map(|lane| lane.peer.to_string()).collect();
    assert_eq!(tracks.values().skip(1).copied().collect::<Vec<_>>(), expected);
    for event in of(&events, "X").chain(of(&events, "i")) {
        assert!(tracks.contains_key(&event["tid"].as_u64().unwrap()), "{event}");
        assert!(event["ts"].is_u64() && event["name"].is_string() && event["pid"] == 1, "{event}");
    }
    assert!(of(&events, "X").all(|event| event["dur"].is_u64()));
    assert!(of(&events, "i").all(|event| event["s"] == "t"));
}

/// Perfetto stacks slices of a track: one that begins within another must end within it.
#[test]
fn slices_of_a_track_lie_within_each_other() {
    let events = events();
    let mut open: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
    let mut turns = 0;
    for slice in of(&events, "X") {
        let (from, length) = (slice["ts"].as_u64().unwrap(), slice["dur"].as_u64().unwrap());
        let stack = open.entry(slice["tid"].as_u64().unwrap()).or_default();
        stack.retain(|(_, end)| *end > from);
        assert!(stack.iter().all(|(_, end)| from + length <= *end), "{slice} reaches out of {stack:?}");
        turns += usize::from(slice["name"].as_str().unwrap().starts_with("turn "));
        stack.push((from, from + length));
    }
    assert!(turns > 10, "{turns}");
}

/// Nothing is claimed of a time in which no daemon ran.
#[test]
fn no_slice_of_a_peer_reaches_into_a_gap() {
    let picture = picture(&fleet());
    let events = events();
    let us = |place: usize| picture.marks[place].at.wall_us;
    for gap in &picture.gaps {
        for slice in of(&events, "X").filter(|slice| slice["tid"] != 1) {
            let from = slice["ts"].as_u64().unwrap();
            let to = from + slice["dur"].as_u64().unwrap();
            assert!(to <= us(gap.from) || from >= us(gap.to), "{slice} and {gap:?}");
        }
    }
}

/// A decision is an instant that says its sentence and its reasons.
#[test]
fn a_decision_is_an_instant_with_its_reasons() {
    let events = events();
    let reaped = of(&events, "i").find(|event| event["name"] == "reaped").unwrap();
    assert!(reaped["args"]["says"].as_str().unwrap().len() > 10);
    let lsn = reaped["args"]["lsn"].as_u64().unwrap();
    let because_of = reaped["args"]["because_of"].as_array().unwrap();
    assert!(!because_of.is_empty() && because_of.iter().all(|link| link.as_u64().unwrap() < lsn));
}
