//! A runtime's file, as a person wrote it.

use std::fs;
use std::path::Path;

use dormouse::model::name::Runtime;
use dormouse::runtime::{RuntimeFileError, parse};

use super::root;

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let name = Runtime::new("demo").expect("a name");
    match parse(&name, text, Path::new("demo.toml")) {
        Ok(spec) => {
            let again = parse(&name, text, Path::new("demo.toml")).expect("the same text parses again");
            assert_eq!(format!("{spec:?}"), format!("{again:?}"));
        }
        Err(error) => {
            assert!(error.to_string().contains("demo.toml"), "{error} does not say in which file");
            let line = match error {
                RuntimeFileError::Syntax { line, .. }
                | RuntimeFileError::Shape { line, .. }
                | RuntimeFileError::Key { line, .. } => line,
                _ => 1,
            };
            assert!((1..=text.split('\n').count()).contains(&line), "line {line} is not in the file");
        }
    }
}

/// The files that are shipped, and mistakes of every sort.
pub fn seeds() -> Vec<Vec<u8>> {
    let entries = fs::read_dir(root().join("src/runtime/builtin")).expect("the shipped runtime files");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let mut seeds: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("a runtime file")).collect();
    for mistake in
        ["", "[proof]\n", "[proof]\nkeys = 3\n", "argv = [\"{nothing}\"]\n[proof]\nscreen = '('\n", "a = [\n"]
    {
        seeds.push(mistake.as_bytes().to_vec());
    }
    seeds
}
