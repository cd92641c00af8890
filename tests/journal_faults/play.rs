//! A daemon's way with its journal, as a script: append, and after a failure open again and go on.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use dormouse::journal::{AppendError, Journal};
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;

use crate::journal_disk::{Failure, SimDisk, record};

pub const SEGMENT_BYTES: u64 = 12 << 10;
/// Failures are counted, so that a script that fails for ever ends.
const PATIENCE: usize = 6;
/// So often the device is looked at once something has failed; at the end it is again.
const LOOKS: usize = 3;

/// What a daemon does with its journal. What a journal learns to do gets a step here and a place in the scripts.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// One batch: groups of so many records.
    Append(&'static [usize]),
    Mark,
    /// The first and the last record are read by lsn.
    Read,
    /// Ended in order, and opened again.
    Close,
    /// Ended without a word, and opened again.
    Drop,
}

use Step::{Append, Close, Drop, Mark, Read};

/// Several groups, two rotations by themselves, a group that needs a segment of its own, marks, ends of both sorts.
pub const LONG: &[Step] = &[
    Append(&[1]),
    Append(&[2, 1]),
    Mark,
    Append(&[1, 2]),
    Append(&[1, 1, 1, 1, 1]),
    Read,
    Close,
    Append(&[1, 8, 1]),
    Mark,
    Append(&[2]),
    Drop,
    Append(&[3]),
    Append(&[8]),
    Close,
];

/// A rotation, a long group, an end without a word: for what is tried in many ways.
pub const SHORT: &[Step] = &[Append(&[2]), Append(&[1, 2]), Append(&[1, 1, 2]), Drop, Append(&[8]), Append(&[1])];

/// What came of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Met {
    Nothing,
    /// The journal was as before, and the same was asked again.
    Harmless,
    /// It was opened anew.
    Reopened,
}

/// One run of a script.
pub struct Play {
    pub disk: SimDisk,
    pub met: Met,
    /// For a failed test.
    what: String,
    journal: Option<Journal<SimDisk>>,
    /// Acknowledged, or found by an opening: the world has seen them.
    pub kept: Vec<Vec<Record>>,
    /// Of a batch that failed: there or not, from the first one on.
    doubt: Vec<Vec<Record>>,
    /// Texts differ from one attempt to the next, so that bytes of an earlier one are known for what they are.
    attempt: usize,
    failure: Option<Failure>,
    stops: bool,
    looks: usize,
}

/// The script is broken off where the journal failed.
pub struct Stopped;

impl Play {
    pub fn new(disk: SimDisk, what: String) -> Self {
        Self {
            disk,
            met: Met::Nothing,
            what,
            journal: None,
            kept: Vec::new(),
            doubt: Vec::new(),
            attempt: 0,
            failure: None,
            stops: false,
            looks: LOOKS,
        }
    }

    /// With a disk on which call `call` fails.
    pub fn failing(call: usize, failure: Failure) -> Self {
        let disk = SimDisk::default();
        disk.fail_at(call, failure);
        Self { failure: Some(failure), ..Self::new(disk, format!("call {call}: {failure:?}")) }
    }

    /// Breaks off where the journal fails, instead of opening it again.
    pub fn stopping(self) -> Self {
        Self { stops: true, ..self }
    }

    /// Does not look at the device: it is known to have lost something.
    pub fn blind(self) -> Self {
        Self { looks: 0, ..self }
    }

    pub fn run(&mut self, script: &[Step]) -> Result<(), Stopped> {
        self.open()?;
        script.iter().try_for_each(|step| self.step(*step))
    }

    /// Goes on after it was broken off: opens, and does `script`.
    pub fn go_on(&mut self, script: &[Step]) {
        self.stops = false;
        assert!(self.run(script).is_ok(), "{}: it no longer stops", self.what);
    }

    fn step(&mut self, step: Step) -> Result<(), Stopped> {
        match step {
            Append(sizes) => self.append(sizes),
            Mark => {
                let marked = self.journal().mark();
                marked.or_else(|error| self.failed(&error))
            }
            Read => {
                self.read();
                Ok(())
            }
            Close => {
                let journal = self.journal.take().expect("open");
                match journal.close() {
                    Ok(()) => self.open(),
                    Err(error) => self.after(&error),
                }
            }
            Drop => {
                self.journal = None;
                self.open()
            }
        }
    }

    fn journal(&mut self) -> &mut Journal<SimDisk> {
        self.journal.as_mut().expect("open")
    }

    fn append(&mut self, sizes: &[usize]) -> Result<(), Stopped> {
        for _ in 0..PATIENCE {
            self.attempt += 1;
            let (next, attempt) = (self.journal().next_lsn(), self.attempt);
            let batch = batch(next, sizes, attempt);
            match self.journal().append(&batch, ()) {
                Ok(_) => {
                    self.kept.extend(batch);
                    self.is_on_the_device();
                    return Ok(());
                }
                Err(error) if error.left_journal_usable() => {
                    self.says_why(&error);
                    assert_eq!(self.journal().next_lsn(), next, "{}: nothing was written", self.what);
                    self.met = Met::Harmless;
                }
                Err(error) => {
                    self.doubt = batch;
                    self.failed(&error)?;
                }
            }
        }
        assert!(self.stops, "{}: it fails for ever", self.what);
        Err(Stopped)
    }

    /// I9: whoever has failed refuses on, and touches nothing.
    fn failed(&mut self, error: &AppendError) -> Result<(), Stopped> {
        let (calls, last) = (self.disk.calls().len(), self.kept.iter().flatten().count() as u64);
        let doubt = self.doubt.iter().flatten().count() as u64;
        let mut journal = self.journal.take().expect("open");
        let next = batch(journal.next_lsn(), &[1], 0);
        match journal.append(&next, ()) {
            Err(AppendError::Failed { durable }) => {
                assert!((last..=last + doubt).contains(&durable.0), "{}: {durable} is durable", self.what);
            }
            other => panic!("{}: accepted after {error:?}: {other:?}", self.what),
        }
        assert!(matches!(journal.mark(), Err(AppendError::Failed { .. })), "{}", self.what);
        assert!(matches!(journal.close(), Err(AppendError::Failed { .. })), "{}", self.what);
        assert_eq!(self.disk.calls().len(), calls, "{}: a journal that has failed is left alone", self.what);
        self.after(error)
    }

    fn after(&mut self, error: &AppendError) -> Result<(), Stopped> {
        assert!(!error.left_journal_usable(), "{}: {error:?}", self.what);
        self.says_why(error);
        self.met = Met::Reopened;
        if self.stops { Err(Stopped) } else { self.open() }
    }

    fn says_why(&self, error: &AppendError) {
        if let Some(failure) = self.failure {
            assert_eq!(error.is_no_space(), failure.is_no_space(), "{}: {error:?}", self.what);
        }
    }

    fn read(&mut self) {
        let (source, last) = (self.journal().source(), self.kept.iter().flatten().count());
        for index in [0, last - 1] {
            // A reader meets a failure and no more.
            let found = (0..PATIENCE).find_map(|_| source.record(Lsn(index as u64 + 1)).ok());
            assert_eq!(found.as_ref(), self.kept.iter().flatten().nth(index), "{}", self.what);
        }
    }

    /// Opens; of the batch in doubt whole groups are there, from the first one on.
    fn open(&mut self) -> Result<(), Stopped> {
        for _ in 0..PATIENCE {
            match self.disk.open(SEGMENT_BYTES) {
                Ok((journal, _, records)) => {
                    self.kept = self.fit(&records, &self.what);
                    self.doubt.clear();
                    assert_eq!(journal.next_lsn().0, records.len() as u64 + 1, "{}", self.what);
                    self.journal = Some(journal);
                    self.is_on_the_device();
                    return Ok(());
                }
                Err(_) if self.stops => return Err(Stopped),
                Err(_) => self.met = Met::Reopened,
            }
        }
        panic!("{}: it cannot be opened: {:?}", self.what, self.disk.open(SEGMENT_BYTES).map(|_| ()))
    }

    /// `records` as groups: all that were kept, and a part of those in doubt.
    fn fit(&self, records: &[Record], what: &str) -> Vec<Vec<Record>> {
        let (mut rest, mut groups) = (records, Vec::new());
        for group in self.kept.iter().chain(&self.doubt) {
            if rest.is_empty() && groups.len() >= self.kept.len() {
                break;
            }
            assert_eq!(rest.get(..group.len()), Some(group.as_slice()), "{what}: kept, and in whole groups");
            rest = &rest[group.len()..];
            groups.push(group.clone());
        }
        assert_eq!(rest, [], "{what}: nothing that was never submitted");
        groups
    }

    /// If the power went now and nothing that waits were written, all that was acknowledged would be there.
    fn is_on_the_device(&mut self) {
        // Until something has failed every run is the same.
        if self.disk.failures_left() > 0 || self.looks == 0 {
            return;
        }
        self.looks -= 1;
        self.survives(&self.disk.after_crash(&BTreeSet::new(), false), "on the device");
    }

    /// What a power cut has left holds all that was kept, and is gone on with.
    pub fn survives(&self, left: &SimDisk, cut: &str) {
        let what = format!("{}, {cut}", self.what);
        let (mut journal, _, records) = left.open(SEGMENT_BYTES).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        self.fit(&records, &what);
        let _ = journal.append(&batch(journal.next_lsn(), &[1], 99), ()).unwrap();
    }

    /// The power goes now, in several ways.
    pub fn survives_cuts(&self) {
        let dirty = self.disk.dirty();
        let written = [("none", usize::MAX, usize::MAX), ("all", 1, 0), ("even", 2, 0), ("odd", 2, 1)];
        let names = [false, true];
        let (written, names) = (
            if dirty.is_empty() { &written[..1] } else { &written },
            if self.disk.names_are_durable() { &names[..1] } else { &names },
        );
        for &(name, step, first) in written {
            let written = dirty.iter().copied().skip(first).step_by(step).collect();
            for &new_names in names {
                let cut = format!("{name} of {} sectors, new names: {new_names}", dirty.len());
                self.survives(&self.disk.after_crash(&written, new_names), &cut);
            }
        }
    }
}

/// Groups of `sizes` records, from `first` on; texts have different lengths, some longer than a sector or two.
fn batch(first: Lsn, sizes: &[usize], attempt: usize) -> Vec<Vec<Record>> {
    let mut lsn = first.0;
    let mut one = |_| {
        let length = [3, 40, 700, 1500][(lsn % 4) as usize];
        lsn += 1;
        record(lsn - 1, &format!("{attempt}:{:0length$}", lsn - 1))
    };
    sizes.iter().map(|&size| (0..size).map(&mut one).collect()).collect()
}

/// Runs `try_it` on every case, on every processor.
pub fn for_each<T: Sync>(cases: &[T], try_it: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    try_it(case);
                }
            });
        }
    });
}
