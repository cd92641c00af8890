use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::beginning::LeftOut;
use super::context::Context;
use super::error::{CliError, Exit};
use super::history::{History, Which};
use super::progress::Progress;
use super::render;
use super::when::{When, zone};
use crate::config::quantity::parse_duration;
use crate::config::{self, ConfigError, LOCAL_ROWS, Loaded, ROWS, Row, SettingFlag, Source};
use crate::explain::layout;
use crate::explain::whatif::{self, Policy, Question, Report};
use crate::journal::ReadError;
use crate::model::id::Lsn;
use crate::model::settings::Settings;

/// Differences that are listed if nothing else is said.
const LISTED: usize = 20;

/// Decide the same history under other settings, and compare
///
/// Next to the real figures of each peer and of all: wakes, reaps, reaps in vain (woken again soon after), deaths,
/// quarantines, dead messages, session time, and how long messages waited; then what was decided in one world alone. A
/// figure with a ~ rests on modelled time: past the first decision that comes out otherwise, what a peer's programs would
/// have done is told by what they did. Reads the journal directly, so it works when the daemon is down.
#[derive(Debug, clap::Args)]
pub struct WhatIf {
    /// A setting that holds throughout, such as `idle=10m`; every other one holds as it did
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<SettingFlag>,
    /// A `config.toml` whose settings hold throughout
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A session was reaped in vain if its peer is woken again within this
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    again_within: u64,
    /// From here on: RFC 3339, 14:05, 2h, yesterday, or an lsn [default: the first record]
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    since: Option<When>,
    /// Up to here [default: the last record]
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    until: Option<When>,
    /// List every decision that differs, not just the first 20
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    which: Which,
}

/// Why the walk ended before the journal did.
enum Cut {
    /// Only a newer build knows this record.
    Unknown(Lsn),
    /// What could not be read; the history has it as well.
    Damaged(String),
}

impl WhatIf {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        let given = given(self.policy.as_deref(), &self.set)?;
        let history = self.which.open(context)?;
        let state = match self.since {
            Some(since) => history.told_up_to(since)?,
            None => history.first_told()?,
        };
        history.must_be_behind(&state, self.since, self.until)?;
        let left_out = self.since.is_none().then(|| history.left_out(state.lsn.next())).flatten();
        let held = given.clone();
        let question = Question {
            policy: Policy::new(move |settings| held.hold(settings)),
            again_within_ms: self.again_within,
            listed_max: if self.all { usize::MAX } else { LISTED },
        };
        let (report, cut) =
            decide_again(&history, whatif::WhatIf::from(state.clone(), question), state.lsn, self.until)?;
        let mut json = document(&report, &given, cut.as_ref());
        json["left_out"] = left_out.as_ref().map_or(Value::Null, LeftOut::json);
        context.output.print(&json, || {
            text(&report, &given, cut.as_ref()) + &LeftOut::line(left_out.as_ref(), render::columns())
        })?;
        history.finish(Some(report.last))?;
        Ok(match cut {
            Some(Cut::Unknown(_)) => Exit::Refused,
            Some(Cut::Damaged(_)) | None => Exit::Done,
        })
    }
}

fn decide_again(
    history: &History,
    mut whatif: whatif::WhatIf,
    before: Lsn,
    until: Option<When>,
) -> Result<(Report, Option<Cut>), CliError> {
    let mut progress = Progress::over(before.next(), history.reader.last_lsn(), "decided again");
    let mut end = Ok(None);
    history.reader.each_group(before.next(), |group| {
        match group {
            // What follows from a fact belongs to it: without it every decision behind it would look like one that was not made.
            Ok(group) if group.first().is_some_and(|first| until.is_none_or(|until| until.is_after_or_at(first))) => {
                group.iter().for_each(|record| progress.at(record.lsn));
                whatif.see(group);
                return ControlFlow::Continue(());
            }
            Ok(_) => {}
            Err(ReadError::Unknown { lsn, .. }) => end = Ok(Some(Cut::Unknown(lsn))),
            Err(error) if error.is_damage() => {
                end = Ok(Some(Cut::Damaged(error.to_string())));
                history.reading().note(error);
            }
            Err(error) => end = Err(error),
        }
        ControlFlow::Break(())
    });
    let cut = end?;
    Ok((whatif.finish(), cut))
}

/// What was given, by name.
#[derive(Clone, Debug)]
struct Given {
    loaded: Loaded,
}

/// Flags stand above the file, as everywhere.
fn given(file: Option<&Path>, flags: &[SettingFlag]) -> Result<Given, ConfigError> {
    let loaded = match file {
        Some(file) => {
            let text =
                fs::read_to_string(file).map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })?;
            config::parse(&text, file, std::iter::empty::<(OsString, OsString)>())?
        }
        None => Loaded::defaults(),
    };
    Ok(Given { loaded: loaded.with_flags(flags)? })
}

impl Given {
    fn is_given(&self, name: &str) -> bool {
        matches!(self.loaded.sources.get(name), Some(Source::Given(_)))
    }

    fn rows(&self) -> impl Iterator<Item = &'static Row> + '_ {
        ROWS.iter().filter(|row| self.is_given(row.name))
    }

    fn hold(&self, settings: &mut Settings) {
        self.rows().for_each(|row| row.carry(&self.loaded.settings, settings));
    }

    /// Each with its name, its values in the record, its value here, and why it changes nothing, if it cannot.
    fn shown(&self, report: &Report) -> Vec<Shown> {
        let journaled = self.rows().map(|row| {
            let mut recorded: Vec<String> = report.held.iter().map(|held| row.get(held)).collect();
            recorded.dedup();
            Shown { name: row.name, recorded, whatif: row.get(&self.loaded.settings), vain: vain(row.name) }
        });
        let local = LOCAL_ROWS.iter().filter(|row| self.is_given(row.name)).map(|row| Shown {
            name: row.name,
            recorded: Vec::new(),
            whatif: row.get(&self.loaded.local),
            vain: vain(row.name),
        });
        journaled.chain(local).collect()
    }
}

/// A setting that was given.
struct Shown {
    name: &'static str,
    recorded: Vec<String>,
    whatif: String,
    vain: Option<&'static str>,
}

/// Why a setting cannot change what follows from a recorded history; none if it can.
fn vain(name: &str) -> Option<&'static str> {
    match name {
        "boot_deadline" | "ready_deadline" | "human_typing_hold" => {
            Some("how long programs and people were waited for is recorded")
        }
        "id_memory" | "queue_max" | "message_bytes_max" => Some("what was accepted and refused is recorded"),
        "segment_bytes" | "retain_bytes" | "retain_age" => Some("it is about the journal's files"),
        "on_attention" | "mcp_port" => Some("no rule looks at it"),
        _ => None,
    }
}

/// `{"settings": [{"name", "recorded": [], "whatif", "without_effect"}], "not_judged_from", "damage", "left_out", …}` and the
/// report.
fn document(report: &Report, given: &Given, cut: Option<&Cut>) -> Value {
    let settings = given
        .shown(report)
        .into_iter()
        .map(|it| json!({ "name": it.name, "recorded": it.recorded, "whatif": it.whatif, "without_effect": it.vain }));
    let mut document = json!({ "settings": settings.collect::<Vec<_>>() });
    if let (Value::Object(all), Value::Object(of_report)) = (&mut document, report.json()) {
        all.extend(of_report);
    }
    document["not_judged_from"] = match cut {
        Some(Cut::Unknown(lsn)) => json!(lsn),
        Some(Cut::Damaged(_)) => json!(report.last.next()),
        None => Value::Null,
    };
    document["damage"] = match cut {
        Some(Cut::Damaged(what)) => json!(what),
        Some(Cut::Unknown(_)) | None => Value::Null,
    };
    document
}

fn text(report: &Report, given: &Given, cut: Option<&Cut>) -> String {
    let mut out = String::new();
    for Shown { name, recorded, whatif, vain } in given.shown(report) {
        let recorded = if recorded.is_empty() { "not recorded".to_owned() } else { recorded.join(", then ") };
        let vain = vain.map_or_else(String::new, |why| format!("; without effect: {why}"));
        out +=
            &format!("{}\n", layout::fold("", &format!("{name} = {whatif} (was {recorded}){vain}"), render::columns()));
    }
    out += &report.text(&zone(), render::columns());
    match cut {
        Some(Cut::Unknown(lsn)) => {
            out += &format!("from record {lsn} on nothing is judged: only a newer build knows what it says\n");
        }
        Some(Cut::Damaged(_)) => {
            out += &format!("from record {} on nothing is judged: it cannot be read\n", report.last.next());
        }
        None => {}
    }
    out
}
