use std::path::{Path, PathBuf};

use super::capsule::open::Folder;
use super::context::Context;
use super::error::{CliError, Exit};
use crate::explain::audit::{Audit as Findings, Auditor, Bytes, Damage, TornTail};
use crate::explain::phrase::count;
use crate::journal::{self, NotUsed, ReadError, Reader, Unusable, Verification};
use crate::model::id::Lsn;
use crate::supervisor::snapshot;

/// Check every byte and every promise over the whole history
///
/// Changes nothing, and is sound beside a running daemon. Exits with 5 if bytes are damaged, with 1 if a promise was
/// broken.
#[derive(Debug, clap::Args)]
pub struct Audit {
    /// A journal, such as a copy [default: the home's]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Read this journal, such as a copy, instead of the home's
    #[arg(long, value_name = "DIR", conflicts_with = "dir")]
    journal: Option<PathBuf>,
}

impl Audit {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        let dir = self.dir.or(self.journal).map_or_else(|| Ok(Folder::Itself(context.home.journal())), Folder::of)?;
        let findings = findings(&dir)?;
        context.output.print(&findings, || text(&findings))?;
        Ok(match (findings.damage.is_empty(), findings.violations.is_empty()) {
            (false, _) => Exit::Damaged,
            (true, false) => Exit::Failed,
            // Nothing is wrong, as far as this build can tell.
            (true, true) if findings.not_judged_from.is_some() => Exit::Refused,
            (true, true) => Exit::Done,
        })
    }
}

/// Of the bytes, and of the records.
fn findings(dir: &Path) -> Result<Findings, CliError> {
    let bytes = bytes(journal::verify(dir)?);
    Ok(of_what_is_kept(|| judged(dir, bytes.clone()))?)
}

/// Reads again what a running daemon has removed under the reader's hands: it begins later then. Ends, for a removal needs
/// a segment's worth of new records, and reading is the faster.
fn of_what_is_kept<T>(mut read: impl FnMut() -> Result<T, ReadError>) -> Result<T, ReadError> {
    loop {
        match read() {
            Err(ReadError::Removed { .. }) => {}
            read => return read,
        }
    }
}

/// Of the records up to the first that cannot be read.
fn judged(dir: &Path, mut bytes: Bytes) -> Result<Findings, ReadError> {
    let (mut auditor, mut not_judged_from) = (Auditor::default(), None);
    if let Ok(reader) = Reader::open(dir) {
        let snapshots = journal::snapshots(&reader)?;
        bytes.damage.extend(snapshots.unusable.iter().filter_map(unlike_its_record));
        auditor = Auditor::comparing(snapshots.proved.iter().filter_map(|it| snapshot::decode(it).ok()).collect());
        for record in reader.records(Lsn(1)) {
            match record {
                Ok(record) => auditor.see(&record),
                // Said with its place among the bytes already.
                Err(error) if error.is_damage() && !bytes.damage.is_empty() => break,
                // To judge what follows without it would be to judge another history.
                Err(ReadError::Unknown { lsn, .. }) => {
                    not_judged_from = Some(lsn.0);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Findings { not_judged_from, ..auditor.finish(bytes) })
}

/// A snapshot that is not what its record says, or cannot be read, is damaged. What no record names is no part of the
/// journal.
fn unlike_its_record(it: &Unusable) -> Option<Damage> {
    let named = !matches!(it.because, NotUsed::Unproved | NotUsed::TooOld { .. });
    let segment = it.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    named.then(|| Damage { kind: "snapshot", segment, offset: 0, lsn: None, what: it.because.to_string() })
}

fn bytes(found: Verification) -> Bytes {
    let damage = found.damage.into_iter();
    Bytes {
        segments: found.segments.len() as u64,
        damage: damage
            .map(|it| Damage {
                kind: it.kind.word(),
                segment: it.segment,
                offset: it.offset,
                lsn: Some(it.lsn.0),
                what: it.what,
            })
            .collect(),
        torn_tail: found.torn_tail.map(|it| TornTail { segment: it.segment, offset: it.offset, bytes: it.bytes }),
    }
}

fn text(findings: &Findings) -> String {
    let Findings { segments, records, first_lsn, last_lsn, .. } = findings;
    let mut lines = vec![format!(
        "{} ({first_lsn} to {last_lsn}) in {}",
        count(*records, "record", "records"),
        count(*segments, "segment", "segments")
    )];
    lines.extend(
        findings
            .damage
            .iter()
            .map(|it| format!("damage: {} ({}) at byte {}: {}", it.segment, it.kind, it.offset, it.what)),
    );
    lines.extend(findings.torn_tail.iter().map(|it| {
        format!("torn tail: {} bytes of an unsynced batch at byte {} of {}; no damage", it.bytes, it.offset, it.segment)
    }));
    lines.extend(findings.violations.iter().map(|it| format!("broken: {} at record {}: {}", it.rule, it.lsn, it.what)));
    lines.extend(findings.open.iter().map(|it| format!("open: record {}: {}", it.lsn, it.what)));
    if let Some(lsn) = findings.not_judged_from {
        lines.push(format!("not judged: record {lsn} and those behind it, for only a newer dormouse knows its kind"));
    } else if findings.is_clean() {
        lines.push("every byte and every promise holds".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only what was removed is read again; damage stays what it is.
    #[test]
    fn records_that_were_removed_meanwhile_are_no_failure() {
        let mut answers = vec![
            Err(ReadError::NoJournal { dir: "gone".into() }),
            Ok(7),
            Err(ReadError::Removed { through: Lsn(66) }),
            Err(ReadError::Removed { through: Lsn(33) }),
        ];
        assert!(matches!(of_what_is_kept(|| answers.pop().unwrap()), Ok(7)));
        assert!(matches!(of_what_is_kept(|| answers.pop().unwrap()), Err(ReadError::NoJournal { .. })));
    }
}
