//! The room ahead: the next segment, reserved while the active one still has half of its own.

use std::io;
use std::path::PathBuf;

use super::active::{Active, SPARE, Spare};
use super::storage::{Storage, StorageFile};

/// The next segment cannot be reserved. Records are taken until the active one is full; then appends are refused.
#[derive(Debug, thiserror::Error)]
#[error("{bytes} bytes for the next segment cannot be reserved at {}; this one has room for {room} more", path.display())]
pub struct DiskLow {
    pub path: PathBuf,
    pub bytes: u64,
    /// Bytes of records that the active segment still takes.
    pub room: u64,
    #[source]
    pub source: io::Error,
    /// Asked again once the active segment has come so far: on a full disk each asking looks for room in all of it.
    again_at: u64,
}

/// A spare, or why there is none though it is time.
#[derive(Debug)]
pub(super) struct Ahead<F> {
    spare: Option<Spare<F>>,
    low: Option<DiskLow>,
}

impl<F> Default for Ahead<F> {
    fn default() -> Self {
        Self { spare: None, low: None }
    }
}

impl<F: StorageFile> Ahead<F> {
    /// To be called after each batch. Takes well under a millisecond, once a segment.
    pub(super) fn look(&mut self, storage: &impl Storage<File = F>, active: &Active<F>, bytes: u64) {
        if self.low.as_ref().is_none_or(|low| active.tail() >= low.again_at) {
            self.look_again(storage, active, bytes);
        }
    }

    /// As [`Ahead::look`], for a moment of quiet: however lately it failed.
    pub(super) fn look_again(&mut self, storage: &impl Storage<File = F>, active: &Active<F>, bytes: u64) {
        if self.spare.is_some() || !active.is_half_full() {
            return;
        }
        self.low = match make(storage, bytes) {
            Ok(spare) => {
                self.spare = Some(spare);
                None
            }
            Err(source) => Some(DiskLow {
                path: storage.path().join(SPARE),
                bytes,
                room: active.room(),
                source,
                again_at: active.tail() + active.header.capacity / 32,
            }),
        };
    }

    /// A spare of this size, made now if there is none.
    pub(super) fn take(&mut self, storage: &impl Storage<File = F>, capacity: u64) -> io::Result<Spare<F>> {
        match self.spare.take() {
            Some(spare) if spare.capacity == capacity => Ok(spare),
            _ => make(storage, capacity),
        }
        .inspect(|_| self.low = None)
    }

    /// Gives back room that nobody needs now; if that fails, the next opening does it.
    pub(super) fn give_back(&mut self, storage: &impl Storage<File = F>) {
        if self.spare.take().is_some() {
            let _ = storage.remove(SPARE);
        }
    }

    pub(super) fn low(&self) -> Option<&DiskLow> {
        self.low.as_ref()
    }
}

/// A file with room for a segment. Room that a failed attempt has reserved is given back; if even that fails, the next attempt does it.
pub(super) fn make<F: StorageFile>(storage: &impl Storage<File = F>, capacity: u64) -> io::Result<Spare<F>> {
    Spare::create(storage, capacity).inspect_err(|_| {
        let _ = storage.remove(SPARE);
    })
}
