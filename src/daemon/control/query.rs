//! Questions: they change nothing and leave no record.

use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use super::Door;
use super::answer::ending;
use super::caller::Caller;
use crate::daemon::input::Input;
use crate::explain::{forecast, queue, view};
use crate::model::effect::SessionName;
use crate::model::name::Identity;
use crate::model::request::PeerName;
use crate::model::state::State;
use crate::policy::admit::{Refusal, resolve};
use crate::protocol::{Peeked, Problem, Viewed};

/// One row a peer.
pub(super) async fn ls(door: &Door) -> Result<Value, Problem> {
    let (rows, table) = door
        .read(|state, now| {
            let next = forecast::upcoming(state);
            let rows = view::ls(state, |peer| next.get(peer).cloned());
            let table = view::table(&rows, now);
            (rows, table)
        })
        .await?;
    viewed(&rows, table)
}

/// Whom an agent can write to.
#[derive(Serialize)]
struct Colleague {
    peer: Identity,
    personality: String,
    runtime: String,
    description: String,
    /// Each message is a task for a session of its own (C35).
    ephemeral: bool,
    phase: view::Phase,
    waiting: usize,
    /// It is who asks.
    you: bool,
}

/// One row a peer, with what an agent needs to choose one.
pub(super) async fn peers(door: &Door, caller: &Caller) -> Result<Value, Problem> {
    let own = caller.sender.peer().cloned();
    let rows = door
        .read(move |state, _| {
            let colleague = |row: view::Row| Colleague {
                personality: row.personality.to_string(),
                runtime: row.runtime.to_string(),
                description: state
                    .peer(&row.peer)
                    .map(|peer| peer.registration.profile.description.clone())
                    .unwrap_or_default(),
                ephemeral: row.ephemeral,
                phase: row.phase,
                waiting: row.queue.waiting,
                you: own.as_ref() == Some(&row.peer),
                peer: row.peer,
            };
            view::ls(state, |_| None).into_iter().map(colleague).collect::<Vec<_>>()
        })
        .await?;
    said(&rows)
}

/// What waits, and why it is not moving.
pub(super) async fn queue(door: &Door, peer: Option<String>) -> Result<Value, Problem> {
    let found = door
        .read(move |state, now| {
            let peer = peer.map(|peer| named(state, peer)).transpose()?;
            let rows = queue::queue(state, peer.as_ref(), now);
            let table = queue::table(&rows, now);
            Ok::<_, Problem>((rows, table))
        })
        .await?;
    let (rows, table) = found?;
    viewed(&rows, table)
}

/// The screen of a peer's live session.
pub(super) async fn peek(door: &Door, peer: String) -> Result<Value, Problem> {
    let found = door
        .read(move |state, _| {
            let identity = named(state, peer)?;
            let session = state.presences.get(&identity).and_then(|presence| presence.session.as_ref());
            let generation = session.map(|session| session.generation);
            let managed = state.peer(&identity).and_then(|peer| peer.registration.managed.clone());
            Ok::<_, Problem>((identity, generation, managed))
        })
        .await?;
    let (peer, generation, managed) = found?;
    let Some(generation) = generation else {
        let hint = match managed {
            Some(managed) => format!("{} keeps it alive, on the tmux socket {}", managed.by, managed.socket.display()),
            None => format!("a message wakes it (`dormouse send {peer}`)"),
        };
        return Err(Problem::refused(format!("`{peer}` has no session of ours")).hint(hint));
    };
    let (answer, answered) = oneshot::channel();
    door.tell(Input::Peek { session: SessionName { peer: peer.clone(), generation }, answer })?;
    match answered.await.map_err(|_| ending())? {
        Ok(screen) => said(&Peeked { peer, generation, screen }),
        Err(why) => Err(Problem::failed(format!("the screen of `{peer}` cannot be read: {why}"))),
    }
}

fn named(state: &State, peer: String) -> Result<Identity, Problem> {
    resolve(state, &PeerName(peer)).map_err(|unresolved| {
        let refusal = Refusal::from(unresolved);
        Problem { hint: refusal.hint, ..Problem::refused(refusal.why) }
    })
}

fn viewed(rows: &impl Serialize, table: Vec<Vec<String>>) -> Result<Value, Problem> {
    let rows = serde_json::to_value(rows).map_err(|error| Problem::failed(error.to_string()))?;
    said(&Viewed { rows, table })
}

fn said(data: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(data).map_err(|error| Problem::failed(error.to_string()))
}
