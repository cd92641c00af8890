//! Where folding begins: the newest snapshot that proves itself, else the first record.

use super::segment::SegmentRecovery;
use super::{OpenError, Resume};
use crate::journal::fold::Fold;
use crate::journal::format::header::SegmentHeader;
use crate::journal::format::snapshot::Snapshot;
use crate::journal::format::{segment_name, snapshot_name};
use crate::journal::retention::hex;
use crate::journal::snapshot::{self, NotUsed, Unusable};
use crate::journal::storage::Storage;
use crate::model::event::HistoryRemoved;
use crate::model::id::Lsn;

/// What the folder holds.
pub(super) struct Found<'a, S: Storage> {
    pub storage: &'a S,
    /// First lsns of the segments, in order.
    pub segments: Vec<Lsn>,
    /// Last records of the snapshots, newest first.
    pub snapshots: Vec<Lsn>,
}

/// Why folding from one beginning came to nothing.
enum Failed {
    /// From no other either.
    Open(OpenError),
    /// Nothing was written; an older snapshot may serve.
    Snapshot(NotUsed),
}

impl From<OpenError> for Failed {
    fn from(error: OpenError) -> Self {
        Failed::Open(error)
    }
}

impl<S: Storage> Found<'_, S> {
    /// Folds the journal from the newest snapshot that can be used, and leaves a clean place to append.
    pub(super) fn run<F: Fold>(&self, fold: &mut F) -> Result<Resume, OpenError> {
        let mut unusable = Vec::new();
        for &through in &self.snapshots {
            match self.run_from(through, fold) {
                Ok(mut resume) => {
                    resume.recovered.unusable = unusable;
                    return Ok(resume);
                }
                Err(Failed::Open(error)) => return Err(error),
                Err(Failed::Snapshot(because)) => {
                    let path = self.storage.path().join(snapshot_name(through));
                    unusable.push(Unusable { path, because });
                }
            }
        }
        match self.segments.first() {
            Some(&first) if first > Lsn(1) => {
                let segment = self.storage.path().join(segment_name(first));
                Err(OpenError::NoBeginning { segment, first, unusable })
            }
            _ => {
                fold.begin();
                match self.fold_all(None, fold) {
                    Ok(mut resume) => {
                        resume.recovered.unusable = unusable;
                        Ok(resume)
                    }
                    Err(Failed::Open(error)) => Err(error),
                    Err(Failed::Snapshot(_)) => unreachable!("no snapshot was begun from"),
                }
            }
        }
    }

    fn run_from<F: Fold>(&self, through: Lsn, fold: &mut F) -> Result<Resume, Failed> {
        let snapshot = snapshot::read(self.storage, through).map_err(Failed::Snapshot)?;
        match self.segments.first() {
            Some(&first) if first <= through.next() => {}
            Some(&first) => return Err(Failed::Snapshot(NotUsed::TooOld { through, first })),
            // It was taken after a record, and no record is left.
            None => return Err(Failed::Open(self.end_missing(through, Lsn::ZERO))),
        }
        fold.begin_from(&snapshot).map_err(|error| Failed::Snapshot(NotUsed::State(error)))?;
        self.fold_all(Some(&snapshot), fold)
    }

    /// Reads labels up to the snapshot, then everything. Nothing is written before the snapshot is proved.
    fn fold_all<F: Fold>(&self, snapshot: Option<&Snapshot>, fold: &mut F) -> Result<Resume, Failed> {
        let mut resume = Resume::before(self.segments.first().copied());
        if let Some(snapshot) = snapshot {
            resume.begins_from(snapshot);
        }
        let after = snapshot.map_or(Lsn::ZERO, |snapshot| snapshot.through);
        for (index, &first_lsn) in self.segments.iter().enumerate() {
            let next = self.segments.get(index + 1);
            // The segment that holds the snapshot's last record is read through: it is the one that names it.
            let is_before = next.is_some_and(|&next| next <= after);
            let mut segment = match is_before {
                true => SegmentRecovery::look(self.storage, first_lsn)?,
                false => SegmentRecovery::open(self.storage, first_lsn, next.is_none())?,
            };
            if index == 0 {
                resume.begins_at(segment.header());
            }
            if is_before {
                segment.labels(&mut resume)?;
                continue;
            }
            if let Some(snapshot) = snapshot {
                is_of(snapshot, segment.header(), next.copied()).map_err(Failed::Snapshot)?;
            }
            let fault = segment.read(&mut resume, after, fold)?;
            // Rot is said with its place, before anything is said of what it hides.
            let end = segment.judge(fault)?;
            if next.is_none() {
                self.check_before_writing(&mut resume, fold)?;
            }
            segment.end(&mut resume, end)?;
        }
        Ok(resume)
    }

    /// Everything that can be known once the last record is folded. What follows writes.
    fn check_before_writing<F: Fold>(&self, resume: &mut Resume, fold: &F) -> Result<(), Failed> {
        if let Some(unproved) = resume.unproved.take() {
            return Err(Failed::Snapshot(unproved));
        }
        for &through in self.snapshots.iter().filter(|&&through| through > resume.recovered.last_lsn) {
            // Written when its last record was on the disk: a witness, as far as its header is whole.
            let witness = snapshot::read(self.storage, through);
            if witness.is_ok_and(|snapshot| Some(snapshot.journal) == resume.journal) {
                return Err(Failed::Open(self.end_missing(through, resume.recovered.last_lsn)));
            }
        }
        if let Some(&first) = self.segments.first().filter(|&&first| first > Lsn(1)) {
            self.removal_explains(first, resume, fold.removed())?;
        }
        Ok(())
    }

    fn end_missing(&self, through: Lsn, last_lsn: Lsn) -> OpenError {
        OpenError::EndMissing { snapshot: self.storage.path().join(snapshot_name(through)), through, last_lsn }
    }

    /// The segments before `first` were removed, and not lost. Without a seal of its own yet, the first that stayed gets
    /// the head that it has to chain to.
    fn removal_explains(
        &self,
        first: Lsn,
        resume: &mut Resume,
        removed: Option<&HistoryRemoved>,
    ) -> Result<(), OpenError> {
        let segment = self.storage.path().join(segment_name(first));
        match (removed, resume.first_previous) {
            // A removal that was cut off leaves some of what it names, all of it sealed.
            (Some(removed), Some(_)) if removed.first_kept > first => Ok(()),
            (Some(removed), Some(found)) if removed.first_kept == first => {
                let (found, expected) = (hex(&found), removed.head.clone());
                if found == expected { Ok(()) } else { Err(OpenError::OtherBeginning { segment, found, expected }) }
            }
            (Some(removed), None) if removed.first_kept == first => {
                resume.head = blake3::Hash::from_hex(&removed.head).ok().map(Into::into);
                Ok(())
            }
            _ => {
                let named = removed.map(|removed| removed.first_kept);
                Err(OpenError::BeginningLost { segment, first, named })
            }
        }
    }
}

/// `snapshot` was taken in the segment with this header, if it holds its last record; or right at the end of the one
/// before, which was removed.
fn is_of(snapshot: &Snapshot, header: &SegmentHeader, next: Option<Lsn>) -> Result<(), NotUsed> {
    let through = snapshot.through;
    let foreign = |field| Err(NotUsed::Foreign { field, through });
    if snapshot.journal != header.journal {
        return foreign("journal");
    }
    let (number, salt) = if header.first_lsn == through.next() {
        (header.number.wrapping_sub(1), header.previous_salt)
    } else if header.first_lsn <= through && next.is_none_or(|next| next > through) {
        (header.number, header.salt)
    } else {
        return Ok(());
    };
    match (snapshot.number == number, snapshot.salt == salt) {
        (true, true) => Ok(()),
        (false, _) => foreign("number"),
        (true, false) => foreign("salt"),
    }
}
