//! The decision space as people and scripts read it.

use serde::Serialize;

use crate::explain::layout;
use crate::sim::coverage::{BRANCHES, Branch, Cell, Coverage, Phase, cells, facts, impossible, rare, rare_branch};

/// For scripts: every cell and every branch, reached or not.
#[derive(Debug, Serialize)]
pub struct Document {
    cells: Vec<CellRow>,
    branches: Vec<BranchRow>,
}

#[derive(Debug, Serialize)]
struct CellRow {
    fact: &'static str,
    phase: &'static str,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    impossible: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rare: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct BranchRow {
    decision: &'static str,
    reason: &'static str,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    impossible: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rare: Option<&'static str>,
}

pub fn document(coverage: &Coverage) -> Document {
    let cell = |cell: Cell| CellRow {
        fact: cell.0,
        phase: cell.1.word(),
        count: coverage.cells.get(&cell).copied().unwrap_or(0),
        impossible: impossible(cell),
        rare: rare(cell).filter(|_| impossible(cell).is_none()),
    };
    let branch = |(decision, reason, why): &(&'static str, &'static str, Option<&'static str>)| BranchRow {
        decision,
        reason,
        count: coverage.branches.get(&(*decision, *reason)).copied().unwrap_or(0),
        impossible: *why,
        rare: rare_branch((*decision, *reason)),
    };
    Document { cells: cells().map(cell).collect(), branches: BRANCHES.iter().map(branch).collect() }
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
    let missed = coverage.cells_missed().into_iter();
    let (rare_cells, missed): (Vec<Cell>, Vec<Cell>) = missed.partition(|cell| rare(*cell).is_some());
    let branches = coverage.branches_missed().into_iter();
    let (rare_branches, branches): (Vec<Branch>, Vec<Branch>) =
        branches.partition(|branch| rare_branch(*branch).is_some());
    lines.extend(missed.iter().map(|(fact, phase)| format!("not reached: {fact}, {}", phase.word())));
    lines.extend(branches.iter().map(|(kind, reason)| format!("not reached: {kind}, {reason}")));
    lines.extend(coverage.not_foreseen().iter().map(|what| format!("not foreseen: {what}")));
    let mut rarely = Reasons::default();
    rare_cells.into_iter().for_each(|cell| rarely.add_cell(cell, rare(cell)));
    rare_branches.into_iter().for_each(|branch| rarely.add_branch(branch, rare_branch(branch)));
    lines.extend(rarely.text("Not reached, and rare, by what it takes:"));
    let mut never = Reasons::default();
    cells().for_each(|cell| never.add_cell(cell, impossible(cell)));
    BRANCHES.iter().for_each(|(kind, reason, why)| never.add_branch((*kind, *reason), *why));
    lines.extend(never.text("What cannot be, by the reason:"));
    lines.join("\n")
}

/// Cells and branches by the reason that they share, in the order in which they came.
#[derive(Default)]
struct Reasons(Vec<Reason>);

struct Reason {
    why: &'static str,
    facts: Vec<(&'static str, Vec<Phase>)>,
    branches: Vec<Branch>,
}

impl Reasons {
    fn of(&mut self, why: &'static str) -> &mut Reason {
        let at = self.0.iter().position(|reason| reason.why == why).unwrap_or_else(|| {
            self.0.push(Reason { why, facts: Vec::new(), branches: Vec::new() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    fn add_cell(&mut self, (fact, phase): Cell, why: Option<&'static str>) {
        let Some(why) = why else { return };
        let facts = &mut self.of(why).facts;
        match facts.iter_mut().find(|(known, _)| *known == fact) {
            Some((_, phases)) => phases.push(phase),
            None => facts.push((fact, vec![phase])),
        }
    }

    fn add_branch(&mut self, branch: Branch, why: Option<&'static str>) {
        why.into_iter().for_each(|why| self.of(why).branches.push(branch));
    }

    /// A headline and a paragraph for each reason; nothing where there is none.
    fn text(&self, headline: &str) -> Vec<String> {
        let paragraph = |reason: &Reason| {
            let text = format!("{}: {}", reason.why, reason.what());
            layout::fold(INDENT, &text, Some(COLUMNS)).trim_start().to_owned()
        };
        let lines = self.0.iter().map(paragraph);
        if self.0.is_empty() {
            Vec::new()
        } else {
            [String::new(), headline.to_owned()].into_iter().chain(lines).collect()
        }
    }
}

impl Reason {
    /// Facts that share their phases are told in one breath.
    fn what(&self) -> String {
        let mut told: Vec<(&[Phase], Vec<&str>)> = Vec::new();
        for (fact, phases) in &self.facts {
            match told.iter_mut().find(|(known, _)| known == phases) {
                Some((_, facts)) => facts.push(*fact),
                None => told.push((phases.as_slice(), vec![*fact])),
            }
        }
        let cells = told.into_iter().map(|(phases, facts)| format!("{} ({})", facts.join(", "), words(phases)));
        let branches = self.branches.iter().map(|(kind, reason)| format!("{kind} ({reason})"));
        cells.chain(branches).collect::<Vec<_>>().join("; ")
    }
}

/// Phases, or the few that are not among them.
fn words(phases: &[Phase]) -> String {
    let but: Vec<&str> = Phase::ALL.iter().filter(|phase| !phases.contains(phase)).map(|phase| phase.word()).collect();
    match but.len() {
        0 => "ever".to_owned(),
        1..=4 => format!("all but {}", but.join(", ")),
        _ => phases.iter().map(|phase| phase.word()).collect::<Vec<_>>().join(", "),
    }
}

const NAME_COLUMNS: usize = 20;
const COLUMNS: u16 = 118;
/// Of all lines of a paragraph but the first.
const INDENT: &str = "    ";

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
        if lines.last().is_some_and(|line| line.len() + reason.len() + 3 > usize::from(COLUMNS)) {
            lines.push(" ".repeat(NAME_COLUMNS));
        }
        if let Some(line) = lines.last_mut() {
            let between = if line.len() > NAME_COLUMNS { " · " } else { " " };
            line.push_str(&format!("{between}{reason}"));
        }
    }
    lines
}
