//! A history in stripes, short pieces of its segments that several threads can read at a time.

use std::collections::VecDeque;

use super::super::lookup;
use super::{Pages, Reader, Records};
use crate::model::id::Lsn;

/// Blocks of a sealed segment that make a stripe, 128 KiB: about a thousand records. With half as many, waking who looks at
/// them takes longer than looking.
const BLOCKS: usize = 2;

/// A piece of a segment. It begins with a record and ends before the first fact at or behind the next one's beginning, so
/// that every group is in one stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stripe {
    index: usize,
    /// The offset of its first record, and its lsn. No offset: it has to be looked for.
    begins: (Option<u64>, Lsn),
    /// The last one has no end.
    next: Option<Lsn>,
}

impl Stripe {
    pub(super) fn ends_before(&self, lsn: Lsn) -> bool {
        self.next.is_some_and(|next| next <= lsn)
    }

    /// Has `records` go on with this stripe.
    pub(super) fn enter(&self, records: &mut Records<'_>) {
        match self.begins {
            (Some(offset), lsn) if records.jump(self.index, (offset, lsn)) => {}
            (_, lsn) => *records = records.reader.records(lsn),
        }
    }
}

/// The stripes of all segments from a record on, in order. Each thread counts them for itself, and comes to the same.
pub(super) struct Stripes<'a> {
    reader: &'a Reader,
    from: Lsn,
    index: usize,
    ready: VecDeque<Stripe>,
}

impl<'a> Stripes<'a> {
    pub(super) fn new(reader: &'a Reader, from: Lsn) -> Self {
        Self { reader, from, index: 0, ready: VecDeque::new() }
    }

    /// Where stripes of segment `index` begin behind its first record: what its seal knows of.
    fn places(&self, index: usize) -> Vec<(u64, Lsn)> {
        let seal = self.reader.sealed.get(index).and_then(|&first_lsn| {
            let (_, mut scan) = self.reader.sealed_scan(first_lsn, Pages::Few).ok()?;
            lookup::seal(&mut scan)
        });
        let blocks = seal.map_or_else(Vec::new, |seal| seal.blocks);
        blocks.into_iter().step_by(BLOCKS).skip(1).filter_map(|block| block.first).collect()
    }
}

impl Iterator for Stripes<'_> {
    type Item = Stripe;

    fn next(&mut self) -> Option<Stripe> {
        while self.ready.is_empty() {
            let (index, begins) = (self.index, self.reader.begins(self.index)?);
            self.index += 1;
            let behind = self.reader.begins(index + 1);
            if behind.is_some_and(|behind| behind <= self.from) {
                continue;
            }
            let first = (None, begins.max(self.from));
            let places = self.places(index).into_iter().filter(|(_, lsn)| *lsn > first.1);
            let mut all: Vec<(Option<u64>, Lsn)> = vec![first];
            all.extend(places.map(|(offset, lsn)| (Some(offset), lsn)));
            let nexts = all.iter().skip(1).map(|(_, lsn)| Some(*lsn)).chain([behind]);
            self.ready = all.iter().zip(nexts).map(|(&begins, next)| Stripe { index, begins, next }).collect();
        }
        self.ready.pop_front()
    }
}
