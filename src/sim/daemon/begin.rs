//! How a daemon begins: recovery, a look at the world, the spools, and then it serves (C60).

use std::sync::Arc;

use super::{Daemon, Waiter};
use crate::journal::{Committed, Journal, Options};
use crate::model::effect::{Liveness, SessionName};
use crate::model::event::{DaemonStarted, Event, KillFailed, OrphanEnded, PeerRegistered, SettingsChanged};
use crate::model::record::{Draft, Record, Subject};
use crate::model::session::Ending;
use crate::model::state::State;
use crate::sim::disk::SimDisk;
use crate::sim::faults::Fault;
use crate::sim::fleet;
use crate::sim::hands::{self, Desk, Hands};
use crate::sim::oracle::{Acknowledged, Broken, spooled_is_taken_up};
use crate::sim::run::Sim;
use crate::sim::world::Heard;
use crate::supervisor::{Asked, Began, Begin, Supervisor};

/// Small, so that a run rotates many times.
const SEGMENT_BYTES: u64 = 64 << 10;

impl Sim {
    /// A daemon opens the journal, looks at the world, and serves (C60).
    pub(in crate::sim) fn start(&mut self, number: u32) {
        if self.daemon.is_some() || number <= self.world.daemon {
            return;
        }
        self.world.daemon = number;
        self.plan_faults_of_a_start();
        let Some((journal, state)) = self.open() else { return };
        let desk = Desk { profiles: Arc::clone(&self.world.profiles), ..Desk::default() };
        let mut supervisor = Supervisor::new(journal, desk, state, self.keeping);
        // Clients of the daemon before may still be at work: the world holds still before it is looked at (C16).
        let at_work: Vec<SessionName> =
            self.world.lives.values().filter(|life| life.client).map(|life| life.name.clone()).collect();
        for name in &at_work {
            self.world.birth(name);
        }
        let mut known = supervisor.sessions();
        for name in &known {
            let found = hands::survey(&mut self.world, name);
            supervisor.host().found.insert(name.clone(), found);
        }
        let (spooled, waiters) = self.spools();
        let begin = Begin {
            started: DaemonStarted { version: "sim".to_owned(), pid: number, tmux: None },
            settings: SettingsChanged { settings: self.world.visitors.settings.clone(), given: None },
            runtimes: self.world.visitors.runtimes.clone(),
        };
        let began = supervisor.begin(self.world.timestamp(), begin, || spooled);
        let mut daemon = Box::new(Daemon {
            number,
            supervisor,
            hands: Hands::default(),
            busy: Some(self.world.now),
            deadline: None,
            wakes: 0,
            turns: 0,
        });
        match began {
            Ok(Began { alive, turns }) => {
                self.refusals = 0;
                self.world.listens = true;
                let [first, found] = turns.map(Committed::into_inner);
                spooled_is_taken_up(waiters.len(), &first).unwrap_or_else(|broken| self.break_with(broken));
                for turn in [first, found] {
                    self.record(&mut daemon, &turn.groups);
                }
                known.extend(daemon.supervisor.sessions());
                self.serve(daemon, &alive, &known);
            }
            Err(error) => {
                self.not_taken(waiters, &error);
                if self.disk.is_dead() { self.died(Some(daemon)) } else { self.refuses(daemon) }
            }
        }
    }

    fn serve(&mut self, mut daemon: Box<Daemon>, alive: &[SessionName], known: &[SessionName]) {
        self.carry_out(&mut daemon);
        for name in alive {
            let found = daemon.supervisor.host().found.get(name);
            let known = !matches!(found, Some((Liveness::NotKnown { .. }, _)));
            daemon.hands.adopt(&mut self.world, name, known);
        }
        for name in self.own_sessions().iter().filter(|name| !known.contains(name)) {
            self.end_orphan(name);
        }
        if self.history.len() < 40 {
            self.register(&daemon);
        }
        if self.disk.is_dead() {
            return self.died(Some(daemon));
        }
        self.compare(&mut daemon);
        self.next_turn(&mut daemon);
        self.daemon = Some(daemon);
    }

    /// What nobody knows. Of files alone it may be that they cannot be read; they stay for the next start.
    fn end_orphan(&mut self, name: &SessionName) {
        let strays = self.world.lives.get(name).map_or(0, |life| u32::from(life.lives()));
        let visited = self.world.faults.has_visitors();
        if strays == 0 && visited && self.world.strikes_at(&name.peer, Fault::KillFails) {
            let why = "its files cannot be read".to_owned();
            return self.world.report(name, None, KillFailed { why, survivors: 0 });
        }
        self.world.end_tree(name, Ending::Signal { signal: 15 });
        self.world.lives.remove(name);
        let ended = OrphanEnded { what: format!("session {} of {}", name.generation, name.peer), strays };
        self.world.report(name, None, ended);
    }

    /// Whoever is not registered yet comes to be.
    fn register(&mut self, daemon: &Daemon) {
        for registration in fleet::registrations() {
            if !daemon.state().peers.contains_key(&registration.profile.personality) {
                let subject = Subject::peer(&fleet::identity(&registration));
                let draft = Draft::own(subject, None, PeerRegistered { registration, reason: None });
                self.world.hear(Heard::Report { draft, ticket: None });
            }
        }
    }

    fn open(&mut self) -> Option<(Journal<SimDisk>, State)> {
        let options = Options { segment_bytes: SEGMENT_BYTES, payload_bytes_max: 128 << 10 };
        let mut salt = u64::from(self.world.daemon) << 32;
        let salts = move || {
            salt += 1;
            let mut bytes = [7; 16];
            bytes[..8].copy_from_slice(&salt.to_le_bytes());
            bytes
        };
        let mut fold = Acknowledged::new(&self.history);
        let wall_us = self.world.timestamp().wall_us;
        let (journal, recovered) = match Journal::open(self.disk.clone(), options, wall_us, salts, &mut fold) {
            Ok(opened) => opened,
            Err(_) if self.disk.is_dead() => {
                self.died(None);
                return None;
            }
            // A sector that could not be read, this time.
            Err(error) if error.is_damage() && !self.disk.has_failed() => {
                let what = format!("the journal does not open: {error:?}");
                self.break_with(Broken { oracle: "no acknowledged record is lost", rule: "C7", what });
                return None;
            }
            Err(_) => {
                self.open_again_later();
                return None;
            }
        };
        let verdict = fold.verdict(recovered.last_lsn);
        let Acknowledged { folded, more, .. } = fold;
        if let Err(broken) = verdict {
            self.break_with(broken);
            return None;
        }
        self.take_in(&more);
        if self.broken.is_none() && self.shadow != folded.state {
            let what = "what a start folds is not the state that was".to_owned();
            self.break_with(Broken { oracle: "replay equals live", rule: "I3", what });
        }
        Some((journal, folded.state))
    }

    /// Records that are durable and that nobody was told of.
    fn take_in(&mut self, more: &[Record]) {
        let mut rest = more;
        while let Some(first) = rest.first() {
            let next = rest[1..].iter().position(|record| matches!(record.event, Event::Fact(_)));
            let (group, others) = rest.split_at(next.map_or(rest.len(), |at| at + 1));
            debug_assert!(matches!(first.event, Event::Fact(_)), "a group begins with its fact");
            self.look_on(group);
            self.history.extend(group.iter().cloned());
            rest = others;
        }
    }

    /// What sessions have said while nobody listened, in order (C61a).
    fn spools(&mut self) -> (Vec<Asked>, Vec<Waiter>) {
        let (mut asked, mut waiters) = (Vec::new(), Vec::new());
        for name in self.own_sessions() {
            self.gather_spool(&name, &mut asked, &mut waiters);
        }
        (asked, waiters)
    }
}
