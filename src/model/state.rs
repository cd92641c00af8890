//! What the records add up to. Bounded by peers and unsettled messages, not by history.
//!
//! A snapshot holds it as JSON. A field added here is a new [`SCHEMA`], or an older build would forget what it does not
//! know: every struct refuses fields that it has not heard of.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::actor::Sender;
use super::event::{HistoryRemoved, KeptBecause, LaunchFailed, RuntimeTraits, SnapshotTaken, WakePhase};
use super::id::{Generation, Lsn, MessageId};
pub use super::key::{Key, KeyName};
use super::message::{Message, Question};
use super::name::{Identity, Personality, Runtime};
use super::name_map::NameMap;
use super::park::{LastDeath, Park, Taken};
use super::profile::{Registration, WakePolicy};
use super::session::{Ending, ReapReason, Source, Turn, TypedVerb, WakeBranch, WakeGate, WakeMode, WakeReason};
use super::settings::Settings;
use super::time::Timestamp;
use super::turn_names::TurnNames;

/// Revision of the shape of [`State`] in a snapshot.
pub const SCHEMA: u16 = 1;

/// The whole state. Equal states come of equal histories (I3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The last record folded in.
    pub lsn: Lsn,
    /// Its time: the only `now` there is (I10).
    pub now: Option<Timestamp>,
    pub settings: Settings,
    pub runtimes: BTreeMap<Runtime, RuntimeTraits>,
    pub peers: NameMap<Personality, Peer>,
    /// One entry for each identity that ever had a queue, a session or a mark.
    pub presences: NameMap<Identity, Presence>,
    /// Unsettled messages: queued, delivering, an ephemeral session's task, dead.
    pub messages: BTreeMap<MessageId, Message>,
    /// Idempotency keys still remembered (C8).
    #[serde(with = "super::key::pairs")]
    pub keys: BTreeMap<KeyName, Key>,
    /// The same keys, oldest first, so that forgetting costs what is forgotten. Those that have outlived their time for their
    /// message's sake stand behind the others.
    pub keys_by_age: VecDeque<KeyName>,
    pub daemon: Option<Daemon>,
    /// The newest [`SNAPSHOTS_KEPT`] snapshots, oldest first.
    pub snapshots: Vec<SnapshotTaken>,
    /// The newest removal of history.
    pub removed: Option<Removed>,
}

/// Snapshots that stay: should one be damaged, a start goes on from the one before.
pub const SNAPSHOTS_KEPT: usize = 2;

/// A removal of history, and when it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removed {
    pub lsn: Lsn,
    pub at: Timestamp,
    pub what: HistoryRemoved,
}

/// The daemon that last said it started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Daemon {
    pub pid: u32,
    pub started: Lsn,
    pub running: bool,
    /// It has not looked at the world yet, nor at all that was said while there was none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub starting: bool,
}

/// A registered peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    pub registration: Registration,
    pub registered: Lsn,
    /// Why the profile's file cannot be read now; the registered profile stays in force (C3).
    pub profile_unreadable: Option<String>,
}

/// One identity: its queue, its session, its marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    /// Since when the phase of this identity is what it is.
    pub since: Timestamp,
    pub queue: VecDeque<MessageId>,
    /// Kept and listed, out of the queue's way (C13).
    pub dead: BTreeSet<MessageId>,
    pub session: Option<Session>,
    pub stopped: Option<Mark>,
    pub refresh: Option<Mark>,
    pub park: Option<Park>,
    /// The session before died, and nothing has been parked since (C17).
    pub died: Option<LastDeath>,
    /// Deaths that may still count, oldest first (C48).
    pub deaths: Vec<(Lsn, Timestamp)>,
    pub quarantine: Option<Quarantine>,
    /// A fresh or resumed session somebody asked for; waits for the session before it to end, or for a boot slot.
    pub bring_up: Option<BringUp>,
    pub last_wake_failed: bool,
    /// Not woken again before this moment, after a failed wake.
    pub wake_retry_at: Option<Timestamp>,
    /// Wakes that failed in a row.
    pub wakes_failed: u32,
    pub last_gate: Option<WakeGate>,
    /// How the session before ended.
    pub last_end: Option<LastEnd>,
    /// Messages that a session took with it when it ended; each is settled by a decision of its own.
    pub lost: Vec<MessageId>,
    /// The delivery under way into a session of somebody else's (C5).
    pub external_delivery: Option<MessageId>,
    /// What operators asked to have typed, and has not ended yet; one of each at most (C56).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<AskedVerb>,
    /// Questions whose session has ended: each is reported to its sender (C13).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<Question>,
    /// The last wake, if it has failed: whoever asks why nothing moves wants to hear that first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_failure: Option<super::session::WakeFailure>,
    /// Times in a row that its program ended before the conversation that it was to resume was ready.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resumes_failed: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Something to be typed into a session (C56).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedVerb {
    pub verb: TypedVerb,
    pub asked: Lsn,
    /// None while the session it is for has not been decided on.
    pub generation: Option<Generation>,
    /// Handed to the session's lane.
    pub decided: Option<Lsn>,
}

/// What is kept of a session that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastEnd {
    pub generation: Generation,
    pub how: EndedHow,
    pub ending: Ending,
    pub lived_ms: u64,
    pub armed: bool,
}

/// Why a session is gone, as concluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EndedHow {
    Died,
    /// By itself and well (C44a).
    Finished,
    Reaped(ReapReason),
    /// The wake left nothing.
    NeverCame,
}

/// A mark an operator or an agent left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    pub lsn: Lsn,
    pub at: Timestamp,
    pub by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    pub lsn: Lsn,
    pub until: Timestamp,
}

/// A session asked for by an operator (C54, C57) or a folder launch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BringUp {
    pub asked: Lsn,
    pub reason: WakeReason,
    pub mint: MessageId,
}

/// One life of an identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub generation: Generation,
    pub woken: Timestamp,
    pub mode: WakeMode,
    pub branch: WakeBranch,
    pub reason: WakeReason,
    pub policy: WakePolicy,
    pub phase: SessionPhase,
    /// A boot slot is held (C20).
    pub slot: bool,
    pub pid: Option<u32>,
    pub socket: Option<PathBuf>,
    pub resume_ref: Option<String>,
    /// What the wake was for: proven, it makes the session ready.
    pub first_input: Option<MessageId>,
    /// The task of an ephemeral session, once delivered.
    pub task: Option<MessageId>,
    /// At most 16 (C18).
    pub topics: Vec<String>,
    pub turn: Turn,
    /// Turns submitted and not known to have ended (C46b).
    pub turns_open: u32,
    /// Where the program's own word on its present or last turn began: what came before it is an earlier turn's.
    pub turn_told: Option<Lsn>,
    #[serde(default, skip_serializing_if = "TurnNames::is_empty")]
    pub turn_names: TurnNames,
    /// When the newest word on its turn was said: what was said before it and comes after it tells nothing new (C46b).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_said: Option<Timestamp>,
    /// Who said that a person is needed, while one is: the same wait is told of once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_by: Option<Source>,
    pub armed: Option<(Lsn, Timestamp)>,
    /// The message in the lane.
    pub delivering: Option<MessageId>,
    /// The last message delivered here, for the answer's thread.
    pub last_delivered: Option<MessageId>,
    pub last_delivered_from: Option<Sender>,
    /// Delivered here and not answered yet, oldest first; a task's is with its message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    pub last_sign: Timestamp,
    pub last_sign_source: Source,
    /// Latest of proof and hook, for the quiet time of an armed worker (C37).
    pub last_proof: Option<Timestamp>,
    /// A look is under way.
    pub looking: bool,
    /// The last look's time, when it left things open: nobody could say, or a person was needed.
    pub look_failed_at: Option<Timestamp>,
    /// When screen and transcript last moved, by the last look; for silence beyond what facts say (C45).
    pub screen_moved: Option<Timestamp>,
    pub transcript_moved: Option<Timestamp>,
    pub kept: Option<KeptBecause>,
    /// When a look last found a person attached.
    pub person_seen: Option<Timestamp>,
    /// When a look last found it at work, by its screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_seen: Option<Timestamp>,
    /// The last `launch_failed` or unproven first input, until the session is gone.
    pub failing: bool,
    /// What its program said last, if it ended before its box was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_words: Option<String>,
    /// What its wake has taken, until it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Box<Taken>>,
}

/// How far a session has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SessionPhase {
    /// Decided; nothing seen of it yet.
    Launching,
    /// Its process is up; the input surface is not there yet.
    Booting,
    /// The input surface is there; the first input is on its way.
    Open,
    Ready {
        since: Timestamp,
    },
    /// Decided to end; the kill is under way.
    Ending {
        reaped: Lsn,
        since: Timestamp,
        reason: ReapReason,
        kill_failed: Option<Timestamp>,
    },
}

impl State {
    /// The registered peer behind an identity.
    pub fn peer(&self, identity: &Identity) -> Option<&Peer> {
        self.peers.get(&identity.personality)
    }

    /// The live or ending session of this name, unless a later one has taken its place.
    pub fn session(&self, identity: &Identity, generation: Generation) -> Option<&Session> {
        self.presences.get(identity)?.session.as_ref().filter(|session| session.generation == generation)
    }

    /// Something else keeps this peer alive (C5).
    pub fn is_managed(&self, identity: &Identity) -> bool {
        self.peer(identity).is_some_and(|peer| peer.registration.managed.is_some())
    }

    /// The oldest record that is still read by its lsn. None: no record is.
    ///
    /// The text of each message that is not settled stays in the journal (C13). A remembered key needs no record: its
    /// first outcome stands here (C8). It would keep a day of history, for every call of a session has one.
    pub fn oldest_needed(&self) -> Option<Lsn> {
        self.messages.values().map(|message| message.accepted).min()
    }

    /// What a later wake may resume the conversation of `session` by (C17). None: it has no name, or nothing was said in it. A
    /// name that was chosen for it before its first word names nothing until then. Of a program that tells nothing nobody
    /// knows what was said by hand, so its name counts.
    pub fn resumable<'a>(&self, peer: &Identity, session: &'a Session) -> Option<&'a String> {
        let typed = session.delivering.and_then(|id| self.messages.get(&id)).is_some_and(Message::is_begun);
        let said = session.was_spoken_in() || typed || !self.tells_turns(peer);
        session.resume_ref.as_ref().filter(|_| said)
    }

    /// The program tells its turns itself; else they are judged (C46a).
    pub fn tells_turns(&self, identity: &Identity) -> bool {
        self.runtimes.get(&identity.runtime).is_some_and(|traits| traits.tells_turns)
    }
}

impl Presence {
    /// An identity of which nothing is known yet.
    pub fn new(since: Timestamp) -> Self {
        Self {
            since,
            queue: VecDeque::new(),
            dead: BTreeSet::new(),
            session: None,
            stopped: None,
            refresh: None,
            park: None,
            died: None,
            deaths: Vec::new(),
            quarantine: None,
            bring_up: None,
            last_wake_failed: false,
            wake_retry_at: None,
            wakes_failed: 0,
            last_gate: None,
            last_end: None,
            lost: Vec::new(),
            external_delivery: None,
            verbs: Vec::new(),
            unanswered: Vec::new(),
            wake_failure: None,
            resumes_failed: 0,
        }
    }
}

impl Session {
    /// A decision to end it has been made.
    pub fn is_ending(&self) -> bool {
        matches!(self.phase, SessionPhase::Ending { .. })
    }

    /// Its program says that a turn runs: what else is given to it waits (C33a). One that has never said a word, though it
    /// should, would be waited for for ever.
    pub fn is_told_running(&self) -> bool {
        matches!(self.turn, Turn::Running { judged: false, .. }) && self.turn_said.is_some()
    }

    /// Whether its program has heard a word: one that was resumed has, and so has one that was ever said to be in a turn.
    /// That it rests it says at its start as well.
    pub fn was_spoken_in(&self) -> bool {
        let in_turn = matches!(self.turn, Turn::Running { .. } | Turn::Failed { .. } | Turn::Background { .. });
        let told = self.turn_told.is_some() || !self.turn_names.is_empty();
        self.mode != WakeMode::Fresh || self.last_delivered.is_some() || in_turn || told
    }

    pub fn is_ready(&self) -> bool {
        matches!(self.phase, SessionPhase::Ready { .. })
    }

    /// Whether all that `failed` tells is what the program said last: it ended under its boot, and the end itself is told
    /// behind it.
    pub fn has_last_words(&self, failed: &LaunchFailed) -> bool {
        failed.phase == WakePhase::Boot && !failed.left_session && self.phase == SessionPhase::Booting
    }
}
