//! The turn: facts in, decisions concluded, one durable batch, effects out. Free of the operating system, generic over
//! storage and host.

mod conclude;
mod keep;
pub mod snapshot;
mod startup;

use crate::journal::{AppendError, Committed, DiskLow, Journal, RecordSource, Storage};
use crate::model::effect::{Effect, Liveness, SessionName};
use crate::model::event::{DeadlinePassed, Event, Fact, SnapshotTaken, TurnSeen};
use crate::model::id::{Lsn, MessageId};
use crate::model::name::Personality;
use crate::model::record::{Draft, Record, Subject};
use crate::model::request::Request;
use crate::model::state::State;
use crate::model::time::Timestamp;
use crate::mutant::{Bug, bug};
use crate::policy::admit::{Admission, admit};
use crate::policy::deadline::{Deadline, Deadlines, next_deadline};

pub use conclude::{conclude, is_stale};
pub use keep::{Keeping, Kept};
pub use startup::{Began, Begin};

/// The world, as far as the loop itself asks it.
pub trait Host {
    /// Begins the effects of durable records; outcomes come back as facts of later turns.
    fn run(&mut self, effects: Committed<Vec<Effect>>);

    /// What these peers' profiles say that the state does not know yet (C3): `profile_changed`, `profile_unreadable`.
    fn profile_news(&mut self, state: &State, peers: &[Personality]) -> Vec<Draft>;

    /// Whether a session lives, and what it does, as far as its own files tell (C43, C60).
    fn survey(&mut self, session: &SessionName) -> (Liveness, Option<TurnSeen>);
}

/// Something for the loop to take up.
#[derive(Debug)]
pub enum Asked {
    Request(Request),
    /// Seen by executor or observers, or elapsed.
    Seen(Box<Draft>),
}

impl Asked {
    pub fn seen(draft: Draft) -> Self {
        Self::Seen(Box::new(draft))
    }
}

/// A turn's records, and what became of each thing that was asked.
#[derive(Debug)]
pub struct Turn {
    /// One for each fact: the fact first, then what followed from it.
    pub groups: Vec<Vec<Record>>,
    /// As many as were asked, in their order.
    pub outcomes: Vec<Outcome>,
}

/// What became of one [`Asked`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its fact stands at the head of this group.
    Recorded { group: usize },
    /// An idempotency key already stood for it (C8).
    Known { message: MessageId, accepted: Lsn, queue_depth: u32 },
    /// It speaks of something that is over; nothing was recorded.
    Stale,
}

/// The one who appends.
#[derive(Debug)]
pub struct Supervisor<S: Storage, H: Host> {
    journal: Journal<S>,
    host: H,
    state: State,
    deadlines: Deadlines,
    keeping: Keeping,
    /// The last record before the latest attempt at a snapshot that failed.
    attempted: Lsn,
    /// No file of any other snapshot is left.
    snapshots_kept: Option<Vec<SnapshotTaken>>,
}

impl<S: Storage, H: Host> Supervisor<S, H> {
    /// `state` is what the journal's records add up to.
    pub fn new(journal: Journal<S>, host: H, state: State, keeping: Keeping) -> Self {
        let deadlines = Deadlines::new(&state);
        Self { journal, host, state, deadlines, keeping, attempted: Lsn::ZERO, snapshots_kept: None }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// A handle that reads records by lsn while turns go on.
    pub fn source(&self) -> RecordSource {
        self.journal.source()
    }

    pub fn host(&mut self) -> &mut H {
        &mut self.host
    }

    /// Takes up everything that waits, as one batch: one sync for all of it.
    ///
    /// # Errors
    ///
    /// After any error the state is ahead of the disk and this supervisor must be dropped (C63). No effect has run and
    /// nobody has been answered.
    pub fn turn(&mut self, now: Timestamp, asked: Vec<Asked>) -> Result<Committed<Turn>, AppendError> {
        let due = self.comes_due(now, &asked);
        self.turn_with(now, due, asked)
    }

    fn turn_with(
        &mut self,
        now: Timestamp,
        due: Option<Draft>,
        asked: Vec<Asked>,
    ) -> Result<Committed<Turn>, AppendError> {
        let mut groups = Vec::with_capacity(asked.len());
        let mut effects = Vec::new();
        for draft in self.host.profile_news(&self.state, &self.concerned(&asked, due.as_ref())) {
            groups.push(conclude(&mut self.state, now, draft, &mut effects));
        }
        if let Some(due) = due {
            groups.push(conclude(&mut self.state, now, due, &mut effects));
        }
        let outcomes = asked.into_iter().map(|asked| self.take_up(now, asked, &mut groups, &mut effects)).collect();
        if bug(Bug::EffectFirst) {
            let early = self.journal.append(&[], std::mem::take(&mut effects))?;
            self.host.run(early);
        }
        let (effects, derived) = self.journal.append(&groups, (effects, outcomes))?.split();
        self.deadlines.renew(&self.state, groups.iter().flatten());
        self.host.run(effects);
        Ok(derived.map(|outcomes| Turn { groups, outcomes }))
    }

    fn take_up(
        &mut self,
        now: Timestamp,
        asked: Asked,
        groups: &mut Vec<Vec<Record>>,
        effects: &mut Vec<Effect>,
    ) -> Outcome {
        let draft = match asked {
            Asked::Seen(draft) if is_stale(&self.state, &draft) => return Outcome::Stale,
            Asked::Seen(draft) => *draft,
            Asked::Request(request) => match admit(&self.state, now, request) {
                Admission::Fact(draft) => draft,
                Admission::Known { message, accepted, queue_depth } => {
                    return Outcome::Known { message, accepted, queue_depth };
                }
            },
        };
        groups.push(conclude(&mut self.state, now, draft, effects));
        Outcome::Recorded { group: groups.len() - 1 }
    }

    /// The deadline that has passed by `now`, where the loop does not wake for it but for something else. A retry whose moment
    /// lies behind the state is waited for no more (C13): it would be forgotten until something else comes due.
    fn comes_due(&self, now: Timestamp, asked: &[Asked]) -> Option<Draft> {
        let is_said = |asked: &Asked| matches!(asked, Asked::Seen(draft) if matches!(draft.event, Event::Fact(Fact::DeadlinePassed(_))));
        let deadline = self.deadlines.lapsing(self.state.now?, now)?;
        let passed = Draft::own(Subject::NONE, None, DeadlinePassed { deadline: deadline.kind });
        (!asked.iter().any(is_said)).then_some(passed)
    }

    /// Peers that may be enqueued to or woken in this turn: their profiles are read again first (C3).
    fn concerned(&self, asked: &[Asked], due: Option<&Draft>) -> Vec<Personality> {
        let mut peers = due.map_or_else(Vec::new, |due| conclude::about_to_wake(&self.state, due));
        for asked in asked {
            match asked {
                Asked::Request(request) => peers.extend(conclude::named_in(&self.state, request)),
                Asked::Seen(draft) => {
                    let may_wake = matches!(&draft.event, Event::Fact(Fact::SessionGone(_) | Fact::DeadlinePassed(_)));
                    if may_wake {
                        peers.extend(conclude::about_to_wake(&self.state, draft));
                    }
                }
            }
        }
        peers.sort();
        peers.dedup();
        peers
    }

    /// When the loop must take up a passed deadline by itself.
    pub fn next_deadline(&self) -> Option<Deadline> {
        let next = self.deadlines.next(self.state.now?);
        debug_assert_eq!(next, next_deadline(&self.state), "what was kept of the deadlines is not what they are");
        next
    }

    /// Why the journal's next segment has no room yet; records are still taken.
    pub fn disk_low(&self) -> Option<&DiskLow> {
        self.journal.disk_low()
    }
}
