//! A program at rest is let go before it is ended (C49): by the keys with which a person leaves it, so that it can say
//! goodbye to its own hooks, and ends with a code in place of a signal.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::hand::Hand;
use super::launch::{Surface, surface};
use super::tmux::Look;
use crate::model::event::TurnSeen;
use crate::observe;
use crate::runtime::screen;
use crate::runtime::spec::{Spec, TurnSource};

/// Longest for a program to go, from the first look on. One that has been told to and stays (Codex does for five seconds,
/// while it cannot reach its maker) has said its goodbyes by then.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);
/// Between two looks at a screen that is behind.
const LOOK: Duration = Duration::from_millis(50);

/// Has the program leave by itself, if it is seen at rest. Says nothing: whatever came of it, the end that follows
/// verifies and tells.
pub(super) async fn let_go(hand: &Hand) {
    let keys = hand.spec.as_ref().map_or(&[][..], |spec| &spec.verbs.exit);
    if keys.is_empty() || hand.told.borrow().turn_running {
        return;
    }
    let leaves = async {
        for key in keys {
            if !pressed(hand, key).await {
                return;
            }
        }
        observe::watch_end(&hand.ground.home, &hand.name).await;
    };
    // Out of time, it is ended as any other.
    let _ = timeout(LEAVES_WITHIN, leaves).await;
}

/// One key, into a box that is open and empty (C27): anywhere else it means something else.
async fn pressed(hand: &Hand, key: &str) -> bool {
    let Ok(pane) = hand.pane(None).await else { return false };
    loop {
        let Ok(look) = pane.look().await else { return false };
        match shown(hand, &look) {
            Shown::AtRest => match pane.press_if_unchanged(key, Some(&look), "").await {
                Ok(pressed) if pressed.pressed => return true,
                // What was drawn since the look says nothing against it.
                Ok(_) => sleep(LOOK).await,
                Err(_) => return false,
            },
            Shown::StillWorking => sleep(LOOK).await,
            Shown::Other => return false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    AtRest,
    /// The box takes keys, and beside it stands that a turn runs, of which nobody knows any more: hooks of its end do.
    StillWorking,
    Other,
}

fn shown(hand: &Hand, look: &Look) -> Shown {
    let (Some(spec), Ok(terminal)) = (hand.spec.as_deref(), hand.terminal()) else { return Shown::Other };
    let reading = screen::read(spec, &look.screen);
    let says_otherwise = says_by_itself(spec)
        && matches!(terminal.turn, Some(TurnSeen::Running | TurnSeen::Waiting { .. } | TurnSeen::Background { .. }));
    let takes_keys = !(look.dead || look.in_mode || look.input_off);
    let is_open = surface(spec, Some(&reading), Some(look), &terminal) == Surface::Open
        && reading.box_open == Some(true)
        && reading.box_empty != Some(false);
    let asks = reading.waiting.is_some() || reading.dialog.is_some();
    match (takes_keys && is_open && !asks && !says_otherwise, reading.working) {
        (true, false) => Shown::AtRest,
        (true, true) => Shown::StillWorking,
        (false, _) => Shown::Other,
    }
}

fn says_by_itself(spec: &Spec) -> bool {
    spec.turn.source.contains(&TurnSource::Terminal)
}
