//! Snapshots as witnesses of a journal's end (`journal-format.md`, section 8).

use std::path::Path;

use crate::journal::directory;
use crate::journal::format::snapshot::Snapshot;
use crate::journal::format::snapshot_name;
use crate::journal::reader::{self, ReadError};
use crate::journal::snapshot::newest_first;
use crate::model::id::Lsn;

/// The last records of the snapshots in `dir`, newest first, as their names say.
pub(super) fn names(dir: &Path) -> Result<Vec<Lsn>, ReadError> {
    Ok(newest_first(&reader::names(dir)?))
}

/// The greatest record behind `last` that a snapshot of `journal` with a right header has seen. One that cannot be read
/// proves nothing; without a segment nobody knows the journal, and any snapshot speaks for it.
pub(super) fn behind(dir: &Path, snapshots: &[Lsn], journal: Option<[u8; 16]>, last: Lsn) -> Option<Lsn> {
    snapshots.iter().copied().take_while(|through| *through > last).find(|&through| {
        let file = directory::read(&dir.join(snapshot_name(through))).ok();
        let snapshot = file.and_then(|file| Snapshot::read(through, file).ok());
        snapshot.is_some_and(|snapshot| journal.is_none_or(|journal| snapshot.journal == journal))
    })
}
