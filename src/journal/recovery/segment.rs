//! One segment on its way through recovery: read through, or only by its labels.

use std::path::PathBuf;
use std::sync::Arc;

use super::{OpenError, Resume, TornTail, damage_at, failed, segment_mismatch, table, tail, undecodable, writing};
use crate::journal::active::{Active, closed_bytes, write_trailer};
use crate::journal::fold::Fold;
use crate::journal::format::header::SegmentHeader;
use crate::journal::format::seal::{Digest, Seal, Trailer, TrailerRoom, note_torn};
use crate::journal::format::{KIND_NOTE, payload, segment_name};
use crate::journal::lookup;
use crate::journal::retention::SealedSegment;
use crate::journal::scan::{Fault, Scan, read_header};
use crate::journal::storage::{Storage, StorageFile};
use crate::journal::window::{Copied, Window};
use crate::model::id::Lsn;
use crate::mutant::{Bug, bug};

/// For a look at a header, a trailer and a seal.
const LABEL_BYTES: u64 = 4 << 10;

pub(super) struct SegmentRecovery<'a, S: Storage> {
    storage: &'a S,
    name: String,
    path: PathBuf,
    last: bool,
    file: Arc<S::File>,
    scan: Scan<Copied<Arc<S::File>>>,
}

/// How a segment ends.
pub(super) enum End {
    Sealed,
    /// Every byte is accounted for.
    Clean,
    Torn(tail::Looked),
}

impl<'a, S: Storage> SegmentRecovery<'a, S> {
    /// For reading it through with [`SegmentRecovery::read`].
    pub(super) fn open(storage: &'a S, first_lsn: Lsn, last: bool) -> Result<Self, OpenError> {
        let (path, file) = Self::file(storage, first_lsn)?;
        if last {
            // What is about to be believed becomes durable first, and is then read from the device: after a failed
            // sync the cache shows bytes that the disk never got.
            file.sync().map_err(failed("sync", path.clone()))?;
            file.forget_cache();
        }
        let window = Copied::new(Arc::clone(&file)).map_err(failed("read", path.clone()))?;
        let mut opened = Self::over(storage, first_lsn, last, (path, file), window)?;
        if last {
            opened.scan = opened.scan.with_sealer().map_err(|fault| damage_at(&opened.path, 0, first_lsn, fault))?;
        }
        Ok(opened)
    }

    /// For [`SegmentRecovery::labels`]: three short reads.
    pub(super) fn look(storage: &'a S, first_lsn: Lsn) -> Result<Self, OpenError> {
        let (path, file) = Self::file(storage, first_lsn)?;
        let window = Copied::with_ahead(Arc::clone(&file), LABEL_BYTES).map_err(failed("read", path.clone()))?;
        Self::over(storage, first_lsn, false, (path, file), window)
    }

    fn file(storage: &'a S, first_lsn: Lsn) -> Result<(PathBuf, Arc<S::File>), OpenError> {
        let name = segment_name(first_lsn);
        let path = storage.path().join(&name);
        let file = storage.open(&name).map_err(writing(path.clone()))?;
        Ok((path, Arc::new(file)))
    }

    fn over(
        storage: &'a S,
        first_lsn: Lsn,
        last: bool,
        (path, file): (PathBuf, Arc<S::File>),
        mut window: Copied<Arc<S::File>>,
    ) -> Result<Self, OpenError> {
        let header = match read_header(&mut window) {
            (Some(header), None) => header,
            (_, Some(fault)) => return Err(damage_at(&path, 0, first_lsn, fault)),
            (None, None) => return Err(damage_at(&path, 0, first_lsn, Fault::NoFrame)),
        };
        Ok(Self { storage, name: segment_name(first_lsn), path, last, file, scan: Scan::new(window, header) })
    }

    pub(super) fn header(&self) -> &SegmentHeader {
        &self.scan.header
    }

    /// Number, name, journal and predecessor are those that the segments before call for.
    pub(super) fn belongs(&self, resume: &Resume) -> Result<(), OpenError> {
        let header = &self.scan.header;
        let expected = resume.recovered.last_lsn.next();
        if header.first_lsn != expected {
            return Err(OpenError::Gap { segment: self.path.clone(), found: header.first_lsn, expected });
        }
        match segment_mismatch(header, &self.name, resume.number, resume.previous_salt, resume.journal) {
            Some(fault) => Err(damage_at(&self.path, 0, header.first_lsn, fault)),
            None => Ok(()),
        }
    }

    /// Takes header, seal and trailer for the whole: every record in it is folded into a snapshot. Nothing is written.
    pub(super) fn labels(mut self, resume: &mut Resume) -> Result<(), OpenError> {
        self.belongs(resume)?;
        let Some(seal) = lookup::seal(&mut self.scan) else {
            return Err(damage_at(&self.path, self.scan.limit(), self.scan.header.first_lsn, Fault::Trailer));
        };
        (self.scan.at, self.scan.next) = (seal.end, seal.last_lsn.next());
        self.size_is_right()?;
        if seal.first_lsn != self.scan.header.first_lsn || seal.records != seal.last_lsn.0 + 1 - seal.first_lsn.0 {
            return Err(self.damaged(Fault::Seal { field: "records" }));
        }
        self.chains(resume, &seal)?;
        self.passed(resume, seal.last_lsn);
        resume.sealed(self.sealed(&seal));
        Ok(())
    }

    /// Folds every record behind `after` of every whole group. Returns the fault that ended it, none if a seal did.
    pub(super) fn read<F: Fold>(
        &mut self,
        resume: &mut Resume,
        after: Lsn,
        fold: &mut F,
    ) -> Result<Option<Fault>, OpenError> {
        self.belongs(resume)?;
        let fault = self.read_records(resume, after, fold)?;
        let last_lsn = Lsn(self.scan.whole_next.0 - 1);
        if fault.is_none() && last_lsn < self.scan.header.first_lsn {
            return Err(self.damaged(Fault::Seal { field: "records" }));
        }
        self.passed(resume, last_lsn);
        resume.recovered.closed = self.scan.closed;
        if let (None, Some(seal)) = (resume.first_previous, &self.scan.seal) {
            resume.first_previous = Some(seal.previous);
        }
        Ok(fault)
    }

    fn read_records<F: Fold>(
        &mut self,
        resume: &mut Resume,
        after: Lsn,
        fold: &mut F,
    ) -> Result<Option<Fault>, OpenError> {
        let mut group = Vec::new();
        loop {
            match self.scan.step() {
                Ok(None) => return Ok(None),
                Err(fault) => return Ok(Some(fault)),
                Ok(Some(frame)) if frame.header.is_control() || frame.header.lsn <= after => {}
                Ok(Some(frame)) => {
                    let record = payload::decode(&frame.header, frame.payload);
                    let undecodable =
                        |error| undecodable(&self.path, frame.offset, &frame.header, error, resume.writer.as_deref());
                    group.push(record.map_err(undecodable)?);
                    if !frame.header.more_follows() || bug(Bug::OpenGroupFolded) {
                        resume.fold(&mut group, fold);
                    }
                }
            }
        }
    }

    /// What the next segment must refer to.
    fn passed(&self, resume: &mut Resume, last_lsn: Lsn) {
        resume.recovered.last_lsn = last_lsn;
        resume.journal = Some(self.scan.header.journal);
        if last_lsn >= self.scan.header.first_lsn {
            (resume.number, resume.previous_salt) = (self.scan.header.number + 1, self.scan.header.salt);
        }
    }

    /// Decides what the end is that [`SegmentRecovery::read`] came to. Nothing is written.
    pub(super) fn judge(&mut self, fault: Option<Fault>) -> Result<End, OpenError> {
        let Some(fault) = fault else { return Ok(End::Sealed) };
        if let Fault::Unreadable { .. } = fault {
            return Err(self.damaged(fault));
        }
        let segment = if self.last { table::Segment::Last } else { table::Segment::Followed };
        let looked = tail::look(&mut self.scan, segment).map_err(|fault| self.damaged(fault))?;
        match table::verdict(looked.tail) {
            table::Verdict::Rot(evidence) => Err(self.damaged(Fault::Rot(evidence))),
            table::Verdict::Clean => Ok(End::Clean),
            table::Verdict::Torn => Ok(End::Torn(looked)),
        }
    }

    /// Checks the seal that was found, or seals the segment at its end.
    pub(super) fn end(mut self, resume: &mut Resume, end: End) -> Result<(), OpenError> {
        match end {
            End::Sealed => self.end_sealed(resume),
            End::Clean => self.seal(resume, None),
            End::Torn(looked) => {
                let (torn, digest) = self.set_aside(&looked)?;
                self.seal(resume, Some((&torn, digest)))?;
                resume.recovered.torn = Some(torn);
                Ok(())
            }
        }
    }

    fn end_sealed(&mut self, resume: &mut Resume) -> Result<(), OpenError> {
        let Some(seal) = self.scan.seal.clone() else { return Ok(()) };
        self.size_is_right()?;
        self.chains(resume, &seal)?;
        if let Some(fault) = self.scan.compare_seal(&seal) {
            return Err(self.damaged(fault));
        }
        let room = self.scan.compare_trailer(&seal).map_err(|fault| self.damaged(fault))?;
        if room == TrailerRoom::Empty {
            self.finish_trailer(&seal)?;
        }
        resume.sealed(self.sealed(&seal));
        Ok(())
    }

    fn size_is_right(&self) -> Result<(), OpenError> {
        let (bytes, capacity) = (self.scan.window.size(), self.scan.header.capacity);
        if bytes == capacity { Ok(()) } else { Err(self.damaged(Fault::Size { bytes, capacity })) }
    }

    /// The seal chains to the one before. Before the first segment that is kept there is none to compare with; what it
    /// chains to is compared with the record of the removal.
    fn chains(&self, resume: &mut Resume, seal: &Seal) -> Result<(), OpenError> {
        resume.first_previous.get_or_insert(seal.previous);
        match resume.head {
            Some(head) if head != seal.previous => Err(self.damaged(Fault::Seal { field: "previous" })),
            Some(_) | None => Ok(()),
        }
    }

    fn sealed(&self, seal: &Seal) -> SealedSegment {
        SealedSegment {
            first_lsn: seal.first_lsn,
            last_lsn: seal.last_lsn,
            bytes: closed_bytes(seal),
            last_time_us: seal.last_time_us,
            head: seal.head(),
        }
    }

    /// The seal is there and its trailer is not: a crash between the two, if this is the last segment.
    fn finish_trailer(&mut self, seal: &Seal) -> Result<(), OpenError> {
        if !self.last {
            return Err(self.damaged(Fault::Trailer));
        }
        let behind = self.scan.at;
        if let Some(offset) = self.scan.first_nonzero(behind).map_err(|fault| self.damaged(fault))? {
            return Err(damage_at(&self.path, offset, self.scan.next, Fault::NotZero));
        }
        let trailer = Trailer {
            seal_at: seal.end,
            seal_length: (self.scan.at - seal.end) as u32,
            last_lsn: seal.last_lsn,
            head: seal.head(),
        };
        write_trailer(&*self.file, &self.scan.header, &self.scan.seed, &trailer).map_err(writing(self.path.clone()))
    }

    /// A segment without records stays unsealed: the one that replaces it takes its name, its number and its place in the
    /// chain.
    fn seal(&mut self, resume: &mut Resume, torn: Option<(&TornTail, Digest)>) -> Result<(), OpenError> {
        let Some(sealer) = self.scan.sealer.take().filter(|sealer| sealer.records() > 0) else { return Ok(()) };
        let mut active = Active::recovered(Arc::clone(&self.file), self.scan.header, sealer);
        if let Some((torn, digest)) = torn {
            let note = note_torn(torn.offset, torn.bytes, &digest);
            active.write_control(KIND_NOTE, &note).map_err(writing(self.path.clone()))?;
        }
        let sealed = active.seal(resume.head.unwrap_or_default()).map_err(writing(self.path.clone()))?;
        resume.sealed(sealed);
        Ok(())
    }

    /// Copies an unfinished batch to the quarantine, then clears it: left where it is, its later frames could come
    /// back to life behind a new one.
    fn set_aside(&mut self, looked: &tail::Looked) -> Result<(TornTail, Digest), OpenError> {
        let length = (looked.to.max(self.scan.at) - looked.from) as usize;
        let path = self.path.clone();
        let bytes = self.scan.window.bytes(looked.from, length).map_err(failed("read", path.clone()))?.to_vec();
        let name = format!("{}-{}-{}", self.name, looked.from, length);
        self.storage.quarantine(&name, &bytes).map_err(writing(path.clone()))?;
        let cleared = self.file.write_at(&vec![0; length], looked.from).inspect_err(|_| {
            // Cleared up to the middle of a sector, it would look like nothing that a crash leaves.
            let _ = self.file.write_at(&bytes, looked.from);
        });
        cleared.map_err(writing(path.clone()))?;
        self.file.sync().map_err(writing(path))?;
        let torn = TornTail {
            segment: self.name.clone(),
            offset: looked.from,
            lsn: looked.lsn,
            bytes: length as u64,
            quarantined: format!("quarantine/{name}"),
        };
        Ok((torn, *blake3::hash(&bytes).as_bytes()))
    }

    fn damaged(&self, fault: Fault) -> OpenError {
        damage_at(&self.path, self.scan.at, self.scan.next, fault)
    }
}
