//! The last segment: the one that may still grow.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::format::segment_name;
use super::super::lookup;
use super::super::recovery::table::{Segment, Verdict, verdict};
use super::super::recovery::tail;
use super::super::scan::{Fault, Scan};
use super::super::window::{Copied, Window};
use super::ReadError;
use crate::model::id::Lsn;

/// One place is remembered for so many bytes of the last segment.
const STRIDE_BYTES: u64 = 64 << 10;

/// The segment that may still grow, read as far as its groups are whole.
pub(super) struct Last {
    pub first_lsn: Lsn,
    pub path: PathBuf,
    file: Arc<File>,
    pub scan: Scan<Copied<Arc<File>>>,
    /// A record's place and lsn, every [`STRIDE_BYTES`] or so.
    pub places: Vec<(u64, Lsn)>,
    /// What stands behind the last whole group, if no crash explains it.
    pub damage: Option<(u64, Lsn, Fault)>,
    /// The end was looked at in full, which costs a walk over all the zeros behind it.
    looked: bool,
}

impl Last {
    pub fn open(dir: &Path, first_lsn: Lsn) -> Result<Self, ReadError> {
        let path = dir.join(segment_name(first_lsn));
        let file = Arc::new(File::open(&path).map_err(|error| ReadError::io(&path, error))?);
        let mut window = Copied::new(Arc::clone(&file)).map_err(|error| ReadError::io(&path, error))?;
        let header = lookup::header(&mut window, first_lsn).map_err(|trouble| ReadError::at(&path, trouble))?;
        let scan = Scan::new(window, header);
        Ok(Self { first_lsn, path, file, scan, places: Vec::new(), damage: None, looked: false })
    }

    /// Walks over what is new.
    pub fn read_on(&mut self) {
        self.scan.window.forget();
        self.scan.jump((self.scan.whole_at, self.scan.whole_next));
        self.damage = None;
        while let Err(fault) = self.walk() {
            let place = (self.scan.at, self.scan.next);
            let head_is_zero = matches!(fault, Fault::NoFrame) && self.scan.head_is_zero();
            if std::mem::replace(&mut self.looked, true) && head_is_zero {
                return;
            }
            let found = match tail::look(&mut self.scan, Segment::Last) {
                Ok(looked) => match verdict(looked.tail) {
                    Verdict::Clean | Verdict::Torn => return,
                    Verdict::Rot(evidence) => Fault::Rot(evidence),
                },
                Err(fault) => fault,
            };
            // A live writer may have gone on between two looks. If a later batch could be seen, this one is there now.
            self.scan.window.forget();
            if !fault.may_pass() || self.scan.check(place.0).is_err() {
                self.damage = Some((place.0, place.1, found));
                return;
            }
        }
    }

    fn walk(&mut self) -> Result<(), Fault> {
        loop {
            let (offset, lsn) = (self.scan.at, self.scan.next);
            if !self.scan.pass()? {
                return Ok(());
            }
            let far = self.places.last().is_none_or(|(last, _)| offset - last >= STRIDE_BYTES);
            if far && self.scan.next > lsn {
                self.places.push((offset, lsn));
            }
        }
    }

    /// A second reading of this segment, from close before `lsn` on.
    pub fn scan_from(&self, lsn: Lsn) -> Result<Scan<Copied<Arc<File>>>, ReadError> {
        let window = Copied::new(Arc::clone(&self.file)).map_err(|error| ReadError::io(&self.path, error))?;
        let mut scan = Scan::new(window, self.scan.header);
        let known = self.places.partition_point(|(_, first)| *first <= lsn);
        if let Some(&place) = known.checked_sub(1).and_then(|index| self.places.get(index)) {
            scan.jump(place);
        }
        Ok(scan)
    }
}
