//! A history that the rules made: a fleet of persistent peers, some written to often and some seldom, and two workers. What
//! would be the world answers every effect after a fixed time.

use std::collections::BTreeMap;
use std::path::Path;

use dormouse::journal::{DirStorage, Journal, Options};
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::delivery::{DeliveryOutcome, Proof};
use dormouse::model::effect::{Effect, SessionName, Task};
use dormouse::model::event::*;
use dormouse::model::id::MessageId;
use dormouse::model::message::TextPrint;
use dormouse::model::name::{Identity, Personality, Runtime};
use dormouse::model::profile::{Registration, WakePolicy};
use dormouse::model::record::{Draft, Record, Subject};
use dormouse::model::session::{Ending, Source};
use dormouse::model::state::{SCHEMA, State};
use dormouse::model::time::{BootId, Timestamp};
use dormouse::policy::deadline::Deadlines;
use dormouse::supervisor::{Keeping, conclude, snapshot};

/// The last two are workers; the second half of the others is written to a twentieth as often.
const PEERS: u64 = 14;
const WORKERS: u64 = 2;
/// Between two messages, by day. Every so many messages nobody writes for a night.
const PAUSE_MS: u64 = 20_000;
const DAY: u64 = 3_000;
const NIGHT_MS: u64 = 8 * 3_600_000;
/// Groups in one batch: one sync each.
const GROUPS: usize = 1000;
const TEXT: &str = "All work and no play makes a dull dormouse of you. Please look at the release notes of last week again, \
                    and say what is missing.";

/// The peer that is written to least.
pub fn seldom() -> Identity {
    peer(PEERS - WORKERS - 1)
}

/// One of those that are written to all the time.
pub fn often() -> Identity {
    peer(0)
}

/// One whose sessions end once their task is done.
pub fn worker() -> Identity {
    peer(PEERS - 1)
}

struct World {
    state: State,
    now: Timestamp,
    deadlines: Deadlines,
    agenda: BTreeMap<(u64, u64), Draft>,
    planned: u64,
    messages: u64,
    groups: Vec<Vec<Record>>,
}

/// Writes a journal of at least so many records to `dir`, with snapshots where the daemon takes them, and closes it; returns
/// how many they are. The last segment is whatever has been written of it, and not sealed.
pub fn write(dir: &Path, records: u64) -> u64 {
    let mut salt = 0_u128;
    let salts = move || {
        salt += 1;
        salt.to_le_bytes()
    };
    let storage = DirStorage::open(dir).expect("a folder");
    let mut journal = Journal::open(storage, Options::default(), 5, salts, |_| ()).expect("a new journal").0;
    let mut world = World::new();
    while world.state.lsn.0 < records {
        while world.groups.len() < GROUPS {
            world.message();
        }
        let _ = journal.append(&std::mem::take(&mut world.groups), ()).expect("an append");
        let last = world.state.snapshots.last().map_or(0, |taken| taken.through.0);
        if world.state.lsn.0 - last >= Keeping::default().snapshot_records {
            let state = snapshot::encode(&world.state).expect("a state");
            let taken = journal.write_snapshot(SCHEMA, &state).expect("a snapshot");
            world.see(Draft::own(Subject::NONE, None, taken));
            journal.keep_snapshots(&world.state.snapshots).expect("a folder");
        }
    }
    let _ = journal.append(&world.groups, ()).expect("an append");
    journal.close().expect("a mark");
    world.state.lsn.0
}

fn peer(number: u64) -> Identity {
    let worker = number >= PEERS - WORKERS;
    let name = if worker { format!("worker-{number}") } else { format!("peer-{number}") };
    Identity::new(Runtime::new("claude").expect("a runtime"), Personality::new(&name).expect("a name"))
}

impl World {
    fn new() -> Self {
        let now = Timestamp { wall_us: 1_800_000_000_000_000, awake_ms: 1_000, boot: BootId(77) };
        let state = State::default();
        let deadlines = Deadlines::new(&state);
        let agenda = BTreeMap::new();
        let mut world = Self { state, now, deadlines, agenda, planned: 0, messages: 0, groups: Vec::new() };
        world.see(Draft::own(Subject::NONE, None, DaemonStarted { version: "0".to_owned(), pid: 1, tmux: None }));
        world.see(Draft::own(Subject::NONE, None, DaemonReady { adopted: 0, gone: 0, not_known: 0 }));
        let name = Runtime::new("claude").expect("a runtime");
        let traits = RuntimeTraits { name, kind: RuntimeKind::Tui, can_resume: true, tells_turns: true };
        world.see(Draft::own(Subject::NONE, None, RuntimesChanged { runtimes: vec![traits] }));
        for number in 0..PEERS {
            let peer = peer(number);
            let mut registration =
                Registration::plain(format!("/srv/{peer}"), peer.personality.clone(), peer.runtime.clone());
            if number >= PEERS - WORKERS {
                registration.profile.wake_policy = WakePolicy::Ephemeral;
            }
            world.see(Draft::own(Subject::peer(&peer), None, PeerRegistered { registration, reason: None }));
        }
        world
    }

    /// Somebody writes, and until the next one does everything happens that follows.
    fn message(&mut self) {
        let number = self.messages;
        self.messages += 1;
        let often = (PEERS - WORKERS) / 2;
        let to = match number {
            n if n % 20 == 7 => often + n / 20 % often,
            n if n % 10 == 3 => PEERS - WORKERS + n / 10 % WORKERS,
            n => n % often,
        };
        let id = MessageId((1_800_000_000_000 + u128::from(number) * 20_000) << 80 | u128::from(number));
        let peer = peer(to);
        let policy = if to >= PEERS - WORKERS { WakePolicy::Ephemeral } else { WakePolicy::Persistent };
        let accepted = MessageAccepted {
            to: Recipient::Peer(peer.clone()),
            from: Sender::User { name: "nik".to_owned(), uid: 1000 },
            topic: Some("release".to_owned()),
            text: TEXT.to_owned(),
            replaced: 0,
            key: None,
            progress: false,
            answers: None,
            policy,
            queue_depth: 1,
            reason: None,
            named: false,
            reply_asked: false,
        };
        self.see(Draft::own(Subject::peer(&peer).with_message(id), None, accepted));
        let pause_ms = if number % DAY == DAY - 1 { NIGHT_MS } else { PAUSE_MS };
        self.pass(pause_ms + number % 7 * 500);
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        loop {
            let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let due = self.deadlines.next(self.now).map(|due| due.at.awake_ms);
            let Some(next) = planned.into_iter().chain(due).min().filter(|next| *next <= end.awake_ms) else { break };
            self.now = self.now.plus_ms(next.saturating_sub(self.now.awake_ms));
            let draft = match self.agenda.first_entry().filter(|entry| entry.key().0 <= next) {
                Some(entry) => entry.remove(),
                None => Draft::own(Subject::NONE, None, DeadlinePassed { deadline: DeadlineKind::Look }),
            };
            self.see(draft);
        }
        self.now = end;
    }

    fn see(&mut self, draft: Draft) {
        let mut effects = Vec::new();
        let group = conclude(&mut self.state, self.now, draft, &mut effects);
        self.deadlines.renew(&self.state, &group);
        for record in &group {
            if let (Event::Decision(Decision::Delivered(_)), Some(peer), Some(generation)) =
                (&record.event, &record.subject.peer, record.subject.generation)
            {
                self.works(&SessionName { peer: peer.clone(), generation });
            }
        }
        effects.into_iter().for_each(|effect| self.does(effect));
        self.groups.push(group);
    }

    fn works(&mut self, session: &SessionName) {
        let turn = |turn| TurnObserved { turn, source: Source::Hook, turn_id: None, said_at: None };
        self.plan(3, about(session), turn(TurnSeen::Running));
        let actor = Actor::Session { peer: session.peer.clone(), generation: session.generation };
        self.planned += 1;
        let done = Draft { actor, ..Draft::own(about(session), None, DoneCalled { reason: None }) };
        self.agenda.insert((self.now.awake_ms + 7_000, self.planned), done);
        self.plan(8_000, about(session), turn(TurnSeen::Ended));
    }

    fn does(&mut self, effect: Effect) {
        match effect.task {
            Task::StartSession(order) => {
                let (socket, resume_ref) = ("/run/s.sock".into(), Some("c0ffee".to_owned()));
                let started = SessionStarted { pid: 7, start_ticks: 1, socket, resume_ref, took_ms: 90 };
                self.plan(90, about(&order.session), started);
                self.plan(2_400, about(&order.session), BoxOpened { boot_ms: 2_310 });
            }
            Task::DeliverMessage(order) => {
                let about = about(&order.session).with_message(order.message);
                let print = TextPrint { bytes: 210, crc: 1 };
                let begun = DeliveryBegun { attempt: order.attempt, mark: None, bytes: 210, print };
                self.plan(20, about.clone(), begun);
                let outcome = DeliveryOutcome::Proven { proof: Proof::Hook };
                self.plan(400, about, DeliveryEnded { attempt: order.attempt, outcome, took_ms: 400 });
            }
            Task::LookAtSession { session } => {
                let looked = SessionLooked {
                    screen_silent_ms: None,
                    transcript_silent_ms: None,
                    waiting_on: None,
                    attached: false,
                    working: false,
                };
                self.plan(30, about(&session), looked);
            }
            Task::EndSession { session } => {
                let ending = Ending::Signal { signal: 15 };
                let gone = SessionGone { ending, lived_ms: 1, strays: 0, found_at_start: false };
                self.plan(250, about(&session), gone);
            }
            _ => {}
        }
    }

    fn plan(&mut self, ms: u64, subject: Subject, event: impl Into<Event>) {
        self.planned += 1;
        self.agenda.insert((self.now.awake_ms + ms, self.planned), Draft::own(subject, None, event));
    }
}

fn about(session: &SessionName) -> Subject {
    Subject::session(&session.peer, session.generation)
}
