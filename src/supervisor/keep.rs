//! What is kept of history: when a snapshot is due, and what may go.

use std::io;

use super::{Asked, Host, Supervisor, Turn, snapshot};
use crate::journal::retention::{self, Limits, Needed};
use crate::journal::{AppendError, Committed, SnapshotError, Storage};
use crate::model::event::Event;
use crate::model::id::Lsn;
use crate::model::record::{Draft, Subject};
use crate::model::state::SCHEMA;
use crate::model::time::Timestamp;

/// How often the state is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Records after which a snapshot is taken at the next quiet moment; after four times as many it is taken at once,
    /// and after a tenth of them when the daemon ends in order.
    pub snapshot_records: u64,
}

impl Default for Keeping {
    /// 100,000 records: a start folds them in about the time that tmux takes to answer.
    fn default() -> Self {
        Self { snapshot_records: 100_000 }
    }
}

impl Keeping {
    /// Whether to take a snapshot now, `since` records after the last one.
    fn is_due(self, since: u64, moment: Moment) -> bool {
        match moment {
            Moment::Busy => since >= self.snapshot_records.saturating_mul(4),
            Moment::Quiet => since >= self.snapshot_records,
            Moment::End => since > self.snapshot_records / 10,
        }
    }
}

/// The moments at which history is looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Busy,
    Quiet,
    End,
}

/// What became of history at one moment.
#[derive(Debug, Default)]
pub struct Kept {
    /// Turns that were taken to say so.
    pub turns: Vec<Committed<Turn>>,
    /// What could not be done.
    pub failed: Vec<NotKept>,
}

/// Why a snapshot or a removal was not done. The journal is well, and it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    #[error("no snapshot was taken")]
    Snapshot(#[from] SnapshotError),
    #[error("the state cannot be written as JSON")]
    State(#[from] serde_json::Error),
    #[error("snapshots that are no longer kept could not be removed")]
    Snapshots(#[source] io::Error),
    /// Should the other one be lost as well, nothing would tell the state before the segments that would go.
    #[error("no segment was removed: the snapshot as of record {through} is not what its record says")]
    SnapshotDamaged { through: Lsn },
    #[error("segments before record {first_kept} could not be removed")]
    Segments {
        first_kept: Lsn,
        #[source]
        source: io::Error,
    },
}

impl<S: Storage, H: Host> Supervisor<S, H> {
    /// To be called after each turn: takes a snapshot that waited for a quiet moment too long.
    ///
    /// # Errors
    ///
    /// As [`Supervisor::turn`].
    pub fn keep_busy(&mut self, now: Timestamp) -> Result<Kept, AppendError> {
        self.keep(now, Moment::Busy)
    }

    /// To be called once after a quiet moment: takes the snapshot that is due, removes what the settings no longer keep,
    /// and leaves a witness in the journal that its last batch was durable.
    ///
    /// # Errors
    ///
    /// As [`Supervisor::turn`].
    pub fn keep_quiet(&mut self, now: Timestamp) -> Result<Kept, AppendError> {
        let kept = self.keep(now, Moment::Quiet)?;
        self.journal.mark()?;
        Ok(kept)
    }

    /// Takes a last snapshot, if it spares the next start a good part of its work, and closes the journal in order.
    ///
    /// # Errors
    ///
    /// The records are durable all the same; only the seal of the last segment is missing.
    pub fn close(mut self, now: Timestamp) -> Result<Kept, AppendError> {
        let kept = self.keep(now, Moment::End)?;
        self.journal.close()?;
        Ok(kept)
    }

    fn keep(&mut self, now: Timestamp, moment: Moment) -> Result<Kept, AppendError> {
        let mut kept = Kept::default();
        if self.is_due(moment) {
            self.snapshot(now, &mut kept)?;
        } else if moment != Moment::Quiet {
            return Ok(kept);
        }
        if self.snapshots_kept.as_ref() != Some(&self.state.snapshots) {
            match self.journal.keep_snapshots(&self.state.snapshots) {
                Ok(()) => self.snapshots_kept = Some(self.state.snapshots.clone()),
                Err(error) => kept.failed.push(NotKept::Snapshots(error)),
            }
        }
        self.remove(now, &mut kept)?;
        Ok(kept)
    }

    fn is_due(&self, moment: Moment) -> bool {
        let last = self.state.snapshots.last().map_or(Lsn::ZERO, |taken| taken.through);
        self.keeping.is_due(self.state.lsn.0 - last.max(self.attempted).0, moment)
    }

    /// Keeps the state as of the last record, and says so in the next.
    fn snapshot(&mut self, now: Timestamp, kept: &mut Kept) -> Result<(), AppendError> {
        let written = snapshot::encode(&self.state)
            .map_err(NotKept::from)
            .and_then(|state| Ok(self.journal.write_snapshot(SCHEMA, &state)?));
        match written {
            Ok(taken) => kept.turns.push(self.say(now, taken)?),
            Err(error) => {
                // Not again at once: a disk that is full or slow has enough to do.
                self.attempted = self.state.lsn;
                // It may have left a file.
                self.snapshots_kept = None;
                kept.failed.push(error);
            }
        }
        Ok(())
    }

    /// Removes what the settings no longer keep and nobody needs, or what an earlier removal has left.
    fn remove(&mut self, now: Timestamp, kept: &mut Kept) -> Result<(), AppendError> {
        let settings = &self.state.settings;
        let limits = Limits { bytes_max: settings.retain_bytes, age_ms_max: settings.retain_age_ms };
        // What a removal has named is no history any more, even where its files could not be removed yet.
        let begins = self.state.removed.as_ref().map_or(Lsn(1), |removed| removed.what.first_kept);
        let (sealed, written) = (self.journal.sealed(), self.journal.written());
        let sealed = &sealed[sealed.partition_point(|segment| segment.first_lsn < begins)..];
        let plan = retention::plan(sealed, written, self.needed(), limits, now.wall_us);
        if let Some(plan) = plan {
            // Read back now: from here on they are all that tells the state before the segments that go.
            match self.state.snapshots.iter().find(|taken| !self.journal.has_snapshot(taken)) {
                Some(damaged) => kept.failed.push(NotKept::SnapshotDamaged { through: damaged.through }),
                None => kept.turns.push(self.say(now, plan)?),
            }
        }
        if let Some(removed) = &self.state.removed {
            let first_kept = removed.what.first_kept;
            let outcome = self.journal.remove_before(first_kept);
            kept.failed.extend(outcome.err().map(|source| NotKept::Segments { first_kept, source }));
        }
        Ok(())
    }

    fn needed(&self) -> Needed {
        let older = match &self.state.snapshots[..] {
            [older, _newer] => Some(older.through),
            _ => None,
        };
        Needed { older_snapshot: older, oldest_record: self.state.oldest_needed() }
    }

    fn say(&mut self, now: Timestamp, event: impl Into<Event>) -> Result<Committed<Turn>, AppendError> {
        self.turn(now, vec![Asked::seen(Draft::own(Subject::NONE, None, event))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In quiet once there is enough to spare the next start, in a rush only when there is much too much, at the end when
    /// it is a good part.
    #[test]
    fn a_snapshot_waits_for_quiet_but_not_for_ever() {
        let often = Keeping::default();
        for (moment, last_without, first_with) in
            [(Moment::Busy, 399_999, 400_000), (Moment::Quiet, 99_999, 100_000), (Moment::End, 10_000, 10_001)]
        {
            assert!(!often.is_due(last_without, moment), "{last_without} records, {moment:?}");
            assert!(often.is_due(first_with, moment), "{first_with} records, {moment:?}");
        }
    }
}
