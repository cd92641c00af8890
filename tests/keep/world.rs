//! A supervisor over a simulated disk, whose peers never wake: what counts here is what the journal keeps.

use std::collections::BTreeMap;

use dormouse::journal::{AppendError, Committed, Journal, OpenError, Options, Recovered, Storage, StorageFile};
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::effect::{Effect, Liveness, SessionName};
use dormouse::model::event::{Event, Fact, PeerRegistered, SettingsChanged, SettingsUnreadable, TurnSeen};
use dormouse::model::id::{Lsn, MessageId};
use dormouse::model::name::{Identity, Personality};
use dormouse::model::profile::{Intelligence, Profile, Registration, WakePolicy};
use dormouse::model::record::{Draft, Record, Subject};
use dormouse::model::request::{Request, Send, Verb};
use dormouse::model::settings::Settings;
use dormouse::model::state::State;
use dormouse::model::time::{BootId, Timestamp};
use dormouse::reducer::apply;
use dormouse::supervisor::snapshot::Folded;
use dormouse::supervisor::{Asked, Host, Keeping, Kept, Supervisor, Turn};

use crate::journal_disk::{SimDisk, salts};

pub const SEGMENT_BYTES: u64 = 12 << 10;
const SNAPSHOT_RECORDS: u64 = 6;
pub const WAITING: MessageId = MessageId(77);

/// Nothing lives and nothing is done.
#[derive(Debug)]
pub struct Nobody;

impl Host for Nobody {
    fn run(&mut self, _: Committed<Vec<Effect>>) {}

    fn profile_news(&mut self, _: &State, _: &[Personality]) -> Vec<Draft> {
        Vec::new()
    }

    fn survey(&mut self, _: &SessionName) -> (Liveness, Option<TurnSeen>) {
        (Liveness::NotKnown { why: "nobody looks".to_owned() }, None)
    }
}

/// A supervisor, and every record it has been told is durable.
pub struct World {
    pub supervisor: Supervisor<SimDisk, Nobody>,
    pub recovered: Recovered,
    pub records: Vec<Record>,
    pub not_kept: Vec<String>,
}

pub fn open(disk: &SimDisk) -> Result<World, OpenError> {
    open_sized(disk, SEGMENT_BYTES, SNAPSHOT_RECORDS)
}

pub fn open_sized(disk: &SimDisk, segment_bytes: u64, snapshot_records: u64) -> Result<World, OpenError> {
    let mut folded = Folded::default();
    let options = Options { segment_bytes, ..Options::default() };
    let (journal, recovered) = Journal::open(disk.clone(), options, 1_000_000, salts(), &mut folded)?;
    let keeping = Keeping { snapshot_records };
    let supervisor = Supervisor::new(journal, Nobody, folded.state, keeping);
    Ok(World { supervisor, recovered, records: Vec::new(), not_kept: Vec::new() })
}

impl World {
    pub fn state(&self) -> &State {
        self.supervisor.state()
    }

    /// An hour passes between two records.
    pub fn now(&self) -> Timestamp {
        let hours = self.state().lsn.0;
        Timestamp { wall_us: (hours + 1) * 3_600_000_000, awake_ms: (hours + 1) * 3_600_000, boot: BootId(3) }
    }

    fn heard(&mut self, turn: Committed<Turn>) {
        self.records.extend(turn.into_inner().groups.into_iter().flatten());
    }

    fn ask(&mut self, asked: Asked) -> Result<(), AppendError> {
        let turn = self.supervisor.turn(self.now(), vec![asked])?;
        self.heard(turn);
        Ok(())
    }

    pub fn see(&mut self, subject: Subject, event: impl Into<Event>) -> Result<(), AppendError> {
        self.ask(Asked::seen(Draft::own(subject, None, event)))
    }

    pub fn request(&mut self, verb: Verb) -> Result<(), AppendError> {
        let actor = Actor::User { uid: 1000, pid: 42, program: "dormouse".to_owned() };
        self.ask(Asked::Request(Request { actor, reason: None, verb }))
    }

    /// A record of some length that changes nothing.
    pub fn note(&mut self) -> Result<(), AppendError> {
        let length = [40, 700, 1500][(self.state().lsn.0 % 3) as usize];
        self.see(Subject::NONE, SettingsUnreadable { why: "x".repeat(length) })
    }

    pub fn notes(&mut self, count: usize) -> Result<(), AppendError> {
        (0..count).try_for_each(|_| self.note())
    }

    /// Up to `bytes` of history are kept; ada is there, and is never woken.
    pub fn settle(&mut self, bytes: u64) -> Result<(), AppendError> {
        self.settle_with(Settings { retain_bytes: bytes, ..Settings::default() })
    }

    pub fn settle_with(&mut self, settings: Settings) -> Result<(), AppendError> {
        self.see(Subject::NONE, SettingsChanged { settings, given: None })?;
        self.see(Subject::peer(&ada()), PeerRegistered { registration: registration(), reason: None })
    }

    /// A message that waits: nobody has declared ada's runtime.
    pub fn send(&mut self) -> Result<(), AppendError> {
        let from = Sender::User { name: "eve".to_owned(), uid: 1000 };
        let (to, text) = ("ada".to_owned(), "hello, later".to_owned());
        let key = Some("once".to_owned());
        let send = Send {
            mint: WAITING,
            to,
            runtime: None,
            from,
            topic: None,
            text,
            key,
            progress: false,
            answers: None,
            reply_asked: false,
        };
        self.request(Verb::Send(Box::new(send)))
    }

    pub fn cancel(&mut self) -> Result<(), AppendError> {
        self.request(Verb::Cancel { message: WAITING })
    }

    pub fn quiet(&mut self) -> Result<(), AppendError> {
        let kept = self.supervisor.keep_quiet(self.now())?;
        self.kept(kept);
        Ok(())
    }

    pub fn close(self) -> (Vec<Record>, Result<(), AppendError>) {
        let now = self.now();
        let World { supervisor, mut records, .. } = self;
        let closed = supervisor.close(now).map(|kept| {
            records.extend(kept.turns.into_iter().flat_map(|turn| turn.into_inner().groups).flatten());
        });
        (records, closed)
    }

    fn kept(&mut self, kept: Kept) {
        kept.turns.into_iter().for_each(|turn| self.heard(turn));
        self.not_kept.extend(kept.failed.iter().map(ToString::to_string));
    }
}

pub fn ada() -> Identity {
    "demo-ada".parse().unwrap()
}

fn registration() -> Registration {
    let profile = Profile {
        personality: ada().personality,
        default_runtime: ada().runtime,
        runtimes: vec![ada().runtime],
        description: String::new(),
        intelligence: Intelligence::Artificial,
        initial_prompt: None,
        wake_policy: WakePolicy::Persistent,
        converses_with_people: false,
        resume_on_death: false,
        remarks: Vec::new(),
    };
    Registration { folder: "/peers/ada".into(), profile, consents: Vec::new(), args: Vec::new(), managed: None }
}

/// What `records` add up to.
pub fn folded(records: &[Record]) -> State {
    let mut state = State::default();
    records.iter().for_each(|record| drop(apply(&mut state, record)));
    state
}

/// Every file on `disk`, by name.
pub fn files(disk: &SimDisk) -> BTreeMap<String, Vec<u8>> {
    let read = |name: String| {
        let file = Storage::open(disk, &name).unwrap();
        let mut bytes = vec![0; file.bytes().unwrap() as usize];
        file.read_at(&mut bytes, 0).unwrap();
        (name, bytes)
    };
    disk.list().unwrap().into_iter().map(read).collect()
}

pub fn disk_of(files: &BTreeMap<String, Vec<u8>>) -> SimDisk {
    let files: Vec<_> = files.iter().map(|(name, bytes)| (name.clone(), bytes.clone())).collect();
    SimDisk::with_files(&files)
}

/// Names on `disk` that begin or end with `part`.
pub fn names(disk: &SimDisk, part: &str) -> Vec<String> {
    let mut names = disk.list().unwrap();
    names.retain(|name| name.starts_with(part) || name.ends_with(part));
    names.sort();
    names
}

/// The first record that some segment on `disk` holds.
pub fn first_kept(disk: &SimDisk) -> Lsn {
    Lsn(names(disk, ".jnl")[0].trim_end_matches(".jnl").parse().unwrap())
}

pub fn count(records: &[Record], wanted: impl Fn(&Fact) -> bool) -> usize {
    records.iter().filter(|record| matches!(&record.event, Event::Fact(fact) if wanted(fact))).count()
}
