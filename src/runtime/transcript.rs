//! The runtime's own record of its conversation, as far as a delivery needs it: where it stood before a paste, and
//! whether a message stands behind that (C14).

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use regex::bytes::Regex;

use crate::model::delivery::RecordMark;

use super::placeholders::{Values, expand, expand_glob};
use super::spec::Spec;

/// How much of a record is looked at in one go.
const CHUNK_BYTES: usize = 64 * 1024;

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

/// As [`holds`]; where there was no record to mark, all of what has appeared since counts.
pub fn holds_since(spec: &Spec, values: &Values, mark: Option<&RecordMark>, needle: &str) -> io::Result<bool> {
    if let Some(mark) = mark {
        return holds(mark, needle);
    }
    for (path, _) in matching(spec, values) {
        if holds(&RecordMark { path, offset: 0 }, needle)? {
            return Ok(true);
        }
    }
    Ok(false)
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

/// A search behind a mark that goes on where it stopped: each call reads only what has been appended since.
#[derive(Debug)]
pub struct Search {
    path: PathBuf,
    pattern: Option<Regex>,
    /// Bytes that a match cut off at the end of a look may need.
    overlap: usize,
    marked: u64,
    /// Where the next look begins.
    next: u64,
    found: bool,
}

impl Search {
    pub fn new(mark: &RecordMark, needle: &str) -> Self {
        let forms = forms(needle);
        let overlap = forms.iter().map(String::len).max().unwrap_or_default().saturating_sub(1);
        let alternatives: Vec<String> = forms.iter().map(|form| regex::escape(form)).collect();
        // An empty needle would be found in anything.
        let pattern = Some(alternatives.join("|")).filter(|_| !needle.is_empty()).and_then(|all| Regex::new(&all).ok());
        Self { path: mark.path.clone(), pattern, overlap, marked: mark.offset, next: mark.offset, found: false }
    }

    /// Whether it has been found by now.
    ///
    /// # Errors
    ///
    /// As [`holds`].
    pub fn found(&mut self) -> io::Result<bool> {
        if self.found {
            return Ok(true);
        }
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.marked == 0 => return Ok(false),
            Err(error) => return Err(error),
        };
        let len = file.metadata()?.len();
        if len < self.marked {
            return Err(shrunk(len, self.marked));
        }
        // A record that was cut back since the last look is read again from the mark.
        let next = if len < self.next { self.marked } else { self.next };
        let from = next.saturating_sub(self.overlap as u64).max(self.marked);
        file.seek(SeekFrom::Start(from))?;
        self.scan(file, from)?;
        Ok(self.found)
    }

    fn scan(&mut self, mut file: File, from: u64) -> io::Result<()> {
        let Some(pattern) = &self.pattern else { return Ok(()) };
        let mut window: Vec<u8> = Vec::with_capacity(self.overlap + CHUNK_BYTES);
        self.next = from;
        loop {
            let read = (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut window)?;
            if read == 0 {
                return Ok(());
            }
            self.next += read as u64;
            if pattern.is_match(&window) {
                self.found = true;
                return Ok(());
            }
            window.drain(..window.len().saturating_sub(self.overlap));
        }
    }
}

fn shrunk(found: u64, marked: u64) -> io::Error {
    let says = format!("the record has {found} bytes, and had {marked} before the message was typed");
    io::Error::new(io::ErrorKind::InvalidData, says)
}

/// `needle` as it is, as JSON writes it, and as JSON in ASCII does, with either case of digits.
fn forms(needle: &str) -> Vec<String> {
    let json = serde_json::Value::from(needle).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let ascii = |digits: fn(u16) -> String| -> String {
        let mut units = [0; 2];
        json.chars()
            .map(|c| match c.is_ascii() {
                true => c.to_string(),
                false => c.encode_utf16(&mut units).iter().map(|unit| digits(*unit)).collect(),
            })
            .collect()
    };
    let mut forms =
        vec![needle.to_owned(), ascii(|unit| format!("\\u{unit:04x}")), ascii(|unit| format!("\\u{unit:04X}"))];
    forms.push(json);
    forms.sort();
    forms.dedup();
    forms
}

fn newest(spec: &Spec, values: &Values) -> Option<(PathBuf, fs::Metadata)> {
    // Of equally new ones the last by name: dated names sort by time.
    matching(spec, values).max_by_key(|(_, metadata)| metadata.modified().ok())
}

/// The files that the runtime's pattern matches now, by name.
fn matching(spec: &Spec, values: &Values) -> impl Iterator<Item = (PathBuf, fs::Metadata)> {
    let pattern = spec.proof.transcript.as_deref().and_then(|template| expand_glob(template, values).ok());
    let paths = pattern.map(|pattern| existing(&pattern)).unwrap_or_default();
    paths.into_iter().filter_map(|path| {
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        Some((path, metadata))
    })
}

fn existing(pattern: &str) -> Vec<PathBuf> {
    glob::glob(pattern).map(|paths| paths.filter_map(Result::ok).collect()).unwrap_or_default()
}

/// Braces are placeholders by then, and what fills them is escaped.
fn has_wildcard(template: &str) -> bool {
    template.contains(['*', '?', '['])
}
