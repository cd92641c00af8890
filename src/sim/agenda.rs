//! What is to happen when. Of two things at the same moment, the one that was put down first comes first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Things to come, by simulated milliseconds.
#[derive(Debug)]
pub struct Agenda<T> {
    /// Moments, numbers in the order in which they were put down, and places.
    entries: BinaryHeap<Reverse<(u64, u64, usize)>>,
    /// The things themselves stay in their places while their entries are sorted.
    things: Vec<Option<T>>,
    free: Vec<usize>,
    count: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { entries: BinaryHeap::new(), things: Vec::new(), free: Vec::new(), count: 0 }
    }
}

impl<T> Agenda<T> {
    pub fn put(&mut self, at: u64, what: T) {
        self.count += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.things.push(None);
            self.things.len() - 1
        });
        self.things[place] = Some(what);
        self.entries.push(Reverse((at, self.count, place)));
    }

    /// The next thing and its moment.
    pub fn take(&mut self) -> Option<(u64, T)> {
        let Reverse((at, _, place)) = self.entries.pop()?;
        self.free.push(place);
        Some((at, self.things[place].take()?))
    }
}
