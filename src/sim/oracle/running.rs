//! Nothing is reaped by policy while its turn runs, unless the program has kept that to itself.

use super::Oracle;
use crate::model::effect::SessionName;
use crate::model::event::{Decision, Event};
use crate::model::record::Record;
use crate::model::session::ReapReason;
use crate::model::state::State;
use crate::sim::fleet::Program;
use crate::sim::world::World;

#[derive(Debug)]
pub struct Running;

impl Oracle for Running {
    fn name(&self) -> &'static str {
        "nothing is reaped in its turn"
    }

    fn rule(&self) -> &'static str {
        "C46"
    }

    fn after(&mut self, world: &World, _: &State, record: &Record) -> Result<(), String> {
        let Event::Decision(Decision::Reaped(reaped)) = &record.event else { return Ok(()) };
        let policy =
            matches!(reaped.reason, ReapReason::Idle { .. } | ReapReason::Done { .. } | ReapReason::Unarmed { .. });
        let (Some(peer), Some(generation)) = (&record.subject.peer, record.subject.generation) else { return Ok(()) };
        let name = SessionName { peer: peer.clone(), generation };
        let Some(life) = world.lives.get(&name).filter(|_| policy) else { return Ok(()) };
        let tells = matches!(life.program, Program::Teller | Program::Hooked) && !life.deceived;
        if tells && life.behind {
            return Err(format!("{peer} is reaped ({:?}), and has told of work in the background", reaped.reason));
        }
        if tells && life.works() && life.turn_told {
            return Err(format!("{peer} is reaped ({:?}) in the middle of a turn it has told of", reaped.reason));
        }
        Ok(())
    }
}
