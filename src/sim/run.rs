//! One world from its beginning to its rest.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::daemon::Daemon;
use super::disk::SimDisk;
use super::faults::{Faults, Level, Struck};
use super::fleet;
use super::hands::is_managed;
use super::oracle::{self, Broken, Oracle};
use super::script::Play;
use super::stopped::unless_it_stops;
use super::world::life::{Life, Stage};
use super::world::people::SENDS_PER_HOUR;
use super::world::{Heard, What, World};
use crate::explain::audit::{Bytes, audit};
use crate::explain::whatif::{Policy, Question, WhatIf};
use crate::model::effect::SessionName;
use crate::model::id::{Generation, Lsn};
use crate::model::profile::Registration;
use crate::model::record::{Record, groups};
use crate::model::state::{Presence, State};
use crate::supervisor::Keeping;

/// What a world is made of, and how long it lasts.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub level: Level,
    /// Hours until faults stop.
    pub hours: u64,
    /// How busy its senders are.
    pub sends_per_hour: u64,
    /// Only these faults strike, by their numbers.
    pub only: Option<BTreeSet<u32>>,
    /// A daemon keeps its state after so many records.
    pub snapshot_records: u64,
}

impl Plan {
    pub fn new(seed: u64, level: Level) -> Self {
        let (sends_per_hour, snapshot_records) = (SENDS_PER_HOUR, SNAPSHOT_RECORDS);
        Self { seed, level, hours: 6, sends_per_hour, only: None, snapshot_records }
    }
}

/// How a run went.
#[derive(Debug)]
pub struct Ran {
    pub records: Vec<Record>,
    pub struck: Vec<Struck>,
    pub simulated_ms: u64,
    pub broken: Option<Broken>,
    /// What the daemon believes that runs at the end, if one does.
    pub state: Option<Box<State>>,
}

/// Few, so that a run has many snapshots.
const SNAPSHOT_RECORDS: u64 = 400;
/// After this long in peace everything must be at rest: an hour until a session is idle, another for one that hung in
/// its last turn, and time for what waits.
const REST_MS_MAX: u64 = 12 * 3_600_000;
/// More at the same moment is a loop that waits for what has passed.
const AT_ONCE_MAX: u32 = 20_000;
/// Of a session that no journal of this world knows.
const ORPHAN: Generation = Generation(Lsn(1_000_000_007));
/// How often it is asked whether everything is.
const REST_MS: u64 = 600_000;

/// A world, whoever runs in it, and those who look on.
#[derive(Debug)]
pub struct Sim {
    pub(super) world: World,
    pub(super) disk: SimDisk,
    pub(super) daemon: Option<Box<Daemon>>,
    pub(super) oracles: Vec<Box<dyn Oracle>>,
    /// Every record that was ever committed.
    pub(super) history: Vec<Record>,
    /// What they add up to, folded one by one.
    pub(super) shadow: State,
    pub(super) broken: Option<Broken>,
    pub(super) keeping: Keeping,
    /// Tries to open a journal that refuses, in a row.
    pub(super) refusals: u32,
    calm_since: Option<u64>,
    /// The script that is played, if one is.
    pub(super) play: Option<Box<Play>>,
    /// The power goes with the daemon.
    pub(super) cut_off: bool,
    /// Things that happened at this very moment.
    at_once: u32,
}

/// Runs the world of `plan` until it has come to rest, or something is broken.
pub fn run(plan: &Plan) -> Ran {
    let mut sim = Sim::new(plan);
    sim.live(|_| {});
    sim.finish()
}

impl Sim {
    pub fn new(plan: &Plan) -> Self {
        let mut sim = Self::of(World::new(plan.seed, Faults::new(plan.seed, plan.level, plan.only.clone())));
        sim.keeping.snapshot_records = plan.snapshot_records;
        sim.world.people.sends_per_hour = plan.sends_per_hour;
        sim.world.later(2_000, What::Sender);
        sim.world.later(60_000, What::Person);
        sim.world.later(120_000, What::Machine);
        sim.world.later(plan.hours * 3_600_000, What::Calm);
        if sim.world.faults.has_visitors() {
            sim.world.later(30_000, What::Visitor);
        }
        if sim.world.faults.has_hard_luck() {
            sim.world.later(90_000, What::Misfortune);
        }
        sim
    }

    /// A world in which a daemon starts, and nothing else is on the agenda yet.
    pub(super) fn of(mut world: World) -> Self {
        let profile = |registration: Registration| (registration.profile.personality.clone(), Ok(registration.profile));
        world.profiles = Arc::new(fleet::registrations().into_iter().map(profile).collect());
        let mut sim = Self {
            world,
            disk: SimDisk::default(),
            daemon: None,
            oracles: oracle::all(),
            history: Vec::new(),
            shadow: State::default(),
            broken: None,
            keeping: Keeping { snapshot_records: SNAPSHOT_RECORDS },
            refusals: 0,
            calm_since: None,
            play: None,
            cut_off: false,
            at_once: 0,
        };
        sim.disk.cut_at_sectors();
        sim.put_foreign_sessions();
        sim.world.later(0, What::Start(1));
        sim
    }

    /// Sessions that were there before us: one that somebody else keeps (C5), and perhaps an orphan (C60), or what is left
    /// of one that was ours before somebody else kept its peer.
    pub(super) fn put_foreign_sessions(&mut self) {
        for registration in fleet::registrations().iter().filter(|registration| registration.managed.is_some()) {
            let name = SessionName { peer: fleet::identity(registration), generation: Generation(Lsn::ZERO) };
            let mut life = Life::new(name.clone(), self.world.chance());
            life.born_ms = Some(self.world.now);
            life.stage = Stage::Rest;
            self.world.lives.insert(name, life);
        }
        if self.world.people.chance.one_in(4) {
            let peer = fleet::identity(&fleet::registrations()[0]);
            self.world.leave_orphan(SessionName { peer, generation: ORPHAN });
        }
        if self.world.faults.has_visitors() && self.world.visitors.chance.one_in(4) {
            for registration in fleet::registrations().iter().filter(|registration| registration.managed.is_some()) {
                self.world.leave_files(SessionName { peer: fleet::identity(registration), generation: ORPHAN });
            }
        }
    }

    /// Until it has come to rest, or something is broken, which may be that it stops; `judge` looks on it then, and so do
    /// those who look at the whole.
    pub(super) fn live(&mut self, judge: impl FnOnce(&mut Self)) {
        let stopped = unless_it_stops(|| {
            while self.broken.is_none() && self.step() {}
            judge(self);
            self.check();
        });
        stopped.into_iter().for_each(|stopped| self.break_with(stopped));
    }

    /// The next thing happens. False once everything has come to rest.
    pub(super) fn step(&mut self) -> bool {
        let Some((at, what)) = self.world.agenda.take() else { return false };
        self.at_once = if at == self.world.now { self.at_once + 1 } else { 0 };
        if self.at_once > AT_ONCE_MAX {
            let what = format!("{} things happen at once, and no time passes: {what:?}", self.at_once);
            self.break_with(Broken { oracle: "time passes", rule: "C50a", what });
        }
        self.world.now = at;
        let calm = self.calm_since.is_some();
        match what {
            What::Turn(number) => self.turn(number),
            What::Lane(number, name) => self.lane(number, &name),
            What::Birth(name) => self.world.birth(&name),
            What::Act(name, turn, act) => self.world.act(&name, turn, act),
            What::Sender | What::Person | What::Machine | What::Visitor | What::Misfortune | What::Pester(..)
                if calm => {}
            What::Sender => self.world.somebody_sends(),
            What::Person => self.world.somebody_acts(),
            What::Machine => self.machine(),
            What::Misfortune => self.world.misfortune(),
            What::Visitor => self.world.somebody_visits(),
            What::Pester(peer, left) => self.world.pester(peer, left),
            What::Called(number, draft) => self.world.has_called(number, *draft),
            What::Hooks(session, drafts) => self.world.hooks_come(&session, drafts),
            What::Status(session, status, since) => self.world.status_is_written(&session, status, since),
            What::Late(session, asked) => self.world.hear(Heard::Said { session, asked: *asked }),
            What::Again(session, draft) => self.world.hook_again(&session, *draft),
            What::Leave(name) => self.world.leave(&name),
            What::Start(number) => self.start(number),
            What::Calm => self.calm(),
            What::Step => self.next_step(),
            What::Settled => return !self.is_settled(),
        }
        self.look();
        true
    }

    /// What the world has seen since the last look.
    pub(super) fn look(&mut self) {
        for taken in std::mem::take(&mut self.world.taken) {
            let Self { oracles, world, shadow, broken, .. } = self;
            for oracle in oracles {
                note(broken, oracle.as_mut(), |oracle| oracle.taken(world, shadow, &taken));
            }
            self.play.iter_mut().for_each(|play| play.taken(taken.paste.message));
        }
        if let Some(what) = self.world.broken.pop() {
            self.break_with(Broken { oracle: "the world", rule: "", what });
        }
    }

    pub(super) fn break_with(&mut self, broken: Broken) {
        self.broken.get_or_insert(broken);
    }

    fn calm(&mut self) {
        self.calm_since = Some(self.world.now);
        self.world.faults.calm = true;
        self.disk.set_full(false);
        if !self.world.listens {
            // Peace begins with a daemon.
            self.world.later(60_000, What::Calm);
            return;
        }
        // Whom nobody may wake but an operator.
        let bars = |presence: &Presence| presence.stopped.is_some() || presence.quarantine.is_some();
        let barred = self.shadow.presences.iter().filter(|(_, presence)| bars(presence));
        let barred = barred.map(|(peer, _)| peer.personality.clone()).collect();
        // A story ends with a word to everybody: what came of it is judged up to then.
        self.world.calm(self.play.is_none().then_some(&barred));
        self.world.later(REST_MS, What::Settled);
    }

    fn is_settled(&mut self) -> bool {
        let open = match &self.daemon {
            Some(daemon) => oracle::unsettled(&self.world, daemon.state()),
            None => Some("no daemon listens".to_owned()),
        };
        let Some(open) = open else {
            self.look_at_rest();
            return true;
        };
        let since = self.calm_since.unwrap_or(self.world.now);
        if self.world.now - since > REST_MS_MAX {
            let what = format!("{} h after the last fault: {open}", (self.world.now - since) / 3_600_000);
            self.break_with(Broken { oracle: "the world comes to rest", rule: "C13", what });
        }
        self.world.later(REST_MS, What::Settled);
        false
    }

    fn look_at_rest(&mut self) {
        let Self { oracles, world, shadow, broken, .. } = self;
        for oracle in oracles {
            note(broken, oracle.as_mut(), |oracle| oracle.at_rest(world, shadow));
        }
    }

    fn check(&mut self) {
        if self.broken.is_none()
            && let Err(what) = oracle::callers_were_told(&self.world.people, &self.history)
        {
            self.break_with(Broken { oracle: "callers are told the truth", rule: "C7", what });
        }
        if self.broken.is_none()
            && let Some(violation) = audit(&self.history, Bytes::default()).violations.first()
        {
            let what = format!("{violation:?}");
            self.break_with(Broken { oracle: "audit", rule: "C64", what });
        }
        if self.broken.is_none() {
            self.check_whatif();
        }
    }

    pub(super) fn finish(mut self) -> Ran {
        Ran {
            simulated_ms: self.world.now,
            struck: std::mem::take(&mut self.world.faults.struck),
            broken: self.broken,
            records: self.history,
            state: self.daemon.map(|daemon| Box::new(daemon.state().clone())),
        }
    }

    /// Under the settings that held, nothing would have been otherwise (I2).
    fn check_whatif(&mut self) {
        let question = Question { policy: Policy::new(|_| {}), again_within_ms: 600_000, listed_max: 1 };
        let mut whatif = WhatIf::from(State::default(), question);
        groups(&self.history).for_each(|group| whatif.see(group));
        let report = whatif.finish();
        if !report.is_same() || report.by_rules > 0 {
            let what = format!("{:?}, and {} by the rules alone", report.listed, report.by_rules);
            self.break_with(Broken { oracle: "the same settings decide the same", rule: "I2", what });
        }
    }

    /// Sessions that are not somebody else's.
    pub(super) fn own_sessions(&self) -> Vec<SessionName> {
        self.world.lives.keys().filter(|name| !is_managed(name)).cloned().collect()
    }
}

/// Asks one oracle, and keeps the first broken promise.
pub(super) fn note(
    broken: &mut Option<Broken>,
    oracle: &mut dyn Oracle,
    ask: impl FnOnce(&mut dyn Oracle) -> Result<(), String>,
) {
    if let Err(what) = ask(oracle) {
        broken.get_or_insert(Broken { oracle: oracle.name(), rule: oracle.rule(), what });
    }
}

#[cfg(test)]
mod tests {
    use super::super::stopped::STOPPED;
    use super::*;

    /// A bug that no oracle finds, for it is in one.
    #[derive(Debug)]
    struct Stumbles;

    impl Oracle for Stumbles {
        fn name(&self) -> &'static str {
            "stumbles"
        }

        fn rule(&self) -> &'static str {
            ""
        }

        fn after(&mut self, _: &World, _: &State, record: &Record) -> Result<(), String> {
            assert!(record.lsn.0 < 30, "a step that is not there");
            Ok(())
        }
    }

    #[test]
    fn a_world_that_panics_is_one_that_breaks_a_promise() {
        let mut sim = Sim::new(&Plan::new(3, Level::Heavy));
        sim.oracles.push(Box::new(Stumbles));
        sim.live(|_| {});
        let ran = sim.finish();
        let broken = ran.broken.unwrap();
        assert_eq!(broken.oracle, STOPPED);
        assert!(broken.what.starts_with("src/sim/run.rs:"), "{}", broken.what);
        assert!(broken.what.contains(": a step that is not there"), "{}", broken.what);
        assert_eq!(ran.records.len(), 29, "how far it came is there to be read");
    }
}
