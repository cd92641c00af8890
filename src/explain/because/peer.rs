//! Peers, and what operators and agents ask of them.

use crate::model::event::{
    AttachRequested, DoneCalled, FreshCalled, NewRequested, PeerForgotten, PeerRegistered, ProfileChanged,
    ProfileUnreadable, RefreshMarked, RefreshRequested, RemoveRequested, RequestRefused, RunRequested, StartRequested,
    StopCleared, StopRequested, StopSet,
};
use crate::model::profile::{Profile, WakePolicy};

use super::given;

pub fn registered(it: &PeerRegistered) -> String {
    let peer = &it.registration;
    let managed = peer
        .managed
        .as_ref()
        .map_or_else(String::new, |managed| format!("; {} keeps it alive, it is only delivered to (C5)", managed.by));
    let (folder, reason) = (peer.folder.display(), given(it.reason.as_ref()));
    format!("registered: the folder {folder} is {}{managed}{reason}", profile(&peer.profile))
}

fn profile(it: &Profile) -> String {
    let policy = match it.wake_policy {
        WakePolicy::Persistent => "persistent",
        WakePolicy::Ephemeral => "ephemeral",
    };
    format!("{}, {policy}, on {} by default", it.personality, it.default_runtime)
}

pub fn remove_requested(it: &RemoveRequested) -> String {
    let force = if it.force { ", even if it is live" } else { "" };
    format!("asked to forget the peer{force}{}", given(it.reason.as_ref()))
}

pub fn profile_changed(it: &ProfileChanged) -> String {
    format!("the profile has changed: now {} (C3)", profile(&it.profile))
}

pub fn profile_unreadable(it: &ProfileUnreadable) -> String {
    format!("the profile of {} cannot be read, so the last one stays in force: {} (C3)", it.personality, it.why)
}

pub fn request_refused(it: &RequestRefused) -> String {
    let hint = it.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
    format!("`{}` was refused: {} ({}){hint}", it.verb, it.why, it.rule)
}

pub fn stop_requested(it: &StopRequested) -> String {
    format!("asked to stop the peer{}", given(it.reason.as_ref()))
}

pub fn start_requested(it: &StartRequested) -> String {
    format!("asked to start the peer{}", given(it.reason.as_ref()))
}

pub fn new_requested(it: &NewRequested) -> String {
    format!("asked for a fresh session now, whatever was there{}", given(it.reason.as_ref()))
}

pub fn refresh_requested(it: &RefreshRequested) -> String {
    format!("asked for a fresh session at the next natural wake{}", given(it.reason.as_ref()))
}

pub fn attach_requested(it: &AttachRequested) -> String {
    format!("asked to attach to the peer's session{}", given(it.reason.as_ref()))
}

pub fn run_requested(it: &RunRequested) -> String {
    format!("started by its user from its folder{}", given(it.reason.as_ref()))
}

pub fn done_called(it: &DoneCalled) -> String {
    format!("the session says that its task is done{}", given(it.reason.as_ref()))
}

pub fn fresh_called(it: &FreshCalled) -> String {
    format!("the session asks to be fresh at its next wake{}", given(it.reason.as_ref()))
}

pub fn stop_set(StopSet {}: &StopSet) -> String {
    "stopped: no message wakes it until it is started again (C52)".to_owned()
}

pub fn stop_cleared(it: &StopCleared) -> String {
    format!("started: the stop of record {} no longer holds (C53)", it.stopped)
}

pub fn refresh_marked(RefreshMarked {}: &RefreshMarked) -> String {
    "marked: the next natural wake will be fresh (C54)".to_owned()
}

pub fn forgotten(PeerForgotten {}: &PeerForgotten) -> String {
    "forgotten: it is no longer a peer of ours, its folder stays (C4)".to_owned()
}
