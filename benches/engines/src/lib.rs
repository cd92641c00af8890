//! What the benches of engines share: rounds that take turns, and one table.

use rustix::time::{ClockId, clock_gettime};

/// One thing that is measured, over and over.
pub struct Cell<'a> {
    pub name: &'static str,
    run: Box<dyn FnMut() -> u64 + 'a>,
    seconds: Vec<f64>,
    result: Option<u64>,
    clock: fn() -> f64,
}

impl<'a> Cell<'a> {
    /// `run` returns a figure that must be the same each time: what was computed, so that it is.
    pub fn new(name: &'static str, run: impl FnMut() -> u64 + 'a) -> Self {
        Self { name, run: Box::new(run), seconds: Vec::new(), result: None, clock: processor_seconds }
    }

    /// By the clock on the wall: what several threads do takes no longer for it.
    pub fn by_the_wall(self) -> Self {
        Self { clock: wall_seconds, ..self }
    }

    /// Seconds; half of the rounds took less.
    pub fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

/// Runs every cell once a round, in turn, so that whatever disturbs the machine disturbs all of them. The first round
/// is not counted: files and caches are warm then.
pub fn rounds(cells: &mut [Cell<'_>], rounds: usize) {
    for round in 0..=rounds {
        for cell in &mut *cells {
            let begun = (cell.clock)();
            let result = std::hint::black_box((cell.run)());
            let seconds = (cell.clock)() - begun;
            assert_eq!(*cell.result.get_or_insert(result), result, "{} gave two results", cell.name);
            if round > 0 {
                cell.seconds.push(seconds);
            }
        }
    }
}

/// What this thread has had of a processor: unlike the clock on the wall, nothing that other jobs on the machine take.
/// Everything measured here is one thread that never waits, but for the cells that say so.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn wall_seconds() -> f64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
