use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use serde::Serialize;

use super::context::Context;
use super::error::{CliError, Exit};
use super::render;
use super::when::zone;
use crate::explain::line::line;
use crate::sim::{Level, Plan, Ran, run, shrink};

/// Run dormouse's own rules in made-up worlds, and look for a promise that breaks
///
/// One seed is one world: its disk, its sessions, its agents and people, and everything that goes wrong. The same seed
/// gives the same run to the byte. Nothing outside is touched: no daemon, no tmux, no file. Exit code 1 if a promise was
/// broken; what is printed then is the command that shows it again, with the fewest faults that still break it.
#[derive(Debug, clap::Args)]
pub struct Sim {
    /// How many worlds
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "seed")]
    seeds: u64,
    /// The first of them
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// Just this one
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How much goes wrong: none, light or heavy
    #[arg(long, value_name = "HOW", default_value = "heavy", value_parser = level)]
    faults: Level,
    /// Hours until nothing goes wrong any more; a world then has twelve more to come to rest
    #[arg(long, value_name = "N", default_value_t = 6)]
    hours: u64,
    /// Let only these faults strike, by their numbers in the trace
    #[arg(long, value_name = "N,N", value_delimiter = ',', requires = "seed")]
    only: Option<Vec<u32>>,
    /// Print every record as `log` does, and every fault at its place
    #[arg(long, requires = "seed")]
    trace: bool,
}

/// What all of the runs add up to.
#[derive(Debug, Default, Serialize)]
struct Summary {
    worlds: u64,
    simulated_hours: u64,
    records: u64,
    faults: u64,
    seconds: f64,
    broken: Vec<Failed>,
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

impl Sim {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        let seeds = self.seed.map_or(self.from..self.from.saturating_add(self.seeds), |seed| seed..seed + 1);
        let (began, count) = (Instant::now(), seeds.end - seeds.start);
        let mut summary = Summary::default();
        for (done, seed) in seeds.enumerate() {
            let ran = run(&self.plan(seed));
            if self.trace {
                trace(&ran)?;
            }
            self.add(&mut summary, seed, &ran);
            progress(done as u64 + 1, count, &summary);
        }
        summary.seconds = began.elapsed().as_secs_f64();
        let exit = if summary.broken.is_empty() { Exit::Done } else { Exit::Failed };
        context.output.print(&summary, || summary.text())?;
        Ok(exit)
    }

    fn plan(&self, seed: u64) -> Plan {
        let only = self.only.as_ref().map(|only| only.iter().copied().collect::<BTreeSet<u32>>());
        Plan { seed, level: self.faults, hours: self.hours, only }
    }

    fn add(&self, summary: &mut Summary, seed: u64, ran: &Ran) {
        summary.worlds += 1;
        summary.simulated_hours += ran.simulated_ms / 3_600_000;
        summary.records += ran.records.len() as u64;
        summary.faults += ran.struck.len() as u64;
        if let Some(broken) = &ran.broken {
            summary.broken.push(Failed {
                seed,
                oracle: broken.oracle,
                rule: broken.rule,
                what: broken.what.clone(),
                repeat: again(&shrink(&self.plan(seed), ran)),
            });
        }
    }
}

/// The command that repeats it.
fn again(plan: &Plan) -> String {
    let only: Vec<String> = plan.only.iter().flatten().map(u32::to_string).collect();
    let faults = match only.is_empty() {
        true => "--faults none".to_owned(),
        false => format!("--faults {} --only {}", plan.level.word(), only.join(",")),
    };
    format!("dormouse sim --seed {} {faults} --hours {} --trace", plan.seed, plan.hours)
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
        lines.push(format!(
            "{} of {} worlds kept every promise: {} simulated hours, {} records, {} faults in {:.1} s",
            self.worlds - self.broken.len() as u64,
            self.worlds,
            self.simulated_hours,
            self.records,
            self.faults,
            self.seconds
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

fn trace(ran: &Ran) -> Result<(), CliError> {
    let (zone, columns) = (zone(), render::columns());
    let mut struck = ran.struck.iter().peekable();
    let mut text = String::new();
    for record in &ran.records {
        while let Some(fault) = struck.next_if(|fault| fault.before <= record.lsn.0) {
            text.push_str(&format!("     #{} {}\n", fault.number, fault.fault.word()));
        }
        text.push_str(&line(record, &zone, columns));
        text.push('\n');
    }
    render::raw(text.as_bytes())
}
