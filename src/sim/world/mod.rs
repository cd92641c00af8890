//! The world as it truly is: sessions, people, clocks, and what is on its way to the daemon.

pub mod agent;
mod beside;
mod company;
pub mod life;
pub mod manner;
mod misfortune;
pub mod people;
mod pester;
pub mod visitors;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::agent::Act;
use self::life::{Composer, Life, Stage, Taken};
use self::manner::Manner;
use self::visitors::Visitors;
use super::agenda::Agenda;
use super::chance::Chance;
use super::clock::Clock;
use super::faults::{Fault, Faults};
use super::hands::lane::Ticket;
use crate::model::effect::SessionName;
use crate::model::event::{Event, TurnSeen};
use crate::model::id::MessageId;
use crate::model::name::{Identity, Personality};
use crate::model::profile::Profile;
use crate::model::record::{Draft, Subject};
use crate::model::request::Request;
use crate::model::session::Ending;
use crate::model::time::Timestamp;
use crate::supervisor::Asked;

/// A thing to come.
#[derive(Debug)]
pub enum What {
    /// The daemon of this number takes up what it has heard.
    Turn(u32),
    /// A lane of that daemon goes on.
    Lane(u32, SessionName),
    /// A tmux client has made the session's process; it outlives the daemon that started it.
    Birth(SessionName),
    /// An agent does something, if its turn of that number is still the one.
    Act(SessionName, u64, Act),
    /// Somebody sends something.
    Sender,
    /// Somebody does something else at the command line.
    Person,
    /// Whoever was attached to this session leaves.
    Leave(SessionName),
    /// Something happens that does not in most worlds.
    Visitor,
    /// Somebody who does not let this peer alone does one more thing, and so many after it.
    Pester(Personality, u32),
    /// A hook of this session says what it has said before.
    Again(SessionName, Box<Draft>),
    /// The user's own command has been run, for the daemon of this number.
    Called(u32, Box<Draft>),
    /// What this session says by a hook that took its time.
    Hooks(SessionName, Vec<Draft>),
    /// The status file of this session comes to say what it has done since then.
    Status(SessionName, TurnSeen, Timestamp),
    /// A word of this session that took its time.
    Late(SessionName, Box<Asked>),
    /// Something happens to everybody at once.
    Misfortune,
    /// Something happens to the machine.
    Machine,
    /// A daemon of this number starts.
    Start(u32),
    /// Faults stop; what people have left undone is done.
    Calm,
    /// The next step of a script.
    Step,
    /// Has everything come to rest?
    Settled,
}

/// Something on its way to the daemon.
#[derive(Debug)]
pub enum Heard {
    /// What its own hands and eyes report. The ticket is told once it is durable.
    Report { draft: Draft, ticket: Option<Ticket> },
    /// What a session says; kept in its spool if nobody takes it up.
    Said { session: SessionName, asked: Asked },
    /// A call from outside sessions.
    Call { number: u32, request: Box<Request> },
}

/// What a peer's profile file says now.
pub type ProfileFile = Result<Profile, String>;

#[derive(Debug)]
pub struct World {
    pub now: u64,
    pub clock: Clock,
    pub agenda: Agenda<What>,
    pub faults: Faults,
    pub lives: BTreeMap<SessionName, Life>,
    pub heard: Vec<Heard>,
    /// The daemon's number.
    pub daemon: u32,
    /// It is up, and its journal takes records.
    pub listens: bool,
    /// Everything a program has begun on since somebody last looked here.
    pub taken: Vec<Taken>,
    /// What the world itself has seen go wrong since then.
    pub broken: Vec<String>,
    /// Shared with the daemon, which looks there in every turn.
    pub profiles: Arc<BTreeMap<Personality, ProfileFile>>,
    pub people: people::People,
    pub visitors: Visitors,
    /// What misfortunes are like.
    pub luck: Chance,
    /// What agents ask each other, in a world with company.
    company: Option<Chance>,
    /// The disk is full until then.
    pub full_until: u64,
    /// How agents behave whom a script has taken in hand.
    pub manners: BTreeMap<Identity, Manner>,
    /// For how long the next daemon that ends is away, where that is not left to chance.
    pub down_ms: Option<u64>,
    /// None: nothing is left to chance.
    seed: Option<u64>,
    streams: u64,
    minted: u64,
    pids: u32,
    turns: u64,
}

impl World {
    pub fn new(seed: u64, faults: Faults) -> Self {
        let visitors = Visitors::new(Chance::new(seed, 4));
        let (luck, company) = (Chance::new(seed, 5), company::company(seed));
        Self { now: 1_000, seed: Some(seed), visitors, luck, company, ..Self::still(faults, Chance::new(seed, 2)) }
    }

    /// A world in which nothing is left to chance but what `people` do.
    pub fn still(faults: Faults, people: Chance) -> Self {
        Self {
            now: 0,
            clock: Clock::new(),
            agenda: Agenda::default(),
            faults,
            lives: BTreeMap::new(),
            heard: Vec::new(),
            daemon: 0,
            listens: false,
            taken: Vec::new(),
            broken: Vec::new(),
            profiles: Arc::default(),
            people: people::People::new(people),
            visitors: Visitors::new(Chance::Still),
            luck: Chance::Still,
            company: None,
            full_until: 0,
            manners: BTreeMap::new(),
            down_ms: None,
            seed: None,
            streams: 16,
            minted: 0,
            pids: 100,
            turns: 0,
        }
    }

    /// What the file says from here on.
    pub fn put_profile(&mut self, name: Personality, file: ProfileFile) {
        Arc::make_mut(&mut self.profiles).insert(name, file);
    }

    pub fn timestamp(&self) -> Timestamp {
        self.clock.at(self.now)
    }

    pub fn strikes(&mut self, fault: Fault) -> bool {
        self.faults.strikes(fault, None, self.now)
    }

    /// The same where it goes wrong with one peer.
    pub fn strikes_at(&mut self, peer: &Identity, fault: Fault) -> bool {
        self.faults.strikes(fault, Some(peer), self.now)
    }

    /// A stream of chance for somebody new.
    pub fn chance(&mut self) -> Chance {
        self.streams += 1;
        self.seed.map_or(Chance::Still, |seed| Chance::new(seed, self.streams))
    }

    pub fn mint(&mut self) -> MessageId {
        self.minted += 1;
        MessageId(u128::from(self.timestamp().wall_us / 1000) << 80 | u128::from(self.minted))
    }

    /// A name for a turn that nothing else has.
    pub fn new_turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    pub fn later(&mut self, ms: u64, what: What) {
        self.agenda.put(self.now + ms, what);
    }

    /// Something reaches the daemon, if there is one.
    pub fn hear(&mut self, heard: Heard) {
        if !self.listens {
            return self.unheard(heard);
        }
        if self.heard.is_empty() {
            // The disk's own time; whatever comes meanwhile is taken up in the same turn.
            let slow = self.strikes(Fault::SlowDisk);
            let ms = if slow { 3_000 } else { self.now % 4 };
            self.later(ms, What::Turn(self.daemon));
        }
        self.heard.push(heard);
    }

    /// Nobody took it up: a session's word lies in its spool, everything else is gone with who listened.
    pub fn unheard(&mut self, heard: Heard) {
        if let Heard::Said { session, asked } = heard
            && let Some(life) = self.lives.get_mut(&session)
        {
            life.spool.push_back(asked);
        }
    }

    /// A lane or a watcher looks at this session again.
    pub fn touch(&mut self, name: &SessionName) {
        if self.listens {
            self.later(0, What::Lane(self.daemon, name.clone()));
        }
    }

    pub fn report(&mut self, name: &SessionName, cause: Option<crate::model::id::Lsn>, event: impl Into<Event>) {
        let draft = Draft::own(Subject::session(&name.peer, name.generation), cause, event);
        self.hear(Heard::Report { draft, ticket: None });
    }

    /// Everything that a start of this session's process finds in its way, then the process.
    pub fn birth(&mut self, name: &SessionName) {
        let locked = self.holder_of(&name.peer).is_some_and(|holder| holder != *name);
        let missing = self.strikes_at(&name.peer, Fault::ProgramMissing);
        let crash = self.strikes_at(&name.peer, Fault::BootCrash) || self.visitors.is_broken(&name.peer, self.now);
        let opens = !self.strikes_at(&name.peer, Fault::NeverReady);
        let slow = self.strikes_at(&name.peer, Fault::SlowBoot);
        let manner = self.manners.get(&name.peer).copied();
        let (now, pid) = (self.now, self.pids + 1);
        let Some(life) = self.lives.get_mut(name).filter(|life| life.stage == Stage::Unborn) else { return };
        if !life.wanted || locked {
            life.stage = Stage::Ended;
            life.ending = Some(Ending::NeverStarted);
            life.ended_ms = now;
            return self.touch(name);
        }
        if missing {
            life.stage = Stage::Ended;
            life.ending = Some(Ending::ExecFailed { errno: 2, program: "agent".to_owned() });
            life.ended_ms = now;
            return self.touch(name);
        }
        self.pids = pid;
        life.pid = pid;
        life.born_ms = Some(now);
        life.restless = life.chance.one_in(6);
        life.screen_moved_ms = now;
        let dialogs = if life.program == super::fleet::Program::Router { 0 } else { life.chance.below(3) as u32 };
        life.stage = Stage::Booting { dialogs: manner.map_or(dialogs, |manner| manner.dialogs), opens };
        let boot_ms = if slow { life.chance.between(60_000, 300_000) } else { life.chance.spread(200, 20_000) };
        let boot_ms = manner.filter(|_| !slow).map_or(boot_ms, |manner| manner.boot_ms);
        let dies_ms = life.chance.below(boot_ms);
        let boot = self.new_turn();
        if let Some(life) = self.lives.get_mut(name) {
            life.goes_on(boot);
        }
        self.later(boot_ms, What::Act(name.clone(), boot, Act::Boot));
        if crash {
            self.later(dies_ms, What::Act(name.clone(), boot, Act::End(Ending::Code { code: 1 })));
        }
        self.touch(name);
    }

    /// Who holds the identity's lock (C16).
    pub fn holder_of(&self, peer: &Identity) -> Option<SessionName> {
        self.lives.values().find(|life| life.name.peer == *peer && life.lives()).map(|life| life.name.clone())
    }

    /// The program ends, however it does. Strays may stay.
    pub fn end(&mut self, name: &SessionName, ending: Ending) {
        let strays = self.strikes_at(&name.peer, Fault::LeavesStrays);
        let now = self.now;
        let Some(life) = self.lives.get_mut(name).filter(|life| life.runs()) else { return };
        life.stage = Stage::Ended;
        life.ended_ms = now;
        life.ending = Some(ending);
        life.composer = Composer::Empty;
        // The shim ends what is left of the tree before it says how the program ended; a shim that was killed cannot.
        if strays && life.unseen {
            life.strays = 2;
        }
        // Whoever watches hears of it a moment later.
        let ms = life.chance.below(20);
        if self.listens {
            self.later(ms, What::Lane(self.daemon, name.clone()));
        }
    }

    /// Everything of a session's tree is ended by somebody from outside.
    pub fn end_tree(&mut self, name: &SessionName, ending: Ending) {
        let now = self.now;
        let Some(life) = self.lives.get_mut(name) else { return };
        life.strays = 0;
        if life.stage != Stage::Ended {
            life.stage = Stage::Ended;
            life.ended_ms = now;
            life.composer = Composer::Empty;
            life.ending = Some(if life.born_ms.is_some() { ending } else { Ending::NeverStarted });
        }
    }

    /// A session that nobody's journal knows (C60).
    pub fn leave_orphan(&mut self, name: SessionName) {
        let chance = self.chance();
        let mut life = Life::new(name.clone(), chance);
        life.born_ms = Some(self.now);
        life.stage = Stage::Rest;
        self.lives.insert(name, life);
    }

    /// What is left of one that has ended.
    pub fn leave_files(&mut self, name: SessionName) {
        self.leave_orphan(name.clone());
        self.end_tree(&name, Ending::Code { code: 0 });
    }
}
