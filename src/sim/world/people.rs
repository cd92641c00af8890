//! People: who sends, who stops and starts, who attaches and types, always at the worst moment; and the machine they
//! close the lid of.

use std::collections::{BTreeMap, BTreeSet};

use super::life::{Composer, Stage};
use super::{Heard, What, World};
use crate::model::actor::{Actor, Sender};
use crate::model::effect::SessionName;
use crate::model::id::{Lsn, MessageId};
use crate::model::name::Personality;
use crate::model::profile::WakePolicy;
use crate::model::request::{PeerName, Request, Send, Verb};
use crate::model::session::Ending;
use crate::sim::chance::Chance;
use crate::sim::faults::Fault;
use crate::sim::fleet;

/// Times an hour at which somebody sends something, if nothing else is said; one time in twenty it is a burst.
pub const SENDS_PER_HOUR: u64 = 15;
/// Mean time between two things that an operator does.
const OPERATOR_MS: u64 = 1_200_000;

/// How long a text stands in a box until whoever typed it comes back.
const FORGOTTEN_MS: u64 = 3 * 3_600_000;

/// What a caller was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Done(Vec<Lsn>),
    Known(MessageId),
    Refused,
    /// The journal failed under it, or the daemon died: nobody knows.
    InDoubt,
    /// Not accepted, for certain.
    NotTaken,
}

/// One call from outside sessions.
#[derive(Debug)]
pub struct Call {
    pub request: Request,
    pub told: Option<Told>,
}

#[derive(Debug)]
pub struct People {
    pub chance: Chance,
    pub calls: BTreeMap<u32, Call>,
    /// Messages that somebody was told are accepted.
    pub accepted: BTreeSet<MessageId>,
    pub sends_per_hour: u64,
    last: Option<Request>,
    count: u32,
}

impl People {
    pub fn new(chance: Chance) -> Self {
        Self {
            chance,
            calls: BTreeMap::new(),
            accepted: BTreeSet::new(),
            sends_per_hour: SENDS_PER_HOUR,
            last: None,
            count: 0,
        }
    }
}

impl World {
    /// Calls the daemon; the call has this number.
    pub fn call_daemon(&mut self, request: Request) -> u32 {
        self.people.count += 1;
        let number = self.people.count;
        let told = (!self.listens).then_some(Told::NotTaken);
        self.people.calls.insert(number, Call { request: request.clone(), told });
        self.hear(Heard::Call { number, request: Box::new(request) });
        number
    }

    pub fn ask(&mut self, verb: Verb) {
        self.ask_for(verb);
    }

    /// As an operator asks; the call has this number.
    pub fn ask_for(&mut self, verb: Verb) -> u32 {
        self.call_daemon(Request { actor: operator(), reason: None, verb })
    }

    /// One sender does something, and the next one is put down.
    pub fn somebody_sends(&mut self) {
        let next = self.people.chance.below(7_200_000 / self.people.sends_per_hour.max(1)) + 1;
        self.later(next, What::Sender);
        let burst = if self.people.chance.one_in(20) { self.people.chance.between(2, 16) } else { 1 };
        let to = self.somebody();
        for _ in 0..burst {
            self.one_message(&to);
        }
    }

    /// A peer by its name; now and then one that is not there.
    fn somebody(&mut self) -> String {
        let names = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ivy", "joe"];
        if self.people.chance.one_in(60) { "nobody".to_owned() } else { (*self.people.chance.pick(&names)).to_owned() }
    }

    fn one_message(&mut self, to: &str) {
        let mint = self.mint();
        let chance = &mut self.people.chance;
        if let Some(mut again) = self.people.last.clone()
            && chance.one_in(12)
        {
            // The door mints an id for every call; the key is the sender's own.
            if let Verb::Send(send) = &mut again.verb {
                send.mint = mint;
            }
            self.call_daemon(again);
            return;
        }
        let topic = chance.one_in(3).then(|| format!("topic-{}", chance.below(4)));
        let text = if chance.one_in(80) { "x".repeat(700) } else { "Please look at it.".to_owned() };
        let key = chance.one_in(3).then(|| format!("key-{mint}"));
        let user = Sender::User { name: "pat".to_owned(), uid: 1000 };
        let from = if chance.one_in(10) { Sender::Unverified { name: "cron".to_owned(), uid: 0 } } else { user };
        let keyed = key.is_some();
        let send = Send { topic, key, ..Send::plain(mint, from, to.to_owned(), text) };
        let request = Request { actor: operator(), reason: None, verb: Verb::Send(Box::new(send)) };
        if keyed {
            self.people.last = Some(request.clone());
        }
        self.call_daemon(request);
    }

    /// One operator does something, and the next one is put down.
    pub fn somebody_acts(&mut self) {
        let next = self.people.chance.below(OPERATOR_MS * 2) + 1;
        self.later(next, What::Person);
        let name = PeerName(self.somebody());
        let mint = self.mint();
        match self.people.chance.below(16) {
            0 => self.ask(Verb::Stop { peer: name }),
            1..=3 => self.ask(Verb::Start { peer: name }),
            4 => self.ask(Verb::New { peer: name, mint }),
            5 => self.ask(Verb::Refresh { peer: name }),
            6..=7 => self.ask(Verb::Attach { peer: name, mint }),
            8..=11 => self.attach(),
            12 => self.edit_profile(),
            13 => self.settle_a_message(),
            14 => self.kill_a_server(),
            _ => self.kill_a_shim(),
        }
    }

    fn any_life(&mut self, runs: impl Fn(Stage) -> bool) -> Option<SessionName> {
        let names: Vec<SessionName> =
            self.lives.values().filter(|life| runs(life.stage)).map(|life| life.name.clone()).collect();
        (!names.is_empty()).then(|| self.people.chance.pick(&names).clone())
    }

    /// Somebody looks at a session, and perhaps begins to type.
    fn attach(&mut self) {
        let Some(name) = self.any_life(|stage| matches!(stage, Stage::Rest | Stage::Turn | Stage::Asking)) else {
            return;
        };
        let (types, ms) = (self.people.chance.one_in(2), self.people.chance.spread(1_000, 900_000));
        let Some(life) = self.lives.get_mut(&name) else { return };
        life.attached = true;
        if types && life.composer == Composer::Empty && life.stage == Stage::Rest {
            life.composer = Composer::Person;
        }
        self.later(ms, What::Leave(name));
    }

    /// They take their text with them, or have it done.
    pub fn leave(&mut self, name: &SessionName) {
        self.submit_by_hand(name);
        let types = self.lives.get(name).is_some_and(|life| life.attached && life.composer == Composer::Person);
        if types && self.strikes(Fault::LeavesText) {
            if let Some(life) = self.lives.get_mut(name) {
                life.attached = false;
            }
            return self.later(FORGOTTEN_MS, What::Leave(name.clone()));
        }
        if let Some(life) = self.lives.get_mut(name) {
            life.attached = false;
            if life.composer == Composer::Person {
                life.composer = Composer::Empty;
            }
            self.touch(name);
        }
    }

    /// Somebody saves a profile, perhaps only half of it.
    fn edit_profile(&mut self) {
        let all = fleet::registrations();
        let mut profile = self.people.chance.pick(&all).profile.clone();
        let broken = self.strikes(Fault::ProfileBroken);
        if self.people.chance.one_in(2) {
            profile.wake_policy = match profile.wake_policy {
                WakePolicy::Persistent => WakePolicy::Ephemeral,
                WakePolicy::Ephemeral => WakePolicy::Persistent,
            };
        }
        let file = if broken { Err("expected `}` at line 3".to_owned()) } else { Ok(profile.clone()) };
        self.put_profile(profile.personality, file);
    }

    fn settle_a_message(&mut self) {
        let known: Vec<MessageId> = self.people.accepted.iter().rev().take(20).copied().collect();
        if !known.is_empty() {
            let message = *self.people.chance.pick(&known);
            let cancel = self.people.chance.one_in(2);
            self.ask(if cancel { Verb::Cancel { message } } else { Verb::Retry { message } });
        }
    }

    fn kill_a_server(&mut self) {
        let strikes = self.strikes(Fault::ServerDies);
        if let Some(name) = self.any_life(|stage| !matches!(stage, Stage::Unborn | Stage::Ended)).filter(|_| strikes) {
            self.end(&name, Ending::TerminalLost { then: None });
        }
    }

    fn kill_a_shim(&mut self) {
        let strikes = self.strikes(Fault::ShimKilled);
        if let Some(name) = self.any_life(|stage| !matches!(stage, Stage::Unborn | Stage::Ended)).filter(|_| strikes) {
            self.lose_shim(&name);
        }
    }

    /// The kernel takes the program along; nobody is left to say how.
    pub fn lose_shim(&mut self, name: &SessionName) {
        if let Some(life) = self.lives.get_mut(name) {
            life.unseen = true;
        }
        self.end(name, Ending::NotKnown { why: "its shim was killed".to_owned() });
    }

    /// The lid is closed, the clock is set, or the disk fills up. Restarts are the daemon's business.
    pub fn machine(&mut self) {
        let next = self.people.chance.below(3_600_000) + 1;
        self.later(next, What::Machine);
        if self.faults.calm {
            return;
        }
        match self.people.chance.below(8) {
            0 | 1 => self.clock.shift(self.people.chance.spread(60_000, 12 * 3_600_000).cast_signed()),
            2 => self.clock.shift(-self.people.chance.spread(1_000, 3_600_000).cast_signed()),
            3 | 4 if self.strikes(Fault::DiskFull) => {
                self.full_until = self.now + self.people.chance.spread(10_000, 600_000);
            }
            _ => {}
        }
    }

    /// What people do when all is over: nobody is attached any more, what hangs is killed, and what was stopped is started.
    pub fn calm(&mut self, barred: Option<&BTreeSet<Personality>>) {
        self.faults.calm = true;
        self.full_until = 0;
        let names: Vec<SessionName> = self.lives.keys().cloned().collect();
        for name in &names {
            self.leave(name);
        }
        for name in &names {
            if self.lives.get(name).is_some_and(|life| life.stage == Stage::Hung) {
                self.end(name, Ending::Signal { signal: 9 });
            }
        }
        if self.faults.has_visitors() {
            self.add_everybody();
            self.visitors.runtimes = fleet::runtimes();
            self.reload_runtimes();
        }
        for registration in fleet::registrations() {
            self.put_profile(registration.profile.personality.clone(), Ok(registration.profile.clone()));
            // Who may be woken is left alone: what should have woken it must do so.
            let is_barred = barred.is_none_or(|barred| barred.contains(&registration.profile.personality));
            if registration.managed.is_none() && is_barred {
                self.ask(Verb::Start { peer: PeerName(registration.profile.personality.to_string()) });
            }
        }
    }
}

/// Who calls from outside sessions.
pub fn operator() -> Actor {
    Actor::User { uid: 1000, pid: 4242, program: "dormouse".to_owned() }
}
