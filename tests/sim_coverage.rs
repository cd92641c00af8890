//! The decision space is reached: what is possible by these worlds, and what is called impossible by none.

use dormouse::sim::coverage::{Coverage, rare, rare_branch};
use dormouse::sim::faults::Faults;
use dormouse::sim::{Level, Plan, run};

/// Worlds with visitors, who see to it that everything comes at the worst moment. Two halves, side by side.
const WORLDS: usize = 26;

fn half(from: u64) -> Coverage {
    let mut coverage = Coverage::default();
    let visited = (from..).filter(|seed| Faults::new(*seed, Level::Heavy, None).has_visitors());
    for seed in visited.take(WORLDS) {
        let ran = run(&Plan::new(seed, Level::Heavy));
        assert_eq!(ran.broken, None, "dormouse sim --seed {seed} --trace");
        coverage.add(&ran.records);
    }
    coverage
}

#[test]
fn every_possible_way_is_gone_and_no_impossible_one() {
    let halves = std::thread::scope(|scope| {
        let halves = [0, 10_000].map(|from| scope.spawn(move || half(from)));
        halves.map(|half| half.join().unwrap())
    });
    let mut coverage = Coverage::default();
    halves.iter().for_each(|half| coverage.join(half));

    let cells = coverage.cells_missed().into_iter().filter(|cell| rare(*cell).is_none());
    let missed = cells.map(|(fact, phase)| format!("{fact}, {}", phase.word()));
    let ways = coverage.branches_missed().into_iter().filter(|branch| rare_branch(*branch).is_none());
    let missed: Vec<String> = missed.chain(ways.map(|(kind, reason)| format!("{kind}, {reason}"))).collect();
    assert!(missed.is_empty(), "not reached: {missed:#?}");
    assert_eq!(coverage.not_foreseen(), [] as [String; 0]);
}
