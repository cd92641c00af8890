//! One group decided again: what comes out as recorded, and what does not.

use std::collections::VecDeque;
use std::ops::Deref;

use crate::model::effect::SessionName;
use crate::model::event::{Decision, Event, Fact, SettingsChanged};
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::record::{Draft, Record};
use crate::policy::decide;
use crate::reducer::apply;

use super::same::is_same;
use super::{Difference, NEVER, WhatIf, World};

/// Decisions that are told of where they differ. Others only lead to these, and when what was delivered is told by figures.
fn is_told(event: &Event) -> bool {
    matches!(
        event,
        Event::Decision(
            Decision::WakeDecided(_)
                | Decision::WakeFailed(_)
                | Decision::DeliveryFailed(_)
                | Decision::MessageDead(_)
                | Decision::Reaped(_)
                | Decision::SessionDied(_)
                | Decision::SessionFinished(_)
                | Decision::Quarantined(_)
                | Decision::QuarantineLifted(_)
        )
    )
}

/// Decisions that are recorded, and which of them have come out.
struct Recorded<'a> {
    decisions: &'a [Record],
    out: Vec<bool>,
    /// The fact before them.
    after: Lsn,
}

impl<'a> Recorded<'a> {
    fn new(decisions: &'a [Record], after: Lsn) -> Self {
        Self { decisions, out: vec![false; decisions.len()], after }
    }

    /// The last record about `peer` that is in both worlds.
    fn through(&self, peer: &Identity) -> Lsn {
        let out = self.decisions.iter().zip(&self.out).filter(|(_, out)| **out).map(|(record, _)| record);
        let is_of_it = |record: &&Record| [record.subject.peer.as_ref(), record.addressee()].contains(&Some(peer));
        let last = out.filter(is_of_it).map(|record| record.lsn).max();
        last.unwrap_or(self.after)
    }

    /// The first one that is left and `wanted`, which has come out with this.
    fn take(&mut self, wanted: impl Fn(&Record) -> bool) -> Option<&'a Record> {
        let found = (0..self.out.len()).find(|at| !self.out[*at] && wanted(&self.decisions[*at]))?;
        self.out[found] = true;
        Some(&self.decisions[found])
    }

    fn next_about(&self, peer: Option<&Identity>) -> Option<&'a Record> {
        let left = self.decisions.iter().zip(&self.out).filter(|(_, out)| !**out).map(|(record, _)| record);
        left.into_iter().find(|record| record.subject.peer.as_ref() == peer)
    }
}

/// A decision of the world that would be.
enum Concluded<'a> {
    /// Word for word, as nearly all of them.
    AsRecorded(&'a Record),
    Made(Box<Record>),
}

impl<'a> Concluded<'a> {
    /// What `draft` becomes after `after`, in the place of its twin in the record.
    fn beside(twin: &'a Record, draft: Draft, after: &Record) -> Self {
        let is_recorded = (&twin.at, &twin.subject, twin.cause, &twin.actor, &twin.event)
            == (&after.at, &draft.subject, draft.cause, &draft.actor, &draft.event);
        if is_recorded { Self::AsRecorded(twin) } else { Self::Made(Box::new(draft.at(twin.lsn, after.at))) }
    }
}

impl Deref for Concluded<'_> {
    type Target = Record;

    fn deref(&self) -> &Record {
        match self {
            Concluded::AsRecorded(record) => record,
            Concluded::Made(record) => record,
        }
    }
}

impl WhatIf {
    /// Whether a recorded fact would have come to be in the other world as well. What was asked would; what was seen of a
    /// session would if the session is the same there.
    pub(super) fn comes_to_both(&self, fact: &Fact, record: &Record) -> bool {
        let Some(peer) = record.subject.peer.as_ref().filter(|peer| self.parted.contains_key(peer)) else {
            return true;
        };
        let Some(generation) = record.subject.generation else { return true };
        let session = self.would.session(peer, generation);
        match fact {
            // Asked by an agent; what it says arms nobody else. The rest is settled by the message's own state.
            Fact::MessageAccepted(_)
            | Fact::DoneCalled(_)
            | Fact::FreshCalled(_)
            | Fact::InterruptRequested(_)
            | Fact::CompactRequested(_)
            | Fact::DeliverySettled(_)
            | Fact::DeliveryEnded(_)
            | Fact::PromptTaken(_) => true,
            // Where we ended it in the record alone, it would not have gone.
            Fact::SessionGone(_) => session.is_some_and(|session| {
                let by_us = self.was.session(peer, generation).is_some_and(|was| was.is_ending());
                session.is_ending() || !by_us
            }),
            Fact::KillFailed(_) => session.is_some_and(|session| session.is_ending()),
            _ => session.is_some() || generation.0 == Lsn::ZERO,
        }
    }

    pub(super) fn settings_change(&mut self, record: &Record, fact: &SettingsChanged, decisions: &[Record]) {
        self.recorded = fact.settings.clone();
        // What nothing was decided under has not held: the defaults before a daemon has read its file are nobody's.
        if self.decisions == decisions.len() as u64 {
            self.held.clear();
        }
        if !self.held.contains(&fact.settings) {
            self.held.push(fact.settings.clone());
        }
        let settings = self.question.policy.over(&fact.settings);
        let changed =
            Record { event: SettingsChanged { settings, given: fact.given.clone() }.into(), ..record.clone() };
        self.decide_on(&changed, decisions);
        self.all_moved();
    }

    /// Folds a fact and everything that follows from it in the world that would be, beside what is recorded as following.
    pub(super) fn decide_on(&mut self, first: &Record, decisions: &[Record]) {
        let happened = matches!(first.event, Event::Fact(Fact::DeadlinePassed(_))) && first.lsn.0 >= NEVER;
        let after = if first.lsn.0 >= NEVER { self.seen } else { first.lsn };
        let mut recorded = Recorded::new(decisions, after);
        self.fold(first, false);
        let mut undecided = VecDeque::new();
        let mut drafts = decide(&self.would, first);
        if happened {
            // A moment that is one peer's own gives nobody else an earlier turn than they had.
            drafts.retain(|draft| draft.subject.peer == first.subject.peer);
        }
        self.conclude_drafts(drafts, first, &mut recorded, &mut undecided);
        while let Some(record) = undecided.pop_front() {
            let drafts = decide(&self.would, &record);
            self.conclude_drafts(drafts, &record, &mut recorded, &mut undecided);
        }
        self.leave_out(&recorded);
        self.model.release(&self.would, &self.habits);
    }

    /// A fact that would not have come to be; nothing of what followed from it comes out.
    pub(super) fn none_of_these(&mut self, first: &Record, decisions: &[Record]) {
        self.leave_out(&Recorded::new(decisions, first.lsn));
    }

    fn conclude_drafts<'a>(
        &mut self,
        drafts: Vec<Draft>,
        after: &Record,
        recorded: &mut Recorded<'a>,
        undecided: &mut VecDeque<Concluded<'a>>,
    ) {
        for draft in drafts {
            undecided.extend(self.conclude_draft(draft, after, recorded));
        }
    }

    /// The record that a draft becomes, folded in.
    fn conclude_draft<'a>(
        &mut self,
        draft: Draft,
        after: &Record,
        recorded: &mut Recorded<'a>,
    ) -> Option<Concluded<'a>> {
        let peer = draft.subject.peer.clone();
        let is_parted = peer.as_ref().is_some_and(|peer| self.parted.contains_key(peer));
        let expected = recorded.next_about(peer.as_ref()).map(|next| next.lsn);
        let twin = recorded.take(|it| (is_parted || Some(it.lsn) == expected) && is_same(it, &draft));
        if let Some(twin) = twin {
            let made = Concluded::beside(twin, draft, after);
            self.fold(&made, true);
            return Some(made);
        }
        if !is_parted && self.is_by_rules(&draft, after) {
            self.by_rules += 1;
            let instead = recorded.take(|it| Some(it.lsn) == expected)?;
            self.fold(instead, true);
            return Some(Concluded::AsRecorded(instead));
        }
        if let Some(peer) = peer.filter(|_| !is_parted) {
            self.part(peer, recorded);
        }
        let made = draft.at(self.never(), after.at);
        self.part_addressee(&made, recorded);
        self.fold(&made, false);
        self.differs(World::WhatIf, &made);
        Some(Concluded::Made(Box::new(made)))
    }

    /// Recorded decisions that do not come out: whoever they are about would have lived otherwise.
    fn leave_out(&mut self, recorded: &Recorded<'_>) {
        let left = recorded.decisions.iter().zip(&recorded.out).filter(|(_, out)| !**out);
        for (record, _) in left {
            let Some(peer) = &record.subject.peer else {
                self.fold(record, true);
                continue;
            };
            if !self.parted.contains_key(peer) {
                if self.ever_parted.is_empty() && self.would.settings == self.recorded {
                    self.by_rules += 1;
                    self.fold(record, true);
                    continue;
                }
                self.part(peer.clone(), recorded);
            }
            self.part_addressee(record, recorded);
            self.differs(World::Recorded, record);
        }
    }

    /// A report that is made in one world alone makes another queue of whose it is.
    fn part_addressee(&mut self, record: &Record, recorded: &Recorded<'_>) {
        let to = record.addressee().filter(|to| !self.parted.contains_key(to)).cloned();
        if let Some(to) = to {
            self.part(to, recorded);
        }
    }

    /// Whether this build comes to it under the recorded settings as well, so that they are not what makes the difference.
    fn is_by_rules(&mut self, draft: &Draft, after: &Record) -> bool {
        if !self.ever_parted.is_empty() {
            return false;
        }
        std::mem::swap(&mut self.would.settings, &mut self.recorded);
        let drafts = decide(&self.would, after);
        std::mem::swap(&mut self.would.settings, &mut self.recorded);
        let as_record = draft.clone().at(after.lsn, after.at);
        drafts.iter().any(|other| is_same(&as_record, other))
    }

    /// From here on `peer` lives another life than the recorded one.
    fn part(&mut self, peer: Identity, recorded: &Recorded<'_>) {
        let through = recorded.through(&peer);
        self.was.take(&peer, &self.would);
        self.clock.moved(&peer, self.would.now);
        self.ever_parted.entry(peer.clone()).or_insert(through);
        self.parted.insert(peer, through);
        self.clock.forget_patience();
    }

    /// Folds a record into the world that would be. `is_recorded`: its effects have recorded outcomes.
    fn fold(&mut self, record: &Record, is_recorded: bool) {
        let effects = apply(&mut self.would, record);
        // What was accepted is recorded: no rule asks for a sender's own word again.
        self.would.keys.clear();
        self.would.keys_by_age.clear();
        self.tallies[1].see(record, self.question.again_within_ms);
        self.moved(record);
        if self.parted.is_empty() || is_recorded {
            return;
        }
        for effect in effects {
            let of = effect.task.session().map(|session| &session.peer);
            if of.is_some_and(|peer| self.parted.contains_key(peer)) {
                self.model.effect(effect, &self.would, &self.habits);
            }
        }
        if let (Event::Decision(Decision::Delivered(_)), Some(peer), Some(message)) =
            (&record.event, &record.subject.peer, record.subject.message)
            && let Some(generation) = record.subject.generation
        {
            let session = SessionName { peer: peer.clone(), generation };
            self.model.would_deliver(&session, message, &self.would, &self.habits);
        }
    }

    pub(super) fn never(&mut self) -> Lsn {
        self.modelled += 1;
        Lsn(NEVER + self.modelled)
    }

    fn differs(&mut self, world: World, record: &Record) {
        if !is_told(&record.event) {
            return;
        }
        self.counted += 1;
        // Of one moment first what was.
        let same = |other: &Difference| other.record.at == record.at && world < other.world;
        let behind = self.differences.iter().rev().take_while(|other| same(other)).count();
        let place = self.differences.len() - behind;
        self.differences.insert(place, Difference { world, record: record.clone() });
        self.differences.truncate(self.question.listed_max);
    }
}
