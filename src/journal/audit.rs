//! Looking at a journal as bytes: every one of them, or only the labels.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::format::seal::{Digest, TrailerRoom};
use super::format::{FRAME_ALIGN, SECTOR_BYTES, segment_name};
use super::lookup;
use super::reader::{ReadError, segments, window_of_sealed};
use super::recovery::segment_mismatch;
use super::recovery::table::{Segment, Verdict, verdict};
use super::recovery::tail;
use super::scan::{Fault, Scan, read_header};
use super::window::{Copied, Window};
use crate::model::id::Lsn;

/// A segment as its labels or its bytes show it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SegmentReport {
    /// File name.
    pub segment: String,
    pub first_lsn: Lsn,
    /// One less than `first_lsn` in a segment without records.
    pub last_lsn: Lsn,
    /// Of the file.
    pub bytes: u64,
    pub sealed: bool,
}

/// A place that no crash explains.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Damage {
    /// File name.
    pub segment: String,
    pub offset: u64,
    /// The record that belongs there, or the next one after it.
    pub lsn: Lsn,
    pub what: String,
}

/// The rest of a batch that was being written: no damage.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TornBytes {
    /// File name.
    pub segment: String,
    pub offset: u64,
    pub lsn: Lsn,
    pub bytes: u64,
}

/// What every byte of a journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verification {
    pub segments: Vec<SegmentReport>,
    /// Records with a right checksum, in whole groups.
    pub records: u64,
    /// Zero if there is none.
    pub first_lsn: Lsn,
    pub last_lsn: Lsn,
    pub damage: Vec<Damage>,
    pub torn_tail: Option<TornBytes>,
}

/// The newest seal: whoever has noted its digest can tell later that nothing before it has changed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Head {
    /// File name.
    pub segment: String,
    pub last_lsn: Lsn,
    /// BLAKE3, hexadecimal.
    pub digest: String,
}

/// Checks every byte of the journal in `dir`. Sound beside a live writer; writes nothing.
///
/// Costs a walk over all bytes, about a second a gigabyte.
///
/// # Errors
///
/// Only if there is nothing to check: no such folder, or a file that cannot be opened. Damage is a finding.
pub fn verify(dir: &Path) -> Result<Verification, ReadError> {
    let segments = segments(dir)?;
    let mut audit = Audit::new();
    for (index, &first_lsn) in segments.iter().enumerate() {
        audit.segment(dir, first_lsn, index + 1 == segments.len())?;
    }
    Ok(audit.found)
}

/// The segments in `dir` by their labels: sealed ones are not read through.
///
/// # Errors
///
/// As for [`verify`], and a segment without a readable header.
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
            let digest = blake3::Hash::from(seal.head()).to_hex().to_string();
            return Ok(Some(Head { segment: segment_name(first_lsn), last_lsn: seal.last_lsn, digest }));
        }
    }
    Ok(None)
}

type AnyScan = Scan<Box<dyn Window>>;

fn open(dir: &Path, first_lsn: Lsn) -> Result<AnyScan, ReadError> {
    let path = dir.join(segment_name(first_lsn));
    let mut window = window(&path, false)?;
    let header = lookup::header(&mut window, first_lsn).map_err(|trouble| ReadError::at(&path, trouble))?;
    Ok(Scan::new(window, header))
}

/// Read ahead only if nobody writes it any more.
fn window(path: &Path, sealed: bool) -> Result<Box<dyn Window>, ReadError> {
    let failed = |error| ReadError::io(path, error);
    let file = File::open(path).map_err(failed)?;
    if sealed { window_of_sealed(file) } else { Copied::new(Arc::new(file)).map(|window| Box::new(window) as _) }
        .map_err(failed)
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

/// A verification under way.
struct Audit {
    found: Verification,
    /// What the next segment must refer to; none once that is lost in damage.
    before: Option<Before>,
    journal: Option<[u8; 16]>,
    next: Lsn,
}

struct Before {
    number: u64,
    salt: [u8; 16],
    head: Option<Digest>,
}

impl Audit {
    fn new() -> Self {
        let before = Before { number: 0, salt: [0; 16], head: Some([0; 32]) };
        Self { found: Verification::default(), before: Some(before), journal: None, next: Lsn(1) }
    }

    fn damage(&mut self, first_lsn: Lsn, offset: u64, lsn: Lsn, what: impl ToString) {
        let segment = segment_name(first_lsn);
        self.found.damage.push(Damage { segment, offset, lsn, what: what.to_string() });
    }

    fn segment(&mut self, dir: &Path, first_lsn: Lsn, last: bool) -> Result<(), ReadError> {
        let path = dir.join(segment_name(first_lsn));
        let mut copied = window(&path, false)?;
        let (header, fault) = read_header(&mut copied);
        let report = self.found.segments.len();
        self.found.segments.push(SegmentReport {
            segment: segment_name(first_lsn),
            first_lsn,
            last_lsn: Lsn(first_lsn.0 - 1),
            bytes: copied.size(),
            sealed: false,
        });
        if let Some(fault) = fault {
            self.damage(first_lsn, 0, first_lsn, fault);
        }
        let Some(header) = header else {
            self.before = None;
            return Ok(());
        };
        let mut scan = Scan::new(copied, header);
        // Whatever stands in the trailer's room was written after the last frame.
        if scan.trailer() != Ok(TrailerRoom::Empty) {
            scan = Scan::new(window(&path, true)?, header);
        }
        self.check_place(first_lsn, &scan);
        let mut scan = match scan.with_sealer() {
            Ok(scan) => scan,
            Err(fault) => {
                self.damage(first_lsn, 0, first_lsn, fault);
                self.before = None;
                return Ok(());
            }
        };
        self.walk(first_lsn, &mut scan, last);
        let head = self.check_end(first_lsn, &mut scan);
        self.before = Some(Before { number: header.number, salt: header.salt, head });
        self.journal.get_or_insert(header.journal);
        self.next = scan.whole_next;
        self.found.last_lsn = Lsn(scan.whole_next.0 - 1);
        self.found.segments[report].last_lsn = self.found.last_lsn;
        self.found.segments[report].sealed = scan.seal.is_some();
        Ok(())
    }

    /// The segment stands where its header says, right behind the one before.
    fn check_place(&mut self, first_lsn: Lsn, scan: &AnyScan) {
        let header = scan.header;
        if let Some(before) = &self.before {
            let name = segment_name(first_lsn);
            if let Some(fault) = segment_mismatch(&header, &name, before.number + 1, before.salt, self.journal) {
                self.damage(first_lsn, 0, first_lsn, fault);
            }
        }
        if first_lsn != self.next {
            let missing = format!("records {} to {} are missing", self.next, first_lsn.0.saturating_sub(1));
            self.damage(first_lsn, 0, self.next, missing);
        }
        let (bytes, capacity) = (scan.window.size(), header.capacity);
        if bytes != capacity {
            self.damage(first_lsn, bytes.min(capacity), first_lsn, Fault::Size { bytes, capacity });
        }
    }

    /// Reads every frame, over damage too.
    fn walk(&mut self, first_lsn: Lsn, scan: &mut AnyScan, last: bool) {
        loop {
            let fault = match scan.step() {
                Ok(Some(frame)) => {
                    if !frame.header.is_control() {
                        self.found.records += 1;
                        if self.found.records == 1 {
                            self.found.first_lsn = frame.header.lsn;
                        }
                    }
                    continue;
                }
                Ok(None) => return,
                Err(fault) => fault,
            };
            let (offset, lsn) = (scan.at, scan.next);
            match self.judge(first_lsn, scan, &fault, last) {
                Judged::End => {
                    self.found.records -= scan.next.0 - scan.whole_next.0;
                    return;
                }
                Judged::GoOn => continue,
                Judged::Damage(Some(more)) => self.damage(first_lsn, offset, lsn, format!("{fault}; {more}")),
                Judged::Damage(None) => self.damage(first_lsn, offset, lsn, fault),
            }
            scan.sealer = None;
            if !resume_behind(scan) {
                return;
            }
        }
    }

    /// Decides what the place without a valid frame is.
    fn judge(&mut self, first_lsn: Lsn, scan: &mut AnyScan, fault: &Fault, last: bool) -> Judged {
        if !last {
            return Judged::Damage(None);
        }
        let looked = match tail::look(scan, Segment::Last) {
            Ok(looked) => looked,
            Err(fault) => return Judged::Damage(Some(fault)),
        };
        match verdict(looked.tail) {
            Verdict::Clean => Judged::End,
            Verdict::Torn => {
                let (segment, offset, lsn) = (segment_name(first_lsn), looked.from, looked.lsn);
                let bytes = looked.to.max(scan.at) - looked.from;
                self.found.torn_tail = Some(TornBytes { segment, offset, lsn, bytes });
                Judged::End
            }
            Verdict::Rot(evidence) => {
                // A live writer may have gone on between two looks. If a later batch could be seen, this one is
                // there now.
                scan.window.forget();
                match scan.check(scan.at) {
                    Ok(_) if fault.may_pass() => Judged::GoOn,
                    _ => Judged::Damage(Some(Fault::Rot(evidence))),
                }
            }
        }
    }

    /// Seal, trailer, and the zeros between. Returns the head that the next seal must chain to.
    fn check_end(&mut self, first_lsn: Lsn, scan: &mut AnyScan) -> Option<Digest> {
        let seal = scan.seal.clone()?;
        let (end, lsn) = (scan.at, scan.next);
        if self.before.as_ref().and_then(|before| before.head).is_some_and(|head| head != seal.previous) {
            self.damage(first_lsn, seal.end, lsn, Fault::Seal { field: "previous" });
        }
        if let Some(fault) = scan.compare_seal(&seal) {
            self.damage(first_lsn, seal.end, lsn, fault);
        }
        match scan.first_nonzero(end) {
            Ok(None) => {}
            Ok(Some(offset)) => self.damage(first_lsn, offset, lsn, Fault::NotZero),
            Err(fault) => self.damage(first_lsn, end, lsn, fault),
        }
        if let Err(fault) = scan.compare_trailer(&seal) {
            self.damage(first_lsn, scan.limit(), lsn, fault);
        }
        Some(seal.head())
    }
}

enum Judged {
    /// The journal ends here as journals do.
    End,
    /// The frame has come meanwhile.
    GoOn,
    Damage(Option<Fault>),
}

/// Moves `scan` to the next valid frame behind the damage; false if there is none.
fn resume_behind(scan: &mut AnyScan) -> bool {
    let mut at = scan.at + FRAME_ALIGN as u64;
    while at < scan.limit() {
        match tail::valid_behind(scan, at) {
            Ok(Some(header)) => {
                let lsn = if header.is_control() { header.lsn.next() } else { header.lsn };
                scan.jump((at, lsn));
                return true;
            }
            Ok(None) => at += FRAME_ALIGN as u64,
            Err(_) => at = (at + 1).next_multiple_of(SECTOR_BYTES),
        }
    }
    false
}
