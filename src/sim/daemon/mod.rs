//! The daemon in a simulated world: the supervisor as it is, and around it what `daemon` does with threads and sockets.

mod begin;
mod disk;
mod ends;

use std::sync::Arc;

use super::disk::SimDisk;
use super::faults::Fault;
use super::hands::lane::Ticket;
use super::hands::{Desk, Hands};
use super::oracle::Broken;
use super::run::{Sim, note};
use super::world::people::Told;
use super::world::{Heard, What};
use crate::explain::again::decide_again;
use crate::journal::{AppendError, Committed};
use crate::model::delivery::Proof;
use crate::model::effect::SessionName;
use crate::model::event::{DeadlinePassed, Decision, Delivered, Event, Fact};
use crate::model::record::{Draft, Record, Subject};
use crate::model::request::{DeliveredHere, Request, Verb};
use crate::model::state::{Session, State};
use crate::policy::deadline::Deadline;
use crate::supervisor::{Asked, Kept as KeptHistory, Outcome, Supervisor, Turn};

/// Quiet time after which history is looked after.
const QUIET_MS: u64 = 250;
/// Turns from one look at the whole state to the next; every start takes one as well.
const COMPARED_TURNS: u64 = 16;

/// One daemon, from its start to its end.
#[derive(Debug)]
pub struct Daemon {
    number: u32,
    supervisor: Supervisor<SimDisk, Desk>,
    hands: Hands,
    /// When it last had something to do, and has not looked after history since.
    busy: Option<u64>,
    /// What it waits for next, as the state after its last turn has it.
    deadline: Option<Deadline>,
    /// When it wakes by itself.
    wakes: u64,
    turns: u64,
}

impl Daemon {
    pub fn state(&self) -> &State {
        self.supervisor.state()
    }
}

/// Who waits for the outcome of what was asked.
enum Waiter {
    Call(u32),
    Ticket(Option<Ticket>),
    Session(SessionName, Box<Asked>),
    Nobody,
}

impl Sim {
    /// Everything that waits becomes one turn.
    pub(super) fn turn(&mut self, number: u32) {
        let (moment, waits) = (self.world.now, !self.world.heard.is_empty());
        let takes_up = |daemon: &mut Box<Daemon>| daemon.number == number && (waits || moment == daemon.wakes);
        let Some(mut daemon) = self.daemon.take_if(takes_up) else { return };
        let now = self.world.timestamp();
        let heard = std::mem::take(&mut self.world.heard);
        let (mut asked, mut waiters) = (Vec::new(), Vec::new());
        for heard in heard {
            self.gather(heard, &mut asked, &mut waiters);
        }
        if asked.is_empty()
            && let Some(deadline) = daemon.deadline.filter(|d| d.at.awake_ms <= now.awake_ms)
        {
            let passed = DeadlinePassed { deadline: deadline.kind };
            asked.push(Asked::seen(Draft::own(Subject::NONE, None, passed)));
            waiters.push(Waiter::Nobody);
        }
        self.plan_disk_faults();
        let outcome = match asked.is_empty() {
            true => self.quiet(&mut daemon),
            false => self.take_up(&mut daemon, asked, waiters),
        };
        match outcome {
            Ok(()) | Err(_) if self.disk.is_dead() => self.died(Some(daemon)),
            Ok(()) => {
                self.compare(&mut daemon);
                self.next_turn(&mut daemon);
                self.daemon = Some(daemon);
            }
            Err(_) => self.refuses(daemon),
        }
    }

    fn gather(&mut self, heard: Heard, asked: &mut Vec<Asked>, waiters: &mut Vec<Waiter>) {
        match heard {
            Heard::Report { draft, ticket } => {
                if let (Event::Fact(Fact::SessionGone(_)), Some(peer), Some(generation)) =
                    (&draft.event, &draft.subject.peer, draft.subject.generation)
                {
                    // What the agent said last comes before its end (C61a).
                    let name = SessionName { peer: peer.clone(), generation };
                    self.gather_spool(&name, asked, waiters);
                }
                asked.push(Asked::seen(draft));
                waiters.push(Waiter::Ticket(ticket));
            }
            Heard::Said { session, asked: mut said } => {
                self.look_up(&session, &mut said);
                waiters.push(Waiter::Session(session, Box::new(copy(&said))));
                asked.push(said);
            }
            Heard::Call { number, request } => {
                asked.push(Asked::Request(*request));
                waiters.push(Waiter::Call(number));
            }
        }
    }

    /// As the control socket does for what a session says to answer; out of a spool nothing is looked up (C13).
    fn look_up(&self, session: &SessionName, said: &mut Asked) {
        let Asked::Request(Request { verb: Verb::Send(send), .. }) = said else { return };
        let Some(named) = &mut send.answers else { return };
        let here = Subject::session(&session.peer, session.generation);
        named.delivered = DeliveredHere::told_by(&self.history, &here, named.message);
    }

    fn gather_spool(&mut self, name: &SessionName, asked: &mut Vec<Asked>, waiters: &mut Vec<Waiter>) {
        let Some(life) = self.world.lives.get_mut(name) else { return };
        for said in life.spool.drain(..) {
            waiters.push(Waiter::Session(name.clone(), Box::new(copy(&said))));
            asked.push(said);
        }
    }

    fn take_up(&mut self, daemon: &mut Daemon, asked: Vec<Asked>, waiters: Vec<Waiter>) -> Result<(), AppendError> {
        let now = self.world.timestamp();
        daemon.supervisor.host().profiles = Arc::clone(&self.world.profiles);
        daemon.busy = Some(self.world.now);
        match daemon.supervisor.turn(now, asked) {
            Ok(turn) => self.committed(daemon, turn, waiters),
            Err(error) => {
                self.not_taken(waiters, &error);
                // Whatever was handed over is begun: there should be nothing.
                self.carry_out(daemon);
                return Err(error);
            }
        }
        self.carry_out(daemon);
        let kept = daemon.supervisor.keep_busy(self.world.timestamp())?;
        self.kept(daemon, kept);
        Ok(())
    }

    fn not_taken(&mut self, waiters: Vec<Waiter>, error: &AppendError) {
        let told = if error.left_journal_usable() && !self.disk.is_dead() { Told::NotTaken } else { Told::InDoubt };
        for waiter in waiters {
            match waiter {
                Waiter::Call(number) => self.tell_caller(number, told.clone()),
                // It gets no answer, and leaves its word in the spool.
                Waiter::Session(session, asked) => self.world.unheard(Heard::Said { session, asked: *asked }),
                Waiter::Ticket(_) | Waiter::Nobody => {}
            }
        }
    }

    fn committed(&mut self, daemon: &mut Daemon, turn: Committed<Turn>, waiters: Vec<Waiter>) {
        let Turn { groups, outcomes } = turn.into_inner();
        self.record(daemon, &groups);
        for (outcome, waiter) in outcomes.into_iter().zip(waiters) {
            match waiter {
                Waiter::Call(number) => self.tell_caller(number, told(outcome, &groups)),
                Waiter::Ticket(Some(ticket)) => {
                    let recorded = matches!(outcome, Outcome::Recorded { .. });
                    daemon.hands.durable(&mut self.world, &ticket, recorded);
                }
                Waiter::Ticket(None) | Waiter::Session(..) | Waiter::Nobody => {}
            }
        }
    }

    fn tell_caller(&mut self, number: u32, told: Told) {
        if let Some(call) = self.world.people.calls.get_mut(&number) {
            call.told = Some(told);
        }
    }

    /// Records are durable: the oracles look, and the lanes hear what concerns them.
    fn record(&mut self, daemon: &mut Daemon, groups: &[Vec<Record>]) {
        for group in groups {
            self.look_on(group);
            for record in group {
                self.tell_hands(daemon, record);
                if let Event::Fact(Fact::MessageAccepted(_)) = &record.event
                    && let Some(message) = record.subject.message
                {
                    self.world.people.accepted.insert(message);
                }
            }
            self.history.extend(group.iter().cloned());
            self.world.faults.records = self.history.len() as u64;
        }
    }

    /// The live state is what its records add up to (I3). Asked now and then: it is the dearest of all questions.
    fn compare(&mut self, daemon: &mut Daemon) {
        daemon.turns += 1;
        if daemon.turns % COMPARED_TURNS == 1 && self.broken.is_none() && self.shadow != *daemon.supervisor.state() {
            let what = "the live state is not what its records add up to".to_owned();
            self.break_with(Broken { oracle: "replay equals live", rule: "I3", what });
        }
    }

    pub(super) fn look_on(&mut self, group: &[Record]) {
        self.play.iter_mut().for_each(|play| play.committed(group.len(), self.world.now));
        let Self { shadow, oracles, world, broken, .. } = self;
        let again = decide_again(shadow, group, |state, record| {
            for oracle in &mut *oracles {
                note(broken, oracle.as_mut(), |oracle| oracle.after(world, state, record));
            }
        });
        if let Err(found) = again {
            self.break_with(Broken { oracle: "decided again", rule: "I2", what: found.to_string() });
        }
    }

    fn tell_hands(&mut self, daemon: &mut Daemon, record: &Record) {
        let (Some(peer), Some(generation)) = (&record.subject.peer, record.subject.generation) else { return };
        let name = SessionName { peer: peer.clone(), generation };
        match &record.event {
            Event::Fact(Fact::TurnObserved(_)) => {
                let session = daemon.supervisor.state().session(&name.peer, name.generation);
                let running = session.is_some_and(Session::is_told_running);
                daemon.hands.tell_turn(&mut self.world, &name, running);
            }
            Event::Decision(Decision::Delivered(Delivered {
                proof: proof @ (Proof::Answer | Proof::Hook), ..
            })) => {
                if let Some(message) = record.subject.message {
                    daemon.hands.tell_proven(&mut self.world, &name, (message, *proof));
                }
            }
            _ => {}
        }
    }

    /// Begins what the durable records ask for, unless the daemon dies between two of them.
    fn carry_out(&mut self, daemon: &mut Daemon) {
        for effect in std::mem::take(&mut daemon.supervisor.host().effects) {
            if self.world.strikes(Fault::KilledAtEffect) {
                self.disk.die_after(self.disk.ops());
                return;
            }
            let Self { oracles, world, shadow, broken, .. } = self;
            for oracle in oracles {
                note(broken, oracle.as_mut(), |oracle| oracle.effect(world, shadow, &effect));
            }
            if effect.cause.0 > self.history.len() as u64 {
                let what = format!("{effect:?} has no durable cause");
                self.break_with(Broken { oracle: "no effect without a cause", rule: "I1", what });
            }
            daemon.hands.begin(&mut self.world, effect);
        }
    }

    fn kept(&mut self, daemon: &mut Daemon, kept: KeptHistory) {
        for turn in kept.turns {
            let turn = turn.into_inner();
            self.record(daemon, &turn.groups);
        }
    }

    /// Nothing has come for a while: history is looked after.
    fn quiet(&mut self, daemon: &mut Daemon) -> Result<(), AppendError> {
        if daemon.busy.take_if(|busy| *busy + QUIET_MS <= self.world.now).is_some() {
            let kept = daemon.supervisor.keep_quiet(self.world.timestamp())?;
            self.kept(daemon, kept);
        }
        Ok(())
    }

    fn next_turn(&mut self, daemon: &mut Daemon) {
        let now = self.world.now;
        daemon.deadline = daemon.supervisor.next_deadline();
        let deadline = daemon.deadline.map(|deadline| self.world.clock.when(deadline.at.awake_ms).max(now));
        let quiet = daemon.busy.map(|busy| (busy + QUIET_MS).max(now));
        if let Some(at) = deadline.into_iter().chain(quiet).min()
            && (daemon.wakes <= now || at < daemon.wakes)
        {
            daemon.wakes = at;
            self.world.agenda.put(at, What::Turn(daemon.number));
        }
    }

    pub(super) fn lane(&mut self, number: u32, name: &SessionName) {
        if let Some(daemon) = self.daemon.as_mut().filter(|daemon| daemon.number == number) {
            daemon.hands.go_on(&mut self.world, name);
        }
    }
}

fn told(outcome: Outcome, groups: &[Vec<Record>]) -> Told {
    match outcome {
        Outcome::Known { message, .. } => Told::Known(message),
        Outcome::Stale => Told::Refused,
        Outcome::Recorded { group } => match groups[group].first().map(|record| &record.event) {
            Some(Event::Fact(Fact::RequestRefused(_) | Fact::MessageRefused(_))) => Told::Refused,
            _ => Told::Done(groups[group].iter().map(|record| record.lsn).collect()),
        },
    }
}

/// The same words once more.
fn copy(asked: &Asked) -> Asked {
    match asked {
        Asked::Request(request) => Asked::Request(request.clone()),
        Asked::Seen(draft) => Asked::Seen(draft.clone()),
    }
}
