//! `replay --step`: one record at a time, with what it changed.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write as _};

use serde_json::{Value, json};

use super::{changed, moment_of};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::history::{History, Which};
use crate::cli::render;
use crate::cli::when::{When, zone};
use crate::explain::difference::{Change, difference};
use crate::explain::{self, layout};
use crate::journal;
use crate::model::id::Lsn;
use crate::model::record::Record;
use crate::model::state::State;
use crate::protocol::Problem;
use crate::reducer;
use crate::supervisor::snapshot;

/// A state is kept every so many records, so that a step back is no walk from the beginning.
const KEPT_EVERY: u64 = 1_000;
const KEYS: &str = "Enter: next · p: previous · NUMBER: that record · q: quit (each with Enter)";

/// Walks from the record at `at`, else from the first: at a terminal to and fro, else forwards to the end.
pub fn run(context: &Context, which: Which, at: Option<When>) -> Result<(), CliError> {
    let history = which.open(context)?;
    let mut walk = Walk::begin(&history)?;
    if history.reader.last_lsn() < walk.first {
        return context.output.print(&Value::Array(Vec::new()), || "nothing had happened yet".to_owned());
    }
    let left_out = history.left_out(walk.first);
    let first = match at {
        Some(When::Lsn(lsn)) => lsn,
        Some(at @ When::Wall(_)) => history.told_up_to(at)?.lsn,
        None => {
            if let Some(left) = &left_out {
                // The answer is one record a step, and this is none.
                eprintln!("{}", left.sentence());
            }
            walk.first
        }
    };
    if let Some(left) = left_out.filter(|_| Lsn::ZERO < first && first < walk.first) {
        let why = format!("what record {first} changed cannot be told: {}", left.sentence());
        return Err(Problem::refused(why).into());
    }
    if first > walk.last {
        return Err(history.no_record(first));
    }
    let first = first.max(walk.first);
    if context.output.json || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        walk.forward(first, context.output.json)?;
    } else {
        walk.back_and_forth(first)?;
    }
    history.finish(None)
}

struct Walk<'a> {
    history: &'a History,
    first: Lsn,
    last: Lsn,
    /// States by their lsn.
    kept: BTreeMap<Lsn, State>,
}

/// One record, and what it changed.
struct Step {
    record: Record,
    changes: Vec<Change>,
}

impl<'a> Walk<'a> {
    fn begin(history: &'a History) -> Result<Self, CliError> {
        let beginning = history.first_told()?;
        let first = beginning.lsn.next();
        let snapshots = journal::snapshots(&history.reader)?;
        let states = snapshots.proved.iter().filter_map(|it| snapshot::decode(it).ok()).chain([beginning]);
        let kept = states.map(|state| (state.lsn, state)).collect();
        Ok(Self { history, first, last: history.reader.last_lsn(), kept })
    }

    /// What the record at `lsn` did.
    fn step(&mut self, lsn: Lsn) -> Result<Step, CliError> {
        let mut state = self.before(lsn)?;
        let record = self.history.reader.record(lsn)?.ok_or_else(|| self.history.no_record(lsn))?;
        let before = shown(&state, &record);
        drop(reducer::apply(&mut state, &record));
        let changes = difference(&before, &shown(&state, &record));
        self.keep(state);
        Ok(Step { record, changes })
    }

    /// The state right before `lsn`.
    fn before(&mut self, lsn: Lsn) -> Result<State, CliError> {
        let (from, mut state) = match self.kept.range(..lsn).next_back() {
            Some((_, state)) => (state.lsn.next(), state.clone()),
            None => return Err(self.history.no_record(lsn)),
        };
        for record in self.history.reader.records(from) {
            let record = record?;
            if record.lsn >= lsn {
                break;
            }
            drop(reducer::apply(&mut state, &record));
            if state.lsn.0.is_multiple_of(KEPT_EVERY) {
                self.kept.insert(state.lsn, state.clone());
            }
        }
        Ok(state)
    }

    /// The last one made is kept for the next step.
    fn keep(&mut self, state: State) {
        self.kept.insert(state.lsn, state);
        let passing = |lsn: &Lsn| !lsn.0.is_multiple_of(KEPT_EVERY) && *lsn >= self.first;
        let excess = self.kept.keys().copied().filter(passing).count().saturating_sub(2 * KEPT_EVERY as usize);
        let oldest: Vec<Lsn> = self.kept.keys().copied().filter(passing).take(excess).collect();
        oldest.iter().for_each(|lsn| drop(self.kept.remove(lsn)));
    }

    fn forward(&mut self, first: Lsn, as_json: bool) -> Result<(), CliError> {
        let mut at = first;
        while at <= self.last {
            let step = match self.step(at) {
                Ok(step) => step,
                Err(CliError::Journal(error)) if error.is_damage() => {
                    if at == first {
                        return Err(CliError::Unanswered { errors: vec![error] });
                    }
                    self.history.reading().note(error);
                    // Behind what cannot be read a state is told by a snapshot, or not at all.
                    match self.kept.range(at..).next() {
                        Some((told, _)) => at = told.next(),
                        None => return Ok(()),
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            let line = if as_json { format!("{}\n", step.json()) } else { step.text() };
            render::raw(line.as_bytes())?;
            at = at.next();
        }
        // What stands behind the last one may be steps as well.
        self.history.reader.damage_at_end().into_iter().for_each(|error| self.history.reading().note(error));
        Ok(())
    }

    fn back_and_forth(&mut self, first: Lsn) -> Result<(), CliError> {
        let (mut at, mut moved) = (first, true);
        loop {
            if moved {
                render::raw(self.step(at)?.text().as_bytes())?;
            }
            render::raw(format!("-- {at} of {} · {KEYS} ", self.last).as_bytes())?;
            let mut said = String::new();
            let read = io::stdin().read_line(&mut said).map_err(|source| CliError::Output { source })?;
            let wanted = match said.trim() {
                "q" => return Ok(()),
                "" if read == 0 => return render::raw(b"\n"),
                // Arrows come as the terminal sends them.
                "" | "n" | "\x1b[C" | "\x1b[B" => Some(at.next()),
                "p" | "\x1b[D" | "\x1b[A" => Some(Lsn(at.0.saturating_sub(1))),
                said => said.parse().ok().map(Lsn),
            };
            moved = wanted.is_some_and(|wanted| (self.first..=self.last).contains(&wanted));
            match wanted {
                Some(wanted) if moved => at = wanted,
                Some(wanted) => render::raw(format!("there is no record {wanted}\n").as_bytes())?,
                None => render::raw(b"that is none of these\n")?,
            }
            io::stdout().flush().map_err(|source| CliError::Output { source })?;
        }
    }
}

/// The state as `replay --at` shows it, without the record itself.
fn shown(state: &State, record: &Record) -> Value {
    let mut value =
        serde_json::to_value(moment_of(state, (record, record.at), changed(&state.settings))).unwrap_or_default();
    for name in ["lsn", "at", "record"] {
        value.as_object_mut().and_then(|fields| fields.remove(name));
    }
    value
}

impl Step {
    fn json(&self) -> Value {
        json!({ "record": explain::json::record(&self.record), "changes": self.changes })
    }

    /// The record's line as `log` has it, and a line for each change.
    fn text(&self) -> String {
        let columns = render::columns();
        let mut out = explain::line::line(&self.record, &zone(), columns) + "\n";
        for Change { path, before, after } in &self.changes {
            let said = match (before, after) {
                (Value::Null, after) => format!("+ {path}: {}", value(after)),
                (before, Value::Null) => format!("- {path}: {}", value(before)),
                (before, after) => format!("~ {path}: {} → {}", value(before), value(after)),
            };
            out += &format!("{}\n", layout::fold("          ", &said, columns));
        }
        out
    }
}

/// A text without its quotes; of what has parts, those that are there, each with its name.
fn value(value: &Value) -> String {
    match value {
        Value::String(text) => explain::phrase::one_line(text),
        Value::Object(fields) => {
            let shown = fields.iter().filter(|(_, value)| **value != Value::Null && **value != json!([]));
            let parts: Vec<String> =
                shown.filter_map(|(name, part)| Some(format!("{name} {}", part_of(part)?))).collect();
            parts.join(", ")
        }
        other => other.to_string(),
    }
}

/// None: there is nothing in it.
fn part_of(part: &Value) -> Option<String> {
    let said = value(part);
    match part {
        Value::Object(_) if said.is_empty() => None,
        Value::Object(_) => Some(format!("({said})")),
        _ => Some(said),
    }
}
