use super::error::CliError;
use super::render;

/// Print the manual page
#[derive(Debug, clap::Args)]
pub struct Man {}

impl Man {
    pub fn run(self, mut command: clap::Command) -> Result<(), CliError> {
        command.build();
        let mut page = Vec::new();
        let verbs: Vec<clap::Command> = command.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned().collect();
        let written = clap_mangen::Man::new(command).render(&mut page).and_then(|()| {
            verbs.into_iter().filter(|verb| verb.get_name() != "help").try_for_each(|verb| {
                let man = clap_mangen::Man::new(verb);
                man.render_name_section(&mut page)?;
                man.render_synopsis_section(&mut page)?;
                man.render_description_section(&mut page)?;
                man.render_options_section(&mut page)
            })
        });
        written.map_err(|source| CliError::Output { source })?;
        render::raw(&page)
    }
}
