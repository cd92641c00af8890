//! What a peer worked at in the record, and for how long: the turn on each message, from its delivery to its end.

use std::collections::VecDeque;

use crate::model::event::{Decision, Event, Fact, TurnSeen};
use crate::model::id::MessageId;
use crate::model::profile::WakePolicy;
use crate::model::record::Record;
use crate::model::session::{Ending, ReapReason, Turn};
use crate::model::time::Timestamp;

/// So many turns of a peer stand for its others. Each goes as one of them went and not as their median: a few take an hour or
/// end their session, and a world without those would be another.
const TURNS: usize = 64;

/// How the turn on a message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// It has ended; `armed`: with an answer.
    Rested { armed: bool },
    /// A worker's has ended without an answer, by its own word or by its silence. One may still come, which is told then; so is
    /// that none came.
    Unanswered,
    /// With its session.
    Gone { ending: Ending },
}

/// A turn that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worked {
    pub message: MessageId,
    pub ms: u64,
    pub over: Over,
}

/// One peer's.
#[derive(Debug, Default)]
pub struct Work {
    /// The last ones, oldest first.
    turns: VecDeque<(u64, Over)>,
    /// It was woken for one task, and works until it has answered.
    worker: bool,
    armed: bool,
    /// Its turn is over, by what was told or judged.
    rests: bool,
    ended_by_us: bool,
    /// In its turn.
    message: Option<(MessageId, Timestamp)>,
    /// Told of as unanswered.
    unanswered: bool,
    /// What was told of the turn that the delivery under way began.
    begun: Begun,
}

/// A short turn may have ended before what began it is proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Begun {
    #[default]
    Untold,
    Runs,
    Over,
}

impl Work {
    /// Takes the next record about this peer, and tells of every turn that is over with it: a second one only if the first was
    /// that of the message before. `policy`: of the session that a wake brings.
    pub fn see(&mut self, record: &Record, policy: WakePolicy) -> [Option<Worked>; 2] {
        match &record.event {
            Event::Fact(fact) => [self.fact(fact, record), None],
            Event::Decision(Decision::Delivered(_)) => self.delivered(record),
            Event::Decision(Decision::WakeDecided(_)) => {
                let (turns, worker) = (std::mem::take(&mut self.turns), policy == WakePolicy::Ephemeral);
                *self = Self { turns, worker, ..Self::default() };
                [None, None]
            }
            Event::Decision(decision) => [self.decision(decision, record), None],
        }
    }

    pub fn is_ended_by_us(&self) -> bool {
        self.ended_by_us
    }

    /// How a turn goes of which nothing is known: as one of the last ones did. Which one is the message's, so that the same
    /// question has the same answer. None before the first.
    pub fn like(&self, message: MessageId) -> Option<Worked> {
        let place = message.0.checked_rem(self.turns.len() as u128)? as usize;
        let (ms, over) = self.turns.get(place)?.clone();
        Some(Worked { message, ms, over })
    }

    fn fact(&mut self, fact: &Fact, record: &Record) -> Option<Worked> {
        match fact {
            // What the machine does is no habit of a peer's.
            Fact::SessionGone(it) if !self.ended_by_us && it.ending != Ending::MachineDown => {
                return self.worked(record.at, Over::Gone { ending: it.ending.clone() });
            }
            Fact::DeliveryBegun(_) => self.begun = Begun::Untold,
            Fact::TurnObserved(it) => match it.turn {
                TurnSeen::Ended | TurnSeen::Idle | TurnSeen::Failed { .. } | TurnSeen::Background { .. } => {
                    if self.begun == Begun::Runs {
                        self.begun = Begun::Over;
                    }
                    return self.turn_ended(record.at);
                }
                TurnSeen::Running => (self.begun, self.rests) = (Begun::Runs, false),
                TurnSeen::Waiting { .. } | TurnSeen::Alive => {}
            },
            _ => {}
        }
        None
    }

    fn decision(&mut self, decision: &Decision, record: &Record) -> Option<Worked> {
        match decision {
            Decision::Armed(_) => {
                self.armed = true;
                if self.worker && self.rests {
                    return self.rested(record.at);
                }
            }
            Decision::TurnJudged(it) => {
                if let Turn::Ended { at, .. } = it.turn {
                    return self.turn_ended(at);
                }
            }
            // What it was at is over, whatever it was, and since its last sign if silence is what ended it.
            Decision::Reaped(it) => {
                self.ended_by_us = true;
                return self.rested(record.at.minus_ms(silence_ms(&it.reason)));
            }
            _ => {}
        }
        None
    }

    /// What was at work before is over, at the latest by now: how long it took nobody has seen.
    fn delivered(&mut self, record: &Record) -> [Option<Worked>; 2] {
        let armed = self.armed;
        let before = self.message.take();
        let before = before.map(|(message, since)| {
            let ms = record.at.since(since);
            Worked { message, ms, over: Over::Rested { armed } }
        });
        self.message = record.subject.message.map(|message| (message, record.at));
        (self.armed, self.rests, self.unanswered) = (false, false, false);
        let is_over = std::mem::take(&mut self.begun) == Begun::Over;
        [before, if is_over { self.turn_ended(record.at) } else { None }]
    }

    /// A worker that has not answered yet may still do, in another turn, or in one that was judged to be over.
    fn turn_ended(&mut self, at: Timestamp) -> Option<Worked> {
        self.rests = true;
        if self.armed || !self.worker {
            return self.rested(at);
        }
        let (message, since) = self.message.filter(|_| !self.unanswered)?;
        self.unanswered = true;
        Some(Worked { message, ms: at.since(since), over: Over::Unanswered })
    }

    fn rested(&mut self, at: Timestamp) -> Option<Worked> {
        let armed = self.armed;
        self.worked(at, Over::Rested { armed })
    }

    fn worked(&mut self, at: Timestamp, over: Over) -> Option<Worked> {
        let (message, since) = self.message.take()?;
        let ms = at.since(since);
        if self.turns.len() == TURNS {
            self.turns.pop_front();
        }
        self.turns.push_back((ms, over.clone()));
        Some(Worked { message, ms, over })
    }
}

fn silence_ms(reason: &ReapReason) -> u64 {
    match reason {
        ReapReason::Idle { idle_ms: silent_ms, .. }
        | ReapReason::Done { quiet_ms: silent_ms, .. }
        | ReapReason::Unarmed { silent_ms, .. } => *silent_ms,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delivery::Proof;
    use crate::model::event::{Armed, Delivered, DeliveryBegun, Reaped, TurnObserved, WakeDecided};
    use crate::model::id::{Generation, Lsn};
    use crate::model::message::TextPrint;
    use crate::model::record::{Draft, Subject};
    use crate::model::session::{ArmedBy, Source, WakeBranch, WakeMode, WakeReason};
    use crate::model::time::BootId;

    fn at(ms: u64) -> Timestamp {
        Timestamp { wall_us: ms * 1_000, awake_ms: ms, boot: BootId(1) }
    }

    /// What is told with `event`, at that millisecond, of ada's message of this number.
    fn told(work: &mut Work, ms: u64, message: u128, event: impl Into<Event>) -> Vec<(u128, u64)> {
        let subject =
            Subject::session(&"claude-ada".parse().unwrap(), Generation(Lsn(1))).with_message(MessageId(message));
        let record = Draft::own(subject, None, event).at(Lsn(ms), at(ms));
        work.see(&record, WakePolicy::Ephemeral)
            .into_iter()
            .flatten()
            .map(|worked| (worked.message.0, worked.ms))
            .collect()
    }

    fn begun() -> DeliveryBegun {
        DeliveryBegun { attempt: 1, mark: None, bytes: 0, print: TextPrint { bytes: 0, crc: 0 } }
    }

    fn delivered() -> Delivered {
        Delivered { proof: Proof::Transcript, attempt: 1, waited_ms: 0, possible_duplicate: false }
    }

    /// For one task.
    fn woken() -> WakeDecided {
        WakeDecided {
            mode: WakeMode::Fresh,
            branch: WakeBranch::Ephemeral,
            reason: WakeReason::Message,
            message: None,
            prompt: None,
            attempt: 1,
            possible_duplicate: false,
            booting: 1,
            boots_max: 4,
            park: None,
        }
    }

    fn turn(turn: TurnSeen) -> TurnObserved {
        TurnObserved { turn, source: Source::Terminal, turn_id: None, said_at: None }
    }

    #[test]
    fn a_turn_that_is_over_before_its_delivery_is_proven_is_told_with_the_proof() {
        let mut work = Work::default();
        assert_eq!(told(&mut work, 1, 7, begun()), []);
        assert_eq!(told(&mut work, 2, 7, turn(TurnSeen::Running)), []);
        assert_eq!(told(&mut work, 3, 7, turn(TurnSeen::Ended)), []);
        assert_eq!(told(&mut work, 9, 7, delivered()), [(7, 0)]);
    }

    /// A turn before tells nothing of this one.
    #[test]
    fn a_turn_that_ended_before_the_delivery_began_is_another() {
        let mut work = Work::default();
        let _ = told(&mut work, 1, 6, turn(TurnSeen::Running));
        let _ = told(&mut work, 2, 6, turn(TurnSeen::Ended));
        let _ = told(&mut work, 3, 7, begun());
        assert_eq!(told(&mut work, 4, 7, delivered()), []);
        assert_eq!(told(&mut work, 10, 7, turn(TurnSeen::Ended)), [(7, 6)]);
    }

    #[test]
    fn what_was_at_work_is_over_once_the_next_message_is_delivered() {
        let mut work = Work::default();
        let _ = told(&mut work, 1, 7, delivered());
        assert_eq!(told(&mut work, 50, 8, delivered()), [(7, 49)]);
        assert_eq!(told(&mut work, 60, 8, turn(TurnSeen::Ended)), [(8, 10)]);
        // Nobody saw how long the first one took.
        assert!((0..9).all(|message| work.like(MessageId(message)).unwrap().ms == 10));
    }

    /// C46a judges a turn by silence, and a program that thinks in silence answers later.
    #[test]
    fn a_worker_works_until_it_has_answered() {
        let mut work = Work::default();
        let _ = told(&mut work, 1, 7, woken());
        let _ = told(&mut work, 100, 7, delivered());
        assert_eq!(told(&mut work, 300, 7, turn(TurnSeen::Ended)), [(7, 200)], "without an answer");
        assert_eq!(told(&mut work, 400, 7, turn(TurnSeen::Idle)), [], "nothing new");
        assert_eq!(told(&mut work, 900, 7, Armed { by: ArmedBy::Done }), [(7, 800)]);
        assert_eq!(told(&mut work, 950, 7, turn(TurnSeen::Ended)), [], "told once");
    }

    #[test]
    fn silence_that_ended_a_session_was_no_work() {
        let mut work = Work::default();
        let _ = told(&mut work, 1_000, 7, delivered());
        let reaped = Reaped { reason: ReapReason::Unarmed { silent_ms: 600, silent_ms_max: 600 } };
        assert_eq!(told(&mut work, 1_900, 7, reaped), [(7, 300)]);
    }

    #[test]
    fn unknown_turns_go_as_known_ones_went_the_long_ones_too() {
        let mut work = Work::default();
        let mut now = 0;
        for message in 0..TURNS as u128 {
            let _ = told(&mut work, now, message, delivered());
            now += if message % 4 == 0 { 3_600_000 } else { 1_000 };
            let _ = told(&mut work, now, message, turn(TurnSeen::Ended));
        }
        let ms: u64 = (1_000..1_000 + TURNS as u128).map(|message| work.like(MessageId(message)).unwrap().ms).sum();
        assert_eq!(ms, now, "as many together as they took");
        assert_eq!(Work::default().like(MessageId(1)), None);
    }
}
