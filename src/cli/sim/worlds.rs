//! Many worlds, one after the other on every processor.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::{Failed, HOUR_MS, Only, Sim, Summary, again, progress, trace};
use crate::cli::error::CliError;
use crate::sim::coverage::Coverage;
use crate::sim::{Ran, STOPPED, run, shrink};

/// So many broken worlds are made smaller, which takes some seconds each: whoever broke something broke it in many.
const SHRUNK_MAX: usize = 5;

/// What is to be done, and how much of it broke so far.
struct Work {
    left: Mutex<RangeInclusive<u64>>,
    broken: AtomicUsize,
}

/// What one world adds to the whole.
struct Came {
    simulated_ms: u64,
    records: u64,
    faults: u64,
    failed: Option<Failed>,
    /// Faults that were asked for and did not strike.
    idle: Option<Only>,
    /// What it was, where somebody wants to see it.
    traced: Option<Ran>,
}

impl Sim {
    /// Lives through `seeds` with so many threads; each world is the same whoever runs it.
    pub(super) fn worlds(
        &self,
        seeds: RangeInclusive<u64>,
        jobs: usize,
        json: bool,
    ) -> Result<(Summary, Coverage), CliError> {
        let count = seeds.end() - seeds.start() + 1;
        let work = Work { left: Mutex::new(seeds), broken: AtomicUsize::new(0) };
        let jobs = jobs.min(usize::try_from(count).unwrap_or(usize::MAX));
        let (mut summary, mut reached) = (Summary::default(), Coverage::default());
        let (tell, told) = channel();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| tell.clone()).collect();
            drop(tell);
            let workers: Vec<_> = workers
                .into_iter()
                .map(|tell| {
                    let work = &work;
                    scope.spawn(move || self.work(work, &tell))
                })
                .collect();
            for came in told {
                came.traced.as_ref().map_or(Ok(()), |ran| trace(ran, json))?;
                summary.add(came);
                progress(summary.worlds, count, &summary);
            }
            // A world that panics is broken, and no more; this is one of ours.
            workers.into_iter().for_each(|worker| match worker.join() {
                Ok(coverage) => reached.join(&coverage),
                Err(panic) => std::panic::resume_unwind(panic),
            });
            Ok::<(), CliError>(())
        })?;
        summary.broken.sort_by_key(|failed| failed.seed);
        Ok((summary, reached))
    }

    fn work(&self, work: &Work, tell: &Sender<Came>) -> Coverage {
        #[cfg(feature = "deliberate-bugs")]
        crate::mutant::switch(self.deliberate_bug);
        let mut reached = Coverage::default();
        loop {
            let Some(seed) = work.left.lock().unwrap_or_else(PoisonError::into_inner).next() else { return reached };
            let ran = run(&self.plan(seed));
            // What it has stopped at stops whoever goes through its records as well.
            let stopped = ran.broken.as_ref().is_some_and(|broken| broken.oracle == STOPPED);
            if self.coverage && !stopped {
                reached.add(&ran.records);
            }
            if tell.send(self.came(work, seed, ran)).is_err() {
                return reached;
            }
        }
    }

    fn came(&self, work: &Work, seed: u64, ran: Ran) -> Came {
        let plan = self.plan(seed);
        let failed = ran.broken.as_ref().map(|broken| Failed {
            seed,
            oracle: broken.oracle,
            rule: broken.rule,
            what: broken.what.clone(),
            repeat: match work.broken.fetch_add(1, Ordering::Relaxed) {
                0..SHRUNK_MAX => again(&shrink(&plan, &ran)),
                _ => again(&plan),
            },
        });
        let idle = self.only.as_ref().map(|only| only.without(&ran.struck)).filter(|idle| !idle.0.is_empty());
        let (records, faults) = (ran.records.len() as u64, ran.struck.len() as u64);
        let simulated_ms = ran.simulated_ms;
        Came { simulated_ms, records, faults, failed, idle, traced: self.trace.then_some(ran) }
    }
}

impl Summary {
    fn add(&mut self, came: Came) {
        self.worlds += 1;
        self.simulated_ms += came.simulated_ms;
        self.simulated_hours = self.simulated_ms / HOUR_MS;
        self.records += came.records;
        self.faults += came.faults;
        self.broken.extend(came.failed);
        self.did_not_strike = came.idle.map(|idle| idle.to_string());
    }
}
