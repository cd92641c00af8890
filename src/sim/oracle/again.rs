//! Every decision, decided again from what the journal holds, comes out the same, and folds to the same state (I2, I3).

use std::collections::VecDeque;

use super::Broken;
use crate::model::record::Record;
use crate::model::state::State;
use crate::policy::decide;
use crate::reducer::apply;

/// Folds one group into `state`, deciding again what followed from its fact. `see` is called after each
/// record is folded in.
pub fn decide_again(state: &mut State, group: &[Record], mut see: impl FnMut(&State, &Record)) -> Result<(), Broken> {
    let mut fold = |state: &mut State, record: &Record| {
        drop(apply(state, record));
        see(state, record);
    };
    let Some((fact, recorded)) = group.split_first() else { return Ok(()) };
    let mut recorded = recorded.iter();
    fold(state, fact);
    let mut undecided = VecDeque::from([fact]);
    while let Some(record) = undecided.pop_front() {
        for draft in decide(state, record) {
            let Some(next) = recorded.next() else {
                return Err(broken(record, format!("{:?} is missing", draft.event)));
            };
            if (&next.subject, next.cause, &next.actor, &next.event)
                != (&draft.subject, draft.cause, &draft.actor, &draft.event)
            {
                return Err(broken(record, format!("{:?} is recorded, {:?} comes out now", next.event, draft.event)));
            }
            fold(state, next);
            undecided.push_back(next);
        }
    }
    match recorded.next() {
        None => Ok(()),
        Some(next) => Err(broken(next, format!("{:?} does not come out any more", next.event))),
    }
}

fn broken(record: &Record, what: String) -> Broken {
    Broken { oracle: "decided again", rule: "I2", what: format!("after record {}: {what}", record.lsn) }
}
