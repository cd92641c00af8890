//! Simulated worlds (`dormouse sim`): fixed seeds that have to pass for ever, and a few that nobody has seen.

use std::time::{SystemTime, UNIX_EPOCH};

use dormouse::sim::{Level, Plan, Ran, run};

/// Every promise holds in these worlds.
#[track_caller]
fn keeps_its_promises(level: Level, seeds: std::ops::Range<u64>) {
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
    keeps_its_promises(Level::Heavy, 0..140);
}

/// Twenty that change with the time of day: what fails here is printed with its seed, and kept as a fixed one.
#[test]
fn worlds_that_nobody_has_seen_keep_every_promise() {
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() << 8;
    keeps_its_promises(Level::Heavy, fresh..fresh + 20);
}

/// Each of these has found a bug: `docs/found.md`.
#[test]
fn seeds_that_have_found_a_bug_pass() {
    for seed in [0, 4, 5, 10, 16, 20, 35, 50, 140, 1138, 1292, 10_681, 11_008, 11_227, 12_557, 14_850] {
        keeps_its_promises(Level::Heavy, seed..seed + 1);
    }
}

/// In these the simulator itself was wrong.
#[test]
fn seeds_that_were_called_broken_and_were_not_pass() {
    for seed in [60_006_304, 60_011_365, 61_002_717, 61_007_566] {
        keeps_its_promises(Level::Heavy, seed..seed + 1);
    }
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
