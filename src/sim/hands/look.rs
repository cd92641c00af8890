//! Questions that change nothing: how long a session has been silent, and what became of a delivery in doubt.

use super::lane::Lane;
use crate::model::delivery::Settlement;
use crate::model::effect::{Effect, Task};
use crate::model::event::{DeliverySettled, SessionLooked, SessionNotKnown};
use crate::model::id::{Lsn, MessageId};
use crate::sim::faults::Fault;
use crate::sim::fleet::Program;
use crate::sim::world::World;
use crate::sim::world::life::{Composer, Stage};

pub fn answer(lane: &Lane, world: &mut World, effect: &Effect) {
    match &effect.task {
        Task::LookAtSession { .. } => look(lane, world, effect.cause),
        Task::SettleDelivery { message, attempt, .. } => settle(lane, world, effect.cause, *message, *attempt),
        _ => {}
    }
}

fn look(lane: &Lane, world: &mut World, cause: Lsn) {
    if world.strikes_at(&lane.name.peer, Fault::QuestionFails) {
        let question = "what is on its screen".to_owned();
        let why = "tmux did not answer".to_owned();
        return world.report(&lane.name, Some(cause), SessionNotKnown { question, why });
    }
    let now = world.now;
    // One that has ended meanwhile is told of by itself.
    let Some(life) = world.lives.get(&lane.name).filter(|life| life.runs()) else { return };
    let moves = life.restless || (life.works() && life.screen_moved_ms % 2 == 0);
    let looked = SessionLooked {
        screen_silent_ms: Some(if moves { 0 } else { now - life.screen_moved_ms }),
        transcript_silent_ms: life.program.keeps_record().then_some(now - life.record_moved_ms),
        waiting_on: (life.stage == Stage::Asking).then(|| "a permission".to_owned()),
        attached: life.attached,
        // One that says nothing of its turns shows nothing of them either.
        working: life.stage == Stage::Turn && life.program == Program::Hooked,
    };
    world.report(&lane.name, Some(cause), looked);
}

fn settle(lane: &Lane, world: &mut World, cause: Lsn, message: MessageId, attempt: u32) {
    let unreadable = world.strikes_at(&lane.name.peer, Fault::RecordUnreadable);
    let cannot = |why: &str| Settlement::CannotTell { why: why.to_owned() };
    let settlement = match world.lives.get_mut(&lane.name) {
        None => cannot("its files are gone"),
        Some(life) if !life.program.keeps_record() => cannot("its runtime keeps no record"),
        Some(_) if unreadable => cannot("the record cannot be read"),
        Some(life) if life.record.contains(&(message, attempt)) => match life.program.records_entries() {
            true => Settlement::FoundExact,
            false => Settlement::Found,
        },
        Some(life) => {
            if matches!(&life.composer, Composer::Ours(paste) if paste.message == message) && !life.attached {
                life.composer = Composer::Empty;
            }
            Settlement::Absent
        }
    };
    lane.say_of(world, message, cause, DeliverySettled { settlement });
}
