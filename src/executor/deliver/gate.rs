//! What must hold before a paste (C27, C32, C33a). Waiting is no attempt and has no limit; the reason is told when it
//! changes.

use std::time::Duration;

use tokio::time::Instant;

use super::{Delivery, Failure, settle};
use crate::executor::folder_watch::FolderWatch;
use crate::executor::launch::{Surface, ms, reads_screen, surface};
use crate::executor::redraw;
use crate::executor::tmux::{Look, Pane, TmuxError, in_full};
use crate::executor::tty::Tty;
use crate::model::delivery::{DeliveryStep, Gate};
use crate::model::event::TurnSeen;
use crate::runtime::screen::{self, Reading};
use crate::runtime::spec::{TurnSource, WhileBusy};
use crate::shim::files::Terminal;

/// Longest until the next look, should nothing be heard of the session.
const LOOK_MS_MAX: u64 = 1_000;
/// Least time between two looks, however much its screen moves.
const LOOK_MS_MIN: u64 = 50;

/// Every gate is open.
pub(super) struct Open {
    pub pane: Pane,
    pub tty: Tty,
    /// None where nothing on the screen has to be looked at.
    pub look: Option<Look>,
}

/// What a wait remembers from one look to the next.
#[derive(Default)]
struct Waited {
    /// A person has been at the box with a text in it.
    person_since: Option<Instant>,
    /// Nothing was heard of the session since the last look.
    quiet: bool,
}

/// One look at the gates.
enum Gates {
    Open(Open),
    Closed(Gate),
}

impl Delivery<'_> {
    pub(super) async fn until_open(&self) -> Result<Open, Failure> {
        let mut told = self.hand.told.clone();
        let mut watch = None;
        let mut said: Option<Gate> = None;
        let mut waited = Waited::default();
        loop {
            let gate = match self.gates(&mut waited).await? {
                Gates::Open(open) => return Ok(open),
                Gates::Closed(gate) => gate,
            };
            if said.as_ref().is_none_or(|said| !is_same(said, &gate, self.terms.human_typing_hold_ms)) {
                self.waiting(gate.clone());
                said = Some(gate);
            }
            if watch.is_none() {
                watch = FolderWatch::new(self.folders()).ok();
                if watch.is_some() {
                    // What moved before the watch was there is seen by one more look at once.
                    continue;
                }
            }
            let pause = Duration::from_millis(LOOK_MS_MAX);
            let moved = async {
                match watch.as_mut() {
                    Some(watch) => watch.moved().await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            waited.quiet = false;
            let failed = tokio::select! {
                moved = moved => !moved,
                // Closed: the executor is going away, and this with it.
                changed = told.changed() => { if changed.is_err() { tokio::time::sleep(pause).await; } false }
                () = tokio::time::sleep(pause) => { waited.quiet = true; false }
            };
            if failed {
                watch = None;
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS_MIN)).await;
        }
    }

    fn folders(&self) -> impl Iterator<Item = std::path::PathBuf> {
        let screen = self.hand.files.screen_clock();
        let folders = [Some(self.hand.files.dir().to_owned()), screen.parent().map(ToOwned::to_owned)];
        let managed = self.terms.managed.is_some();
        folders.into_iter().flatten().filter(move |_| !managed)
    }

    async fn gates(&self, waited: &mut Waited) -> Result<Gates, Failure> {
        let pane = match self.hand.pane(self.terms.managed).await {
            Ok(pane) => pane,
            Err(error) => return self.unanswered(&error),
        };
        let terminal = match self.hand.terminal() {
            Ok(terminal) => terminal,
            Err(error) => return Ok(Gates::Closed(Gate::NotKnown { why: in_full(&error) })),
        };
        if let Some(gate) = self.turn_gate(&terminal) {
            return Ok(Gates::Closed(gate));
        }
        // A runtime without patterns has nothing to look for; the paste itself refuses a pane that cannot take it.
        let look = if reads_screen(&self.spec) || self.terms.managed.is_some() {
            match self.look(&pane).await {
                Ok(look) => Some(look),
                Err(error) => return self.unanswered(&error),
            }
        } else {
            None
        };
        let gate = match &look {
            Some(look) => self.screen_gate(look, &terminal, waited).await?,
            None => self.blind_gate(&terminal),
        };
        match gate {
            Some(gate) => Ok(Gates::Closed(gate)),
            None => Ok(Gates::Open(Open { tty: self.tty(&pane)?, pane, look })),
        }
    }

    /// tmux says that there is no such pane: that will not change. Anything else is asked again (C43).
    fn unanswered(&self, error: &TmuxError) -> Result<Gates, Failure> {
        match error.is_answer() {
            true => Err(Failure::before_typing(DeliveryStep::Open, in_full(error))),
            false => Ok(Gates::Closed(Gate::NotKnown { why: in_full(error) })),
        }
    }

    /// The program's own word counts before what the loop was told.
    fn turn_gate(&self, terminal: &Terminal) -> Option<Gate> {
        let waits = self.spec.input.while_busy == WhileBusy::Wait;
        if self.spec.turn.source.contains(&TurnSource::Terminal)
            && let Some(turn) = &terminal.turn
        {
            return match turn {
                TurnSeen::Running => waits.then_some(Gate::TurnRunning),
                TurnSeen::Waiting { on } => Some(Gate::NeedsPerson { on: on.clone() }),
                TurnSeen::Ended
                | TurnSeen::Idle
                | TurnSeen::Failed { .. }
                | TurnSeen::Background { .. }
                | TurnSeen::Alive => None,
            };
        }
        let running = self.hand.told.borrow().turn_running;
        (waits && running).then_some(Gate::TurnRunning)
    }

    fn blind_gate(&self, terminal: &Terminal) -> Option<Gate> {
        match surface(&self.spec, None, None, terminal) {
            Surface::PasteModeOff => Some(Gate::PasteModeOff),
            Surface::Open | Surface::NoBox => None,
        }
    }

    async fn screen_gate(
        &self,
        look: &Look,
        terminal: &Terminal,
        waited: &mut Waited,
    ) -> Result<Option<Gate>, Failure> {
        if look.dead {
            return Err(Failure::before_typing(DeliveryStep::Open, "its pane is dead"));
        }
        if look.input_off || (look.in_mode && look.attached > 0) {
            return Ok(Some(Gate::PaneInMode));
        }
        let reading = screen::read(&self.spec, &look.screen);
        if let Some(gate) = self.person_gate(&reading) {
            return Ok(Some(gate));
        }
        match surface(&self.spec, Some(&reading), Some(look), terminal) {
            Surface::NoBox => {
                if waited.quiet {
                    redraw::ask(self.hand, look);
                }
                return Ok(Some(Gate::BoxNotOpen));
            }
            // Nobody watches a foreign pane's output, so its mode may not be known.
            Surface::PasteModeOff if self.terms.managed.is_none() || look.bracketed_paste == Some(false) => {
                return Ok(Some(Gate::PasteModeOff));
            }
            Surface::PasteModeOff | Surface::Open => {}
        }
        if reading.box_empty != Some(false) {
            waited.person_since = None;
            return Ok(None);
        }
        if look.attached > 0 {
            let since = *waited.person_since.get_or_insert_with(Instant::now);
            return Ok(Some(Gate::PersonTyping { waited_ms: ms(since.elapsed()) }));
        }
        waited.person_since = None;
        self.clear_residue(look, &reading).await;
        Ok(Some(Gate::BoxNotEmpty))
    }

    fn person_gate(&self, reading: &Reading<'_>) -> Option<Gate> {
        if let Some(on) = &reading.waiting {
            return Some(Gate::NeedsPerson { on: on.clone() });
        }
        if let Some(seen) = &reading.dialog {
            return Some(Gate::NeedsPerson { on: seen.dialog.name.clone() });
        }
        let told = self.spec.turn.source.contains(&TurnSource::Screen) && reading.working;
        (told && self.spec.input.while_busy == WhileBusy::Wait).then_some(Gate::TurnRunning)
    }

    /// Empties the box of what an earlier delivery of this lane left there, if it still looks as it was left, and of a message
    /// that came back into it, whoever interrupted its turn. The next look says whether it worked. A text that is not ours
    /// stays.
    async fn clear_residue(&self, look: &Look, reading: &Reading<'_>) {
        let ours = self.terms.last_delivered.filter(|_| self.terms.managed.is_none());
        if let Some(before) = ours.filter(|before| settle::named_in_box(&self.spec, look, *before).is_some()) {
            settle::clear_named(self.hand, before).await;
        }
        let Some(left) = self.hand.residue() else { return };
        if reading.landed != Some(true) || !look.screen.contains(&left) {
            return;
        }
        let Ok(pane) = self.hand.pane(self.terms.managed).await else { return };
        for key in &self.spec.input.clear {
            match pane.press_if_unchanged(key, Some(look), &left).await {
                Ok(pressed) if pressed.pressed => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}

/// A person who types is told of twice: when it begins, and when it has lasted as long as a delivery is held (C32).
fn is_same(said: &Gate, now: &Gate, hold_ms: u64) -> bool {
    match (said, now) {
        (Gate::PersonTyping { waited_ms: said }, Gate::PersonTyping { waited_ms: now }) => {
            (*said >= hold_ms) == (*now >= hold_ms)
        }
        _ => said == now,
    }
}
