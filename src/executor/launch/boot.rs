//! From the program's start to its open input box: observed, not timed (C24).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::surface::{Surface, reads_its_terminal, reads_screen, surface};
use crate::executor::folder_watch::FolderWatch;
use crate::executor::hand::Hand;
use crate::executor::redraw;
use crate::executor::tmux::{Look, TmuxError, in_full};
use crate::executor::voice::Voice;
use crate::model::effect::{Liveness, StartSession};
use crate::model::event::{DialogAnswered, RuntimeKind};
use crate::observe;
use crate::runtime::screen::{self, DialogSeen};
use crate::runtime::spec::Spec;

/// Least time between two looks at a booting screen, and the most, should an output go unnoticed.
const LOOK_MS_MIN: u64 = 20;
const LOOK_MS_MAX: u64 = 1_000;
/// A key that changed nothing on the screen may have been swallowed; then the same dialog may be answered again.
const SWALLOWED_MS: u64 = 2_000;

/// Why a boot ended without an open box.
#[derive(Debug)]
pub(super) enum BootFailure {
    /// The session ended.
    Gone,
    Failed {
        why: String,
        screen: Option<String>,
    },
}

impl BootFailure {
    fn failed(why: impl Into<String>, look: &Look) -> Self {
        Self::Failed { why: why.into(), screen: Some(tail(&look.screen)) }
    }
}

/// The last dialog that was answered, and the screen it was answered on.
struct Answered {
    screen: String,
    at: Instant,
}

/// A dialog as it was last seen, and since when it has been so.
struct Standing {
    dialog: String,
    selected: bool,
    since: Instant,
}

/// What a boot remembers from one look to the next.
#[derive(Default)]
struct Seen {
    answered: Option<Answered>,
    standing: Option<Standing>,
    /// When a dialog that stands still now has done so for long enough.
    due: Option<Instant>,
    /// Nothing was heard of it since the last look.
    quiet: bool,
}

impl Seen {
    /// Whether `seen` has stood still for as long as its runtime's file asks for. Some programs draw a dialog twice: a
    /// key that falls in between confirms what the second one preselects.
    fn is_settled(&mut self, seen: &DialogSeen<'_>) -> bool {
        let now = Instant::now();
        let same = |last: &Standing| last.dialog == seen.dialog.name && last.selected == seen.selected;
        let since = self.standing.as_ref().filter(|last| same(last)).map_or(now, |last| last.since);
        self.standing = Some(Standing { dialog: seen.dialog.name.clone(), selected: seen.selected, since });
        let due = since + Duration::from_millis(seen.dialog.settle_ms);
        self.due = Some(due).filter(|due| *due > now);
        self.due.is_none()
    }

    /// Whether it may be answered: not while what was pressed last may only not have shown yet.
    fn may_answer(&self, screen: &str) -> bool {
        let swallowed = Duration::from_millis(SWALLOWED_MS);
        self.answered.as_ref().is_none_or(|last| last.screen != screen || last.at.elapsed() > swallowed)
    }
}

/// Waits for the input surface and answers what stands before it.
pub(super) async fn until_open(
    hand: &Hand,
    spec: &Arc<Spec>,
    order: &StartSession,
    deadline: Instant,
    voice: &Voice,
) -> Result<(), BootFailure> {
    let screen = hand.files.screen_clock();
    let folders = [Some(hand.files.dir().to_owned()), screen.parent().map(ToOwned::to_owned)];
    // Without one, the looks go by the clock alone.
    let mut watch = FolderWatch::new(folders.into_iter().flatten()).ok();
    let mut seen = Seen::default();
    loop {
        if step(hand, spec, order, voice, &mut seen).await? {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(late(hand, order).await);
        }
        let least = Instant::now() + Duration::from_millis(LOOK_MS_MIN);
        // Nothing tells when a program begins to read its terminal.
        let heard_of = reads_screen(spec) || spec.input.bracketed_paste;
        let most = if heard_of { Instant::now() + Duration::from_millis(LOOK_MS_MAX) } else { least };
        let most = seen.due.take().map_or(most, |due| most.min(due));
        let moved = async {
            match watch.as_mut() {
                Some(watch) => watch.moved().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        let heard = timeout_at(most.min(deadline), moved).await;
        seen.quiet = heard.is_err();
        if heard == Ok(false) {
            watch = None;
        }
        tokio::time::sleep_until(least.min(deadline)).await;
    }
}

/// One observation, and what follows from it. True: the surface is there.
async fn step(
    hand: &Hand,
    spec: &Spec,
    order: &StartSession,
    voice: &Voice,
    remembered: &mut Seen,
) -> Result<bool, BootFailure> {
    let Ok(terminal) = hand.terminal() else { return Ok(false) };
    if !reads_screen(spec) {
        let open = surface(spec, None, None, &terminal) == Surface::Open;
        let waits = spec.kind == RuntimeKind::Router || spec.input.bracketed_paste || reads_its_terminal(hand).await;
        return Ok(open && waits);
    }
    let Some(look) = look(hand).await? else { return Ok(false) };
    let reading = screen::read(spec, &look.screen);
    if let Some(fatal) = reading.fatal {
        return Err(BootFailure::failed(fatal.says.clone(), &look));
    }
    if reading.box_open != Some(true)
        && let Some(seen) = &reading.dialog
    {
        let settled = remembered.is_settled(seen);
        if settled && remembered.may_answer(&look.screen) && answer(hand, order, voice, &look, seen).await? {
            remembered.answered = Some(Answered { screen: look.screen.clone(), at: Instant::now() });
        }
        return Ok(false);
    }
    let surface = surface(spec, Some(&reading), Some(&look), &terminal);
    if surface == Surface::NoBox && remembered.quiet {
        redraw::ask(hand, &look);
    }
    let open = surface == Surface::Open;
    // Without a box to look for, and without bracketed paste, only the program itself shows that it listens.
    let unseen = reading.box_open.is_none() && !spec.input.bracketed_paste && spec.kind == RuntimeKind::Tui;
    Ok(open && (!unseen || reads_its_terminal(hand).await))
}

/// None: tmux could not be asked this time.
async fn look(hand: &Hand) -> Result<Option<Look>, BootFailure> {
    let looked = async { hand.pane(None).await?.look().await };
    match looked.await {
        Ok(look) if look.dead => Err(BootFailure::Gone),
        Ok(look) => Ok(Some(look)),
        Err(TmuxError::NoServer { .. } | TmuxError::NoTarget { .. }) if !may_live(hand) => Err(BootFailure::Gone),
        Err(_) => Ok(None),
    }
}

fn may_live(hand: &Hand) -> bool {
    !matches!(observe::liveness(&hand.ground.home, &hand.name), Liveness::Gone { .. })
}

/// Presses one key in a dialog, if the user's consent covers it. True: the key was pressed.
async fn answer(
    hand: &Hand,
    order: &StartSession,
    voice: &Voice,
    look: &Look,
    seen: &DialogSeen<'_>,
) -> Result<bool, BootFailure> {
    let DialogSeen { dialog, selected, line } = *seen;
    if let Some(consent) = &dialog.consent
        && !order.consents.contains(consent)
    {
        let why = format!("the dialog `{}` is open, and the consent `{consent}` was not given", dialog.name);
        return Err(BootFailure::failed(why, look));
    }
    let key = if selected || dialog.select.is_none() { &dialog.confirm } else { &dialog.step };
    let pressed = async { hand.pane(None).await?.press_if_unchanged(key, Some(look), line).await };
    match pressed.await {
        Ok(pressed) if pressed.pressed => {
            voice.say(DialogAnswered {
                dialog: dialog.name.clone(),
                key: key.clone(),
                consent: dialog.consent.clone(),
                saw: line.to_owned(),
            });
            Ok(true)
        }
        // It moved between look and key, or tmux could not be asked: look again.
        Ok(_) | Err(_) => Ok(false),
    }
}

async fn late(hand: &Hand, order: &StartSession) -> BootFailure {
    let looked = async { hand.pane(None).await?.look().await };
    let why = format!("the input box did not open in {} ms", super::boot_deadline_ms(hand, order));
    match looked.await {
        Ok(look) => BootFailure::failed(why, &look),
        Err(error) => {
            BootFailure::Failed { why: format!("{why}; the screen is not known: {}", in_full(&error)), screen: None }
        }
    }
}

/// The last rows that hold anything.
pub(in crate::executor) fn tail(screen: &str) -> String {
    const ROWS: usize = 20;
    let rows: Vec<&str> = screen.lines().filter(|row| !row.trim().is_empty()).collect();
    rows[rows.len().saturating_sub(ROWS)..].join("\n")
}
