//! The records that a question asks for, by way of the segments' indexes where there are any.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::super::format::payload;
use super::super::index::{self, IndexFile};
use super::super::lookup::{self, Trouble};
use super::super::question::Question;
use super::super::recovery::tail;
use super::super::window::Window;
use super::{FileScan, Pages, ReadError, Reader};
use crate::model::event::KINDS;
use crate::model::id::Lsn;
use crate::model::record::Record;

/// In which order records are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// Records that fit a question; see [`Reader::find`].
pub struct Found<'a> {
    reader: &'a Reader,
    question: &'a Question,
    /// Of the kinds that are asked for.
    numbers: Vec<u16>,
    from: Lsn,
    order: Order,
    /// Indexes of the segments that are still to be entered, the next one last; the last segment's is the number of
    /// sealed ones.
    segments: Vec<usize>,
    /// Moved out and in for each record.
    open: Option<Box<Open>>,
    ready: VecDeque<Result<Record, ReadError>>,
    /// What is wrong with the end of the journal, until that is told.
    at_end: Option<ReadError>,
    ended: bool,
}

impl std::fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("question", self.question).field("order", &self.order).finish_non_exhaustive()
    }
}

/// A part of a segment: from a record's place to behind the last record that begins in it; without an end, to the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    from: (u64, Lsn),
    to: Option<u64>,
}

/// A segment being read.
struct Open {
    index: usize,
    path: PathBuf,
    scan: FileScan,
    /// The next one first.
    stretches: VecDeque<Stretch>,
    now: Option<Stretch>,
    /// What comes behind the segment does not fit it.
    gap: Option<ReadError>,
    /// Nothing could be read since the last error: what is damaged from one stretch to the next is said once.
    in_damage: bool,
    /// The first error is what is wrong with the end of the journal.
    is_of_end: bool,
}

impl<'a> Found<'a> {
    pub(super) fn new(reader: &'a Reader, question: &'a Question, from: Lsn, order: Order) -> Self {
        let from = from.max(question.first.unwrap_or(Lsn(1))).max(Lsn(1));
        let count = reader.sealed.len() + usize::from(reader.last.is_some());
        let first = (0..count).rev().find(|&index| reader.begins(index).is_some_and(|begins| begins <= from));
        let mut segments: Vec<usize> = (first.unwrap_or(0)..count).collect();
        let is_behind = |segment: usize| question.last.is_some_and(|last| reader.begins(segment) > Some(last));
        segments.retain(|segment| !is_behind(*segment));
        // What follows the last record that is kept lies behind what is asked for.
        let ends_before = question.last.is_some_and(|last| last <= reader.last_lsn());
        let mut at_end = if ends_before { None } else { reader.damage_in_last() };
        let mut ready = VecDeque::new();
        match order {
            Order::OldestFirst => segments.reverse(),
            // What cannot be read at the end may be the newest there is.
            Order::NewestFirst => ready.extend(at_end.take().map(Err)),
        }
        let asked = KINDS.iter().filter(|kind| question.kinds.contains(&kind.name));
        let numbers = asked.map(|kind| kind.number).collect();
        Self { reader, question, numbers, from, order, segments, open: None, ready, at_end, ended: false }
    }

    /// Of one segment alone.
    pub(super) fn within(reader: &'a Reader, question: &'a Question, index: usize) -> Self {
        let mut found = Self::new(reader, question, Lsn(1), Order::OldestFirst);
        found.segments.retain(|segment| *segment == index);
        found
    }

    /// Goes on by one record, one stretch or one segment.
    fn advance(&mut self) -> Result<(), ReadError> {
        let Some(mut open) = self.open.take() else { return self.enter() };
        if open.now.is_none() {
            let Some(next) = open.stretches.pop_front() else { return open.gap.map_or(Ok(()), Err) };
            open.scan.jump(next.from);
            if let Some(to) = next.to {
                // All of it at once. If that does not work, the frame that cannot be read is named.
                let _ = open.scan.window.bytes(next.from.0, (to - next.from.0) as usize);
            }
            open.now = Some(next);
        }
        match self.order {
            Order::OldestFirst => {
                let found = self.step(&mut open)?;
                self.ready.extend(found);
            }
            Order::NewestFirst => {
                while open.now.is_some() {
                    if let Some(found) = self.step(&mut open)? {
                        self.ready.push_front(found);
                    }
                }
            }
        }
        self.open = Some(open);
        Ok(())
    }

    /// Reads one frame of the stretch, or ends it.
    fn step(&mut self, open: &mut Open) -> Result<Option<Result<Record, ReadError>>, ReadError> {
        let (at, next) = (open.scan.at, open.scan.next);
        if open.now.and_then(|now| now.to).is_some_and(|to| at >= to) {
            open.now = None;
            return Ok(None);
        }
        let frame = match open.scan.step() {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                open.now = None;
                open.gap = self.reader.gap_behind(open.index, next);
                return Ok(None);
            }
            Err(fault) => {
                let error = ReadError::at(&open.path, Trouble::fault(at, next, fault));
                let until = open.now.and_then(|now| now.to).unwrap_or(u64::MAX);
                if !tail::resume_behind(&mut open.scan, until) {
                    open.now = None;
                }
                let is_known = std::mem::replace(&mut open.in_damage, true);
                // Where whole frames follow, it stands before them; who reads the newest first was told at once.
                let error = match std::mem::take(&mut open.is_of_end) {
                    true => self.at_end.take(),
                    false => (!is_known).then_some(error),
                };
                return Ok(error.map(Err));
            }
        };
        open.in_damage = false;
        let header = frame.header;
        let is_asked_for = self.question.is_in_place(header.lsn) && self.question.is_in_time(header.time_us);
        let passed = header.is_control() || header.lsn < self.from || !is_asked_for;
        if passed || self.is_other_kind(header.kind) {
            return Ok(None);
        }
        match payload::decode(&header, frame.payload) {
            Ok(record) => Ok(self.question.wants(&record).then_some(Ok(record))),
            Err(error) => Ok(Some(Err(ReadError::at(&open.path, Trouble::decode(frame.offset, &header, error))))),
        }
    }

    /// What this build does not know is said, whatever is asked for.
    fn is_other_kind(&self, number: u16) -> bool {
        !self.question.kinds.is_empty()
            && !self.numbers.contains(&number)
            && KINDS.iter().any(|kind| kind.number == number)
    }

    fn enter(&mut self) -> Result<(), ReadError> {
        let Some(index) = self.segments.pop() else {
            self.ended = true;
            return self.at_end.take().map_or(Ok(()), Err);
        };
        let mut open = if index < self.reader.sealed.len() { self.open_sealed(index)? } else { self.open_last(index)? };
        if let Some(error) = self.reader.gap_before(index, open.scan.header.first_lsn, &open.path) {
            return Err(error);
        }
        if self.order == Order::NewestFirst {
            self.ready.extend(open.gap.take().map(Err));
            open.stretches.make_contiguous().reverse();
        }
        self.open = Some(Box::new(open));
        Ok(())
    }

    fn open_sealed(&self, index: usize) -> Result<Open, ReadError> {
        let reader = self.reader;
        let first_lsn = reader.sealed[index];
        let (path, mut scan) = reader.sealed_scan(first_lsn, Pages::Few)?;
        let Some(seal) = lookup::seal(&mut scan) else {
            let stretches = VecDeque::from([Stretch { from: (scan.at, scan.next), to: None }]);
            return Ok(Open { index, path, scan, stretches, now: None, gap: None, in_damage: false, is_of_end: false });
        };
        // What is missing behind the last record that is asked for is nobody's question.
        let goes_on = self.question.last.is_none_or(|last| last > seal.last_lsn);
        let gap = goes_on.then(|| reader.gap_behind(index, seal.last_lsn.next())).flatten();
        let file = IndexFile::open(&reader.dir, first_lsn, &seal.head());
        let blocks = file.and_then(|file| index::blocks(&file, self.question));
        let places = seal.blocks.iter().zip(0u32..).filter_map(|(block, number)| Some((number, block.first?)));
        let mut stretches = stretches(places, seal.end, self.from);
        stretches.retain(|(_, stretch)| self.begins_in_time(stretch));
        match blocks {
            Some(blocks) => stretches.retain(|(number, _)| blocks.binary_search(number).is_ok()),
            None => scan = reader.sealed_scan(first_lsn, Pages::All)?.1,
        }
        let stretches = stretches.into_iter().map(|(_, stretch)| stretch).collect();
        Ok(Open { index, path, scan, stretches, now: None, gap, in_damage: false, is_of_end: false })
    }

    fn open_last(&self, index: usize) -> Result<Open, ReadError> {
        let last = self.reader.last.as_ref().ok_or(ReadError::Missing { lsn: self.from })?;
        let scan = last.scan_from(self.from)?;
        let places = (0u32..).zip(last.places());
        let mut stretches = stretches(places, last.scan.whole_at, self.from);
        stretches
            .retain(|(number, stretch)| self.begins_in_time(stretch) && last.is_worth_a_look(*number, self.question));
        let damaged = last.around_damage().map(|(from, to)| Stretch { from, to: Some(to) });
        let damaged = damaged.filter(|stretch| self.begins_in_time(stretch));
        let stretches = stretches.into_iter().map(|(_, stretch)| stretch).chain(damaged).collect();
        let is_of_end = last.damage.is_some();
        Ok(Open { index, path: last.path.clone(), scan, stretches, now: None, gap: None, in_damage: false, is_of_end })
    }

    /// Its first record is not behind everything that is asked for.
    fn begins_in_time(&self, stretch: &Stretch) -> bool {
        self.question.last.is_none_or(|last| stretch.from.1 <= last)
    }
}

/// From each place to the next and from the last one to `end`, without those that end before the record `from`.
fn stretches(places: impl Iterator<Item = (u32, (u64, Lsn))>, end: u64, from: Lsn) -> VecDeque<(u32, Stretch)> {
    let mut stretches: VecDeque<(u32, Stretch)> = VecDeque::new();
    for (number, place) in places {
        if let Some((_, before)) = stretches.back_mut() {
            before.to = Some(place.0);
        }
        if place.1 <= from {
            stretches.clear();
        }
        stretches.push_back((number, Stretch { from: place, to: Some(end) }));
    }
    stretches
}

impl Iterator for Found<'_> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Some(record);
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.advance() {
                // Of a segment that cannot be read the others know nothing.
                self.ended |= !error.is_damage();
                return Some(Err(error));
            }
        }
    }
}
