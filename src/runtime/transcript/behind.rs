//! What a record gets added to it after a moment, line by line, whoever it is by.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use regex::Regex;

use super::matching;
use crate::runtime::placeholders::Values;
use crate::runtime::spec::Spec;

/// Where every file of a record ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    lengths: BTreeMap<PathBuf, u64>,
}

impl Behind {
    /// Here and now.
    pub fn now(spec: &Spec, values: &Values) -> Self {
        let files = matching(spec, values).into_iter();
        Self { lengths: files.map(|(path, metadata)| (path, metadata.len())).collect() }
    }

    /// Whether a whole line that has come since matches. A file that was not there counts from its beginning; one that
    /// cannot be read, or was cut back, shows nothing.
    pub fn shows(&self, spec: &Spec, values: &Values, pattern: &Regex) -> bool {
        matching(spec, values).iter().any(|(path, _)| {
            let from = self.lengths.get(path).copied().unwrap_or_default();
            added(path, from).is_ok_and(|added| whole_lines(&added).lines().any(|line| pattern.is_match(line)))
        })
    }
}

fn added(path: &Path, from: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut added = Vec::new();
    file.read_to_end(&mut added)?;
    Ok(String::from_utf8_lossy(&added).into_owned())
}

/// What is not yet a whole line is left for the next look.
fn whole_lines(text: &str) -> &str {
    &text[..text.rfind('\n').map_or(0, |end| end + 1)]
}
