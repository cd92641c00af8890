//! One delivery: gates, paste, landing, Enter, proof (C27 to C33a).

use super::lane::{Lane, Step, Ticket};
use crate::model::delivery::{DeliveryOutcome, DeliveryStep, Gate, Proof, RecordMark};
use crate::model::effect::DeliverMessage;
use crate::model::event::{DeliveryBegun, DeliveryEnded, DeliveryWaiting, TurnSeen};
use crate::model::id::Lsn;
use crate::sim::faults::Fault;
use crate::sim::fleet::Program;
use crate::sim::world::life::{Composer, Life, Paste, Stage};
use crate::sim::world::{Heard, World};

/// Until tmux is asked again, and a paste that does not show is looked for again.
const LOOK_MS: u64 = 1_000;
/// Longest until a closed gate is looked at again, should nothing be heard of the session.
const GATE_MS: u64 = 30_000;
/// Longest a program may leave a paste unshown.
const LAND_MS_MAX: u64 = 30_000;

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    Gates,
    /// The attempt is on its way to the disk.
    Begun(u64),
    CalledBack,
    Paste {
        at: u64,
    },
    Land {
        since: u64,
        key_at: u64,
    },
    Prove {
        submitted: u64,
        busy: u64,
        again: u64,
        pause: u64,
    },
}

#[derive(Debug)]
pub struct Delivering {
    order: DeliverMessage,
    cause: Lsn,
    began: u64,
    at: At,
    typed: bool,
    said: Option<Gate>,
    person_since: Option<u64>,
}

impl Delivering {
    pub fn new(order: DeliverMessage, cause: Lsn, began: u64) -> Self {
        Self { order, cause, began, at: At::Gates, typed: false, said: None, person_since: None }
    }

    /// The attempt is on disk; or it never will be, for its message has been called back.
    pub fn durable(&mut self, ticket: &Ticket, recorded: bool) {
        if self.at == At::Begun(ticket.number) {
            self.at = if recorded { At::Paste { at: 0 } } else { At::CalledBack };
        }
    }

    pub fn go_on(&mut self, lane: &mut Lane, world: &mut World, tickets: &mut u64) -> Step {
        loop {
            let before = self.at.clone();
            let done = match &self.at {
                At::Gates => self.gates(lane, world, tickets),
                At::Begun(_) => Step::Waits,
                At::CalledBack => Step::Done,
                At::Paste { .. } => self.paste(lane, world),
                At::Land { .. } => self.land(lane, world),
                At::Prove { .. } => self.prove(lane, world),
            };
            if done == Step::Done || self.at == before {
                return done;
            }
        }
    }

    /// Its lane was cut, or its session ended under it: what had arrived all the same counts.
    pub fn cut_off(&self, lane: &Lane, world: &mut World) {
        let outcome = match self.recorded(lane, world).filter(|_| self.typed) {
            Some(proof) => DeliveryOutcome::Proven { proof },
            None => DeliveryOutcome::CutOff { typed: self.typed },
        };
        self.ended(lane, world, outcome);
    }

    fn ended(&self, lane: &Lane, world: &mut World, outcome: DeliveryOutcome) -> Step {
        let ended = DeliveryEnded { attempt: self.order.attempt, outcome, took_ms: world.now - self.began };
        lane.say_of(world, self.order.message, self.cause, ended);
        Step::Done
    }

    fn failed(&self, lane: &Lane, world: &mut World, step: DeliveryStep, why: &str) -> Step {
        self.ended(lane, world, DeliveryOutcome::Failed { step, why: why.to_owned(), typed: self.typed })
    }

    fn recorded(&self, lane: &Lane, world: &World) -> Option<Proof> {
        let own = (self.order.message, self.order.attempt);
        let life = world.lives.get(&lane.name).filter(|life| life.record.contains(&own))?;
        Some(if life.program.records_entries() { Proof::TranscriptExact } else { Proof::Transcript })
    }

    fn gates(&mut self, lane: &mut Lane, world: &mut World, tickets: &mut u64) -> Step {
        let failed = world.strikes_at(&lane.name.peer, Fault::QuestionFails);
        let Some(life) = world.lives.get_mut(&lane.name).filter(|life| life.runs()) else {
            return self.failed(lane, world, DeliveryStep::Open, "there is no such pane");
        };
        let gate = match failed {
            true => Some(Gate::NotKnown { why: "tmux did not answer".to_owned() }),
            false => gate(life, lane.running, world.now, &mut self.person_since),
        };
        if let Some(gate) = gate {
            if self.said.as_ref().is_none_or(|said| !is_same(said, &gate, self.order.human_typing_hold_ms)) {
                lane.say_of(world, self.order.message, self.cause, DeliveryWaiting { gate: gate.clone() });
                self.said = Some(gate);
            }
            lane.again_at(world, world.now + if failed { LOOK_MS } else { GATE_MS });
            return Step::Waits;
        }
        if world.strikes(Fault::Untypable) {
            let why = "its text holds what this program takes for a command".to_owned();
            return self.ended(lane, world, DeliveryOutcome::Impossible { why });
        }
        *tickets += 1;
        let Some(life) = world.lives.get(&lane.name) else { return Step::Done };
        let ticket = Ticket { session: lane.name.clone(), number: *tickets };
        let mark = life.program.keeps_record().then(|| RecordMark {
            path: format!("/records/{}.jsonl", lane.name.generation).into(),
            offset: life.record.len() as u64,
        });
        self.at = At::Begun(*tickets);
        let begun = DeliveryBegun { attempt: self.order.attempt, mark, bytes: 200, print: self.pasted().print() };
        let draft = lane.draft_of(self.order.message, self.cause, begun);
        world.hear(Heard::Report { draft, ticket: Some(ticket) });
        Step::Waits
    }

    fn paste(&mut self, lane: &Lane, world: &mut World) -> Step {
        let At::Paste { at } = self.at else { return Step::Waits };
        if at == 0 {
            self.at = At::Paste { at: world.now + 6 };
            lane.again_at(world, world.now + 6);
            return Step::Waits;
        }
        if world.now < at {
            return Step::Waits;
        }
        let (refused, dropped) = (
            world.strikes_at(&lane.name.peer, Fault::PasteRefused),
            world.strikes_at(&lane.name.peer, Fault::PasteDropped),
        );
        let Some(life) = world.lives.get(&lane.name).filter(|life| life.runs()) else {
            return self.failed(lane, world, DeliveryStep::Paste, "its pane is dead");
        };
        if refused || life.composer != Composer::Empty {
            return self.failed(lane, world, DeliveryStep::Paste, "the pane takes no paste");
        }
        self.typed = true;
        if !dropped {
            let Paste { message, attempt, envelope } = self.pasted();
            world.type_into(&lane.name, Paste { message, attempt, envelope });
        }
        self.at = At::Land { since: world.now, key_at: world.now + 9 };
        lane.again_at(world, world.now + 9);
        Step::Waits
    }

    fn pasted(&self) -> Paste {
        Paste { message: self.order.message, attempt: self.order.attempt, envelope: self.order.envelope.clone() }
    }

    fn stands_in_the_box(&self, life: &Life) -> bool {
        matches!(&life.composer, Composer::Ours(paste) if (paste.message, paste.attempt) == (self.order.message, self.order.attempt))
    }

    fn land(&mut self, lane: &Lane, world: &mut World) -> Step {
        let At::Land { since, key_at } = self.at else { return Step::Waits };
        if world.now < key_at {
            return Step::Waits;
        }
        let Some(life) = world.lives.get(&lane.name).filter(|life| life.runs()) else {
            return self.failed(lane, world, DeliveryStep::Land, "its pane is dead");
        };
        if !self.stands_in_the_box(life) {
            if world.now >= since + LAND_MS_MAX {
                return self.failed(lane, world, DeliveryStep::Land, "the message is not seen in the input box");
            }
            self.at = At::Land { since, key_at: world.now + LOOK_MS };
            lane.again_at(world, world.now + LOOK_MS);
            return Step::Waits;
        }
        let router = life.program == Program::Router;
        self.press(lane, world);
        if router {
            return self.ended(lane, world, DeliveryOutcome::Proven { proof: Proof::Keys });
        }
        let now = world.now;
        self.at = At::Prove { submitted: now, busy: now, again: now + LOOK_MS, pause: LOOK_MS * 2 };
        lane.again_at(world, now + LOOK_MS);
        Step::Waits
    }

    /// One Enter, if the paste still stands in the box. A router's is never swallowed.
    fn press(&self, lane: &Lane, world: &mut World) {
        let Some(life) = world.lives.get(&lane.name) else { return };
        let (stands, router) = (self.stands_in_the_box(life), life.program == Program::Router);
        let open = matches!(life.stage, Stage::Rest) || router;
        if stands && open && (router || !world.strikes_at(&lane.name.peer, Fault::EnterSwallowed)) {
            world.submit(&lane.name);
        }
    }

    fn prove(&mut self, lane: &Lane, world: &mut World) -> Step {
        let At::Prove { submitted, mut busy, mut again, mut pause } = self.at else { return Step::Waits };
        if let Some((message, proof)) = lane.proven
            && message == self.order.message
        {
            return self.ended(lane, world, DeliveryOutcome::Proven { proof });
        }
        if let Some(proof) = self.recorded(lane, world) {
            return self.ended(lane, world, DeliveryOutcome::Proven { proof });
        }
        let Some(life) = world.lives.get(&lane.name) else { return Step::Done };
        let says = match (life.program, &life.words.turn) {
            (Program::Teller, Some(turn)) => *turn == TurnSeen::Running,
            _ => lane.running,
        };
        if says && life.runs() {
            busy = world.now;
        }
        if world.now >= busy + self.order.ready_deadline_ms {
            let screen = "> ".to_owned();
            let waited_ms = world.now - submitted;
            return self.ended(lane, world, DeliveryOutcome::Unproven { waited_ms, screen });
        }
        if world.now >= again {
            self.press(lane, world);
            again = world.now + pause;
            pause *= 2;
        }
        let next = again.min(busy + self.order.ready_deadline_ms);
        self.at = At::Prove { submitted, busy, again, pause };
        lane.again_at(world, next.max(world.now + 1));
        Step::Waits
    }
}

/// What keeps a box from being typed into.
pub fn gate(life: &mut Life, told_running: bool, now: u64, person_since: &mut Option<u64>) -> Option<Gate> {
    if life.program == Program::Router {
        return None;
    }
    let running = match (life.program, &life.words.turn) {
        (Program::Teller, Some(TurnSeen::Waiting { on })) => return Some(Gate::NeedsPerson { on: on.clone() }),
        (Program::Teller, Some(turn)) => *turn == TurnSeen::Running,
        _ => told_running,
    };
    if running {
        return Some(Gate::TurnRunning);
    }
    match life.stage {
        Stage::Asking => return Some(Gate::NeedsPerson { on: "a permission".to_owned() }),
        Stage::Booting { .. } => return Some(Gate::BoxNotOpen),
        // A program that works without saying so shows it on its screen.
        Stage::Turn | Stage::Hung => return Some(Gate::TurnRunning),
        _ => {}
    }
    match life.composer {
        Composer::Empty => {
            *person_since = None;
            None
        }
        Composer::Person if life.attached => {
            let since = person_since.get_or_insert(now);
            Some(Gate::PersonTyping { waited_ms: now - *since })
        }
        Composer::Person => Some(Gate::BoxNotEmpty),
        Composer::Ours(_) => {
            life.composer = Composer::Empty;
            Some(Gate::BoxNotEmpty)
        }
    }
}

/// A person who types is told of twice: when it begins, and when it lasts (C32).
pub fn is_same(said: &Gate, now: &Gate, hold_ms: u64) -> bool {
    match (said, now) {
        (Gate::PersonTyping { waited_ms: said }, Gate::PersonTyping { waited_ms: now }) => {
            (*said >= hold_ms) == (*now >= hold_ms)
        }
        _ => said == now,
    }
}
