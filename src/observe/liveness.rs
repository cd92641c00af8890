//! Whether a session lives: its files against `/proc` and the identity's lock (C43, C44).

use std::fs;
use std::io;

use crate::home::{Home, Presence, SessionFiles};
use crate::model::effect::{Liveness, SessionName};
use crate::model::session::Ending;
use crate::shim::files::{self, Born, Status};
use crate::shim::lock::{Holder, holder, wanted};
use crate::shim::{clock, process, read_screen_clock};

/// Looks whether a session lives. A few small reads; nothing waits.
pub fn liveness(home: &Home, name: &SessionName) -> Liveness {
    let (files, presence) = (home.session(name), home.identity(&name.peer));
    match look(&files, &presence, name.generation.0.0) {
        Ok(liveness) => liveness,
        Err(error) => Liveness::NotKnown { why: error.to_string() },
    }
}

/// What stood in the way of an answer.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error("{0}: {cause}", cause = source_of(.0))]
    File(#[from] files::FileError),
    #[error("cannot look at {what}: {source}")]
    System { what: &'static str, source: io::Error },
}

fn source_of(error: &files::FileError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

fn cannot(what: &'static str) -> impl Fn(io::Error) -> LookError {
    move |source| LookError::System { what, source }
}

fn look(files: &SessionFiles, presence: &Presence, generation: u64) -> Result<Liveness, LookError> {
    if let Some(gone) = ended(files)? {
        return Ok(gone);
    }
    let Some(born) = files::read::<Born>(&files.born())? else { return unborn(files, presence, generation) };
    if born.boot != clock::boot() {
        return Ok(Liveness::Gone { ending: Ending::MachineDown, lived_ms: seen_alive_ms(files, &born), strays: 0 });
    }
    let shim = process::stat(born.pid).map_err(cannot("the session's process"))?;
    if shim.is_some_and(|shim| shim.is_alive_since(born.start_ticks)) {
        return Ok(Liveness::Alive { pid: born.pid });
    }
    // It may have written its last word between our look at the one and at the other.
    if let Some(gone) = ended(files)? {
        return Ok(gone);
    }
    let why = "the process that would have known was killed as well";
    match holder(&presence.lock()).map_err(cannot("the identity's lock"))? {
        Holder::Tree { generation: held } if held.is_none_or(|held| held == generation) => {
            Ok(Liveness::NotKnown { why: format!("{why}, and something of its tree still lives") })
        }
        _ => {
            let lived_ms = seen_alive_ms(files, &born);
            Ok(Liveness::Gone { ending: Ending::NotKnown { why: why.to_owned() }, lived_ms, strays: 0 })
        }
    }
}

fn ended(files: &SessionFiles) -> Result<Option<Liveness>, LookError> {
    let status = files::read::<Status>(&files.status())?;
    Ok(status.map(|Status { ending, lived_ms, strays, .. }| Liveness::Gone { ending, lived_ms, strays }))
}

/// Neither born nor ended: it may be on its way. Only once its generation is not wanted any more, and does not hold
/// the lock, can it be said that it never starts.
///
/// In this order, for the shim does the reverse: it names itself in the lock before it asks whether it is wanted.
fn unborn(files: &SessionFiles, presence: &Presence, generation: u64) -> Result<Liveness, LookError> {
    if wanted(&presence.wanted()).map_err(cannot("the wanted generation"))? == Some(generation) {
        return Ok(Liveness::NotKnown { why: "its process has not started the program yet".to_owned() });
    }
    match holder(&presence.lock()).map_err(cannot("the identity's lock"))? {
        Holder::Tree { generation: held } if held.is_none_or(|held| held == generation) => {
            Ok(Liveness::NotKnown { why: "its process holds the lock and has said nothing yet".to_owned() })
        }
        // Between our looks it may have been born, or have ended.
        _ if files.born().exists() || files.status().exists() => {
            Ok(Liveness::NotKnown { why: "it started while we looked".to_owned() })
        }
        _ => Ok(Liveness::Gone { ending: Ending::NeverStarted, lived_ms: 0, strays: 0 }),
    }
}

/// Takes back a session's leave to start, unless it has been born. To be asked only when no client of ours is under way
/// that could still start it: what comes late then finds that it is not wanted (C16).
///
/// # Errors
///
/// The file that holds the leave cannot be read or removed: it may still start.
pub fn withdraw_unborn(home: &Home, name: &SessionName) -> io::Result<()> {
    let path = home.identity(&name.peer).wanted();
    if home.session(name).born().exists() || wanted(&path)? != Some(name.generation.0.0) {
        return Ok(());
    }
    fs::remove_file(&path)
}

/// How long it was certainly alive: until its screen last moved.
fn seen_alive_ms(files: &SessionFiles, born: &Born) -> u64 {
    read_screen_clock(&files.screen_clock()).map_or(0, |moved| moved.saturating_sub(born.awake_ms))
}

/// How long the screen has stood still. `None`: nobody watched it.
pub fn screen_silent_ms(files: &SessionFiles, awake_now: u64) -> Option<u64> {
    read_screen_clock(&files.screen_clock()).map(|moved| awake_now.saturating_sub(moved))
}
