//! One session as it truly is, whatever the daemon believes.

use std::collections::VecDeque;

use crate::model::actor::Actor;
use crate::model::effect::{Envelope, SessionName};
use crate::model::event::TurnSeen;
use crate::model::id::MessageId;
use crate::model::message::TextPrint;
use crate::model::session::Ending;
use crate::model::time::Timestamp;
use crate::sim::chance::Chance;
use crate::sim::fleet::Program;
use crate::supervisor::Asked;

/// How far the program has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A tmux client is, or may be, on its way to make it.
    Unborn,
    /// Its box is not open yet; so many dialogs stand before it.
    Booting {
        dialogs: u32,
        opens: bool,
    },
    /// Its box is open and it does nothing.
    Rest,
    /// It works on something.
    Turn,
    /// It works, and a dialog waits for a person.
    Asking,
    /// It never does anything again.
    Hung,
    Ended,
}

/// What stands in the input box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Composer {
    Empty,
    /// A paste of ours.
    Ours(Box<Paste>),
    /// What a person has typed.
    Person,
}

/// What was typed: a message in its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paste {
    pub message: MessageId,
    pub attempt: u32,
    pub envelope: Envelope,
}

impl Paste {
    /// Of its text, which is made up of its name alone.
    pub fn print(&self) -> TextPrint {
        TextPrint::of(&format!("message {}, attempt {}", self.message, self.attempt))
    }
}

/// A delivery that the program has begun on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub session: SessionName,
    pub at_ms: u64,
    pub paste: Paste,
}

/// What the program says of its turns on its terminal, as our watcher keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub turn: Option<TurnSeen>,
    pub started: u32,
    pub ended: u32,
}

/// One life of an identity.
#[derive(Debug)]
pub struct Life {
    pub name: SessionName,
    pub program: Program,
    pub stage: Stage,
    /// Its shim runs the program only while this holds (C16).
    pub wanted: bool,
    pub born_ms: Option<u64>,
    /// A tmux client is on its way to make it.
    pub client: bool,
    pub pid: u32,
    /// Its shim was killed: nobody saw the end.
    pub unseen: bool,
    pub ending: Option<Ending>,
    pub ended_ms: u64,
    /// Processes that outlived the program, until somebody ends them.
    pub strays: u32,
    pub composer: Composer,
    pub attached: bool,
    pub words: Words,
    /// What it does, and what its status file says of it and since when, in a world in which it keeps one.
    pub does: Option<TurnSeen>,
    pub status: Option<(TurnSeen, Timestamp)>,
    /// The program's own record: messages and attempts.
    pub record: Vec<(MessageId, u32)>,
    pub record_moved_ms: u64,
    pub screen_moved_ms: u64,
    /// Its screen ticks at rest.
    pub restless: bool,
    /// Names what it does now, so that acts of an earlier turn are void; and what it did before.
    pub turn: u64,
    pub last_turn: u64,
    /// What it works on.
    pub task: Option<Paste>,
    /// It has said that its present turn runs.
    pub turn_told: bool,
    /// Hooks of its present turn were lost or are late: what the daemon believes of it may be wrong, and is not its fault.
    pub deceived: bool,
    /// It has said that work of its own goes on in the background, which will wake it up.
    pub behind: bool,
    /// It has said what it calls its conversation.
    pub named: bool,
    /// What it said while no daemon listened (C61a).
    pub spool: VecDeque<Asked>,
    pub chance: Chance,
}

impl Life {
    pub fn new(name: SessionName, chance: Chance) -> Self {
        let program = Program::of(&name.peer.runtime);
        Self {
            name,
            program,
            stage: Stage::Unborn,
            wanted: true,
            born_ms: None,
            client: false,
            pid: 0,
            unseen: false,
            ending: None,
            ended_ms: 0,
            strays: 0,
            composer: Composer::Empty,
            attached: false,
            words: Words::default(),
            does: None,
            status: None,
            record: Vec::new(),
            record_moved_ms: 0,
            screen_moved_ms: 0,
            restless: false,
            turn: 0,
            last_turn: 0,
            task: None,
            turn_told: false,
            deceived: false,
            behind: false,
            named: false,
            spool: VecDeque::new(),
            chance,
        }
    }

    /// Some process of its tree lives, and holds the identity's lock.
    pub fn lives(&self) -> bool {
        self.runs() || self.strays > 0
    }

    /// Its program runs.
    pub fn runs(&self) -> bool {
        self.born_ms.is_some() && self.stage != Stage::Ended
    }

    /// It has come to its end, and whoever looks can know.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Ended && self.strays == 0
    }

    pub fn lived_ms(&self) -> u64 {
        self.born_ms.map_or(0, |born| self.ended_ms.saturating_sub(born))
    }

    pub fn works(&self) -> bool {
        matches!(self.stage, Stage::Turn | Stage::Asking | Stage::Hung)
    }

    /// Another turn, or the rest after one, begins.
    pub fn goes_on(&mut self, turn: u64) {
        self.last_turn = std::mem::replace(&mut self.turn, turn);
        (self.turn_told, self.deceived) = (false, false);
    }

    /// It sets to work: on what was submitted, or on what it comes back to.
    pub fn begins(&mut self, turn: u64, now: u64) {
        self.goes_on(turn);
        self.behind = false;
        self.stage = Stage::Turn;
        self.screen_moved_ms = now;
    }

    pub fn actor(&self) -> Actor {
        Actor::Session { peer: self.name.peer.clone(), generation: self.name.generation }
    }
}
