//! The executor's part in the simulated world: the same effects, the same reports in the same order, with tmux, shim and
//! program played by [`World`]. What may be said and when is `executor`'s own; here it costs no time.

mod deliver;
mod end;
pub mod lane;
mod launch;
mod look;
mod verb;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::lane::{Lane, Ticket};
use super::faults::Fault;
use super::world::life::{Life, Stage, Words};
use super::world::{ProfileFile, World};
use crate::journal::Committed;
use crate::model::delivery::Proof;
use crate::model::effect::{Effect, Liveness, SessionName, Task};
use crate::model::event::{ProfileChanged, ProfileUnreadable, TurnSeen};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::name::{Identity, Personality};
use crate::model::record::{Draft, Subject};
use crate::model::session::Ending;
use crate::model::state::State;
use crate::supervisor::Host;

/// The world as the supervisor asks it: what it is told here is carried out, and was looked up, by who drives it.
#[derive(Debug, Default)]
pub struct Desk {
    /// Effects of durable records, not begun yet.
    pub effects: Vec<Effect>,
    pub profiles: Arc<BTreeMap<Personality, ProfileFile>>,
    pub found: BTreeMap<SessionName, (Liveness, Option<TurnSeen>)>,
}

impl Host for Desk {
    fn run(&mut self, effects: Committed<Vec<Effect>>) {
        self.effects.extend(effects.into_inner());
    }

    fn profile_news(&mut self, state: &State, peers: &[Personality]) -> Vec<Draft> {
        peers.iter().filter_map(|name| news(name, self.profiles.get(name)?, state)).collect()
    }

    fn survey(&mut self, session: &SessionName) -> (Liveness, Option<TurnSeen>) {
        let never = || (Liveness::NotKnown { why: "nobody looked".to_owned() }, None);
        self.found.get(session).cloned().unwrap_or_else(never)
    }
}

/// What the file says that is not in force (C3).
fn news(name: &Personality, file: &ProfileFile, state: &State) -> Option<Draft> {
    let peer = state.peers.get(name)?;
    let in_force = &peer.registration.profile;
    let subject = Subject::peer(&Identity::new(in_force.default_runtime.clone(), name.clone()));
    match file {
        Ok(profile) if profile == in_force && peer.profile_unreadable.is_none() => None,
        Ok(profile) => Some(Draft::own(subject, None, ProfileChanged { profile: profile.clone() })),
        Err(why) if peer.profile_unreadable.as_ref() == Some(why) => None,
        Err(why) => Some(Draft::own(subject, None, ProfileUnreadable { personality: name.clone(), why: why.clone() })),
    }
}

/// All lanes of one daemon. They end with it; what its clients have begun does not.
#[derive(Debug, Default)]
pub struct Hands {
    lanes: BTreeMap<SessionName, Lane>,
    tickets: u64,
}

impl Hands {
    /// Sets one effect going.
    pub fn begin(&mut self, world: &mut World, effect: Effect) {
        if let Task::CallAttention(attention) = &effect.task
            && !attention.command.is_empty()
        {
            world.call_attention(effect.cause, attention);
        }
        let Some(name) = effect.task.session().cloned() else { return };
        if matches!(effect.task, Task::Interrupt { .. }) {
            return verb::interrupt(world, &name, effect.cause);
        }
        let lane = self.lanes.entry(name.clone()).or_insert_with(|| Lane::new(name.clone()));
        lane.push(effect);
        self.go_on(world, &name);
    }

    /// A lane does what it has been given, and ends with its session.
    pub fn go_on(&mut self, world: &mut World, name: &SessionName) {
        if let Some(lane) = self.lanes.get_mut(name) {
            lane.go_on(world, &mut self.tickets);
            if lane.cleared {
                self.lanes.remove(name);
            }
        }
    }

    /// A session that a start has found. Of one that nobody could tell of, nothing that it said is known.
    pub fn adopt(&mut self, world: &mut World, name: &SessionName, known: bool) {
        let words = world.lives.get(name).filter(|_| known).map(|life| life.words.clone());
        let known = words.unwrap_or_default();
        let lane = self.lanes.entry(name.clone()).or_insert_with(|| Lane::new(name.clone()));
        lane.watch(known);
        world.read_status(name);
        lane.go_on(world, &mut self.tickets);
    }

    pub fn durable(&mut self, world: &mut World, ticket: &Ticket, recorded: bool) {
        if let Some(lane) = self.lanes.get_mut(&ticket.session) {
            lane.durable(ticket, recorded);
            lane.go_on(world, &mut self.tickets);
        }
    }

    pub fn tell_turn(&mut self, world: &mut World, name: &SessionName, running: bool) {
        if let Some(lane) = self.lanes.get_mut(name) {
            lane.running = running;
            lane.go_on(world, &mut self.tickets);
        }
    }

    pub fn tell_proven(&mut self, world: &mut World, name: &SessionName, proven: (MessageId, Proof)) {
        if let Some(lane) = self.lanes.get_mut(name) {
            lane.proven = Some(proven);
            lane.go_on(world, &mut self.tickets);
        }
    }
}

/// What a start finds of one session (C43, C60). A start that was not carried out by now is taken back.
pub fn survey(world: &mut World, name: &SessionName) -> (Liveness, Option<TurnSeen>) {
    if world.strikes_at(&name.peer, Fault::QuestionFails) {
        return (Liveness::NotKnown { why: "its files cannot be read".to_owned() }, None);
    }
    let now = world.now;
    let Some(life) = world.lives.get_mut(name) else {
        return (Liveness::Gone { ending: Ending::NeverStarted, lived_ms: 0, strays: 0 }, None);
    };
    if life.stage == Stage::Unborn {
        life.wanted = false;
        life.stage = Stage::Ended;
        life.ending = Some(Ending::NeverStarted);
        life.ended_ms = now;
    }
    (liveness(life), life.words.turn.clone())
}

/// What a session's own files and processes tell.
pub fn liveness(life: &Life) -> Liveness {
    match &life.ending {
        Some(_) if life.strays > 0 => Liveness::NotKnown { why: "its shim was killed".to_owned() },
        Some(ending) => Liveness::Gone { ending: ending.clone(), lived_ms: life.lived_ms(), strays: 0 },
        None => Liveness::Alive { pid: life.pid },
    }
}

/// The lane of a session of somebody else's (C5).
pub fn is_managed(name: &SessionName) -> bool {
    name.generation == Generation(Lsn::ZERO)
}

/// What the program has said from one state of its terminal to the next.
fn turns_between(known: &Words, now: &Words) -> Vec<TurnSeen> {
    if known == now {
        return Vec::new();
    }
    let unseen = now.started > known.started && now.turn != Some(TurnSeen::Running);
    unseen.then_some(TurnSeen::Running).into_iter().chain(now.turn.clone()).collect()
}
