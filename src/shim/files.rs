//! What shim and daemon tell each other through the session's folder. JSON, each file written whole.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::event::TurnSeen;
use crate::model::session::Ending;

/// `launch.json`: what to start. Holds the environment, so it is 0600.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    pub generation: u64,
    pub argv: Vec<String>,
    pub folder: PathBuf,
    /// The program's whole environment, but for `TERM`, which tmux gives.
    pub env: BTreeMap<String, String>,
    /// The identity's lock (C16).
    pub lock: PathBuf,
    /// Holds the generation that may start (C16).
    pub wanted: PathBuf,
    /// From the request to end until the whole tree is killed.
    pub grace_ms: u64,
    /// What a later wake may resume this conversation by.
    pub resume_ref: Option<String>,
}

/// `born.json`: written once the lock is held and the program has been started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Born {
    /// The shim.
    pub pid: u32,
    /// Start time of the shim, `/proc/PID/stat` field 22.
    pub start_ticks: u64,
    /// The program.
    pub program_pid: u32,
    pub boot: u64,
    /// Awake time of the program's start.
    pub awake_ms: u64,
}

/// `status.json`: how it ended. Written when nothing of the tree is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub ending: Ending,
    /// The end was asked for by the daemon.
    pub asked: bool,
    pub lived_ms: u64,
    /// Processes that had to be killed after the program had ended.
    pub strays: u32,
}

/// `terminal.json`: what the program last said to its terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    /// `ESC[?2004h` seen, and not `l` since.
    pub bracketed_paste: bool,
    /// The last state by OSC 7501, if it ever said one, and its turns so far.
    pub turn: Option<TurnSeen>,
    pub turns_started: u32,
    pub turns_ended: u32,
    pub title: Option<String>,
    /// How often the title has become another one. An earlier version counted none.
    #[serde(default)]
    pub titles: u32,
}

/// Why a session's file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} is not what its name says", path.display())]
    Content { path: PathBuf, source: serde_json::Error },
}

/// Reads one of the files above. `None`: it is not there.
///
/// # Errors
///
/// Any other failure; nothing may be concluded from it (C43).
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| FileError::Content { path: path.to_owned(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::Read { path: path.to_owned(), source }),
    }
}

/// Writes one of the files above whole, 0600: a reader sees the old one or the new one. Not synced: it says how
/// processes are, and none of them outlives the machine.
///
/// One writer a file: two would share the name of the file under way.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    let content = |source| FileError::Content { path: path.to_owned(), source };
    let bytes = serde_json::to_vec(value).map_err(content)?;
    replace(path, &bytes).map_err(|source| FileError::Write { path: path.to_owned(), source })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let under_way = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&under_way)?;
    file.write_all(bytes)?;
    fs::rename(&under_way, path)
}
