//! Headers, seals and trailers: what a journal says of itself without being read through.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::fault::kind;
use super::{DamageKind, Head, SegmentReport, hex};
use crate::journal::format::header::SegmentHeader;
use crate::journal::format::{FRAMES_AT, segment_name};
use crate::journal::lookup;
use crate::journal::reader::{FileScan, ReadError, segments};
use crate::journal::scan::{Fault, Scan, read_header};
use crate::journal::window::{Copied, Window};
use crate::model::id::Lsn;

/// The segments in `dir` by their labels: sealed ones are not read through.
///
/// # Errors
///
/// As for [`super::verify`], and a segment without a readable header.
pub fn stat(dir: &Path) -> Result<Vec<SegmentReport>, ReadError> {
    segments(dir)?.into_iter().map(|first_lsn| stat_segment(dir, first_lsn)).collect()
}

/// The newest seal in `dir`; none if no segment is sealed yet.
///
/// # Errors
///
/// As for [`stat`].
pub fn head(dir: &Path) -> Result<Option<Head>, ReadError> {
    for first_lsn in segments(dir)?.into_iter().rev() {
        let mut scan = open(dir, first_lsn)?;
        if let Some(seal) = lookup::seal(&mut scan) {
            let digest = hex(&seal.head());
            return Ok(Some(Head { segment: segment_name(first_lsn), last_lsn: seal.last_lsn, digest }));
        }
    }
    Ok(None)
}

fn open(dir: &Path, first_lsn: Lsn) -> Result<FileScan, ReadError> {
    let path = dir.join(segment_name(first_lsn));
    let mut window = window(&path)?;
    let header = lookup::header(&mut window, first_lsn).map_err(|trouble| ReadError::at(&path, trouble))?;
    Ok(Scan::new(window, header))
}

pub(super) fn window(path: &Path) -> Result<Copied<Arc<File>>, ReadError> {
    let file = File::open(path).and_then(|file| Copied::new(Arc::new(file)));
    file.map_err(|error| ReadError::io(path, error))
}

fn stat_segment(dir: &Path, first_lsn: Lsn) -> Result<SegmentReport, ReadError> {
    let mut scan = open(dir, first_lsn)?;
    let (bytes, seal) = (scan.window.size(), lookup::seal(&mut scan));
    let (last_lsn, sealed) = match seal {
        Some(seal) => (seal.last_lsn, true),
        None => {
            while let Ok(Some(_)) = scan.step() {}
            (Lsn(scan.whole_next.0 - 1), scan.seal.is_some())
        }
    };
    Ok(SegmentReport { segment: segment_name(first_lsn), first_lsn, last_lsn, bytes, sealed })
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
