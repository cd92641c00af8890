//! Index files: making the missing ones, and reading one as far as a question needs it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::directory;
use super::super::format::index::{Blocks, IndexHeader, Names};
use super::super::format::seal::Digest;
use super::super::format::{INDEX_HEADER_BYTES, index_first_lsn, index_name, segment_first_lsn, segment_name};
use super::super::lookup;
use super::super::reader::{FileScan, ReadError};
use super::super::scan::Scan;
use super::super::window::Copied;
use super::build::{Built, build};
use crate::model::id::{Lsn, MessageId};

/// An index under way; never more than one.
const UNDER_WAY: &str = "index.tmp";

/// Why a segment has no index. Nothing is lost: whoever looks something up reads the segment instead.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("segment {} has records that cannot be indexed", segment.display())]
    Segment {
        segment: PathBuf,
        #[source]
        source: ReadError,
    },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Makes the indexes that are missing in one journal's folder. The writer may be at work; only one indexer may be.
#[derive(Debug)]
pub struct Indexer {
    dir: PathBuf,
    /// Sealed segments with an index that fits, or with one that cannot be made by this build.
    settled: BTreeSet<Lsn>,
}

impl Indexer {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, settled: BTreeSet::new() }
    }

    /// Makes what is missing, one segment after the other, while `go_on` says so; returns how many were made. Indexes
    /// whose segments are gone are removed.
    ///
    /// Costs a read of each segment that was sealed since the last call, at the first call a look at all of them.
    ///
    /// # Errors
    ///
    /// The first failure, after everything else was done. A segment that failed is not tried again.
    pub fn catch_up(&mut self, mut go_on: impl FnMut() -> bool) -> Result<u32, IndexError> {
        let listed = directory::list(&self.dir);
        let names = listed.map_err(|source| IndexError::Write { path: self.dir.clone(), source })?;
        let mut segments: BTreeSet<Lsn> = names.iter().filter_map(|name| segment_first_lsn(name)).collect();
        for orphan in names.iter().filter(|name| index_first_lsn(name).is_some_and(|lsn| !segments.contains(&lsn))) {
            // Whoever removes the segment may have been faster.
            let _ = std::fs::remove_file(self.dir.join(orphan));
        }
        // The last one may still grow.
        segments.pop_last();
        self.settled.retain(|first_lsn| segments.contains(first_lsn));
        let (mut made, mut failure) = (0, None);
        for &first_lsn in segments.difference(&self.settled.clone()) {
            if !go_on() {
                break;
            }
            match self.settle(first_lsn, &mut go_on) {
                Ok(wrote) => made += u32::from(wrote),
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        failure.map_or(Ok(made), Err)
    }

    /// Makes the index of one segment unless it has one that fits; returns whether it did.
    fn settle(&mut self, first_lsn: Lsn, go_on: impl FnMut() -> bool) -> Result<bool, IndexError> {
        let segment = self.dir.join(segment_name(first_lsn));
        self.settled.insert(first_lsn);
        let failed = |source| IndexError::Segment { segment: segment.clone(), source };
        let Some(mut scan) = open(&segment, first_lsn).map_err(failed)? else { return Ok(false) };
        let head = lookup::seal(&mut scan).map(|seal| seal.head());
        if head.is_some_and(|head| IndexFile::open(&self.dir, first_lsn, &head).is_some_and(|file| file.is_whole())) {
            return Ok(false);
        }
        match build(&mut scan, go_on).map_err(|trouble| failed(ReadError::at(&segment, trouble)))? {
            Built::Index(index) => self.write(first_lsn, &index.encode()).map(|()| true),
            Built::Stopped => {
                self.settled.remove(&first_lsn);
                Ok(false)
            }
        }
    }

    /// Not synced: what a crash leaves of it is told from an index by its digests.
    fn write(&self, first_lsn: Lsn, bytes: &[u8]) -> Result<(), IndexError> {
        let (tmp, path) = (self.dir.join(UNDER_WAY), self.dir.join(index_name(first_lsn)));
        let mut options = File::options();
        let written = options.write(true).create(true).truncate(true).mode(0o600).open(&tmp).and_then(|file| {
            file.write_all_at(bytes, 0)?;
            std::fs::rename(&tmp, &path)
        });
        written.map_err(|source| {
            let _ = std::fs::remove_file(&tmp);
            IndexError::Write { path, source }
        })
    }
}

/// None if the segment has gone meanwhile.
fn open(path: &Path, first_lsn: Lsn) -> Result<Option<FileScan>, ReadError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| ReadError::io(path, error))?,
    };
    let mut window = Copied::sealed(Arc::new(file)).map_err(|error| ReadError::io(path, error))?;
    let header = lookup::header(&mut window, first_lsn).map_err(|trouble| ReadError::at(path, trouble))?;
    Ok(Some(Scan::new(window, header)))
}

/// An index that fits its segment. Its tables are read, and checked, when they are asked for.
pub(in super::super) struct IndexFile {
    file: File,
    header: IndexHeader,
}

impl IndexFile {
    /// The index of the segment of this name and `head`; none if there is none that fits.
    pub fn open(dir: &Path, first_lsn: Lsn, head: &Digest) -> Option<Self> {
        let file = File::open(dir.join(index_name(first_lsn))).ok()?;
        let mut bytes = [0; INDEX_HEADER_BYTES];
        file.read_exact_at(&mut bytes, 0).ok()?;
        let header = IndexHeader::decode(&bytes)?;
        // A length that lies must not make us allocate.
        let fits = header.head == *head && header.file_length() == Some(file.metadata().ok()?.len());
        fits.then_some(Self { file, header })
    }

    pub fn times_us(&self) -> &RangeInclusive<u64> {
        &self.header.times_us
    }

    /// None if the table is damaged.
    pub fn names(&self) -> Option<Names> {
        self.header.names(&self.read(INDEX_HEADER_BYTES as u64, self.header.names_length)?)
    }

    /// The blocks that `message` has records in; none if the table is damaged.
    pub fn blocks_of(&self, message: MessageId) -> Option<Blocks> {
        if !self.header.message_span.contains(&message.0) {
            return Some(Vec::new());
        }
        let from = INDEX_HEADER_BYTES as u64 + self.header.names_length;
        self.header.blocks_of(message, &self.read(from, self.header.messages_length())?)
    }

    fn is_whole(&self) -> bool {
        let from = INDEX_HEADER_BYTES as u64 + self.header.names_length;
        let messages = self.read(from, self.header.messages_length());
        self.names().is_some() && messages.is_some_and(|table| self.header.blocks_of(MessageId(0), &table).is_some())
    }

    fn read(&self, from: u64, length: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.file.read_exact_at(&mut bytes, from).ok()?;
        Some(bytes)
    }
}
