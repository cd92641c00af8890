//! Peers, their profiles, and the marks of operators.

use super::presence;
use crate::model::effect::Task;
use crate::model::event::{
    AttachRequested, NewRequested, PeerRegistered, ProfileChanged, ProfileUnreadable, RunRequested,
};
use crate::model::id::MessageId;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::WakeReason;
use crate::model::state::{BringUp, Mark, Peer, Presence, State};

pub(super) fn peer_registered(state: &mut State, record: &Record, fact: &PeerRegistered) -> Vec<Task> {
    let registration = fact.registration.clone();
    let identity =
        Identity::new(registration.profile.default_runtime.clone(), registration.profile.personality.clone());
    state.presences.get_or_insert_with(&identity, || Presence::new(record.at));
    let peer = Peer { registration, registered: record.lsn, profile_unreadable: None };
    state.peers.insert(peer.registration.profile.personality.clone(), peer);
    Vec::new()
}

pub(super) fn profile_changed(state: &mut State, fact: &ProfileChanged) -> Vec<Task> {
    if let Some(peer) = state.peers.get_mut(&fact.profile.personality) {
        peer.registration.profile = fact.profile.clone();
        peer.profile_unreadable = None;
    }
    Vec::new()
}

pub(super) fn profile_unreadable(state: &mut State, fact: &ProfileUnreadable) -> Vec<Task> {
    if let Some(peer) = state.peers.get_mut(&fact.personality) {
        peer.profile_unreadable = Some(fact.why.clone());
    }
    Vec::new()
}

pub(super) fn new_requested(state: &mut State, record: &Record, fact: &NewRequested) -> Vec<Task> {
    bring_up(state, record, WakeReason::New, fact.mint)
}

/// A live session is joined as it is; only a peer without one has to be brought up (C57).
pub(super) fn attach_requested(state: &mut State, record: &Record, fact: &AttachRequested) -> Vec<Task> {
    let live = presence(state, record).and_then(|presence| presence.session.as_ref()).is_some_and(|s| !s.is_ending());
    if live { Vec::new() } else { bring_up(state, record, WakeReason::Attach, fact.mint) }
}

pub(super) fn run_requested(state: &mut State, record: &Record, fact: &RunRequested) -> Vec<Task> {
    bring_up(state, record, WakeReason::FolderLaunch, fact.mint)
}

pub(super) fn bring_up(state: &mut State, record: &Record, reason: WakeReason, mint: MessageId) -> Vec<Task> {
    if let Some(presence) = presence(state, record) {
        presence.bring_up = Some(BringUp { asked: record.lsn, reason, mint });
    }
    Vec::new()
}

fn mark(record: &Record) -> Mark {
    Mark { lsn: record.lsn, at: record.at, by: record.actor.to_string() }
}

pub(super) fn stop_set(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(presence) = presence(state, record) {
        presence.stopped = Some(mark(record));
        presence.bring_up = None;
        presence.since = record.at;
    }
    Vec::new()
}

pub(super) fn stop_cleared(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(presence) = presence(state, record) {
        presence.stopped = None;
        presence.last_gate = None;
        presence.since = record.at;
    }
    Vec::new()
}

pub(super) fn refresh_marked(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(presence) = presence(state, record) {
        presence.refresh = Some(mark(record));
    }
    Vec::new()
}

/// Everything of this personality goes, whatever the runtime. Its messages were cancelled one by one before.
pub(super) fn peer_forgotten(state: &mut State, record: &Record) -> Vec<Task> {
    if let Some(identity) = &record.subject.peer {
        state.peers.remove(&identity.personality);
        state.presences.retain(|other, _| other.personality != identity.personality);
        state.messages.retain(|_, message| message.to.personality != identity.personality);
    }
    Vec::new()
}
