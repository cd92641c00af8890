//! Questions have the same answers with indexes, without, and with damaged ones; only the way there is shorter.

mod journal_disk;

use std::fs;
use std::path::{Path, PathBuf};

use dormouse::journal::{DirStorage, Indexer, Journal, Options, Order, Question, ReadError, Reader};
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::event::{DaemonStopped, MessageAccepted, MessageDead, Recipient, ReportMade, StopSet};
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::name::Identity;
use dormouse::model::profile::WakePolicy;
use dormouse::model::record::{Record, Subject};
use dormouse::model::time::{BootId, Timestamp};
use journal_disk::salts;
use proptest::prelude::*;
use tempfile::TempDir;

/// What one generated record is made of.
#[derive(Clone, Debug)]
struct Sketch {
    kind: u8,
    peer: Option<usize>,
    speaker: Option<usize>,
    message: Option<u128>,
    other: u128,
    /// The wall clock goes where it likes.
    wall_us: u64,
    text_bytes: usize,
}

fn peer(number: usize) -> Identity {
    ["claude-ada", "claude-bob", "demo-ada", "demo-eve", "gpt-zoe"][number].parse().unwrap()
}

fn record(lsn: u64, sketch: &Sketch) -> Record {
    let text = "x".repeat(sketch.text_bytes);
    let to = Sender::User { name: "eve".to_owned(), uid: 7 };
    let event = match sketch.kind {
        0 => DaemonStopped { why: text }.into(),
        1 => StopSet {}.into(),
        2 => MessageDead { why: text, attempts: 1, unfinished: 0 }.into(),
        3 => ReportMade { about: MessageId(sketch.other), to, text }.into(),
        _ => MessageAccepted {
            to: Recipient::User("eve".to_owned()),
            from: to,
            topic: None,
            text,
            replaced: 0,
            key: None,
            progress: false,
            answers: sketch.other.is_multiple_of(2).then_some(MessageId(sketch.other)),
            policy: WakePolicy::Persistent,
            queue_depth: 1,
            reason: None,
            named: false,
            reply_asked: false,
        }
        .into(),
    };
    let actor = sketch.speaker.map(|speaker| Actor::Session { peer: peer(speaker), generation: Generation(Lsn(1)) });
    Record {
        lsn: Lsn(lsn),
        at: Timestamp { wall_us: sketch.wall_us, awake_ms: lsn, boot: BootId(1) },
        subject: Subject { peer: sketch.peer.map(peer), generation: None, message: sketch.message.map(MessageId) },
        cause: None,
        actor: actor.unwrap_or(Actor::Dormouse),
        event,
    }
}

/// How a journal ends: with a segment that is being written, or, after a daemon that was stopped, with a sealed one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Open,
    Closed,
}

/// A journal of segments of three blocks.
fn journal(sketches: &[Sketch], end: End) -> (TempDir, Vec<Record>) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 200 << 10, ..Options::default() };
    let opened = Journal::open(DirStorage::open(dir.path()).unwrap(), options, 5, salts(), |_| {});
    let mut journal = opened.unwrap().0;
    let records: Vec<Record> = (1..).zip(sketches).map(|(lsn, sketch)| record(lsn, sketch)).collect();
    for batch in records.chunks(40) {
        let groups: Vec<Vec<Record>> = batch.chunks(3).map(<[Record]>::to_vec).collect();
        let _ = journal.append(&groups, ()).unwrap();
    }
    if end == End::Closed {
        journal.close().unwrap();
    }
    (dir, records)
}

fn index_everything(dir: &Path) -> u32 {
    Indexer::new(dir.to_owned()).catch_up(|| true).unwrap()
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ext| ext == extension)).collect();
    found.sort();
    found
}

fn answer(dir: &Path, question: &Question, from: u64, order: Order) -> Vec<Record> {
    let reader = Reader::open(dir).unwrap();
    reader.find(question, Lsn(from), order).map(Result::unwrap).collect()
}

/// Both orders give what a look at every record gives.
#[track_caller]
fn agrees(dir: &Path, records: &[Record], question: &Question, from: u64, way: &str) {
    let mut expected: Vec<Record> =
        records.iter().filter(|record| record.lsn.0 >= from && question.wants(record)).cloned().collect();
    assert_eq!(answer(dir, question, from, Order::OldestFirst), expected, "{way}: {question:?} from {from}");
    expected.reverse();
    assert_eq!(answer(dir, question, from, Order::NewestFirst), expected, "{way}: {question:?} from {from}");
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let message = || prop_oneof![Just(None), (0..40u128).prop_map(Some), Just(Some(1 << 100))];
    (
        0..6u8,
        proptest::option::of(0..4usize),
        proptest::option::of(0..4usize),
        message(),
        0..40u128,
        0..100u64,
        0..4000usize,
    )
        .prop_map(|(kind, peer, speaker, message, other, wall_us, text_bytes)| Sketch {
            kind,
            peer,
            speaker,
            message,
            other,
            wall_us,
            text_bytes,
        })
}

fn question() -> impl Strategy<Value = Question> {
    let peers = || proptest::option::of(prop::collection::vec((0..5usize).prop_map(peer), 1..3));
    let kinds = prop_oneof![
        Just(vec![]),
        Just(vec!["stop_set"]),
        Just(vec!["message_accepted", "report_made"]),
        Just(vec!["daemon_started"])
    ];
    let time = || proptest::option::weighted(0.3, 0..100u64);
    let place = || proptest::option::weighted(0.3, (0..500u64).prop_map(Lsn));
    let message = proptest::option::of((0..41u128).prop_map(MessageId));
    (peers(), peers(), message, kinds, time(), time(), place(), place()).prop_map(
        |(subjects, concerned, message, kinds, since_us, until_us, first, last)| Question {
            subjects,
            concerned,
            message,
            kinds,
            since_us,
            until_us,
            first,
            last,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_question_has_one_answer_with_indexes_without_and_with_damaged_ones(
        sketches in prop::collection::vec(sketch(), 150..450),
        questions in prop::collection::vec((question(), 0..500u64), 6),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..3u8), 1..4),
        end in prop_oneof![Just(End::Open), Just(End::Closed)],
    ) {
        let (dir, records) = journal(&sketches, end);
        let dir = dir.path();
        let sealed = files(dir, "jnl").len() - 1;
        let known = || Reader::open(dir).unwrap().peers().unwrap();
        let peers = known();
        for (question, from) in &questions {
            agrees(dir, &records, question, *from, "without");
        }
        prop_assert_eq!(index_everything(dir) as usize, sealed);
        prop_assert_eq!(index_everything(dir), 0, "they are there");
        prop_assert_eq!(known(), peers.clone());
        for (question, from) in &questions {
            agrees(dir, &records, question, *from, "with");
        }
        let indexes = files(dir, "idx");
        for (place, how) in damage.iter().filter(|_| !indexes.is_empty()) {
            let (path, mut bytes) = (place.get(&indexes), fs::read(place.get(&indexes)).unwrap());
            match how {
                0 => { let at = place.index(bytes.len()); bytes[at] ^= 4; }
                1 => bytes.truncate(place.index(bytes.len())),
                _ => bytes = fs::read(&indexes[(place.index(indexes.len()) + 1) % indexes.len()]).unwrap(),
            }
            fs::write(path, bytes).unwrap();
        }
        prop_assert_eq!(known(), peers);
        for (question, from) in &questions {
            agrees(dir, &records, question, *from, "damaged");
        }
    }
}

fn plain(peer: usize, text_bytes: usize) -> Sketch {
    Sketch { kind: 0, peer: Some(peer), speaker: None, message: None, other: 1, wall_us: 5, text_bytes }
}

/// One record of zoe's in a sea of ada's: four segments, and hers in the second.
fn needle() -> (TempDir, Vec<Record>) {
    let mut sketches = vec![plain(0, 3000); 220];
    sketches[70] = Sketch { kind: 1, message: Some(9), ..plain(4, 10) };
    journal(&sketches, End::Open)
}

fn about_zoe() -> Question {
    Question { concerned: Some(vec![peer(4)]), ..Question::default() }
}

/// What is not looked at cannot stop a look-up; that it does without the indexes shows that they are what is asked.
#[test]
fn an_index_says_where_not_to_look() {
    let (dir, records) = needle();
    let dir = dir.path();
    assert!(index_everything(dir) >= 3);
    for segment in &files(dir, "jnl")[..3] {
        let mut bytes = fs::read(segment).unwrap();
        bytes[70_000] ^= 1;
        fs::write(segment, bytes).unwrap();
    }
    let asked =
        [about_zoe(), Question::about_message(MessageId(9)), Question { kinds: vec!["stop_set"], ..about_zoe() }];
    for question in &asked {
        for order in [Order::OldestFirst, Order::NewestFirst] {
            assert_eq!(answer(dir, question, 1, order), [records[70].clone()]);
        }
    }
    files(dir, "idx").iter().for_each(|index| fs::remove_file(index).unwrap());
    let reader = Reader::open(dir).unwrap();
    for question in &asked {
        let last = reader.find(question, Lsn(1), Order::OldestFirst).last().unwrap();
        assert!(matches!(last, Err(ReadError::Damaged { .. })), "{last:?}");
    }
}

/// The seal that ends the last segment is met first by who reads the newest first.
#[test]
fn a_daemon_that_was_stopped_leaves_no_record_unseen() {
    for end in [End::Open, End::Closed] {
        let mut sketches = vec![plain(0, 3000); 50];
        sketches[3] = Sketch { kind: 1, ..plain(4, 10) };
        let (dir, records) = journal(&sketches, end);
        assert_eq!(files(dir.path(), "jnl").len(), 1, "all in the last segment");
        for question in [about_zoe(), Question { kinds: vec!["stop_set"], ..Question::default() }, Question::default()]
        {
            agrees(dir.path(), &records, &question, 1, &format!("{end:?}"));
        }
    }
}

/// Damage where one looks is named as ever.
#[test]
fn damage_in_a_block_that_an_index_names_is_reported() {
    let (dir, _) = needle();
    let dir = dir.path();
    index_everything(dir);
    let segment = files(dir, "jnl").remove(1);
    let mut bytes = fs::read(&segment).unwrap();
    let name = bytes.windows(7).position(|bytes| bytes == b"gpt-zoe").unwrap();
    bytes[name] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let reader = Reader::open(dir).unwrap();
    let question = about_zoe();
    let found: Vec<_> = reader.find(&question, Lsn(1), Order::OldestFirst).collect();
    assert!(matches!(&found[..], [Err(ReadError::Damaged { lsn: Lsn(71), .. })]), "{found:?}");
}

#[test]
fn a_segment_that_cannot_be_read_gets_no_index_and_the_others_do() {
    let (dir, _) = needle();
    let dir = dir.path();
    let sealed = files(dir, "jnl").len() - 1;
    let segment = files(dir, "jnl").remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[9_000] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let mut indexer = Indexer::new(dir.to_owned());
    let failure = indexer.catch_up(|| true).unwrap_err().to_string();
    assert!(failure.contains("00000000000000000001.jnl"), "{failure}");
    assert_eq!(files(dir, "idx").len(), sealed - 1);
    assert_eq!(indexer.catch_up(|| true).unwrap(), 0, "it is not tried again and again");
    assert!(!dir.join("index.tmp").exists());
}

#[test]
fn an_index_that_is_damaged_or_of_no_segment_is_replaced_or_removed() {
    let (dir, records) = needle();
    let dir = dir.path();
    assert_eq!(Indexer::new(dir.to_owned()).catch_up(|| false).unwrap(), 0, "nobody wanted it to go on");
    index_everything(dir);
    let indexes = files(dir, "idx");
    let whole = fs::read(&indexes[0]).unwrap();
    let mut damaged = whole.clone();
    damaged[200] ^= 1;
    fs::write(&indexes[0], damaged).unwrap();
    fs::write(dir.join("00000000000000099999.idx"), &whole).unwrap();
    assert_eq!(index_everything(dir), 1);
    assert_eq!(files(dir, "idx"), indexes);
    assert_eq!(fs::read(&indexes[0]).unwrap(), whole);
    agrees(dir, &records, &about_zoe(), 1, "made again");
}

/// The clock was set back in the middle of a segment: its seal's own times would hide the records made before.
#[test]
fn times_are_those_of_all_records_of_a_segment() {
    let at = |wall_us| Sketch { wall_us, ..plain(0, 3000) };
    let mut sketches = vec![at(1_000); 200];
    sketches[20] = at(9_000_000);
    let (dir, records) = journal(&sketches, End::Open);
    index_everything(dir.path());
    let late = Question { since_us: Some(5_000_000), ..Question::default() };
    assert_eq!(answer(dir.path(), &late, 1, Order::OldestFirst), [records[20].clone()]);
}
