mod evidence;
mod export;
mod rescue;

use clap::Subcommand;

use super::capsule::open::Folder;
use super::context::Context;
use super::error::{CliError, Exit};
use super::history::Which;
use crate::journal::{self, Labelled, ReadError};

/// The journal's files: what is there, whether it is whole, copies of it
#[derive(Debug, clap::Args)]
pub struct Journal {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the segments
    Stat(Which),
    /// Check every byte, and what a digest that was noted proves; `dormouse audit` checks the promises too
    Verify(evidence::Verify),
    /// Print the newest seal's digest: who has noted it can tell later that nothing before it has changed
    Head(Which),
    /// Write every record as JSON, one a line; or all of them as a page for a browser, or a trace for Perfetto
    Export(export::Export),
    /// List what recovery has set aside: unfinished batches, acknowledged to nobody
    Quarantine(Which),
    /// Copy everything that can be read into a new journal; the old one stays as it is
    Salvage(rescue::Salvage),
}

impl Journal {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self.what {
            What::Stat(which) => {
                let dir = which.dir(context)?;
                let Labelled { says, damage } = journal::stat(&dir)?;
                context.output.print(&says, || says.iter().map(line).collect())?;
                return done(damage, &dir);
            }
            What::Verify(verify) => return verify.run(context),
            What::Head(which) => {
                let dir = which.dir(context)?;
                let Labelled { says, damage } = journal::head(&dir)?;
                let text = || says.as_ref().map_or("no segment is sealed yet".to_owned(), said);
                context.output.print(&says, text)?;
                return done(damage, &dir);
            }
            What::Export(export) => export.run(context)?,
            What::Quarantine(which) => return rescue::quarantine(which, context),
            What::Salvage(salvage) => return salvage.run(context),
        }
        Ok(Exit::Done)
    }
}

/// Labels that are damaged are said behind what the others say, and so is a capsule that is.
fn done(mut damage: Vec<ReadError>, dir: &Folder) -> Result<Exit, CliError> {
    damage.extend(dir.damage());
    if damage.is_empty() { Ok(Exit::Done) } else { Err(CliError::Partly { errors: damage, as_of: None }) }
}

fn line(it: &journal::SegmentReport) -> String {
    let sealed = if it.sealed { "sealed" } else { "open" };
    format!("{}  {:>10} to {:<10} {:>12} bytes  {sealed}\n", it.segment, it.first_lsn.0, it.last_lsn.0, it.bytes)
}

fn said(head: &journal::Head) -> String {
    format!("{}  (record {}, {})", head.digest, head.last_lsn, head.segment)
}
