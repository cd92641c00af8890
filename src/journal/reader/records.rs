//! Every record, in order.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::super::format::frame::FrameHeader;
use super::super::format::payload;
use super::super::lookup::{self, Trouble};
use super::super::scan::Frame;
use super::{FileScan, Pages, ReadError, Reader};
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
    pub(super) scan: Option<(PathBuf, FileScan)>,
    pub(super) group: Group,
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
        self.next_into(&mut |record| record)
    }
}

impl Records<'_> {
    /// Gives the next record to `take`.
    #[inline]
    pub(super) fn next_into<T>(&mut self, take: &mut impl FnMut(Record) -> T) -> Option<Result<T, ReadError>> {
        loop {
            if let Some((path, _)) = &self.scan
                && let Some(taken) = self.group.next_into(path, take)
            {
                return Some(taken);
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

    /// Of all payloads so far.
    pub(super) fn decoded_bytes(&self) -> u64 {
        self.group.decoded_bytes
    }

    /// Goes on with the record that begins at `place` of segment `index`, if that one is being read; false if it is not.
    pub(super) fn jump(&mut self, index: usize, place: (u64, Lsn)) -> bool {
        let Some((_, scan)) = self.scan.as_mut().filter(|_| self.index == index) else { return false };
        scan.jump(place);
        (self.from, self.ended) = (place.1, false);
        self.group.clear();
        true
    }

    /// Reads one atomic group, or moves to the next segment.
    fn read_group(&mut self) -> Result<(), ReadError> {
        let Some((path, scan)) = &mut self.scan else { return self.enter() };
        let last = self.reader.last.as_ref().filter(|_| self.index == self.reader.sealed.len());
        // The reader has looked no further than there.
        let looked_to = last.map_or(u64::MAX, |last| last.scan.whole_at);
        loop {
            if scan.at >= looked_to {
                self.ended = true;
                return self.reader.damage_in_last().map_or(Ok(()), Err);
            }
            let (at, next) = (scan.at, scan.next);
            match scan.pass() {
                Ok(true) => {}
                Ok(false) => {
                    (self.index, self.expected) = (self.index + 1, next);
                    self.scan = None;
                    return Ok(());
                }
                Err(fault) => {
                    // What was read of a group that is not whole is nothing.
                    self.group.clear();
                    return Err(ReadError::at(path, Trouble::fault(at, next, fault)));
                }
            }
            // A control frame is no record.
            if scan.next == next {
                continue;
            }
            if next >= self.from {
                let frame = scan.passed(at).map_err(|fault| ReadError::at(path, Trouble::fault(at, next, fault)))?;
                self.group.push(&frame);
            }
            if !scan.group_is_open() {
                return Ok(());
            }
        }
    }

    fn enter(&mut self) -> Result<(), ReadError> {
        let reader = self.reader;
        let (path, mut scan): (PathBuf, FileScan) = match (reader.sealed.get(self.index), &reader.last) {
            (Some(&first_lsn), _) => reader.sealed_scan(first_lsn, Pages::All)?,
            (None, Some(last)) if self.index == reader.sealed.len() => (last.path.clone(), last.scan_from(self.from)?),
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
}

/// A whole group, of which some records have not been asked for yet. Payloads wait as bytes, which were checked: a record
/// takes several times the room, and would be moved in and out.
#[derive(Default)]
pub(super) struct Group {
    payloads: Vec<u8>,
    /// Offset in the segment, head, and where the payload begins in `payloads`.
    frames: VecDeque<(u64, FrameHeader, usize)>,
    decoded_bytes: u64,
}

impl Group {
    fn push(&mut self, frame: &Frame<'_>) {
        if self.frames.is_empty() {
            self.payloads.clear();
        }
        self.frames.push_back((frame.offset, frame.header, self.payloads.len()));
        self.payloads.extend_from_slice(frame.payload);
    }

    /// The next record of the group, which stands in the segment at `path`, given to `take`.
    #[inline]
    fn next_into<T>(&mut self, path: &Path, take: &mut impl FnMut(Record) -> T) -> Option<Result<T, ReadError>> {
        let (offset, header, from) = self.frames.pop_front()?;
        self.decoded_bytes += u64::from(header.length);
        let payload = &self.payloads[from..from + header.length as usize];
        let taken = payload::decode_into(&header, payload, take);
        Some(taken.map_err(|error| ReadError::at(path, Trouble::decode(offset, &header, error))))
    }

    fn clear(&mut self) {
        self.frames.clear();
    }
}
