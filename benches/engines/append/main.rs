//! Durable appends: dormouse's journal and others, each next to one raw write and sync of the same bytes. `make
//! bench-engines`; `DORMOUSE_BENCH_ROUNDS` says how often, `DORMOUSE_BENCH_DIR` on which disk.
//!
//! All of it runs in interleaved rounds of one process, so that a slow moment of the disk is shared by all. A round in
//! which the floor itself took many times its usual time is one of the machine's, and is run again.

mod engines;

use engines::Engine;

const BATCHES: [usize; 4] = [1, 8, 64, 1000];
/// Appends of each size in a round.
const APPENDS: [usize; 4] = [40, 20, 20, 4];
/// What dormouse's median must reach of the floor's; none for the second size.
const BARS: [Option<f64>; 4] = [Some(0.97), None, Some(0.90), Some(0.75)];
/// A round is the machine's when the floor is so many times its best so far.
const PHASE: f64 = 8.0;
const FLOOR: usize = 0;
const OURS: usize = 1;
/// From here on others.
const OTHERS: usize = 3;

/// Nanoseconds of each append, by size.
type Samples = [Vec<u64>; 4];

fn main() {
    let rounds = std::env::var("DORMOUSE_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(25);
    let place = std::env::var_os("DORMOUSE_BENCH_DIR").unwrap_or_else(|| "/var/tmp".into());
    let place = tempfile::tempdir_in(place).expect("a folder on a disk");
    let mut engines = engines::all(place.path());
    let mut samples = vec![Samples::default(); engines.len()];
    let (mut counted, mut discarded) = (0, 0);
    let mut best = f64::MAX;
    while counted < rounds {
        let round: Vec<Samples> = engines.iter_mut().map(|engine| round_of(engine.as_mut())).collect();
        let floor = percentile(&round[FLOOR][0], 50);
        best = best.min(floor);
        if floor > best * PHASE && discarded < rounds {
            discarded += 1;
            continue;
        }
        for (all, new) in samples.iter_mut().zip(round) {
            for (all, new) in all.iter_mut().zip(new) {
                all.extend(new);
            }
        }
        counted += 1;
    }
    println!("durable appends of one batch, {counted} interleaved rounds ({discarded} discarded), microseconds;");
    println!("ratio: the floor's median over this one's\n");
    print!("{}", table(&engines, &samples));
    print!("{}", verdicts(&engines, &samples));
}

fn round_of(engine: &mut dyn Engine) -> Samples {
    std::array::from_fn(|size| (0..APPENDS[size]).map(|_| engine.append(BATCHES[size])).collect())
}

fn table(engines: &[Box<dyn Engine>], samples: &[Samples]) -> String {
    let mut text = format!("{:<24}", "p50, p99, ratio");
    for batch in BATCHES {
        text.push_str(&format!(" {:>22}", format!("{batch} a batch")));
    }
    text.push('\n');
    for (engine, own) in engines.iter().zip(samples) {
        text.push_str(&format!("{:<24}", engine.name()));
        for (size, took) in own.iter().enumerate() {
            let (p50, p99) = (percentile(took, 50), percentile(took, 99));
            text.push_str(&format!(" {p50:>8.0} {p99:>8.0} {:>4.2}", ratio(samples, own, size)));
        }
        text.push('\n');
    }
    text
}

/// What was aimed at, and whether it was reached: of the floor, and next to the fastest of the others.
fn verdicts(engines: &[Box<dyn Engine>], samples: &[Samples]) -> String {
    let mut text = String::from("\n");
    for size in 0..BATCHES.len() {
        let ours = ratio(samples, &samples[OURS], size);
        let others = engines.iter().zip(samples).skip(OTHERS);
        let fastest = others.map(|(engine, own)| (ratio(samples, own, size), engine.name()));
        let (theirs, name) = fastest.max_by(|a, b| a.0.total_cmp(&b.0)).expect("an engine");
        let says = |met| if met { "met" } else { "MISSED" };
        let floor = BARS[size].map(|bar| format!("of the floor {ours:.3}, >= {bar} {}; ", says(ours >= bar)));
        text.push_str(&format!(
            "{:>4} a batch: {}over {name} {:.2}, > 1 {}\n",
            BATCHES[size],
            floor.unwrap_or_default(),
            ours / theirs,
            says(ours > theirs)
        ));
    }
    text
}

/// The floor's median over that of `own`.
fn ratio(samples: &[Samples], own: &Samples, size: usize) -> f64 {
    percentile(&samples[FLOOR][size], 50) / percentile(&own[size], 50)
}

/// Microseconds.
fn percentile(samples: &[u64], percent: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted[rank] as f64 / 1e3
}
