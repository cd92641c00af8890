//! What programs would have done in sessions that never were: facts, planned for the moment at which they would be heard.

use std::collections::BTreeMap;

use crate::model::actor::Actor;
use crate::model::delivery::Settlement;
use crate::model::effect::{DeliverMessage, Effect, SessionName, Task};
use crate::model::event::{
    BoxOpened, DeliveryBegun, DeliveryEnded, DeliverySettled, DoneCalled, Event, Fact, SessionGone, SessionLooked,
    SessionStarted, TurnObserved, TurnSeen, VerbEnded, VerbOutcome,
};
use crate::model::id::{Generation, MessageId};
use crate::model::message::{Fate, TextPrint};
use crate::model::name::Identity;
use crate::model::profile::WakePolicy;
use crate::model::record::{Draft, Subject};
use crate::model::session::{Ending, Source, TypedVerb, WakeMode};
use crate::model::state::{Session, State};
use crate::model::time::Timestamp;

use super::habits::{Habits, NoBoot};
use super::work::{Over, Worked};

/// Until the end of what an operator had typed is seen.
const TYPED_MS: u64 = 2_000;

/// Sessions that never were, and what is still to be heard of them. Times are awake milliseconds of this boot.
#[derive(Debug, Default)]
pub struct Model {
    agenda: BTreeMap<(u64, u64), Draft>,
    planned: u64,
    /// Deliveries that wait for the end of a turn (C33a).
    held: Vec<DeliverMessage>,
    /// Messages that parted peers were delivered in the record, and how the turns on them ended, if they have.
    recorded: BTreeMap<MessageId, (Identity, Option<Worked>)>,
    /// Turns of which the record is still to tell.
    open: BTreeMap<MessageId, Open>,
    /// Until when each session works; none: until the record tells.
    busy: BTreeMap<Identity, (Generation, Option<Timestamp>)>,
}

/// A turn that would have begun.
#[derive(Debug)]
struct Open {
    session: SessionName,
    since: Timestamp,
    /// Without an answer, which may still come.
    has_ended: bool,
}

impl Model {
    pub fn next_ms(&self) -> Option<u64> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next thing to be heard, unless it speaks of something that is over.
    pub fn take(&mut self, would: &State) -> Option<Draft> {
        let (_, draft) = self.agenda.pop_first()?;
        (!is_moot(would, &draft)).then_some(draft)
    }

    /// What comes of an effect that the record has no outcome of.
    pub fn effect(&mut self, effect: Effect, would: &State, habits: &Habits) {
        let Some(now) = would.now else { return };
        match effect.task {
            Task::StartSession(order) => self.boot(&order.session, &order.mode, now, habits),
            Task::DeliverMessage(order) => self.deliver(*order, would, habits),
            Task::SettleDelivery { session, message, .. } => {
                let found = DeliverySettled { settlement: Settlement::Found };
                self.plan(now, 0, about(&session).with_message(message), found);
            }
            Task::LookAtSession { session } => {
                let looked = self.look(&session, now);
                self.plan(now, 0, about(&session), looked);
            }
            Task::EndSession { session } => {
                let ms = habits.kill_ms(&session.peer);
                self.gone(&session, Ending::Code { code: 0 }, ms, would);
            }
            Task::Interrupt { session } => self.typed(&session, TypedVerb::Interrupt, now),
            Task::Compact { session, .. } => self.typed(&session, TypedVerb::Compact, now),
            Task::ClearSession { .. } | Task::CallAttention(_) => {}
        }
    }

    /// A message was delivered in the record, to a peer whose life would have been another.
    pub fn was_delivered(&mut self, peer: &Identity, message: MessageId, would: &State) {
        let fate = would.messages.get(&message).map(|message| &message.fate);
        if matches!(fate, Some(Fate::Queued | Fate::Delivering { .. })) {
            self.recorded.insert(message, (peer.clone(), None));
        }
    }

    /// The record tells how long the turn on a message took.
    pub fn worked(&mut self, worked: Worked, would: &State) {
        if let Some(Open { session, since, has_ended }) = self.open.remove(&worked.message) {
            // That no answer came after all is no sign of life.
            if !has_ended || worked.over != (Over::Rested { armed: false }) {
                self.goes(&session, since, &worked, would);
            }
        } else if let Some((_, known)) = self.recorded.get_mut(&worked.message) {
            *known = Some(worked);
        }
    }

    /// A message would have been delivered now, and its turn begins.
    pub fn would_deliver(&mut self, session: &SessionName, message: MessageId, would: &State, habits: &Habits) {
        let Some(now) = would.now else { return };
        if would.session(&session.peer, session.generation).is_none() {
            return;
        }
        if would.tells_turns(&session.peer) {
            self.plan(now, 0, about(session), turn(TurnSeen::Running));
        }
        self.busy.insert(session.peer.clone(), (session.generation, None));
        match self.recorded.remove(&message) {
            Some((_, Some(worked))) => self.goes(session, now, &worked, would),
            Some((_, None)) => {
                self.open.insert(message, Open { session: session.clone(), since: now, has_ended: false });
            }
            None => self.works(session, now, &habits.turn(&session.peer, message), would),
        }
    }

    /// What waited for the end of a turn, once it has ended.
    pub fn release(&mut self, would: &State, habits: &Habits) {
        if self.held.iter().all(|order| is_running(would, &order.session)) {
            return;
        }
        for order in std::mem::take(&mut self.held) {
            self.deliver(order, would, habits);
        }
    }

    /// `peer` lives as recorded from here on.
    pub fn forget(&mut self, peer: &Identity) {
        self.agenda.retain(|_, draft| draft.subject.peer.as_ref() != Some(peer));
        self.held.retain(|order| order.session.peer != *peer);
        self.recorded.retain(|_, (of, _)| of != peer);
        self.open.retain(|_, open| open.session.peer != *peer);
        self.busy.remove(peer);
    }

    /// The machine went down, and nothing that was planned comes any more.
    pub fn machine_down(&mut self) {
        *self = Self { planned: self.planned, recorded: std::mem::take(&mut self.recorded), ..Self::default() };
    }

    fn boot(&mut self, session: &SessionName, mode: &WakeMode, now: Timestamp, habits: &Habits) {
        let resume_ref = match mode {
            WakeMode::Fresh => format!("session-{}", session.generation),
            WakeMode::Resumed { resume_ref } => resume_ref.clone(),
        };
        match habits.no_boot(&session.peer) {
            Some((ms, NoBoot::Failed(failed))) => self.plan(now, ms, about(session), failed),
            Some((ms, NoBoot::Gone(ending))) => {
                let gone = SessionGone { ending, lived_ms: ms, strays: 0, found_at_start: false };
                self.plan(now, ms, about(session), gone);
            }
            None => {
                let ms = habits.boot_ms(&session.peer);
                let (socket, resume_ref) = (Default::default(), Some(resume_ref));
                let started = SessionStarted { pid: 0, start_ticks: 0, socket, resume_ref, took_ms: ms };
                self.plan(now, ms, about(session), started);
                self.plan(now, ms, about(session), BoxOpened { boot_ms: ms });
            }
        }
    }

    fn deliver(&mut self, order: DeliverMessage, would: &State, habits: &Habits) {
        let Some(now) = would.now else { return };
        let session = &order.session;
        if is_running(would, session) {
            return self.held.push(order);
        }
        let (ms, outcome) = habits.delivery(&session.peer);
        let subject = about(session).with_message(order.message);
        let print = TextPrint { bytes: 0, crc: 0 };
        self.plan(now, 0, subject.clone(), DeliveryBegun { attempt: order.attempt, mark: None, bytes: 0, print });
        self.plan(now, ms, subject, DeliveryEnded { attempt: order.attempt, outcome, took_ms: ms });
    }

    /// As far as the record has told by now; what an answer would come to it tells later.
    fn goes(&mut self, session: &SessionName, since: Timestamp, worked: &Worked, would: &State) {
        if worked.over == Over::Unanswered {
            self.open.insert(worked.message, Open { session: session.clone(), since, has_ended: true });
        }
        self.works(session, since, worked, would);
    }

    /// The turn goes as it went in the record, from when it would have begun.
    fn works(&mut self, session: &SessionName, since: Timestamp, worked: &Worked, would: &State) {
        let (Some(now), Some(live)) = (would.now, would.session(&session.peer, session.generation)) else { return };
        let left_ms = worked.ms.saturating_sub(now.since(since));
        self.busy.insert(session.peer.clone(), (session.generation, Some(now.plus_ms(left_ms))));
        match &worked.over {
            Over::Gone { ending } => self.gone(session, ending.clone(), left_ms, would),
            Over::Rested { armed } => {
                if *armed && live.policy == WakePolicy::Ephemeral {
                    let actor = Actor::Session { peer: session.peer.clone(), generation: session.generation };
                    let done = Draft::own(about(session), None, DoneCalled { reason: None });
                    self.plan_draft(now, left_ms, Draft { actor, ..done });
                }
                if would.tells_turns(&session.peer) {
                    self.plan(now, left_ms, about(session), turn(TurnSeen::Ended));
                }
            }
            Over::Unanswered => {
                if would.tells_turns(&session.peer) {
                    self.plan(now, left_ms, about(session), turn(TurnSeen::Ended));
                }
            }
        }
    }

    /// A program that rests is silent, one that works is seen to.
    fn look(&self, session: &SessionName, now: Timestamp) -> SessionLooked {
        let working = self.busy.get(&session.peer).is_some_and(|(generation, until)| {
            *generation == session.generation && until.is_none_or(|until| until.since(now) > 0)
        });
        let silent_ms = working.then_some(0);
        SessionLooked {
            screen_silent_ms: silent_ms,
            transcript_silent_ms: silent_ms,
            waiting_on: None,
            attached: false,
            working,
        }
    }

    fn gone(&mut self, session: &SessionName, ending: Ending, ms: u64, would: &State) {
        let (Some(now), Some(live)) = (would.now, would.session(&session.peer, session.generation)) else { return };
        let lived_ms = now.since(live.woken) + ms;
        self.plan(now, ms, about(session), SessionGone { ending, lived_ms, strays: 0, found_at_start: false });
    }

    fn typed(&mut self, session: &SessionName, verb: TypedVerb, now: Timestamp) {
        let outcome = VerbOutcome::Confirmed { by: Source::Terminal };
        self.plan(now, TYPED_MS, about(session), VerbEnded { verb, outcome, took_ms: TYPED_MS });
    }

    fn plan(&mut self, now: Timestamp, ms: u64, subject: Subject, event: impl Into<Event>) {
        self.plan_draft(now, ms, Draft::own(subject, None, event));
    }

    fn plan_draft(&mut self, now: Timestamp, ms: u64, draft: Draft) {
        self.planned += 1;
        self.agenda.insert((now.awake_ms.saturating_add(ms), self.planned), draft);
    }
}

fn is_running(would: &State, session: &SessionName) -> bool {
    would.session(&session.peer, session.generation).is_some_and(Session::is_told_running)
}

fn about(session: &SessionName) -> Subject {
    Subject::session(&session.peer, session.generation)
}

fn turn(turn: TurnSeen) -> TurnObserved {
    TurnObserved { turn, source: Source::Terminal, turn_id: None, said_at: None }
}

/// Whether it speaks of a session that is gone, or of a delivery that was called back.
fn is_moot(would: &State, draft: &Draft) -> bool {
    let (Some(peer), Some(generation)) = (&draft.subject.peer, draft.subject.generation) else { return false };
    match &draft.event {
        // The rules look at their message alone.
        Event::Fact(Fact::DeliverySettled(_) | Fact::DeliveryEnded(_)) => false,
        Event::Fact(Fact::DeliveryBegun(_)) => {
            let message = draft.subject.message.and_then(|id| would.messages.get(&id));
            let of = message.map(|message| &message.fate);
            !matches!(of, Some(Fate::Delivering { generation: of, .. }) if *of == generation)
        }
        _ => would.session(peer, generation).is_none(),
    }
}
