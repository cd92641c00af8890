//! People, agents and machine do what the script says.

use std::collections::{BTreeMap, VecDeque};

use super::judge::Failure;
use super::values::Peer;
use super::{AgentAct, Behave, Does, Edit, Fails, Letter, Lined, Script, Step, Word};
use crate::model::actor::Sender;
use crate::model::effect::SessionName;
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::profile::WakePolicy;
use crate::model::request::{DeliveredHere, Named, PeerName, Request, Send, Verb};
use crate::model::session::Ending;
use crate::model::state::State;
use crate::sim::chance::Chance;
use crate::sim::faults::{Awaited, Fault, Faults, Lasts};
use crate::sim::fleet;
use crate::sim::run::Sim;
use crate::sim::world::agent::Act;
use crate::sim::world::life::{Composer, Life, Stage};
use crate::sim::world::manner::Manner;
use crate::sim::world::people::operator;
use crate::sim::world::{What, World};

/// A script on its way through a world.
#[derive(Debug)]
pub struct Play {
    pub(super) script: Script,
    steps: VecDeque<Lined<Step>>,
    pub(super) notes: Notes,
    /// How often a program has begun on each message.
    pub(super) began: BTreeMap<MessageId, u32>,
    /// When each record became durable, in the world's own time.
    pub(super) times: Vec<u64>,
    pub(super) finale: Option<Finale>,
}

/// What the steps leave behind.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub messages: BTreeMap<String, MessageId>,
    /// Calls whose outcome is expected: the number each has in the world.
    pub calls: Vec<(Lined<Word>, u32)>,
    /// Lines of the faults that are awaited, in the order of [`Faults::awaited`]; none for one that belongs to a step.
    pub fault_lines: Vec<Option<usize>>,
    pub failures: Vec<Failure>,
}

/// How things stood when the story ended.
#[derive(Clone, Debug)]
pub(super) struct Finale {
    pub records: usize,
    pub state: State,
    pub awaited: Vec<Awaited>,
}

impl Play {
    fn new(script: &Script) -> Self {
        Self {
            script: script.clone(),
            steps: script.steps.iter().cloned().collect(),
            notes: Notes::default(),
            began: BTreeMap::new(),
            times: Vec::new(),
            finale: None,
        }
    }

    /// So many more records are durable.
    pub(in crate::sim) fn committed(&mut self, count: usize, now: u64) {
        self.times.resize(self.times.len() + count, now);
    }

    /// A program has begun on this message.
    pub(in crate::sim) fn taken(&mut self, message: MessageId) {
        if self.finale.is_none() {
            *self.began.entry(message).or_default() += 1;
        }
    }
}

/// Why a step could not be done.
type Undone = String;

impl Sim {
    /// The world of `script`, at its beginning.
    pub(super) fn of_script(script: &Script) -> Self {
        let mut world = World::still(Faults::none(), Chance::Still);
        for registration in fleet::registrations() {
            for runtime in &registration.profile.runtimes {
                let peer = Identity::new(runtime.clone(), registration.profile.personality.clone());
                world.manners.insert(peer, Manner::default());
            }
        }
        let mut sim = Self::of(world);
        for step in &script.steps {
            sim.world.later(step.it.at.0, What::Step);
        }
        sim.world.later(script.end, What::Step);
        sim.play = Some(Box::new(Play::new(script)));
        sim
    }

    /// The next step of the script, or its end.
    pub(in crate::sim) fn next_step(&mut self) {
        let Some(play) = &mut self.play else { return };
        let Some(step) = play.steps.pop_front() else { return self.end_of_story() };
        // The play itself stays where it is: a step may commit records, and it counts them.
        let mut notes = std::mem::take(&mut play.notes);
        if let Err(why) = self.perform(&mut notes, &step) {
            notes.failures.push(Failure::of_step(step.line, why));
        }
        self.play.iter_mut().for_each(|play| play.notes = std::mem::take(&mut notes));
    }

    fn end_of_story(&mut self) {
        let finale = Finale {
            records: self.history.len(),
            state: self.shadow.clone(),
            awaited: self.world.faults.awaited.clone(),
        };
        self.play.iter_mut().for_each(|play| play.finale = Some(finale.clone()));
        self.world.answer_everybody();
        self.world.later(0, What::Calm);
    }

    fn perform(&mut self, notes: &mut Notes, step: &Lined<Step>) -> Result<(), Undone> {
        match &step.it.does {
            Does::Fault(fails) => {
                self.awaits(fails);
                notes.fault_lines.push(Some(step.line));
            }
            Does::KillDaemon { lasts } => self.ends(lasts.0, false)?,
            Does::StopDaemon { lasts } => self.ends(lasts.0, true)?,
            Does::CutPower { lasts } => {
                self.world.faults.awaited.push(awaited(Fault::PowerCut, None, Lasts::Times(1)));
                notes.fault_lines.push(None);
                self.ends(lasts.0, false)?;
            }
            Does::Agent { peer, act } => self.agent(notes, &peer.0, act)?,
            does => {
                if let Some(number) = self.world.people_do(notes, does)? {
                    notes.calls.extend(step.it.told.map(|it| (Lined { line: step.line, it }, number)));
                }
            }
        }
        Ok(())
    }

    fn awaits(&mut self, fails: &Fails) {
        let lasts = match fails.lasts {
            Some(span) => Lasts::Until(self.world.now + span.0),
            None => Lasts::Times(fails.times.unwrap_or(1)),
        };
        let peer = fails.peer.clone().map(|peer| peer.0);
        self.world.faults.awaited.push(awaited(fails.what.0, peer, lasts));
    }

    fn ends(&mut self, down_ms: u64, in_order: bool) -> Result<(), Undone> {
        if self.daemon.is_none() {
            return Err("no daemon runs at this moment".to_owned());
        }
        self.world.down_ms = Some(down_ms);
        self.kill(in_order);
        Ok(())
    }

    fn agent(&mut self, notes: &mut Notes, peer: &Identity, act: &AgentAct) -> Result<(), Undone> {
        let name = self.world.running(peer)?;
        let act = match act {
            AgentAct::Answers => Act::Answer,
            AgentAct::SaysProgress => Act::Progress,
            AgentAct::SaysDone => Act::Done,
            AgentAct::Rests => Act::Rest,
            AgentAct::Hangs => Act::Hang,
            AgentAct::AsksPerson => Act::Ask,
            AgentAct::GoesOn => Act::GoOn,
            AgentAct::Exits(code) => Act::End(Ending::Code { code: *code }),
            AgentAct::DiesBy(signal) => Act::End(Ending::Signal { signal: *signal }),
            AgentAct::Sends(letter) => {
                let from = Sender::Session { peer: name.peer.clone(), generation: name.generation };
                let send = self.world.letter(notes, letter, from)?;
                self.world.call(&name, Verb::Send(Box::new(send)));
                return Ok(());
            }
        };
        let Some(life) = self.world.lives.get(&name) else { return Ok(()) };
        if !may_do(life, &act) {
            return Err(format!("{peer} cannot do that at this moment: its program is in {:?}", life.stage));
        }
        let (turn, hangs) = (life.turn, act == Act::Hang);
        self.world.act(&name, turn, act);
        if hangs {
            self.world.forget_plans(&name);
        }
        Ok(())
    }
}

/// Whether it makes sense now.
fn may_do(life: &Life, act: &Act) -> bool {
    match act {
        Act::Answer | Act::Progress => life.task.is_some(),
        Act::Rest | Act::Fail => life.works(),
        Act::Hang => life.works() || life.stage == Stage::Rest,
        Act::Ask | Act::AskPeer => life.stage == Stage::Turn,
        Act::GoOn => life.stage == Stage::Asking,
        Act::Done | Act::End(_) | Act::Boot | Act::Begin | Act::Record | Act::Idle | Act::Helper | Act::Return => true,
    }
}

fn awaited(fault: Fault, peer: Option<Identity>, lasts: Lasts) -> Awaited {
    Awaited { fault, peer, lasts, struck: 0 }
}

impl World {
    /// Whoever sits at the machine does something. The call it makes, if it makes one.
    fn people_do(&mut self, notes: &mut Notes, does: &Does) -> Result<Option<u32>, Undone> {
        let named = |peer: &Peer| PeerName(peer.0.to_string());
        let message = |id: &String| notes.messages.get(id).copied().ok_or_else(|| format!("`{id}` was never sent"));
        let verb = match does {
            Does::Send(letter) => {
                let from = Sender::User { name: "pat".to_owned(), uid: 1000 };
                let send = self.letter(notes, letter, from)?;
                let verb = Verb::Send(Box::new(send));
                return Ok(Some(self.call_daemon(Request { actor: operator(), reason: None, verb })));
            }
            Does::Stop(peer) => Verb::Stop { peer: named(peer) },
            Does::Start(peer) => Verb::Start { peer: named(peer) },
            Does::New(peer) => Verb::New { peer: named(peer), mint: self.mint() },
            Does::Refresh(peer) => Verb::Refresh { peer: named(peer) },
            Does::Attach(peer) => Verb::Attach { peer: named(peer), mint: self.mint() },
            Does::Interrupt(peer) => Verb::Interrupt { peer: named(peer) },
            Does::Compact(peer) => Verb::Compact { peer: named(peer), mint: self.mint() },
            Does::Add(peer) => {
                let mut all = fleet::registrations().into_iter();
                let registration = all.find(|it| it.profile.personality == peer.0.personality);
                let registration = registration.ok_or_else(|| format!("{} is none of the ten", peer.0))?;
                Verb::Add { registration: Box::new(registration) }
            }
            Does::Remove(peer) => Verb::Remove { peer: named(peer), force: true },
            Does::Run(peer) => Verb::Run { peer: peer.0.clone(), mint: self.mint() },
            Does::Cancel(id) => Verb::Cancel { message: message(id)? },
            Does::Retry(id) => Verb::Retry { message: message(id)? },
            other => return self.happens(other).map(|()| None),
        };
        Ok(Some(self.ask_for(verb)))
    }

    /// Somebody comes at last to every agent that waits for a person.
    fn answer_everybody(&mut self) {
        let asking = self.lives.values().filter(|life| life.stage == Stage::Asking);
        for (name, turn) in asking.map(|life| (life.name.clone(), life.turn)).collect::<Vec<_>>() {
            self.act(&name, turn, Act::GoOn);
            self.later(1_000, What::Act(name, turn, Act::Rest));
        }
    }

    fn letter(&mut self, notes: &mut Notes, letter: &Letter, from: Sender) -> Result<Send, Undone> {
        let mint = self.mint();
        let named = |id: &String| {
            let message = *notes.messages.get(id).ok_or_else(|| format!("`{id}` was never sent"))?;
            Ok::<_, Undone>(Named { message, delivered: DeliveredHere::NotKnown })
        };
        let answers = letter.answers.as_ref().map(named).transpose()?;
        notes.messages.insert(letter.id.clone(), mint);
        let text = letter.text.clone().unwrap_or_else(|| "Please look at it.".to_owned());
        let Letter { topic, key, asks, .. } = letter.clone();
        Ok(Send { topic, key, answers, reply_asked: asks, ..Send::plain(mint, from, letter.to.clone(), text) })
    }

    fn happens(&mut self, does: &Does) -> Result<(), Undone> {
        match does {
            Does::Watch { peer, types, lasts } => self.watch(&peer.0, *types, lasts.0)?,
            Does::Edit(edit) => self.edit(edit),
            Does::Behave(behave) => self.behave(behave),
            Does::KillServer(peer) => {
                let name = self.running(&peer.0)?;
                self.end(&name, Ending::TerminalLost { then: None });
            }
            Does::KillShim(peer) => {
                let name = self.running(&peer.0)?;
                self.lose_shim(&name);
            }
            Does::LeaveOrphan(peer) => {
                self.leave_orphan(SessionName { peer: peer.0.clone(), generation: Generation(Lsn(1_000_000_007)) });
            }
            Does::Sleep(span) => self.clock.shift(span.0.cast_signed()),
            Does::SetClock { forward, back } => {
                let ms = |span: &Option<_>| span.map_or(0, |super::values::Span(ms)| ms.cast_signed());
                self.clock.shift(ms(forward) - ms(back));
            }
            Does::FillDisk { lasts } => self.full_until = self.now + lasts.0,
            // Calls, agents, faults, and the ends of the daemon: done where they are taken.
            Does::Send(_)
            | Does::Stop(_)
            | Does::Start(_)
            | Does::New(_)
            | Does::Refresh(_)
            | Does::Attach(_)
            | Does::Interrupt(_)
            | Does::Compact(_)
            | Does::Add(_)
            | Does::Remove(_)
            | Does::Run(_)
            | Does::Cancel(_)
            | Does::Retry(_)
            | Does::Agent { .. }
            | Does::Fault(_)
            | Does::KillDaemon { .. }
            | Does::StopDaemon { .. }
            | Does::CutPower { .. } => {}
        }
        Ok(())
    }

    /// The session of this peer whose program runs.
    fn running(&self, peer: &Identity) -> Result<SessionName, Undone> {
        let found = self.lives.values().rev().find(|life| life.name.peer == *peer && life.runs());
        found.map(|life| life.name.clone()).ok_or_else(|| format!("no program of {peer} runs at this moment"))
    }

    /// Nothing that it would have done in this turn comes any more.
    fn forget_plans(&mut self, name: &SessionName) {
        for _ in 0..2 {
            let turn = self.new_turn();
            // It is in the same turn as before.
            self.lives.entry(name.clone()).and_modify(|life| life.last_turn = std::mem::replace(&mut life.turn, turn));
        }
    }

    fn watch(&mut self, peer: &Identity, types: bool, ms: u64) -> Result<(), Undone> {
        let name = self.running(peer)?;
        let Some(life) = self.lives.get_mut(&name) else { return Ok(()) };
        life.attached = true;
        if types {
            if (life.stage, &life.composer) != (Stage::Rest, &Composer::Empty) {
                return Err(format!("nobody can type into the box of {peer} at this moment: it is {:?}", life.stage));
            }
            life.composer = Composer::Person;
        }
        self.later(ms, What::Leave(name));
        Ok(())
    }

    fn edit(&mut self, edit: &Edit) {
        let personality = &edit.peer.0.personality;
        if edit.unreadable {
            self.put_profile(personality.clone(), Err("expected `}` at line 3".to_owned()));
            return;
        }
        let registered = fleet::registrations().into_iter().map(|peer| peer.profile);
        let before = self.profiles.get(personality).cloned().and_then(Result::ok);
        let whole = before.or_else(|| registered.into_iter().find(|profile| profile.personality == *personality));
        let Some(mut profile) = whole else { return };
        if let Some(ephemeral) = edit.ephemeral {
            profile.wake_policy = if ephemeral { WakePolicy::Ephemeral } else { WakePolicy::Persistent };
        }
        profile.resume_on_death = edit.resume_on_death.unwrap_or(profile.resume_on_death);
        self.put_profile(personality.clone(), Ok(profile));
    }

    fn behave(&mut self, behave: &Behave) {
        let manner = self.manners.entry(behave.peer.0.clone()).or_default();
        *manner = Manner {
            boot_ms: behave.boot.map_or(manner.boot_ms, |span| span.0),
            dialogs: behave.dialogs.unwrap_or(manner.dialogs),
            turn_ms: behave.turn.map_or(manner.turn_ms, |span| span.0),
            says: behave.says.unwrap_or(manner.says),
        };
    }
}
