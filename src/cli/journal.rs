use clap::Subcommand;

use super::context::Context;
use super::error::{CliError, Exit};
use super::history::{History, Which};
use super::render;
use crate::explain;
use crate::journal;
use crate::model::id::Lsn;

/// The journal's files: what is there, whether it is whole, a copy as JSON
#[derive(Debug, clap::Args)]
pub struct Journal {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the segments
    Stat(Which),
    /// Check the checksum of every record; `dormouse audit` checks the promises too
    Verify(Which),
    /// Print the newest seal's digest: who has noted it can tell later that nothing before it has changed
    Head(Which),
    /// Print every record as JSON, one a line
    Export(Which),
}

impl Journal {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self.what {
            What::Stat(which) => {
                let segments = journal::stat(&which.dir(context))?;
                context.output.print(&segments, || segments.iter().map(line).collect())?;
            }
            What::Verify(which) => {
                let found = journal::verify(&which.dir(context))?;
                context.output.print(&found, || verified(&found))?;
                return Ok(if found.damage.is_empty() { Exit::Done } else { Exit::Damaged });
            }
            What::Head(which) => {
                let head = journal::head(&which.dir(context))?;
                let says = || head.as_ref().map_or("no segment is sealed yet".to_owned(), said);
                context.output.print(&head, says)?;
            }
            What::Export(which) => {
                for record in which.open(context)?.reader.records(Lsn(1)) {
                    let line = match record {
                        Ok(record) => format!("{}\n", explain::json::record(&record)),
                        Err(error) => History::unknown(error, true)?.1,
                    };
                    render::raw(line.as_bytes())?;
                }
            }
        }
        Ok(Exit::Done)
    }
}

fn line(it: &journal::SegmentReport) -> String {
    let sealed = if it.sealed { "sealed" } else { "open" };
    format!("{}  {:>10} to {:<10} {:>12} bytes  {sealed}\n", it.segment, it.first_lsn.0, it.last_lsn.0, it.bytes)
}

fn said(head: &journal::Head) -> String {
    format!("{}  (record {}, {})", head.digest, head.last_lsn, head.segment)
}

fn verified(found: &journal::Verification) -> String {
    let mut lines = vec![format!("{} records in {} segments", found.records, found.segments.len())];
    lines.extend(found.damage.iter().map(|it| format!("damage: {} at byte {}: {}", it.segment, it.offset, it.what)));
    lines.extend(found.torn_tail.iter().map(|it| format!("torn tail: {} bytes; no damage", it.bytes)));
    lines.join("\n")
}
