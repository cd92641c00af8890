//! How long questions over a long history take, next to reading and folding it: `make bench-questions`.
//! `DORMOUSE_BENCH_RECORDS` says how long.

#[path = "../corpus/simulated.rs"]
mod simulated;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use dormouse::journal::{Indexer, Order, Question, Reader};
use dormouse::model::id::Lsn;
use dormouse::model::name::Identity;
use dormouse::model::record::Record;
use dormouse::model::state::State;
use dormouse::reducer;
use simulated::History;

/// A question, and how many times as long as decode and fold it may take, or how many seconds.
struct Bar {
    name: &'static str,
    args: Vec<String>,
    times_max: Option<f64>,
    seconds_max: Option<f64>,
}

fn main() {
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (records, rounds) = (number("DORMOUSE_BENCH_RECORDS", 1_000_000), number("DORMOUSE_BENCH_ROUNDS", 3) as usize);
    let dir = tempfile::tempdir().expect("a folder");
    let begun = Instant::now();
    let history = simulated::write(dir.path(), records);
    let made = Indexer::new(dir.path().to_owned()).catch_up(|| true).expect("indexes");
    let records = history.records;
    println!("{records} records, {made} segments, made in {:.1} s; {rounds} rounds", begun.elapsed().as_secs_f64());
    let bars = bars(dir.path(), &history);
    let mut taken = vec![Vec::new(); bars.len() + 1];
    // Interleaved, so that what else the machine does meets all of them.
    for _ in 0..rounds {
        taken[0].push(seconds(|| fold(dir.path())));
        for (bar, taken) in bars.iter().zip(&mut taken[1..]) {
            taken.push(seconds(|| ask(&bar.args, dir.path())));
        }
    }
    let medians: Vec<f64> = taken.into_iter().map(median).collect();
    println!("{:<36} {:>8.2} s", "decode and fold", medians[0]);
    for (bar, taken) in bars.iter().zip(&medians[1..]) {
        let times = taken / medians[0];
        let verdict = |met| if met { "met" } else { "MISSED" };
        let bound = match (bar.times_max, bar.seconds_max) {
            (Some(max), _) => format!("<= {max} times: {}", verdict(times <= max)),
            (None, Some(max)) => format!("<= {max} s: {}", verdict(*taken <= max)),
            (None, None) => String::new(),
        };
        println!("{:<36} {taken:>8.2} s {times:>6.2} times  {bound}", bar.name);
    }
}

fn bars(dir: &Path, history: &History) -> Vec<Bar> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let times = |name, args: &str, max| Bar { name, args: words(args), times_max: Some(max), seconds_max: None };
    let at_once = |name, args: String| Bar { name, args: words(&args), times_max: None, seconds_max: Some(0.3) };
    let History { records, often, seldom, worker } = history;
    let middle = Lsn(records / 2);
    let reaped = newest(dir, worker, "reaped", middle);
    let session = reaped.subject.generation.expect("a session").0;
    let message = newest(dir, worker, "task_done", Lsn(*records)).subject.message.expect("a message");
    vec![
        at_once("why PEER, busy", format!("why {often}")),
        at_once("why PEER, seldom", format!("why {seldom}")),
        at_once("why MESSAGE, of an ended worker", format!("why {message}")),
        at_once("why SESSION, in the middle", format!("why {worker}@{session}")),
        at_once("why LSN, in the middle", format!("why {}", reaped.lsn)),
        at_once("why PEER --at the middle", format!("why {often} --at {middle}")),
        at_once("whynot PEER reaped", format!("whynot {often} reaped")),
        times("audit", "audit", 1.5),
        times("whatif", "whatif", 2.0),
        times("whatif --set idle=10m", "whatif --set idle=10m", 2.0),
        times("whatif --set boots_max=1", "whatif --set boots_max=1", 2.0),
    ]
}

/// The newest record of `kind` about `peer`, up to `last`.
fn newest(dir: &Path, peer: &Identity, kind: &'static str, last: Lsn) -> Record {
    let subjects = Some(vec![peer.clone()]);
    let asked = Question { subjects, kinds: vec![kind], last: Some(last), ..Question::default() };
    let reader = Reader::open(dir).expect("a journal");
    let found = reader.find(&asked, Lsn(1), Order::NewestFirst).next();
    found.expect("one of that kind").expect("a record")
}

fn fold(dir: &Path) {
    let reader = Reader::open(dir).expect("a journal");
    let mut state = State::default();
    for record in reader.records(Lsn(1)) {
        drop(reducer::apply(&mut state, &record.expect("a record")));
    }
    assert!(!state.peers.is_empty());
}

fn ask(args: &[String], dir: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    let status = command.args(args).arg("--journal").arg(dir).stdout(Stdio::null()).status().expect("an answer");
    assert!(status.success(), "{args:?}: {status}");
}

fn seconds(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
