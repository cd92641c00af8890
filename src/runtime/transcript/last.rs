//! The last thing that a record tells of a turn.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{OfTurn, entry, matching};
use crate::runtime::placeholders::Values;
use crate::runtime::spec::{Spec, TranscriptFormat};

/// Most of a record's end that is read for its last entry. Entries that are longer are what a tool returned, or was told.
const TAIL_BYTES_MAX: u64 = 1024 * 1024;

/// Looks for the last entries behind where the record stood.
#[derive(Clone, Debug)]
pub struct LastEntries {
    began: BTreeMap<PathBuf, u64>,
}

/// An entry, and where it begins: it is the same one for as long as it is the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastEntry {
    pub path: PathBuf,
    pub offset: u64,
    pub says: OfTurn,
    /// What the program calls that turn, if it says so there.
    pub turn_id: Option<String>,
}

impl LastEntries {
    /// Of what comes from here on: what stands there is of turns before.
    pub fn from_now(spec: &Spec, values: &Values) -> Self {
        let files = matching(spec, values).into_iter();
        Self { began: files.map(|(path, metadata)| (path, metadata.len())).collect() }
    }

    /// The last one, in the file that was written to last. Where the program's own name of the conversation is known, other
    /// conversations in the same folder do not count. None if there is none, or it cannot be read.
    pub fn find(&self, spec: &Spec, values: &Values, conversation: Option<&str>) -> Option<LastEntry> {
        let is_ours = |path: &Path| match (spec.proof.format, conversation) {
            (TranscriptFormat::Codex, Some(name)) => entry::codex_name(path).as_deref() == Some(name),
            _ => true,
        };
        let grown = |path: &Path, bytes: u64| bytes > self.began.get(path).copied().unwrap_or_default();
        let mut files = matching(spec, values).into_iter().filter(|(path, metadata)| grown(path, metadata.len()));
        let (path, _) = files.find(|(path, _)| is_ours(path))?;
        let from = self.began.get(&path).copied().unwrap_or_default();
        last_in(&path, from, spec.proof.format).ok().flatten()
    }
}

fn last_in(path: &Path, from: u64, format: TranscriptFormat) -> io::Result<Option<LastEntry>> {
    let mut file = File::open(path)?;
    let begin = from.max(file.metadata()?.len().saturating_sub(TAIL_BYTES_MAX));
    file.seek(SeekFrom::Start(begin))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES_MAX).read_to_end(&mut tail)?;
    // A line that is not whole yet, or begins before what was read, says nothing.
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut end = whole;
    while end > 0 {
        let start = tail[..end - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
        if let Some(says) = entry::of_turn(format, &tail[start..end]) {
            let turn_id = entry::turn_id(format, &tail[start..end]);
            return Ok(Some(LastEntry { path: path.to_owned(), offset: begin + start as u64, says, turn_id }));
        }
        end = start;
    }
    Ok(None)
}
