//! The picture of a history: what its lanes say is what `replay` says, what it cannot know it does not claim, and nothing
//! that somebody wrote into a history can become more than text.

mod history;
mod trace;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use dormouse::explain::picture::{Gap, Look, Painter, Picture, Standing, page::page};
use dormouse::explain::{replay, why};
use dormouse::model::id::{Generation, Lsn};
use dormouse::model::record::Record;
use dormouse::model::state::State;
use dormouse::reducer::apply;
use dormouse::sim::{Level, Plan};
use jiff::tz::TimeZone;

use history::{BODY, fleet, hostile};

pub fn picture(records: &[Record]) -> Picture {
    let zone = TimeZone::UTC;
    let mut painter = Painter::new(State::default(), &zone);
    records.iter().for_each(|record| painter.see(record));
    painter.finish()
}

type Standings = BTreeMap<String, (&'static str, Option<&'static str>, bool, Option<u64>)>;

/// What `replay --at` says right after `record`.
fn replayed(state: &State, record: &Record) -> Standings {
    let moment = replay::moment(state, (record, record.at), Vec::new(), |_| None);
    let stands = |peer: replay::Peer| {
        let session = peer.row.session;
        let armed = session.as_ref().is_some_and(|session| session.armed);
        let (turn, generation) = session.map(|session| (session.turn, session.generation)).unzip();
        (peer.row.peer.to_string(), (peer.row.phase.word(), turn, armed, generation))
    };
    moment.peers.into_iter().map(stands).collect()
}

/// What the lanes say there.
fn drawn(picture: &Picture, place: usize) -> Standings {
    let stands = |it: Standing| {
        let generation = it.generation.map(|Generation(lsn)| lsn.0);
        (it.phase.word(), it.turn, it.armed, generation)
    };
    let lanes = picture.lanes.iter();
    lanes.filter_map(|lane| Some((lane.peer.to_string(), stands(lane.at(place)?)))).collect()
}

#[track_caller]
fn every_bar_is_what_replay_says(records: &[Record], every: usize) {
    let picture = picture(records);
    assert_eq!(picture.marks.len(), records.len());
    let mut state = State::default();
    for (place, record) in records.iter().enumerate() {
        let _ = apply(&mut state, record);
        if place % every == 0 || place + 1 == records.len() {
            assert_eq!(drawn(&picture, place), replayed(&state, record), "after record {}", record.lsn);
        }
    }
}

/// Each bar begins at the record that made it so, and at no other: compared after every single record.
#[test]
fn the_lanes_of_a_fleet_are_what_replay_says_after_each_record() {
    every_bar_is_what_replay_says(&fleet(), 1);
}

/// Peers removed and added, profiles that change, sessions that die: worlds with visitors are of every fourth seed.
#[test]
fn the_lanes_of_made_up_worlds_are_what_replay_says() {
    for seed in 0..4 {
        let plan = Plan { hours: 1, ..Plan::new(seed, Level::Heavy) };
        every_bar_is_what_replay_says(&dormouse::sim::run(&plan).records, 11);
    }
}

/// A bar that says the same as the one before is none.
#[test]
fn a_bar_ends_only_where_something_changes() {
    for lane in picture(&fleet()).lanes {
        assert!(lane.bars.windows(2).all(|pair| pair[0].stands != pair[1].stands), "{}", lane.peer);
        assert!(lane.bars.windows(2).all(|pair| pair[0].from < pair[1].from), "{}", lane.peer);
    }
}

/// C43: behind records that cannot be read nobody knows how anybody stands, until a snapshot says so; marks are drawn all the
/// same, and records keep their own places.
#[test]
fn c43_behind_damage_no_bar_is_drawn_until_a_state_is_told() {
    let (records, zone) = (fleet(), TimeZone::UTC);
    let (hole, told) = (200..300, 500);
    let mut state = State::default();
    records[..told].iter().for_each(|record| drop(apply(&mut state, record)));
    let mut painter = Painter::from(vec![State::default(), state.clone()], &zone);
    let there: Vec<&Record> = records[..hole.start].iter().chain(&records[hole.end..]).collect();
    there.iter().for_each(|record| painter.see(record));
    let picture = painter.finish();
    assert_eq!(picture.marks.len(), there.len());
    let (from, to) = (hole.start - 1, hole.start);
    assert!(picture.gaps.contains(&Gap { from, to, stopped: false, unread: true }), "{:?}", picture.gaps);
    assert_eq!(picture.stretches(), [(0, Lsn(1)), (to, there[to].lsn)]);
    let mut now = State::default();
    for (place, record) in there.iter().enumerate() {
        match record.lsn.0 as usize {
            lsn if lsn <= hole.start => drop(apply(&mut now, record)),
            lsn if lsn <= told => {
                assert!(drawn(&picture, place).is_empty(), "after record {lsn}");
                now = state.clone();
                continue;
            }
            _ => drop(apply(&mut now, record)),
        }
        assert_eq!(drawn(&picture, place), replayed(&now, record), "after record {}", record.lsn);
    }
}

/// Each time without a daemon is told, with whether it had stopped in order, and it is not said to begin before the last
/// thing that is known.
#[test]
fn a_time_without_a_daemon_is_a_gap() {
    let records = fleet();
    let picture = picture(&records);
    let kind = |place: usize| records[place].event.kind().name;
    let starts: Vec<usize> = (0..records.len()).filter(|place| kind(*place) == "daemon_started").collect();
    let stopped = |from: usize, to: usize| (from..to).any(|place| kind(place) == "daemon_stopped");
    let gap =
        |pair: &[usize]| Gap { from: pair[1] - 1, to: pair[1], stopped: stopped(pair[0], pair[1]), unread: false };
    let expected: Vec<Gap> = starts.windows(2).map(gap).collect();
    assert_eq!(picture.gaps, expected);
    assert_eq!(
        expected.iter().map(|gap| gap.stopped).collect::<Vec<_>>(),
        [false, true],
        "one was killed, one stopped"
    );
}

#[test]
fn a_message_is_joined_to_the_session_that_took_it() {
    let records = fleet();
    let picture = picture(&records);
    // A peer's own prompt is typed, and was never sent by anybody.
    let taken = picture.parcels.iter().filter(|parcel| parcel.delivered.is_some() && parcel.accepted.is_some());
    let mut seen = 0;
    for parcel in taken {
        let (accepted, delivered) = (parcel.accepted.unwrap(), parcel.delivered.unwrap());
        assert!(accepted < delivered);
        let mark = &picture.marks[delivered];
        assert_eq!((mark.look, records[delivered].subject.message), (Look::Delivered, Some(parcel.id)));
        assert_eq!(mark.generation, records[delivered].subject.generation);
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
    let answers = picture.marks.iter().filter(|mark| mark.look == Look::Answer).count();
    assert!(answers > 0);
}

/// The page walks the links itself: it must come to the chain that `why` prints.
#[test]
fn the_links_of_a_record_lead_where_why_leads() {
    let records = fleet();
    let picture = picture(&records);
    for place in 0..records.len() {
        let lsn = records[place].lsn;
        let mut found = std::collections::BTreeSet::from([lsn]);
        let mut open = vec![lsn];
        while let Some(lsn) = open.pop() {
            let links = &picture.marks[usize::try_from(lsn.0 - 1).unwrap()].links;
            open.extend(links.iter().copied().filter(|link| found.insert(*link)));
        }
        let chain = why::chain(&records[..], &why::Subject::Record(lsn));
        let expected: Vec<Lsn> = chain.iter().rev().map(|record| record.lsn).collect();
        // After a few attempts `why` has told enough; the page goes on for as long as somebody clicks.
        let attempts = chain.iter().filter(|record| record.event.kind().name.ends_with("_failed")).count();
        match attempts {
            0..4 => assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "record {lsn}"),
            _ => assert!(expected.iter().all(|lsn| found.contains(lsn)), "record {lsn}"),
        }
    }
}

/// One block of script, one of data, one of style: whatever a topic says.
#[test]
fn nothing_in_a_history_can_end_the_block_it_stands_in() {
    let calm = page(&picture(&fleet()), None);
    let hostile = page(&picture(&hostile()), None);
    for tag in ["<script", "</script", "<style", "</style", "<!--", "<img", "onerror="] {
        let calm = calm.matches(tag).count();
        // What opens nothing may say what it likes.
        let expected = if tag == "onerror=" { hostile.matches(tag).count() } else { calm };
        assert_eq!(hostile.matches(tag).count(), expected, "{tag}");
    }
    assert!(hostile.contains("\\u003c/script\\u003e"), "the topic is in the page, as text");
    let data = hostile.split_once("id=\"data\"").unwrap().1.split_once("</script>").unwrap().0;
    assert!(!data.split_once('>').unwrap().1.contains('<'));
}

/// Who may run is said by a word that the history's own bytes make: no other history has it.
#[test]
fn a_page_admits_its_own_script_alone() {
    let word = |page: &str| page.split_once("script-src 'nonce-").unwrap().1.split_once('\'').unwrap().0.to_owned();
    let (calm, hostile) = (page(&picture(&fleet()), None), page(&picture(&hostile()), None));
    assert_eq!(word(&calm).len(), 64);
    assert_ne!(word(&calm), word(&hostile));
    assert!(calm.contains("default-src 'none'"));
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!calm.contains(outside), "{outside}");
    }
}

/// What was said between peers is theirs: a picture that is passed on has sizes only.
#[test]
fn no_body_of_a_message_is_in_the_page() {
    let records = hostile();
    let (page, trace) =
        (page(&picture(&records), None), dormouse::explain::picture::perfetto::trace(&picture(&records)));
    assert!(!page.contains(BODY) && !trace.to_string().contains(BODY));
    assert!(page.contains(&format!("{} bytes", BODY.len())), "its size is");
}

#[test]
fn a_history_without_records_has_a_page() {
    let page = page(&picture(&[]), None);
    assert!(page.contains("<title>dormouse: no records</title>"));
}

/// Where the beginning was removed there are marks of all that is kept, and bars from the oldest snapshot on, with what that
/// knew.
#[test]
fn a_history_without_its_beginning_has_bars_from_its_oldest_snapshot_on() {
    let journal = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/kept-v1");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    command.args(["journal", "export", "--format", "html", "--journal"]).arg(journal);
    let output = command.output().unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && page.contains("<title>dormouse: records 15 to "), "{page}");
    assert!(page.contains(r#"{"peer":"demo-ada","bars":[3,0,0,"#), "a peer that was registered before has a lane");
}
