//! Looking for words in a record, from a mark on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

use regex::bytes::Regex;

use super::{entry, matching};
use crate::model::delivery::RecordMark;
use crate::model::message::TextPrint;
use crate::runtime::placeholders::Values;
use crate::runtime::spec::{Spec, TranscriptFormat};

/// How much of a record is looked at in one go.
const CHUNK_BYTES: usize = 64 * 1024;

/// A search through every file of a runtime's record that goes on where it stopped.
#[derive(Debug)]
pub struct RecordSearch<'a> {
    spec: &'a Spec,
    values: &'a Values,
    needle: String,
    marked: Option<Search>,
    others: BTreeMap<PathBuf, Search>,
    found_in: Option<PathBuf>,
}

impl<'a> RecordSearch<'a> {
    /// `mark` is where the record stood before what is looked for; the file it names counts from there on, every other
    /// from its beginning.
    pub fn new(spec: &'a Spec, values: &'a Values, mark: Option<&RecordMark>, needle: &str) -> Self {
        let marked = mark.map(|mark| Search::of(spec.proof.format, mark, needle));
        Self { spec, values, needle: needle.to_owned(), marked, others: BTreeMap::new(), found_in: None }
    }

    /// Whether it has been found by now.
    ///
    /// # Errors
    ///
    /// The record cannot tell: a file of it cannot be read, or is shorter than it was.
    pub fn found(&mut self) -> io::Result<bool> {
        let told = self.marked.as_mut().map_or(Ok(false), Search::found);
        if matches!(told, Ok(true)) {
            self.found_in = self.marked.as_ref().map(|marked| marked.path.clone());
            return Ok(true);
        }
        for (path, _) in matching(self.spec, self.values) {
            if self.marked.as_ref().is_some_and(|marked| marked.path == path) {
                continue;
            }
            let search = self.others.entry(path).or_insert_with_key(|path| {
                let from_its_beginning = RecordMark { path: path.clone(), offset: 0 };
                Search::of(self.spec.proof.format, &from_its_beginning, &self.needle)
            });
            if search.found()? {
                self.found_in = Some(search.path.clone());
                return Ok(true);
            }
        }
        told
    }

    /// Whether what was found is `whole`, byte for byte, as the program has a text; it is not where nobody knows what was typed.
    /// A record that is any text has no entry to compare with it.
    pub fn is_exact(&self, whole: Option<TextPrint>) -> bool {
        let mut said = self.marked.iter().chain(self.others.values()).filter_map(|search| search.said.as_deref());
        said.any(|said| Some(TextPrint::of(&self.spec.input.normalised(said))) == whole)
    }

    /// What the program calls the conversation in which it was found, where its record says so.
    pub fn conversation(&self) -> Option<String> {
        match self.spec.proof.format {
            TranscriptFormat::Codex => entry::codex_name(self.found_in.as_ref()?),
            TranscriptFormat::Text | TranscriptFormat::Claude => None,
        }
    }
}

/// A search behind a mark that goes on where it stopped: each call reads only what has been appended since.
#[derive(Debug)]
pub struct Search {
    path: PathBuf,
    format: TranscriptFormat,
    needle: String,
    pattern: Option<Regex>,
    /// Bytes that a match cut off at the end of a look may need.
    overlap: usize,
    marked: u64,
    /// Where the next look begins.
    next: u64,
    found: bool,
    /// The entry that it was found in.
    said: Option<String>,
}

impl Search {
    /// In a record that is any text.
    pub fn new(mark: &RecordMark, needle: &str) -> Self {
        Self::of(TranscriptFormat::Text, mark, needle)
    }

    /// In a record of `format`: only the words of whoever speaks to the program count.
    pub fn of(format: TranscriptFormat, mark: &RecordMark, needle: &str) -> Self {
        let forms = forms(needle);
        let overlap = forms.iter().map(String::len).max().unwrap_or_default().saturating_sub(1);
        let alternatives: Vec<String> = forms.iter().map(|form| regex::escape(form)).collect();
        // An empty needle would be found in anything.
        let pattern = Some(alternatives.join("|")).filter(|_| !needle.is_empty()).and_then(|all| Regex::new(&all).ok());
        let (path, needle) = (mark.path.clone(), needle.to_owned());
        Self {
            path,
            format,
            needle,
            pattern,
            overlap,
            marked: mark.offset,
            next: mark.offset,
            found: false,
            said: None,
        }
    }

    /// Whether it has been found by now.
    ///
    /// # Errors
    ///
    /// As [`holds`](super::holds).
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
        if self.format == TranscriptFormat::Text {
            let from = next.saturating_sub(self.overlap as u64).max(self.marked);
            file.seek(SeekFrom::Start(from))?;
            self.scan(file, from)?;
        } else {
            file.seek(SeekFrom::Start(next))?;
            self.scan_entries(file, next)?;
        }
        Ok(self.found)
    }

    /// Entry by entry. What is not yet a whole line is left for the next look.
    fn scan_entries(&mut self, file: File, from: u64) -> io::Result<()> {
        let Some(pattern) = &self.pattern else { return Ok(()) };
        let mut reader = BufReader::with_capacity(CHUNK_BYTES, file);
        let mut line = Vec::new();
        self.next = from;
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                return Ok(());
            }
            self.next += read as u64;
            // Reading an entry costs far more than looking for the words in its bytes.
            if !pattern.is_match(&line) {
                continue;
            }
            if let Some(said) = entry::spoken(self.format, &line).filter(|said| said.contains(&self.needle)) {
                (self.found, self.said) = (true, Some(said));
                return Ok(());
            }
        }
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
