//! An operator's word that has cut off the turn in which a message was worked on.

use super::{Question, Source, Until};
use crate::model::event::{Decision, Event, Fact, TurnSeen, VerbEnded, VerbOutcome};
use crate::model::id::Lsn;
use crate::model::record::Record;
use crate::model::session::{Turn, TypedVerb};

/// How every `interrupt` has ended that was for the turn of a message, of which `told` are the records.
pub(super) fn made<S: Source + ?Sized>(source: &S, told: &[Record], until: Until) -> Vec<Record> {
    let delivered = told.iter().filter(|record| matches!(record.event, Event::Decision(Decision::Delivered(_))));
    delivered.flat_map(|delivered| behind(source, delivered, until)).collect()
}

/// What was decided on up to the next message that was delivered: from then on that one is worked on, though how the verb
/// has ended may come behind it.
fn behind<S: Source + ?Sized>(source: &S, delivered: &Record, until: Until) -> Vec<Record> {
    let first = Some(delivered.lsn.next());
    let asks = |kinds, last| {
        let subjects = delivered.subject.peer.clone().map(|peer| vec![peer]);
        Question { first, last, subjects, ..until.asks(kinds) }
    };
    let next = source.oldest(&asks(&["delivered"], until.last)).map(|record| record.lsn);
    let mut decided = Vec::new();
    source.each(&asks(&["verb_decided"], next.or(until.last)), &mut |record| {
        decided.extend((record.subject.generation == delivered.subject.generation).then_some(record.lsn));
    });
    // What showed that it has worked is the end of the turn too, and comes behind the decision to type it.
    let is_of_its_turn = |decided: &Lsn| {
        let mut is_over = false;
        let before = asks(&["turn_observed", "turn_judged"], Some(Lsn(decided.0.saturating_sub(1))));
        source.each(&before, &mut |seen| is_over |= ends_its_turn(&seen));
        !is_over
    };
    decided.retain(is_of_its_turn);
    decided.into_iter().filter_map(|decided| ended(source, decided, asks(&["verb_ended"], until.last))).collect()
}

/// How the verb has ended that was decided on with record `decided`, if it was typed.
fn ended<S: Source + ?Sized>(source: &S, decided: Lsn, mut asked: Question) -> Option<Record> {
    asked.first = Some(decided);
    loop {
        let ended = source.oldest(&asked)?;
        if ended.cause == Some(decided) {
            return Some(ended).filter(was_typed);
        }
        asked.first = Some(ended.lsn.next());
    }
}

fn was_typed(record: &Record) -> bool {
    let Event::Fact(Fact::VerbEnded(VerbEnded { verb: TypedVerb::Interrupt, outcome, .. })) = &record.event else {
        return false;
    };
    matches!(outcome, VerbOutcome::Confirmed { .. } | VerbOutcome::Unconfirmed { .. })
}

pub(super) fn ends_its_turn(record: &Record) -> bool {
    match &record.event {
        Event::Fact(Fact::TurnObserved(it)) => {
            matches!(it.turn, TurnSeen::Ended | TurnSeen::Idle | TurnSeen::Failed { .. })
        }
        Event::Decision(Decision::TurnJudged(it)) => matches!(it.turn, Turn::Ended { .. } | Turn::Failed { .. }),
        _ => false,
    }
}
