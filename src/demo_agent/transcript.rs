//! The conversation on disk: one JSON object a line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use serde_json::{Value, json};

#[derive(Debug)]
pub struct Transcript {
    file: File,
    /// Messages of the user's that were there already.
    pub remembered: usize,
}

impl Transcript {
    /// Opens one to go on with, or begins it. `resumed`: it must be there.
    pub fn open(path: &Path, resumed: bool) -> io::Result<Self> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let mut file = OpenOptions::new();
        let file = file.read(true).append(true).create(!resumed).open(path)?;
        let mut remembered = 0;
        for line in BufReader::new(&file).lines() {
            // A line cut off by a crash is no message.
            let entry: Option<Value> = serde_json::from_str(&line?).ok();
            remembered += usize::from(entry.is_some_and(|entry| entry["type"] == "user"));
        }
        Ok(Self { file, remembered })
    }

    /// Adds what `who` said: `user`, `assistant`, or `interrupted` with no words.
    pub fn add(&mut self, who: &str, text: &str) -> io::Result<()> {
        let mut line = json!({ "type": who, "text": text, "at": jiff::Timestamp::now().to_string() }).to_string();
        line.push('\n');
        // In one write: a reader never sees half a line that is not the last one.
        self.file.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_conversation_must_be_there_and_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/one.jsonl");
        assert!(Transcript::open(&path, true).is_err());
        let mut first = Transcript::open(&path, false).unwrap();
        first.add("user", "two\nlines").unwrap();
        first.add("assistant", "yes").unwrap();
        assert_eq!(Transcript::open(&path, true).unwrap().remembered, 1);
        assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 2);
    }
}
