//! From a world that breaks a promise to the fewest faults that still break it.

use std::collections::BTreeSet;

use super::run::{Plan, Ran, run};

/// Worlds that are tried at most: each takes some milliseconds.
const TRIES_MAX: u32 = 300;

/// `plan` with as few faults as still break the same promise.
pub fn shrink(plan: &Plan, ran: &Ran) -> Plan {
    let Some(broken) = &ran.broken else { return plan.clone() };
    let struck: Vec<u32> = ran.struck.iter().map(|struck| struck.number).collect();
    let with = |only: &BTreeSet<u32>| Plan { only: Some(only.clone()), ..plan.clone() };
    let fewest = fewest(&struck, |only| run(&with(only)).broken.is_some_and(|found| found.oracle == broken.oracle));
    with(&fewest)
}

/// The shortest beginning of `all` that `fails`, without what it fails without as well; all of it if no part does.
fn fewest(all: &[u32], mut fails: impl FnMut(&BTreeSet<u32>) -> bool) -> BTreeSet<u32> {
    let mut tries = 0;
    let mut try_with = |faults: &[u32]| {
        tries += 1;
        tries <= TRIES_MAX && fails(&faults.iter().copied().collect())
    };
    let mut left = all.to_vec();
    // What strikes after the promise is broken cannot have broken it; one fault less may also make another world.
    let mut beginning = left.len();
    while beginning > 0 && try_with(&left[..beginning / 2]) {
        beginning /= 2;
        left.truncate(beginning);
    }
    let mut piece = left.len().div_ceil(2).max(1);
    loop {
        let before = left.len();
        let mut at = 0;
        while at < left.len() {
            let end = (at + piece).min(left.len());
            let without: Vec<u32> = left[..at].iter().chain(&left[end..]).copied().collect();
            if try_with(&without) {
                left = without;
            } else {
                at = end;
            }
        }
        if piece == 1 && left.len() == before {
            return left.into_iter().collect();
        }
        piece = piece.div_ceil(2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_goes() {
        let all: Vec<u32> = (0..100).collect();
        for needed in [vec![], vec![0], vec![99], vec![3, 17], vec![1, 50, 98]] {
            let needed: BTreeSet<u32> = needed.into_iter().collect();
            assert_eq!(fewest(&all, |only| needed.is_subset(only)), needed);
        }
    }

    /// A world may break only with all of them; then all are kept.
    #[test]
    fn what_cannot_be_spared_stays() {
        let all: Vec<u32> = (0..10).collect();
        assert_eq!(fewest(&all, |only| only.len() == 10).len(), 10);
    }
}
