//! What the disk does to a daemon: in its turns, and while it starts.

use rustix::io::Errno;

use crate::sim::disk::Failure;
use crate::sim::disk::fault::Kept;
use crate::sim::faults::Fault;
use crate::sim::run::Sim;

/// A start takes fewer calls of the disk than this, of which fewer than that change something.
const START_CALLS: u64 = 400;
const START_OPS: u64 = 24;

impl Sim {
    pub(super) fn plan_disk_faults(&mut self) {
        let next = self.disk.call_count() + self.world.now as usize % 3;
        self.disk.set_full(self.world.full_until > self.world.now);
        if self.world.strikes(Fault::WriteFails) {
            self.disk.fail_at(next, Failure::Refused(Errno::IO));
        }
        if self.world.strikes(Fault::SyncFails) {
            self.disk.fail_at(next, Failure::PagesLost(Kept::EverySecond, Errno::IO));
        }
        if self.world.strikes(Fault::CallFails) {
            let failure = self.world.failure();
            self.disk.fail_at(next, failure);
        }
        if self.world.strikes(Fault::KilledAtWrite) {
            self.disk.die_after(self.disk.ops() + self.world.now as usize % 5);
        }
        if self.world.strikes(Fault::CutInWrite) {
            self.disk.die_after(self.disk.ops() + 1);
            self.cut_off = true;
        }
    }

    /// For a daemon that has called nothing yet.
    pub(super) fn plan_faults_of_a_start(&mut self) {
        self.disk.set_full(self.world.full_until > self.world.now);
        if self.world.strikes(Fault::StartFails) {
            let call = self.world.luck.spread(1, START_CALLS) as usize;
            let failure = self.world.failure();
            self.disk.fail_at(call, failure);
        }
        if self.world.strikes(Fault::KilledAtStart) {
            self.disk.die_after(self.world.luck.below(START_OPS) as usize);
        }
    }
}
