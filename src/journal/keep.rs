//! What a journal keeps besides its records: snapshots; and what it keeps no longer.

use std::io;

use super::format::snapshot::Snapshot;
use super::format::{index_name, segment_name, snapshot_name};
use super::retention::SealedSegment;
use super::snapshot::{self, SnapshotError};
use super::storage::Storage;
use super::writer::Journal;
use crate::model::event::SnapshotTaken;
use crate::model::id::Lsn;

impl<S: Storage> Journal<S> {
    /// Those that are complete, oldest first.
    pub fn sealed(&self) -> &[SealedSegment] {
        &self.sealed
    }

    /// Bytes written into the segment that is not complete yet.
    pub fn written(&self) -> u64 {
        self.active.tail()
    }

    /// Keeps `state`, of revision `schema`, as what all records so far add up to. Returns what the record has to say
    /// that proves it; without that record the snapshot is never believed.
    ///
    /// Costs two syncs, and reads back what was written.
    ///
    /// # Errors
    ///
    /// Nothing of the journal is touched by one; the next attempt, or the next open, clears away what it has left.
    pub fn write_snapshot(&self, schema: u16, state: &[u8]) -> Result<SnapshotTaken, SnapshotError> {
        if self.failed {
            return Err(SnapshotError::Failed);
        }
        if self.durable == Lsn::ZERO {
            return Err(SnapshotError::NoRecord);
        }
        let header = &self.active.header;
        // Without a record of its own yet, the segment that holds the last one is that before.
        let segment = match self.active.records() {
            0 => (header.number - 1, header.previous_salt),
            _ => (header.number, header.salt),
        };
        let snapshot = Snapshot::of(header.journal, self.durable, segment, schema, state);
        snapshot::write(&*self.storage, &snapshot)?;
        Ok(snapshot.taken())
    }

    /// Whether the file of this snapshot is still what its record says.
    pub fn has_snapshot(&self, taken: &SnapshotTaken) -> bool {
        snapshot::read(&*self.storage, taken.through).is_ok_and(|snapshot| snapshot.taken() == *taken)
    }

    /// Removes the files of all snapshots but `kept`.
    ///
    /// # Errors
    ///
    /// What the file system says. Files that are left do no harm and are tried again by the next call.
    pub fn keep_snapshots(&self, kept: &[SnapshotTaken]) -> io::Result<()> {
        let others = snapshot::newest_first(&self.storage.list()?);
        let others = others.into_iter().filter(|through| kept.iter().all(|kept| kept.through != *through));
        let mut removed = false;
        for through in others {
            self.storage.remove(&snapshot_name(through))?;
            removed = true;
        }
        if removed { self.storage.sync_folder() } else { Ok(()) }
    }

    /// Removes the sealed segments whose last record is before `first_kept`, the oldest first, with their indexes. The
    /// record that says so is durable already.
    ///
    /// Costs a sync of the folder for each: after a crash too the segments that are left have no gap.
    ///
    /// # Errors
    ///
    /// What the file system says. What is left is removed by the next call or the next open.
    pub fn remove_before(&mut self, first_kept: Lsn) -> io::Result<()> {
        let going = self.sealed.partition_point(|segment| segment.last_lsn < first_kept);
        if going == 0 {
            return Ok(());
        }
        let names = self.storage.list()?;
        // Nobody looks there any more, whether or not the file has gone.
        self.source.removed(first_kept);
        for _ in 0..going {
            let first_lsn = self.sealed[0].first_lsn;
            let index = index_name(first_lsn);
            if names.contains(&index) {
                self.storage.remove(&index)?;
            }
            self.storage.remove(&segment_name(first_lsn))?;
            self.storage.sync_folder()?;
            self.sealed.remove(0);
        }
        Ok(())
    }
}
