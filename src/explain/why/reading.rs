//! A journal as a source: what cannot be read is noted, and the rest goes on.

use std::cell::RefCell;

use super::{Source, Unread, Walked};
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

    /// Those that `question` asks for, as long as `see` says so; true if it has seen them all. Behind damage reading goes on
    /// where it can.
    fn through(&self, question: &Question, order: Order, mut see: impl FnMut(Record) -> bool) -> bool {
        for found in self.reader.find(question, Lsn(1), order) {
            match found {
                Ok(record) => {
                    if !see(record) {
                        return false;
                    }
                }
                // What a newer build wrote explains nothing to this one, and keeps nothing else from being explained.
                Err(ReadError::Unknown { .. }) => {}
                Err(error) => self.note(error),
            }
        }
        true
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

    fn back(&self, question: &Question, see: &mut dyn FnMut(Record) -> bool) {
        if self.through(question, Order::NewestFirst, &mut *see) {
            self.earlier.back(question, see);
        }
    }

    fn oldest(&self, question: &Question) -> Option<Record> {
        let first = || {
            let mut first = None;
            self.through(question, Order::OldestFirst, |record| {
                first = Some(record);
                false
            });
            first
        };
        self.earlier.oldest(question).or_else(first)
    }

    fn walk(&self, from: Lsn, see: &mut dyn FnMut(Record) -> bool) -> Walked {
        for record in self.reader.records(from) {
            let record = match record {
                Ok(record) => record,
                Err(ReadError::Unknown { .. }) => return Walked::ToUnknown,
                Err(error) => {
                    let is_between = matches!(error, ReadError::Damaged { .. } | ReadError::Gap { .. });
                    self.note(error);
                    return if is_between { Walked::ToDamage } else { Walked::ToUnknown };
                }
            };
            if !see(record) {
                break;
            }
        }
        Walked::Whole
    }

    /// What one question could not read another one may have met as well.
    fn unread(&self) -> Vec<Unread> {
        let failed = self.failed.borrow();
        let places = failed.iter().filter_map(|error| Some((error.first_unread()?, self.reader.behind(error))));
        let mut unread: Vec<Unread> = places.map(|(first, next)| Unread { first, next }).collect();
        unread.sort_by_key(|it| it.first);
        unread.dedup_by(|later, earlier| earlier.next.is_none_or(|next| later.first < next));
        unread
    }
}
