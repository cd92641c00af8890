//! A world without a system: a state, a clock moved by hand, and the facts a test hands in.

use std::collections::BTreeMap;

use dormouse::model::actor::{Actor, Sender};
use dormouse::model::effect::Effect;
use dormouse::model::event::{DeadlinePassed, Event, PeerRegistered, RuntimeKind, RuntimeTraits, RuntimesChanged};
use dormouse::model::id::MessageId;
use dormouse::model::name::{Identity, Personality, Runtime};
use dormouse::model::profile::{Managed, Registration, WakePolicy};
use dormouse::model::record::{Draft, Record, Subject};
use dormouse::model::request::{Request, Send, Verb};
use dormouse::model::state::{Session, State};
use dormouse::model::time::{BootId, Timestamp};
use dormouse::policy::admit::{Admission, admit};
use dormouse::policy::deadline::next_deadline;
use dormouse::supervisor::{conclude, is_stale};

pub struct World {
    pub state: State,
    pub now: Timestamp,
    pub records: Vec<Record>,
    pub effects: Vec<Effect>,
    /// Messages by the names a script gives them.
    pub messages: BTreeMap<String, MessageId>,
    minted: u128,
}

impl World {
    /// Runtimes `demo` (tells its turns, can resume), `plain` (does neither) and `relay` (a router).
    pub fn new() -> Self {
        let mut world = Self::bare();
        world.see(Subject::NONE, RuntimesChanged { runtimes: runtimes() });
        world
    }

    /// Before its first record.
    pub fn bare() -> Self {
        let now = Timestamp { wall_us: 1_700_000_000_000_000, awake_ms: 1_000_000, boot: BootId(7) };
        Self {
            state: State::default(),
            now,
            records: Vec::new(),
            effects: Vec::new(),
            messages: BTreeMap::new(),
            minted: 0,
        }
    }

    /// Registers `demo-NAME`, shaped by `shape`.
    pub fn add(&mut self, name: &str, shape: impl FnOnce(&mut Registration)) {
        let mut registration = registration("demo", name);
        shape(&mut registration);
        let identity = identity_of(&registration);
        self.see(Subject::peer(&identity), PeerRegistered { registration, reason: None });
    }

    pub fn mint(&mut self) -> MessageId {
        self.minted += 1;
        MessageId(self.minted)
    }

    /// One fact, and everything that follows; deadlines up to now have passed before.
    pub fn see(&mut self, subject: Subject, event: impl Into<Event>) -> Vec<Record> {
        self.conclude(Draft::own(subject, None, event))
    }

    pub fn conclude(&mut self, draft: Draft) -> Vec<Record> {
        if is_stale(&self.state, &draft) {
            return Vec::new();
        }
        let group = conclude(&mut self.state, self.now, draft, &mut self.effects);
        self.records.extend(group.iter().cloned());
        group
    }

    pub fn ask(&mut self, actor: Actor, verb: Verb) -> Admission {
        admit(&self.state, self.now, Request { actor, reason: None, verb })
    }

    /// Asks as a shell user, and concludes the fact it came to.
    pub fn request(&mut self, verb: Verb) -> Vec<Record> {
        let actor = Actor::User { uid: 1000, pid: 4242, program: "dormouse".into() };
        match self.ask(actor, verb) {
            Admission::Fact(draft) => self.conclude(draft),
            Admission::Known { .. } => Vec::new(),
        }
    }

    pub fn message(&mut self, to: &str, from: Sender, text: &str) -> Send {
        Send {
            mint: self.mint(),
            to: to.to_owned(),
            runtime: None,
            from,
            topic: None,
            text: text.to_owned(),
            key: None,
            progress: false,
            answers: None,
            reply_asked: false,
        }
    }

    /// Moves both clocks on, and takes up every deadline on the way at its own moment.
    pub fn pass(&mut self, ms: u64) -> Vec<Record> {
        let target = self.now.plus_ms(ms);
        let mut records = Vec::new();
        let mut turns = 0;
        while let Some(deadline) = next_deadline(&self.state).filter(|d| d.at.awake_ms <= target.awake_ms) {
            let left_ms = deadline.at.awake_ms.saturating_sub(self.now.awake_ms);
            self.now = self.now.plus_ms(left_ms);
            records.extend(self.see(Subject::NONE, DeadlinePassed { deadline: deadline.kind }));
            turns += 1;
            assert!(turns < 10_000, "the loop spins on {deadline:?}");
        }
        self.now = target;
        records
    }

    pub fn identity(&self, name: &str) -> Identity {
        let personality = Personality::new(name).unwrap();
        let runtime = self.state.peers[&personality].registration.profile.default_runtime.clone();
        Identity::new(runtime, personality)
    }

    pub fn session(&self, name: &str) -> &Session {
        self.state.presences[&self.identity(name)].session.as_ref().expect("it has a session")
    }

    /// A subject for facts about this peer's session.
    pub fn of_session(&self, name: &str) -> Subject {
        Subject::session(&self.identity(name), self.session(name).generation)
    }

    pub fn sender(&self, name: &str) -> Sender {
        Sender::Session { peer: self.identity(name), generation: self.session(name).generation }
    }
}

/// What [`World::new`] knows.
pub fn runtimes() -> Vec<RuntimeTraits> {
    let traits = |name: &str, kind, can_resume, tells_turns| RuntimeTraits {
        name: Runtime::new(name).unwrap(),
        kind,
        can_resume,
        tells_turns,
    };
    vec![
        traits("demo", RuntimeKind::Tui, true, true),
        traits("plain", RuntimeKind::Tui, false, false),
        traits("relay", RuntimeKind::Router, false, false),
    ]
}

pub fn user() -> Sender {
    Sender::User { name: "root".into(), uid: 0 }
}

pub fn identity_of(registration: &Registration) -> Identity {
    Identity::new(registration.profile.default_runtime.clone(), registration.profile.personality.clone())
}

pub fn registration(runtime: &str, name: &str) -> Registration {
    Registration::plain(format!("/peers/{name}"), Personality::new(name).unwrap(), Runtime::new(runtime).unwrap())
}

pub fn ephemeral(registration: &mut Registration) {
    registration.profile.wake_policy = WakePolicy::Ephemeral;
}

pub fn on(runtime: &'static str) -> impl FnOnce(&mut Registration) {
    move |registration| {
        let runtime = Runtime::new(runtime).unwrap();
        registration.profile.default_runtime = runtime.clone();
        registration.profile.runtimes = vec![runtime];
    }
}

pub fn managed(registration: &mut Registration) {
    registration.managed = Some(Managed { by: "somebody".into(), socket: "/tmp/s".into(), target: "t".into() });
}

impl World {
    pub fn presence_is_waking(&self, name: &str) -> bool {
        let presence = &self.state.presences[&self.identity(name)];
        presence.session.as_ref().is_some_and(|session| !session.is_ready() && !session.is_ending())
    }
}

/// Whatever happens in a script or at random, its records keep every promise the audit knows.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let audit = dormouse::explain::audit::audit(&self.records, dormouse::explain::audit::Bytes::default());
            assert_eq!(audit.violations, [], "{:#?}", self.records);
        }
    }
}
