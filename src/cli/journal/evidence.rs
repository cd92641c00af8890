//! What a journal's bytes prove.

use crate::cli::capsule::asked;
use crate::cli::capsule::unread::{self, Place};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::history::Which;
use crate::cli::progress::Progress;
use crate::explain::phrase::count;
use crate::journal::{self, Damage, DigestPrefix, ReadError, Since, Verification};

/// Check every byte
///
/// Exits with 5 if something is damaged, or if the digest of `--since-digest` does not prove what it should.
#[derive(Debug, clap::Args)]
pub struct Verify {
    #[command(flatten)]
    which: Which,
    /// A digest that `journal head` printed once (its first 16 digits will do): prove that nothing up to that seal has
    /// changed since
    #[arg(long, value_name = "DIGEST")]
    since_digest: Option<DigestPrefix>,
}

/// As JSON: the verification, and beside it what the digest proves.
#[derive(serde::Serialize)]
struct Verified<'a> {
    #[serde(flatten)]
    found: &'a Verification,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'a Since>,
    /// Of the journal that a capsule was cut out of.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unread: &'a [Place],
}

impl Verify {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        let dir = self.which.dir(context)?;
        let mut progress = Progress::through(&dir, "checked");
        let found = journal::verify_watched(&dir, &mut |lsn| progress.at(lsn))?;
        drop(progress);
        let unread = unread::read(&dir);
        let since = self.since_digest.as_ref().map(|noted| found.since(noted));
        let text = || text(&found, &unread, since.as_ref());
        context.output.print(&Verified { found: &found, since: since.as_ref(), unread: &unread }, text)?;
        let proved = since.is_none_or(|since| matches!(since, Since::Unchanged { .. }));
        // Outside of the journal, and so of what is verified.
        let errors = dir.damage();
        if !errors.is_empty() {
            return Err(CliError::Partly { errors, as_of: None });
        }
        Ok(if found.damage.is_empty() && proved { Exit::Done } else { Exit::Damaged })
    }
}

fn text(found: &Verification, unread: &[Place], since: Option<&Since>) -> String {
    let segments = count(found.segments.len() as u64, "segment", "segments");
    let mut lines = vec![format!("{} in {segments}", count(found.records, "record", "records"))];
    lines.extend(found.damage.iter().map(damaged));
    lines.extend(found.torn_tail.iter().map(|it| {
        format!(
            "torn tail: {} at byte {}, {} bytes from record {} on; no damage",
            it.segment, it.offset, it.bytes, it.lsn
        )
    }));
    if !found.damage.is_empty() {
        let of = asked::option();
        lines.push(format!(
            "`dormouse journal salvage --to DIR{of}` saves what can be read; nothing is mended in place"
        ));
    }
    lines.extend(since.map(proved));
    lines.extend(
        unread.iter().map(|it| format!("{}; no byte of this capsule is damaged by that", ReadError::from(it.clone()))),
    );
    lines.join("\n")
}

pub fn damaged(it: &Damage) -> String {
    format!("{}: {} at byte {}, record {}: {}", it.kind.word(), it.segment, it.offset, it.lsn, it.what)
}

fn proved(since: &Since) -> String {
    match since {
        Since::Unchanged { segment, last_lsn } => format!("unchanged up to record {last_lsn} ({segment})"),
        Since::Changed { segment, offset, lsn, what } => {
            format!("changed since the digest was noted: {segment} at byte {offset}, record {lsn}: {what}")
        }
        Since::Removed { first_kept } => {
            format!("removed by retention, with the digest that was noted: records from {first_kept} on were kept")
        }
        Since::Unknown => {
            "no seal of this journal has that digest: it is another journal's, a segment from before the \
                           last that retention has removed, or what it stood for was changed"
                .to_owned()
        }
    }
}
