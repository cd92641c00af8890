//! Headers, seals and trailers: what a journal says of itself without being read through.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::fault::kind;
use super::{DamageKind, Head, SegmentReport, hex};
use crate::journal::format::header::SegmentHeader;
use crate::journal::format::seal::TrailerRoom;
use crate::journal::format::{FRAMES_AT, TRAILER_ROOM, segment_name};
use crate::journal::lookup::{self, Trouble};
use crate::journal::reader::{FileScan, ReadError, Reader, damaged_header, segments};
use crate::journal::scan::{Fault, Scan, read_header};
use crate::journal::window::{Copied, Window};
use crate::model::id::Lsn;

/// What labels say, and what is wrong with those that were looked at, each with its place.
#[derive(Debug)]
pub struct Labelled<T> {
    pub says: T,
    pub damage: Vec<ReadError>,
}

/// The segments in `dir` by their labels: sealed ones are not read through, so that rot between header and seal shows only
/// in the last one. A segment without a readable header is only among the damage.
///
/// # Errors
///
/// As for [`super::verify`], and a segment of a newer format.
pub fn stat(dir: &Path) -> Result<Labelled<Vec<SegmentReport>>, ReadError> {
    let (mut says, mut damage) = (Vec::new(), Vec::new());
    let begins = segments(dir)?;
    for (index, &first_lsn) in begins.iter().enumerate() {
        let next = begins.get(index + 1).copied();
        if let Some(report) = stat_segment(dir, first_lsn, next, &mut damage)? {
            says.push(report);
        }
    }
    Ok(Labelled { says, damage })
}

/// The newest seal in `dir`; none if no segment is sealed yet. The digest is that of the bytes that were sealed: whether they
/// are still the same only [`super::verify`] can tell. Of segments behind it that should be sealed it is said why no seal
/// was found.
///
/// # Errors
///
/// As for [`stat`].
pub fn head(dir: &Path) -> Result<Labelled<Option<Head>>, ReadError> {
    let mut damage = Vec::new();
    for (behind, first_lsn) in segments(dir)?.into_iter().rev().enumerate() {
        let Some(mut scan) = noting(open(dir, first_lsn, &mut damage), &mut damage)? else { continue };
        if let Some(seal) = lookup::seal(&mut scan) {
            let digest = hex(&seal.head());
            let says = Some(Head { segment: segment_name(first_lsn), last_lsn: seal.last_lsn, digest });
            return Ok(Labelled { says, damage });
        }
        damage.extend(unsealed(&dir.join(segment_name(first_lsn)), &mut scan, behind == 0));
    }
    Ok(Labelled { says: None, damage })
}

fn open(dir: &Path, first_lsn: Lsn, damage: &mut Vec<ReadError>) -> Result<FileScan, ReadError> {
    let path = dir.join(segment_name(first_lsn));
    let mut window = window(&path)?;
    let header = lookup::header(&mut window, first_lsn).map_err(|trouble| ReadError::at(&path, trouble))?;
    damage.extend(damaged_header(&path));
    let (bytes, capacity) = (window.size(), header.capacity);
    if bytes != capacity {
        let fault = Fault::Size { bytes, capacity };
        damage.push(ReadError::at(&path, Trouble::fault(bytes.min(capacity), first_lsn, fault)));
    }
    Ok(Scan::new(window, header))
}

/// Nothing in place of what is damaged.
fn noting<T>(found: Result<T, ReadError>, damage: &mut Vec<ReadError>) -> Result<Option<T>, ReadError> {
    match found {
        Err(error) if error.is_damage() => {
            damage.push(error);
            Ok(None)
        }
        found => found.map(Some),
    }
}

/// Why no seal was found in the segment at `path`, which is `scan`'s; none if there need not be one.
fn unsealed(path: &Path, scan: &mut FileScan, is_last: bool) -> Option<ReadError> {
    let trailer_at = scan.header.capacity.saturating_sub(TRAILER_ROOM);
    let (offset, fault) = match scan.trailer() {
        // That it has lost its end has been said.
        _ if scan.window.size() < scan.header.capacity => return None,
        // A segment gets a successor only once its trailer is on the disk.
        Ok(TrailerRoom::Empty) if is_last => return None,
        Ok(TrailerRoom::Empty | TrailerRoom::Damaged) => (trailer_at, Fault::Trailer),
        Ok(TrailerRoom::Trailer(trailer)) => {
            let fault = scan.check(trailer.seal_at).err();
            (trailer.seal_at, fault.unwrap_or(Fault::Seal { field: "length" }))
        }
        Err(fault) => (trailer_at, fault),
    };
    Some(ReadError::at(path, Trouble::fault(offset, scan.header.first_lsn, fault)))
}

pub(super) fn window(path: &Path) -> Result<Copied<Arc<File>>, ReadError> {
    let file = File::open(path).and_then(|file| Copied::new(Arc::new(file)));
    file.map_err(|error| ReadError::io(path, error))
}

/// The next segment begins with `next`; none if this is the last one.
fn stat_segment(
    dir: &Path,
    first_lsn: Lsn,
    next: Option<Lsn>,
    damage: &mut Vec<ReadError>,
) -> Result<Option<SegmentReport>, ReadError> {
    let path = dir.join(segment_name(first_lsn));
    let Some(mut scan) = noting(open(dir, first_lsn, damage), damage)? else { return Ok(None) };
    let (bytes, seal) = (scan.window.size(), lookup::seal(&mut scan));
    let is_known = seal.is_some();
    let (last_lsn, sealed) = match seal {
        Some(seal) => (seal.last_lsn, true),
        None => {
            damage.extend(unsealed(&path, &mut scan, next.is_none()));
            while let Ok(Some(_)) = scan.step() {}
            (Lsn(scan.whole_next.0 - 1), scan.seal.is_some())
        }
    };
    damage.extend(match next {
        Some(found) if is_known && found != last_lsn.next() => {
            let expected = last_lsn.next();
            Some(ReadError::Gap { segment: dir.join(segment_name(found)), found, expected })
        }
        // Where the last one ends the reader knows to tell a crash from damage.
        None if !is_known => Reader::open(dir)?.damage_at_end(),
        _ => None,
    });
    Ok(Some(SegmentReport { segment: segment_name(first_lsn), first_lsn, last_lsn, bytes, sealed }))
}

/// What a segment's file says of itself.
#[derive(Clone, Debug)]
pub(super) struct Label {
    /// As the file's name has it.
    pub first_lsn: Lsn,
    pub bytes: u64,
    pub header: Option<SegmentHeader>,
    pub fault: Option<Fault>,
    /// Neither copy of the header can be read: this one was made from what the segments around say of it.
    pub rebuilt: bool,
    /// The same records stand under the name they belong to.
    pub duplicate: bool,
}

impl Label {
    /// Where its records belong, whatever the file is called.
    pub(super) fn begins(&self) -> Lsn {
        self.header.map_or(self.first_lsn, |header| header.first_lsn)
    }
}

/// The journal that a folder holds, and the labels of all segments in the order of their records.
pub(super) struct Labels {
    /// The one that most segments belong to.
    pub journal: Option<[u8; 16]>,
    pub all: Vec<Label>,
}

impl Labels {
    /// A segment that retention takes away meanwhile is not among them.
    pub(super) fn read(dir: &Path) -> Result<Self, ReadError> {
        let mut all = Vec::new();
        for first_lsn in segments(dir)? {
            match label(dir, first_lsn) {
                Err(ReadError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                label => all.push(label?),
            }
        }
        let mut votes = BTreeMap::<_, usize>::new();
        for header in all.iter().filter_map(|label| label.header) {
            *votes.entry(header.journal).or_default() += 1;
        }
        let most = votes.values().copied().max();
        let mut journals = all.iter().filter_map(|label| Some(label.header?.journal));
        let journal = journals.find(|journal| votes.get(journal).copied() == most);
        // One that stands where it belongs goes before one that does not.
        all.sort_by_key(|label| (label.begins(), label.begins() != label.first_lsn));
        for index in 1..all.len() {
            let (before, label) = (&all[index - 1], &all[index]);
            all[index].duplicate = label.begins() != label.first_lsn && before.begins() == label.begins();
        }
        let mut labels = Self { journal, all };
        labels.rebuild();
        Ok(labels)
    }

    /// A lost header page costs the salt, and with it every checksum of the segment. The next segment's header repeats
    /// it.
    fn rebuild(&mut self) {
        for index in 0..self.all.len().saturating_sub(1) {
            let (Label { header: None, fault: Some(fault), .. }, Some(next)) =
                (&self.all[index], self.all[index + 1].header)
            else {
                continue;
            };
            let lost = kind(fault) == DamageKind::Version || self.all[index].bytes < FRAMES_AT;
            if lost || self.journal != Some(next.journal) {
                continue;
            }
            let before = index.checked_sub(1).and_then(|before| self.all[before].header);
            let label = &mut self.all[index];
            label.rebuilt = true;
            label.header = Some(SegmentHeader {
                journal: next.journal,
                salt: next.previous_salt,
                number: next.number.saturating_sub(1),
                first_lsn: label.first_lsn,
                created_us: 0,
                capacity: label.bytes.max(2 * FRAMES_AT),
                previous_salt: before.map_or([0; 16], |header| header.salt),
            });
        }
    }
}

fn label(dir: &Path, first_lsn: Lsn) -> Result<Label, ReadError> {
    let path = dir.join(segment_name(first_lsn));
    let file = File::open(&path).map_err(|error| ReadError::io(&path, error))?;
    let window = Copied::with_ahead(Arc::new(file), FRAMES_AT).map_err(|error| ReadError::io(&path, error));
    let mut window = window?;
    let (header, fault) = read_header(&mut window);
    Ok(Label { first_lsn, bytes: window.size(), header, fault, rebuilt: false, duplicate: false })
}
