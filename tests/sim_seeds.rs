//! Simulated worlds (`dormouse sim`): fixed seeds that have to pass for ever, and a few that nobody has seen.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use dormouse::sim::{Level, Plan, Ran, run};

/// Worlds in which much goes wrong. The last shows what `docs/found.md` calls seen, and left.
const MUCH: Range<u64> = 0..141;

/// Every promise holds in these worlds.
#[track_caller]
fn keeps_its_promises(level: Level, seeds: Range<u64>) {
    for seed in seeds {
        if let Some(broken) = run(&Plan::new(seed, level)).broken {
            panic!("{broken:?}: dormouse sim --seed {seed} --faults {} --trace", level.word());
        }
    }
}

#[test]
fn worlds_in_which_nothing_goes_wrong_come_to_rest() {
    keeps_its_promises(Level::None, 0..20);
}

#[test]
fn worlds_in_which_little_goes_wrong_keep_every_promise() {
    keeps_its_promises(Level::Light, 0..40);
}

#[test]
fn worlds_in_which_much_goes_wrong_keep_every_promise() {
    keeps_its_promises(Level::Heavy, MUCH);
}

/// Twenty that change with the time of day: what fails here is printed with its seed, and kept as a fixed one.
#[test]
fn worlds_that_nobody_has_seen_keep_every_promise() {
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() << 8;
    keeps_its_promises(Level::Heavy, fresh..fresh + 20);
}

/// Each of these has found a bug: the first table of `docs/found.md`, in its order.
#[rustfmt::skip]
const FOUND: &[u64] = &[
    0, 16, 10, 20, 4, 35, 50, 11_008, 11_227, 12_557, 14_850, 33_484, 92, 2, 20_038_269, 20_076_351, 20_062_954, 60_002_745,
    61_004_571, 200_009_889, 459_762_815_197, 459_762_809_402,
    1_000_002_303, 3_000_001_506, 459_785_036_188,
];

/// In these the simulator itself was wrong: its second table.
const CALLED_BROKEN: &[u64] =
    &[60_011_365, 61_002_717, 60_006_304, 61_007_566, 1_000_054_458, 1_000_051_103, 1_000_053_193, 1_000_051_323];

#[test]
fn seeds_that_have_found_a_bug_pass() {
    for seed in FOUND.iter().filter(|seed| !MUCH.contains(seed)) {
        keeps_its_promises(Level::Heavy, *seed..seed + 1);
    }
}

#[test]
fn seeds_that_were_called_broken_and_were_not_pass() {
    for seed in CALLED_BROKEN {
        keeps_its_promises(Level::Heavy, *seed..seed + 1);
    }
}

/// Seeds in the first column of the table below this headline, each once; what stands behind them in parentheses is no seed.
fn told_below(headline: &str) -> Vec<u64> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/found.md");
    let text = fs::read_to_string(document).unwrap();
    let part =
        text.split("\n#").find(|part| part.trim_start_matches(['#', ' ']).starts_with(headline)).expect(headline);
    let rows = part.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let cells = rows.filter(|cell| *cell != "seed" && !cell.starts_with("---") && !cell.starts_with("none:"));
    let mut seeds = Vec::new();
    for seed in cells.flat_map(|cell| cell.split(" (").next().unwrap_or_default().split(", ")) {
        let seed = seed.parse().unwrap_or_else(|_| panic!("`{seed}` in docs/found.md is no seed"));
        if !seeds.contains(&seed) {
            seeds.push(seed);
        }
    }
    seeds
}

/// What is told and not run proves nothing, and what is run and not told is nobody's.
#[test]
fn the_seeds_that_are_told_of_are_those_that_are_run() {
    assert_eq!(told_below("What the simulator found"), FOUND);
    assert_eq!(told_below("Where the simulator itself was wrong"), CALLED_BROKEN);
}

/// The same seed is the same world: every record, every fault, to the last millisecond.
#[test]
fn a_seed_is_a_world() {
    let told = |ran: Ran| (ran.records, ran.struck, ran.simulated_ms);
    for seed in 0..5 {
        let plan = Plan::new(seed, Level::Heavy);
        assert_eq!(told(run(&plan)), told(run(&plan)), "seed {seed}");
    }
}
