//! Promises about sessions: one at a time, woken only when allowed, ended only by the rules.

use crate::model::event::{Decision, Event, Fact, TurnObserved, TurnSeen, WakeDecided};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::{ReapReason, Turn};
use crate::model::time::Timestamp;
use crate::model::turn_names::TurnNames;

use super::{Findings, Open};
use crate::explain::recent::Recent;

/// What is known of each identity at this point of the history.
#[derive(Debug, Default)]
pub struct Sessions {
    peers: Recent<Identity, Peer>,
}

#[derive(Debug, Default)]
struct Peer {
    live: Option<Life>,
    /// The life before, until the next wake: its end is still to be concluded.
    gone: Option<Gone>,
    stopped: Option<Lsn>,
    quarantined: Option<Lsn>,
}

#[derive(Debug)]
struct Life {
    generation: Generation,
    /// Its process: pid and start time.
    process: Option<(u32, u64)>,
    ready: bool,
    turn: Option<Busy>,
    turn_names: TurnNames,
    turn_said: Option<Timestamp>,
    /// The delivery that has begun and not ended.
    delivering: Option<(Lsn, Option<MessageId>)>,
    armed: Option<Lsn>,
    reaped: Option<Lsn>,
}

#[derive(Debug)]
struct Gone {
    generation: Generation,
    /// Its end was observed; a wake that left nothing has none.
    observed: bool,
    reaped: Option<Lsn>,
    concluded: Option<Lsn>,
}

/// Why a session may not be called silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Busy {
    Running,
    Waiting,
}

impl Sessions {
    pub fn see(&mut self, record: &Record, findings: &mut Findings) {
        let Some(identity) = &record.subject.peer else { return };
        if let Event::Decision(Decision::PeerForgotten(_)) = &record.event {
            let same = |(other, _): &(&Identity, &mut Peer)| other.personality == identity.personality;
            self.peers.iter_mut().filter(same).for_each(|(_, peer)| (peer.stopped, peer.quarantined) = (None, None));
        }
        let peer = self.peers.get_or_add(identity, Peer::default);
        match &record.event {
            Event::Fact(fact) => peer.fact(fact, record, findings),
            Event::Decision(decision) => peer.decision(decision, record, findings),
        }
    }

    /// Wakes that are not ready and kills that are not verified.
    pub fn open(&self) -> Vec<Open> {
        let mut open = Vec::new();
        for (identity, peer) in self.peers.iter() {
            let Some(life) = &peer.live else { continue };
            if let Some(reaped) = life.reaped {
                open.push(Open { lsn: reaped.0, what: format!("{identity} is to be ended and not yet gone") });
            } else if !life.ready {
                open.push(Open { lsn: life.generation.0.0, what: format!("{identity} is waking and not yet ready") });
            }
        }
        open
    }
}

impl Peer {
    fn fact(&mut self, fact: &Fact, record: &Record, findings: &mut Findings) {
        match fact {
            Fact::SessionStarted(it) => self.started((it.pid, it.start_ticks), record, findings),
            Fact::SessionGone(_) => self.gone(record, findings),
            Fact::TurnObserved(it) if self.life(record).is_some_and(|life| life.hears(it, record.at)) => {
                self.turn(seen(&it.turn), record);
            }
            Fact::SessionAdopted(it) => self.turn(it.turn.as_ref().and_then(seen), record),
            Fact::DeliveryBegun(_) => self.begun(record, findings),
            Fact::DeliveryEnded(_) | Fact::DeliverySettled(_) => {
                if let Some(life) = self.life(record) {
                    life.delivering = None;
                }
            }
            _ => {}
        }
    }

    fn decision(&mut self, decision: &Decision, record: &Record, findings: &mut Findings) {
        match decision {
            Decision::WakeDecided(it) => self.woken(it, record, findings),
            Decision::Delivered(_) => self.delivered(record),
            Decision::SessionReady(_) => match self.life(record) {
                Some(life) => life.ready = true,
                None => findings.missing("C28", record, "ready, and it is not the live session"),
            },
            Decision::Armed(_) => match self.life(record) {
                Some(life) => life.armed = Some(record.lsn),
                None => findings.missing("C36", record, "armed, and it is not the live session"),
            },
            Decision::TurnJudged(it) => self.turn(judged(&it.turn), record),
            Decision::Reaped(it) => self.reaped(&it.reason, record, findings),
            Decision::WakeFailed(it) if !it.left_session => self.leave(record),
            Decision::SessionEnded(it) => self.concluded(Some(it.reaped), record, findings),
            Decision::SessionDied(_) | Decision::SessionFinished(_) => self.concluded(None, record, findings),
            Decision::Quarantined(_) => self.quarantined = Some(record.lsn),
            Decision::QuarantineLifted(_) => self.quarantined = None,
            Decision::StopSet(_) => self.stopped = Some(record.lsn),
            Decision::StopCleared(_) => self.stopped = None,
            _ => {}
        }
    }

    fn woken(&mut self, it: &WakeDecided, record: &Record, findings: &mut Findings) {
        if let Some(live) = &self.live {
            findings.violation("C16", record, format!("woken while session {} has not ended", live.generation));
        }
        if let Some(stopped) = self.stopped {
            findings.violation("C15", record, format!("woken while stopped, since record {stopped}"));
        }
        if let Some(quarantined) = self.quarantined {
            findings.violation("C48", record, format!("woken while quarantined, since record {quarantined}"));
        }
        if it.booting > it.boots_max {
            findings.violation(
                "C20",
                record,
                format!("{} sessions boot at once, at most {}", it.booting, it.boots_max),
            );
        }
        let generation = Generation(record.lsn);
        if record.subject.generation.is_some_and(|named| named != generation) {
            findings.violation("C64", record, "its session is not named by the lsn of its wake".to_owned());
        }
        let fresh = Life {
            generation,
            process: None,
            ready: false,
            turn: None,
            turn_names: TurnNames::default(),
            turn_said: None,
            delivering: None,
            armed: None,
            reaped: None,
        };
        (self.live, self.gone) = (Some(fresh), None);
    }

    /// The live session, if the record is about it; a late word about an earlier one is about nothing.
    fn life(&mut self, record: &Record) -> Option<&mut Life> {
        let named = record.subject.generation;
        self.live.as_mut().filter(|life| named.is_none_or(|named| named == life.generation))
    }

    /// C16, C52a: the shim starts a program only for the generation that is wanted. The same process may be reported
    /// again, for an effect may be repeated (I6).
    fn started(&mut self, process: (u32, u64), record: &Record, findings: &mut Findings) {
        let Some(life) = self.life(record) else {
            return findings.missing("C16", record, "a session started that is not the one decided");
        };
        if let Some((pid, _)) = life.process.filter(|before| *before != process) {
            let what = format!("session {} runs in process {pid}, and again in {}", life.generation, process.0);
            findings.violation("C16", record, what);
        }
        life.process = Some(process);
    }

    fn turn(&mut self, turn: Option<Busy>, record: &Record) {
        if let Some(life) = self.life(record) {
            life.turn = turn;
        }
    }

    fn begun(&mut self, record: &Record, findings: &mut Findings) {
        let message = record.subject.message;
        let Some(life) = self.life(record) else { return };
        if let Some((before, other)) = life.delivering.filter(|(_, other)| *other != message) {
            let other = other.map_or_else(String::new, |other| format!(" of message {other}"));
            findings.violation("C30", record, format!("the delivery{other} of record {before} has not ended"));
        }
        life.delivering = Some((record.lsn, message));
    }

    /// Proven by an answer, a delivery is over whether or not its daemon lived to report an end (C14, C61a).
    fn delivered(&mut self, record: &Record) {
        if let Some(life) = self.life(record)
            && life.delivering.is_some_and(|(_, message)| message == record.subject.message)
        {
            life.delivering = None;
        }
    }

    fn gone(&mut self, record: &Record, findings: &mut Findings) {
        let named = record.subject.generation;
        self.leave(record);
        let gone = self.gone.as_mut().filter(|gone| named.is_none_or(|named| named == gone.generation));
        match gone {
            Some(gone) if gone.observed => {
                findings.violation("C44", record, "the end of the same session is recorded again".to_owned());
            }
            Some(gone) => gone.observed = true,
            None => findings.missing("C44", record, "a session is gone that no wake decided"),
        }
    }

    /// The life that the record names is over.
    fn leave(&mut self, record: &Record) {
        let named = record.subject.generation;
        if let Some(life) = self.live.take_if(|life| named.is_none_or(|named| named == life.generation)) {
            let (generation, reaped) = (life.generation, life.reaped);
            self.gone = Some(Gone { generation, observed: false, reaped, concluded: None });
        }
    }

    fn reaped(&mut self, reason: &ReapReason, record: &Record, findings: &mut Findings) {
        let Some(life) = self.life(record) else {
            return findings.missing("C36", record, "reaped, and it is not the live session");
        };
        for (rule, what) in broken_by(reason, life) {
            findings.violation(rule, record, what);
        }
        life.reaped = Some(record.lsn);
    }

    fn concluded(&mut self, reaped: Option<Lsn>, record: &Record, findings: &mut Findings) {
        // Nothing was ever started: the conclusion itself is the end.
        self.leave(record);
        let named = record.subject.generation;
        let gone = self.gone.as_mut().filter(|gone| named.is_none_or(|named| named == gone.generation));
        let Some(gone) = gone else {
            return findings.missing("C44", record, "the end of a session is concluded that was not live");
        };
        if let Some(before) = gone.concluded {
            let what = format!("the end of session {} was concluded at record {before}", gone.generation);
            findings.violation("C44", record, what);
        }
        match (reaped, gone.reaped) {
            (Some(named), found) if found != Some(named) => {
                findings.violation("C49", record, format!("ended by record {named}, which did not decide it"));
            }
            (None, Some(decided)) => {
                findings.violation(
                    "C44a",
                    record,
                    format!("called an end of its own, and record {decided} decided it"),
                );
            }
            _ => {}
        }
        gone.concluded = Some(record.lsn);
    }
}

impl Life {
    /// Whether it is news of the present turn.
    fn hears(&mut self, word: &TurnObserved, heard: Timestamp) -> bool {
        if word.turn == TurnSeen::Alive {
            return false;
        }
        if word.is_behind(self.turn_said) {
            self.turn_names.hears_late(&word.turn, word.turn_id.as_deref());
            return false;
        }
        let known = self.turn_names.hears(&word.turn, word.turn_id.as_deref());
        if known {
            self.turn_said = Some(word.said(heard));
        }
        known
    }
}

fn seen(turn: &TurnSeen) -> Option<Busy> {
    match turn {
        TurnSeen::Running => Some(Busy::Running),
        TurnSeen::Waiting { .. } => Some(Busy::Waiting),
        TurnSeen::Ended | TurnSeen::Idle | TurnSeen::Failed { .. } | TurnSeen::Background { .. } | TurnSeen::Alive => {
            None
        }
    }
}

fn judged(turn: &Turn) -> Option<Busy> {
    match turn {
        Turn::Running { .. } => Some(Busy::Running),
        Turn::Waiting { .. } => Some(Busy::Waiting),
        Turn::Unknown | Turn::Ended { .. } | Turn::Failed { .. } | Turn::Background { .. } => None,
    }
}

/// Which promises a reap for `reason` breaks, given what was known of the session.
fn broken_by(reason: &ReapReason, life: &Life) -> Vec<(&'static str, String)> {
    let (rule, figures) = match reason {
        ReapReason::Idle { idle_ms, idle_ms_max, .. } => ("C45", (*idle_ms, *idle_ms_max)),
        ReapReason::Done { quiet_ms, quiet_ms_max, .. } => ("C37", (*quiet_ms, *quiet_ms_max)),
        ReapReason::Unarmed { silent_ms, silent_ms_max } => ("C38", (*silent_ms, *silent_ms_max)),
        ReapReason::Stopped
        | ReapReason::Replaced
        | ReapReason::Removed
        | ReapReason::WakeFailed
        | ReapReason::Unneeded => return Vec::new(),
    };
    let mut broken = Vec::new();
    if figures.0 < figures.1 {
        broken.push((rule, format!("reaped after {} ms of silence, the limit is {} ms", figures.0, figures.1)));
    }
    match life.turn {
        Some(Busy::Running) => broken.push(("C46", "reaped while its turn was running".to_owned())),
        Some(Busy::Waiting) => broken.push(("C46", "reaped while it waited for a person".to_owned())),
        None => {}
    }
    if let Some((begun, _)) = life.delivering {
        broken.push(("C37", format!("reaped with a delivery in flight, since record {begun}")));
    }
    if let ReapReason::Done { armed, .. } = reason
        && life.armed.is_none_or(|found| *armed > found || *armed < life.generation.0)
    {
        broken.push(("C36", format!("reaped as answered by record {armed}, which did not arm this session")));
    }
    broken
}
