//! Reading on threads of their own, beside whoever looks at the records.

use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use super::stripes::{Stripe, Stripes};
use super::{ReadError, Reader, Records};
use crate::model::event::Event;
use crate::model::id::Lsn;
use crate::model::record::{Record, groups};

/// A load is handed over with the group in which it comes to so many records, or to payloads of so many bytes. Large enough
/// that waking a thread for it costs nothing next to it, small enough that it is still close to the processor.
const LOAD_RECORDS: usize = 2048;
const LOAD_BYTES: u64 = 1 << 20;
/// Between each reading thread and who looks. With the one being read and the one being looked at, 4 MiB of payloads wait
/// for each thread at most, and what the last groups of loads have beyond. A stripe of usual records is one load.
const LOADS_WAITING: usize = 2;
/// Whoever looks is the slower one from then on.
const THREADS_MAX: usize = 4;

/// Whole groups, what was read in place of the record behind them, and where to go on.
#[derive(Default)]
struct Load {
    records: Vec<Record>,
    error: Option<ReadError>,
    then: Then,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Then {
    /// The same thread has more of this stripe.
    #[default]
    More,
    /// The next stripe is the next thread's.
    NextStripe,
    /// Nothing is left, or nothing can be read from there on.
    End,
}

impl Reader {
    /// Calls `see` with every fact from `from` on together with what followed from it, in order, until it breaks off. Errors
    /// stand where they do in [`Reader::records`]; a group in which one stands comes in pieces.
    ///
    /// Reads on other threads, as many as there are processors and at most four, each in turn a stripe of a segment.
    ///
    /// # Panics
    ///
    /// If one of the sides does; the others end then.
    pub fn each_group(&self, from: Lsn, mut see: impl FnMut(Result<&[Record], ReadError>) -> ControlFlow<()>) {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
        thread::scope(|scope| {
            // Dropped before the threads are waited for, however this ends: they may wait for room.
            let mut lanes = Vec::new();
            for number in 0..threads {
                let (sender, loads) = sync_channel(LOADS_WAITING);
                // What a thread has allocated is freed fastest by itself.
                let (back, seen) = channel();
                scope.spawn(move || Hand { number, threads, seen, sender }.read(self, from));
                lanes.push((loads, back));
            }
            look(&lanes, &mut see);
            drop(lanes);
        });
    }
}

/// Takes the loads of all threads in the order of the history.
fn look(
    lanes: &[(Receiver<Load>, Sender<Load>)],
    see: &mut impl FnMut(Result<&[Record], ReadError>) -> ControlFlow<()>,
) {
    for (loads, back) in lanes.iter().cycle() {
        loop {
            // Whose thread has died says nothing more; the scope tells of it.
            let Ok(mut load) = loads.recv() else { return };
            let error = load.error.take();
            let mut all = groups(&load.records).map(Ok).chain(error.map(Err));
            if all.any(|group| see(group).is_break()) {
                return;
            }
            drop(all);
            let then = load.then;
            // Whoever has read everything needs it no more.
            let _ = back.send(load);
            match then {
                Then::More => {}
                Then::NextStripe => break,
                Then::End => return,
            }
        }
    }
}

/// One reading thread: every so-manieth stripe is its own.
struct Hand {
    number: usize,
    threads: usize,
    seen: Receiver<Load>,
    sender: SyncSender<Load>,
}

impl Hand {
    fn read(&self, reader: &Reader, from: Lsn) {
        let mut records = reader.records(from);
        let own = Stripes::new(reader, from).enumerate().filter(|(number, _)| number % self.threads == self.number);
        for (number, stripe) in own {
            stripe.enter(&mut records);
            // What is asked for may begin in the middle of a group; a later stripe's first groups are the one before's.
            let mut loader = Loader { records: &mut records, stripe, is_begun: number == 0, next: None };
            loop {
                let mut load = self.seen.try_recv().unwrap_or_default();
                load.then = loader.fill(&mut load);
                let then = load.then;
                // Nobody looks any more.
                if self.sender.send(load).is_err() || then == Then::End {
                    return;
                }
                if then == Then::NextStripe {
                    break;
                }
            }
        }
        let _ = self.sender.send(Load { then: Then::End, ..Load::default() });
    }
}

/// Cuts what is read of a stripe into loads.
struct Loader<'a, 'b> {
    records: &'b mut Records<'a>,
    stripe: Stripe,
    is_begun: bool,
    /// The fact that the next load begins with.
    next: Option<Record>,
}

impl Loader<'_, '_> {
    /// Puts what comes next in place of what `load` held.
    fn fill(&mut self, load: &mut Load) -> Then {
        load.records.clear();
        load.records.extend(self.next.take());
        let bytes_max = self.records.decoded_bytes() + LOAD_BYTES;
        while let Some(read) = self.records.next_into(&mut |record| load.records.push(record)) {
            match read {
                Err(error) if self.is_begun => {
                    load.error = Some(error);
                    return Then::More;
                }
                // The stripe before tells of it.
                Err(_) => continue,
                Ok(()) => {}
            }
            let Some(record) = load.records.last() else { continue };
            let is_fact = matches!(record.event, Event::Fact(_));
            if is_fact && self.stripe.ends_before(record.lsn) {
                load.records.pop();
                return Then::NextStripe;
            }
            self.is_begun |= is_fact;
            let is_full = load.records.len() > LOAD_RECORDS || self.records.decoded_bytes() > bytes_max;
            if is_full && is_fact {
                self.next = load.records.pop();
                return Then::More;
            }
            if !self.is_begun {
                load.records.pop();
            }
        }
        Then::End
    }
}
