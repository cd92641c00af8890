//! `interrupt`: one key into a session whose turn runs (C56). To a program at rest the key means something else (it
//! leaves, opens a menu, clears what a person has typed), so a turn has to be seen.

use std::time::Duration;

use tokio::time::Instant;

use super::deliver;
use super::folder_watch::FolderWatch;
use super::hand::Hand;
use super::launch::{ms, reads_screen, tail};
use super::tmux::{Look, Pane, TmuxError, in_full};
use crate::model::delivery::DeliveryStep;
use crate::model::event::{TurnSeen, VerbEnded, VerbOutcome};
use crate::model::id::Lsn;
use crate::model::session::{Source, TypedVerb};
use crate::runtime::screen;
use crate::runtime::spec::{Spec, TurnSource};

/// Longest for a program to show that its turn is over; seen: some tenths of a second.
const CONFIRM: Duration = Duration::from_secs(10);
/// Longest until the next look, should nothing be heard of the session.
const LOOK: Duration = Duration::from_millis(250);
/// Tries to press, each against a screen that may have moved since the look.
const TRIES: u32 = 20;

/// It is there at once or, on a busy machine, a moment later.
const COMES_BACK: Duration = Duration::from_millis(500);
const COMES_BACK_LOOKS: u32 = 5;

/// A turn that runs, as it was seen.
struct Seen {
    /// What says so, and will say that it is over; none where nobody can see it.
    source: Option<Source>,
    /// A piece of the screen that has to be there still when the key is pressed.
    line: String,
}

/// Presses the key once, and reports what came of it.
pub(super) async fn interrupt(hand: &Hand, cause: Lsn) {
    let started = Instant::now();
    let (outcome, took_ms) = match pressed(hand).await {
        Ok(Pressed { pane, source, draft }) => {
            let outcome = confirmed(hand, &pane, source).await;
            // To clear the box takes a while longer, and is no part of how soon the turn was over.
            let took_ms = ms(started.elapsed());
            // What somebody had begun to write stood there before, and stays.
            if !draft {
                clear_what_came_back(hand).await;
            }
            (outcome, took_ms)
        }
        Err(outcome) => (outcome, ms(started.elapsed())),
    };
    hand.voice.because(Some(cause)).say(VerbEnded { verb: TypedVerb::Interrupt, outcome, took_ms });
}

/// The key is pressed.
struct Pressed {
    pane: Pane,
    source: Option<Source>,
    /// Something stood in the box.
    draft: bool,
}

async fn pressed(hand: &Hand) -> Result<Pressed, VerbOutcome> {
    let runtime = &hand.name.peer.runtime;
    let key = hand.spec.as_ref().and_then(|spec| spec.verbs.interrupt.clone()).ok_or_else(|| VerbOutcome::Refused {
        why: format!("the runtime `{runtime}` names no key that interrupts ([verbs] in its file)"),
    })?;
    // Not between a paste and its submit: the key would end the turn that the message has just begun, or none.
    let _typing = hand.typing.lock().await;
    let pane = hand.pane(None).await.map_err(|error| unanswered(&error))?;
    for _ in 0..TRIES {
        let look = pane.look().await.map_err(|error| unanswered(&error))?;
        let seen = running(hand, &look)?;
        let pressed = pane.press_if_unchanged(&key, None, &seen.line).await;
        match pressed {
            Ok(pressed) if pressed.pressed => {
                let spec = hand.spec.as_deref();
                let draft = spec.is_some_and(|spec| screen::read(spec, &look.screen).box_empty == Some(false));
                return Ok(Pressed { pane, source: seen.source, draft });
            }
            Ok(_) => {}
            Err(error) => {
                let typed = !error.is_answer() && !error.stopped_short();
                return Err(VerbOutcome::Failed { step: DeliveryStep::Submit, why: in_full(&error), typed });
            }
        }
    }
    let why = "its screen never stood still for the key".to_owned();
    Err(VerbOutcome::Failed { step: DeliveryStep::Submit, why, typed: false })
}

fn unanswered(error: &TmuxError) -> VerbOutcome {
    VerbOutcome::Failed { step: DeliveryStep::Open, why: in_full(error), typed: false }
}

/// The turn that the key is for; an error says why it is not pressed.
fn running(hand: &Hand, look: &Look) -> Result<Seen, VerbOutcome> {
    let failed = |why: &str| VerbOutcome::Failed { step: DeliveryStep::Open, why: why.to_owned(), typed: false };
    if look.dead {
        return Err(failed("its pane is dead"));
    }
    if look.in_mode || look.input_off {
        return Err(failed("a person holds the pane in a tmux mode, where keys do not reach the program"));
    }
    let spec = hand.spec.as_deref();
    if let Some(seen) = spec.and_then(|spec| screen::read(spec, &look.screen).dialog) {
        return Err(failed(&format!("the dialog `{}` is open, and the key would answer it", seen.dialog.name)));
    }
    seen(hand, look).ok_or_else(|| VerbOutcome::Refused { why: "no turn is running (any more)".to_owned() })
}

/// The program's own word first, then what its screen shows, then what the loop was told.
fn seen(hand: &Hand, look: &Look) -> Option<Seen> {
    let spec = hand.spec.as_deref()?;
    let line = line_of_work(spec, look);
    if spec.turn.source.contains(&TurnSource::Terminal)
        && let Some(turn) = hand.terminal().ok().and_then(|terminal| terminal.turn)
    {
        let runs = matches!(turn, TurnSeen::Running | TurnSeen::Waiting { .. });
        return runs.then(|| Seen { source: Some(Source::Terminal), line: line.unwrap_or_default() });
    }
    if let Some(line) = line {
        return Some(Seen { source: Some(Source::Screen), line });
    }
    let told = hand.told.borrow().turn_running;
    let source = if reads_screen(spec) { Some(Source::Screen) } else { None };
    // Where nothing tells of turns, the rules have judged that one may run.
    (told || (spec.turn.source.is_empty() && !reads_screen(spec))).then_some(Seen { source, line: String::new() })
}

fn line_of_work(spec: &Spec, look: &Look) -> Option<String> {
    let shown = |pattern: &Option<regex::Regex>| {
        pattern.as_ref()?.find_iter(&look.screen).last().map(|found| found.as_str().to_owned())
    };
    shown(&spec.turn.waiting).or_else(|| shown(&spec.turn.working))
}

/// A program that had not begun to answer puts what it was given back into its box, for a person to write anew. Ours would
/// keep every later message out.
async fn clear_what_came_back(hand: &Hand) {
    for _ in 0..COMES_BACK_LOOKS {
        deliver::clear(hand, None).await;
        tokio::time::sleep(COMES_BACK / COMES_BACK_LOOKS).await;
    }
}

/// Until what showed the turn shows it no more.
async fn confirmed(hand: &Hand, pane: &Pane, source: Option<Source>) -> VerbOutcome {
    let began = Instant::now();
    let mut watch = FolderWatch::new([hand.files.dir().to_owned()]).ok();
    let mut told = hand.told.clone();
    let mut screen = String::new();
    while began.elapsed() < CONFIRM {
        if let Ok(look) = pane.look().await {
            if let Some(by) = source.filter(|_| seen(hand, &look).is_none()) {
                return VerbOutcome::Confirmed { by };
            }
            screen = tail(&look.screen);
        }
        let moved = async {
            match watch.as_mut() {
                Some(watch) => watch.moved().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        let lost = tokio::select! {
            moved = moved => !moved,
            // Closed: the executor is going away, and this with it.
            changed = told.changed() => changed.is_err(),
            () = tokio::time::sleep(LOOK) => false,
        };
        if lost {
            tokio::time::sleep(LOOK).await;
            watch = None;
        }
    }
    VerbOutcome::Unconfirmed { waited_ms: ms(began.elapsed()), screen }
}
