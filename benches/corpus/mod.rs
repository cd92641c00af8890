//! A history to measure with: a small fleet, awake all the time, that is sent one message after the other. Every record
//! means to the fold what it would in a real history.

#![allow(dead_code, reason = "each bench takes what it needs")]

use std::path::Path;

use dormouse::journal::{DirStorage, Journal, Options};
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::delivery::{DeliveryOutcome, Proof, RecordMark};
use dormouse::model::event::*;
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::message::TextPrint;
use dormouse::model::name::Identity;
use dormouse::model::profile::{Registration, WakePolicy};
use dormouse::model::record::{Record, Subject};
use dormouse::model::session::{Source, WakeBranch, WakeMode, WakeReason};
use dormouse::model::time::{BootId, Timestamp};

/// Of the fleet, if nothing else is said.
const PEERS: u64 = 8;
/// Groups in one batch: one sync each.
const GROUPS: usize = 1000;
/// A message in a thousand is for the one that is seldom written to.
pub const SELDOM: &str = "claude-zoe";
const TEXT: &str = "All work and no play makes a dull dormouse of you. Please look at the release notes of last week again, \
                    and say what is missing.";

/// Groups of records, in order and without end.
pub struct Corpus {
    /// Peers that are written to in turn.
    fleet: u64,
    lsn: u64,
    message: u64,
    peers: Vec<(Identity, Generation)>,
}

impl Corpus {
    pub fn new() -> Self {
        Self::of(PEERS)
    }

    /// Of a fleet as large as this.
    pub fn of(fleet: u64) -> Self {
        Self { fleet, lsn: 1, message: 0, peers: Vec::new() }
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
        while corpus.lsn <= records {
            let groups: Vec<Vec<Record>> = corpus.by_ref().take(GROUPS).collect();
            let _ = journal.append(&groups, ()).expect("an append");
        }
        corpus.lsn - 1
    }

    fn record(&mut self, subject: Subject, actor: Actor, event: impl Into<Event>) -> Record {
        let lsn = self.lsn;
        self.lsn += 1;
        let at = Timestamp { wall_us: 1_800_000_000_000_000 + lsn * 5_000, awake_ms: lsn * 5, boot: BootId(77) };
        Record { lsn: Lsn(lsn), at, subject, cause: (lsn > 1).then_some(Lsn(lsn - 1)), actor, event: event.into() }
    }

    /// A peer is registered and woken.
    fn begin(&mut self, name: &str) -> Vec<Record> {
        let peer: Identity = name.parse().expect("an identity");
        let mut registration =
            Registration::plain(format!("/srv/{name}"), peer.personality.clone(), peer.runtime.clone());
        registration.profile.description = "looks after releases".to_owned();
        let registered =
            self.record(Subject::peer(&peer), Actor::Dormouse, PeerRegistered { registration, reason: None });
        let generation = Generation(Lsn(self.lsn));
        let wake = WakeDecided {
            mode: WakeMode::Fresh,
            branch: WakeBranch::FirstWake,
            reason: WakeReason::Message,
            message: None,
            prompt: None,
            attempt: 1,
            possible_duplicate: false,
            booting: 1,
            boots_max: 4,
            park: None,
        };
        let session = || Subject::session(&peer, generation);
        let woken = self.record(session(), Actor::Dormouse, wake);
        let ready = self.record(session(), Actor::Dormouse, SessionReady { wake_ms: 900 });
        self.peers.push((peer, generation));
        vec![registered, woken, ready]
    }

    /// One message, from its acceptance to the end of the turn that it began: four groups in one.
    fn message(&mut self) -> Vec<Record> {
        let number = self.message;
        self.message += 1;
        let (peer, generation) = match number % 1000 {
            999 => self.peers[self.fleet as usize].clone(),
            _ => self.peers[(number % self.fleet) as usize].clone(),
        };
        let (speaker, spoke) = self.peers[((number + 3) % self.fleet) as usize].clone();
        let id = id(number);
        let session = Subject::session(&peer, generation);
        let about = || session.clone().with_message(id);
        let accepted = MessageAccepted {
            to: Recipient::Peer(peer.clone()),
            from: Sender::Session { peer: speaker.clone(), generation: spoke },
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
        let mark = RecordMark { path: format!("/home/ada/.claude/{peer}.jsonl").into(), offset: number * 700 };
        let begun = DeliveryBegun { attempt: 1, mark: Some(mark), bytes: 210, print: TextPrint::of("") };
        let ended = DeliveryEnded { attempt: 1, outcome: DeliveryOutcome::Proven { proof: Proof::Hook }, took_ms: 12 };
        let delivered = Delivered { attempt: 1, possible_duplicate: false, proof: Proof::Hook, waited_ms: 21 };
        let decided =
            DeliveryDecided { attempt: 1, possible_duplicate: false, first_input: false, session_before: None };
        let turn =
            |turn| TurnObserved { turn, source: Source::Hook, turn_id: Some(format!("0190-{number}")), said_at: None };
        let spoken = Actor::Session { peer: speaker, generation: spoke };
        vec![
            self.record(Subject::peer(&peer).with_message(id), spoken, accepted),
            self.record(about(), Actor::Dormouse, decided),
            self.record(about(), Actor::Dormouse, begun),
            self.record(about(), Actor::Dormouse, ended),
            self.record(about(), Actor::Dormouse, delivered),
            self.record(session.clone(), Actor::Dormouse, turn(TurnSeen::Running)),
            self.record(session.clone(), Actor::Dormouse, turn(TurnSeen::Ended)),
        ]
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
        Some(match self.peers.len() as u64 {
            known if known == self.fleet => self.begin(SELDOM),
            known if known < self.fleet => self.begin(&format!("claude-worker-{known}")),
            _ => self.message(),
        })
    }
}
