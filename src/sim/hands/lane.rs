//! One lane for each generation: its effects in order, one at a time (C30, C52a), and the eyes on its session.

use std::collections::VecDeque;

use super::deliver::Delivering;
use super::end::Ending;
use super::launch::Starting;
use super::verb::Compacting;
use super::{look, turns_between};
use crate::model::delivery::{DeliveryOutcome, Proof};
use crate::model::effect::{Effect, SessionName, Task};
use crate::model::event::{DeliveryEnded, LaunchFailed, SessionGone, SessionNotKnown, TurnObserved, WakePhase};
use crate::model::id::{Lsn, MessageId};
use crate::model::record::{Draft, Subject};
use crate::model::session::{Ending as SessionEnding, Source};
use crate::sim::faults::Fault;
use crate::sim::world::life::{Life, Stage, Words};
use crate::sim::world::{Heard, What, World};

/// Whom to tell that a report is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub session: SessionName,
    pub number: u64,
}

/// What a lane does at the moment.
#[derive(Debug)]
pub enum Doing {
    Nothing,
    Start(Starting),
    Deliver(Box<Delivering>),
    End(Ending),
    Compact(Compacting),
    /// Something that takes a moment and changes nothing on the way.
    Asking {
        effect: Effect,
        until: u64,
    },
}

/// Whether a lane can go on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Done,
    Waits,
}

#[derive(Debug)]
pub struct Lane {
    pub name: SessionName,
    waiting: VecDeque<Effect>,
    pub doing: Doing,
    cut: bool,
    pub end_asked: bool,
    pub told_gone: bool,
    /// Its program runs, and its box has not been seen open.
    pub booting: bool,
    watched: bool,
    /// The turn runs, as the loop says.
    pub running: bool,
    /// A delivery of this message was proven by other means.
    pub proven: Option<(MessageId, Proof)>,
    known: Words,
    /// Its session is forgotten.
    pub cleared: bool,
    /// When the end of a session that nobody can tell was first asked for.
    asked_ms: Option<u64>,
}

impl Lane {
    pub fn new(name: SessionName) -> Self {
        Self {
            name,
            waiting: VecDeque::new(),
            doing: Doing::Nothing,
            cut: false,
            end_asked: false,
            told_gone: false,
            booting: false,
            watched: false,
            running: false,
            proven: None,
            known: Words::default(),
            cleared: false,
            asked_ms: None,
        }
    }

    pub fn push(&mut self, effect: Effect) {
        match &effect.task {
            Task::EndSession { .. } => {
                self.end_asked = true;
                self.cut = true;
            }
            Task::DeliverMessage(order) => self.running = order.turn_running,
            _ => {}
        }
        self.waiting.push_back(effect);
    }

    pub fn watch(&mut self, known: Words) {
        if !self.watched {
            self.watched = true;
            self.known = known;
        }
    }

    pub fn durable(&mut self, ticket: &Ticket, recorded: bool) {
        if let Doing::Deliver(delivering) = &mut self.doing {
            delivering.durable(ticket, recorded);
        }
    }

    /// Does what can be done now.
    pub fn go_on(&mut self, world: &mut World, tickets: &mut u64) {
        loop {
            self.see(world);
            if self.cut {
                self.cut_off(world);
            }
            if matches!(self.doing, Doing::Nothing) {
                match self.waiting.pop_front() {
                    Some(effect) => self.begin(world, effect),
                    None => return,
                }
            }
            let mut doing = std::mem::replace(&mut self.doing, Doing::Nothing);
            let step = match &mut doing {
                Doing::Nothing => Step::Done,
                Doing::Start(starting) => starting.go_on(self, world),
                Doing::Deliver(delivering) => delivering.go_on(self, world, tickets),
                Doing::End(ending) => ending.go_on(self, world),
                Doing::Compact(compacting) => compacting.go_on(self, world),
                Doing::Asking { effect, until } if *until <= world.now => {
                    look::answer(self, world, effect);
                    Step::Done
                }
                Doing::Asking { .. } => Step::Waits,
            };
            if step == Step::Waits {
                self.doing = doing;
                return;
            }
        }
    }

    fn begin(&mut self, world: &mut World, effect: Effect) {
        let cause = effect.cause;
        self.doing = match effect.task {
            // Of a generation that ends, nothing is started or typed any more.
            Task::StartSession(_) if self.cut => Doing::Nothing,
            Task::DeliverMessage(order) if self.cut => {
                let ended = DeliveryEnded {
                    attempt: order.attempt,
                    outcome: DeliveryOutcome::CutOff { typed: false },
                    took_ms: 0,
                };
                self.say_of(world, order.message, cause, ended);
                Doing::Nothing
            }
            Task::StartSession(order) => Doing::Start(Starting::new(*order, cause, world)),
            Task::DeliverMessage(order) => Doing::Deliver(Box::new(Delivering::new(*order, cause, world.now))),
            Task::Compact { .. } if self.cut => Doing::Nothing,
            Task::Compact { human_typing_hold_ms, .. } => {
                Doing::Compact(Compacting::new(cause, human_typing_hold_ms, world.now))
            }
            Task::EndSession { .. } => Doing::End(Ending::new(cause)),
            Task::ClearSession { .. } => {
                self.clear(world);
                Doing::Nothing
            }
            task => {
                // A program may lag behind with what it writes down, and a busy machine with everything.
                let slow = world.strikes_at(&self.name.peer, Fault::SlowAnswer);
                let until = world.now + if slow { 1_000 * (1 + world.now % 30) } else { 5 };
                self.again_at(world, until);
                Doing::Asking { effect: Effect { cause, task }, until }
            }
        };
    }

    /// What was under way is told before anything else.
    fn cut_off(&mut self, world: &mut World) {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            // The end of its session is what comes of a command.
            Doing::Start(_) | Doing::Compact(_) | Doing::Nothing => {}
            Doing::Deliver(delivering) => delivering.cut_off(self, world),
            doing @ (Doing::End(_) | Doing::Asking { .. }) => self.doing = doing,
        }
    }

    /// Forgets a session that is gone. What cannot be removed now is found by the next start, as what it is.
    fn clear(&mut self, world: &mut World) {
        self.cleared = true;
        if world.lives.get(&self.name).is_some_and(Life::lives) {
            world.broken.push(format!("C49: {} was forgotten while it lived", self.name.peer));
        }
        if !world.strikes_at(&self.name.peer, Fault::FolderStays) {
            world.lives.remove(&self.name);
        }
    }

    /// What the watchers of this session have to say.
    fn see(&mut self, world: &mut World) {
        if !self.watched {
            return;
        }
        let Some(life) = world.lives.get(&self.name) else { return };
        let turns = turns_between(&self.known, &life.words);
        if self.known != life.words {
            self.known = life.words.clone();
        }
        let (over, unseen) = (life.is_over(), life.stage == Stage::Ended && life.unseen && life.strays > 0);
        for turn in turns {
            world.report(
                &self.name,
                None,
                TurnObserved { turn, source: Source::Terminal, turn_id: None, said_at: None },
            );
        }
        if unseen {
            self.ask_how_it_ended(world);
        } else if over && !self.told_gone {
            self.told_of_end(world);
        }
    }

    /// Nobody can say; what is left of its tree is ended, and then it can be told.
    fn ask_how_it_ended(&mut self, world: &mut World) {
        match self.asked_ms {
            None => {
                self.asked_ms = Some(world.now);
                let why = "its shim was killed".to_owned();
                world.report(&self.name, None, SessionNotKnown { question: "how it ended".to_owned(), why });
                self.again_at(world, world.now + 1_000);
            }
            Some(asked) if world.now >= asked + 1_000 => {
                if let Some(life) = world.lives.get_mut(&self.name) {
                    life.strays = 0;
                }
                self.told_of_end(world);
            }
            Some(_) => {}
        }
    }

    fn told_of_end(&mut self, world: &mut World) {
        // What was under way is told first: it may have been done before the end.
        self.cut = true;
        self.cut_off(world);
        if !self.end_asked {
            if self.booting && !self.told_gone {
                self.tell_last_words(world);
            }
            self.gone(world, None);
        }
    }

    /// What a program has said that ended before its box was open, as far as there is a terminal that shows it.
    fn tell_last_words(&self, world: &mut World) {
        let Some(ending) = world.lives.get(&self.name).and_then(|life| life.ending.clone()) else { return };
        if !matches!(ending, SessionEnding::TerminalLost { .. }) {
            let (phase, why) = (WakePhase::Boot, format!("the program {ending}"));
            let failed = LaunchFailed { phase, why, screen: Some("Loading".to_owned()), left_session: false };
            world.report(&self.name, None, failed);
        }
    }

    /// Says that it is gone, once.
    pub fn gone(&mut self, world: &mut World, cause: Option<Lsn>) {
        let Some(life) = world.lives.get(&self.name) else { return };
        if std::mem::replace(&mut self.told_gone, true) {
            return;
        }
        let Some(ending) = life.ending.clone() else { return };
        let gone = SessionGone { ending, lived_ms: life.lived_ms(), strays: 0, found_at_start: false };
        world.report(&self.name, cause, gone);
    }

    /// Its watcher asks as well, and not everything can be read any more.
    pub fn watcher_is_blind(&self, world: &mut World) {
        if self.watched && world.strikes_at(&self.name.peer, Fault::WatcherBlind) {
            let why = "its files cannot be read".to_owned();
            world.report(&self.name, None, SessionNotKnown { question: "how it ended".to_owned(), why });
        }
    }

    pub fn say_of(
        &self,
        world: &mut World,
        message: MessageId,
        cause: Lsn,
        event: impl Into<crate::model::event::Event>,
    ) {
        world.hear(Heard::Report { draft: self.draft_of(message, cause, event), ticket: None });
    }

    pub fn draft_of(&self, message: MessageId, cause: Lsn, event: impl Into<crate::model::event::Event>) -> Draft {
        let subject = Subject::session(&self.name.peer, self.name.generation).with_message(message);
        Draft::own(subject, Some(cause), event)
    }

    pub fn again_at(&self, world: &mut World, at_ms: u64) {
        world.agenda.put(at_ms, What::Lane(world.daemon, self.name.clone()));
    }
}
