//! A journal as a source: what cannot be read is noted, and the rest goes on.

use std::cell::RefCell;

use super::Source;
use crate::journal::{Order, Question, ReadError, Reader};
use crate::model::id::Lsn;
use crate::model::record::Record;

/// A reader, and the first failure of a look-up that has no way to say so itself.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    pub reader: &'a Reader,
    pub failed: &'a RefCell<Option<ReadError>>,
}

impl Reading<'_> {
    fn note(&self, error: ReadError) {
        self.failed.borrow_mut().get_or_insert(error);
    }

    fn first_of(&self, question: &Question, order: Order) -> Option<Record> {
        let mut found = self.reader.find(question, Lsn(1), order);
        // What a newer build wrote explains nothing to this one, and keeps nothing else from being explained.
        let first = found.find(|record| !matches!(record, Err(ReadError::Unknown { .. })))?;
        first.map_err(|error| self.note(error)).ok()
    }
}

impl Source for Reading<'_> {
    fn record(&self, lsn: Lsn) -> Option<Record> {
        if lsn < self.reader.first_lsn() {
            return None;
        }
        self.reader.record(lsn).unwrap_or_else(|error| {
            if !matches!(error, ReadError::Unknown { .. }) {
                self.note(error);
            }
            None
        })
    }

    fn first(&self) -> Lsn {
        self.reader.first_lsn()
    }

    fn each(&self, question: &Question, see: &mut dyn FnMut(Record)) {
        for record in self.reader.find(question, Lsn(1), Order::OldestFirst) {
            match record {
                Ok(record) => see(record),
                Err(ReadError::Unknown { .. }) => {}
                Err(error) => return self.note(error),
            }
        }
    }

    fn newest(&self, question: &Question) -> Option<Record> {
        self.first_of(question, Order::NewestFirst)
    }

    fn oldest(&self, question: &Question) -> Option<Record> {
        self.first_of(question, Order::OldestFirst)
    }

    fn walk(&self, from: Lsn, see: &mut dyn FnMut(Record) -> bool) -> bool {
        for record in self.reader.records(from) {
            let Ok(record) = record else { return false };
            if !see(record) {
                return true;
            }
        }
        true
    }
}
