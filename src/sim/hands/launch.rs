//! Starting a session: a tmux client, the session's process, its dialogs, its box.

use super::lane::{Lane, Step};
use crate::model::effect::StartSession;
use crate::model::event::{BoxOpened, DialogAnswered, LaunchFailed, SessionStarted, WakePhase};
use crate::model::id::Lsn;
use crate::model::session::Ending;
use crate::sim::faults::Fault;
use crate::sim::world::life::{Life, Stage, Words};
use crate::sim::world::{What, World};

/// A client that does not answer is given up after this long.
const CLIENT_MS_MAX: u64 = 10_000;

#[derive(Debug)]
pub struct Starting {
    order: StartSession,
    cause: Lsn,
    began: u64,
    asked: bool,
    /// The client was given up: its answer is not known then.
    gives_up: Option<u64>,
    started: bool,
    /// The last key that was pressed in a dialog.
    pressed: u64,
}

impl Starting {
    pub fn new(order: StartSession, cause: Lsn, world: &World) -> Self {
        let began = world.now.saturating_sub(world.timestamp().since(order.woken));
        Self { order, cause, began, asked: false, gives_up: None, started: false, pressed: world.now }
    }

    pub fn go_on(&mut self, lane: &mut Lane, world: &mut World) -> Step {
        if !self.asked {
            self.asked = true;
            lane.again_at(world, self.deadline());
            if self.ask(lane, world) == Step::Done {
                return Step::Done;
            }
        }
        if self.gives_up.is_some_and(|at| at <= world.now) && !self.is_there(lane, world) {
            return self.failed(lane, world, WakePhase::Launch, "tmux did not answer", true);
        }
        let Some(life) = world.lives.get(&lane.name) else { return Step::Done };
        match life.stage {
            Stage::Unborn if world.now >= self.deadline() => {
                self.failed(lane, world, WakePhase::Launch, "the session's process did not start", true)
            }
            Stage::Unborn => Step::Waits,
            // It was born: how it ended is the watcher's to find out.
            Stage::Ended if !self.started && life.born_ms.is_some() => {
                self.says_started(lane, world);
                Step::Done
            }
            Stage::Ended if !self.started => {
                let never = life.ending == Some(Ending::NeverStarted);
                let phase = if never { WakePhase::Launch } else { WakePhase::Boot };
                self.failed(lane, world, phase, "the program ended", false)
            }
            // Its end is the watcher's to report.
            Stage::Ended => Step::Done,
            _ => self.boot(lane, world),
        }
    }

    fn deadline(&self) -> u64 {
        self.began + self.order.boot_deadline_ms
    }

    fn is_there(&self, lane: &Lane, world: &World) -> bool {
        world.lives.get(&lane.name).is_some_and(|life| life.stage != Stage::Unborn)
    }

    /// Sends a client, unless the session has had its start.
    fn ask(&mut self, lane: &mut Lane, world: &mut World) -> Step {
        if self.is_there(lane, world) {
            return Step::Waits;
        }
        if world.strikes_at(&lane.name.peer, Fault::ClientFails) {
            return self.failed(lane, world, WakePhase::Launch, "tmux could not be started", false);
        }
        if !world.lives.contains_key(&lane.name) {
            let chance = world.chance();
            world.lives.insert(lane.name.clone(), Life::new(lane.name.clone(), chance));
        }
        let Some(life) = world.lives.get_mut(&lane.name) else { return Step::Done };
        life.wanted = true;
        let mut ms = life.chance.between(15, 90);
        if world.strikes_at(&lane.name.peer, Fault::LateBirth) {
            ms += 5_000;
        }
        let hangs = world.strikes_at(&lane.name.peer, Fault::ClientHangs);
        if hangs {
            self.gives_up = Some(world.now + CLIENT_MS_MAX);
            lane.again_at(world, world.now + CLIENT_MS_MAX);
        }
        // A client that does not answer may have been heard all the same.
        if !hangs || ms.is_multiple_of(2) {
            if let Some(life) = world.lives.get_mut(&lane.name) {
                life.client = true;
            }
            world.later(ms, What::Birth(lane.name.clone()));
        }
        Step::Waits
    }

    fn boot(&mut self, lane: &mut Lane, world: &mut World) -> Step {
        if !self.started {
            self.says_started(lane, world);
        }
        let Some(life) = world.lives.get_mut(&lane.name) else { return Step::Done };
        match life.stage {
            Stage::Booting { .. } if world.now >= self.deadline() => {
                self.failed(lane, world, WakePhase::Boot, "the input box is not there", true)
            }
            Stage::Booting { dialogs: 0, .. } => Step::Waits,
            Stage::Booting { dialogs, opens } => {
                // One key for each look (C24).
                if world.now >= self.pressed + 60 {
                    self.pressed = world.now;
                    life.stage = Stage::Booting { dialogs: dialogs - 1, opens };
                    let answered = DialogAnswered {
                        dialog: "trust".to_owned(),
                        key: "Enter".to_owned(),
                        consent: None,
                        saw: "Do you trust this folder?".to_owned(),
                    };
                    world.report(&lane.name, Some(self.cause), answered);
                }
                lane.again_at(world, self.pressed + 60);
                Step::Waits
            }
            _ => {
                lane.booting = false;
                world.report(&lane.name, Some(self.cause), BoxOpened { boot_ms: world.now - self.began });
                Step::Done
            }
        }
    }

    fn says_started(&mut self, lane: &mut Lane, world: &mut World) {
        self.started = true;
        let Some(life) = world.lives.get(&lane.name) else { return };
        let started = SessionStarted {
            pid: life.pid,
            start_ticks: u64::from(life.pid),
            socket: format!("/run/{}.sock", lane.name.generation).into(),
            resume_ref: life.program.can_resume().then(|| format!("conversation-{}", lane.name.generation)),
            took_ms: world.now - self.began,
        };
        world.report(&lane.name, Some(self.cause), started);
        lane.booting = true;
        lane.watch(Words::default());
    }

    fn failed(&self, lane: &mut Lane, world: &mut World, phase: WakePhase, why: &str, left_session: bool) -> Step {
        lane.booting = false;
        let screen = (phase == WakePhase::Boot).then(|| "Loading".to_owned());
        let failed = LaunchFailed { phase, why: why.to_owned(), screen, left_session };
        world.report(&lane.name, Some(self.cause), failed);
        Step::Done
    }
}
