//! How a daemon ends: by a signal, by a kill, with the machine, or because its journal refuses.

use super::{Daemon, Waiter};
use crate::model::event::DaemonStopped;
use crate::model::record::{Draft, Subject};
use crate::model::session::Ending;
use crate::sim::faults::Fault;
use crate::sim::hands::is_managed;
use crate::sim::run::Sim;
use crate::sim::world::people::Told;
use crate::sim::world::{Heard, What};
use crate::supervisor::Asked;

impl Sim {
    /// Something happens to the machine, or to the daemon alone.
    pub(in crate::sim) fn machine(&mut self) {
        self.world.machine();
        if self.world.people.chance.one_in(3) && self.world.listens {
            let in_order = self.world.people.chance.one_in(2);
            self.kill(in_order);
        }
    }

    /// The daemon ends: by a signal it obeys, or by one it cannot.
    pub(in crate::sim) fn kill(&mut self, in_order: bool) {
        let Some(mut daemon) = self.daemon.take() else { return };
        if in_order {
            let stopped = DaemonStopped { why: "SIGTERM".to_owned() };
            let asked = vec![Asked::seen(Draft::own(Subject::NONE, None, stopped))];
            let Ok(turn) = daemon.supervisor.turn(self.world.timestamp(), asked) else { return self.refuses(daemon) };
            self.committed(&mut daemon, turn, vec![Waiter::Nobody]);
            self.stops_listening();
            let Daemon { supervisor, .. } = *daemon;
            if let Ok(kept) = supervisor.close(self.world.timestamp()) {
                for turn in kept.turns {
                    let turn = turn.into_inner();
                    for group in &turn.groups {
                        self.look_on(group);
                        self.history.extend(group.iter().cloned());
                    }
                }
            }
            return self.restart_later();
        }
        self.died(Some(daemon));
    }

    /// None: it had not come so far as to be one.
    pub(super) fn died(&mut self, daemon: Option<Box<Daemon>>) {
        drop(daemon);
        self.stops_listening();
        if self.world.strikes(Fault::PowerCut) | std::mem::take(&mut self.cut_off) {
            self.power_cut();
        }
        self.restart_later();
    }

    fn restart_later(&mut self) {
        self.disk.process_died();
        let down_ms = self.world.down_ms.take();
        let ms = down_ms.unwrap_or_else(|| self.world.people.chance.spread(300, 120_000));
        self.world.later(ms, What::Start(self.world.daemon + 1));
    }

    /// The journal refuses: state, lanes and writer are dropped, and it is opened again with growing delay (C63).
    pub(super) fn refuses(&mut self, daemon: Box<Daemon>) {
        drop(daemon);
        self.stops_listening();
        self.open_again_later();
    }

    pub(super) fn open_again_later(&mut self) {
        self.disk.process_died();
        let ms = (1_000 << self.refusals.min(6)).min(60_000);
        self.refusals += 1;
        self.world.later(ms, What::Start(self.world.daemon + 1));
    }

    fn stops_listening(&mut self) {
        self.world.listens = false;
        for heard in std::mem::take(&mut self.world.heard) {
            if let Heard::Call { number, .. } = heard {
                self.tell_caller(number, Told::InDoubt);
            } else {
                self.world.unheard(heard);
            }
        }
    }

    /// The machine is gone: what was not synced may be on the disk or not, and nothing runs any more.
    fn power_cut(&mut self) {
        let chance = &mut self.world.people.chance;
        let written = self.disk.dirty().into_iter().filter(|_| chance.one_in(2)).collect();
        let new_names = chance.one_in(2);
        self.disk = self.disk.after_crash(&written, new_names);
        let spools = self.world.lives.values().map(|life| life.name.clone()).collect::<Vec<_>>();
        for name in spools {
            self.world.end_tree(&name, Ending::MachineDown);
        }
        self.world.lives.retain(|name, _| !is_managed(name));
        self.world.clock.boot(self.world.now);
        self.world.clock.shift(20_000);
        self.put_foreign_sessions();
    }
}
