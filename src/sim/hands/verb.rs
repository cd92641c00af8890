//! What operators have typed into a session: one key, or a command of the program's own (C56).

use super::deliver::{gate, is_same};
use super::lane::{Lane, Step};
use crate::model::delivery::{DeliveryStep, Gate};
use crate::model::effect::SessionName;
use crate::model::event::{VerbEnded, VerbOutcome, VerbWaiting};
use crate::model::id::Lsn;
use crate::model::session::{Source, TypedVerb};
use crate::sim::faults::Fault;
use crate::sim::world::World;
use crate::sim::world::life::Stage;

/// How long a program takes to sum its conversation up.
const COMPACT_MS: u64 = 4_000;
/// Longest until a closed gate is looked at again, should nothing be heard of the session.
const GATE_MS: u64 = 30_000;

/// The key, pressed past whatever its lane does. One that has ended says nothing any more: its end says all.
pub fn interrupt(world: &mut World, name: &SessionName, cause: Lsn) {
    let failed = world.strikes_at(&name.peer, Fault::QuestionFails);
    let stage = world.lives.get(name).map_or(Stage::Unborn, |life| life.stage);
    let not_seen = |why: &str| VerbOutcome::Failed { step: DeliveryStep::Open, why: why.to_owned(), typed: false };
    let outcome = match stage {
        Stage::Ended => return,
        _ if failed => not_seen("tmux did not answer"),
        Stage::Unborn => not_seen("there is no such pane"),
        Stage::Turn | Stage::Asking => {
            world.interrupted(name);
            VerbOutcome::Confirmed { by: Source::Screen }
        }
        Stage::Hung => VerbOutcome::Unconfirmed { waited_ms: 10_000, screen: "> ".to_owned() },
        _ => VerbOutcome::Refused { why: "no turn is running".to_owned() },
    };
    world.report(name, Some(cause), VerbEnded { verb: TypedVerb::Interrupt, outcome, took_ms: 9 });
}

/// A command on its way into the box.
#[derive(Debug)]
pub struct Compacting {
    cause: Lsn,
    hold_ms: u64,
    began: u64,
    /// Typed, and done or given up then.
    until: Option<u64>,
    said: Option<Gate>,
    person_since: Option<u64>,
}

impl Compacting {
    pub fn new(cause: Lsn, hold_ms: u64, began: u64) -> Self {
        Self { cause, hold_ms, began, until: None, said: None, person_since: None }
    }

    pub fn go_on(&mut self, lane: &mut Lane, world: &mut World) -> Step {
        match self.until {
            None => self.gates(lane, world),
            Some(until) if world.now < until => Step::Waits,
            Some(_) => self.ended(lane, world),
        }
    }

    fn gates(&mut self, lane: &mut Lane, world: &mut World) -> Step {
        let now = world.now;
        let Some(life) = world.lives.get_mut(&lane.name).filter(|life| life.runs()) else { return Step::Done };
        if let Some(gate) = gate(life, lane.running, now, &mut self.person_since) {
            if self.said.as_ref().is_none_or(|said| !is_same(said, &gate, self.hold_ms)) {
                let waiting = VerbWaiting { verb: TypedVerb::Compact, gate: gate.clone() };
                world.report(&lane.name, Some(self.cause), waiting);
                self.said = Some(gate);
            }
            lane.again_at(world, now + GATE_MS);
            return Step::Waits;
        }
        self.until = Some(now + COMPACT_MS);
        lane.again_at(world, now + COMPACT_MS);
        Step::Waits
    }

    fn ended(&self, lane: &Lane, world: &mut World) -> Step {
        let swallowed = world.strikes_at(&lane.name.peer, Fault::EnterSwallowed);
        let waited_ms = world.now - self.began;
        let outcome = match swallowed {
            true => VerbOutcome::Unconfirmed { waited_ms, screen: "> ".to_owned() },
            false => VerbOutcome::Confirmed { by: Source::Transcript },
        };
        let ended = VerbEnded { verb: TypedVerb::Compact, outcome, took_ms: waited_ms };
        world.report(&lane.name, Some(self.cause), ended);
        Step::Done
    }
}
