//! When the loop must wake by itself, in awake time (C50a).

use std::collections::BTreeMap;

use super::quarantine::has_passed;
use super::{Case, reap, wake};
use crate::model::actor::Actor;
use crate::model::event::{DeadlineKind, DeadlinePassed, Event};
use crate::model::id::Lsn;
use crate::model::message::{Fate, Message, Purpose};
use crate::model::name::{Identity, Personality};
use crate::model::record::{Record, Subject};
use crate::model::state::{SessionPhase, State};
use crate::model::time::Timestamp;

/// The next moment at which something is due, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    pub at: Timestamp,
    pub kind: DeadlineKind,
}

/// What each peer waits for. Kept from turn to turn, for of many peers a turn moves one or two.
#[derive(Debug, Default)]
pub struct Deadlines {
    of: BTreeMap<Identity, Vec<Due>>,
}

impl Deadlines {
    pub fn new(state: &State) -> Self {
        let mut all = Self::default();
        state.presences.keys().for_each(|peer| all.renew_peer(state, peer));
        all
    }

    /// After `records` have been folded into `state`.
    pub fn renew<'a>(&mut self, state: &State, records: impl IntoIterator<Item = &'a Record>) {
        let mut moved: Vec<&Personality> = Vec::new();
        for record in records {
            // What concerns no peer (settings, runtimes, a start) may concern all of them.
            let Some(peer) = &record.subject.peer else {
                *self = Self::new(state);
                return;
            };
            for peer in [Some(peer), record.addressee(), record.speaker()].into_iter().flatten() {
                if !moved.contains(&&peer.personality) {
                    moved.push(&peer.personality);
                }
            }
        }
        // A profile is that of every identity of its name.
        self.of.retain(|peer, _| !moved.contains(&&peer.personality) || state.presences.contains_key(peer));
        for peer in state.presences.keys().filter(|peer| moved.contains(&&peer.personality)) {
            self.renew_peer(state, peer);
        }
    }

    fn renew_peer(&mut self, state: &State, peer: &Identity) {
        let case = state.now.zip(state.presences.get(peer));
        let dues = case.map_or(Vec::new(), |(now, presence)| {
            dues(&Case { state, record: &asking(state.lsn, now), peer, presence })
        });
        match dues.is_empty() {
            true => drop(self.of.remove(peer)),
            false => drop(self.of.insert(peer.clone(), dues)),
        }
    }

    /// The earliest of all. After its fact has been applied the next one is later.
    pub fn next(&self, now: Timestamp) -> Option<Deadline> {
        earliest(self.of.values().flatten(), now)
    }

    /// The earliest of those that are waited for at `now` and, though nothing was decided for them, not at `then` any more.
    pub fn lapsing(&self, now: Timestamp, then: Timestamp) -> Option<Deadline> {
        earliest(self.of.values().flatten().filter(|due| !due.counts(then)), now)
    }
}

/// The earliest deadline of the whole state.
pub fn next_deadline(state: &State) -> Option<Deadline> {
    Deadlines::new(state).next(state.now?)
}

/// What was waited for and has come by now, though nothing has been decided for it: that is left to the turn that goes on.
pub fn lapsed_deadline(state: &State) -> Option<DeadlineKind> {
    let now = state.now?;
    let all = Deadlines::new(state);
    all.of.values().flatten().find(|due| !due.counts(now)).map(|due| due.kind)
}

/// The next deadline of one peer, whatever others wait for.
pub fn next_of_peer(state: &State, peer: &Identity) -> Option<Deadline> {
    let now = state.now?;
    let record = asking(state.lsn, now);
    let case = Case { state, record: &record, peer, presence: state.presences.get(peer)? };
    earliest(&dues(&case), now)
}

/// Of those that are waited for at `now`.
fn earliest<'a>(dues: impl IntoIterator<Item = &'a Due>, now: Timestamp) -> Option<Deadline> {
    let all = dues.into_iter().filter(|due| due.counts(now));
    all.map(|due| Deadline { at: in_this_boot(now, due.at), kind: due.kind }).min_by_key(|due| due.at.awake_ms)
}

/// The rules ask at a record; a deadline is asked for between two.
pub(super) fn asking(lsn: Lsn, at: Timestamp) -> Record {
    let event = Event::from(DeadlinePassed { deadline: DeadlineKind::Look });
    Record { lsn, at, subject: Subject::NONE, cause: None, actor: Actor::Dormouse, event }
}

/// A moment of an earlier boot, as this boot's awake clock will show it.
fn in_this_boot(now: Timestamp, moment: Timestamp) -> Timestamp {
    if moment.boot == now.boot { moment } else { now.plus_ms(moment.since(now)) }
}

/// One thing that a peer waits for.
#[derive(Debug)]
struct Due {
    at: Timestamp,
    kind: DeadlineKind,
    /// Once it has passed there is nothing to wake up for.
    only_ahead: bool,
}

impl Due {
    fn new(at: Timestamp, kind: DeadlineKind) -> Self {
        Self { at, kind, only_ahead: false }
    }

    fn counts(&self, now: Timestamp) -> bool {
        !self.only_ahead || !has_passed(now, self.at)
    }
}

fn dues(case: &Case) -> Vec<Due> {
    let mut all: Vec<Due> = Vec::new();
    let quarantine = case.presence.quarantine.as_ref();
    all.extend(quarantine.map(|quarantine| Due::new(quarantine.until, DeadlineKind::Quarantine)));
    add_session(case, &mut all);
    add_retries(case, &mut all);
    all
}

fn add_session(case: &Case, all: &mut Vec<Due>) {
    let Some(session) = &case.presence.session else { return };
    if let SessionPhase::Ending { kill_failed, .. } = &session.phase {
        all.extend(kill_failed.map(|at| Due::new(at.plus_ms(reap::ASK_AGAIN_MS), DeadlineKind::Retry)));
        return;
    }
    if session.slot {
        all.push(Due::new(session.woken.plus_ms(wake::SLOT_MS_MAX), DeadlineKind::BootSlot));
    }
    all.extend(reap::due_at(case, session).map(|at| Due::new(at, DeadlineKind::Look)));
}

/// Retries matter only where something could come of them: the head of a queue, and no gate that waits for a person.
fn add_retries(case: &Case, all: &mut Vec<Due>) {
    let presence = case.presence;
    if presence.stopped.is_some() || presence.quarantine.is_some() {
        return;
    }
    let messages = next_queued(case).into_iter().flatten().filter_map(|message| message.retry_at);
    let waits = presence.session.is_none() && (!presence.queue.is_empty() || presence.bring_up.is_some());
    let wake = presence.wake_retry_at.filter(|_| waits);
    let retries = messages.chain(wake);
    all.extend(retries.map(|at| Due { only_ahead: true, ..Due::new(at, DeadlineKind::Retry) }));
}

/// Those that the rules would take next; a queue may be long.
fn next_queued<'a>(case: &Case<'a>) -> [Option<&'a Message>; 3] {
    let (presence, messages) = (case.presence, &case.state.messages);
    let mut queued = presence.queue.iter().filter_map(|id| messages.get(id)).filter(|m| is_queued(m));
    let (head, wakes) = (queued.next(), |m: &&Message| m.purpose != Purpose::Report);
    let first_input = presence.session.as_ref().and_then(|session| messages.get(&session.first_input?));
    [head, head.filter(wakes).or_else(|| queued.find(wakes)), first_input.filter(|m| is_queued(m))]
}

fn is_queued(message: &Message) -> bool {
    message.fate == Fate::Queued
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::actor::Sender;
    use crate::model::id::MessageId;
    use crate::model::profile::WakePolicy;
    use crate::model::state::Presence;
    use crate::model::time::BootId;

    fn at(awake_ms: u64) -> Timestamp {
        Timestamp { wall_us: awake_ms * 1000, awake_ms, boot: BootId(1) }
    }

    /// The deadline of a peer with these messages in its queue: what each is for, and when it may be tried again.
    fn deadline(queue: &[(Purpose, Option<u64>)]) -> Option<u64> {
        let peer: Identity = "claude-ada".parse().unwrap();
        let mut state = State { now: Some(at(100)), ..State::default() };
        let mut presence = Presence::new(at(0));
        for (id, (purpose, retry_at)) in (1..).map(MessageId).zip(queue) {
            let message = Message {
                id,
                to: peer.clone(),
                from: Sender::Dormouse { about: Lsn(1) },
                topic: None,
                purpose: *purpose,
                policy: WakePolicy::Persistent,
                bytes: 1,
                accepted: Lsn(1),
                accepted_at: at(0),
                fate: Fate::Queued,
                attempts: 1,
                failures: 1,
                unfinished: 0,
                possible_duplicate: false,
                retry_at: retry_at.map(at),
                failure: None,
                session_before: None,
                mark: None,
                print: None,
                waiting_for: None,
                reply_asked: false,
            };
            state.messages.insert(id, message);
            presence.queue.push_back(id);
        }
        state.presences.insert(peer, presence);
        next_deadline(&state).map(|deadline| deadline.at.awake_ms)
    }

    #[test]
    fn a_retry_is_waited_for_where_something_could_come_of_it() {
        use Purpose::{Message, Report};
        assert_eq!(deadline(&[(Message, Some(500)), (Message, Some(300))]), Some(500), "the head of the queue");
        assert_eq!(deadline(&[(Message, None), (Message, Some(300))]), None, "behind the head");
        assert_eq!(deadline(&[(Message, Some(50))]), None, "it has passed");
        // A session takes the report, and only the message behind it wakes one.
        assert_eq!(deadline(&[(Report, None), (Message, Some(300))]), Some(300));
    }
}
