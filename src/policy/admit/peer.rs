//! Admission of what is asked about peers.

use crate::model::actor::Actor;
use crate::model::event::{
    AttachRequested, DoneCalled, FreshCalled, NewRequested, PeerRegistered, RefreshRequested, RemoveRequested,
    RunRequested, StartRequested, StopRequested,
};
use crate::model::id::{Generation, MessageId};
use crate::model::name::Identity;
use crate::model::profile::Registration;
use crate::model::record::Subject;
use crate::model::request::PeerName;
use crate::model::state::{Presence, Session, State};
use crate::model::time::Timestamp;

use super::{Checked, Refusal, resolve};

type Reason = Option<String>;

pub(super) fn named(state: &State, name: &PeerName) -> Result<Identity, (Option<Identity>, Refusal)> {
    resolve(state, name).map_err(|unresolved| (None, unresolved.into()))
}

pub(super) fn refuse<T>(peer: &Identity, refusal: Refusal) -> Result<T, (Option<Identity>, Refusal)> {
    Err((Some(peer.clone()), refusal))
}

/// One folder, one name; one name, one folder.
pub(super) fn add(state: &State, reason: &Reason, registration: Registration) -> Checked {
    let profile = &registration.profile;
    let identity = Identity::new(profile.default_runtime.clone(), profile.personality.clone());
    if let Some(known) = state.peers.get(&profile.personality)
        && known.registration.folder != registration.folder
    {
        let folder = known.registration.folder.display();
        let why = format!("the name `{}` is held by the peer in {folder}", profile.personality);
        return refuse(&identity, Refusal::new("C4", why).hint("give this one another name with --name"));
    }
    let same_folder = |peer: &&crate::model::state::Peer| peer.registration.folder == registration.folder;
    if let Some(other) = state.peers.values().find(same_folder)
        && other.registration.profile.personality != profile.personality
    {
        let name = &other.registration.profile.personality;
        let why = format!("{} is already the peer `{name}`", registration.folder.display());
        return refuse(&identity, Refusal::new("C4", why).hint(format!("`dormouse rm {name}` forgets it first")));
    }
    for runtime in &profile.runtimes {
        if !state.runtimes.contains_key(runtime) {
            let known: Vec<&str> = state.runtimes.keys().map(|runtime| runtime.as_str()).collect();
            let why = format!("the runtime `{runtime}` is not known here (known: {})", known.join(", "));
            let hint = format!("describe it in runtimes/{runtime}.toml of the settings folder, then reload the daemon");
            return refuse(&identity, Refusal::new("C15", why).hint(hint));
        }
    }
    let event = PeerRegistered { registration, reason: reason.clone() };
    Ok((Subject::peer(&identity), event.into()))
}

/// Refused while live unless forced (C4).
pub(super) fn remove(state: &State, reason: &Reason, name: &PeerName, force: bool) -> Checked {
    let peer = named(state, name)?;
    let live = state
        .presences
        .iter()
        .find(|(identity, presence)| identity.personality == peer.personality && presence.session.is_some());
    if let Some((identity, _)) = live.filter(|_| !force) {
        let why = format!("{identity} is live");
        let hint = format!("`dormouse stop {identity}` ends it in order; `rm --force` ends it and forgets it");
        return refuse(&peer, Refusal::new("C4", why).hint(hint));
    }
    Ok((Subject::peer(&peer), RemoveRequested { force, reason: reason.clone() }.into()))
}

pub(super) fn stop(state: &State, reason: &Reason, name: &PeerName) -> Checked {
    let peer = named(state, name)?;
    not_managed(state, &peer)?;
    Ok((Subject::peer(&peer), StopRequested { reason: reason.clone() }.into()))
}

pub(super) fn start(state: &State, reason: &Reason, name: &PeerName) -> Checked {
    let peer = named(state, name)?;
    Ok((Subject::peer(&peer), StartRequested { reason: reason.clone() }.into()))
}

pub(super) fn refresh(state: &State, reason: &Reason, name: &PeerName) -> Checked {
    let peer = named(state, name)?;
    Ok((Subject::peer(&peer), RefreshRequested { reason: reason.clone() }.into()))
}

pub(super) fn new(state: &State, now: Timestamp, reason: &Reason, name: &PeerName, mint: MessageId) -> Checked {
    let peer = named(state, name)?;
    may_wake(state, now, &peer)?;
    Ok((Subject::peer(&peer), NewRequested { mint, reason: reason.clone() }.into()))
}

/// Nothing to resume is an error, never a silent fresh start (C17).
pub(super) fn attach(state: &State, now: Timestamp, reason: &Reason, name: &PeerName, mint: MessageId) -> Checked {
    let peer = named(state, name)?;
    let presence = state.presences.get(&peer);
    let live = presence.and_then(|presence| presence.session.as_ref()).is_some_and(|session| !session.is_ending());
    if !live {
        may_wake(state, now, &peer)?;
        resumable(state, &peer, presence)?;
    }
    Ok((Subject::peer(&peer), AttachRequested { mint, reason: reason.clone() }.into()))
}

pub(super) fn resumable(
    state: &State,
    peer: &Identity,
    presence: Option<&Presence>,
) -> Result<(), (Option<Identity>, Refusal)> {
    let parked = presence.and_then(|presence| presence.park.as_ref()).and_then(|park| park.resume_ref.as_ref());
    let died = presence.and_then(|presence| presence.died.as_ref()).and_then(|died| died.resume_ref.as_ref());
    let can = state.runtimes.get(&peer.runtime).is_some_and(|traits| traits.can_resume);
    if can && parked.or(died).is_some() {
        return Ok(());
    }
    let had_one = presence.is_some_and(|presence| presence.park.is_some() || presence.died.is_some());
    let why = if can && had_one {
        format!("{peer} has no conversation to resume: nothing was said in its last one, or its program never named it")
    } else if can {
        format!("{peer} has no conversation to resume")
    } else {
        format!("the runtime `{}` cannot resume a conversation, and {peer} is not live", peer.runtime)
    };
    refuse(peer, Refusal::new("C17", why).hint(format!("`dormouse new {peer}` starts a fresh one")))
}

pub(super) fn run(state: &State, now: Timestamp, reason: &Reason, peer: Identity, mint: MessageId) -> Checked {
    may_wake(state, now, &peer)?;
    let live = state.presences.get(&peer).is_some_and(|presence| presence.session.is_some());
    if live {
        let hint = format!("`dormouse attach {peer}` joins it; `dormouse new {peer}` replaces it");
        return refuse(&peer, Refusal::new("C15", format!("{peer} is already live")).hint(hint));
    }
    Ok((Subject::peer(&peer), RunRequested { mint, reason: reason.clone() }.into()))
}

pub(super) fn not_managed(state: &State, peer: &Identity) -> Result<(), (Option<Identity>, Refusal)> {
    let managed = state.peer(peer).and_then(|peer| peer.registration.managed.as_ref());
    match managed {
        Some(managed) => refuse(peer, Refusal::new("C5", format!("{peer} is kept alive by {}", managed.by))),
        None => Ok(()),
    }
}

/// The gates of C15 that an operator hears of at once.
pub(super) fn may_wake(state: &State, now: Timestamp, peer: &Identity) -> Result<(), (Option<Identity>, Refusal)> {
    not_managed(state, peer)?;
    let Some(registered) = state.peer(peer) else {
        return refuse(peer, Refusal::new("C15", format!("no peer is called `{}`", peer.personality)));
    };
    let declared = registered.registration.profile.runtimes.contains(&peer.runtime);
    if !declared || !state.runtimes.contains_key(&peer.runtime) {
        let why = format!("{} does not declare the runtime `{}`", peer.personality, peer.runtime);
        return refuse(peer, Refusal::new("C15", why));
    }
    let Some(presence) = state.presences.get(peer) else { return Ok(()) };
    let hint = format!("`dormouse start {peer}` lets it wake");
    if let Some(stopped) = &presence.stopped {
        let why = format!("{peer} is stopped (by {}, {} s ago)", stopped.by, now.since(stopped.at) / 1000);
        return refuse(peer, Refusal::new("C15", why).hint(hint));
    }
    if let Some(quarantine) = &presence.quarantine {
        let left_s = quarantine.until.since(now) / 1000;
        let why = format!("{peer} is in quarantine after {} deaths, for {left_s} s more", presence.deaths.len());
        return refuse(peer, Refusal::new("C15", why).hint(hint));
    }
    Ok(())
}

pub(super) fn done(state: &State, actor: &Actor, reason: &Reason) -> Checked {
    let (peer, generation) = own_session(state, actor)?;
    Ok((Subject::session(&peer, generation), DoneCalled { reason: reason.clone() }.into()))
}

pub(super) fn fresh(state: &State, actor: &Actor, reason: &Reason) -> Checked {
    let (peer, generation) = own_session(state, actor)?;
    Ok((Subject::session(&peer, generation), FreshCalled { reason: reason.clone() }.into()))
}

/// An agent's own calls are valid only from inside its session (C55).
fn own_session(state: &State, actor: &Actor) -> Result<(Identity, Generation), (Option<Identity>, Refusal)> {
    let Actor::Session { peer, generation } = actor else {
        let why = "this is for an agent inside its own session";
        return Err((None, Refusal::new("C55", why).hint("an operator ends a session with `stop` or `new`")));
    };
    let session: Option<&Session> = state.session(peer, *generation);
    match session {
        Some(_) => Ok((peer.clone(), *generation)),
        None => refuse(peer, Refusal::new("C55", format!("session {generation} of {peer} has ended"))),
    }
}
