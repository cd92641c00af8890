//! What agents said while nobody answered them, taken in as soon as it lies there (C61a).

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;

use super::control::{spooled, spooled_hook};
use super::ears::Ears;
use super::input::Input;
use crate::home::Home;
use crate::model::effect::SessionName;
use crate::model::id::{Generation, Lsn};
use crate::model::name::Identity;
use crate::observe::{self, FileChange, spool};
use crate::protocol::Problem;
use crate::supervisor::Asked;

/// Follows the spools of live sessions.
#[derive(Clone)]
pub(super) struct Watch {
    pub home: Home,
    pub inputs: Sender<Input>,
}

impl Watch {
    /// Says so to the loop whenever something lies in this session's spool, until the session ends.
    pub(super) fn follow(&self, session: &SessionName) {
        let (home, inputs, session) = (self.home.clone(), self.inputs.clone(), session.clone());
        tokio::spawn(async move {
            let mut files = match observe::watch_files(&home, &session) {
                Ok(files) => files,
                Err(error) => {
                    tracing::warn!(peer = %session.peer, %error, "cannot watch a spool; it is read at the session's end");
                    return;
                }
            };
            loop {
                match files.next().await {
                    Ok(Some(FileChange::Spool))
                        if inputs.send(Input::Spooled { session: session.clone() }).is_err() =>
                    {
                        return;
                    }
                    Ok(Some(FileChange::Status) | None) => return,
                    Ok(Some(FileChange::Born | FileChange::Terminal(_) | FileChange::Spool)) => {}
                    Err(observe::WatchError::Overflow { .. }) => {}
                    Err(error) => {
                        tracing::warn!(peer = %session.peer, %error, "lost sight of a spool");
                        return;
                    }
                }
            }
        });
    }
}

/// One call out of a spool.
pub(super) struct Spooled {
    pub session: SessionName,
    pub name: String,
    /// Together they are the call, the last one its end.
    pub asked: Vec<Asked>,
}

/// By what the calls in spools are understood.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub home: &'a Home,
    pub ears: &'a Ears,
    /// What the state knows.
    pub conversation: &'a dyn Fn(&SessionName) -> Option<String>,
}

/// Everything in one session's spool, in order. What is none of the calls a session may leave is set aside with a
/// warning: it would stand in the way for ever.
pub(super) fn read(reading: Reading<'_>, session: &SessionName) -> Vec<Spooled> {
    let calls = match spool::read_all(&reading.home.session(session)) {
        Ok(calls) => calls,
        Err(error) => {
            tracing::warn!(peer = %session.peer, %error, "cannot read a spool");
            return Vec::new();
        }
    };
    let take = |(name, bytes): (String, Vec<u8>)| match asked(reading, session, &bytes) {
        Ok(asked) if !asked.is_empty() => Some(Spooled { session: session.clone(), name, asked }),
        Ok(_) => {
            remove(reading.home, session, &name);
            None
        }
        Err(problem) => {
            tracing::warn!(peer = %session.peer, call = name, problem = problem.message, "a spooled call is refused");
            remove(reading.home, session, &name);
            None
        }
    };
    calls.into_iter().filter_map(take).collect()
}

/// A hook may say nothing of its session, and is nothing then.
fn asked(reading: Reading<'_>, session: &SessionName, bytes: &[u8]) -> Result<Vec<Asked>, Problem> {
    let Some(hook) = spooled_hook(bytes) else { return Ok(vec![Asked::Request(spooled(bytes, session)?)]) };
    let facts = reading.ears.facts(session, (reading.conversation)(session).as_deref(), &hook);
    Ok(facts.into_iter().map(Asked::seen).collect())
}

/// The spools of every session that has a folder, also of those that have ended.
pub(super) fn read_all(home: &Home, ears: &Ears, conversations: &BTreeMap<SessionName, String>) -> Vec<Spooled> {
    let conversation = |session: &SessionName| conversations.get(session).cloned();
    let reading = Reading { home, ears, conversation: &conversation };
    sessions(home).iter().flat_map(|session| read(reading, session)).collect()
}

/// Every session that has a folder, oldest first.
pub(super) fn sessions(home: &Home) -> Vec<SessionName> {
    let mut sessions = Vec::new();
    for (peer, folder) in folders(&home.run.join("peers")) {
        let Ok(peer) = peer.parse::<Identity>() else { continue };
        sessions.extend(folders(&folder).into_iter().filter_map(|(name, _)| {
            let generation = Generation(Lsn(name.strip_prefix('g')?.parse().ok()?));
            Some(SessionName { peer: peer.clone(), generation })
        }));
    }
    sessions.sort_by_key(|session| session.generation);
    sessions
}

fn folders(dir: &std::path::Path) -> Vec<(String, std::path::PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect()
}

/// Its call is durable. If this fails the call comes again, and is known by its id (C8).
pub(super) fn remove(home: &Home, session: &SessionName, name: &str) {
    if let Err(error) = spool::remove(&home.session(session), name) {
        tracing::warn!(peer = %session.peer, call = name, %error, "a spooled call stays behind");
    }
}
