//! What shows that the program has begun on this very message (C14, C28, C31).

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Delivery;
use super::gate::Open;
use super::submit::Submitted;
use crate::executor::folder_watch::FolderWatch;
use crate::executor::hand::{Hand, InFlight, Told};
use crate::executor::launch::{ms, tail};
use crate::model::delivery::{DeliveryOutcome, Proof, RecordMark};
use crate::model::event::TurnSeen;
use crate::model::message::TextPrint;
use crate::observe::{self, clock};
use crate::runtime::spec::TurnSource;
use crate::runtime::transcript::{self, RecordSearch};

/// Longest until the record is looked at again, should a change go unnoticed.
const LOOK_MS_MAX: u64 = 1_000;
/// The first pause before a key that was perhaps swallowed is pressed again; it doubles.
const AGAIN_MS: u64 = 1_000;
/// A screen that never rests holds the clock for at most this many times the deadline.
const RESTLESS_MAX: u64 = 10;

/// The clock of C28: it runs while the program is at rest.
pub(super) struct Clock {
    submitted: Instant,
    /// The last sign that the program is at work.
    busy: Instant,
}

impl Delivery<'_> {
    /// Waits for proof. Every wake-up has a cause: the record moved, the loop was told something, or time is up.
    pub(super) async fn prove(
        &self,
        open: &Open,
        record: Option<&RecordMark>,
        submitted: Submitted,
    ) -> DeliveryOutcome {
        let mut told = self.hand.told.clone();
        let mut search = self.search(record);
        let mut watch = FolderWatch::new(self.record_folders()).ok();
        let (now, mut clock) = (Instant::now(), self.clock());
        let mut again = (now + Duration::from_millis(AGAIN_MS), AGAIN_MS * 2);
        loop {
            let heard = told.borrow_and_update().clone();
            if let Some(proof) = self.proof(open, &mut search, &submitted, &heard).await {
                return DeliveryOutcome::Proven { proof };
            }
            if let Some(waited_ms) = self.is_up(&mut clock) {
                return self.unproven(open, waited_ms).await;
            }
            if Instant::now() >= again.0 {
                self.press_again(open, &submitted).await;
                again = (Instant::now() + Duration::from_millis(again.1), again.1 * 2);
            }
            let moved = async {
                match watch.as_mut() {
                    Some(watch) => watch.moved().await,
                    None => std::future::pending().await,
                }
            };
            let lost = tokio::select! {
                moved = moved => moved.is_err(),
                changed = told.changed() => { if changed.is_err() { sleep_until(again.0).await; } false }
                () = sleep_until(self.next_look(&again.0)) => false,
            };
            if lost {
                watch = None;
            }
        }
    }

    /// From here on.
    pub(super) fn clock(&self) -> Clock {
        let now = Instant::now();
        Clock { submitted: now, busy: now }
    }

    fn next_look(&self, again: &Instant) -> Instant {
        let most = Duration::from_millis(LOOK_MS_MAX.min(self.ready_deadline_ms() / 4 + 1));
        (*again).min(Instant::now() + most)
    }

    /// The record's folders, and the session's own for what the program says to its terminal.
    fn record_folders(&self) -> Vec<std::path::PathBuf> {
        let mut folders = transcript::watch_dirs(&self.spec, &self.values);
        if self.spec.proof.screen.is_some() {
            folders.extend(self.hand.files.screen_clock().parent().map(ToOwned::to_owned));
        }
        folders
    }

    async fn proof(
        &self,
        open: &Open,
        search: &mut RecordSearch<'_>,
        submitted: &Submitted,
        told: &Told,
    ) -> Option<Proof> {
        if let Some((message, proof)) = told.proven
            && self.is_of(message)
        {
            return Some(proof);
        }
        // Reads only what has come since the last look.
        if search.found().unwrap_or(false) {
            self.hand.knows_conversation(search.conversation());
            return Some(self.proven_by(search));
        }
        let pattern = self.spec.proof.screen.as_ref()?;
        let look = self.look(&open.pane).await.ok()?;
        let before = submitted.screen.as_deref().or(open.look.as_ref().map(|look| look.screen.as_str()));
        let count = |screen: &str| pattern.find_iter(screen).count();
        // What stood there before the key shows nothing of this message.
        (count(&look.screen) > before.map_or(0, count)).then_some(Proof::Screen)
    }

    /// How long it waited, once the deadline has passed. While a turn runs or the screen moves, the clock stands (C28).
    pub(super) fn is_up(&self, clock: &mut Clock) -> Option<u64> {
        let now = Instant::now();
        let deadline = Duration::from_millis(self.ready_deadline_ms());
        let quiet = observe::screen_silent_ms(&self.hand.files, clock::awake_ms()).map(Duration::from_millis);
        let restless = now.duration_since(clock.submitted) < deadline * u32::try_from(RESTLESS_MAX).unwrap_or(1);
        if let Some(moved) = quiet.and_then(|quiet| now.checked_sub(quiet)).filter(|_| restless) {
            clock.busy = clock.busy.max(moved);
        }
        if self.turn_runs() {
            clock.busy = now;
        }
        let waited = now.duration_since(clock.submitted);
        (now.duration_since(clock.busy) >= deadline).then(|| ms(waited))
    }

    fn turn_runs(&self) -> bool {
        let by_itself = self.spec.turn.source.contains(&TurnSource::Terminal);
        let says = by_itself.then(|| self.hand.terminal().ok().and_then(|terminal| terminal.turn)).flatten();
        match says {
            Some(turn) => matches!(turn, TurnSeen::Running),
            None => self.hand.told.borrow().turn_running,
        }
    }

    async fn unproven(&self, open: &Open, waited_ms: u64) -> DeliveryOutcome {
        let look = self.look(&open.pane).await.ok();
        self.remember_residue(look.as_ref());
        DeliveryOutcome::Unproven { waited_ms, screen: look.map(|look| tail(&look.screen)).unwrap_or_default() }
    }
}

/// Whether a delivery whose lane was cut had arrived all the same: a worker may take its task, do it and end before
/// anybody has looked.
pub(in crate::executor) async fn last_look(hand: &Hand, in_flight: &InFlight) -> DeliveryOutcome {
    let cut_off = DeliveryOutcome::CutOff { typed: in_flight.typed };
    let Some(spec) = hand.spec.as_ref().filter(|_| in_flight.typed) else { return cut_off };
    let Ok(values) = hand.values(None).await else { return cut_off };
    let line = spec.input.normalised(&in_flight.first_line);
    let mut search = RecordSearch::new(spec, &values, in_flight.record.as_ref(), &line);
    let found = spec.proof.transcript.is_some() && search.found().unwrap_or(false);
    if found { DeliveryOutcome::Proven { proof: of_record(&search, in_flight.print) } } else { cut_off }
}

/// How strong a proof that is which has been found in the record.
pub(super) fn of_record(search: &RecordSearch<'_>, typed: Option<TextPrint>) -> Proof {
    if search.is_exact(typed) { Proof::TranscriptExact } else { Proof::Transcript }
}
