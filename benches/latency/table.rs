//! The one table.

use super::rounds::{Cell, Samples};

/// One line: what, its cells, and the median it should stay under, in milliseconds.
struct Row {
    what: &'static str,
    cell: Cell,
    /// Taken off the median, because the program itself takes it: what is left is what is judged.
    less: Option<Cell>,
    target_ms: Option<f64>,
}

const fn row(what: &'static str, cell: Cell, less: Option<Cell>, target_ms: Option<f64>) -> Row {
    Row { what, cell, less, target_ms }
}

const ROWS: &[Row] = &[
    row("warm delivery, 1 KiB: `dormouse send` until read", Cell::Small, None, Some(10.0)),
    row("  until its Enter is read too", Cell::SmallSubmitted, None, None),
    row("  called on the socket, as agents do", Cell::SmallBySocket, None, None),
    row("  of which until it is accepted", Cell::SmallAccepted, None, None),
    row("  the same, into a box that is looked at first", Cell::SmallBoxed, None, None),
    row("warm delivery, 100 KiB: `dormouse send` until read", Cell::Large, None, Some(10.0)),
    row("  called on the socket, as agents do", Cell::LargeBySocket, None, None),
    row("  of which until it is accepted", Cell::LargeAccepted, None, None),
    row("wake: accepted until the program's first instruction", Cell::Wake, Some(Cell::Spawn), Some(60.0)),
    row("death: SIGKILL until its record is durable and read", Cell::Death, None, Some(10.0)),
    row("next task: program's end until the next one's start", Cell::NextTask, Some(Cell::Spawn), Some(80.0)),
    row("hook: what an agent waits for `dormouse hook`", Cell::Hook, None, Some(10.0)),
    row("floor: /bin/true, called the same way", Cell::Nothing, None, None),
    row("floor: spawn of the program alone", Cell::Spawn, None, None),
    row("floor: one durable write of 512 bytes", Cell::Sync, None, None),
    row("floor: tmux new-session until the first instruction", Cell::PlainWake, Some(Cell::Spawn), None),
    row("separate tmux commands and a pause, 1 KiB: until read", Cell::PlainRead, None, None),
    row("  until its Enter is read too", Cell::PlainSubmitted, None, None),
    row("separate tmux commands and a pause, 100 KiB: until read", Cell::PlainLarge, None, None),
];

pub fn render(samples: &Samples, rounds: usize) -> String {
    let mut text = format!(
        "{rounds} interleaved rounds, milliseconds\n\n{:<56} {:>8} {:>8} {:>9} {:>8}\n",
        "", "median", "p99", "beyond *", "target"
    );
    for row in ROWS {
        let median = percentile(&samples[&row.cell], 50);
        let beyond = row.less.map(|less| median - percentile(&samples[&less], 50));
        let judged = beyond.unwrap_or(median);
        let verdict = row.target_ms.map(|target| {
            let verdict = if judged < target { "met" } else { "MISSED" };
            format!("{:>8} {verdict}", format!("< {target}"))
        });
        text.push_str(&format!(
            "{:<56} {median:>8.2} {:>8.2} {:>9} {}\n",
            row.what,
            percentile(&samples[&row.cell], 99),
            beyond.map(|beyond| format!("{beyond:.2}")).unwrap_or_default(),
            verdict.unwrap_or_default()
        ));
    }
    text.push_str("\n* the median less that of the spawn alone: what the program itself takes is not ours\n");
    text
}

/// Milliseconds.
fn percentile(samples: &[u64], percent: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted[rank] as f64 / 1e6
}
