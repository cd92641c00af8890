//! When the loop must wake by itself, in awake time (C50a).

use super::{Case, reap, wake};
use crate::model::actor::Actor;
use crate::model::event::{DeadlineKind, DeadlinePassed, Event};
use crate::model::id::Lsn;
use crate::model::message::{Fate, Message, Purpose};
use crate::model::name::Identity;
use crate::model::record::{Record, Subject};
use crate::model::state::{Presence, SessionPhase, State};
use crate::model::time::Timestamp;

/// The next moment at which something is due, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    pub at: Timestamp,
    pub kind: DeadlineKind,
}

/// The earliest deadline of the whole state. After its fact has been applied the next one is later.
pub fn next_deadline(state: &State) -> Option<Deadline> {
    let now = state.now?;
    let record = asking(state.lsn, now);
    let all = state.presences.iter().flat_map(|(peer, presence)| {
        let case = Case { state, record: &record, peer, presence };
        deadlines(&case).into_iter().map(|(at, kind, _)| Deadline { at: in_this_boot(now, at), kind })
    });
    all.min_by_key(|deadline| deadline.at.awake_ms)
}

/// The next deadline of one peer, for people: what it is called and when it is due.
pub fn of_peer(state: &State, peer: &Identity) -> Option<(&'static str, Timestamp)> {
    let now = state.now?;
    let record = asking(state.lsn, now);
    let case = Case { state, record: &record, peer, presence: state.presences.get(peer)? };
    let all = deadlines(&case).into_iter().map(|(at, _, word)| (word, in_this_boot(now, at)));
    all.min_by_key(|(_, at)| at.awake_ms)
}

/// The rules ask at a record; a deadline is asked for between two.
fn asking(lsn: Lsn, at: Timestamp) -> Record {
    let event = Event::from(DeadlinePassed { deadline: DeadlineKind::Look });
    Record { lsn, at, subject: Subject::NONE, cause: None, actor: Actor::Dormouse, event }
}

/// A moment of an earlier boot, as this boot's awake clock will show it.
fn in_this_boot(now: Timestamp, moment: Timestamp) -> Timestamp {
    if moment.boot == now.boot { moment } else { now.plus_ms(moment.since(now)) }
}

type Due = (Timestamp, DeadlineKind, &'static str);

fn deadlines(case: &Case) -> Vec<Due> {
    let mut all: Vec<Due> = Vec::new();
    let presence = case.presence;
    all.extend(presence.quarantine.as_ref().map(|q| (q.until, DeadlineKind::Quarantine, "quarantine")));
    all.extend(of_session(case));
    all.extend(of_retries(case, presence));
    all
}

fn of_session(case: &Case) -> Vec<Due> {
    let Some(session) = &case.presence.session else { return Vec::new() };
    if let SessionPhase::Ending { kill_failed, .. } = &session.phase {
        let again = kill_failed.map(|at| (at.plus_ms(reap::ASK_AGAIN_MS), DeadlineKind::Retry, "kill"));
        return again.into_iter().collect();
    }
    let slot = session.slot.then(|| (session.woken.plus_ms(wake::SLOT_MS_MAX), DeadlineKind::BootSlot, "boot_slot"));
    let look = reap::due_at(case, session).map(|(at, word)| (at, DeadlineKind::Look, word));
    slot.into_iter().chain(look).collect()
}

/// Retries matter only where something could come of them: the head of a queue, and no gate that waits for a person.
fn of_retries(case: &Case, presence: &Presence) -> Vec<Due> {
    if presence.stopped.is_some() || presence.quarantine.is_some() {
        return Vec::new();
    }
    let now = case.now();
    let later = |at: &Timestamp| !super::quarantine::has_passed(now, *at);
    let queued = || presence.queue.iter().filter_map(|id| case.state.messages.get(id)).filter(|m| is_queued(m));
    let first_input = presence.session.as_ref().and_then(|session| case.state.messages.get(&session.first_input?));
    // Those that the rules would take next. This is asked after every turn, and a queue may be long.
    let next = [queued().next(), queued().find(|m| m.purpose != Purpose::Report), first_input.filter(|m| is_queued(m))];
    let messages = next.into_iter().flatten().filter_map(|message| message.retry_at).filter(later);
    let waits = presence.session.is_none() && (!presence.queue.is_empty() || presence.bring_up.is_some());
    let wake = presence.wake_retry_at.filter(|_| waits).filter(later);
    messages.chain(wake).map(|at| (at, DeadlineKind::Retry, "retry")).collect()
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
                session_before: None,
                mark: None,
                waiting_for: None,
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
