//! A scripted history as a daemon would have left it: facts that came of an effect name the decision behind it, and a session
//! has lived as long as its records say.

use std::collections::BTreeMap;

use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::id::{Generation, Lsn};
use dormouse::model::message::SessionBefore;
use dormouse::model::name::Identity;
use dormouse::model::record::Record;
use dormouse::model::session::Ending;
use dormouse::model::time::Timestamp;

/// What a script says of every session that is gone.
const SCRIPTED_MS: u64 = 41_000;

#[derive(Default)]
struct Lives {
    /// The newest decision of a kind about a session.
    decided: BTreeMap<(&'static str, Generation), Lsn>,
    woken: BTreeMap<Generation, Timestamp>,
    /// When it was last heard of.
    heard: BTreeMap<Generation, Timestamp>,
    /// How long the newest session of a peer that is gone has lived.
    lived_ms: BTreeMap<Identity, u64>,
}

pub fn lifelike(mut records: Vec<Record>) -> Vec<Record> {
    let mut lives = Lives::default();
    for record in &mut records {
        if let (Event::Fact(fact), None, Some(generation)) = (&record.event, record.cause, record.subject.generation) {
            record.cause = lives.behind(fact, generation);
        }
        lives.ages(record);
        lives.note(record);
    }
    records
}

impl Lives {
    fn behind(&self, fact: &Fact, generation: Generation) -> Option<Lsn> {
        let newest = |kind| self.decided.get(&(kind, generation)).copied();
        match fact {
            Fact::SessionStarted(_) | Fact::BoxOpened(_) | Fact::LaunchFailed(_) => Some(generation.0),
            Fact::DeliveryBegun(_) | Fact::DeliveryWaiting(_) | Fact::DeliveryEnded(_) => newest("delivery_decided"),
            Fact::SessionLooked(_) => newest("look_decided"),
            Fact::VerbEnded(_) => newest("verb_decided"),
            Fact::KillFailed(_) => newest("reaped"),
            Fact::SessionGone(it) if !it.found_at_start => newest("reaped"),
            _ => None,
        }
    }

    fn ages(&mut self, record: &mut Record) {
        let Some(peer) = record.subject.peer.clone() else { return };
        if let (Event::Fact(Fact::SessionGone(gone)), Some(generation)) = (&record.event, record.subject.generation)
            && let Some(woken) = self.woken.get(&generation)
        {
            let until = match gone.ending {
                Ending::MachineDown | Ending::NotKnown { .. } => self.heard[&generation],
                _ => record.at,
            };
            self.lived_ms.insert(peer.clone(), until.since(*woken));
        }
        let Some(lived_ms) = self.lived_ms.get(&peer).copied() else { return };
        let before =
            |before: &mut Option<SessionBefore>| before.iter_mut().for_each(|it| tell(&mut it.lived_ms, lived_ms));
        match &mut record.event {
            Event::Fact(Fact::SessionGone(it)) => tell(&mut it.lived_ms, lived_ms),
            Event::Decision(Decision::SessionDied(it)) => tell(&mut it.lived_ms, lived_ms),
            Event::Decision(Decision::SessionFinished(it)) => tell(&mut it.lived_ms, lived_ms),
            Event::Decision(Decision::MessageRequeued(it)) => before(&mut it.session_before),
            Event::Decision(Decision::DeliveryDecided(it)) => before(&mut it.session_before),
            _ => {}
        }
    }

    fn note(&mut self, record: &Record) {
        let Some(generation) = record.subject.generation.or_else(|| {
            matches!(record.event, Event::Decision(Decision::WakeDecided(_))).then_some(Generation(record.lsn))
        }) else {
            return;
        };
        self.woken.entry(generation).or_insert(record.at);
        self.heard.insert(generation, record.at);
        if matches!(record.event, Event::Decision(_)) {
            self.decided.insert((record.event.kind().name, generation), record.lsn);
        }
    }
}

fn tell(told_ms: &mut u64, lived_ms: u64) {
    if *told_ms == SCRIPTED_MS {
        *told_ms = lived_ms;
    }
}
