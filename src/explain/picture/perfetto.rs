//! The picture as Chrome's trace events, which ui.perfetto.dev opens: a track for each peer, slices for its phases and,
//! within, for its turns; instants for its marks.

use serde_json::{Value, json};

use super::{Bar, Gap, Lane, Look, Mark, Picture, Standing};

/// All tracks belong to one made-up process.
const PROCESS: u32 = 1;
/// Of the gaps, and of what is about no peer. Peers follow.
const DAEMON: usize = 1;

/// `{"traceEvents": […]}`; times are microseconds since 1970.
pub fn trace(picture: &Picture) -> Value {
    let mut events = vec![named("process_name", 0, "dormouse"), named("thread_name", DAEMON, "daemon")];
    for (at, lane) in picture.lanes.iter().enumerate() {
        events.push(named("thread_name", track(Some(at)), &lane.peer.to_string()));
        events.extend(slices(picture, at, lane));
    }
    for gap in &picture.gaps {
        let name = match gap {
            Gap { unread: true, .. } => "records that cannot be read",
            Gap { stopped: true, .. } => "no daemon: stopped",
            Gap { stopped: false, .. } => "no daemon: killed",
        };
        events.push(slice(picture, DAEMON, name, (gap.from, gap.to), json!({ "claim": "nothing is known here" })));
    }
    let drawn = |mark: &&Mark| mark.look != Look::None || mark.lane.is_none();
    events.extend(picture.marks.iter().filter(drawn).map(|mark| instant(picture, mark)));
    json!({ "displayTimeUnit": "ms", "traceEvents": events })
}

fn track(lane: Option<usize>) -> usize {
    lane.map_or(DAEMON, |lane| DAEMON + 1 + lane)
}

fn named(what: &str, track: usize, name: &str) -> Value {
    json!({ "ph": "M", "name": what, "pid": PROCESS, "tid": track, "args": { "name": name } })
}

/// A slice for each phase, outside of the turns in it; none reaches into a time of which nothing is known.
fn slices(picture: &Picture, lane: usize, it: &Lane) -> Vec<Value> {
    let spans = known_spans(picture, it);
    let same_phase = |a: &(Standing, usize, usize), b: &(Standing, usize, usize)| {
        a.2 == b.1 && a.0.phase == b.0.phase && a.0.generation == b.0.generation
    };
    let mut events = Vec::new();
    for phase in spans.chunk_by(same_phase) {
        let (Some((stands, from, _)), Some((_, _, to))) = (phase.first(), phase.last()) else { continue };
        let session = json!({ "session": stands.generation });
        events.push(slice(picture, track(Some(lane)), stands.phase.word(), (*from, *to), session));
        for (stands, from, to) in phase {
            let Some(turn) = stands.turn.filter(|_| stands.phase == crate::explain::view::Phase::Live) else {
                continue;
            };
            let armed = json!({ "armed": stands.armed });
            events.push(slice(picture, track(Some(lane)), &format!("turn {turn}"), (*from, *to), armed));
        }
    }
    events
}

/// What is claimed, from place to place: bars, cut at the gaps.
fn known_spans(picture: &Picture, lane: &Lane) -> Vec<(Standing, usize, usize)> {
    let end = picture.marks.len().saturating_sub(1);
    let ends = lane.bars.iter().skip(1).map(|bar| bar.from).chain([end]);
    let mut spans = Vec::new();
    for (Bar { from, stands, .. }, to) in lane.bars.iter().zip(ends) {
        let Some(stands) = stands else { continue };
        let first = picture.gaps.partition_point(|gap| gap.to <= *from);
        let mut from = *from;
        for gap in picture.gaps[first..].iter().take_while(|gap| gap.from < to) {
            spans.push((*stands, from, gap.from.max(from)));
            from = gap.to;
        }
        spans.push((*stands, from, to.max(from)));
    }
    spans
}

fn slice(picture: &Picture, track: usize, name: &str, (from, to): (usize, usize), args: Value) -> Value {
    let at = |place: usize| picture.marks[place].at.wall_us;
    // A clock that was set back makes no slice of a length below zero.
    let length = at(to).saturating_sub(at(from));
    json!({ "ph": "X", "name": name, "pid": PROCESS, "tid": track, "ts": at(from), "dur": length, "args": args })
}

fn instant(picture: &Picture, mark: &Mark) -> Value {
    let message = mark.parcel.map(|parcel| picture.parcels[parcel].id);
    json!({
        "ph": "i", "s": "t", "name": mark.kind.name, "pid": PROCESS, "tid": track(mark.lane), "ts": mark.at.wall_us,
        "args": { "lsn": mark.lsn, "says": mark.says, "message": message, "because_of": mark.links },
    })
}
