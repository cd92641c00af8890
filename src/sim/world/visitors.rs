//! What happens in some worlds only: crowds, bad updates, peers that are removed and added again, settings that change.
//!
//! Its chance is a stream of its own, so that a world without visitors is what it was before there were any.

use std::collections::BTreeMap;

use super::life::Stage;
use super::{Heard, What, World};
use crate::model::actor::{Actor, Sender};
use crate::model::effect::{Attention, SessionName};
use crate::model::event::{
    AttentionCalled, Event, RuntimeTraits, RuntimesChanged, SettingsChanged, SettingsUnreadable,
};
use crate::model::id::Lsn;
use crate::model::name::{Identity, Personality, Runtime};
use crate::model::record::{Draft, Subject};
use crate::model::request::{PeerName, Request, Send, Verb};
use crate::model::settings::Settings;
use crate::sim::chance::Chance;
use crate::sim::fleet::{self, Program};

/// Mean time between two things that visitors do.
const PAUSE_MS: u64 = 600_000;
/// Longest that the user's own command may take.
const CALL_MS_MAX: u64 = 10_000;

#[derive(Debug)]
pub struct Visitors {
    pub(in crate::sim) chance: Chance,
    /// Until when a peer's program dies at every boot.
    pub(super) broken_until: BTreeMap<Personality, u64>,
    /// What the daemon's settings file says.
    pub settings: Settings,
    /// What its runtime files say.
    pub runtimes: Vec<RuntimeTraits>,
}

impl Visitors {
    pub fn new(chance: Chance) -> Self {
        Self { chance, broken_until: BTreeMap::new(), settings: fleet::settings(), runtimes: fleet::runtimes() }
    }

    /// This peer's program has had a bad update.
    pub fn is_broken(&self, peer: &Identity, now: u64) -> bool {
        self.broken_until.get(&peer.personality).is_some_and(|until| *until > now)
    }
}

impl World {
    /// A visitor does something, and the next one is put down.
    pub fn somebody_visits(&mut self) {
        let next = self.visitors.chance.below(PAUSE_MS * 2) + 1;
        self.later(next, What::Visitor);
        match self.visitors.chance.below(20) {
            0 | 1 => self.tell_everybody(),
            2 | 3 => self.update_badly(),
            4 => self.remove_somebody(),
            5 => self.add_everybody(),
            6 => self.launch_from_a_folder(),
            7 => self.want_a_fresh_session(),
            8 | 9 => self.reload_settings(),
            10 | 11 => self.drop_a_runtime(),
            12..=17 => self.begin_to_pester(),
            _ => self.send_with_mistakes(),
        }
    }

    pub(super) fn anybody(&mut self) -> Identity {
        let all = fleet::registrations();
        fleet::identity(self.visitors.chance.pick(&all))
    }

    fn tell_everybody(&mut self) {
        for registration in fleet::registrations() {
            self.send_as_cron(fleet::identity(&registration).personality.to_string(), |_| {});
        }
    }

    pub(super) fn send_as_cron(&mut self, to: String, shape: impl FnOnce(&mut Send)) {
        let from = Sender::Unverified { name: "cron".to_owned(), uid: 0 };
        let text = "All of you, look at it.".to_owned();
        let mut send = Send::plain(self.mint(), from, to, text);
        shape(&mut send);
        self.ask(Verb::Send(Box::new(send)));
    }

    fn update_badly(&mut self) {
        let peer = self.anybody();
        let until = self.now + self.visitors.chance.between(60_000, 1_200_000);
        self.visitors.broken_until.insert(peer.personality.clone(), until);
        // Somebody wants to see the new version at once.
        self.send_as_cron(peer.personality.to_string(), |_| {});
    }

    fn remove_somebody(&mut self) {
        let peer = PeerName(self.anybody().to_string());
        let force = self.visitors.chance.one_in(2);
        self.ask(Verb::Remove { peer, force });
    }

    /// Whoever was removed is there again.
    pub fn add_everybody(&mut self) {
        for registration in fleet::registrations() {
            self.ask(Verb::Add { registration: Box::new(registration) });
        }
    }

    fn launch_from_a_folder(&mut self) {
        let (peer, mint) = (self.anybody(), self.mint());
        self.ask(Verb::Run { peer, mint });
    }

    fn want_a_fresh_session(&mut self) {
        let working = |life: &&super::life::Life| matches!(life.stage, Stage::Turn | Stage::Rest);
        let names: Vec<SessionName> = self.lives.values().filter(working).map(|life| life.name.clone()).collect();
        if names.is_empty() {
            return;
        }
        let session = self.visitors.chance.pick(&names).clone();
        let actor = Actor::Session { peer: session.peer.clone(), generation: session.generation };
        let request = Request { actor, reason: None, verb: Verb::SelfFresh };
        self.hear(Heard::Said { session, asked: crate::supervisor::Asked::Request(request) });
    }

    /// A profile declares one runtime less, while a message for it may be on its way.
    fn drop_a_runtime(&mut self) {
        let mut profile = fleet::registrations()[0].profile.clone();
        self.send_as_cron("ada".to_owned(), |send| send.runtime = profile.runtimes.last().cloned());
        profile.runtimes.truncate(1);
        self.put_profile(profile.personality.clone(), Ok(profile));
    }

    /// The settings file is saved, perhaps only half of it, and the daemon told so.
    fn reload_settings(&mut self) {
        let (broken, chance) = (self.visitors.chance.one_in(4), &mut self.visitors.chance);
        let event = if broken {
            Event::from(SettingsUnreadable { why: "expected a newline at line 3".to_owned() })
        } else {
            let retain_bytes = if chance.one_in(2) { 192 << 10 } else { 0 };
            let on_attention = if chance.one_in(2) { vec!["call-me".to_owned()] } else { Vec::new() };
            self.visitors.settings = Settings { retain_bytes, on_attention, ..fleet::settings() };
            SettingsChanged { settings: self.visitors.settings.clone(), given: None }.into()
        };
        self.hear(Heard::Report { draft: Draft::own(Subject::NONE, None, event), ticket: None });
    }

    /// The file of this runtime says that its conversations cannot be resumed, or that they can again.
    pub(super) fn edit_runtime(&mut self, runtime: &Runtime) {
        let program = Program::of(runtime);
        for traits in self.visitors.runtimes.iter_mut().filter(|traits| traits.name == *runtime) {
            traits.can_resume = program.can_resume() && !traits.can_resume;
        }
        self.reload_runtimes();
    }

    pub(super) fn reload_runtimes(&mut self) {
        let event = RuntimesChanged { runtimes: self.visitors.runtimes.clone() };
        self.hear(Heard::Report { draft: Draft::own(Subject::NONE, None, event), ticket: None });
    }

    /// What each check of a message is there for.
    fn send_with_mistakes(&mut self) {
        let to = self.anybody().personality.to_string();
        let runtime = |name: &str| Runtime::new(name).ok();
        match self.visitors.chance.below(9) {
            0 => self.send_as_cron("ada".to_owned(), |send| send.runtime = runtime("silent")),
            1 => self.send_as_cron(to, |send| send.runtime = runtime("router")),
            2 => self.send_as_cron(to, |send| send.topic = Some("t".repeat(300))),
            3 => self.send_as_cron(to, |send| send.topic = Some("a\u{7}b".to_owned())),
            4 => self.send_as_cron(to, |send| send.text = " \n".to_owned()),
            5 => self.send_as_cron(to, |send| send.text = "a\0b".to_owned()),
            6 => self.send_as_cron(to, |send| send.key = Some(String::new())),
            7 => self.send_as_cron("user:pat".to_owned(), |_| {}),
            // The same id, another text.
            _ => {
                let (first, second) = ("One.".to_owned(), "Two.".to_owned());
                for text in [first, second] {
                    let key = Some(format!("job-{}", self.now));
                    self.send_as_cron(to.clone(), |send| (send.key, send.text) = (key, text));
                }
            }
        }
    }

    /// The user's own command is run, which takes a while.
    pub fn call_attention(&mut self, cause: Lsn, attention: &Attention) {
        let subject = Subject { peer: attention.peer.clone(), generation: None, message: attention.message };
        let called = AttentionCalled { what: attention.what.word().to_owned(), failed: None };
        let ms = self.visitors.chance.spread(5, CALL_MS_MAX);
        self.later(ms, What::Called(self.daemon, Box::new(Draft::own(subject, Some(cause), called))));
    }

    /// Nobody hears how it went if the daemon that ran it has ended.
    pub fn has_called(&mut self, daemon: u32, draft: Draft) {
        if self.listens && self.daemon == daemon {
            self.hear(Heard::Report { draft, ticket: None });
        }
    }
}
