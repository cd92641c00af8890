//! A daemon's first turns: what the journal says is compared with the world, then it serves (C60).

use super::{Asked, Host, Supervisor, Turn};
use crate::journal::{AppendError, Committed, Storage};
use crate::model::effect::{Liveness, SessionName};
use crate::model::event::{
    DaemonReady, DaemonStarted, Event, RuntimeTraits, RuntimesChanged, SessionAdopted, SessionGone, SessionNotKnown,
    SettingsChanged,
};
use crate::model::record::{Draft, Subject};
use crate::model::session::Ending;
use crate::model::time::Timestamp;
use crate::mutant::{Bug, bug};

/// What a daemon brings to its start.
#[derive(Debug)]
pub struct Begin {
    pub started: DaemonStarted,
    pub settings: SettingsChanged,
    pub runtimes: Vec<RuntimeTraits>,
}

/// What a start has found and said.
#[derive(Debug)]
pub struct Began {
    /// Sessions that live, or may.
    pub alive: Vec<SessionName>,
    pub turns: [Committed<Turn>; 2],
}

impl<S: Storage, H: Host> Supervisor<S, H> {
    /// Looks at every session it knows, says that it started, takes the spools, then says what it has seen.
    ///
    /// `spooled` is what agents said while no daemon answered, in order (C61a). It is asked for after the look, so that
    /// the last word of a session that is gone lies there by then, and settled before it.
    ///
    /// # Errors
    ///
    /// As [`Supervisor::turn`].
    pub fn begin(
        &mut self,
        now: Timestamp,
        begin: Begin,
        spooled: impl FnOnce() -> Vec<Asked>,
    ) -> Result<Began, AppendError> {
        let Begin { started, settings, runtimes } = begin;
        let (found, alive) = self.look_around();
        let mut first = vec![seen(Subject::NONE, started)];
        if self.state.settings != settings.settings {
            first.push(seen(Subject::NONE, settings));
        }
        let known: Vec<RuntimeTraits> = self.state.runtimes.values().cloned().collect();
        if known != runtimes {
            first.push(seen(Subject::NONE, RuntimesChanged { runtimes }));
        }
        first.extend(spooled().into_iter().filter(|_| !bug(Bug::SpoolLost)));
        // Nothing comes due before it is known what still lives.
        let turns = [self.turn_with(now, None, first)?, self.turn_with(now, None, found)?];
        Ok(Began { alive, turns })
    }

    /// What there is to say of each session, and those that live.
    fn look_around(&mut self) -> (Vec<Asked>, Vec<SessionName>) {
        let sessions = if bug(Bug::ReconciliationSkipped) { Vec::new() } else { self.sessions() };
        let mut found = Vec::with_capacity(sessions.len() + 1);
        let mut alive = Vec::new();
        let mut ready = DaemonReady { adopted: 0, gone: 0, not_known: 0 };
        for name in sessions {
            let (liveness, turn) = self.host.survey(&name);
            let subject = Subject::session(&name.peer, name.generation);
            let liveness = match liveness {
                Liveness::NotKnown { why } if bug(Bug::NotKnownIsGone) => {
                    Liveness::Gone { ending: Ending::NotKnown { why }, lived_ms: 0, strays: 0 }
                }
                told => told,
            };
            match liveness {
                Liveness::Alive { pid } => {
                    ready.adopted += 1;
                    found.push(seen(subject, SessionAdopted { pid, turn }));
                    alive.push(name);
                }
                Liveness::Gone { ending, lived_ms, strays } => {
                    ready.gone += 1;
                    found.push(seen(subject, SessionGone { ending, lived_ms, strays, found_at_start: true }));
                }
                Liveness::NotKnown { why } => {
                    ready.not_known += 1;
                    let question = "whether it lives".to_owned();
                    found.push(seen(subject, SessionNotKnown { question, why }));
                    alive.push(name);
                }
            }
        }
        found.push(seen(Subject::NONE, ready));
        (found, alive)
    }

    /// Every session the state knows, also those on their way out.
    pub fn sessions(&self) -> Vec<SessionName> {
        let sessions = self.state.presences.iter().filter_map(|(peer, presence)| {
            let generation = presence.session.as_ref()?.generation;
            Some(SessionName { peer: peer.clone(), generation })
        });
        sessions.collect()
    }
}

fn seen(subject: Subject, event: impl Into<Event>) -> Asked {
    Asked::seen(Draft::own(subject, None, event))
}
