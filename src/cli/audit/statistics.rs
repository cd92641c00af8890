//! What the audit counted, for people.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::explain::audit::{Spread, Statistics};
use crate::explain::layout;
use crate::explain::phrase::{count, number, span};

/// A table of how long things took, and a line for each thing that was counted.
pub fn text(of: &Statistics, columns: Option<u16>) -> String {
    let mut out = String::new();
    let spreads = spreads(of);
    if spreads.len() > 1 {
        out += &format!("{}\n", layout::table(&spreads, columns).trim_end());
    }
    for (what, counted) in lines(of).into_iter().filter(|(_, counted)| !counted.is_empty()) {
        out += &format!("{}\n", layout::fold(&format!("{what}: "), &counted, columns));
    }
    out
}

fn spreads(of: &Statistics) -> Vec<Vec<String>> {
    let heading = ["", "TIMES", "P50", "P90", "P99", "MAX"].map(str::to_owned).to_vec();
    let row = |name: String, it: &Spread| {
        (it.count > 0).then(|| {
            let [p50, p90, p99, max] = [it.p50, it.p90, it.p99, it.max].map(span);
            vec![name, number(it.count), p50, p90, p99, max]
        })
    };
    let by_runtime = of.boot_ms_by_runtime.iter().map(|(runtime, it)| row(format!("boot of {runtime}"), it));
    let rows = [
        row("accepted to delivered".to_owned(), &of.accepted_to_delivered_ms),
        row("wake to ready".to_owned(), &of.wake_ms),
        row("reap to end".to_owned(), &of.kill_ms),
    ];
    std::iter::once(heading).chain(rows.into_iter().chain(by_runtime).flatten()).collect()
}

fn lines(of: &Statistics) -> Vec<(&'static str, String)> {
    let unless_none = |n: u64, text: String| if n == 0 { String::new() } else { text };
    let (turns, unknown) = (of.turns, of.unknown);
    let mut wakes = counts(&of.wakes_by_branch);
    if of.wakes.failed > 0 {
        wakes += &format!("; {} failed", number(of.wakes.failed));
    }
    let in_vain = format!("{} woken again within {} of an idle reap", number(of.false_reaps), span(of.again_within_ms));
    let questions = count(unknown.not_known, "question", "questions");
    let not_known = format!("{} in {questions} that could not be answered", span(unknown.not_known_ms));
    vec![
        ("wakes", wakes),
        ("reaps", counts(&of.reaps)),
        ("reaps in vain", unless_none(of.false_reaps, in_vain)),
        ("deaths", counts(&of.deaths)),
        ("refusals", counts(&of.refusals)),
        (
            "turns",
            unless_none(
                turns.known + turns.judged,
                format!("{} known to have ended, {} judged", number(turns.known), number(turns.judged)),
            ),
        ),
        (
            "possible duplicates",
            unless_none(of.possible_duplicates, format!("{} marked", number(of.possible_duplicates))),
        ),
        ("no daemon", unless_none(unknown.no_daemon_ms, span(unknown.no_daemon_ms))),
        ("sessions not known", unless_none(unknown.not_known, not_known)),
    ]
}

/// `5 idle, 3 done`, the most frequent first.
fn counts<K: Serialize>(counts: &BTreeMap<K, u64>) -> String {
    let mut counts: Vec<(String, u64)> = counts.iter().map(|(what, times)| (word(what), *times)).collect();
    counts.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    counts.iter().map(|(what, times)| format!("{} {what}", number(*times))).collect::<Vec<_>>().join(", ")
}

/// As `--json` has it.
fn word(what: &impl Serialize) -> String {
    match serde_json::to_value(what) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
