//! `attach` and `run`: a session to look at, woken if need be (C57, C17).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::answer::ending;
use super::{Door, mint};
use crate::daemon::input::Answer;
use crate::model::actor::Actor;
use crate::model::event::{Decision, Event};
use crate::model::id::{Generation, Lsn};
use crate::model::name::{Identity, NameError, Runtime};
use crate::model::record::Record;
use crate::model::request::{PeerName, Request, Verb};
use crate::model::state::{SessionPhase, State};
use crate::protocol::{Joined, Problem};

/// Resumes the peer if it has no session; nothing to resume is the rules' own refusal.
pub(super) async fn attach(door: &Door, actor: Actor, reason: Option<String>, peer: String) -> Result<Value, Problem> {
    let verb = Verb::Attach { peer: PeerName(peer), mint: mint::message_id() };
    join(door, Request { actor, reason, verb }).await
}

/// A fresh session of the peer whose folder this is.
pub(super) async fn run(
    door: &Door,
    actor: Actor,
    reason: Option<String>,
    folder: PathBuf,
    runtime: Option<String>,
) -> Result<Value, Problem> {
    let runtime: Option<Runtime> = match runtime.map(|name| name.parse()).transpose() {
        Ok(runtime) => runtime,
        Err(error) => return Err(Problem::refused(NameError::to_string(&error))),
    };
    let wanted = folder.clone();
    let peer = door.read(move |state, _| lives_in(state, &wanted, runtime)).await?.ok_or_else(|| {
        Problem::refused(format!("no peer lives in {}", folder.display())).hint("`dormouse add` makes this folder one")
    })?;
    join(door, Request { actor, reason, verb: Verb::Run { peer, mint: mint::message_id() } }).await
}

fn lives_in(state: &State, folder: &Path, runtime: Option<Runtime>) -> Option<Identity> {
    let peer = state.peers.values().find(|peer| peer.registration.folder == folder)?;
    let profile = &peer.registration.profile;
    Some(Identity::new(runtime.unwrap_or_else(|| profile.default_runtime.clone()), profile.personality.clone()))
}

async fn join(door: &Door, request: Request) -> Result<Value, Problem> {
    let mut records = door.inputs.records.subscribe();
    let Answer::Done(led_to) = door.ask(request).await? else {
        return Err(Problem::failed("the daemon has no answer to this"));
    };
    let Some(own) = led_to.first() else { return Err(Problem::failed("the request left no record")) };
    let Some(peer) = own.subject.peer.clone() else {
        return Err(Problem::failed("the request's record names no peer"));
    };
    if let Some(failed) = led_to.iter().find_map(|record| failure(record, &peer)) {
        return Err(failed);
    }
    let joined = until_open(door, &mut records, &peer, own.lsn).await?;
    serde_json::to_value(&joined).map_err(|error| Problem::failed(error.to_string()))
}

/// How far the way to a terminal is.
enum Standing {
    Open(Generation),
    Coming,
    Nothing,
}

/// The state decides, each record about the peer is only the occasion to look: none that is missed can mislead.
async fn until_open(
    door: &Door,
    records: &mut Receiver<Arc<Record>>,
    peer: &Identity,
    asked: Lsn,
) -> Result<Joined, Problem> {
    loop {
        let whose = peer.clone();
        match door.read(move |state, _| standing(state, &whose, asked)).await? {
            Standing::Open(generation) => return Ok(Joined { peer: peer.clone(), generation }),
            Standing::Coming => {}
            Standing::Nothing => {
                // What it came to may have been said while the state was looked at.
                while let Ok(record) = records.try_recv() {
                    if let Some(failed) = failure(&record, peer) {
                        return Err(failed);
                    }
                }
                return Err(Problem::failed(format!("`{peer}` has no session, and none is on its way"))
                    .hint(format!("`dormouse why {peer}` says how it came to that")));
            }
        }
        loop {
            match records.recv().await {
                Ok(record) if record.subject.peer.as_ref() == Some(peer) => {
                    if let Some(failed) = failure(&record, peer) {
                        return Err(failed);
                    }
                    break;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return Err(ending()),
            }
        }
    }
}

/// A session that was there before the request is joined as it is, in the middle of its boot too: a person may be
/// what it waits for. One that the request woke is joined when its input surface is there, so that a failure to
/// resume is told here and not by a terminal that closes.
fn standing(state: &State, peer: &Identity, asked: Lsn) -> Standing {
    let Some(presence) = state.presences.get(peer) else { return Standing::Nothing };
    match &presence.session {
        Some(session) => match session.phase {
            SessionPhase::Open | SessionPhase::Ready { .. } => Standing::Open(session.generation),
            SessionPhase::Booting if session.generation.0 < asked => Standing::Open(session.generation),
            SessionPhase::Launching | SessionPhase::Booting => Standing::Coming,
            SessionPhase::Ending { .. } if presence.bring_up.is_some() => Standing::Coming,
            SessionPhase::Ending { .. } => Standing::Nothing,
        },
        None if presence.bring_up.is_some() => Standing::Coming,
        None => Standing::Nothing,
    }
}

/// What says that nothing will come of it.
fn failure(record: &Record, peer: &Identity) -> Option<Problem> {
    if record.subject.peer.as_ref() != Some(peer) {
        return None;
    }
    match &record.event {
        Event::Decision(Decision::WakeFailed(failed)) => {
            let screen = failed.screen.as_deref().unwrap_or_default().trim_end();
            let seen = if screen.is_empty() { String::new() } else { format!("; its screen said:\n{screen}") };
            Some(
                Problem::failed(format!("`{peer}` could not be woken: {}{seen}", failed.why))
                    .hint(format!("`dormouse why {peer}` has the whole story")),
            )
        }
        _ => None,
    }
}
