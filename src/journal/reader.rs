//! Reading a journal without a daemon: on a live one, on a copy, on a damaged one. Never writes.

mod beside;
mod error;
mod found;
mod last;
mod places;
mod records;
mod sealed;
mod stretches;
mod stripes;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directory;
use super::format::{FRAMES_AT, segment_first_lsn, segment_name};
use super::index::IndexFile;
use super::lookup::{self, Trouble};
use super::question::{self, Question};
use super::recovery::tail;
use super::scan::{Fault, Scan, read_header};
use super::window::Copied;
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::record::Record;
use last::Last;

pub use error::ReadError;
pub use found::{Found, Order};
use records::Group;
pub use records::Records;

/// A segment being read.
pub(super) type FileScan = Scan<Copied<Arc<File>>>;

/// A journal as it was at the last [`Reader::refresh`].
pub struct Reader {
    pub(super) dir: PathBuf,
    /// First lsns of all segments but the last; of that one too, where its header cannot be read. Nothing can grow behind a
    /// lost header, and what is wrong is met, as in any other segment, by who reads there.
    sealed: Vec<Lsn>,
    last: Option<Last>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("dir", &self.dir).field("sealed", &self.sealed.len()).finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads the names, and the last segment to its end.
    ///
    /// # Errors
    ///
    /// No such folder, or a newer format. Damage shows when the records are read.
    pub fn open(dir: &Path) -> Result<Self, ReadError> {
        let mut reader = Self { dir: dir.to_owned(), sealed: Vec::new(), last: None };
        reader.refresh()?;
        Ok(reader)
    }

    /// Takes in what was written since. Costs what is new. Call it upon a change in the folder.
    ///
    /// # Errors
    ///
    /// As for [`Reader::open`].
    pub fn refresh(&mut self) -> Result<(), ReadError> {
        self.sealed = segments(&self.dir)?;
        let Some(first_lsn) = self.sealed.pop() else {
            self.last = None;
            return Ok(());
        };
        // A segment without records may have been replaced by a file of the same name.
        let same = |last: &Last| last.first_lsn == first_lsn && last.scan.whole_next > first_lsn;
        let opened = self.last.take_if(|last| same(last)).map_or_else(|| Last::open(&self.dir, first_lsn), Ok);
        let mut last = match opened {
            Ok(last) => last,
            Err(error) if error.is_damage() => {
                self.sealed.push(first_lsn);
                self.last = None;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        last.read_on();
        self.last = Some(last);
        Ok(())
    }

    /// The lsn of the last record; zero if there is none. Of a last segment without a readable header nobody knows how far it
    /// goes: it is the one before it then.
    pub fn last_lsn(&self) -> Lsn {
        let behind = match &self.last {
            Some(last) => last.scan.whole_next,
            None => self.sealed.last().copied().unwrap_or(Lsn(1)),
        };
        Lsn(behind.0 - 1)
    }

    /// The first record that is kept; 1 if there is no segment. A greater one is a beginning that was removed, or lost.
    pub fn first_lsn(&self) -> Lsn {
        self.sealed.first().copied().or(self.last.as_ref().map(|last| last.first_lsn)).unwrap_or(Lsn(1))
    }

    /// Every record that is kept from `from` on, in order; of atomic groups that are not whole yet, none.
    ///
    /// [`ReadError::Unknown`] and [`ReadError::Undecodable`] stand for one record, and reading goes on; any other error
    /// ends it.
    pub fn records(&self, from: Lsn) -> Records<'_> {
        let from = from.max(Lsn(1));
        let index = self.sealed.partition_point(|first| *first <= from).saturating_sub(1);
        let in_last = self.last.as_ref().is_some_and(|last| last.first_lsn <= from);
        let index = if in_last { self.sealed.len() } else { index };
        let expected = self.sealed.get(index).copied().or(self.last.as_ref().map(|last| last.first_lsn));
        let expected = expected.unwrap_or(Lsn(1));
        Records { reader: self, index, expected, from, scan: None, group: Group::default(), ended: false }
    }

    /// The records from `from` on that `question` asks for. Indexes say where not to look; a sealed segment without one
    /// that fits is read through, and so is the last segment.
    ///
    /// Damage stands at its place as an error, and reading goes on behind it, with the next frame that is whole; what was not
    /// looked at shows none. Newest first, damage at the end of the journal comes before everything else.
    pub fn find<'a>(&'a self, question: &'a Question, from: Lsn, order: Order) -> Found<'a> {
        Found::new(self, question, from, order)
    }

    /// The first record of the next segment behind the damage that `error` tells of: from there on [`Reader::records`] goes on.
    /// None: there is none, or it is no damage.
    pub fn beyond(&self, error: &ReadError) -> Option<Lsn> {
        let (ReadError::Damaged { segment, .. } | ReadError::Undecodable { segment, .. }) = error else {
            let ReadError::Gap { found, .. } = error else { return None };
            return Some(*found);
        };
        let first = segment_first_lsn(segment.file_name()?.to_str()?)?;
        (0..=self.sealed.len()).filter_map(|index| self.begins(index)).find(|it| *it > first)
    }

    /// The first record that can be read behind the damage that `error` tells of, where [`Reader::find`] goes on.
    pub fn behind(&self, error: &ReadError) -> Option<Lsn> {
        match error {
            ReadError::Undecodable { lsn, .. } => Some(lsn.next()),
            ReadError::NotCopied { next, .. } => *next,
            ReadError::Damaged { segment, offset, lsn, .. } => {
                let first = segment_first_lsn(segment.file_name()?.to_str()?)?;
                let scan = match self.last.as_ref().filter(|last| last.first_lsn == first) {
                    Some(last) => last.scan_from(*lsn).ok(),
                    None => self.sealed_scan(first, Pages::Few).ok().map(|(_, scan)| scan),
                };
                let resumed = scan.and_then(|mut scan| {
                    scan.jump((*offset, *lsn));
                    tail::resume_behind(&mut scan, u64::MAX).then_some(scan.next)
                });
                resumed.or_else(|| self.beyond(error))
            }
            error => self.beyond(error),
        }
    }

    /// Checks every record, sealed ones by their blocks; returns how many there are. The records of the last segment were
    /// checked as it was read. For rot; [`super::verify`] finds intent too.
    ///
    /// # Errors
    ///
    /// The first damage, with its place.
    pub fn check(&self) -> Result<u64, ReadError> {
        let mut records = 0;
        for (index, &first_lsn) in self.sealed.iter().enumerate() {
            let (path, mut scan) = self.sealed_scan(first_lsn, Pages::All)?;
            if let Some(gap) = self.gap_before(index, scan.header.first_lsn, &path) {
                return Err(gap);
            }
            if let Some(seal) = lookup::seal(&mut scan)
                && sealed::is_as_sealed(scan.window.file(), &seal)
            {
                scan.jump((seal.end, seal.last_lsn.next()));
            }
            let end = lookup::end(&mut scan).map_err(|trouble| ReadError::at(&path, trouble))?;
            if let Some(gap) = self.gap_behind(index, end) {
                return Err(gap);
            }
            records += end.0 - first_lsn.0;
        }
        let in_last = self.last.as_ref().map_or(0, |last| last.scan.whole_next.0 - last.first_lsn.0);
        self.damage_at_end().map_or(Ok(records + in_last), Err)
    }

    /// Every peer that a record is about, or whose own act one is.
    ///
    /// # Errors
    ///
    /// Whatever keeps a record from being read.
    pub fn peers(&self) -> Result<BTreeSet<Identity>, ReadError> {
        let (mut peers, everything) = (BTreeSet::new(), Question::default());
        for (index, &first_lsn) in self.sealed.iter().enumerate() {
            if let Some(known) = self.indexed_peers(first_lsn) {
                peers.extend(known);
                continue;
            }
            for record in Found::within(self, &everything, index) {
                let record = match record {
                    // Whom it is about only a newer build can say.
                    Err(ReadError::Unknown { .. }) => continue,
                    record => record?,
                };
                peers.extend(
                    question::concerned(&record).filter(|peer| !peers.contains(peer)).cloned().collect::<Vec<_>>(),
                );
            }
        }
        if let Some(last) = &self.last {
            peers.extend(last.peers()?.names().cloned());
        }
        self.damage_at_end().map_or(Ok(peers), Err)
    }

    /// The peers of a sealed segment, if its index can tell.
    fn indexed_peers(&self, first_lsn: Lsn) -> Option<Vec<Identity>> {
        let (_, mut scan) = self.sealed_scan(first_lsn, Pages::Few).ok()?;
        let head = lookup::seal(&mut scan)?.head();
        let names = IndexFile::open(&self.dir, first_lsn, &head)?.names()?;
        names.peers.into_keys().map(|peer| peer.parse().ok()).collect()
    }

    /// The record `lsn`; none if the journal has not come that far, or ends before it with what cannot be read.
    ///
    /// # Errors
    ///
    /// The record is damaged, or so much between it and the nearest known place before it (at most a block away) that no way
    /// leads there; or its segment is missing.
    pub fn record(&self, lsn: Lsn) -> Result<Option<Record>, ReadError> {
        if lsn == Lsn::ZERO || lsn > self.last_lsn() {
            return Ok(self.last.as_ref().and_then(|last| last.behind_damage(lsn)));
        }
        if let Some(last) = self.last.as_ref().filter(|last| last.first_lsn <= lsn) {
            let found = lookup::hop(&mut last.scan_from(lsn)?, lsn);
            return found.map_err(|trouble| ReadError::at(&last.path, trouble));
        }
        let behind = self.sealed.partition_point(|first| *first <= lsn);
        let index = behind.checked_sub(1).ok_or(ReadError::Missing { lsn })?;
        let (path, mut scan) = self.sealed_scan(self.sealed[index], Pages::Few)?;
        lookup::approach(&mut scan, lsn);
        match lookup::hop_over_damage(&mut scan, lsn).map_err(|trouble| ReadError::at(&path, trouble))? {
            // The segment ends before it, and the one that should follow is not there.
            None => self.gap_behind(index, scan.next).map_or(Ok(None), Err),
            found => Ok(found),
        }
    }

    fn sealed_scan(&self, first_lsn: Lsn, pages: Pages) -> Result<(PathBuf, FileScan), ReadError> {
        let path = self.dir.join(segment_name(first_lsn));
        let failed = |error| ReadError::io(&path, error);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.gone(first_lsn, error)),
            opened => opened.map_err(failed)?,
        };
        let window = match pages {
            Pages::All => Copied::sealed(Arc::new(file)),
            Pages::Few => Copied::with_ahead(Arc::new(file), FEW_BYTES),
        };
        let mut window = window.map_err(failed)?;
        let header = lookup::header(&mut window, first_lsn).map_err(|trouble| ReadError::at(&path, trouble))?;
        let mut scan = Scan::new(window, header);
        if let (Pages::All, Some(seal)) = (pages, lookup::seal(&mut scan)) {
            scan.trust(&seal);
        }
        Ok((path, scan))
    }

    /// Why a segment that had a name is not there: retention takes the oldest, so that what is left begins behind it.
    fn gone(&self, first_lsn: Lsn, error: io::Error) -> ReadError {
        match segments(&self.dir).ok().and_then(|left| left.first().copied()) {
            Some(first) if first > first_lsn => ReadError::Removed { through: Lsn(first.0 - 1) },
            _ => ReadError::io(&self.dir.join(segment_name(first_lsn)), error),
        }
    }

    /// The lsn that the name of segment `index` says; none behind the last one.
    fn begins(&self, index: usize) -> Option<Lsn> {
        let last = self.last.as_ref().filter(|_| index == self.sealed.len());
        self.sealed.get(index).copied().or(last.map(|last| last.first_lsn))
    }

    /// What is wrong if the segment behind number `index` has to begin with `expected`.
    fn gap_behind(&self, index: usize, expected: Lsn) -> Option<ReadError> {
        let found = self.begins(index + 1).filter(|found| *found != expected)?;
        Some(ReadError::Gap { segment: self.dir.join(segment_name(found)), found, expected })
    }

    /// What is wrong if segment `index` begins with `found`: the first one has none before it that could tell.
    fn gap_before(&self, index: usize, found: Lsn, segment: &Path) -> Option<ReadError> {
        let expected = self.first_lsn();
        (index == 0 && found != expected).then(|| ReadError::Gap { segment: segment.to_owned(), found, expected })
    }

    /// Header pages of which only a copy can be read. No record is lost by that, and all the same no daemon starts on them.
    /// Costs a short read a segment.
    pub fn damaged_headers(&self) -> Vec<ReadError> {
        let begins = (0..=self.sealed.len()).filter_map(|index| self.begins(index));
        begins.filter_map(|first_lsn| damaged_header(&self.dir.join(segment_name(first_lsn)))).collect()
    }

    /// Why records behind the last one can not be read, if any may be there.
    pub fn damage_at_end(&self) -> Option<ReadError> {
        match (&self.last, self.sealed.last()) {
            (None, Some(headless)) => self.sealed_scan(*headless, Pages::Few).err().filter(ReadError::is_damage),
            _ => self.damage_in_last(),
        }
    }

    /// Of the last segment, if its header can be read: any other one says by itself what is wrong with it.
    fn damage_in_last(&self) -> Option<ReadError> {
        let last = self.last.as_ref()?;
        let (offset, lsn, fault) = last.damage.as_ref()?;
        Some(ReadError::at(&last.path, Trouble::fault(*offset, *lsn, fault.clone())))
    }
}

/// How much of a sealed segment is going to be read.
#[derive(Clone, Copy)]
enum Pages {
    Few,
    All,
}

/// Read at a time where little is looked for.
const FEW_BYTES: u64 = 4096;

/// What is wrong with the header page of the segment at `path`, if its header can be read all the same. What keeps it from
/// being read is met by who reads the records.
pub(super) fn damaged_header(path: &Path) -> Option<ReadError> {
    let mut window = Copied::with_ahead(Arc::new(File::open(path).ok()?), FRAMES_AT).ok()?;
    let (Some(_), Some(Fault::Header(evidence))) = read_header(&mut window) else { return None };
    Some(ReadError::Header { segment: path.to_owned(), evidence })
}

/// The names in `dir`, which is a journal: a folder that is none, taken for one without records, would pass every check.
pub(super) fn names(dir: &Path) -> Result<Vec<String>, ReadError> {
    match directory::list(dir) {
        Ok(names) if directory::is_journal(&names) => Ok(names),
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(ReadError::io(dir, source)),
        _ => {
            let below = Some(dir.join("journal"));
            let is_one = |dir: &PathBuf| directory::list(dir).is_ok_and(|names| directory::is_journal(&names));
            Err(ReadError::NoJournal { dir: dir.to_owned(), below: below.filter(is_one) })
        }
    }
}

/// First lsns of the segments in `dir`, in order.
pub(super) fn segments(dir: &Path) -> Result<Vec<Lsn>, ReadError> {
    let names = names(dir)?;
    let mut segments: Vec<Lsn> = names.iter().filter_map(|name| segment_first_lsn(name)).collect();
    segments.sort();
    Ok(segments)
}
