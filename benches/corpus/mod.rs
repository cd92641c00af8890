//! A history to measure with: a small fleet, awake all the time, that is sent one message after the other. Every record
//! means to the fold what it would in a real history.

#![allow(dead_code, reason = "each bench takes what it needs")]

use std::collections::VecDeque;
use std::path::Path;

use dormouse::journal::{DirStorage, Journal, Options};
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::delivery::{DeliveryOutcome, Proof, RecordMark};
use dormouse::model::event::*;
use dormouse::model::id::MessageId;
use dormouse::model::message::TextPrint;
use dormouse::model::name::Identity;
use dormouse::model::profile::{Registration, WakePolicy};
use dormouse::model::record::{Draft, Record, Subject};
use dormouse::model::session::Source;
use dormouse::model::state::State;
use dormouse::model::time::{BootId, Timestamp};
use dormouse::supervisor::conclude;

/// Of the fleet, if nothing else is said.
const PEERS: u64 = 8;
/// Groups in one batch: one sync each.
const GROUPS: usize = 1000;
/// A message in a thousand is for the one that is seldom written to.
pub const SELDOM: &str = "claude-zoe";
const TEXT: &str = "All work and no play makes a dull dormouse of you. Please look at the release notes of last week again, \
                    and say what is missing.";

/// Groups of records, in order and without end: facts made up, and what the rules decide on them.
pub struct Corpus {
    /// Peers that are written to in turn.
    fleet: u64,
    peers: Vec<Identity>,
    message: u64,
    state: State,
    /// What has happened and not been taken.
    groups: VecDeque<Vec<Record>>,
}

impl Corpus {
    pub fn new() -> Self {
        Self::of(PEERS)
    }

    /// Of a fleet as large as this.
    pub fn of(fleet: u64) -> Self {
        Self { fleet, peers: Vec::new(), message: 0, state: State::default(), groups: VecDeque::new() }
    }

    /// Writes a journal of at least so many records to `dir`; returns how many they are.
    pub fn write(dir: &Path, records: u64) -> u64 {
        let mut salt = 0_u128;
        let salts = move || {
            salt += 1;
            salt.to_le_bytes()
        };
        let storage = DirStorage::open(dir).expect("a folder");
        let mut journal = Journal::open(storage, Options::default(), 5, salts, |_| ()).expect("a new journal").0;
        let mut corpus = Self::new();
        let mut written = 0;
        while written < records {
            let groups: Vec<Vec<Record>> = corpus.by_ref().take(GROUPS).collect();
            written += groups.iter().map(Vec::len).sum::<usize>() as u64;
            let _ = journal.append(&groups, ()).expect("an append");
        }
        written
    }

    fn happens(&mut self, subject: Subject, actor: Actor, event: impl Into<Event>) {
        let lsn = self.state.lsn.0 + 1;
        let at = Timestamp { wall_us: 1_800_000_000_000_000 + lsn * 5_000, awake_ms: lsn * 5, boot: BootId(77) };
        let draft = Draft { actor, ..Draft::own(subject, None, event) };
        // Nobody is there to carry them out.
        let mut effects = Vec::new();
        self.groups.push_back(conclude(&mut self.state, at, draft, &mut effects));
    }

    fn session(&self, peer: &Identity) -> Subject {
        let session = self.state.presences[peer].session.as_ref().expect("all are awake");
        Subject::session(peer, session.generation)
    }

    /// A peer is registered, and woken by its first message.
    fn begin(&mut self, name: &str) {
        let peer: Identity = name.parse().expect("an identity");
        if self.peers.is_empty() {
            let known = RuntimeTraits {
                name: peer.runtime.clone(),
                kind: RuntimeKind::Tui,
                can_resume: true,
                tells_turns: true,
            };
            self.happens(Subject::NONE, Actor::Dormouse, RuntimesChanged { runtimes: vec![known] });
        }
        let mut registration =
            Registration::plain(format!("/srv/{name}"), peer.personality.clone(), peer.runtime.clone());
        registration.profile.description = "looks after releases".to_owned();
        self.happens(Subject::peer(&peer), Actor::Dormouse, PeerRegistered { registration, reason: None });
        let actor = Actor::User { uid: 1000, pid: 4242, program: "dormouse".to_owned() };
        let message = self.accepted(&peer, actor, Sender::User { name: "ada".to_owned(), uid: 1000 });
        let (pid, socket) = (self.peers.len() as u32 + 2, format!("/run/{peer}.sock").into());
        let started = SessionStarted { pid, start_ticks: 1, socket, resume_ref: None, took_ms: 3 };
        self.happens(self.session(&peer), Actor::Dormouse, started);
        self.happens(self.session(&peer), Actor::Dormouse, BoxOpened { boot_ms: 900 });
        self.delivered(&peer, message);
        self.peers.push(peer);
    }

    /// One message, from its acceptance to the end of the turn that it began.
    fn message(&mut self) {
        let number = self.message;
        let peer = match number % 1000 {
            999 => self.peers[self.fleet as usize].clone(),
            _ => self.peers[(number % self.fleet) as usize].clone(),
        };
        let speaker = self.peers[((number + 3) % self.fleet) as usize].clone();
        let generation = self.session(&speaker).generation.expect("of a session");
        let actor = Actor::Session { peer: speaker.clone(), generation };
        let message = self.accepted(&peer, actor, Sender::Session { peer: speaker, generation });
        self.delivered(&peer, message);
    }

    fn accepted(&mut self, peer: &Identity, actor: Actor, from: Sender) -> MessageId {
        let message = id(self.message);
        self.message += 1;
        let accepted = MessageAccepted {
            to: Recipient::Peer(peer.clone()),
            from,
            topic: Some("release".to_owned()),
            text: TEXT.to_owned(),
            replaced: 0,
            key: None,
            progress: false,
            answers: None,
            policy: WakePolicy::Persistent,
            queue_depth: 1,
            reason: None,
            named: false,
            reply_asked: false,
        };
        self.happens(Subject::peer(peer).with_message(message), actor, accepted);
        message
    }

    fn delivered(&mut self, peer: &Identity, message: MessageId) {
        let number = self.message;
        let mark = RecordMark { path: format!("/home/ada/.claude/{peer}.jsonl").into(), offset: number * 700 };
        let begun = DeliveryBegun { attempt: 1, mark: Some(mark), bytes: 210, print: TextPrint::of("") };
        let ended = DeliveryEnded { attempt: 1, outcome: DeliveryOutcome::Proven { proof: Proof::Hook }, took_ms: 12 };
        let turn =
            |turn| TurnObserved { turn, source: Source::Hook, turn_id: Some(format!("0190-{number}")), said_at: None };
        let session = self.session(peer);
        self.happens(session.clone().with_message(message), Actor::Dormouse, begun);
        self.happens(session.clone().with_message(message), Actor::Dormouse, ended);
        self.happens(session.clone(), Actor::Dormouse, turn(TurnSeen::Running));
        self.happens(session, Actor::Dormouse, turn(TurnSeen::Ended));
    }
}

/// Sorts by time, as those of real messages do.
pub fn id(number: u64) -> MessageId {
    MessageId(
        u128::from(1_800_000_000_000 + number * 35) << 80 | u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
    )
}

impl Iterator for Corpus {
    type Item = Vec<Record>;

    fn next(&mut self) -> Option<Vec<Record>> {
        while self.groups.is_empty() {
            match self.peers.len() as u64 {
                known if known == self.fleet => self.begin(SELDOM),
                known if known < self.fleet => self.begin(&format!("claude-worker-{known}")),
                _ => self.message(),
            }
        }
        self.groups.pop_front()
    }
}
