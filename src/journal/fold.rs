//! What a journal's records add up to, as far as the journal has to know.

use std::error::Error;

use super::format::snapshot::Snapshot;
use crate::model::event::HistoryRemoved;
use crate::model::record::Record;

/// Takes every record in order, from the first one or from a snapshot on. Opening a journal may begin again: a snapshot
/// that turns out to be unproved was folded on in vain.
pub trait Fold {
    /// Nothing has happened yet; whatever was folded is forgotten.
    fn begin(&mut self) {}

    /// As it was after the snapshot's last record; whatever was folded is forgotten.
    ///
    /// # Errors
    ///
    /// The snapshot cannot be understood. Another beginning is asked for then.
    fn begin_from(&mut self, snapshot: &Snapshot) -> Result<(), Box<dyn Error + Send + Sync>>;

    fn record(&mut self, record: Record);

    /// The newest removal of history among what was folded.
    fn removed(&self) -> Option<&HistoryRemoved> {
        None
    }
}

/// Wants to see every record: no snapshot will do, and no journal whose beginning was removed.
impl<F: FnMut(Record)> Fold for F {
    fn begin_from(&mut self, _: &Snapshot) -> Result<(), Box<dyn Error + Send + Sync>> {
        Err("every record is asked for".into())
    }

    fn record(&mut self, record: Record) {
        self(record);
    }
}
