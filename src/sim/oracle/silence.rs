//! Nothing is reaped by policy before its time, nor with a delivery on its way. Counted once more, from the records and
//! the awake clock alone.

use std::collections::BTreeMap;

use super::Oracle;
use crate::model::actor::Sender;
use crate::model::effect::SessionName;
use crate::model::event::{Decision, Event, Fact, TurnObserved, TurnSeen};
use crate::model::record::Record;
use crate::model::session::{ReapReason, Source};
use crate::model::state::State;
use crate::model::time::Timestamp;
use crate::model::turn_names::TurnNames;
use crate::sim::world::World;

#[derive(Debug, Default)]
pub struct Silence {
    /// What each session last did, and what it last said.
    did: BTreeMap<SessionName, Timestamp>,
    said: BTreeMap<SessionName, Timestamp>,
    turns: BTreeMap<SessionName, Turns>,
}

/// What is said late of a turn that is over is nothing that a session does, and nor is what its status file says once more.
#[derive(Debug, Default)]
struct Turns {
    names: TurnNames,
    newest: Option<Timestamp>,
    rests: Option<bool>,
}

impl Turns {
    fn hears(&mut self, fact: &TurnObserved, heard: Timestamp) -> bool {
        let rests = !matches!(fact.turn, TurnSeen::Running | TurnSeen::Waiting { .. });
        if fact.source == Source::StatusFile && self.rests == Some(rests) {
            return false;
        }
        if fact.is_behind(self.newest) {
            self.names.hears_late(&fact.turn, fact.turn_id.as_deref());
            return false;
        }
        let news = self.names.hears(&fact.turn, fact.turn_id.as_deref());
        if news {
            self.newest = Some(fact.said(heard));
            self.rests = if fact.turn == TurnSeen::Alive { self.rests } else { Some(rests) };
        }
        news
    }
}

impl Oracle for Silence {
    fn name(&self) -> &'static str {
        "nothing is reaped before its time"
    }

    fn rule(&self) -> &'static str {
        "C37, C38, C45, C50a"
    }

    fn after(&mut self, _: &World, state: &State, record: &Record) -> Result<(), String> {
        if let Event::Fact(Fact::MessageAccepted(fact)) = &record.event
            && let Sender::Session { peer, generation } = &fact.from
        {
            self.said.insert(SessionName { peer: peer.clone(), generation: *generation }, record.at);
        }
        let (Some(peer), Some(generation)) = (&record.subject.peer, record.subject.generation) else { return Ok(()) };
        let name = SessionName { peer: peer.clone(), generation };
        match &record.event {
            Event::Fact(Fact::TurnObserved(fact))
                if self.turns.entry(name.clone()).or_default().hears(fact, record.at) =>
            {
                self.did.insert(name, fact.said(record.at));
            }
            Event::Decision(Decision::Delivered(_) | Decision::Armed(_)) => {
                self.did.insert(name, record.at);
            }
            Event::Fact(Fact::SessionGone(_)) => {
                self.did.remove(&name);
                self.said.remove(&name);
                self.turns.remove(&name);
            }
            Event::Decision(Decision::Reaped(reaped)) => return self.may_go(state, &name, &reaped.reason, record.at),
            _ => {}
        }
        Ok(())
    }
}

impl Silence {
    fn may_go(&self, state: &State, name: &SessionName, reason: &ReapReason, now: Timestamp) -> Result<(), String> {
        let settings = &state.settings;
        // A second answer does not keep a worker that has given its first (C37).
        let (limit_ms, said) = match reason {
            ReapReason::Done { .. } => (settings.ephemeral_quiet_ms, None),
            ReapReason::Unarmed { .. } => (settings.ephemeral_unarmed_idle_ms, self.said.get(name)),
            ReapReason::Idle { .. } => (settings.idle_ms, self.said.get(name)),
            ReapReason::Stopped
            | ReapReason::Replaced
            | ReapReason::Removed
            | ReapReason::WakeFailed
            | ReapReason::Unneeded => return Ok(()),
        };
        let last_ms = self.did.get(name).into_iter().chain(said).map(|at| at.awake_ms).max();
        if let Some(silent_ms) = last_ms.map(|last_ms| now.awake_ms.saturating_sub(last_ms))
            && silent_ms < limit_ms
        {
            return Err(format!("{} is reaped ({reason:?}) after {silent_ms} of {limit_ms} ms", name.peer));
        }
        match state.session(&name.peer, name.generation).and_then(|session| session.delivering) {
            Some(message) => Err(format!("{} is reaped ({reason:?}) while {message} is on its way", name.peer)),
            None => Ok(()),
        }
    }
}
