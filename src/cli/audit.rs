mod statistics;

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::beginning::Beginning;
use super::capsule::open::Folder;
use super::capsule::unread::{self, Place};
use super::context::Context;
use super::error::{CliError, Exit};
use super::progress::Progress;
use super::render;
use super::when::zone;
use crate::config::quantity::parse_duration;
use crate::explain::audit::{Audit as Findings, Auditor, Because, Bytes, Damage, NotJudged, TornTail};
use crate::explain::layout;
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
    /// An idle session was reaped in vain if its peer is woken again within this
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    again_within: u64,
}

impl Audit {
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        let dir = self.dir.or(self.journal).map_or_else(|| Ok(Folder::Itself(context.home.journal())), Folder::of)?;
        let mut findings = findings(&dir, self.again_within)?;
        findings.damage.extend(dir.damage().into_iter().filter_map(of_capsule));
        findings.damage.extend(unread::read(&dir).into_iter().map(not_copied));
        context.output.print(&findings, || text(&findings, removed(&dir).as_deref(), dir.is_checked()))?;
        Ok(match (findings.damage.is_empty(), findings.violations.is_empty()) {
            (false, _) => Exit::Damaged,
            (true, false) => Exit::Failed,
            // Nothing is wrong, as far as this build can tell.
            (true, true) if findings.not_judged.is_some() => Exit::Refused,
            (true, true) => Exit::Done,
        })
    }
}

/// Of the bytes, and of the records. Each takes about as long as the other, and neither waits for what the other finds.
fn findings(dir: &Path, again_within_ms: u64) -> Result<Findings, CliError> {
    let (verified, judged) = thread::scope(|scope| {
        let verified = scope.spawn(|| journal::verify(dir));
        let judged = of_what_is_kept(|| Judged::of(dir, again_within_ms));
        (verified.join().unwrap_or_else(|panic| resume_unwind(panic)), judged)
    });
    Ok(judged?.findings(verified?)?)
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

/// The records up to the first that cannot be read.
struct Judged {
    auditor: Auditor,
    snapshots: Vec<Damage>,
    /// Why not all of them.
    cut: Option<ReadError>,
}

impl Judged {
    fn of(dir: &Path, again_within_ms: u64) -> Result<Self, ReadError> {
        let reader = match Reader::open(dir) {
            Ok(reader) => reader,
            Err(error) => {
                let auditor = Auditor::default().again_within(again_within_ms);
                return Ok(Self { auditor, snapshots: Vec::new(), cut: Some(error) });
            }
        };
        let snapshots = journal::snapshots(&reader)?;
        let told = snapshots.proved.iter().filter_map(|it| snapshot::decode(it).ok()).collect();
        let (mut auditor, mut cut) = (Auditor::comparing(told).again_within(again_within_ms), None);
        let mut progress = Progress::over(reader.first_lsn(), reader.last_lsn(), "checked");
        reader.each_group(Lsn(1), |group| match group {
            Ok(group) => {
                group.iter().for_each(|record| {
                    progress.at(record.lsn);
                    auditor.see(record);
                });
                ControlFlow::Continue(())
            }
            Err(error) => {
                cut = Some(error);
                ControlFlow::Break(())
            }
        });
        let snapshots = snapshots.unusable.iter().filter_map(unlike_its_record).collect();
        match cut {
            Some(error @ ReadError::Removed { .. }) => Err(error),
            cut => Ok(Self { auditor, snapshots, cut }),
        }
    }

    fn findings(self, verified: Verification) -> Result<Findings, ReadError> {
        let (first, readable, mut bytes) = (verified.first_lsn, verified.records, bytes(verified));
        bytes.damage.extend(self.snapshots);
        let is_damaged = !bytes.damage.is_empty();
        let findings = self.auditor.finish(bytes);
        let next = if findings.records == 0 { first.0.max(1) } else { findings.last_lsn + 1 };
        let (from, because) = match self.cut {
            None => return Ok(findings),
            // Said with its place among the bytes already.
            Some(error) if is_damaged && (error.is_damage() || matches!(error, ReadError::Newer { .. })) => {
                (next, Because::Damage)
            }
            Some(ReadError::Unknown { lsn, .. }) => (lsn.0, Because::UnknownKind),
            Some(error) => return Err(error),
        };
        let not_judged = NotJudged { from, records: readable.saturating_sub(findings.records), because };
        Ok(Findings { not_judged: Some(not_judged), ..findings })
    }
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

/// What is wrong with a capsule outside of its journal.
fn of_capsule(error: ReadError) -> Option<Damage> {
    let ReadError::Capsule { capsule, offset, what } = error else { return None };
    let segment = capsule.file_name()?.to_string_lossy().into_owned();
    Some(Damage { kind: "capsule", segment, offset, lsn: None, what })
}

/// What a capsule lacks, for the journal that it was cut out of was damaged.
fn not_copied(place: Place) -> Damage {
    let Place { segment, offset, first_lsn, what, .. } = place;
    Damage { kind: "not_copied", segment, offset, lsn: Some(first_lsn.0), what }
}

/// Why the first records are not there, where a record says so.
fn removed(dir: &Path) -> Option<String> {
    let reader = Reader::open(dir).ok()?;
    Beginning::of(&reader).ok().flatten().map(|beginning| beginning.sentence(&zone()))
}

fn text(findings: &Findings, removed: Option<&str>, is_checked: bool) -> String {
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
    if let Some(it) = findings.not_judged {
        lines.push(not_judged(it));
    } else if *records == 0 && findings.is_clean() {
        lines.push("there is no record, and so nothing that could be checked".to_owned());
    } else if findings.is_clean() && !is_checked {
        lines.push("every byte of the journal and every promise of what is kept holds; nothing tells whether the other files of this \
                    capsule are as they were packed".to_owned());
    } else if findings.is_clean() && removed.is_some() {
        lines.push("every byte and every promise of what is kept holds".to_owned());
    } else if findings.is_clean() {
        lines.push("every byte and every promise holds".to_owned());
    }
    lines.extend(removed.map(|removed| format!("not judged: {removed}")));
    let columns = render::columns();
    let mut lines: Vec<String> = lines.iter().map(|line| layout::fold("", line, columns)).collect();
    lines.push(String::new());
    if !findings.damage.is_empty() || findings.not_judged.is_some() {
        lines.push(format!("Of what could be read, up to record {last_lsn}:"));
    }
    lines.join("\n") + "\n" + &statistics::text(&findings.statistics, columns)
}

fn not_judged(NotJudged { from, records, because }: NotJudged) -> String {
    let why = match because {
        Because::Damage if records == 0 => "of which none can be read".to_owned(),
        Because::Damage => format!(
            "of which {records} can be read: what is missing may be what they follow from, and to judge them without it would \
             be to judge another history"
        ),
        Because::UnknownKind => "for only a newer dormouse knows its kind".to_owned(),
    };
    format!("not judged: record {from} and those behind it, {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only what was removed is read again; damage stays what it is.
    #[test]
    fn records_that_were_removed_meanwhile_are_no_failure() {
        let mut answers = vec![
            Err(ReadError::NoJournal { dir: "gone".into(), below: None }),
            Ok(7),
            Err(ReadError::Removed { through: Lsn(66) }),
            Err(ReadError::Removed { through: Lsn(33) }),
        ];
        assert!(matches!(of_what_is_kept(|| answers.pop().unwrap()), Ok(7)));
        assert!(matches!(of_what_is_kept(|| answers.pop().unwrap()), Err(ReadError::NoJournal { .. })));
    }
}
