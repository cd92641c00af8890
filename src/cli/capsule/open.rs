//! The folder of a journal, or a capsule's journal in a folder of its own for as long as it is read.

use std::fs::{self, DirBuilder};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::{MANIFEST, earlier, tar};
use crate::cli::error::CliError;
use crate::daemon::control::mint;

/// Where a journal is read.
#[derive(Debug)]
pub enum Folder {
    Itself(PathBuf),
    OfCapsule(Unpacked),
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        match self {
            Folder::Itself(path) => path,
            Folder::OfCapsule(unpacked) => &unpacked.path,
        }
    }
}

impl Folder {
    pub fn is_of_capsule(&self) -> bool {
        matches!(self, Folder::OfCapsule(_))
    }

    /// It is `path`, whatever it is called.
    pub fn is_itself(&self, path: &Path) -> bool {
        let Folder::Itself(own) = self else { return false };
        own == path || fs::canonicalize(own).is_ok_and(|own| fs::canonicalize(path).is_ok_and(|path| own == path))
    }

    /// The folder `path`, or the journal in the capsule that `path` is.
    pub fn of(path: PathBuf) -> Result<Self, CliError> {
        if !path.is_file() {
            return Ok(Folder::Itself(path));
        }
        let unpacked = unpack(&path);
        unpacked.map(Folder::OfCapsule).map_err(|source| CliError::Text { what: path.display().to_string(), source })
    }
}

/// A folder that is gone when nobody needs it any more.
#[derive(Debug)]
pub struct Unpacked {
    pub path: PathBuf,
}

impl Unpacked {
    /// An empty one, for this user's eyes alone.
    pub fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("dormouse-capsule-{}", mint::message_id()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // What is left of it lies where such things are cleaned away.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn unpack(capsule: &Path) -> io::Result<Unpacked> {
    let archive = fs::read(capsule)?;
    let unpacked = Unpacked::new()?;
    // Names come from wherever the capsule comes from: only those that a journal's files have are taken.
    for (name, content) in tar::files(&archive)? {
        let of_a_journal = name.strip_prefix("journal/").filter(|name| is_of_a_journal(name));
        let beside = [earlier::NAME, MANIFEST].into_iter().find(|known| *known == name);
        if let Some(name) = of_a_journal.or(beside) {
            fs::write(unpacked.path.join(name), content)?;
        }
    }
    Ok(unpacked)
}

/// `NNNNNNNNNNNNNNNNNNNN.jnl` and `snap-NNNNNNNNNNNNNNNNNNNN`.
pub fn is_of_a_journal(name: &str) -> bool {
    let number = name.strip_suffix(".jnl").or_else(|| name.strip_prefix("snap-"));
    number.is_some_and(|number| number.len() == 20 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_journals_files_is_unpacked() {
        let dir = tempfile::tempdir().unwrap();
        let capsule = dir.path().join("evil.capsule");
        let segment = format!("{:020}.jnl", 7);
        let mut archive = Vec::new();
        for name in
            ["../out", "journal/../out", "journal/sub/x", "/etc/out", "journal/LOCK", &format!("journal/{segment}")]
        {
            tar::append(&mut archive, name, 0, b"x").unwrap();
        }
        tar::finish(&mut archive).unwrap();
        fs::write(&capsule, archive).unwrap();
        let folder = Folder::of(capsule).unwrap();
        let path = folder.to_path_buf();
        let names: Vec<_> = fs::read_dir(&path).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names, [segment.as_str()]);
        drop(folder);
        assert!(!path.exists(), "what was unpacked is gone with who has read it");
        assert!(!dir.path().join("out").exists());
    }

    #[test]
    fn a_file_that_is_no_capsule_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("notes.txt");
        fs::write(&file, "no capsule").unwrap();
        let error = Folder::of(file).unwrap_err();
        assert!(error.sentence().contains("it is no whole tar archive: byte 0"), "{}", error.sentence());
    }
}
