//! The runtime's own record of its conversation, as far as a delivery needs it: where it stood before a paste, and
//! whether a message stands behind that (C14).

mod behind;
mod entry;
mod last;
mod search;

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use behind::Behind;
pub use entry::OfTurn;
pub use last::{LastEntries, LastEntry};
pub use search::{RecordSearch, Search};

use crate::model::delivery::RecordMark;

use super::placeholders::{Values, expand, expand_glob};
use super::spec::{Spec, TranscriptFormat};

/// Of a pattern that many conversations share, this many files are looked into, the latest written to first: the one of
/// a message that has just been typed is among them, and a program's whole history is not read for each.
const FILES_MAX: usize = 64;

/// Where the record stands now: the newest file and its length; of a file that is not there yet its path and zero. None
/// when the runtime has no record, or when its path is a pattern that matches nothing yet.
pub fn mark(spec: &Spec, values: &Values) -> Option<RecordMark> {
    match newest(spec, values) {
        Some((path, metadata)) => Some(RecordMark { path, offset: metadata.len() }),
        None => {
            let template = spec.proof.transcript.as_deref().filter(|template| !has_wildcard(template))?;
            Some(RecordMark { path: expand(template, values).ok()?.into(), offset: 0 })
        }
    }
}

/// Whether `needle` stands in the record behind `mark`, as it is or as JSON writes it.
///
/// # Errors
///
/// When the record cannot tell: it cannot be read, or it is shorter than it was.
pub fn holds(mark: &RecordMark, needle: &str) -> io::Result<bool> {
    Search::new(mark, needle).found()
}

/// As [`holds`], for what counts in this runtime's format, and in every file of its record: a conversation that began
/// after the mark has a file of its own, which counts from its beginning.
///
/// # Errors
///
/// As [`holds`], for the marked file.
pub fn holds_since(spec: &Spec, values: &Values, mark: Option<&RecordMark>, needle: &str) -> io::Result<bool> {
    RecordSearch::new(spec, values, mark, needle).found()
}

/// When the record was last written to, by its file's own time.
///
/// That time can lie in both directions: programs touch their files at rest, and a model may think for an hour without
/// a byte. It tells how long the record has been silent, never that the program has (C45).
pub fn moved_at(spec: &Spec, values: &Values) -> Option<SystemTime> {
    newest(spec, values).and_then(|(_, metadata)| metadata.modified().ok())
}

/// The first of [`watch_dirs`]: all there is to watch for a runtime whose pattern names one folder.
pub fn watch_dir(spec: &Spec, values: &Values) -> Option<PathBuf> {
    watch_dirs(spec, values).into_iter().next()
}

/// The folders to watch for the record: each that exists in which it can appear, and the deepest existing one above
/// those that may still be made. When a folder is made there, ask again.
pub fn watch_dirs(spec: &Spec, values: &Values) -> Vec<PathBuf> {
    let Some(template) = &spec.proof.transcript else { return Vec::new() };
    let Some(folder) = Path::new(template).parent().and_then(Path::to_str) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = expand_glob(folder, values).map(|pattern| existing(&pattern)).unwrap_or_default();
    folders.retain(|path| path.is_dir());
    if folders.is_empty() || has_wildcard(folder) {
        let fixed: PathBuf =
            Path::new(folder).iter().take_while(|part| !has_wildcard(&part.to_string_lossy())).collect();
        let fixed = fixed.to_str().and_then(|fixed| expand(fixed, values).ok()).map(PathBuf::from);
        let above = fixed.as_deref().and_then(|fixed| fixed.ancestors().find(|path| path.is_dir()));
        folders.extend(above.map(Path::to_owned));
    }
    folders
}

fn newest(spec: &Spec, values: &Values) -> Option<(PathBuf, fs::Metadata)> {
    matching(spec, values).into_iter().next()
}

/// The files that the runtime's pattern matches now, the latest written to first; of equally new ones the last by name,
/// for dated names sort by time.
fn matching(spec: &Spec, values: &Values) -> Vec<(PathBuf, fs::Metadata)> {
    let pattern = spec.proof.transcript.as_deref().and_then(|template| expand_glob(template, values).ok());
    let paths = pattern.map(|pattern| existing(&pattern)).unwrap_or_default();
    let with_metadata = |path: PathBuf| {
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        Some((path, metadata))
    };
    let mut files: Vec<_> = paths.into_iter().filter_map(with_metadata).collect();
    files.sort_by_cached_key(|(path, metadata)| Reverse((metadata.modified().ok(), path.clone())));
    files.truncate(FILES_MAX);
    files.retain(|(path, _)| is_of(spec.proof.format, path, &values.cwd));
    files
}

/// Whether `path` may be the record of a session in `cwd`. Codex keeps all conversations of a user in one place, and
/// each says in its first line which folder it is in.
fn is_of(format: TranscriptFormat, path: &Path, cwd: &Path) -> bool {
    match format {
        TranscriptFormat::Text | TranscriptFormat::Claude => true,
        TranscriptFormat::Codex => entry::codex_folder(path).is_some_and(|folder| is_same(&folder, cwd)),
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real(one) == real(other)
}

fn existing(pattern: &str) -> Vec<PathBuf> {
    glob::glob(pattern).map(|paths| paths.filter_map(Result::ok).collect()).unwrap_or_default()
}

/// Braces are placeholders by then, and what fills them is escaped.
fn has_wildcard(template: &str) -> bool {
    template.contains(['*', '?', '['])
}
