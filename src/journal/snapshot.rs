//! Snapshots on the disk: how one gets there, why one is not used, and what readers find.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use super::directory;
use super::format::snapshot::{Snapshot, SnapshotFault};
use super::format::{segment_name, snapshot_name, snapshot_through};
use super::reader::{ReadError, Reader};
use super::storage::{Storage, StorageFile};
use crate::model::event::{Event, Fact, SnapshotTaken};
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

/// The snapshots in a journal's folder, as its own records see them.
#[derive(Debug, Default)]
pub struct Snapshots {
    /// Oldest first.
    pub proved: Vec<Snapshot>,
    /// Named by a record, and not what it says; or left by a crash that came before the record.
    pub unusable: Vec<Unusable>,
}

/// Looks at the snapshots beside the records of `reader`. Writes nothing.
///
/// Costs reading them, and a record or two each: the one that proves a snapshot comes next after it.
///
/// # Errors
///
/// The folder cannot be listed.
pub fn snapshots(reader: &Reader) -> Result<Snapshots, ReadError> {
    let names = directory::list(&reader.dir).map_err(|error| ReadError::io(&reader.dir, error))?;
    let mut found = Snapshots::default();
    for through in newest_first(&names).into_iter().rev() {
        let path = reader.dir.join(snapshot_name(through));
        let file = directory::read(&path).map_err(NotUsed::Unreadable);
        let snapshot = file.and_then(|file| Ok(Snapshot::read(through, file)?));
        match snapshot.and_then(|snapshot| proved(reader, snapshot)) {
            Ok(snapshot) => found.proved.push(snapshot),
            // Removed since the folder was listed, for newer ones.
            Err(NotUsed::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(because) => found.unusable.push(Unusable { path, because }),
        }
    }
    Ok(found)
}

/// `snapshot`, if a record behind it names it with its digest.
fn proved(reader: &Reader, snapshot: Snapshot) -> Result<Snapshot, NotUsed> {
    let through = snapshot.through;
    if through.next() < reader.first_lsn() {
        return Err(NotUsed::TooOld { through, first: reader.first_lsn() });
    }
    let names = |record: Result<crate::model::record::Record, ReadError>| match record.ok()?.event {
        Event::Fact(Fact::SnapshotTaken(taken)) if taken.through == through => Some(taken),
        _ => None,
    };
    let named: Option<SnapshotTaken> = reader.records(through.next()).find_map(names);
    let (found, expected) = (snapshot.taken().digest, named.ok_or(NotUsed::Unproved)?.digest);
    if found == expected { Ok(snapshot) } else { Err(NotUsed::Digest { found, expected }) }
}

impl Reader {
    /// The file that holds [`Reader::first_lsn`].
    pub fn first_segment(&self) -> PathBuf {
        self.dir.join(segment_name(self.first_lsn()))
    }
}
