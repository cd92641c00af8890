//! The folder of a journal, or a capsule's journal in a folder of its own for as long as it is read.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::tar::{Contents, Entry};
use super::{MANIFEST, asked, checksums, earlier, tar};
use crate::cli::error::CliError;
use crate::daemon::control::mint;
use crate::journal::ReadError;

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

    /// The folder `path`, or the journal in the capsule that `path` is. Of a damaged capsule it is what is left.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no archive, or no part of a journal is left in it.
    pub fn of(path: PathBuf) -> Result<Self, CliError> {
        if !path.is_file() {
            asked::note(&path, None);
            return Ok(Folder::Itself(path));
        }
        let unpacked = unpack(&path).map_err(|source| CliError::Text { what: path.display().to_string(), source })?;
        asked::note(&path, Some(&unpacked.path));
        let folder = Folder::OfCapsule(unpacked);
        let names = fs::read_dir(&*folder).into_iter().flatten().flatten().map(|it| it.file_name());
        let holds_one = names.filter_map(|name| name.into_string().ok()).any(|name| name.ends_with(".jnl"));
        match folder.damage() {
            errors if !holds_one && !errors.is_empty() => Err(CliError::Unanswered { errors }),
            _ => Ok(folder),
        }
    }

    /// What is wrong with the capsule, outside of its journal.
    pub fn damage(&self) -> Vec<ReadError> {
        let Folder::OfCapsule(unpacked) = self else { return Vec::new() };
        let error = |it: &tar::Damage| ReadError::Capsule {
            capsule: unpacked.capsule.clone(),
            offset: it.offset,
            what: it.what.clone(),
        };
        unpacked.damage.iter().map(error).collect()
    }

    /// Every byte was compared with what was packed, or is no capsule's.
    pub fn is_checked(&self) -> bool {
        matches!(self, Folder::Itself(_) | Folder::OfCapsule(Unpacked { checked: true, .. }))
    }

    /// As its reader knows it.
    pub fn named(&self) -> &Path {
        match self {
            Folder::Itself(path) => path,
            Folder::OfCapsule(unpacked) => &unpacked.capsule,
        }
    }
}

/// How the names of such folders begin.
const PREFIX: &str = "dormouse-capsule-";
/// Nobody takes longer from making such a folder to locking it.
const YOUNG: Duration = Duration::from_secs(60);

/// A folder that is gone when nobody needs it any more; at the latest when the next one is made, if its reader was killed.
#[derive(Debug)]
pub struct Unpacked {
    pub path: PathBuf,
    /// The folder itself, locked for as long as it is read.
    _lock: File,
    /// What was unpacked into it.
    capsule: PathBuf,
    damage: Vec<tar::Damage>,
    checked: bool,
}

impl Unpacked {
    /// An empty one, for this user's eyes alone.
    pub fn new() -> io::Result<Self> {
        clear(&std::env::temp_dir());
        let path = std::env::temp_dir().join(format!("{PREFIX}{}", mint::message_id()));
        DirBuilder::new().mode(0o700).create(&path)?;
        let lock = File::open(&path)?;
        // Where files cannot be locked nobody can hold one against us either.
        let _ = flock(&lock, FlockOperation::NonBlockingLockExclusive);
        Ok(Self { path, _lock: lock, capsule: PathBuf::new(), damage: Vec::new(), checked: false })
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // What is left of it lies where such things are cleaned away.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes what readers that were killed have left in `temp`. That something stays is no matter: it lies where such things are
/// cleaned away.
fn clear(temp: &Path) {
    let left = fs::read_dir(temp).into_iter().flatten().flatten();
    for entry in left.filter(|it| it.file_name().to_string_lossy().starts_with(PREFIX)) {
        let made = entry.metadata().and_then(|it| it.modified()).ok().and_then(|made| made.elapsed().ok());
        let Some(lock) = File::open(entry.path()).ok().filter(|_| made.is_some_and(|age| age > YOUNG)) else {
            continue;
        };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn unpack(capsule: &Path) -> io::Result<Unpacked> {
    let archive = fs::read(capsule)?;
    let Contents { files, damage } = tar::read(&archive);
    if files.is_empty() {
        return Err(io::Error::other("it is no tar archive: nothing in it is the head of a file"));
    }
    let mut unpacked = Unpacked::new()?;
    let changed = checksums::differing(&files);
    unpacked.capsule = capsule.to_owned();
    unpacked.checked = changed.is_some();
    unpacked.damage = damage.into_iter().chain(changed.into_iter().flatten()).collect();
    // Names come from wherever the capsule comes from: only those that a journal's files have are taken.
    for Entry { name, content, .. } in files {
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
        assert!(
            error.sentence().contains("it is no tar archive: nothing in it is the head of a file"),
            "{}",
            error.sentence()
        );
    }
}
