//! A program's title as a source of turns (C46b): the last one asked, where neither a status file nor the program's own
//! words on its terminal tell.

use std::sync::Arc;
use std::time::Duration;

use super::hand::Hand;
use crate::model::event::{TurnObserved, TurnSeen};
use crate::model::session::Source;
use crate::observe::{self, FileChange, WatchError, clock};
use crate::runtime::screen;
use crate::runtime::spec::{Spec, TitleSays, TurnSource};

/// For so long title and loop must have been of two minds: hooks tell of the same sooner and better, what waited in a queue
/// of the program's own begins at once, and a title comes a moment late (`shim::watch`).
const STANDS: Duration = Duration::from_millis(700);

/// What there is to judge: the title, how often it had changed by then, and whether a turn is taken to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    says: TitleSays,
    titles: u32,
    in_turn: bool,
}

/// Tells what the title says of turns that nothing else has told of.
pub(super) async fn watch(hand: Arc<Hand>) {
    let Some(spec) = hand.spec.clone() else { return };
    let mut files = match observe::watch_files(&hand.ground.home, &hand.name) {
        Ok(files) => files,
        Err(error) => return hand.cannot_watch("title", &error),
    };
    let mut told = hand.told.clone();
    let (mut judged, mut waits) = (None, false);
    loop {
        if let Some(seen) = look(&hand, &spec, waits).filter(|seen| judged != Some(*seen)) {
            let said_at = Some(clock::now());
            if is_news(&spec, seen, judged) {
                tokio::time::sleep(STANDS).await;
                if look(&hand, &spec, waits) != Some(seen) {
                    continue;
                }
                if let Some(turn) = turn(&hand, &spec, seen.says).await {
                    waits = matches!(turn, TurnSeen::Waiting { .. });
                    hand.voice.say(TurnObserved { turn, source: Source::Title, turn_id: None, said_at });
                }
            }
            judged = Some(seen);
        }
        tokio::select! {
            change = files.next() => match change {
                Ok(Some(FileChange::Status) | None) => return,
                Ok(Some(_)) | Err(WatchError::Overflow { .. }) => {}
                Err(error) => return hand.cannot_watch("title", &error),
            },
            // Closed: the executor is going away, and this with it.
            changed = told.changed() => if changed.is_err() { return },
        }
    }
}

/// Of a program that says it better, the title says nothing.
fn look(hand: &Hand, spec: &Spec, waits: bool) -> Option<Seen> {
    let terminal = hand.terminal().ok()?;
    let says_by_itself = spec.turn.source.contains(&TurnSource::Terminal) && terminal.turn.is_some();
    if hand.has_status() || says_by_itself {
        return None;
    }
    let says = spec.turn.title.read(terminal.title.as_deref()?)?;
    // A spinner changes all the time, and says one thing.
    let titles = if says == TitleSays::Working { 0 } else { terminal.titles };
    Some(Seen { says, titles, in_turn: hand.told.borrow().turn_running || waits })
}

fn is_news(spec: &Spec, seen: Seen, judged: Option<Seen>) -> bool {
    match seen.says {
        TitleSays::Working => !seen.in_turn,
        // Where nothing else tells, nobody has heard that a turn began; the title has been another one since, or before it the
        // first time that one stands.
        TitleSays::Waiting | TitleSays::Idle => {
            let before = judged.map_or(1, |judged| judged.titles);
            seen.in_turn || (is_alone(spec) && before != seen.titles)
        }
    }
}

fn is_alone(spec: &Spec) -> bool {
    spec.turn.source.iter().all(|source| matches!(source, TurnSource::Title | TurnSource::Screen))
}

/// A title at rest may stand over a question, so the screen has to agree with it.
async fn turn(hand: &Hand, spec: &Spec, title: TitleSays) -> Option<TurnSeen> {
    if title == TitleSays::Working {
        return Some(TurnSeen::Running);
    }
    let look = hand.pane(None).await.ok()?.look().await.ok()?;
    let reading = screen::read(spec, &look.screen);
    let asked = reading.waiting.clone().or_else(|| reading.dialog.map(|seen| seen.dialog.name.clone()));
    match (title, asked) {
        (_, Some(on)) => Some(TurnSeen::Waiting { on }),
        (TitleSays::Waiting, None) => Some(TurnSeen::Waiting { on: "a person".to_owned() }),
        (_, None) => (reading.box_open != Some(false) && !reading.working).then_some(TurnSeen::Idle),
    }
}
