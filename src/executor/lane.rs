//! One lane for each generation: its effects in order, one at a time (C30, C52a). Ending a generation cuts its lane.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::hand::{Ground, Hand, Told};
use super::voice::Voice;
use super::{deliver, end, interrupt, launch, sight, watchers};
use crate::model::delivery::DeliveryOutcome;
use crate::model::effect::{Effect, SessionName, Task};
use crate::model::event::DeliveryEnded;
use crate::model::id::Lsn;
use crate::runtime::spec::Spec;
use crate::shim::files::Terminal;

/// The executor's end of a lane.
pub(super) struct Lane {
    hand: Arc<Hand>,
    tasks: mpsc::UnboundedSender<Effect>,
    told: watch::Sender<Told>,
    shared: Arc<Shared>,
    abort: AbortHandle,
}

/// What a lane and the watchers of its session have in common.
#[derive(Debug)]
pub(super) struct Shared {
    cut: watch::Sender<bool>,
    /// Nothing of the lane is under way any more: what it had begun has been reported.
    still: watch::Sender<bool>,
    /// The end is told once, whoever sees it first.
    told_gone: AtomicBool,
    watched: AtomicBool,
    /// The record that asked for the end.
    pub end_asked: watch::Sender<Option<Lsn>>,
    watchers: std::sync::Mutex<Vec<AbortHandle>>,
}

impl Shared {
    fn new() -> Self {
        Self {
            cut: watch::Sender::new(false),
            still: watch::Sender::new(false),
            told_gone: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            end_asked: watch::Sender::new(None),
            watchers: std::sync::Mutex::default(),
        }
    }

    /// Stops what the lane does, and returns once that has been reported.
    pub async fn cut(&self) {
        self.cut.send_replace(true);
        let mut still = self.still.subscribe();
        // Closed is impossible while `self` lives.
        let _ = still.wait_for(|still| *still).await;
    }

    /// True for the first caller only.
    pub fn may_tell_gone(&self) -> bool {
        !self.told_gone.swap(true, Ordering::AcqRel)
    }

    /// True for the first caller only.
    pub fn may_watch(&self) -> bool {
        !self.watched.swap(true, Ordering::AcqRel)
    }

    pub fn keep(&self, watcher: AbortHandle) {
        self.watchers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(watcher);
    }
}

impl Lane {
    pub fn open(ground: Ground, name: SessionName, spec: Option<Arc<Spec>>, voice: Voice) -> Self {
        let (tasks, waiting) = mpsc::unbounded_channel();
        let told = watch::Sender::new(Told::default());
        let hand = Arc::new(Hand::new(ground, name, spec, voice, told.subscribe()));
        let shared = Arc::new(Shared::new());
        let lane = run(Arc::clone(&hand), Arc::clone(&shared), waiting);
        let abort = hand.ground.tasks.spawn(lane).abort_handle();
        Self { hand, tasks, told, shared, abort }
    }

    pub fn push(&self, effect: Effect) {
        if let Task::EndSession { .. } = effect.task {
            self.shared.end_asked.send_replace(Some(effect.cause));
            self.shared.cut.send_replace(true);
        }
        if let Task::Interrupt { .. } = effect.task {
            return self.interrupt(effect.cause);
        }
        if let Task::DeliverMessage(order) = &effect.task {
            self.tell(|told| told.turn_running = order.turn_running);
        }
        // Closed: the lane was dropped, and its session with it is looked at anew.
        let _ = self.tasks.send(effect);
    }

    /// Past the lane: what is in it may wait for the very turn that is to end. Its session's end says what else is to be
    /// said.
    fn interrupt(&self, cause: Lsn) {
        let (hand, mut cut) = (Arc::clone(&self.hand), self.shared.cut.subscribe());
        let pressed = async move {
            tokio::select! {
                biased;
                () = until_cut(&mut cut) => {}
                () = interrupt::interrupt(&hand, cause) => {}
            }
        };
        self.shared.keep(self.hand.ground.tasks.spawn(pressed).abort_handle());
    }

    /// Watches a session that is there already, and was last seen to have said `known`.
    pub fn adopt(&self, known: Terminal) {
        watchers::watch(&self.hand, &self.shared, known);
    }

    pub fn tell(&self, change: impl FnOnce(&mut Told)) {
        self.told.send_modify(change);
    }

    pub fn is_in(&self, conversation: String) {
        self.hand.is_in(conversation);
    }

    /// Drops what it does, without a word; the session lives on (C63).
    pub fn drop_work(&self) {
        self.abort.abort();
        for watcher in self.shared.watchers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).drain(..) {
            watcher.abort();
        }
    }
}

async fn run(hand: Arc<Hand>, shared: Arc<Shared>, mut tasks: mpsc::UnboundedReceiver<Effect>) {
    let mut cut = shared.cut.subscribe();
    loop {
        let effect = tokio::select! {
            biased;
            () = until_cut(&mut cut) => break,
            effect = tasks.recv() => match effect {
                Some(effect) => effect,
                None => return,
            },
        };
        tokio::select! {
            // What has just come to its end counts as ended, not as cut off.
            biased;
            () = perform(&hand, &shared, &effect) => {}
            () = until_cut(&mut cut) => {
                if let Some(in_flight) = hand.take_in_flight() {
                    let outcome = deliver::last_look(&hand, &in_flight).await;
                    in_flight.ended(outcome);
                }
                break;
            }
        }
    }
    shared.still.send_replace(true);
    while let Some(effect) = tasks.recv().await {
        after_the_cut(&hand, &shared, &effect).await;
    }
}

/// Its sender is shared with the lane, so it cannot be closed before.
async fn until_cut(cut: &mut watch::Receiver<bool>) {
    let _ = cut.wait_for(|cut| *cut).await;
}

async fn perform(hand: &Arc<Hand>, shared: &Arc<Shared>, effect: &Effect) {
    let cause = effect.cause;
    match &effect.task {
        Task::StartSession(order) => {
            launch::start(hand, order, cause, || watchers::watch(hand, shared, Terminal::default())).await;
        }
        Task::DeliverMessage(order) => deliver::deliver(hand, order, cause).await,
        Task::Compact { ready_deadline_ms, human_typing_hold_ms, .. } => {
            deliver::compact(hand, *ready_deadline_ms, *human_typing_hold_ms, cause).await;
        }
        Task::Interrupt { .. } => interrupt::interrupt(hand, cause).await,
        Task::SettleDelivery { message, attempt, mark, print, .. } => {
            let typed = deliver::TypedBefore { mark: mark.as_ref(), print: *print };
            deliver::settle(hand, *message, *attempt, typed, cause).await;
        }
        Task::LookAtSession { .. } => sight::look(hand, cause).await,
        Task::EndSession { .. } => end::end(hand, shared, cause).await,
        Task::ClearSession { .. } => end::clear(hand).await,
        Task::CallAttention(_) => debug_assert!(false, "attention belongs to no session"),
    }
}

/// Of a generation that ends, nothing is started or typed any more.
async fn after_the_cut(hand: &Arc<Hand>, shared: &Arc<Shared>, effect: &Effect) {
    match &effect.task {
        Task::DeliverMessage(order) => {
            let outcome = DeliveryOutcome::CutOff { typed: false };
            let voice = hand.voice.because(Some(effect.cause)).about(order.message);
            voice.say(DeliveryEnded { attempt: order.attempt, outcome, took_ms: 0 });
        }
        Task::StartSession(_) | Task::Compact { .. } | Task::Interrupt { .. } => {}
        _ => perform(hand, shared, effect).await,
    }
}
