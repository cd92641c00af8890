//! What happens in worlds with hard luck: what is rare elsewhere comes often there, and to many at once.

use super::{What, World};
use crate::model::effect::SessionName;
use crate::model::session::Ending;
use crate::sim::disk::fault::{Failure, Op};
use crate::sim::faults::Fault;

/// Mean time between two misfortunes.
const PAUSE_MS: u64 = 1_200_000;
/// Times for which a disk is full.
const FULL_MS: (u64, u64) = (60_000, 3 * 3_600_000);

impl World {
    /// Something that hits everybody may happen, and the next one is put down.
    pub fn misfortune(&mut self) {
        let next = self.luck.below(PAUSE_MS * 2) + 1;
        self.later(next, What::Misfortune);
        if self.strikes(Fault::FullForHours) {
            self.full_until = self.now + self.luck.spread(FULL_MS.0, FULL_MS.1);
        }
        if self.strikes(Fault::ServersDie) {
            for name in self.all_running() {
                self.end(&name, Ending::TerminalLost { then: None });
            }
        }
        if self.strikes(Fault::ShimsKilled) {
            for name in self.all_running() {
                self.lose_shim(&name);
            }
        }
    }

    fn all_running(&self) -> Vec<SessionName> {
        self.lives.values().filter(|life| life.runs()).map(|life| life.name.clone()).collect()
    }

    /// Any way in which a call of a disk may say that it has failed, whatever it was to do.
    pub fn failure(&mut self) -> Failure {
        let op = *self.luck.pick(&[Op::Create, Op::Write, Op::Sync, Op::Rename]);
        *self.luck.pick(&Failure::each_of(op))
    }
}
