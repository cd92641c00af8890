//! What a start finds: sessions of ours that live, and what nobody knows (C60).

use std::fs;
use std::path::Path;

use super::hand::Ground;
use super::report::Reports;
use super::tmux::in_full;
use super::voice::Voice;
use crate::home::Home;
use crate::model::effect::{Liveness, SessionName};
use crate::model::event::{KillFailed, OrphanEnded, TurnSeen};
use crate::model::id::{Generation, Lsn};
use crate::model::name::Identity;
use crate::model::record::Subject;
use crate::observe;
use crate::shim::files::{self, Terminal};

/// One session as a start finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub name: SessionName,
    pub liveness: Liveness,
    /// What it is doing, as far as its own files tell.
    pub turn: Option<TurnSeen>,
}

/// Looks at each of `names`. A few small reads a session.
pub(super) fn survey(home: &Home, names: &[SessionName]) -> Vec<Found> {
    let found = |name: &SessionName| {
        let terminal: Option<Terminal> = files::read(&home.session(name).terminal()).ok().flatten();
        let turn = terminal.and_then(|terminal| terminal.turn);
        Found { name: name.clone(), liveness: observe::liveness(home, name), turn }
    };
    names.iter().map(found).collect()
}

/// Ends every session on disk that is not in `known`, with its server, and removes what it left.
pub(super) async fn end_orphans(ground: &Ground, known: &[SessionName], reports: &Reports) {
    for name in sessions_on_disk(&ground.home).into_iter().filter(|name| !known.contains(name)) {
        let voice = Voice::new(reports.clone(), Subject::session(&name.peer, name.generation));
        match observe::end_tree(&ground.home, &name).await {
            Ok(ended) => {
                let strays = match ended.liveness {
                    Liveness::Gone { strays, .. } => strays,
                    Liveness::Alive { .. } | Liveness::NotKnown { .. } => ended.killed,
                };
                sweep(ground, &name).await;
                voice.say(OrphanEnded { what: format!("session {} of {}", name.generation, name.peer), strays });
            }
            Err(error) => voice.say(KillFailed { why: in_full(&error), survivors: 0 }),
        }
    }
    end_servers_without_session(ground, known).await;
}

async fn sweep(ground: &Ground, name: &SessionName) {
    let server = ground.tmux.server(ground.home.tmux_socket(name));
    if let Err(error) = server.kill().await {
        tracing::warn!(session = %name.peer, "an orphan's tmux server could not be ended: {}", in_full(&error));
        return;
    }
    let _ = fs::remove_dir_all(ground.home.session(name).dir());
}

/// Sockets of ours whose generation is nobody's: their servers hold empty panes at most.
async fn end_servers_without_session(ground: &Ground, known: &[SessionName]) {
    let wanted: Vec<_> = known.iter().map(|name| ground.home.tmux_socket(name)).collect();
    let Ok(entries) = fs::read_dir(ground.home.run.join("tmux")) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "sock") && !wanted.contains(&path) {
            let server = ground.tmux.server(path);
            if let Err(error) = server.kill().await {
                tracing::warn!(socket = %server.socket().display(), "a stale server stays: {}", in_full(&error));
            }
        }
    }
}

/// Every session that has a folder.
fn sessions_on_disk(home: &Home) -> Vec<SessionName> {
    let folders = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect::<Vec<_>>()
    };
    let peers = home.run.join("peers");
    let mut found = Vec::new();
    for peer in folders(&peers) {
        let Ok(identity) = peer.parse::<Identity>() else { continue };
        let generations = folders(&peers.join(&peer));
        found.extend(generations.iter().filter_map(|folder| {
            let generation = Generation(Lsn(folder.strip_prefix('g')?.parse().ok()?));
            Some(SessionName { peer: identity.clone(), generation })
        }));
    }
    found.sort();
    found
}
