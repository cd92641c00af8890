//! No acknowledged record is ever lost, and none changes: what a start finds on the disk is what was there before.

use super::Broken;
use crate::journal::{Fold, Snapshot};
use crate::model::event::HistoryRemoved;
use crate::model::id::Lsn;
use crate::model::record::Record;
use crate::supervisor::snapshot::Folded;

/// Folds a journal that is being opened, and compares each record with what was committed before.
#[derive(Debug)]
pub struct Acknowledged<'a> {
    pub folded: Folded,
    /// Everything that was ever committed.
    history: &'a [Record],
    /// Records behind it: durable, and acknowledged to nobody.
    pub more: Vec<Record>,
    changed: Option<Lsn>,
}

impl<'a> Acknowledged<'a> {
    pub fn new(history: &'a [Record]) -> Self {
        Self { folded: Folded::default(), history, more: Vec::new(), changed: None }
    }

    /// What is lost or changed, if anything is.
    pub fn verdict(&self, last: Lsn) -> Result<(), Broken> {
        let broken = |what| Err(Broken { oracle: "no acknowledged record is lost", rule: "C7", what });
        if let Some(lsn) = self.changed {
            return broken(format!("record {lsn} is not what was committed"));
        }
        let committed = self.history.len() as u64;
        if last.0 < committed {
            return broken(format!("the journal ends with record {last}, and {committed} were committed"));
        }
        Ok(())
    }
}

impl Fold for &mut Acknowledged<'_> {
    fn begin(&mut self) {
        (&mut self.folded).begin();
        self.more.clear();
    }

    fn begin_from(&mut self, snapshot: &Snapshot) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.more.clear();
        (&mut self.folded).begin_from(snapshot)
    }

    fn record(&mut self, record: Record) {
        match self.history.get(record.lsn.0 as usize - 1) {
            Some(committed) if *committed == record => {}
            Some(_) => drop(self.changed.get_or_insert(record.lsn)),
            None => self.more.push(record.clone()),
        }
        (&mut self.folded).record(record);
    }

    fn removed(&self) -> Option<&HistoryRemoved> {
        self.folded.state.removed.as_ref().map(|removed| &removed.what)
    }
}
