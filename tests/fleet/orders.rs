//! Ten workers, eight senders, and the check of what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use dormouse::model::event::{Event, Fact, Recipient};
use dormouse::model::id::MessageId;
use dormouse::model::record::Record;
use serde_json::Value;

use crate::daemon_fixture::{DEADLINE, Program, World, text};
use crate::worker::{self, Noted, WORKER};

const WORKERS: usize = 10;
const SENDERS: usize = 8;

/// How a sender works.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Sends everything at once.
    Flood,
    /// Every second sender waits for each answer, as whoever depends on it does.
    HalfWait,
}

/// A team of ephemeral workers.
pub struct Team {
    folders: BTreeMap<String, PathBuf>,
    tasks: usize,
}

/// What a sender was told: by task, the message it became.
pub type Accepted = BTreeMap<String, MessageId>;

impl Team {
    /// Registers the workers. Each will get `tasks` tasks.
    pub fn gather(world: &World, workers: usize, tasks: usize) -> Self {
        let names = (0..workers).map(|number| format!("worker-{number}"));
        let folders = names.map(|name| {
            let folder = world.add_peer(&name, &["--runtime", WORKER, "--ephemeral"]);
            (name, folder)
        });
        Self { folders: folders.collect(), tasks }
    }

    pub fn tasks(&self) -> usize {
        self.folders.len() * self.tasks
    }

    /// Eight senders side by side; returns when everything is accepted, whatever happens to the daemon meanwhile.
    pub fn send_all(&self, outside: &Outside, pace: Pace) -> Accepted {
        let accepted = Mutex::new(Accepted::new());
        thread::scope(|scope| {
            for sender in 0..SENDERS {
                let accepted = &accepted;
                let wait = if pace == Pace::HalfWait && sender % 2 == 0 { "replied" } else { "accepted" };
                scope.spawn(move || {
                    for (task, worker) in self.tasks_of(sender) {
                        let message = outside.send_until_accepted(worker, &task, wait);
                        accepted.lock().unwrap().insert(task, message);
                    }
                });
            }
        });
        accepted.into_inner().unwrap()
    }

    /// A sender goes from worker to worker with one task each.
    fn tasks_of(&self, sender: usize) -> impl Iterator<Item = (String, &str)> {
        let rounds = (0..self.tasks).filter(move |round| round % SENDERS == sender);
        rounds.flat_map(|round| {
            self.folders.keys().map(move |worker| (format!("{worker} task {round}"), worker.as_str()))
        })
    }

    /// Every task was read, in the order of acceptance, one in each session, never two sessions at a time; twice only
    /// where the second one says so (C16, C34, C35, C41).
    pub fn check(&self, world: &World, accepted: &Accepted) -> Tally {
        assert_eq!(accepted.len(), self.tasks());
        let records = world.records();
        let mut tally = Tally::default();
        for (worker, folder) in &self.folders {
            let noted = Noted::of(folder);
            let story = || format!("{worker}: {noted:#?}\n{}", world.story());
            assert_eq!(noted.overlaps, [""; 0], "two sessions of one worker at a time: {}", story());
            assert_eq!(noted.order(), acceptances(&records, worker), "not in order: {}", story());
            let mut seen = BTreeSet::new();
            for read in &noted.reads {
                assert_eq!(accepted.get(&read.says), Some(&read.message), "nobody was told of {read:?}: {}", story());
                assert!(seen.insert(read.message) || read.marked, "read twice, and not marked: {read:?}\n{}", story());
            }
            for (session, reads) in noted.by_session() {
                let tasks: BTreeSet<MessageId> = reads.iter().map(|read| read.message).collect();
                assert_eq!(tasks.len(), 1, "two tasks in session {session}: {}", story());
            }
            let sessions: BTreeSet<&String> = noted.starts.iter().collect();
            assert_eq!(sessions.len(), noted.starts.len(), "a session's program was started twice: {}", story());
            tally.sessions += noted.starts.len();
            tally.reads += noted.reads.len();
        }
        tally
    }
}

/// What a fleet did, as its programs noted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub sessions: usize,
    pub reads: usize,
}

/// Messages for a worker in the order the journal accepted them.
pub fn acceptances(records: &[Record], worker: &str) -> Vec<MessageId> {
    let of = |record: &Record| match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) => match &accepted.to {
            Recipient::Peer(peer) if peer.personality.as_str() == worker => record.subject.message,
            _ => None,
        },
        _ => None,
    };
    records.iter().filter_map(of).collect()
}

/// Where senders stand: they know the program and its home, and nothing of who starts or kills the daemon.
pub struct Outside {
    program: Program,
    socket: PathBuf,
}

impl Outside {
    pub fn of(world: &World) -> Self {
        Self { program: world.program(), socket: world.home.control_socket() }
    }

    /// As a careful sender does: the same key again until somebody says that it is accepted (C8).
    fn send_until_accepted(&self, worker: &str, task: &str, wait: &str) -> MessageId {
        let until = Instant::now() + 4 * DEADLINE;
        loop {
            let args = ["send", worker, task, "--id", task, "--wait", wait, "--json"];
            let output = self.program.command(&args).output().unwrap();
            let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            match output.status.code() {
                Some(0) => return said["message"].as_str().unwrap().parse().unwrap_or_else(|_| panic!("{said}")),
                // Not running, or gone before its answer.
                Some(1 | 4) if Instant::now() < until => self.await_somebody(until),
                code => panic!("{task}: exit {code:?}: {said} {}", text(&output.stderr)),
            }
        }
    }

    /// Nothing tells that a socket is listened on again.
    fn await_somebody(&self, until: Instant) {
        while UnixStream::connect(&self.socket).is_err() && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Returns once every task is over; `world` may have any daemon or none.
pub fn await_all_done(world: &World, tasks: usize) {
    let mut left = tasks;
    let mut tail = world.tail();
    while left > 0 {
        let over = |record: &Record| matches!(record.event.kind().name, "task_done" | "message_dead").then_some(());
        if tail.find(DEADLINE, over).is_none() {
            panic!("{left} of {tasks} tasks are not done\n{}", world.story());
        }
        left -= 1;
    }
}

/// The home's workers and their runtime, with a daemon that serves.
pub fn fleet(tasks: usize, config: &str) -> (World, Team) {
    let mut world = World::new(config);
    worker::add_runtime(&world, &["--work", "20"]);
    world.start();
    let team = Team::gather(&world, WORKERS, tasks);
    (world, team)
}
