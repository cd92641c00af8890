//! Verbs that change something and are answered as soon as they are durable.

use serde_json::Value;

use super::Door;
use super::mint::message_id;
use crate::daemon::input::Answer;
use crate::model::actor::Actor;
use crate::model::event::{Decision, Event};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::request::{PeerName, Request, Verb as Asked};
use crate::protocol::{Changed, Problem, Verb};

/// Asks for the change; answers with a [`Changed`], or a list of them where `verb` means every peer.
pub(super) async fn change(door: &Door, actor: Actor, reason: Option<String>, verb: Verb) -> Result<Value, Problem> {
    if verb == Verb::RefreshAll {
        return refresh_all(door, actor, reason).await;
    }
    let asked = asked(verb)?;
    let changed = ask(door, Request { actor, reason, verb: asked }).await?;
    said(&changed)
}

/// The request behind a verb that needs no look at the world first.
pub(super) fn asked(verb: Verb) -> Result<Asked, Problem> {
    Ok(match verb {
        Verb::Remove { peer, force } => Asked::Remove { peer: PeerName(peer), force },
        Verb::Stop { peer } => Asked::Stop { peer: PeerName(peer) },
        Verb::Start { peer } => Asked::Start { peer: PeerName(peer) },
        Verb::New { peer } => Asked::New { peer: PeerName(peer), mint: message_id() },
        Verb::Refresh { peer } => Asked::Refresh { peer: PeerName(peer) },
        Verb::Cancel { message } => Asked::Cancel { message },
        Verb::Retry { message } => Asked::Retry { message },
        Verb::SelfDone => Asked::SelfDone,
        Verb::SelfFresh => Asked::SelfFresh,
        Verb::Add(_)
        | Verb::Send(_)
        | Verb::Hook(_)
        | Verb::RefreshAll
        | Verb::Attach { .. }
        | Verb::Interrupt { .. }
        | Verb::Compact { .. }
        | Verb::Run { .. }
        | Verb::Ls
        | Verb::Peers
        | Verb::Messages
        | Verb::Why { .. }
        | Verb::WhyNot { .. }
        | Verb::Queue { .. }
        | Verb::Peek { .. } => return Err(Problem::failed("this verb is not a plain change")),
    })
}

/// One mark a peer, in the default runtime's name as `refresh PEER` would.
async fn refresh_all(door: &Door, actor: Actor, reason: Option<String>) -> Result<Value, Problem> {
    let peers = door
        .read(|state, _| {
            let registered = state.peers.values().map(|peer| &peer.registration.profile);
            let named = registered.map(|of| Identity::new(of.default_runtime.clone(), of.personality.clone()));
            named.collect::<Vec<_>>()
        })
        .await?;
    let mut changed = Vec::new();
    for peer in peers {
        let verb = Asked::Refresh { peer: PeerName(peer.to_string()) };
        changed.push(ask(door, Request { actor: actor.clone(), reason: reason.clone(), verb }).await?);
    }
    said(&changed)
}

async fn ask(door: &Door, request: Request) -> Result<Changed, Problem> {
    let verb = request.verb.word().to_owned();
    let Answer::Done(records) = door.ask(request).await? else {
        return Err(Problem::failed(format!("the daemon has no answer to `{verb}`")));
    };
    changed(verb, &records)
}

fn changed(verb: String, records: &[Record]) -> Result<Changed, Problem> {
    let Some((own, following)) = records.split_first() else {
        return Err(Problem::failed(format!("`{verb}` left no record")));
    };
    let mut led_to: Vec<String> = following.iter().map(|record| record.event.kind().name.to_owned()).collect();
    led_to.dedup();
    let is_cancel = |record: &&Record| matches!(record.event, Event::Decision(Decision::MessageCancelled(_)));
    let cancelled = following.iter().filter(is_cancel).filter_map(|record| record.subject.message).collect();
    Ok(Changed { verb, peer: own.subject.peer.clone(), message: own.subject.message, lsn: own.lsn, led_to, cancelled })
}

fn said(data: &impl serde::Serialize) -> Result<Value, Problem> {
    serde_json::to_value(data).map_err(|error| Problem::failed(error.to_string()))
}
