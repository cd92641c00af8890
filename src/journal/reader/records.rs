//! Every record, in order.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::super::format::payload;
use super::super::lookup::{self, Trouble};
use super::super::scan::Scan;
use super::super::window::Window;
use super::{Pages, ReadError, Reader};
use crate::model::id::Lsn;
use crate::model::record::Record;

/// Records in order; see [`Reader::records`].
pub struct Records<'a> {
    pub(super) reader: &'a Reader,
    /// Of the segment being read; the last one's is the number of sealed ones.
    pub(super) index: usize,
    /// The first lsn that the next segment must have.
    pub(super) expected: Lsn,
    pub(super) from: Lsn,
    pub(super) scan: Option<(PathBuf, Scan<Box<dyn Window>>)>,
    pub(super) group: VecDeque<Result<Record, ReadError>>,
    pub(super) ended: bool,
}

impl std::fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("index", &self.index).field("from", &self.from).finish_non_exhaustive()
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.group.pop_front() {
                return Some(record);
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.read_group() {
                self.ended = true;
                return Some(Err(error));
            }
        }
    }
}

impl Records<'_> {
    /// Reads one atomic group, or moves to the next segment.
    fn read_group(&mut self) -> Result<(), ReadError> {
        let Some((path, mut scan)) = self.scan.take() else { return self.enter() };
        let mut group = VecDeque::new();
        loop {
            if self.is_at_end(&scan) {
                return self.end_of_journal();
            }
            let (at, next) = (scan.at, scan.next);
            let frame = match scan.step() {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    (self.index, self.expected) = (self.index + 1, scan.next);
                    return Ok(());
                }
                Err(fault) => return Err(ReadError::at(&path, Trouble::fault(at, next, fault))),
            };
            if frame.header.is_control() {
                continue;
            }
            if frame.header.lsn >= self.from {
                let record = payload::decode(&frame.header, frame.payload);
                let trouble = |error| ReadError::at(&path, Trouble::decode(frame.offset, &frame.header, error));
                group.push_back(record.map_err(trouble));
            }
            if !frame.header.more_follows() {
                self.group = group;
                self.scan = Some((path, scan));
                return Ok(());
            }
        }
    }

    fn enter(&mut self) -> Result<(), ReadError> {
        let reader = self.reader;
        let (path, mut scan): (PathBuf, Scan<Box<dyn Window>>) = match (reader.sealed.get(self.index), &reader.last) {
            (Some(&first_lsn), _) => reader.sealed_scan(first_lsn, Pages::Many)?,
            (None, Some(last)) if self.index == reader.sealed.len() => {
                (last.path.clone(), last.scan_from(self.from)?.boxed())
            }
            (None, _) => {
                self.ended = true;
                return Ok(());
            }
        };
        let (found, expected) = (scan.header.first_lsn, self.expected);
        if found != expected {
            return Err(ReadError::Gap { segment: path, found, expected });
        }
        if self.from > scan.next && self.index < reader.sealed.len() {
            lookup::approach(&mut scan, self.from);
        }
        self.scan = Some((path, scan));
        Ok(())
    }

    /// The reader has looked no further than here.
    fn is_at_end<W: Window>(&self, scan: &Scan<W>) -> bool {
        let last = self.reader.last.as_ref().filter(|_| self.index == self.reader.sealed.len());
        last.is_some_and(|last| scan.at >= last.scan.whole_at)
    }

    fn end_of_journal(&mut self) -> Result<(), ReadError> {
        self.ended = true;
        self.reader.damage_at_end().map_or(Ok(()), Err)
    }
}
