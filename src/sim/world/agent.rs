//! What agents do with a message, and what else becomes of them.

use super::life::{Composer, Life, Paste, Stage, Taken};
use super::manner::Says;
use super::{Heard, What, World};
use crate::model::actor::Sender;
use crate::model::effect::SessionName;
use crate::model::event::{ConversationNamed, PromptTaken, TurnObserved, TurnSeen};
use crate::model::message::Purpose;
use crate::model::record::{Draft, Subject};
use crate::model::request::{Request, Send, Verb};
use crate::model::session::{Ending, Source};
use crate::sim::faults::Fault;
use crate::sim::fleet::Program;
use crate::supervisor::Asked;

/// One thing an agent does by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Its boot is over, if no dialog is open.
    Boot,
    /// It begins on what was submitted.
    Begin,
    /// The message stands in its record.
    Record,
    /// It says something on the way.
    Progress,
    Answer,
    Done,
    /// It asks another peer, and waits for a reply.
    AskPeer,
    /// A dialog opens in the middle of its turn, and somebody answers it.
    Ask,
    GoOn,
    Rest,
    /// The same, and it says that it could not do it.
    Fail,
    /// It says once more that it does nothing.
    Idle,
    /// A helper of its own shows that it lives.
    Helper,
    /// What went on in the background has ended, and wakes it up.
    Return,
    Hang,
    End(Ending),
}

impl World {
    /// The Enter has reached the program: it begins on what is in its box.
    pub fn submit(&mut self, name: &SessionName) {
        let turn = self.new_turn();
        let Some(life) = self.lives.get_mut(name) else { return };
        let Composer::Ours(paste) = std::mem::replace(&mut life.composer, Composer::Empty) else { return };
        life.begins(turn, self.now);
        life.task = Some((*paste).clone());
        self.taken.push(Taken { session: name.clone(), at_ms: self.now, paste: *paste });
        self.plan_turn(name);
    }

    /// Everything it will do in this turn, put on the agenda now.
    fn plan_turn(&mut self, name: &SessionName) {
        let [crash, exit, hang, ask, no_word] =
            [Fault::Crash, Fault::Exit, Fault::Hang, Fault::AskPerson, Fault::NoWord]
                .map(|fault| self.strikes_at(&name.peer, fault));
        let [long, first, twice, late] =
            [Fault::LongThought, Fault::AnswerFirst, Fault::AnswerTwice, Fault::AnswerLate]
                .map(|fault| self.strikes_at(&name.peer, fault));
        let manner = self.manners.get(&name.peer).copied();
        let (fails, calm) = (self.strikes_at(&name.peer, Fault::TurnFails), self.faults.calm);
        let Some(life) = self.lives.get_mut(name) else { return };
        let (turn, chance) = (life.turn, &mut life.chance);
        let think = match (long, calm) {
            (true, _) => 3_600_000 + chance.below(600_000),
            (false, true) => chance.spread(1_000, 60_000),
            (false, false) => chance.spread(1_000, 900_000),
        };
        let think = manner.filter(|_| !long).map_or(think, |manner| manner.turn_ms);
        let within = |chance: &mut crate::sim::chance::Chance| chance.below(think);
        let mut acts = vec![(chance.between(5, 40), Act::Begin), (chance.between(20, 900), Act::Record)];
        if chance.one_in(4) {
            acts.push((within(chance), Act::Progress));
        }
        if !no_word && manner.is_none_or(|manner| manner.says != Says::Nothing) {
            let done = chance.one_in(12) || manner.is_some_and(|manner| manner.says == Says::Done);
            acts.push((if first { 1 } else { think - think / 8 }, if done { Act::Done } else { Act::Answer }));
        }
        if twice {
            acts.push((think - think / 10, Act::Answer));
        }
        if late {
            acts.push((think + chance.spread(100, 60_000), Act::Answer));
        }
        if ask {
            acts.push((within(chance), Act::Ask));
        }
        let ending = if chance.one_in(2) { Ending::Signal { signal: 9 } } else { Ending::Code { code: 1 } };
        acts.push(match (crash, exit, hang) {
            (true, ..) => (within(chance), Act::End(ending)),
            (_, true, _) => (within(chance), Act::End(Ending::Code { code: 0 })),
            (.., true) => (within(chance), Act::Hang),
            _ if fails => (within(chance), Act::Fail),
            _ => (think, Act::Rest),
        });
        acts.extend(self.asks_after(name, think).map(|ms| (ms, Act::AskPeer)));
        for (ms, act) in acts {
            self.later(ms, What::Act(name.clone(), turn, act));
        }
    }

    /// Does `act`, if the turn it belongs to is still the one, or it is one that comes after its turn.
    pub fn act(&mut self, name: &SessionName, turn: u64, act: Act) {
        let Some(life) = self.lives.get(name).filter(|life| life.runs()) else { return };
        let late =
            matches!(act, Act::Answer | Act::Idle | Act::Record | Act::Boot | Act::End(_)) && life.last_turn == turn;
        if life.turn != turn && !late {
            return;
        }
        match act {
            Act::Boot => self.boot_over(name),
            Act::Begin => self.begin(name),
            Act::Record => self.write_record(name),
            Act::Progress => self.send(name, true),
            Act::Answer => self.send(name, false),
            Act::Done => self.call(name, Verb::SelfDone),
            Act::AskPeer => self.ask_a_peer(name),
            Act::Ask => self.ask_person(name, turn),
            Act::GoOn => self.go_on(name),
            Act::Rest => self.rest(name, TurnSeen::Ended),
            Act::Fail => self.rest(name, TurnSeen::Failed { reason: "usage limit".to_owned() }),
            Act::Idle => self.says_again(name, turn),
            Act::Helper => drop(self.tell(name, TurnSeen::Alive)),
            Act::Return => self.comes_back(name),
            Act::Hang => self.hang(name),
            Act::End(ending) => self.end(name, ending),
        }
    }

    fn boot_over(&mut self, name: &SessionName) {
        let now = self.now;
        let Some(life) = self.lives.get_mut(name) else { return };
        match life.stage {
            Stage::Booting { dialogs: 0, opens: true } => {
                life.stage = Stage::Rest;
                life.screen_moved_ms = now;
                self.touch(name);
            }
            // Looked at again: somebody may have answered by then.
            Stage::Booting { opens: true, .. } => {
                let boot = life.turn;
                self.later(500, What::Act(name.clone(), boot, Act::Boot));
            }
            _ => {}
        }
    }

    /// It says that it works, and a program with hooks by the same hook what it was given, and once what it calls the
    /// conversation.
    fn begin(&mut self, name: &SessionName) {
        let given = self.given(name);
        let heard = self.say(name, TurnSeen::Running, given);
        if let Some(life) = self.lives.get_mut(name).filter(|life| heard && life.program == Program::Hooked) {
            life.named = true;
        }
    }

    fn given(&self, name: &SessionName) -> Vec<Draft> {
        let said_at = Some(self.timestamp());
        let Some(life) = self.lives.get(name).filter(|life| life.program == Program::Hooked) else { return Vec::new() };
        let subject = Subject::session(&name.peer, name.generation);
        let named = (!life.named).then(|| {
            let resume_ref = format!("conversation-{}", name.generation);
            Draft::own(subject.clone(), None, ConversationNamed { resume_ref, source: Source::Hook })
        });
        let taken = life.task.as_ref().map(|paste| {
            let taken = PromptTaken { attempt: paste.attempt, print: paste.print(), said_at };
            Draft::own(subject.with_message(paste.message), None, taken)
        });
        named.into_iter().chain(taken).collect()
    }

    fn write_record(&mut self, name: &SessionName) {
        let now = self.now;
        let Some(life) = self.lives.get_mut(name) else { return };
        if let Some(paste) = &life.task
            && life.program.keeps_record()
        {
            life.record.push((paste.message, paste.attempt));
            life.record_moved_ms = now;
            self.touch(name);
        }
    }

    /// What it says to whoever gave it its task; a person, or a peer that may answer in turn.
    fn send(&mut self, name: &SessionName, progress: bool) {
        let Some(life) = self.lives.get_mut(name) else { return };
        let Some(paste) = life.task.as_ref().filter(|paste| paste.envelope.purpose == Purpose::Message) else { return };
        let calm = self.faults.calm;
        let waits = paste.envelope.reply_asked;
        let to = match &paste.envelope.from {
            Sender::Session { peer, .. } if waits && !progress => {
                let (to, question) = (peer.to_string(), paste.message);
                let Some(send) = self.reply(name, to, question) else { return };
                return self.say_to(name, send);
            }
            // Two agents that answer each other's every word would never come to rest.
            Sender::Session { .. } if calm || progress || life.chance.one_in(2) => return,
            Sender::Session { peer, .. } => peer.to_string(),
            Sender::User { name, .. } | Sender::Unverified { name, .. } => format!("user:{name}"),
            Sender::Dormouse { .. } => return,
        };
        // Or it asks another one, which is no answer to anybody.
        let to = if !calm && life.chance.one_in(6) { "ada".to_owned() } else { to };
        let send = Send { progress, ..self.word_of(name, to, "I have looked at it.") };
        self.say_to(name, send);
    }

    fn say_to(&mut self, name: &SessionName, send: Send) {
        let now = self.now;
        self.lives.entry(name.clone()).and_modify(|life| life.record_moved_ms = now);
        self.call(name, Verb::Send(Box::new(send)));
    }

    /// Something that the session itself asks for.
    pub fn call(&mut self, name: &SessionName, verb: Verb) {
        let Some(actor) = self.lives.get(name).map(Life::actor) else { return };
        let asked = Asked::Request(Request { actor, reason: None, verb });
        if self.strikes(Fault::LateWord) {
            // Who says it outlives the program: a process that was left behind, or a spool nobody has read yet.
            let ms = 1_000 * (1 + self.now % 1_200);
            return self.later(ms, What::Late(name.clone(), Box::new(asked)));
        }
        self.hear(Heard::Said { session: name.clone(), asked });
    }

    fn ask_person(&mut self, name: &SessionName, turn: u64) {
        let Some(life) = self.lives.get_mut(name).filter(|life| life.stage == Stage::Turn) else { return };
        life.stage = Stage::Asking;
        let ms = life.chance.spread(1_000, 1_800_000);
        self.tell(name, TurnSeen::Waiting { on: "a permission".to_owned() });
        if self.manners.contains_key(&name.peer) {
            // Whoever answers it is told to.
            return;
        }
        self.later(ms, What::Act(name.clone(), turn, Act::GoOn));
    }

    fn go_on(&mut self, name: &SessionName) {
        let Some(life) = self.lives.get_mut(name).filter(|life| life.stage == Stage::Asking) else { return };
        life.stage = Stage::Turn;
        self.tell(name, TurnSeen::Running);
        self.touch(name);
    }

    fn rest(&mut self, name: &SessionName, how: TurnSeen) {
        let hooked = self.lives.get(name).is_some_and(|life| life.program == Program::Hooked);
        if hooked && how == TurnSeen::Ended && self.strikes_at(&name.peer, Fault::GoesOnBehind) {
            return self.goes_on_behind(name);
        }
        let dies = self.strikes_at(&name.peer, Fault::DiesAtRest);
        let (now, after) = (self.now, self.new_turn());
        let Some(life) = self.lives.get_mut(name) else { return };
        let turn = life.turn;
        life.stage = Stage::Rest;
        life.screen_moved_ms = now;
        life.record_moved_ms = now;
        let dies_ms = life.chance.spread(1_000, 3_000_000);
        self.tell(name, how);
        if let Some(life) = self.lives.get_mut(name) {
            life.goes_on(after);
        }
        self.touch(name);
        // A program of this kind says so again when it has done nothing for a minute.
        self.later(60_000, What::Act(name.clone(), turn, Act::Idle));
        if dies {
            let ending = if after.is_multiple_of(2) { Ending::Code { code: 0 } } else { Ending::Signal { signal: 11 } };
            self.later(dies_ms, What::Act(name.clone(), after, Act::End(ending)));
        }
    }

    /// A key has ended its turn: it says no more than that it does nothing.
    pub fn interrupted(&mut self, name: &SessionName) {
        let (now, after) = (self.now, self.new_turn());
        let Some(life) = self.lives.get_mut(name) else { return };
        life.stage = Stage::Rest;
        life.screen_moved_ms = now;
        life.record_moved_ms = now;
        self.tell(name, TurnSeen::Idle);
        if let Some(life) = self.lives.get_mut(name) {
            life.goes_on(after);
        }
        self.touch(name);
    }

    fn hang(&mut self, name: &SessionName) {
        if self.faults.calm {
            // Somebody sees it, and ends it.
            return self.end(name, Ending::Signal { signal: 9 });
        }
        if let Some(life) = self.lives.get_mut(name) {
            life.stage = Stage::Hung;
        }
    }

    /// What it says of its turns, in the way of its kind. Whether it came through at once.
    pub fn tell(&mut self, name: &SessionName, turn: TurnSeen) -> bool {
        self.say(name, turn, Vec::new())
    }

    /// The same, and by the same hook `more`.
    fn say(&mut self, name: &SessionName, turn: TurnSeen, more: Vec<Draft>) -> bool {
        let Some(life) = self.lives.get_mut(name) else { return false };
        life.turn_told |= turn == TurnSeen::Running;
        let name_of_turn = life.turn;
        match life.program {
            Program::Teller => {
                life.words.started += u32::from(turn == TurnSeen::Running);
                life.words.ended += u32::from(turn == TurnSeen::Ended);
                life.words.turn = Some(turn);
                self.touch(name);
            }
            Program::Hooked => {
                let heard = self.hook(name, name_of_turn, turn.clone(), more);
                self.write_status(name, &turn);
                return heard;
            }
            Program::Silent | Program::Router => {}
        }
        true
    }

    /// That it has done nothing since that turn.
    fn says_again(&mut self, name: &SessionName, turn: u64) {
        match self.lives.get(name).map(|life| life.program) {
            Some(Program::Hooked) => drop(self.hook(name, turn, TurnSeen::Idle, Vec::new())),
            _ => drop(self.tell(name, TurnSeen::Idle)),
        }
    }

    fn hook(&mut self, name: &SessionName, name_of_turn: u64, turn: TurnSeen, more: Vec<Draft>) -> bool {
        // The word for rest is said again and again; only a word that comes once can be lost for good.
        let lost = turn != TurnSeen::Idle && self.strikes_at(&name.peer, Fault::HookLost);
        let twice = self.strikes_at(&name.peer, Fault::HookTwice);
        let late = !lost && self.strikes_at(&name.peer, Fault::HookLate);
        let Some(life) = self.lives.get_mut(name) else { return false };
        life.deceived |= lost || late;
        let turn_id = Some(format!("turn-{name_of_turn}"));
        let said_at = Some(self.timestamp());
        let observed = TurnObserved { turn, source: Source::Hook, turn_id, said_at };
        let draft = Draft::own(Subject::session(&name.peer, name.generation), None, observed);
        if lost {
            return false;
        }
        let again = twice.then(|| Box::new(draft.clone()));
        let drafts: Vec<Draft> = std::iter::once(draft).chain(more).collect();
        match late {
            true => self.later(1_000 * (1 + self.now % 60), What::Hooks(name.clone(), drafts)),
            false => self.hooks_come(name, drafts),
        }
        if let Some(draft) = again {
            // Some come at once, some in the middle of whatever is next.
            let ms = if self.now.is_multiple_of(2) { 0 } else { 1_000 * (1 + self.now % 1_200) };
            self.later(ms, What::Again(name.clone(), draft));
        }
        !late
    }

    /// What comes when its program has ended is no word of a live session any more: it stays in the spool (C61a).
    pub fn hooks_come(&mut self, name: &SessionName, drafts: Vec<Draft>) {
        let runs = self.lives.get(name).is_some_and(Life::runs);
        for draft in drafts {
            let said = Heard::Said { session: name.clone(), asked: Asked::seen(draft) };
            if runs { self.hear(said) } else { self.unheard(said) }
        }
    }

    /// As long as there is a program that could.
    pub fn hook_again(&mut self, name: &SessionName, draft: Draft) {
        if self.lives.get(name).is_some_and(Life::runs) {
            self.hear(Heard::Said { session: name.clone(), asked: Asked::seen(draft) });
        }
    }

    /// A paste reaches the program's box.
    pub fn type_into(&mut self, name: &SessionName, paste: Paste) {
        if let Some(life) = self.lives.get_mut(name) {
            life.composer = Composer::Ours(Box::new(paste));
            life.screen_moved_ms = self.now;
        }
    }
}
