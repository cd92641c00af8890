//! Ending a session for good: its tree, its tmux server, its files (C49).

use std::fs;
use std::io;
use std::sync::Arc;

use super::exit;
use super::hand::Hand;
use super::lane::Shared;
use super::tmux::in_full;
use crate::model::effect::Liveness;
use crate::model::event::{KillFailed, SessionGone};
use crate::model::id::Lsn;
use crate::observe::{self, EndError};

/// Lets a program at rest go, ends the whole tree, verifies it, and then the tmux server, whose pane is empty by then.
pub(super) async fn end(hand: &Arc<Hand>, shared: &Arc<Shared>, cause: Lsn) {
    exit::let_go(hand).await;
    let voice = hand.voice.because(Some(cause));
    let ended = match observe::end_tree(&hand.ground.home, &hand.name).await {
        Ok(ended) => ended,
        Err(error) => {
            let survivors = match &error {
                EndError::Survivors { survivors } => *survivors,
                _ => 0,
            };
            voice.say(KillFailed { why: in_full(&error), survivors });
            return;
        }
    };
    // A start that is not born yet has its pane, and nothing in it: it goes before anyone hears that all is gone.
    if let Err(error) = hand.server().kill().await {
        voice.say(KillFailed { why: in_full(&error), survivors: 0 });
        return;
    }
    if let Liveness::Gone { ending, lived_ms, strays } = ended.liveness
        && shared.may_tell_gone()
    {
        voice.say(SessionGone { ending, lived_ms, strays, found_at_start: false });
    }
}

/// Forgets the files of a session that is gone, and its server's socket.
pub(super) async fn clear(hand: &Hand) {
    // The server of a session that ended by itself still shows its last screen. What cannot be removed now is found by
    // the next start, as what it is.
    let server = hand.server().kill().await;
    let folder = match fs::remove_dir_all(hand.files.dir()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    if let Err(error) = server {
        tracing::warn!(session = %hand.name.peer, "its tmux server could not be ended: {}", in_full(&error));
    }
    if let Err(error) = folder {
        tracing::warn!(session = %hand.name.peer, "its folder could not be removed: {error}");
    }
}
