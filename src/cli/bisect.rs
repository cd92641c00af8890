use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::beginning::LeftOut;
use super::context::Context;
use super::error::{CliError, Exit};
use super::history::{History, Which};
use super::progress::Progress;
use super::render;
use super::when::{When, zone};
use crate::explain::condition::{Condition, Term};
use crate::explain::line::line;
use crate::explain::why::Source as _;
use crate::explain::{self, layout, phrase};
use crate::journal::Question;
use crate::model::id::Lsn;
use crate::model::record::Record;
use crate::model::state::State;
use crate::reducer;

/// Find the first record after which a condition over the state stopped holding
///
/// Such as `queue(ada).waiting > 0 and phase(ada) == asleep`: `peer(P)`, `phase(P)`, `queue(P)`, `session(P)`,
/// `message(ID)` and `daemon()` with the fields that `replay --at --json` shows, compared with `== != < <= > >=` and joined
/// by `and`, `or`, `not` and parentheses. Exits with 1 if it never held, or never stopped. Every record is looked at, one
/// after the other: halving the history would miss a condition that stopped holding, held again and stopped once more.
/// Reads the journal directly, so it works when the daemon is down.
#[derive(Debug, clap::Args)]
pub struct Bisect {
    /// The condition
    #[arg(long, value_name = "EXPR", value_parser = Condition::parse)]
    holds: Condition,
    /// From here on: RFC 3339, 14:05, 2h, yesterday, or an lsn [default: the first record]
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    since: Option<When>,
    /// Up to here [default: the last record]
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    until: Option<When>,
    #[command(flatten)]
    which: Which,
}

/// What became of the condition.
enum Found {
    /// It held before this record, and not after it.
    Stopped(Box<Stopped>),
    Never {
        last: Lsn,
    },
    Still {
        since: Lsn,
        last: Lsn,
    },
}

struct Stopped {
    record: Record,
    /// Everything that the condition asks for: before and after.
    terms: Vec<(Term, Value, Value)>,
}

impl Bisect {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        let history = self.which.open(context)?;
        let condition = resolved(&history, self.holds)?;
        let state = match self.since {
            // The first record that counts may be the one that ends it.
            Some(since) => history.told_up_to(since)?,
            None => history.first_told()?,
        };
        history.must_be_behind(&state, self.since, self.until)?;
        let left_out = self.since.is_none().then(|| history.left_out(state.lsn.next())).flatten();
        let found = find(&history, state, &condition, self.until)?;
        let mut json = found.json();
        json["left_out"] = left_out.as_ref().map_or(Value::Null, LeftOut::json);
        context.output.print(&json, || {
            found.text(&zone(), render::columns()) + &LeftOut::line(left_out.as_ref(), render::columns())
        })?;
        history.finish(found.looked_to())?;
        Ok(if matches!(found, Found::Stopped(_)) { Exit::Done } else { Exit::Failed })
    }
}

/// The condition with the peers that are meant, as everywhere; one about somebody who never was would never hold.
fn resolved(history: &History, condition: Condition) -> Result<Condition, CliError> {
    let misused = |why: String, hint| CliError::Usage { why: format!("in the condition, {why}"), hint };
    condition.resolved(
        &mut |name| match history.named(name) {
            Ok(peers) => match &peers[..] {
                [only] => Ok(only.clone()),
                several => {
                    let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                    Err(misused(format!("`{name}` could be {}", names.join(" or ")), None))
                }
            },
            Err(CliError::Problem(problem)) => Err(misused(problem.message, problem.hint)),
            Err(other) => Err(other),
        },
        &mut |message| {
            let known = history.reading().oldest(&Question::about_message(message)).is_some();
            let nothing =
                || history.damage().unwrap_or_else(|| misused(format!("no record is about message {message}"), None));
            if known { Ok(()) } else { Err(nothing()) }
        },
    )
}

fn find(history: &History, mut state: State, condition: &Condition, until: Option<When>) -> Result<Found, CliError> {
    let first = state.lsn.next();
    let mut progress = Progress::over(first, history.reader.last_lsn(), "looked at");
    let terms = condition.terms();
    let values = |state: &State| terms.iter().map(|term| term.value(state)).collect::<Vec<_>>();
    let mut held_since = condition.holds(&state).then_some(state.lsn);
    for record in history.reader.records(first) {
        let record = match record {
            Ok(record) => record,
            Err(error) if error.is_damage() => {
                history.reading().note(error);
                break;
            }
            Err(error) => return Err(error.into()),
        };
        if until.is_some_and(|until| !until.is_after_or_at(&record)) {
            break;
        }
        progress.at(record.lsn);
        let before = held_since.map(|_| values(&state));
        drop(reducer::apply(&mut state, &record));
        match (condition.holds(&state), before) {
            (true, None) => held_since = Some(record.lsn),
            (true, Some(_)) | (false, None) => {}
            (false, Some(before)) => {
                let terms = terms.iter().cloned().zip(before).zip(values(&state));
                let terms = terms.map(|((term, before), after)| (term, before, after)).collect();
                return Ok(Found::Stopped(Box::new(Stopped { record, terms })));
            }
        }
    }
    let last = state.lsn;
    Ok(match held_since {
        Some(since) => Found::Still { since, last },
        None => Found::Never { last },
    })
}

impl Found {
    /// The last record that was looked at, unless it ended before anything could be in its way.
    fn looked_to(&self) -> Option<Lsn> {
        match self {
            Found::Stopped(_) => None,
            Found::Never { last } | Found::Still { last, .. } => Some(*last),
        }
    }

    fn json(&self) -> Value {
        match self {
            Found::Stopped(it) => json!({
                "outcome": "stopped",
                "record": explain::json::record(&it.record),
                "terms": it.terms.iter().map(term_json).collect::<Vec<_>>(),
            }),
            Found::Never { last } => json!({ "outcome": "never_held", "last_lsn": last }),
            Found::Still { since, .. } => json!({ "outcome": "still_holds", "since_lsn": since }),
        }
    }

    fn text(&self, zone: &TimeZone, columns: Option<u16>) -> String {
        match self {
            Found::Stopped(it) => {
                let terms = it.terms.iter().map(|term| format!("{}\n", layout::fold("  ", &term_text(term), columns)));
                format!("{}\n{}", line(&it.record, zone, columns), terms.collect::<String>())
            }
            Found::Never { last } => format!("it never held, up to record {last}\n"),
            Found::Still { since, .. } => format!("it has held since record {since}, and holds at the end\n"),
        }
    }
}

fn term_json((term, before, after): &(Term, Value, Value)) -> Value {
    json!({ "term": term.to_string(), "before": before, "after": after })
}

fn term_text((term, before, after): &(Term, Value, Value)) -> String {
    let said = |value: &Value| value.as_str().map_or_else(|| value.to_string(), phrase::one_line);
    match before == after {
        true => format!("{term} is {} as before", said(after)),
        false => format!("{term}: {} → {}", said(before), said(after)),
    }
}
