//! A history decided again: do the rules of this build come to the decisions that are recorded (I2)?
//!
//! A fact and the decisions that followed from it are one group; each is asked for in the order in which it was. Where
//! the answer differs, both are kept, and the history goes on as it is recorded: what comes behind is judged by itself.

use std::collections::VecDeque;
use std::fmt;

use serde_json::{Value, json};

use crate::model::event::Event;
use crate::model::id::Lsn;
use crate::model::record::{Draft, Record};
use crate::model::state::State;
use crate::policy::decide;
use crate::reducer::apply;

use super::json;

/// Where the rules do not say what is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// What was decided on.
    pub after: Record,
    /// What is recorded as following from it, and does not come out now.
    pub recorded: Vec<Record>,
    /// What comes out now, and is not recorded. Without places of their own: their lsn is that of `after`.
    pub decided: Vec<Record>,
}

/// Takes a history group by group, oldest first, and decides each again.
#[derive(Debug)]
pub struct Again {
    state: State,
    first: Lsn,
    decisions: u64,
}

impl Again {
    /// Goes on from what the records before have made; the first record that is not in it is the first that is judged.
    pub fn from(state: State) -> Self {
        let first = state.lsn.next();
        Self { state, first, decisions: 0 }
    }

    /// Takes the next group: a fact and what followed from it.
    pub fn see(&mut self, group: &[Record]) -> Option<Divergence> {
        self.decisions += group.iter().filter(|record| matches!(record.event, Event::Decision(_))).count() as u64;
        judge(&mut self.state, group)
    }

    pub fn finish(self) -> Judged {
        Judged { first: self.first, last: self.state.lsn, decisions: self.decisions }
    }
}

/// Folds one whole group into `state`, and says where the rules decide it otherwise.
pub(super) fn judge(state: &mut State, group: &[Record]) -> Option<Divergence> {
    let found = decide_again(state, group, |_, _| {}).err();
    let folded = state.lsn;
    for record in group.iter().filter(|record| record.lsn > folded) {
        drop(apply(state, record));
    }
    found.map(|found| *found)
}

/// What was decided again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    pub first: Lsn,
    pub last: Lsn,
    pub decisions: u64,
}

/// Folds one group into `state`, deciding again what followed from its fact; `see` is called after each record is folded
/// in.
///
/// # Errors
///
/// At the first difference; the group is then folded up to there.
pub fn decide_again(
    state: &mut State,
    group: &[Record],
    mut see: impl FnMut(&State, &Record),
) -> Result<(), Box<Divergence>> {
    let mut fold = |state: &mut State, record: &Record| {
        drop(apply(state, record));
        see(state, record);
    };
    let Some((fact, mut recorded)) = group.split_first() else { return Ok(()) };
    fold(state, fact);
    let mut undecided = VecDeque::from([fact]);
    while let Some(record) = undecided.pop_front() {
        let mut drafts = decide(state, record).into_iter();
        while let Some(draft) = drafts.next() {
            match recorded.split_first() {
                Some((next, rest)) if is_same(next, &draft) => {
                    fold(state, next);
                    undecided.push_back(next);
                    recorded = rest;
                }
                _ => return Err(divergence(record, recorded, std::iter::once(draft).chain(drafts))),
            }
        }
    }
    let Some(next) = recorded.first() else { return Ok(()) };
    let after = group.iter().find(|record| Some(record.lsn) == next.cause).unwrap_or(fact);
    Err(divergence(after, recorded, std::iter::empty()))
}

fn is_same(record: &Record, draft: &Draft) -> bool {
    (&record.subject, record.cause, &record.actor, &record.event)
        == (&draft.subject, draft.cause, &draft.actor, &draft.event)
}

fn divergence(after: &Record, recorded: &[Record], decided: impl Iterator<Item = Draft>) -> Box<Divergence> {
    let mut recorded: Vec<Record> = recorded.iter().filter(|record| record.cause == Some(after.lsn)).cloned().collect();
    let mut decided: Vec<Record> = decided.map(|draft| draft.at(after.lsn, after.at)).collect();
    // What both say, in whatever place, is no difference.
    let is_twin = |one: &Record, other: &Record| one.subject == other.subject && one.event == other.event;
    let both: Vec<Record> =
        decided.iter().filter(|now| recorded.iter().any(|then| is_twin(now, then))).cloned().collect();
    if both.len() < decided.len().max(recorded.len()) {
        recorded.retain(|then| !both.iter().any(|now| is_twin(now, then)));
        decided.retain(|now| !both.iter().any(|same| is_twin(same, now)));
    }
    Box::new(Divergence { after: after.clone(), recorded, decided })
}

impl Divergence {
    /// `{"after", "recorded": [], "decided": []}`, records as in `log --json`; a decision that is not recorded has no lsn.
    pub fn json(&self) -> Value {
        let recorded: Vec<Value> = self.recorded.iter().map(json::record).collect();
        let placeless = |record: &Record| {
            let mut shown = json::record(record);
            shown["lsn"] = Value::Null;
            shown
        };
        let decided: Vec<Value> = self.decided.iter().map(placeless).collect();
        json!({ "after": json::record(&self.after), "recorded": recorded, "decided": decided })
    }
}

/// As one line, for somebody who knows the types.
impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = |records: &[Record]| format!("{:?}", records.iter().map(|it| &it.event).collect::<Vec<_>>());
        let (recorded, decided) = (events(&self.recorded), events(&self.decided));
        write!(f, "after record {}: {recorded} is recorded, {decided} comes out now", self.after.lsn)
    }
}
