//! From a world that breaks a promise to a short one with few faults that still breaks it.

use std::collections::BTreeSet;

use super::faults::{Fault, Struck};
use super::run::{Plan, Ran, run};

/// Worlds that are tried at most: each takes some milliseconds.
const TRIES_MAX: u32 = 600;

/// `plan` with as few hours and faults as still break the same promise.
pub fn shrink(plan: &Plan, ran: &Ran) -> Plan {
    let Some(broken) = &ran.broken else { return plan.clone() };
    let breaks = |ran: &Ran| ran.broken.as_ref().is_some_and(|found| found.oracle == broken.oracle);
    let faultless = Plan { only: Some(BTreeSet::new()), ..plan.clone() };
    if breaks(&run(&faultless)) {
        return shortest(&faultless, breaks).map_or(faultless, |(shorter, _)| shorter);
    }
    let shorter = shortest(plan, breaks);
    let (plan, struck) = shorter.as_ref().map_or((plan, &ran.struck), |(shorter, ran)| (shorter, &ran.struck));
    let with = |only: &[Struck]| Plan { only: Some(only.iter().map(|it| it.number).collect()), ..plan.clone() };
    with(&fewest(struck, |only| breaks(&run(&with(only)))))
}

/// `plan` with the fewest hours in which it still breaks, if fewer will do. What it takes to come to rest is not among
/// them: a shorter world may find another way there.
fn shortest(plan: &Plan, breaks: impl Fn(&Ran) -> bool) -> Option<(Plan, Ran)> {
    let mut shorter = (1..plan.hours).map(|hours| Plan { hours, ..plan.clone() });
    shorter.find_map(|plan| Some(run(&plan)).filter(&breaks).map(|ran| (plan, ran)))
}

/// What is left of all faults.
struct Left<F> {
    faults: Vec<Struck>,
    fails: F,
    tries: u32,
}

impl<F: FnMut(&[Struck]) -> bool> Left<F> {
    /// Goes on with `fewer` if that fails as well.
    fn take(&mut self, fewer: Vec<Struck>) -> bool {
        self.tries += 1;
        let fails = self.tries <= TRIES_MAX && (self.fails)(&fewer);
        if fails {
            self.faults = fewer;
        }
        fails
    }

    /// The shortest beginning. What strikes after the promise is broken cannot have broken it; one fault less may also
    /// make another world, so that a shorter one may fail again where a longer one does not.
    fn beginning(&mut self) {
        let mut step = self.faults.len().div_ceil(2);
        while step > 0 {
            while self.faults.len() >= step && self.take(self.faults[..self.faults.len() - step].to_vec()) {}
            step /= 2;
        }
    }

    /// Without whole kinds, the most frequent first: a promise is rarely broken by more than a few.
    fn kinds(&mut self) {
        let mut kinds: Vec<(usize, Fault)> = Vec::new();
        for struck in &self.faults {
            match kinds.iter_mut().find(|(_, kind)| *kind == struck.fault) {
                Some((times, _)) => *times += 1,
                None => kinds.push((1, struck.fault)),
            }
        }
        kinds.sort_by_key(|(times, _)| std::cmp::Reverse(*times));
        for (_, kind) in kinds {
            self.take(self.faults.iter().filter(|struck| struck.fault != kind).copied().collect());
        }
    }

    /// Without what it fails without, in ever smaller pieces, until no single one can be spared.
    fn pieces(&mut self) {
        let mut piece = self.faults.len().div_ceil(2).max(1);
        loop {
            let (before, mut at) = (self.faults.len(), 0);
            while at < self.faults.len() {
                let end = (at + piece).min(self.faults.len());
                if !self.take(self.faults[..at].iter().chain(&self.faults[end..]).copied().collect()) {
                    at = end;
                }
            }
            let is_least = piece == 1 && self.faults.len() == before;
            if is_least || self.tries > TRIES_MAX {
                return;
            }
            piece = piece.div_ceil(2);
        }
    }
}

/// The shortest beginning of `all` that `fails`, without what it fails without as well; all of it if no part does.
fn fewest(all: &[Struck], fails: impl FnMut(&[Struck]) -> bool) -> Vec<Struck> {
    let mut left = Left { faults: all.to_vec(), fails, tries: 0 };
    left.beginning();
    left.kinds();
    left.pieces();
    left.faults
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many faults, of twenty kinds.
    fn faults(many: u32) -> Vec<Struck> {
        (0..many).map(|number| Struck { number, fault: Fault::ALL[number as usize % 20], before: 1 }).collect()
    }

    fn numbers(faults: &[Struck]) -> BTreeSet<u32> {
        faults.iter().map(|struck| struck.number).collect()
    }

    #[test]
    fn what_is_not_needed_goes() {
        let all = faults(1_000);
        for needed in [vec![], vec![0], vec![99], vec![3, 17], vec![1, 50, 998], vec![400, 401, 402, 403]] {
            let needed: BTreeSet<u32> = needed.into_iter().collect();
            assert_eq!(numbers(&fewest(&all, |only| needed.is_subset(&numbers(only)))), needed);
        }
    }

    /// A world may break only with all of them; then all are kept.
    #[test]
    fn what_cannot_be_spared_stays() {
        assert_eq!(fewest(&faults(10), |only| only.len() == 10).len(), 10);
    }
}
