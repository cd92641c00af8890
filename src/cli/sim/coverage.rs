//! The decision space as people and scripts read it.

use serde::Serialize;

use crate::sim::coverage::{BRANCHES, Coverage, Phase, facts, impossible};

/// For scripts: every cell and every branch, reached or not.
#[derive(Debug, Serialize)]
pub struct Document {
    cells: Vec<Cell>,
    branches: Vec<Branch>,
}

#[derive(Debug, Serialize)]
struct Cell {
    fact: &'static str,
    phase: &'static str,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    impossible: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Branch {
    decision: &'static str,
    reason: &'static str,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    impossible: Option<&'static str>,
}

pub fn document(coverage: &Coverage) -> Document {
    let cells = facts().flat_map(|fact| Phase::ALL.iter().map(move |phase| (fact, *phase)));
    let cell = |cell: (&'static str, Phase)| Cell {
        fact: cell.0,
        phase: cell.1.word(),
        count: coverage.cells.get(&cell).copied().unwrap_or(0),
        impossible: impossible(cell),
    };
    let branch = |(decision, reason, why): &(&'static str, &'static str, Option<&'static str>)| Branch {
        decision,
        reason,
        count: coverage.branches.get(&(*decision, *reason)).copied().unwrap_or(0),
        impossible: *why,
    };
    Document { cells: cells.map(cell).collect(), branches: BRANCHES.iter().map(branch).collect() }
}

/// For people: facts as rows and phases as columns, then each decision with its reasons, then what is missing.
pub fn text(coverage: &Coverage) -> String {
    let mut lines = vec![row("FACT", Phase::ALL.iter().map(|phase| phase.word().to_owned()))];
    for fact in facts() {
        let cell = |phase: &Phase| count(coverage.cells.get(&(fact, *phase)), impossible((fact, *phase)).is_some());
        lines.push(row(fact, Phase::ALL.iter().map(cell)));
    }
    lines.push(String::new());
    let kinds = BRANCHES.chunk_by(|one, next| one.0 == next.0);
    for branches in kinds {
        let reasons = branches.iter().map(|(kind, reason, why)| {
            let count = count(coverage.branches.get(&(*kind, *reason)), why.is_some());
            if reason.is_empty() { count } else { format!("{reason} {count}") }
        });
        lines.extend(folded(branches[0].0, reasons.collect()));
    }
    lines.push(String::new());
    lines.push("Times that a fact met its peer so, and that a rule went so; - cannot be.".to_owned());
    lines.extend(coverage.cells_missed().iter().map(|(fact, phase)| format!("not reached: {fact}, {}", phase.word())));
    lines.extend(coverage.branches_missed().iter().map(|(kind, reason)| format!("not reached: {kind}, {reason}")));
    lines.extend(coverage.not_foreseen().iter().map(|what| format!("not foreseen: {what}")));
    lines.join("\n")
}

const NAME_COLUMNS: usize = 20;
const COLUMNS: usize = 118;

fn row(name: &str, cells: impl Iterator<Item = String>) -> String {
    cells.fold(format!("{name:NAME_COLUMNS$}"), |line, cell| line + &format!("{cell:>7}"))
}

/// At most six characters.
fn count(reached: Option<&u64>, impossible: bool) -> String {
    match reached {
        None if impossible => "-".to_owned(),
        None => "0".to_owned(),
        Some(count @ 0..10_000) => count.to_string(),
        Some(count @ 10_000..10_000_000) => format!("{}k", count / 1_000),
        Some(count) => format!("{}M", count / 1_000_000),
    }
}

/// One line, or more of them where one is too short.
fn folded(name: &str, reasons: Vec<String>) -> Vec<String> {
    let mut lines = vec![format!("{name:NAME_COLUMNS$}")];
    for reason in reasons {
        if lines.last().is_some_and(|line| line.len() + reason.len() + 3 > COLUMNS) {
            lines.push(" ".repeat(NAME_COLUMNS));
        }
        if let Some(line) = lines.last_mut() {
            let between = if line.len() > NAME_COLUMNS { " · " } else { " " };
            line.push_str(&format!("{between}{reason}"));
        }
    }
    lines
}
