//! What is left of a damaged journal, and what recovery has set aside.

use std::path::PathBuf;

use super::evidence::damaged;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::history::Which;
use crate::cli::progress::Progress;
use crate::explain::phrase::{count, rfc3339};
use crate::journal::salvage::{SalvageError, Salvaged, salvage_watched};
use crate::journal::{self, DirStorage, NoteSays, SetAside};
use crate::model::time::{BootId, Timestamp};
use crate::observe::clock;

/// Copy everything that can be read into a new journal
///
/// Every record that can be read is copied unchanged; a `record_lost` takes the place of each that cannot. Stop the daemon
/// first. Exits with 5 if records were lost.
#[derive(Debug, clap::Args)]
pub struct Salvage {
    #[command(flatten)]
    which: Which,
    /// Folder for the new journal, empty or not there yet
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

impl Salvage {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        let from = self.which.dir(context)?;
        // Nothing is made before it is known that there is something to save.
        journal::stat(&from)?;
        let writing = |source| SalvageError::Write { dir: self.to.clone(), source };
        let to = DirStorage::open(&self.to).map_err(writing)?;
        let mut progress = Progress::through(&from, "read");
        let fresh = (clock::now().wall_us, random);
        let salvaged = salvage_watched(&from, to, fresh, &mut |lsn| progress.at(lsn))?;
        drop(progress);
        let named = (from.named().display().to_string(), self.to.display().to_string());
        context.output.print(&salvaged, || text(&salvaged, &named.0, &named.1))?;
        let (lost, errors) = (salvaged.lost > 0, from.damage());
        match (errors.is_empty(), lost) {
            (false, _) => Err(CliError::Partly { errors, as_of: None }),
            (true, true) => Ok(Exit::Damaged),
            (true, false) => Ok(Exit::Done),
        }
    }
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes after its boot");
    bytes
}

fn text(it: &Salvaged, from: &str, to: &str) -> String {
    let kept = count(it.kept, "record", "records");
    let mut lines = vec![format!("{kept} kept ({} to {}), {} lost", it.first_lsn, it.last_lsn, it.lost)];
    lines.extend(it.damage.iter().map(damaged));
    if it.torn_bytes > 0 {
        lines.push(format!("left behind: {} bytes of an unfinished batch, acknowledged to nobody", it.torn_bytes));
    }
    lines.push(format!(
        "{from} is as it was. To go on with the copy: keep that folder elsewhere, and move {to} into its place"
    ));
    lines.join("\n")
}

pub fn quarantine(which: Which, context: &Context) -> Result<Exit, CliError> {
    #[derive(serde::Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        it: &'a SetAside,
        at: String,
    }
    let dir = which.dir(context)?;
    let found = journal::quarantine(&dir)?;
    let at = |it: &SetAside| rfc3339(Timestamp { wall_us: it.at_us, awake_ms: 0, boot: BootId(0) });
    let rows: Vec<_> = found.iter().map(|it| Row { it, at: at(it) }).collect();
    context.output.print(&rows, || match rows.len() {
        0 => "nothing was ever set aside".to_owned(),
        _ => rows.iter().map(|row| line(row.it, &row.at)).collect::<Vec<_>>().join("\n"),
    })?;
    super::done(Vec::new(), &dir)
}

fn line(it: &SetAside, at: &str) -> String {
    let note = match it.note {
        NoteSays::Matches => "as the segment notes them",
        NoteSays::Differs => "not those that the segment notes",
        NoteSays::Nothing => "no segment notes them",
    };
    format!("{at}  {} at byte {}, {} bytes in {}, {note}", it.segment, it.offset, it.bytes, it.file)
}
