//! A small terminal program that behaves like an agent: for the demo, for tests, and for trying out a team without a
//! model.
//!
//! It knows nothing of the daemon: it reads what is pasted into its box, writes its transcript, says its state by OSC
//! 7501, and answers with `dormouse send` like anybody else. Messages direct it by lines such as `demo: exit 7`; see
//! [`script::Step`].

#![allow(clippy::disallowed_methods, reason = "a door: a program of its own")]

mod agent;
mod input_box;
mod keys;
mod options;
mod screen;
pub mod script;
mod transcript;

use std::ffi::OsString;
use std::process::ExitCode;

use agent::{Agent, Leave};
use options::Options;

use crate::model::session::Ending;
use crate::shim::end_like;

/// Runs until it is told to leave. `args` are those behind `demo-agent`.
pub fn run<A: Into<OsString> + Clone>(args: impl IntoIterator<Item = A>) -> ExitCode {
    let options = match Options::parse(args) {
        Ok(options) => options,
        Err(usage) => {
            let _ = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    let left = Agent::start(options).and_then(|mut agent| agent.live());
    match left {
        Ok(Leave::Code(code)) => end_like(&Ending::Code { code }),
        Ok(Leave::Signal(signal)) => end_like(&Ending::Signal { signal }),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            eprintln!("demo-agent: {error}{cause}");
            ExitCode::FAILURE
        }
    }
}
