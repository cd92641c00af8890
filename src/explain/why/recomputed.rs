//! The decisions of a chain, decided again from the records before them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Source, Walked};
use crate::explain::again::{Divergence, judge};
use crate::explain::phrase::{count, number};
use crate::model::event::Event;
use crate::model::id::Lsn;
use crate::model::record::Record;
use crate::model::state::State;
use crate::reducer::apply;

/// How many records may be folded to come to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// What is had in a fraction of a second.
    Near,
    /// However many there are.
    Any,
}

/// About as many as come between two snapshots. Folding them takes a tenth of a second.
const NEAR: u64 = 120_000;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recomputed {
    /// Decisions that came out as they are recorded.
    pub same: BTreeSet<Lsn>,
    pub differ: Vec<Divergence>,
    /// Decisions that were not decided again.
    pub too_far: BTreeMap<Lsn, TooFar>,
}

/// Why a decision was not decided again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooFar {
    /// So many records lie between it and the nearest state that is told.
    Records(u64),
    /// No state before it is told any more, or a record on the way, or of its own group, cannot be read.
    Unreadable,
}

/// The facts of a chain's decisions, each with the decisions of its group that the chain holds.
type Groups = BTreeMap<Lsn, BTreeSet<Lsn>>;

/// Decides the decisions of `chain` again. `told` are states at which folding can begin, beside the empty one.
pub(super) fn recompute<S: Source + ?Sized>(source: &S, chain: &[Record], told: &[State], reach: Reach) -> Recomputed {
    let mut found = Recomputed::default();
    let empty = (source.first() == Lsn(1)).then(State::default);
    let mut bases: Vec<&State> = empty.iter().chain(told).collect();
    bases.sort_by_key(|state| state.lsn);
    let mut groups = groups(source, chain);
    // The newest come first: they are what was asked for, and a snapshot is near.
    let mut left = NEAR;
    for base in bases.into_iter().rev() {
        let behind = groups.split_off(&base.lsn.next());
        let mut wanted = Groups::new();
        let mut cost = 0;
        for (fact, decisions) in behind {
            let records = fact.0 - base.lsn.0;
            if reach == Reach::Any || records <= left {
                cost = records;
                wanted.insert(fact, decisions);
            } else {
                found.too_far.extend(decisions.into_iter().map(|lsn| (lsn, TooFar::Records(records))));
            }
        }
        left = left.saturating_sub(cost);
        fold(source, base.clone(), &wanted, &mut found);
    }
    found.too_far.extend(groups.into_values().flatten().map(|lsn| (lsn, TooFar::Unreadable)));
    found
}

fn groups<S: Source + ?Sized>(source: &S, chain: &[Record]) -> Groups {
    let known: BTreeMap<Lsn, &Record> = chain.iter().map(|record| (record.lsn, record)).collect();
    let mut groups = Groups::new();
    for decision in chain.iter().filter(|record| matches!(record.event, Event::Decision(_))) {
        let mut at = decision.clone();
        // A decision follows from a record of its own group, and the first of those is the fact.
        while let (Event::Decision(_), Some(cause)) = (&at.event, at.cause.filter(|cause| *cause < at.lsn)) {
            match known.get(&cause).map(|record| (*record).clone()).or_else(|| source.record(cause)) {
                Some(before) => at = before,
                None => break,
            }
        }
        groups.entry(at.lsn).or_default().insert(decision.lsn);
    }
    groups
}

/// Folds from `state` to the last of `wanted`, and decides those again on the way.
fn fold<S: Source + ?Sized>(source: &S, mut state: State, wanted: &Groups, found: &mut Recomputed) {
    let Some((&last, _)) = wanted.last_key_value() else { return };
    let mut left: BTreeSet<Lsn> = wanted.keys().copied().collect();
    let mut group: Vec<Record> = Vec::new();
    let walked = source.walk(state.lsn.next(), &mut |record| {
        if matches!(record.event, Event::Fact(_)) {
            decided(&mut state, &std::mem::take(&mut group), wanted, found);
            if record.lsn > last {
                return false;
            }
        }
        if left.remove(&record.lsn) || !group.is_empty() {
            group.push(record);
        } else {
            // What it asked of the world was done then.
            drop(apply(&mut state, &record));
        }
        true
    });
    if walked != Walked::ToUnknown {
        decided(&mut state, &group, wanted, found);
    } else if let Some(fact) = group.first() {
        left.insert(fact.lsn);
    }
    let unread = left.iter().filter_map(|fact| wanted.get(fact)).flatten();
    found.too_far.extend(unread.map(|lsn| (*lsn, TooFar::Unreadable)));
}

fn decided(state: &mut State, group: &[Record], wanted: &Groups, found: &mut Recomputed) {
    let Some(decisions) = group.first().and_then(|fact| wanted.get(&fact.lsn)) else { return };
    match judge(state, group) {
        None => found.same.extend(decisions),
        Some(divergence) => found.differ.push(divergence),
    }
}

impl Recomputed {
    /// What came of it, a line each; both sides of a difference are [`Recomputed::differ`].
    pub fn sentences(&self) -> Vec<String> {
        let mut says = Vec::new();
        let n = self.same.len() as u64;
        match n {
            0 => {}
            1 => says.push("Decided again from the records before it: the same.".to_owned()),
            _ => says
                .push(format!("Its {} decisions, each decided again from the records before it: the same.", number(n))),
        }
        for divergence in &self.differ {
            let after = divergence.after.lsn;
            says.push(format!("Decided again from the records before it: not the same after record {after}."));
        }
        let far = self.too_far.values().filter_map(|why| match why {
            TooFar::Records(records) => Some(*records),
            TooFar::Unreadable => None,
        });
        if let Some(records) = far.clone().min() {
            let decisions = count(far.count() as u64, "decision", "decisions");
            says.push(format!(
                "{decisions} not recomputed: {} records from the nearest snapshot; `--prove` does it.",
                number(records)
            ));
        }
        let unreadable = self.too_far.values().filter(|why| **why == TooFar::Unreadable).count() as u64;
        if unreadable > 0 {
            let decisions = count(unreadable, "decision", "decisions");
            says.push(format!(
                "{decisions} not recomputed: not every record before, or decided on at the same moment, can be read any more."
            ));
        }
        says
    }

    /// `{"same": [lsn], "differs": [as replay --diff], "not": [{"lsn", "records"}]}`; `records` is null where no way leads
    /// there.
    pub fn json(&self) -> Value {
        let not: Vec<Value> = self
            .too_far
            .iter()
            .map(|(lsn, why)| match why {
                TooFar::Records(records) => json!({ "lsn": lsn, "records": records }),
                TooFar::Unreadable => json!({ "lsn": lsn, "records": null }),
            })
            .collect();
        let differs: Vec<Value> = self.differ.iter().map(Divergence::json).collect();
        json!({ "same": self.same, "differs": differs, "not": not })
    }
}
