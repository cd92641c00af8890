//! How long `log` and `why` take on a long history, with indexes and without. `make bench-lookup`;
//! `DORMOUSE_BENCH_MIB` says how long, in MiB of journal.

#[path = "../corpus/mod.rs"]
mod corpus;

use std::cell::RefCell;
use std::path::Path;
use std::time::Instant;

use corpus::{Corpus, SELDOM, id};
use dormouse::explain::why::{Answer, Reach, Reading, Subject, Until};
use dormouse::journal::{Indexer, Order, Question, Reader};
use dormouse::model::event::Event;
use dormouse::model::id::Lsn;

/// Of one record with its head, on average.
const RECORD_BYTES: u64 = 120;
/// One message in eight is for it.
const BUSY: &str = "claude-worker-0";
/// A walk over everything is measured once.
const ROUNDS: [usize; 2] = [1, 5];

fn main() {
    let mib = std::env::var("DORMOUSE_BENCH_MIB").ok().and_then(|text| text.parse().ok()).unwrap_or(1024_u64);
    let dir = tempfile::tempdir().expect("a folder");
    let begun = Instant::now();
    let records = Corpus::write(dir.path(), (mib << 20) / RECORD_BYTES);
    println!("{records} records, {mib} MiB, written in {:.1} s", begun.elapsed().as_secs_f64());
    let without = measure(dir.path(), records, ROUNDS[0]);
    let begun = Instant::now();
    let made = Indexer::new(dir.path().to_owned()).catch_up(|| true).expect("indexes");
    println!("{made} segments indexed in {:.1} s\n", begun.elapsed().as_secs_f64());
    let with = measure(dir.path(), records, ROUNDS[1]);
    println!("{:<44} {:>10} {:>12} {:>12}", "", "records", "indexed ms", "without ms");
    for ((name, found, with), (_, same, without)) in with.into_iter().zip(without) {
        assert_eq!(found, same, "{name}");
        println!("{name:<44} {found:>10} {with:>12.1} {without:>12.1}");
    }
}

/// Each question with the number of its answers and the median of its milliseconds, opening included.
fn measure(dir: &Path, records: u64, rounds: usize) -> Vec<(&'static str, usize, f64)> {
    let seldom = || vec![SELDOM.parse().expect("an identity")];
    let middle = 1_800_000_000_000_000 + records / 2 * 5_000;
    let subject = Question { subjects: Some(seldom()), kinds: vec!["session_ready"], ..Question::default() };
    let message = Question::about_message(id(records / 14));
    let kind = Question { kinds: vec!["peer_registered"], ..Question::default() };
    let moment = Question { since_us: Some(middle), until_us: Some(middle + 1_000_000), ..Question::default() };
    let peer = Question { concerned: Some(vec![BUSY.parse().expect("an identity")]), ..moment.clone() };
    vec![
        timed("why PEER: what made its phase, long ago", (dir, rounds), |reader| {
            reader.find(&subject, Lsn(1), Order::NewestFirst).take(1).count()
        }),
        timed("why MESSAGE", (dir, rounds), |reader| reader.find(&message, Lsn(1), Order::OldestFirst).count()),
        timed("log --kind peer_registered", (dir, rounds), |reader| {
            reader.find(&kind, Lsn(1), Order::OldestFirst).count()
        }),
        timed("log --since MOMENT --until A SECOND LATER", (dir, rounds), |reader| {
            reader.find(&moment, Lsn(1), Order::OldestFirst).count()
        }),
        timed("log --peer NAME in that second", (dir, rounds), |reader| {
            reader.find(&peer, Lsn(1), Order::OldestFirst).count()
        }),
        timed("the whole answer of why PEER, busy", (dir, rounds), |reader| {
            explained(reader, Subject::Peer(BUSY.parse().expect("an identity")))
        }),
        timed("the whole answer of why PEER, long ago", (dir, rounds), |reader| {
            explained(reader, Subject::Peer(SELDOM.parse().expect("an identity")))
        }),
        timed("why RECORD, 100,000 of them folded for it", (dir, rounds), |reader| {
            explained(reader, Subject::Record(decision(reader, Lsn(100_000))))
        }),
        timed("names of all peers", (dir, rounds), |reader| reader.peers().expect("peers").len()),
    ]
}

/// Links of the chain, with its settings, its gaps and the proof.
fn explained(reader: &Reader, subject: Subject) -> usize {
    let failed = RefCell::default();
    let answer =
        Answer::of(&Reading { reader, failed: &failed, earlier: &[] }, subject, Until::default(), &[], Reach::Near);
    let (failed, differ) = (failed.take(), answer.recomputed.differ);
    assert!(failed.is_empty() && differ.is_empty(), "{failed:?}, {differ:?}");
    answer.chain.len()
}

/// The last decision up to a record.
fn decision(reader: &Reader, last: Lsn) -> Lsn {
    let asked = Question { last: Some(last), ..Question::default() };
    let mut found = reader.find(&asked, Lsn(1), Order::NewestFirst).flatten();
    found.find(|record| matches!(record.event, Event::Decision(_))).expect("a decision").lsn
}

fn timed(
    name: &'static str,
    (dir, rounds): (&Path, usize),
    ask: impl Fn(&Reader) -> usize,
) -> (&'static str, usize, f64) {
    let mut taken: Vec<(f64, usize)> = (0..rounds)
        .map(|_| {
            let begun = Instant::now();
            let found = ask(&Reader::open(dir).expect("a journal"));
            (begun.elapsed().as_secs_f64() * 1e3, found)
        })
        .collect();
    taken.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (median, found) = taken[rounds / 2];
    (name, found, median)
}
