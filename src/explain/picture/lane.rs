//! Lanes: what `ls` would have said of a peer, from one record to the next that changes it.

use crate::explain::{replay, view};
use crate::model::id::Generation;
use crate::model::name::Identity;
use crate::model::state::State;

/// A peer's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    pub peer: Identity,
    /// In the order of time; each lasts until the next one begins, the last one until the end.
    pub bars: Vec<Bar>,
}

/// A span in which nothing about a peer changed that has a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Place of the record that made it so.
    pub from: usize,
    /// None: `replay` has no row of the peer, which is forgotten, or not there yet.
    pub stands: Option<Standing>,
    /// Else nothing tells how it stood.
    pub known: bool,
}

/// A row of `ls`, as far as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub phase: view::Phase,
    /// Of its session.
    pub turn: Option<&'static str>,
    pub armed: bool,
    pub generation: Option<Generation>,
}

impl Standing {
    /// None if `replay` has no row for `peer`.
    pub fn of(state: &State, peer: &Identity) -> Option<Self> {
        let presence = state.presences.get(peer);
        let known = state.peer(peer).map(|known| &known.registration);
        let is_default = known.is_some_and(|known| known.profile.default_runtime == peer.runtime);
        if !is_default && !presence.is_some_and(replay::is_worth) {
            return None;
        }
        let session = presence.and_then(|presence| presence.session.as_ref());
        Some(Self {
            phase: view::phase_of(state, peer),
            turn: session.map(|session| view::turn(&session.turn)),
            armed: session.is_some_and(|session| session.armed.is_some()),
            generation: session.map(|session| session.generation),
        })
    }
}

impl Lane {
    /// From the record at `place` on it stands so.
    pub(super) fn stands(&mut self, place: usize, stands: Option<Standing>) {
        let before = self.bars.last().map_or((None, true), |bar| (bar.stands, bar.known));
        if (stands, true) != before {
            self.bars.push(Bar { from: place, stands, known: true });
        }
    }

    /// From the record at `place` on nothing tells how it stands.
    pub(super) fn is_not_known(&mut self, place: usize) {
        if self.bars.last().is_none_or(|bar| bar.known) {
            self.bars.push(Bar { from: place, stands: None, known: false });
        }
    }

    /// The bar that the record at `place` falls into.
    pub fn at(&self, place: usize) -> Option<Standing> {
        let after = self.bars.partition_point(|bar| bar.from <= place);
        self.bars[..after].last().and_then(|bar| bar.stands)
    }
}

/// Who may have a row: `subject` and its peer under the default runtime, or everybody.
pub(super) fn known(state: &State, subject: Option<&Identity>) -> Vec<Identity> {
    let default = |peer: &crate::model::state::Peer| {
        let profile = &peer.registration.profile;
        Identity::new(profile.default_runtime.clone(), profile.personality.clone())
    };
    match subject {
        Some(peer) => {
            let own = std::iter::once(peer.clone()).chain(state.peer(peer).map(default));
            own.filter(|peer| Standing::of(state, peer).is_some()).collect()
        }
        None => {
            let all = state.peers.values().map(default).chain(state.presences.keys().cloned());
            all.filter(|peer| Standing::of(state, peer).is_some()).collect()
        }
    }
}
