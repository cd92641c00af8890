//! Looks that change nothing: how long a session has been silent, and what is on its screen.

use std::time::SystemTime;

use super::hand::Hand;
use super::launch::ms;
use super::tmux::in_full;
use crate::model::effect::Liveness;
use crate::model::event::{SessionLooked, SessionNotKnown};
use crate::model::id::Lsn;
use crate::observe::{self, clock};
use crate::runtime::{screen, transcript};

/// How long screen and record have been silent, and whether a person is needed.
pub(super) async fn look(hand: &Hand, cause: Lsn) {
    let voice = hand.voice.because(Some(cause));
    match looked(hand).await {
        Ok(Some(looked)) => voice.say(looked),
        // It has ended meanwhile, and that is told by itself.
        Ok(None) => {}
        Err((question, why)) => voice.say(SessionNotKnown { question: question.to_owned(), why }),
    }
}

async fn looked(hand: &Hand) -> Result<Option<SessionLooked>, (&'static str, String)> {
    match observe::liveness(&hand.ground.home, &hand.name) {
        Liveness::Alive { .. } => {}
        Liveness::Gone { .. } => return Ok(None),
        Liveness::NotKnown { why } => return Err(("whether it lives", why)),
    }
    let Shown { waiting_on, attached, working } = shown(hand).await.map_err(|why| ("what is on its screen", why))?;
    let values = hand.values(None).await.map_err(|why| ("where its record is", why))?;
    let moved_at = hand.spec.as_ref().and_then(|spec| transcript::moved_at(spec, &values));
    let transcript_silent_ms =
        moved_at.map(|moved| SystemTime::now().duration_since(moved).map(ms).unwrap_or_default());
    let screen_silent_ms = observe::screen_silent_ms(&hand.files, clock::awake_ms());
    Ok(Some(SessionLooked { screen_silent_ms, transcript_silent_ms, waiting_on, attached, working }))
}

/// What its screen shows of what matters.
struct Shown {
    /// The dialog that needs a person.
    waiting_on: Option<String>,
    /// A person is there.
    attached: bool,
    working: bool,
}

async fn shown(hand: &Hand) -> Result<Shown, String> {
    let looked = async { hand.pane(None).await?.look().await };
    let look = looked.await.map_err(|error| in_full(&error))?;
    let attached = look.attached > 0;
    let Some(spec) = hand.spec.as_ref().filter(|spec| super::launch::reads_screen(spec)) else {
        return Ok(Shown { waiting_on: None, attached, working: false });
    };
    let reading = screen::read(spec, &look.screen);
    let waiting_on = reading.waiting.or_else(|| reading.dialog.map(|seen| seen.dialog.name.clone()));
    Ok(Shown { waiting_on, attached, working: reading.working })
}
