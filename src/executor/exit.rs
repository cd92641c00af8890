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
    let mut before = Shown::NotYet;
    loop {
        let Ok(look) = pane.look().await else { return false };
        let now = shown(hand, &look);
        match (before, now) {
            (_, Shown::AtRest) => match pane.press_if_unchanged(key, Some(&look), "").await {
                Ok(pressed) if pressed.pressed => return true,
                // What was drawn since the look says nothing against it.
                Ok(_) => {}
                Err(_) => return false,
            },
            // A screen that is half drawn may show anything, once.
            (Shown::Other, Shown::Other) => return false,
            _ => {}
        }
        before = now;
        sleep(LOOK).await;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    AtRest,
    /// It is behind: no turn runs of which anybody knows any more, for hooks and records tell of its end first, and the box, the
    /// line beside it or the program's title is still to be drawn.
    NotYet,
    Other,
}

fn shown(hand: &Hand, look: &Look) -> Shown {
    let (Some(spec), Ok(terminal)) = (hand.spec.as_deref(), hand.terminal()) else { return Shown::Other };
    let reading = screen::read(spec, &look.screen);
    let said = terminal.turn.as_ref().filter(|_| says_by_itself(spec));
    let waits = matches!(said, Some(TurnSeen::Waiting { .. } | TurnSeen::Background { .. }));
    let takes_no_keys = look.dead || look.in_mode || look.input_off;
    let asks = reading.waiting.is_some() || reading.dialog.is_some();
    if waits || takes_no_keys || asks || reading.box_empty == Some(false) {
        return Shown::Other;
    }
    let is_open = surface(spec, Some(&reading), Some(look), &terminal) == Surface::Open;
    let is_drawn = is_open && reading.box_open == Some(true) && !reading.working;
    if is_drawn && said != Some(&TurnSeen::Running) { Shown::AtRest } else { Shown::NotYet }
}

fn says_by_itself(spec: &Spec) -> bool {
    spec.turn.source.contains(&TurnSource::Terminal)
}
