//! In some worlds agents ask each other and wait for a reply, and people give an agent work with their own hands.
//!
//! Its chance is a stream of its own, so that all other worlds are what they were.

use super::agent::Act;
use super::life::{Composer, Life, Stage};
use super::{What, World};
use crate::model::actor::Sender;
use crate::model::effect::SessionName;
use crate::model::id::MessageId;
use crate::model::message::Purpose;
use crate::model::name::Identity;
use crate::model::request::{DeliveredHere, Named, Send, Verb};
use crate::sim::chance::Chance;
use crate::sim::fleet;

/// Of so many worlds one has company.
const COMPANY: u64 = 4;
/// Numbers below 16 are the world's own.
const STREAM: u64 = 6;

/// What an agent says to another one that waits for its reply.
enum Reply {
    /// It names the question.
    Names,
    /// It leaves it to whoever reads it to see what it answers.
    Says,
    /// It names a message that it was never given.
    Mistakes,
    /// It says that it is at it.
    Reports,
    Nothing,
}

/// The chance of a world that has company.
pub(super) fn company(seed: u64) -> Option<Chance> {
    let mut chance = Chance::new(seed, STREAM);
    chance.one_in(COMPANY).then_some(chance)
}

impl World {
    /// When in a turn of `think_ms` this agent asks another one. Only what a person wants of it makes it ask: questions
    /// would never end.
    pub(super) fn asks_after(&mut self, name: &SessionName, think_ms: u64) -> Option<u64> {
        let paste = self.lives.get(name)?.task.as_ref()?;
        let from_person = matches!(paste.envelope.from, Sender::User { .. } | Sender::Unverified { .. });
        let may = from_person && paste.envelope.purpose == Purpose::Message;
        let chance = self.company.as_mut().filter(|_| may)?;
        chance.one_in(3).then(|| chance.below(think_ms.max(1)))
    }

    /// It asks another peer, and waits for a reply (C13).
    pub(super) fn ask_a_peer(&mut self, name: &SessionName) {
        let calm = self.faults.calm;
        let others: Vec<Identity> =
            fleet::registrations().iter().map(fleet::identity).filter(|peer| *peer != name.peer).collect();
        let Some(chance) = self.company.as_mut().filter(|_| !calm) else { return };
        let to = chance.pick(&others).personality.to_string();
        let send = Send { reply_asked: true, ..self.word_of(name, to, "What do you make of it?") };
        self.call(name, Verb::Send(Box::new(send)));
    }

    /// What it says to the peer that waits for its reply; none: it says nothing.
    pub(super) fn reply(&mut self, name: &SessionName, to: String, question: MessageId) -> Option<Send> {
        let reply = match self.company.as_mut()?.below(10) {
            0 => Reply::Nothing,
            1 => Reply::Mistakes,
            2 => Reply::Reports,
            3 => Reply::Says,
            _ => Reply::Names,
        };
        let send = self.word_of(name, to, "I make this of it.");
        // Whether it was given to this session is looked up where the word is taken up.
        let named = |message| Some(Named { message, delivered: DeliveredHere::NotKnown });
        match reply {
            Reply::Names => Some(Send { answers: named(question), ..send }),
            Reply::Says => Some(send),
            Reply::Mistakes => Some(Send { answers: named(MessageId(question.0 + 1)), ..send }),
            Reply::Reports => Some(Send { answers: named(question), progress: true, ..send }),
            Reply::Nothing => None,
        }
    }

    /// A plain word of this session.
    pub(super) fn word_of(&mut self, name: &SessionName, to: String, text: &str) -> Send {
        let from = Sender::Session { peer: name.peer.clone(), generation: name.generation };
        let key = Some(format!("call-{}-{}", name.generation, self.now));
        Send { key, ..Send::plain(self.mint(), from, to, text.to_owned()) }
    }

    /// Whoever has typed into this session may submit it before leaving: a turn that no message of ours began.
    pub(super) fn submit_by_hand(&mut self, name: &SessionName) {
        let typed = |life: &Life| life.composer == Composer::Person && life.stage == Stage::Rest;
        let may = !self.faults.calm && self.lives.get(name).is_some_and(typed);
        let Some(chance) = self.company.as_mut().filter(|_| may) else { return };
        if chance.one_in(2) {
            return;
        }
        let (begins_ms, works_ms) = (chance.between(5, 40), chance.spread(1_000, 900_000));
        let (now, turn) = (self.now, self.new_turn());
        let Some(life) = self.lives.get_mut(name) else { return };
        life.composer = Composer::Empty;
        life.task = None;
        life.begins(turn, now);
        self.later(begins_ms, What::Act(name.clone(), turn, Act::Begin));
        self.later(begins_ms + works_ms, What::Act(name.clone(), turn, Act::Rest));
    }
}
