//! What a program said last that ended before its box was open: by it its owner can tell why (C28).

use std::time::Duration;

use tokio::time::Instant;

use super::hand::Hand;
use super::launch::tail;
use crate::model::event::{LaunchFailed, WakePhase};
use crate::model::session::Ending;

/// For so long tmux may be reading what the program has left in its terminal.
const READ_MAX: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What tmux itself writes below the last words of a program that has ended.
const OF_TMUX: &str = "Pane is dead (";

/// Tells it ahead of the end. Without a word where there is nothing to be read any more.
pub(super) async fn tell(hand: &Hand, ending: &Ending) {
    if let Some(screen) = last_screen(hand).await {
        let why = format!("the program {ending}");
        hand.voice.say(LaunchFailed { phase: WakePhase::Boot, why, screen: Some(screen), left_session: false });
    }
}

async fn last_screen(hand: &Hand) -> Option<String> {
    let pane = hand.pane(None).await.ok()?;
    let deadline = Instant::now() + READ_MAX;
    loop {
        // To write below a program's last words, tmux scrolls the first row away: it may be all that was said.
        let look = pane.look_back().await.ok()?;
        // A pane is dead once all that was left in its terminal has been read.
        if look.dead || Instant::now() >= deadline {
            return words(&look.screen);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn words(screen: &str) -> Option<String> {
    let tail = tail(screen);
    let said = match tail.rsplit_once('\n') {
        Some((said, last)) if last.starts_with(OF_TMUX) => said.to_owned(),
        None if tail.starts_with(OF_TMUX) => String::new(),
        _ => tail,
    };
    Some(said).filter(|said| !said.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c28_what_tmux_adds_is_none_of_a_programs_last_words() {
        let dead = "Pane is dead (status 1, Sun Nov 29 20:12:56 2026)";
        assert_eq!(words(&format!("one\n\ntwo\n\n{dead}\n")).as_deref(), Some("one\ntwo"));
        assert_eq!(words("one\n").as_deref(), Some("one"));
        assert_eq!(words(dead), None);
        assert_eq!(words("\n \n"), None);
    }
}
