mod files;
mod finding;
mod hooks;
mod installed;
mod journal;
mod machine;
mod peers;
mod runtimes;
mod service;
mod sessions;
mod settings;
mod wakes;

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use super::context::Context;
use super::error::{CliError, Exit};
use super::render;
use crate::home::Home;
use crate::observe::clock;
use crate::runtime::Spec;
use finding::{Finding, Verdict};
use service::Service;

/// Say what would keep it from working here, each with its remedy
///
/// Looks at tmux, folders, sockets, the disk, the clock, the daemon, its service, the journal, the settings, the runtimes
/// and each peer. Changes nothing, and works when the daemon is down. Exits with 1 if anything fails.
#[derive(Debug, clap::Args)]
pub struct Doctor {}

impl Doctor {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        let findings = examine(context);
        context.output.print(&findings, || text(&findings))?;
        let fails = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
        Ok(if fails { Exit::Failed } else { Exit::Done })
    }
}

/// The version that a runtime's program says to have, as it would run here.
pub fn version_of(spec: &Spec, home: &Home) -> Option<String> {
    runtimes::version_of(spec, home, &Service::here())
}

/// The variables by which the programs of this home's runtimes may be signed in.
pub fn sign_in_variables(home: &Home) -> BTreeSet<String> {
    runtimes::sign_in_variables(home, &Service::here())
}

/// The programs that peers of this home need and `path` does not have, each with the runtimes that start it.
pub fn missing_in(context: &Context, path: &str) -> BTreeMap<String, Vec<String>> {
    let (_, past) = journal::fold(&context.home.journal());
    installed::missing(&Service::here(), path, &runtimes::known(&context.home), &past.state)
}

/// Every check, in the order in which one rests on the other. None ends the rest.
fn examine(context: &Context) -> Vec<Finding> {
    let home = &context.home;
    let (journal, past) = journal::examine(&home.journal());
    let (daemon, service) = service::examine(context, &past);
    let (settings, loaded) = settings::examine(home, &service, &past.state);
    let (runtimes, known) = runtimes::examine(home, &service, &past.state);
    let mut findings = vec![machine::tmux(&service), files::sockets(home)];
    findings.extend(files::folders(home));
    findings.extend([
        files::disk(&home.journal(), loaded.segment_bytes),
        machine::open_files(&service, past.state.peers.len()),
        machine::clock(clock::now(), past.state.now),
    ]);
    findings.push(daemon);
    findings.extend(installed::examine(context, &service, &known, &past.state));
    findings.extend(sessions::examine(&service, &past.state));
    findings.extend(sessions::cannot_call(home, &past.state));
    findings.push(settings);
    findings.extend(journal);
    findings.extend(runtimes);
    findings.extend(past.state.peers.values().flat_map(|peer| peers::examine(peer, &known)));
    findings.extend(wakes::examine(&past.state));
    findings
}

/// A line a finding, its remedy below it, folded into the terminal's width.
fn text(findings: &[Finding]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    if let Some(columns) = render::columns() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
    }
    for finding in findings {
        let remedy = finding.remedy.as_ref().map_or_else(String::new, |remedy| format!("\nhint: {remedy}"));
        table.add_row([finding.verdict.word(), &finding.check, &format!("{}{remedy}", finding.says)]);
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let verdict = match (count(Verdict::Fail), count(Verdict::Warn)) {
        (0, 0) => "nothing keeps it from working here".to_owned(),
        (0, _) => "nothing keeps it from working here; some of it deserves a look".to_owned(),
        (1, _) => "1 check failed".to_owned(),
        (fails, _) => format!("{fails} checks failed"),
    };
    format!("{}\n\n{verdict}", table.trim_fmt())
}
