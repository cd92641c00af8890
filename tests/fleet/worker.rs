//! What really happened in a worker's folder, as its programs noted it: their starts, and all they were told.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dormouse::model::id::MessageId;
use dormouse::runtime::Runtimes;
use jiff::Timestamp;
use serde_json::Value;

use crate::daemon_fixture::World;

/// The runtime of the workers: the demo agent, which notes its starts.
pub const WORKER: &str = "worker";

/// Adds the workers' runtime to a home; `args` go to the demo agent.
pub fn add_runtime(world: &World, args: &[&str]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fleet/worker.bash");
    let argv = [&["bash", script, "{session_uuid}", "{dormouse}"], args].concat();
    let mut runtime: toml::Table = toml::from_str(&built_in_demo()).unwrap();
    runtime.insert("argv".into(), argv.into_iter().map(toml::Value::from).collect::<Vec<_>>().into());
    runtime.remove("resume_argv");
    world.add_runtime(WORKER, &toml::to_string(&runtime).unwrap());
}

fn built_in_demo() -> String {
    let runtimes = Runtimes::load(Path::new("/nonexistent")).expect("what is built in");
    runtimes.text(&"demo".parse().unwrap()).expect("demo is built in").to_owned()
}

/// One message as a program found it in its box.
#[derive(Clone, Debug)]
pub struct Read {
    pub at: Timestamp,
    pub session: String,
    pub message: MessageId,
    /// Its envelope says that it may have been read before.
    pub marked: bool,
    /// The body's own first line.
    pub says: String,
}

/// Everything that a worker's programs noted.
#[derive(Debug)]
pub struct Noted {
    /// Sessions in the order of their programs' starts.
    pub starts: Vec<String>,
    /// Starts beside a living program of the same worker.
    pub overlaps: Vec<String>,
    /// By time.
    pub reads: Vec<Read>,
}

impl Noted {
    pub fn of(folder: &Path) -> Self {
        let lines = fs::read_to_string(folder.join("starts")).unwrap_or_default();
        let starts = lines.lines().map(|line| line.split_once(' ').unwrap());
        let beside = starts.clone().filter(|(_, beside)| *beside != "alone");
        let overlaps = beside.map(|(session, _)| session.to_owned()).collect();
        let starts = starts.map(|(session, _)| session.to_owned()).collect();
        let transcripts: Vec<PathBuf> =
            fs::read_dir(folder.join(".demo-agent")).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        let mut reads: Vec<Read> = transcripts.iter().flat_map(|transcript| reads(transcript)).collect();
        reads.sort_by_key(|read| read.at);
        Self { starts, overlaps, reads }
    }

    /// What was read in each session.
    pub fn by_session(&self) -> BTreeMap<&str, Vec<&Read>> {
        let mut sessions: BTreeMap<&str, Vec<&Read>> = BTreeMap::new();
        for read in &self.reads {
            sessions.entry(&read.session).or_default().push(read);
        }
        sessions
    }

    /// Messages in the order they were first read.
    pub fn order(&self) -> Vec<MessageId> {
        let mut order = Vec::new();
        for read in &self.reads {
            if !order.contains(&read.message) {
                order.push(read.message);
            }
        }
        order
    }
}

fn reads(transcript: &Path) -> Vec<Read> {
    let session = transcript.file_stem().unwrap().to_string_lossy().into_owned();
    let entries = fs::read_to_string(transcript).unwrap();
    let entries = entries.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter(|entry| entry["type"] == "user").map(|entry| read(&session, &entry)).collect()
}

fn read(session: &str, entry: &Value) -> Read {
    let text = entry["text"].as_str().unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let id = first.split_once("message ").unwrap().1.split_once(',').unwrap().0;
    Read {
        at: entry["at"].as_str().unwrap().parse().unwrap(),
        session: session.to_owned(),
        message: id.parse().unwrap_or_else(|_| panic!("no message id: {first}")),
        marked: rest.lines().any(|line| line.starts_with("[note: possible duplicate")),
        says: rest.lines().find(|line| !line.starts_with('[')).unwrap_or_default().to_owned(),
    }
}
