use std::process::ExitCode;

use crate::demo_agent;

/// A small program that behaves like an agent, for demonstrations and tests
#[derive(Debug, clap::Args)]
pub struct DemoAgent {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl DemoAgent {
    pub fn run(self) -> ExitCode {
        demo_agent::run(&self.args)
    }
}
