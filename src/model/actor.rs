//! Who asked, and who a message is from (C58, C12a).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::{Generation, Lsn};
use super::name::Identity;

/// On whose account a record was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The daemon itself: its rules, its executor, its observers.
    Dormouse,
    /// Somebody at the control socket, as the kernel names them.
    User { uid: u32, pid: u32, program: String },
    /// A session of ours, known by its secret.
    Session { peer: Identity, generation: Generation },
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Dormouse => f.write_str("dormouse"),
            Actor::User { uid, pid, program } => write!(f, "uid {uid} ({program}, pid {pid})"),
            Actor::Session { peer, generation } => write!(f, "{peer} (session {generation})"),
        }
    }
}

/// Who a message is from: what we know, never what a text claims.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// A session that holds its secret.
    Session { peer: Identity, generation: Generation },
    /// A shell user, by the name the system has for their uid.
    User { name: String, uid: u32 },
    /// `--from NAME` of a caller outside sessions. Never arms anything (C12a).
    Unverified { name: String, uid: u32 },
    /// A report of our own about the record `about` (C13).
    Dormouse { about: Lsn },
}

impl Sender {
    /// The peer that speaks, when it is known to be one.
    pub fn peer(&self) -> Option<&Identity> {
        match self {
            Sender::Session { peer, .. } => Some(peer),
            Sender::User { .. } | Sender::Unverified { .. } | Sender::Dormouse { .. } => None,
        }
    }
}

/// As an envelope's first line says it.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sender::Session { peer, .. } => write!(f, "{} ({})", peer.personality, peer.runtime),
            Sender::User { name, .. } => write!(f, "user:{name}"),
            Sender::Unverified { name, uid } => write!(f, "{name} (unverified, uid {uid})"),
            Sender::Dormouse { .. } => f.write_str("dormouse"),
        }
    }
}
