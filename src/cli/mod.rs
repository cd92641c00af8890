//! The command line: one verb, one file; `render` prints, `error` words what went wrong.

mod add;
mod attach;
mod audit;
mod beginning;
mod bisect;
mod capsule;
mod client;
mod compact;
mod completions;
mod config;
mod context;
mod daemon;
mod demo;
mod demo_agent;
mod doctor;
mod error;
mod history;
mod hook;
mod interrupt;
mod journal;
mod log;
mod ls;
mod man;
mod mcp;
mod nearest;
mod new;
mod own;
mod peek;
mod present;
mod progress;
mod queue;
mod refresh;
mod render;
mod replay;
mod rm;
mod run;
mod runtime;
mod send;
mod service;
mod session;
mod shim;
mod silence;
mod sim;
mod sim_script;
mod start;
mod stop;
mod whatif;
mod when;
mod why;
mod whynot;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use context::Context;
use error::{CliError, Exit, complain};

/// Keeps a team of terminal agents one message away, and can prove why it did what it did
#[derive(Debug, Parser)]
#[command(name = "dormouse", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    /// One folder for settings, journal and sockets [default: the XDG folders]
    ///
    /// The environment's `DORMOUSE_HOME` says the same. Two homes never see each other's sessions.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    home: Option<PathBuf>,

    /// Print one JSON document instead of text
    ///
    /// Errors are JSON too, on standard error; streams print one object a line.
    #[arg(long, global = true, help_heading = "Everywhere")]
    json: bool,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Daemon(daemon::Daemon),
    Demo(demo::Demo),
    Add(add::Add),
    Rm(rm::Rm),
    Ls(ls::Ls),
    Send(send::Send),
    Queue(queue::Queue),
    Start(start::Start),
    Stop(stop::Stop),
    New(new::New),
    Refresh(refresh::Refresh),
    Interrupt(interrupt::Interrupt),
    Compact(compact::Compact),
    Attach(attach::Attach),
    Peek(peek::Peek),
    Run(run::Run),
    #[command(name = "self")]
    Own(own::Own),
    Hook(hook::Hook),
    Log(log::Log),
    Why(why::Why),
    Capsule(capsule::Capsule),
    #[command(name = "whynot")]
    WhyNot(whynot::WhyNot),
    Replay(replay::Replay),
    #[command(name = "whatif")]
    WhatIf(whatif::WhatIf),
    Bisect(bisect::Bisect),
    Audit(audit::Audit),
    Journal(journal::Journal),
    Sim(sim::Sim),
    Doctor(doctor::Doctor),
    Runtime(runtime::Runtime),
    Service(service::ServiceVerb),
    Config(config::Config),
    Completions(completions::Completions),
    Man(man::Man),
    Mcp(mcp::Mcp),
    #[command(hide = true)]
    Shim(shim::Shim),
    #[command(hide = true, disable_help_flag = true)]
    DemoAgent(demo_agent::DemoAgent),
}

/// Why a change is asked for; part of every verb that changes something.
#[derive(Debug, clap::Args)]
struct Because {
    /// Why; kept in the journal with who asked
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs the verb that `args` name, the program's own name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    // Whatever a program may call it with, it is no misuse; only a person asks for help.
    if args.get(1).is_some_and(|verb| verb == "hook") && args.get(2).is_none_or(|arg| arg != "--help" && arg != "-h") {
        return hook::run(&args[2..]);
    }
    // A session's start waits for two of these, one after the other: reading the whole command line's grammar takes longer
    // than anything else they do.
    if let Some(shim) = shim::Shim::of(args.get(1..).unwrap_or_default()) {
        return shim.run();
    }
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return misused(&error, &args).into(),
    };
    let json = cli.json;
    match perform(cli, &args) {
        Ok(code) => code,
        Err(error) => error.report(json).into(),
    }
}

fn perform(cli: Cli, args: &[OsString]) -> Result<ExitCode, CliError> {
    let context = || Context::new(cli.home.as_deref(), cli.json);
    match cli.verb {
        Verb::Audit(verb) => return Ok(verb.run(&context()?)?.into()),
        Verb::Journal(verb) => return Ok(verb.run(&context()?)?.into()),
        Verb::Sim(verb) => return Ok(verb.run(&context()?)?.into()),
        Verb::Bisect(verb) => return Ok(verb.run(&context()?)?.into()),
        Verb::Replay(verb) => return Ok(verb.run(&context()?)?.into()),
        Verb::WhatIf(verb) => return Ok(verb.run(&context()?)?.into()),
        Verb::Doctor(verb) => return Ok(verb.run(&context()?)?.into()),
        Verb::Shim(verb) => return Ok(verb.run()),
        Verb::DemoAgent(verb) => return Ok(verb.run()),
        Verb::Hook(verb) => return Ok(verb.run()),
        Verb::Demo(verb) => verb.run(),
        Verb::Daemon(verb) => verb.run(&context()?),
        Verb::Add(verb) => verb.run(&context()?),
        Verb::Rm(verb) => verb.run(&context()?),
        Verb::Ls(verb) => verb.run(&context()?),
        Verb::Send(verb) => verb.run(&context()?, args),
        Verb::Queue(verb) => verb.run(&context()?),
        Verb::Start(verb) => verb.run(&context()?),
        Verb::Stop(verb) => verb.run(&context()?),
        Verb::New(verb) => verb.run(&context()?),
        Verb::Refresh(verb) => verb.run(&context()?),
        Verb::Interrupt(verb) => verb.run(&context()?),
        Verb::Compact(verb) => verb.run(&context()?),
        Verb::Peek(verb) => verb.run(&context()?),
        Verb::Attach(verb) => verb.run(&context()?),
        Verb::Run(verb) => verb.run(&context()?),
        Verb::Runtime(verb) => verb.run(&context()?),
        Verb::Mcp(verb) => verb.run(context()?),
        Verb::Service(verb) => verb.run(&context()?),
        Verb::Config(verb) => verb.run(&context()?),
        Verb::Log(verb) => verb.run(&context()?),
        Verb::Why(verb) => verb.run(&context()?),
        Verb::Capsule(verb) => verb.run(&context()?),
        Verb::WhyNot(verb) => verb.run(&context()?),
        Verb::Own(verb) => verb.run(&context()?),
        Verb::Completions(verb) => verb.run(Cli::command()),
        Verb::Man(verb) => verb.run(Cli::command()),
    }?;
    Ok(Exit::Done.into())
}

/// What clap has to say: help and version are answers, everything else is a misuse.
fn misused(error: &clap::Error, args: &[OsString]) -> Exit {
    if !error.use_stderr() {
        // A reader that has had enough of the help is no error.
        let _ = error.print();
        return Exit::Done;
    }
    let given = args.iter().take_while(|arg| *arg != "--");
    if given.into_iter().any(|arg| arg == "--json") {
        let (message, hint) = in_one_line(&error.render().to_string());
        complain("usage", &message, Some(&hint), false, true);
    } else {
        let _ = error.print();
    }
    Exit::Usage
}

/// The sentence of a misuse and its next step, out of the paragraphs in which clap says them to people.
fn in_one_line(said: &str) -> (String, String) {
    let mut paragraphs = said.split("\n\n").map(|paragraph| paragraph.lines().map(str::trim).collect::<Vec<_>>());
    let first = paragraphs.next().unwrap_or_default();
    let (sentence, listed) = first.split_first().map_or(("", &[][..]), |(sentence, listed)| (*sentence, listed));
    let message = format!("{} {}", sentence.trim_start_matches("error: "), listed.join(", "));
    let tips = paragraphs.flatten().filter_map(|line| line.strip_prefix("tip: ").map(str::to_owned));
    let hint = tips.chain(["`dormouse help` and `dormouse help VERB` say what there is".to_owned()]);
    (message.trim_end().to_owned(), hint.collect::<Vec<_>>().join("; "))
}
