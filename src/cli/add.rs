use std::path::{Path, PathBuf};

use super::Because;
use super::context::Context;
use super::error::CliError;
use crate::model::profile::Managed;
use crate::protocol::{AddPeer, Added, Verb};

/// Make a folder a peer
///
/// A folder without a profile gets one, `.dormouse/peer-profile.json`; what is there already is read as it is. A folder that
/// is a peer already is registered again: consents come on top of those given before, arguments take the place of the ones
/// before, and what is not named stays.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// The peer's folder
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Its personality [default: the folder's name, normalised]
    #[arg(long)]
    name: Option<String>,
    /// Its default runtime
    #[arg(long)]
    runtime: Option<String>,
    /// Give each message a fresh session of its own
    #[arg(long)]
    ephemeral: bool,
    /// What a fresh session is told before its first message
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// What others may want to know of it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Dialogs to answer in your name, such as trust_folder
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    consent: Vec<String>,
    /// Take consents back that were given before
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    no_consent: Vec<String>,
    /// Add an argument to its program; once for each
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    arg: Vec<String>,
    /// Take all arguments away that were given before
    #[arg(long, conflicts_with = "arg")]
    no_args: bool,
    /// Only deliver to it: this keeps it alive
    #[arg(long, value_name = "WHAT", requires_all = ["socket", "target"], help_heading = "Managed elsewhere")]
    managed_by: Option<String>,
    /// Its tmux server's socket
    #[arg(long, value_name = "PATH", requires = "managed_by", help_heading = "Managed elsewhere")]
    socket: Option<PathBuf>,
    /// Its pane, as tmux names it
    #[arg(long, value_name = "NAME", requires = "managed_by", help_heading = "Managed elsewhere")]
    target: Option<String>,
    #[command(flatten)]
    because: Because,
}

impl Add {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let managed = match (self.managed_by, self.socket, self.target) {
            (Some(by), Some(socket), Some(target)) => {
                // It need not be there yet: whoever keeps the peer alive makes it.
                let socket = std::path::absolute(&socket)
                    .map_err(|source| CliError::Text { what: socket.display().to_string(), source })?;
                Some(Managed { by, socket, target })
            }
            _ => None,
        };
        let peer = AddPeer {
            folder: whole(&self.dir)?,
            name: self.name,
            runtime: self.runtime,
            ephemeral: self.ephemeral,
            prompt: self.prompt,
            description: self.description,
            consents: self.consent,
            args: self.arg,
            managed,
            without_consents: self.no_consent,
            without_args: self.no_args,
        };
        let added: Added = context.change(Verb::Add(Box::new(peer)), self.because.reason)?;
        context.output.print(&added, || says(&added))
    }
}

/// The daemon stands in another folder, and a peer is its folder, whichever way one came to it.
pub fn whole(path: &Path) -> Result<PathBuf, CliError> {
    path.canonicalize().map_err(|source| CliError::Text { what: path.display().to_string(), source })
}

fn says(added: &Added) -> String {
    let mut text = format!("{} lives in {}", added.peer, added.folder.display());
    if let Some(profile) = &added.profile_written {
        text.push_str(&format!("\nits profile is {}", profile.display()));
    }
    if !added.consents.is_empty() {
        text.push_str(&format!("\nconsents given: {}", added.consents.join(", ")));
    }
    if !added.args.is_empty() {
        text.push_str(&format!("\narguments: {}", added.args.join(" ")));
    }
    if let Some(managed) = &added.managed {
        text.push_str(&format!(
            "\nkept alive by {}, at {} of {}",
            managed.by,
            managed.target,
            managed.socket.display()
        ));
    }
    for remark in &added.remarks {
        text.push_str(&format!("\nnote: {remark}"));
    }
    text
}
