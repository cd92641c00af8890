//! Reading on a thread of its own, beside whoever looks at the records.

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::thread;

use super::{ReadError, Reader, Records};
use crate::model::event::Event;
use crate::model::id::Lsn;
use crate::model::record::{Record, groups};

/// A load is handed over with the group in which it comes to so many records, or to payloads of so many bytes. Large enough
/// that waking a thread for it costs nothing next to it, small enough that it is still close to the processor.
const LOAD_RECORDS: usize = 256;
const LOAD_BYTES: u64 = 1 << 20;
/// Between the two sides. With the one being read and the one being looked at, 10 MiB of payloads wait at most, and what the
/// last groups of loads have beyond.
const LOADS_WAITING: usize = 8;

/// Whole groups, and what was read in place of the record behind them.
#[derive(Default)]
struct Load {
    records: Vec<Record>,
    error: Option<ReadError>,
}

impl Reader {
    /// Calls `see` with every fact from `from` on together with what followed from it, in order, until it breaks off. Errors
    /// stand where they do in [`Reader::records`]; a group in which one stands comes in pieces.
    ///
    /// Reads on another thread: for whom a record costs as much as reading it does.
    ///
    /// # Panics
    ///
    /// If either side does; the other one ends then.
    pub fn each_group(&self, from: Lsn, mut see: impl FnMut(Result<&[Record], ReadError>) -> ControlFlow<()>) {
        let (sender, loads) = mpsc::sync_channel(LOADS_WAITING);
        // What a thread has allocated is freed fastest by itself.
        let (back, seen) = mpsc::channel::<Load>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut loader = Loader { records: self.records(from), next: None };
                loop {
                    let mut load = seen.try_recv().unwrap_or_default();
                    // Nothing is left, or nobody looks any more.
                    if !loader.fill(&mut load) || sender.send(load).is_err() {
                        return;
                    }
                }
            });
            // Dropped before the thread is waited for, however this ends: it may wait for room.
            let loads = loads;
            for mut load in loads.iter() {
                let error = load.error.take();
                let mut all = groups(&load.records).map(Ok).chain(error.map(Err));
                if all.any(|group| see(group).is_break()) {
                    return;
                }
                drop(all);
                // Whoever has read everything needs it no more.
                let _ = back.send(load);
            }
        });
    }
}

/// Cuts what is read into loads.
struct Loader<'a> {
    records: Records<'a>,
    /// The fact that the next load begins with.
    next: Option<Record>,
}

impl Loader<'_> {
    /// Puts what comes next in place of what `load` held; false if that is nothing.
    fn fill(&mut self, load: &mut Load) -> bool {
        load.records.clear();
        load.records.extend(self.next.take());
        let bytes_max = self.records.decoded_bytes() + LOAD_BYTES;
        while let Some(record) = self.records.next() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    load.error = Some(error);
                    break;
                }
            };
            let is_full = load.records.len() >= LOAD_RECORDS || self.records.decoded_bytes() > bytes_max;
            if is_full && matches!(record.event, Event::Fact(_)) {
                self.next = Some(record);
                break;
            }
            load.records.push(record);
        }
        !load.records.is_empty() || load.error.is_some()
    }
}
