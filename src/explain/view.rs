//! `ls`: one row a peer.

use serde::{Serialize, Serializer};

use crate::model::name::{Identity, Personality, Runtime};
use crate::model::profile::WakePolicy;
use crate::model::session::{self, Turn};
use crate::model::state::{Presence, Session, SessionPhase, State};
use crate::model::time::Timestamp;
use crate::policy::ask;

use super::because::turn_source;
use super::phrase::{one_line, rfc3339, span};

/// One identity, in the shape of `ls --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub peer: Identity,
    pub personality: Personality,
    pub runtime: Runtime,
    pub ephemeral: bool,
    pub phase: Phase,
    /// None: nothing has happened to it yet.
    #[serde(serialize_with = "maybe_moment")]
    pub since: Option<Timestamp>,
    pub queue: Queue,
    pub session: Option<Life>,
    /// The last wake, if it has failed and none has come up since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wake_failed: Option<WakeFailed>,
    pub next: Option<Next>,
}

/// Why a peer did not come up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WakeFailed {
    pub why: String,
    #[serde(serialize_with = "moment")]
    pub at: Timestamp,
    /// `why` tells more of this record.
    pub lsn: u64,
}

/// Adjectives: what a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Asleep,
    Waking,
    Live,
    Reaping,
    Stopped,
    Quarantined,
    /// Something else keeps it alive (C5).
    External,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Queue {
    pub waiting: usize,
    pub dead: usize,
}

/// The session of a peer that has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Life {
    pub generation: u64,
    pub pid: Option<u32>,
    /// `running`, `ended`, `waiting`, `error` or `unknown`.
    pub turn: &'static str,
    /// What the turn waits for, or what its error is.
    pub reason: Option<String>,
    pub armed: bool,
    #[serde(serialize_with = "moment")]
    pub last_sign_of_life: Timestamp,
    /// `hook`, `transcript`, `delivery`, `wake` or `screen`.
    pub source: &'static str,
    /// The same source, in words of its own.
    #[serde(skip)]
    pub source_words: &'static str,
}

/// What time will do next, if nothing else happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Next {
    /// What is waited for: a setting's name, or `retry`, `quarantine`, `boot_slot`, `kill`.
    pub deadline: &'static str,
    /// The kind of the decision that is made then.
    pub brings: &'static str,
    #[serde(serialize_with = "moment")]
    pub at: Timestamp,
}

fn moment<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

fn maybe_moment<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => moment(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// Every registered peer under its default runtime, and every other identity that has a session, a queue or a mark;
/// sorted by identity. `next` is what comes first for an identity, as [`forecast::upcoming`](super::forecast::upcoming) has it.
pub fn ls(state: &State, next: impl Fn(&Identity) -> Option<Next>) -> Vec<Row> {
    rows(state, is_noteworthy, next)
}

/// As [`ls`], with the identities beyond the default ones that `is_worth` admits.
pub(super) fn rows(
    state: &State,
    is_worth: impl Fn(&Presence) -> bool,
    next: impl Fn(&Identity) -> Option<Next>,
) -> Vec<Row> {
    let defaults = state.peers.values().map(|peer| {
        let profile = &peer.registration.profile;
        Identity::new(profile.default_runtime.clone(), profile.personality.clone())
    });
    let noteworthy = state.presences.iter().filter(|(_, presence)| is_worth(presence)).map(|(peer, _)| peer.clone());
    let mut peers: Vec<Identity> = defaults.chain(noteworthy).collect();
    peers.sort();
    peers.dedup();
    peers.into_iter().map(|peer| row(state, peer, &next)).collect()
}

/// The row of one identity, without what time will do next; none if nothing was ever heard of it.
pub fn row_of(state: &State, peer: &Identity) -> Option<Row> {
    let known = state.peers.contains_key(&peer.personality) || state.presences.contains_key(peer);
    known.then(|| row(state, peer.clone(), &|_: &Identity| None))
}

pub(super) fn is_noteworthy(presence: &Presence) -> bool {
    presence.session.is_some()
        || !presence.queue.is_empty()
        || !presence.dead.is_empty()
        || presence.stopped.is_some()
        || presence.quarantine.is_some()
}

fn row(state: &State, peer: Identity, next: &impl Fn(&Identity) -> Option<Next>) -> Row {
    let presence = state.presences.get(&peer);
    let registration = state.peers.get(&peer.personality).map(|peer| &peer.registration);
    let next = next(&peer);
    Row {
        personality: peer.personality.clone(),
        runtime: peer.runtime.clone(),
        ephemeral: registration.is_some_and(|known| known.profile.wake_policy == WakePolicy::Ephemeral),
        phase: phase_of(state, &peer),
        since: presence.map(|presence| presence.since),
        queue: Queue {
            waiting: presence.map_or(0, |presence| presence.queue.len()),
            dead: presence.map_or(0, |presence| presence.dead.len()),
        },
        session: presence.and_then(|presence| presence.session.as_ref()).map(life),
        wake_failed: presence.and_then(|presence| presence.wake_failure.as_ref()).map(|failure| WakeFailed {
            why: failure.why.clone(),
            at: failure.at,
            lsn: failure.lsn.0,
        }),
        next,
        peer,
    }
}

pub(super) fn phase_of(state: &State, peer: &Identity) -> Phase {
    if state.is_managed(peer) {
        return Phase::External;
    }
    state.presences.get(peer).map_or(Phase::Asleep, phase)
}

/// A session on its way out is `reaping` whatever asked for it; marks show once it is gone.
pub fn phase(presence: &Presence) -> Phase {
    match presence.session.as_ref().map(|session| &session.phase) {
        Some(SessionPhase::Launching | SessionPhase::Booting | SessionPhase::Open) => Phase::Waking,
        Some(SessionPhase::Ready { .. }) => Phase::Live,
        Some(SessionPhase::Ending { .. }) => Phase::Reaping,
        None if presence.stopped.is_some() => Phase::Stopped,
        None if presence.quarantine.is_some() => Phase::Quarantined,
        None => Phase::Asleep,
    }
}

fn life(session: &Session) -> Life {
    let reason = match &session.turn {
        Turn::Unknown | Turn::Running { .. } | Turn::Ended { .. } => None,
        Turn::Waiting { on, .. } => Some(on.clone()),
        Turn::Failed { reason, .. } => Some(reason.clone()),
        // It does something, and nobody has to come.
        Turn::Background { on, .. } => Some(format!("in the background: {on}")),
    };
    let (last_sign_of_life, sign) = ask::last_sign(session);
    Life {
        generation: session.generation.0.0,
        pid: session.pid,
        turn: turn(&session.turn),
        reason,
        armed: session.armed.is_some(),
        last_sign_of_life,
        source: source(sign),
        source_words: turn_source(sign),
    }
}

/// The word that scripts know.
pub(super) fn turn(turn: &Turn) -> &'static str {
    match turn {
        Turn::Unknown => "unknown",
        // Scripts know no word of its own for what goes on behind a turn.
        Turn::Running { .. } | Turn::Background { .. } => "running",
        Turn::Ended { .. } => "ended",
        Turn::Waiting { .. } => "waiting",
        Turn::Failed { .. } => "error",
    }
}

/// The five words that scripts know; finer sources fall to the one they are nearest to.
fn source(source: session::Source) -> &'static str {
    match source {
        session::Source::Hook | session::Source::StatusFile | session::Source::Answer => "hook",
        session::Source::Transcript => "transcript",
        session::Source::Terminal | session::Source::Title | session::Source::Screen | session::Source::Person => {
            "screen"
        }
        session::Source::Delivery => "delivery",
        session::Source::Wake => "wake",
    }
}

impl Phase {
    pub const fn word(self) -> &'static str {
        match self {
            Phase::Asleep => "asleep",
            Phase::Waking => "waking",
            Phase::Live => "live",
            Phase::Reaping => "reaping",
            Phase::Stopped => "stopped",
            Phase::Quarantined => "quarantined",
            Phase::External => "external",
        }
    }
}

/// The rows as cells below a heading; times are how long before or after `now`. Nothing if there are no rows.
pub fn table(rows: &[Row], now: Timestamp) -> Vec<Vec<String>> {
    if rows.is_empty() {
        return Vec::new();
    }
    let heading = ["PEER", "PHASE", "SINCE", "TURN", "LAST SIGN OF LIFE", "QUEUE", "NEXT"].map(str::to_owned);
    std::iter::once(heading).chain(rows.iter().map(|row| cells(row, now))).map(Vec::from).collect()
}

fn cells(row: &Row, now: Timestamp) -> [String; 7] {
    let ago = |at: Timestamp| format!("{} ago", span(now.since(at)));
    let nothing = || "-".to_owned();
    let failed = || row.wake_failed.as_ref().map(|failed| format!("wake failed: {}", one_line(&failed.why)));
    let turn = row.session.as_ref().map_or_else(
        || failed().unwrap_or_else(nothing),
        |life| {
            let armed = if life.armed { ", armed" } else { "" };
            let reason = life.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", one_line(reason)));
            // Whom it waits for; the word alone could mean anybody.
            let whom = if life.turn == "waiting" { " for a person" } else { "" };
            format!("{}{whom}{reason}{armed}", life.turn)
        },
    );
    let sign = |life: &Life| format!("{}, {}", ago(life.last_sign_of_life), life.source_words);
    let dead = if row.queue.dead > 0 { format!(" ({} dead)", row.queue.dead) } else { String::new() };
    let name = if row.ephemeral { format!("{} (ephemeral)", row.peer) } else { row.peer.to_string() };
    [
        name,
        row.phase.word().to_owned(),
        row.since.map_or_else(nothing, ago),
        turn,
        row.session.as_ref().map_or_else(nothing, sign),
        format!("{}{dead}", row.queue.waiting),
        row.next.as_ref().map_or_else(nothing, |next| next.text(now)),
    ]
}

impl Next {
    /// Whether it moves what waits.
    pub(super) fn is_of_its_queue(&self) -> bool {
        matches!(self.brings, "wake_decided" | "delivery_decided")
    }

    pub(super) fn text(&self, now: Timestamp) -> String {
        let what = match self.brings {
            "wake_decided" => "woken",
            "delivery_decided" => "delivered to",
            "kill_repeated" => "killed again",
            "quarantine_lifted" => "let out of quarantine",
            reaped => reaped,
        };
        format!("{what} in {} ({})", span(self.at.since(now)), self.deadline.replace('_', " "))
    }
}
