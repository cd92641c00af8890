//! Snapshots on the disk: how one gets there, and why one is not used.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use super::format::snapshot::{Snapshot, SnapshotFault};
use super::format::{snapshot_name, snapshot_through};
use super::storage::{Storage, StorageFile};
use crate::model::id::Lsn;

/// A snapshot on its way; not part of the journal.
pub(super) const UNFINISHED: &str = "snap.tmp";

/// Why a snapshot was not taken. The journal is as it was, and the same may succeed later.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("cannot {doing} {}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} reads back differently than it was written, from byte {offset} on", path.display())]
    ReadsDifferently { path: PathBuf, offset: u64 },
    #[error("there is no record yet that a snapshot could be taken after")]
    NoRecord,
    #[error("the journal failed before and has to be opened again")]
    Failed,
}

/// A snapshot that a start or a reader did not begin from.
#[derive(Debug, thiserror::Error)]
#[error("snapshot {} is not used", path.display())]
pub struct Unusable {
    pub path: PathBuf,
    #[source]
    pub because: NotUsed,
}

/// Why a snapshot is not used.
#[derive(Debug, thiserror::Error)]
pub enum NotUsed {
    #[error("it cannot be read")]
    Unreadable(#[source] io::Error),
    #[error(transparent)]
    Damaged(#[from] SnapshotFault),
    #[error("its {field} is not that of the segment of record {through}")]
    Foreign { field: &'static str, through: Lsn },
    #[error("records from {} on are needed behind it, and the first that is kept is record {first}", through.next())]
    TooOld { through: Lsn, first: Lsn },
    /// A crash came between the file and its record, or the file is none of ours.
    #[error("no `snapshot_taken` record names it")]
    Unproved,
    #[error("it has digest {found}, its record says {expected}")]
    Digest { found: String, expected: String },
    #[error("its state cannot be used")]
    State(#[source] Box<dyn Error + Send + Sync>),
}

/// Writes `snapshot` under its own name, durably. Costs two syncs, and reading it back from the device.
pub(super) fn write(storage: &impl Storage, snapshot: &Snapshot) -> Result<(), SnapshotError> {
    let path = storage.path().join(UNFINISHED);
    let failed = |doing| {
        let path = path.clone();
        move |source| SnapshotError::Io { doing, path, source }
    };
    let bytes = snapshot.bytes();
    let file = storage.create(UNFINISHED, bytes.len() as u64).map_err(failed("create"))?;
    file.write_at(bytes, 0).map_err(failed("write"))?;
    file.sync().map_err(failed("sync"))?;
    // A cache that has outlived a failed write would say what the device does not have.
    file.forget_cache();
    let mut back = vec![0; bytes.len()];
    file.read_at(&mut back, 0).map_err(failed("read"))?;
    if let Some(offset) = bytes.iter().zip(&back).position(|(written, read)| written != read) {
        return Err(SnapshotError::ReadsDifferently { path, offset: offset as u64 });
    }
    storage.rename(UNFINISHED, &snapshot_name(snapshot.through)).map_err(failed("rename"))?;
    storage.sync_folder().map_err(failed("sync the folder of"))
}

/// The snapshot after record `through`, with a right header.
pub(super) fn read(storage: &impl Storage, through: Lsn) -> Result<Snapshot, NotUsed> {
    let file = storage.open(&snapshot_name(through)).map_err(NotUsed::Unreadable)?;
    let mut bytes = vec![0; file.bytes().map_err(NotUsed::Unreadable)? as usize];
    file.read_at(&mut bytes, 0).map_err(NotUsed::Unreadable)?;
    Ok(Snapshot::read(through, bytes)?)
}

/// The snapshots among `names`, newest first.
pub(super) fn newest_first(names: &[String]) -> Vec<Lsn> {
    let mut found: Vec<Lsn> = names.iter().filter_map(|name| snapshot_through(name)).collect();
    found.sort_by(|a, b| b.cmp(a));
    found
}
