use clap_complete::Shell;

use super::error::CliError;
use super::render;

/// Print the completions for a shell
#[derive(Debug, clap::Args)]
pub struct Completions {
    shell: Shell,
}

impl Completions {
    pub fn run(self, mut command: clap::Command) -> Result<(), CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "dormouse", &mut script);
        render::raw(&script)
    }
}
