//! Somebody who does not let one peer alone: everything that can be asked of it, one thing upon the other, so that each
//! comes at the worst moment for what came before.

use super::life::Stage;
use super::{Heard, What, World};
use crate::model::effect::SessionName;
use crate::model::id::MessageId;
use crate::model::name::{Identity, Personality, Runtime};
use crate::model::profile::{Registration, WakePolicy};
use crate::model::request::{PeerName, Request, Verb};
use crate::model::session::Ending;
use crate::sim::fleet;
use crate::supervisor::Asked;

impl World {
    pub(super) fn begin_to_pester(&mut self) {
        let peer = self.anybody();
        if self.visitors.chance.one_in(2) {
            let until = self.now + 300_000;
            self.visitors.broken_until.insert(peer.personality.clone(), until);
        }
        let times = self.visitors.chance.between(10, 60) as u32;
        self.later(0, What::Pester(peer.personality, times));
    }

    /// One thing more.
    pub fn pester(&mut self, peer: Personality, left: u32) {
        let Some(registration) = fleet::registrations().into_iter().find(|known| known.profile.personality == peer)
        else {
            return;
        };
        self.pester_once(&registration);
        if left > 0 {
            // Often at once, sometimes minutes later.
            let ms = self.visitors.chance.spread(2, 120_000);
            self.later(ms, What::Pester(peer, left - 1));
        }
    }

    fn pester_once(&mut self, registration: &Registration) {
        let identity = self.identity_of(registration);
        let (peer, mint) = (PeerName(identity.to_string()), self.mint());
        let force = self.visitors.chance.one_in(2);
        match self.visitors.chance.below(33) {
            0 => self.ask(Verb::Stop { peer }),
            1 => self.ask(Verb::Start { peer }),
            2 => self.ask(Verb::New { peer, mint }),
            3 => self.ask(Verb::Refresh { peer }),
            4 => self.ask(Verb::Attach { peer, mint }),
            5 => self.ask(Verb::Run { peer: identity, mint }),
            6 => self.ask(Verb::Remove { peer, force }),
            7 => self.ask(Verb::Add { registration: Box::new(registration.clone()) }),
            8..=12 => self.send_and_regret(&identity),
            13 => self.send_too_much(&identity),
            14 | 15 => self.let_it_speak(&identity, Verb::SelfDone),
            16 | 17 => self.let_it_speak(&identity, Verb::SelfFresh),
            18 => self.save_profile(registration),
            19 => self.tear_profile(registration),
            20 => self.retry_something(),
            21 | 22 => self.send_as_cron(identity.to_string(), |_| {}),
            23 => self.break_its_terminal(&identity),
            24 => self.let_it_answer(&identity),
            25 => self.cancel_something(),
            26 => self.add_wrongly(registration),
            28 | 29 => self.ask(Verb::Interrupt { peer }),
            30 => self.ask(Verb::Compact { peer, mint }),
            32 => self.edit_runtime(&identity.runtime),
            27 => self.ask_for_what_cannot_be(identity, mint),
            _ => self.send_as_cron(identity.to_string(), |send| send.topic = Some(String::new())),
        }
    }

    /// Two messages; one of them, or an earlier one, is called back a moment later.
    fn send_and_regret(&mut self, peer: &Identity) {
        self.send_as_cron(peer.to_string(), |_| {});
        let mut message = None;
        self.send_as_cron(peer.to_string(), |send| message = Some(send.mint));
        let Some(message) = message.filter(|_| self.visitors.chance.one_in(2)) else { return };
        self.ask(Verb::Cancel { message });
    }

    fn send_too_much(&mut self, peer: &Identity) {
        for _ in 0..14 {
            self.send_as_cron(peer.to_string(), |_| {});
        }
    }

    /// Any session of its, as long as some process of it could still speak.
    fn let_it_speak(&mut self, peer: &Identity, verb: Verb) {
        if let Some(session) = self.speaker(peer) {
            let Some(actor) = self.lives.get(&session).map(super::life::Life::actor) else { return };
            let asked = Asked::Request(Request { actor, reason: None, verb });
            self.hear(Heard::Said { session, asked });
        }
    }

    fn speaker(&mut self, peer: &Identity) -> Option<SessionName> {
        let of_peer = self.lives.values().filter(|life| life.name.peer == *peer && life.stage != Stage::Unborn);
        let names: Vec<SessionName> = of_peer.map(|life| life.name.clone()).collect();
        (!names.is_empty()).then(|| self.visitors.chance.pick(&names).clone())
    }

    /// To somebody who did not ask.
    fn let_it_answer(&mut self, peer: &Identity) {
        let Some(session) = self.speaker(peer) else { return };
        let from = crate::model::actor::Sender::Session { peer: session.peer.clone(), generation: session.generation };
        let nameless = self.visitors.chance.one_in(8);
        let to = if nameless { "user:".to_owned() } else { self.anybody().to_string() };
        let text = "By the way.".to_owned();
        let mint = self.mint();
        let send = crate::model::request::Send {
            mint,
            to,
            runtime: None,
            from,
            topic: None,
            text,
            // Out of a spool it may come twice, as the same call.
            key: Some(format!("call-{mint}")),
            progress: self.visitors.chance.one_in(2),
            answers: None,
            reply_asked: false,
        };
        self.let_it_speak(peer, Verb::Send(Box::new(send)));
    }

    fn save_profile(&mut self, registration: &Registration) {
        let mut profile = registration.profile.clone();
        if self.visitors.chance.one_in(2) {
            profile.wake_policy = match profile.wake_policy {
                WakePolicy::Persistent => WakePolicy::Ephemeral,
                WakePolicy::Ephemeral => WakePolicy::Persistent,
            };
        }
        if self.visitors.chance.one_in(2) {
            profile.runtimes.truncate(1);
        }
        profile.description = format!("as of {}", self.now);
        self.put_profile(profile.personality.clone(), Ok(profile));
        self.look_at_profile(registration);
    }

    fn tear_profile(&mut self, registration: &Registration) {
        let why = format!("expected `}}` at line {}", self.now % 40);
        self.put_profile(registration.profile.personality.clone(), Err(why));
        self.look_at_profile(registration);
    }

    /// A profile is read when something is asked of its peer that may wake it.
    fn look_at_profile(&mut self, registration: &Registration) {
        let peer = PeerName(fleet::identity(registration).to_string());
        match self.visitors.chance.one_in(2) {
            true => self.send_as_cron(peer.0, |_| {}),
            false => {
                let mint = self.mint();
                self.ask(Verb::Attach { peer, mint });
            }
        }
    }

    fn one_of_the_last(&mut self, many: usize) -> Option<MessageId> {
        let known: Vec<MessageId> = self.people.accepted.iter().rev().take(many).copied().collect();
        (!known.is_empty()).then(|| *self.visitors.chance.pick(&known))
    }

    fn retry_something(&mut self) {
        for _ in 0..8 {
            if let Some(message) = self.one_of_the_last(40) {
                self.ask(Verb::Retry { message });
            }
        }
    }

    fn cancel_something(&mut self) {
        for _ in 0..3 {
            if let Some(message) = self.one_of_the_last(8) {
                self.ask(Verb::Cancel { message });
            }
        }
    }

    /// The one it is mostly called by, or another of its runtimes.
    fn identity_of(&mut self, registration: &Registration) -> Identity {
        let runtime = self.visitors.chance.pick(&registration.profile.runtimes).clone();
        Identity::new(runtime, registration.profile.personality.clone())
    }

    /// Another folder for its name, another name for its folder, a runtime that nobody knows.
    fn add_wrongly(&mut self, registration: &Registration) {
        let mut registration = registration.clone();
        match self.visitors.chance.below(3) {
            0 => registration.folder = "/elsewhere".into(),
            1 => registration.profile.personality = Personality::new("zoe").unwrap_or(registration.profile.personality),
            _ => registration.profile.runtimes.extend(Runtime::new("unheard")),
        }
        self.ask(Verb::Add { registration: Box::new(registration) });
    }

    fn ask_for_what_cannot_be(&mut self, peer: Identity, mint: MessageId) {
        match self.visitors.chance.below(4) {
            0 => self.ask(Verb::SelfDone),
            1 => self.ask(Verb::Stop { peer: PeerName("No Name".to_owned()) }),
            2 => self.send_as_cron("No Name".to_owned(), |_| {}),
            _ => {
                let router = Runtime::new("router").unwrap_or(peer.runtime);
                self.ask(Verb::Run { peer: Identity::new(router, peer.personality), mint });
            }
        }
    }

    fn break_its_terminal(&mut self, peer: &Identity) {
        if let Some(session) = self.speaker(peer).filter(|name| !crate::sim::hands::is_managed(name)) {
            self.end(&session, Ending::TerminalLost { then: None });
        }
    }
}
