//! Ending a session for good: its whole tree, verified (C49).

use super::lane::{Lane, Step};
use crate::model::event::{KillFailed, SessionGone};
use crate::model::id::Lsn;
use crate::model::session;
use crate::sim::faults::Fault;
use crate::sim::world::World;
use crate::sim::world::life::Stage;

#[derive(Debug)]
pub struct Ending {
    cause: Lsn,
    until: Option<u64>,
    fails: bool,
}

impl Ending {
    pub fn new(cause: Lsn) -> Self {
        Self { cause, until: None, fails: false }
    }

    pub fn go_on(&mut self, lane: &mut Lane, world: &mut World) -> Step {
        let until = match self.until {
            Some(until) => until,
            None => self.ask(lane, world),
        };
        if world.now < until {
            return Step::Waits;
        }
        if self.fails {
            let survivors = world.lives.get(&lane.name).map_or(0, |life| u32::from(life.lives()));
            let why = "a process does not end".to_owned();
            world.report(&lane.name, Some(self.cause), KillFailed { why, survivors });
            return Step::Done;
        }
        let signal = if until.is_multiple_of(3) { 9 } else { 15 };
        world.end_tree(&lane.name, session::Ending::Signal { signal });
        if world.lives.contains_key(&lane.name) {
            lane.gone(world, Some(self.cause));
            lane.watcher_is_blind(world);
        } else if !std::mem::replace(&mut lane.told_gone, true) {
            // Nothing of it was ever made.
            let ending = session::Ending::NeverStarted;
            let gone = SessionGone { ending, lived_ms: 0, strays: 0, found_at_start: false };
            world.report(&lane.name, Some(self.cause), gone);
        }
        Step::Done
    }

    /// Takes the generation back, so that a start that comes late finds it unwanted, and asks the program to end.
    fn ask(&mut self, lane: &Lane, world: &mut World) -> u64 {
        self.fails = world.strikes_at(&lane.name.peer, Fault::KillFails);
        let now = world.now;
        let takes = world.lives.get_mut(&lane.name).map_or(1, |life| {
            life.wanted = false;
            if life.stage == Stage::Ended { 1 } else { life.chance.spread(10, 3_000) }
        });
        let until = now + if self.fails { 5_000 } else { takes };
        self.until = Some(until);
        lane.again_at(world, until);
        until
    }
}
