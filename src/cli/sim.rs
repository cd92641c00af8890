mod coverage;
mod only;
mod worlds;

use std::io::{IsTerminal as _, Write as _};
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Instant;

use serde::Serialize;
use serde_json::json;

use self::only::Only;
use super::context::Context;
use super::error::{CliError, Exit};
use super::render;
use super::sim_script;
use super::when::zone;
use crate::explain::line::line;
use crate::model::record::Record;
#[cfg(feature = "deliberate-bugs")]
use crate::mutant::Bug;
use crate::sim::faults::Struck;
use crate::sim::{Level, Plan, Ran, SENDS_PER_HOUR};

const SEEDS: NonZero<u64> = NonZero::new(100).unwrap();

/// What a scenario leaves to nobody, or is not asked of one.
const BY_CHANCE: [&str; 8] = ["seeds", "from", "faults", "hours", "sends", "only", "jobs", "coverage"];

/// More than a year: a world keeps its whole history in memory.
const HOURS_MAX: u64 = 10_000;

const HOUR_MS: u64 = 3_600_000;

/// Three a second: more would only fill the ten queues.
const SENDS_MAX: u64 = 10_000;

/// Run dormouse's own rules in made-up worlds, and look for a promise that breaks
///
/// One seed is one world: its disk, its sessions, its agents and people, and everything that goes wrong. The same seed
/// gives the same run to the byte. Nothing outside is touched: no daemon, no tmux, no file. Exit code 1 if a promise was
/// broken; what is printed then is the command that shows it again, for the first five with the fewest hours and faults that
/// still break it.
#[derive(Debug, clap::Args)]
pub struct Sim {
    /// How many worlds
    #[arg(long, value_name = "N", default_value_t = SEEDS, conflicts_with = "seed", value_parser = seeds)]
    seeds: NonZero<u64>,
    /// The first of them
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// Just this one
    #[arg(long, value_name = "N", group = "one")]
    seed: Option<u64>,
    /// No seed: what this file tells, as `docs/scenarios.md` says; exit code 1 if it does not come out as expected
    #[arg(long, value_name = "FILE", group = "one", conflicts_with_all = BY_CHANCE)]
    script: Option<PathBuf>,
    /// How much goes wrong: none, light or heavy
    #[arg(long, value_name = "HOW", default_value = "heavy", value_parser = level)]
    faults: Level,
    /// Hours until nothing goes wrong any more; a world then has twelve more to come to rest
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = hours)]
    hours: u64,
    /// How often an hour somebody sends something to one of the ten peers, 15 times if nothing is said
    #[arg(long, value_name = "N", value_parser = sends)]
    sends: Option<u64>,
    /// Let only these faults strike, by their numbers in the trace: `0-31,34,36-63`, or `none`
    #[arg(long, value_name = "N-N,N", requires = "seed")]
    only: Option<Only>,
    /// How many at a time; as many as there are processors if this is not said
    #[arg(long, value_name = "N", conflicts_with = "seed")]
    jobs: Option<NonZero<usize>>,
    /// Print every record as `log` does, and every fault at its place; with --json one object a line, the outcome last
    #[arg(long, requires = "one")]
    trace: bool,
    /// Count what was reached of the decision space: each kind of fact in each phase of a peer, and each way a rule went
    #[arg(long)]
    coverage: bool,
    /// Do one thing wrong on purpose (debug builds for tests alone)
    #[cfg(feature = "deliberate-bugs")]
    #[arg(long, value_name = "NAME", value_parser = deliberate, conflicts_with = "script")]
    deliberate_bug: Option<Bug>,
}

#[cfg(feature = "deliberate-bugs")]
fn deliberate(word: &str) -> Result<Bug, String> {
    let known = || Bug::ALL.iter().map(|bug| bug.row().word).collect::<Vec<_>>().join(" ");
    Bug::of(word).ok_or_else(|| format!("expected one of {}", known()))
}

/// What all of the runs add up to.
#[derive(Debug, Default, Serialize)]
struct Summary {
    worlds: u64,
    simulated_hours: u64,
    #[serde(skip)]
    simulated_ms: u64,
    records: u64,
    faults: u64,
    /// One world is the same whenever it runs: it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    broken: Vec<Failed>,
    /// Numbers that `--only` names and that came to nothing, as it writes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    did_not_strike: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<coverage::Document>,
}

/// A world in which a promise was broken.
#[derive(Debug, Serialize)]
struct Failed {
    seed: u64,
    oracle: &'static str,
    rule: &'static str,
    what: String,
    repeat: String,
}

fn level(text: &str) -> Result<Level, String> {
    let found = [Level::None, Level::Light, Level::Heavy].into_iter().find(|level| level.word() == text);
    found.ok_or_else(|| "expected none, light or heavy".to_owned())
}

fn seeds(text: &str) -> Result<NonZero<u64>, String> {
    text.parse().map_err(|_| format!("expected a number of worlds from 1 to {}", u64::MAX))
}

fn sends(text: &str) -> Result<u64, String> {
    let found = text.parse().ok().filter(|sends| (1..=SENDS_MAX).contains(sends));
    found.ok_or_else(|| format!("expected how often an hour, from 1 to {SENDS_MAX}"))
}

fn hours(text: &str) -> Result<u64, String> {
    let found = text.parse().ok().filter(|hours| *hours <= HOURS_MAX);
    found.ok_or_else(|| format!("expected a number of hours up to {HOURS_MAX}"))
}

impl Sim {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        if let Some(file) = &self.script {
            return sim_script::run(file, self.trace, context);
        }
        let seeds = self.which()?;
        let began = Instant::now();
        let jobs = self.jobs.or_else(|| available_parallelism().ok()).map_or(1, NonZero::get);
        let (mut summary, reached) = self.worlds(seeds, jobs, context.output.json)?;
        summary.seconds = self.seed.is_none().then(|| began.elapsed().as_secs_f64());
        let exit = if summary.broken.is_empty() { Exit::Done } else { Exit::Failed };
        summary.coverage = self.coverage.then(|| coverage::document(&reached));
        let text = || match self.coverage {
            true => format!("{}\n\n{}", coverage::text(&reached), summary.text()),
            false => summary.text(),
        };
        context.output.print(&summary, text)?;
        if let Some(idle) = summary.did_not_strike.filter(|_| !context.output.json) {
            eprintln!("note: of the faults that may strike these did not: {idle}");
        }
        Ok(exit)
    }

    /// From the first seed to the last, both included.
    fn which(&self) -> Result<RangeInclusive<u64>, CliError> {
        let (first, count) = self.seed.map_or((self.from, self.seeds.get()), |seed| (seed, 1));
        let last = first.checked_add(count - 1).ok_or_else(|| CliError::Usage {
            why: format!("`--seeds {count} --from {first}` goes beyond the last seed there is, {}", u64::MAX),
            hint: Some(format!("from there on there are {}; nothing was run", u64::MAX - first + 1)),
        })?;
        Ok(first..=last)
    }

    fn plan(&self, seed: u64) -> Plan {
        let only = self.only.as_ref().map(|only| only.0.clone());
        let sends_per_hour = self.sends.unwrap_or(SENDS_PER_HOUR);
        Plan { hours: self.hours, sends_per_hour, only, ..Plan::new(seed, self.faults) }
    }
}

/// The command that repeats it.
fn again(plan: &Plan) -> String {
    let only = Only(plan.only.clone().unwrap_or_default());
    let faults = format!("--faults {} --only {only}", plan.level.word());
    let sends = match plan.sends_per_hour {
        SENDS_PER_HOUR => String::new(),
        other => format!(" --sends {other}"),
    };
    format!("dormouse sim --seed {} {faults} --hours {}{sends} --trace", plan.seed, plan.hours)
}

impl Summary {
    fn text(&self) -> String {
        let mut lines: Vec<String> = self
            .broken
            .iter()
            .map(|failed| {
                format!(
                    "seed {}: {} ({}): {}\n  {}",
                    failed.seed, failed.oracle, failed.rule, failed.what, failed.repeat
                )
            })
            .collect();
        let pace = self.seconds.map(|seconds| {
            format!(" in {seconds:.1} s, {:.0} hours a second", self.simulated_ms as f64 / HOUR_MS as f64 / seconds)
        });
        lines.push(format!(
            "{} of {} worlds kept every promise: {} simulated hours, {} records, {} faults{}",
            self.worlds - self.broken.len() as u64,
            self.worlds,
            self.simulated_hours,
            self.records,
            self.faults,
            pace.unwrap_or_default()
        ));
        lines.join("\n")
    }
}

/// For whoever looks on.
fn progress(done: u64, count: u64, summary: &Summary) {
    let mut out = std::io::stderr();
    if count > 1 && out.is_terminal() && (done.is_multiple_of(10) || done == count) {
        let end = if done == count { "\r\x1b[K" } else { "" };
        // Nobody's loss if it cannot be shown.
        let _ = write!(out, "\r{done} of {count} worlds, {} broken{end}", summary.broken.len());
    }
}

/// Every record as `log` prints it, and every fault before the record that came next.
pub(super) fn trace(ran: &Ran, json: bool) -> Result<(), CliError> {
    let (zone, columns) = (zone(), render::columns());
    let record = |record: &Record| match json {
        true => crate::explain::json::record(record).to_string(),
        false => line(record, &zone, columns),
    };
    let fault = |Struck { number, fault, before }: &Struck| match json {
        true => json!({ "fault": number, "what": fault.word(), "before": before }).to_string(),
        false => format!("     #{number} {}", fault.word()),
    };
    let mut struck = ran.struck.iter().peekable();
    let mut text = String::new();
    for one in &ran.records {
        while let Some(next) = struck.next_if(|fault| fault.before <= one.lsn.0) {
            text.push_str(&(fault(next) + "\n"));
        }
        text.push_str(&(record(one) + "\n"));
    }
    struck.for_each(|last| text.push_str(&(fault(last) + "\n")));
    render::raw(text.as_bytes())
}
