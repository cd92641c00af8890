//! Reading records by lsn in the writer's own process, while it appends.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::active::Active;
use super::format::header::SegmentHeader;
use super::format::segment_name;
use super::lookup;
use super::reader::ReadError;
use super::scan::Scan;
use super::storage::{Storage, StorageFile};
use super::window::Copied;
use crate::model::id::Lsn;
use crate::model::record::Record;

/// One place is remembered for so many bytes of the active segment, and as many are read at a time.
const STRIDE_BYTES: u64 = 16 << 10;

/// Records by lsn: cheap to clone, for any thread. Shows only what is durable.
///
/// A journal opened anew has a new source; an old one goes on showing what it knew.
#[derive(Clone)]
pub struct RecordSource {
    folder: Arc<dyn Folder>,
    index: Arc<RwLock<Index>>,
}

impl std::fmt::Debug for RecordSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordSource").field("path", &self.folder.path()).finish_non_exhaustive()
    }
}

/// A [`Storage`] without its type.
trait Folder: Send + Sync {
    fn path(&self) -> &Path;
    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>>;
}

impl<S: Storage> Folder for S {
    fn path(&self) -> &Path {
        Storage::path(self)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(Storage::open(self, name)?))
    }
}

/// Where records are.
pub(super) struct Index {
    /// First lsns of the sealed segments.
    sealed: BTreeSet<Lsn>,
    file: Arc<dyn StorageFile>,
    header: SegmentHeader,
    /// Every [`STRIDE_BYTES`] or so of the active segment: a record's place and lsn.
    places: Vec<(u64, Lsn)>,
    durable: Lsn,
}

impl Index {
    pub(super) fn new<F: StorageFile>(sealed: Vec<Lsn>, active: &Active<F>, durable: Lsn) -> Self {
        let file: Arc<dyn StorageFile> = Arc::<F>::clone(&active.file);
        Self { sealed: sealed.into_iter().collect(), file, header: active.header, places: Vec::new(), durable }
    }
}

/// Where a durable record is looked for.
enum Place {
    Sealed {
        first_lsn: Lsn,
    },
    /// `before` is a record's offset and lsn, at most a stride before.
    Active {
        file: Arc<dyn StorageFile>,
        header: SegmentHeader,
        before: (u64, Lsn),
    },
}

impl Place {
    fn first_lsn(&self) -> Lsn {
        match self {
            Place::Sealed { first_lsn } => *first_lsn,
            Place::Active { header, .. } => header.first_lsn,
        }
    }
}

impl RecordSource {
    pub(super) fn new<S: Storage>(storage: Arc<S>, index: Index) -> Self {
        Self { folder: storage, index: Arc::new(RwLock::new(index)) }
    }

    /// Records at these places of the active segment are durable.
    pub(super) fn committed(&self, places: &[(u64, Lsn)], durable: Lsn) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for &(offset, lsn) in places {
            if index.places.last().is_none_or(|(last, _)| offset - last >= STRIDE_BYTES) {
                index.places.push((offset, lsn));
            }
        }
        index.durable = durable;
    }

    pub(super) fn rotated<F: StorageFile>(&self, active: &Active<F>) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if index.header.first_lsn < active.header.first_lsn {
            let sealed = index.header.first_lsn;
            index.sealed.insert(sealed);
        }
        index.places.clear();
        index.header = active.header;
        index.file = Arc::<F>::clone(&active.file);
    }

    /// The segments before `first_kept` are no longer looked into.
    pub(super) fn removed(&self, first_kept: Lsn) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.sealed = index.sealed.split_off(&first_kept);
    }

    /// The record `lsn`.
    ///
    /// Costs a read or two of 16 KiB in the active segment, and an open file more in a sealed one.
    ///
    /// # Errors
    ///
    /// [`ReadError::Missing`] if it is not durable yet, never was, or was removed; damage with its place.
    pub fn record(&self, lsn: Lsn) -> Result<Record, ReadError> {
        let missing = || ReadError::Missing { lsn };
        let place = self.place(lsn).ok_or_else(missing)?;
        let name = segment_name(place.first_lsn());
        let path = self.folder.path().join(&name);
        let found = match place {
            Place::Active { file, header, before } => {
                let mut scan = Scan::new(self.window(file, &path)?, header);
                scan.jump(before);
                lookup::hop(&mut scan, lsn)
            }
            Place::Sealed { first_lsn } => {
                let file = self.folder.open(&name).map_err(|error| ReadError::io(&path, error))?;
                let mut window = self.window(file, &path)?;
                let header = lookup::header(&mut window, first_lsn).map_err(|trouble| ReadError::at(&path, trouble))?;
                let mut scan = Scan::new(window, header);
                lookup::approach(&mut scan, lsn);
                lookup::hop(&mut scan, lsn)
            }
        };
        found.map_err(|trouble| ReadError::at(&path, trouble))?.ok_or_else(missing)
    }

    fn place(&self, lsn: Lsn) -> Option<Place> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        if lsn == Lsn::ZERO || lsn > index.durable {
            return None;
        }
        if lsn < index.header.first_lsn {
            return index.sealed.range(..=lsn).next_back().map(|&first_lsn| Place::Sealed { first_lsn });
        }
        let known = index.places.partition_point(|(_, first)| *first <= lsn);
        let before = *index.places.get(known.checked_sub(1)?)?;
        Some(Place::Active { file: Arc::clone(&index.file), header: index.header, before })
    }

    fn window(&self, file: Arc<dyn StorageFile>, path: &Path) -> Result<Copied<Arc<dyn StorageFile>>, ReadError> {
        Copied::with_ahead(file, STRIDE_BYTES).map_err(|error| ReadError::io(path, error))
    }
}
