//! Has a program draw itself anew that may have missed that its pane has another size.
//!
//! A signal tells it, once. Codex 0.169 misses it now and then when it comes while it starts, and goes on showing a frame
//! of the old size, cut off, with no box in it; told again, it draws the right one.

use rustix::process::{Pid, Signal, kill_process_group};

use super::hand::Hand;
use super::tmux::Look;
use crate::shim::process::stat;

/// Sends that signal again, once for each size of its pane. Who does not wait for it is not disturbed.
pub(super) fn ask(hand: &Hand, look: &Look) {
    if hand.tells_size(look.size)
        && let Some(group) = foreground(hand)
        && let Err(error) = kill_process_group(group, Signal::WINCH)
    {
        tracing::debug!(session = %hand.name.peer, "could not be told the size of its pane: {error}");
    }
}

/// The group of processes in front of a session's own terminal. None: it has ended, or the pane is somebody else's.
fn foreground(hand: &Hand) -> Option<Pid> {
    let born = hand.born().ok()??;
    let stat = stat(born.pid).ok()??;
    let group = stat.foreground.filter(|_| stat.is_alive_since(born.start_ticks))?;
    Pid::from_raw(group.try_into().ok()?)
}
