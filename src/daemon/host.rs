//! The world as the supervisor asks it: effects to the executor, profiles and liveness from disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::hands::{Order, Orders};
use crate::executor::tmux::in_full;
use crate::home::Home;
use crate::journal::Committed;
use crate::model::effect::{Effect, Liveness, SessionName};
use crate::model::event::{ProfileChanged, ProfileUnreadable, TurnSeen};
use crate::model::name::{Identity, Personality};
use crate::model::profile::Registration;
use crate::model::record::{Draft, Subject};
use crate::model::state::{Peer, State};
use crate::observe;
use crate::registry::{self, FOREIGN_PROFILE, PROFILE};
use crate::shim::files::{self, Terminal};
use crate::supervisor::Host;

/// The machine this daemon runs on.
pub(super) struct Machine {
    home: Home,
    orders: Orders,
    /// Profile files as last read, so that one that has not changed costs two `stat`s.
    seen: BTreeMap<Personality, [Option<Stamp>; 2]>,
    /// Terminals of sessions as the survey found them.
    found: BTreeMap<SessionName, Terminal>,
}

/// Tells one content of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    changed_s: i64,
    changed_ns: i64,
}

impl Machine {
    pub(super) fn new(home: Home, orders: Orders) -> Self {
        Self { home, orders, seen: BTreeMap::new(), found: BTreeMap::new() }
    }

    /// What this session's terminal was when it was surveyed. Handed out once.
    pub(super) fn found(&mut self, session: &SessionName) -> Terminal {
        self.found.remove(session).unwrap_or_default()
    }

    /// The clients of an earlier daemon have been waited for, so what is not born by now was never carried out.
    fn liveness(&self, session: &SessionName) -> Liveness {
        let first = observe::liveness(&self.home, session);
        if !matches!(first, Liveness::NotKnown { .. }) {
            return first;
        }
        if let Err(error) = observe::withdraw_unborn(&self.home, session) {
            tracing::warn!(peer = %session.peer, %error, "a start that was not carried out cannot be taken back");
        }
        observe::liveness(&self.home, session)
    }

    fn profile_draft(&mut self, personality: &Personality, peer: &Peer) -> Option<Draft> {
        let folder = &peer.registration.folder;
        let stamps = [stamp(&folder.join(PROFILE)), stamp(&folder.join(FOREIGN_PROFILE))];
        if self.seen.get(personality) == Some(&stamps) {
            return None;
        }
        self.seen.insert(personality.clone(), stamps);
        profile_news(personality, peer)
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let meta = fs::metadata(file).ok()?;
    Some(Stamp { inode: meta.ino(), bytes: meta.len(), changed_s: meta.ctime(), changed_ns: meta.ctime_nsec() })
}

/// What the file says that is not in force, or why it cannot say anything. An identity never changes (C3).
fn profile_news(personality: &Personality, peer: &Peer) -> Option<Draft> {
    let Registration { folder, profile: in_force, .. } = &peer.registration;
    let subject = Subject::peer(&Identity::new(in_force.default_runtime.clone(), personality.clone()));
    let read = registry::read(folder).map_err(|error| in_full(&error)).and_then(|profile| {
        if profile.personality == *personality {
            Ok(profile)
        } else {
            Err(format!("it names `{}`, and this peer is `{personality}`", profile.personality))
        }
    });
    match read {
        Ok(profile) if profile == *in_force && peer.profile_unreadable.is_none() => None,
        Ok(profile) => Some(Draft::own(subject, None, ProfileChanged { profile })),
        Err(why) if peer.profile_unreadable.as_ref() == Some(&why) => None,
        Err(why) => Some(Draft::own(subject, None, ProfileUnreadable { personality: personality.clone(), why })),
    }
}

impl Host for Machine {
    fn run(&mut self, effects: Committed<Vec<Effect>>) {
        if !effects.get().is_empty() {
            // Closed only when the daemon is ending: the next one takes them up (C60).
            let _ = self.orders.send(Order::Run(effects));
        }
    }

    fn profile_news(&mut self, state: &State, peers: &[Personality]) -> Vec<Draft> {
        let known = peers.iter().filter_map(|name| Some((name, state.peers.get(name)?)));
        known.filter_map(|(name, peer)| self.profile_draft(name, peer)).collect()
    }

    fn survey(&mut self, session: &SessionName) -> (Liveness, Option<TurnSeen>) {
        let terminal: Option<Terminal> = files::read(&self.home.session(session).terminal()).ok().flatten();
        let terminal = terminal.unwrap_or_default();
        let turn = terminal.turn.clone();
        let liveness = self.liveness(session);
        // Of what nobody could tell of, nothing was said; all that its program has said is told once it can be heard.
        if !matches!(liveness, Liveness::NotKnown { .. }) {
            self.found.insert(session.clone(), terminal);
        }
        (liveness, turn)
    }
}
