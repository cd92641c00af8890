//! A journal as a source: what cannot be read is noted, and the rest goes on.

use std::cell::RefCell;

use super::Source;
use crate::journal::{Order, Question, ReadError, Reader};
use crate::model::id::Lsn;
use crate::model::record::Record;

/// A reader, and the failures of look-ups that have no way to say so themselves: each place once.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    pub reader: &'a Reader,
    pub failed: &'a RefCell<Vec<ReadError>>,
    /// Some of what stood before the first record, oldest first: a capsule has them.
    pub earlier: &'a [Record],
}

impl Reading<'_> {
    pub fn note(&self, error: ReadError) {
        let mut failed = self.failed.borrow_mut();
        if failed.iter().all(|known| known.to_string() != error.to_string()) {
            failed.push(error);
        }
    }

    /// Those that `question` asks for, as long as `see` says so. Behind damage reading goes on where it can.
    fn through(&self, question: &Question, order: Order, mut see: impl FnMut(Record) -> bool) {
        for found in self.reader.find(question, Lsn(1), order) {
            match found {
                Ok(record) => {
                    if !see(record) {
                        return;
                    }
                }
                // What a newer build wrote explains nothing to this one, and keeps nothing else from being explained.
                Err(ReadError::Unknown { .. }) => {}
                Err(error) => self.note(error),
            }
        }
    }

    fn first_of(&self, question: &Question, order: Order) -> Option<Record> {
        let mut first = None;
        self.through(question, order, |record| {
            first = Some(record);
            false
        });
        first
    }
}

impl Source for Reading<'_> {
    fn record(&self, lsn: Lsn) -> Option<Record> {
        if lsn < self.reader.first_lsn() {
            return self.earlier.record(lsn);
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
        self.earlier.each(question, see);
        self.through(question, Order::OldestFirst, |record| {
            see(record);
            true
        });
    }

    fn newest(&self, question: &Question) -> Option<Record> {
        self.first_of(question, Order::NewestFirst).or_else(|| self.earlier.newest(question))
    }

    fn oldest(&self, question: &Question) -> Option<Record> {
        self.earlier.oldest(question).or_else(|| self.first_of(question, Order::OldestFirst))
    }

    fn walk(&self, from: Lsn, see: &mut dyn FnMut(Record) -> bool) -> bool {
        for record in self.reader.records(from) {
            let record = match record {
                Ok(record) => record,
                Err(ReadError::Unknown { .. }) => return false,
                Err(error) => {
                    self.note(error);
                    return false;
                }
            };
            if !see(record) {
                return true;
            }
        }
        true
    }
}
