//! How fast a history is read again, next to what memory allows and to other ways of keeping one. `make bench-engines`;
//! `DORMOUSE_BENCH_RECORDS` and `DORMOUSE_BENCH_ROUNDS` say how much.
//!
//! SQLite's rows are decoded twice: by bincode and serde, as a user of rusqlite would who keeps structs in a table, and by
//! dormouse's own reader of payloads, which is no part of rusqlite. The bar is against the first; the second says how much
//! of the lead is that reader's and how much the journal's. A history is read by several threads where somebody goes
//! through all of it (`audit`, `whatif`), which rusqlite's cursor cannot be: that is measured by the wall on both sides, and
//! processor time next to it.
//!
//! At the end the memory is printed that a fold takes, so that a long run (`DORMOUSE_BENCH_RECORDS=10000000`) shows
//! whether it grows with history.

#[path = "../../corpus/mod.rs"]
mod corpus;
mod others;
mod ours;

use dormouse_engines::{Cell, rounds};

/// What is printed, and what it is measured against: at least (or, of a time, at most) so many times the other.
struct Bar {
    what: &'static str,
    against: &'static str,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

const fn at_least(what: &'static str, against: &'static str, times: f64) -> Bar {
    Bar { what, against, at_least: Some(times), at_most: None }
}

const BARS: &[Bar] = &[
    at_least("checksums of sealed segments", "memory sum by the wall", 0.70),
    at_least("checksums of an unsealed tail", "memory sum of the tail", 0.35),
    Bar { what: "verify: digests and chain too", against: "memory sum", at_least: None, at_most: None },
    at_least("checksums and decode", "memory sum", 0.0),
    at_least("decode beside, by the wall", "SQLite, bincode, by the wall", 3.0),
    at_least("checksums and decode", "SQLite: scan, bincode's decode", 0.0),
    at_least("checksums and decode", "SQLite: scan, our decode", 0.0),
    at_least("checksums and decode", "JSON lines: read and parse", 3.0),
    Bar { what: "checksums, decode and fold", against: "checksums and decode", at_least: None, at_most: Some(2.5) },
];

fn main() {
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (records, times) = (number("DORMOUSE_BENCH_RECORDS", 1_000_000), number("DORMOUSE_BENCH_ROUNDS", 9));
    let dir = tempfile::tempdir().expect("a folder");
    let sealed = ours::Sealed::write(&dir.path().join("sealed"), records);
    let tail = ours::Tail::write(&dir.path().join("tail"));
    let others = others::Others::write(dir.path(), &sealed.dir);
    let bytes = sealed.bytes();
    println!(
        "{} records, {:.0} MiB sealed, {times} interleaved rounds, processor time\n",
        sealed.records,
        bytes as f64 / 1048576.0
    );
    let mut cells = [
        Cell::new("memory sum", || sealed.sum()),
        Cell::new("memory sum by the wall", || sealed.sum()).by_the_wall(),
        Cell::new("checksums of sealed segments", || sealed.check()).by_the_wall(),
        Cell::new("verify: digests and chain too", || sealed.verify()),
        Cell::new("checksums and decode", || sealed.decode()),
        Cell::new("decode beside, by the wall", || sealed.decode_beside()).by_the_wall(),
        Cell::new("SQLite, bincode, by the wall", || others.sqlite()).by_the_wall(),
        Cell::new("checksums, decode and fold", || sealed.fold()),
        Cell::new("SQLite: scan, bincode's decode", || others.sqlite()),
        Cell::new("SQLite: scan, our decode", || others.sqlite_with_our_reader()),
        Cell::new("JSON lines: read and parse", || others.json()),
        Cell::new("memory sum of the tail", || tail.sum()),
        Cell::new("checksums of an unsealed tail", || tail.check()),
    ];
    rounds(&mut cells, times as usize);
    println!("{:<34} {:>10} {:>14}", "", "median ms", "M records/s");
    for cell in &cells {
        let of = if cell.name.contains("tail") { tail.records } else { sealed.records };
        println!("{:<34} {:>10.1} {:>14.2}", cell.name, cell.median() * 1e3, of as f64 / cell.median() / 1e6);
    }
    println!("\n{:<34} {:<30} {:>7}", "speed of", "over that of", "ratio");
    let median = |name: &str| cells.iter().find(|cell| cell.name == name).expect("a cell of this name").median();
    for Bar { what, against, at_least, at_most } in BARS {
        let ratio = median(against) / median(what);
        let verdict = |met| if met { "met" } else { "MISSED" };
        let says = match (at_least, at_most) {
            (Some(least), _) if *least > 0.0 => format!(">= {least} {}", verdict(ratio >= *least)),
            (_, Some(most)) => format!("takes {:.2} times, <= {most} {}", 1.0 / ratio, verdict(1.0 / ratio <= *most)),
            _ => String::new(),
        };
        println!("{what:<34} {against:<30} {ratio:>7.2} {says}");
    }
    let fold = sealed.watched_fold();
    println!(
        "\nthe fold of {} records ended with a state of {} peers and {} messages; memory that is no file's: {:.1} MiB \
         before it, {:.1} at most",
        sealed.records,
        fold.peers,
        fold.messages,
        fold.before as f64 / 1024.0,
        fold.most as f64 / 1024.0
    );
}
