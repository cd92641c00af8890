//! Ending a session with its whole tree, and making sure of it (C49, C52a).

use std::fs;
use std::io;
use std::path::Path;
use std::process;
use std::time::Duration;

use rustix::process::{Signal, pidfd_send_signal};
use tokio::time::timeout;

use super::liveness::liveness;
use super::pidfd::{ended_within, hold_exactly};
use super::watch::{WatchError, watch_files};
use crate::home::{Home, Presence, SessionFiles};
use crate::model::effect::{Liveness, SessionName};
use crate::shim::files::{self, Born, FileError, Launch};
use crate::shim::lock::{Holder, holder, wanted};
use crate::shim::process::{Held, holding_lock, marked, marker, tree};
use crate::shim::tree::kill_all;

/// What the shim may take beyond its grace: it kills and reaps the tree, which with hundreds of strays is a tenth of this.
const MARGIN: Duration = Duration::from_secs(2);
/// What a SIGKILL may take. A process that hangs in the kernel takes longer, and is reported.
const DIE: Duration = Duration::from_secs(2);
/// The grace of a session whose launch cannot be read any more.
const GRACE_MS: u64 = 5000;

/// A session that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Always [`Liveness::Gone`]; its strays include those killed here.
    pub liveness: Liveness,
    /// Processes that had to be killed here, because the shim could not do it.
    pub killed: u32,
}

/// Why it cannot be said that a session has ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    #[error("{survivors} processes of the session do not die")]
    Survivors { survivors: u32 },
    #[error("whether the session has ended is not known: {why}")]
    NotKnown { why: String },
    #[error("cannot {what}")]
    System { what: &'static str, source: io::Error },
    #[error("a session's file failed")]
    File(#[from] FileError),
    #[error("the session's folder cannot be watched")]
    Watch(#[from] WatchError),
}

fn failed<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> EndError {
    move |error| EndError::System { what, source: error.into() }
}

/// Ends a session: takes its generation back, asks its shim, kills what does not obey, and verifies by the identity's
/// lock that nothing is left. Ending what has ended is no error.
///
/// Takes a few milliseconds if the program obeys SIGTERM, and at most the launch's grace and some seconds. To be
/// called within a tokio runtime.
///
/// # Errors
///
/// The generation is taken back all the same, and the call may be repeated.
pub async fn end_tree(home: &Home, name: &SessionName) -> Result<Ended, EndError> {
    let (files, presence) = (home.session(name), home.identity(&name.peer));
    let generation = name.generation.0.0;
    take_back(&presence, generation)?;
    let (mut killed, mut again) = (0, false);
    loop {
        if let Some(born) = await_birth(home, name, &files, &presence).await?
            && born.boot == crate::shim::clock::boot()
        {
            killed += end_shim(&files, &born).await?;
        }
        let unseen = files.born().exists() && !files.status().exists();
        if unseen || holds(&presence, generation)? {
            killed += sweep(&files, &presence, generation).await?;
        }
        match liveness(home, name) {
            Liveness::Gone { ending, lived_ms, strays } => {
                return Ok(Ended { liveness: Liveness::Gone { ending, lived_ms, strays: strays + killed }, killed });
            }
            Liveness::Alive { .. } => return Err(EndError::Survivors { survivors: 1 }),
            // A start that comes late takes the lock, and then learns that it is not wanted any more and says so.
            Liveness::NotKnown { .. } if !again => await_word(home, name, &files).await?,
            Liveness::NotKnown { why } => return Err(EndError::NotKnown { why }),
        }
        again = true;
    }
}

/// Whatever starts late for this generation is refused from here on. Another generation keeps its place.
fn take_back(presence: &Presence, generation: u64) -> Result<(), EndError> {
    let path = presence.wanted();
    let what = "take the generation back";
    if wanted(&path).map_err(failed(what))? != Some(generation) {
        return Ok(());
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(what)(error)),
        _ => Ok(()),
    }
}

/// Whether something of this generation's tree holds the identity's lock.
fn holds(presence: &Presence, generation: u64) -> Result<bool, EndError> {
    let holder = holder(&presence.lock()).map_err(failed("look at the identity's lock"))?;
    Ok(holder == (Holder::Tree { generation: Some(generation) }))
}

/// A shim that holds the lock and has said nothing yet is just starting its program, or just being refused.
async fn await_birth(
    home: &Home,
    name: &SessionName,
    files: &SessionFiles,
    presence: &Presence,
) -> Result<Option<Born>, EndError> {
    if let Some(born) = files::read(&files.born())? {
        return Ok(Some(born));
    }
    if files.status().exists() || !holds(presence, name.generation.0.0)? {
        return Ok(files::read(&files.born())?);
    }
    await_word(home, name, files).await?;
    Ok(files::read(&files.born())?)
}

/// Returns once a shim has said that its program runs or that it has ended, or has had its time.
async fn await_word(home: &Home, name: &SessionName, files: &SessionFiles) -> Result<(), EndError> {
    let mut watch = watch_files(home, name)?;
    // Any of its files settles it; time running out is settled by the liveness that is asked for afterwards.
    let _ = timeout(DIE, async {
        while !files.born().exists() && !files.status().exists() {
            match watch.next().await {
                Ok(Some(_)) | Err(WatchError::Overflow { .. }) => {}
                Ok(None) | Err(_) => break,
            }
        }
    })
    .await;
    Ok(())
}

/// Asks the shim, and kills it with everything below it if it does not come to an end. Returns how many were killed.
async fn end_shim(files: &SessionFiles, born: &Born) -> Result<u32, EndError> {
    let hold = || hold_exactly(born.pid, born.start_ticks).map_err(failed("take hold of the session's process"));
    let Some(shim) = hold()? else { return Ok(0) };
    let mut limit = MARGIN;
    // With its last word written it only has to exit.
    if !files.status().exists() {
        match pidfd_send_signal(&shim.fd, Signal::TERM) {
            // It has just ended by itself.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(failed("ask the session's process to end")(error)),
        }
        // A stopped shim cannot obey either.
        let _ = pidfd_send_signal(&shim.fd, Signal::CONT);
        let launch = files::read::<Launch>(&files.launch()).ok().flatten();
        limit += Duration::from_millis(launch.map_or(GRACE_MS, |launch| launch.grace_ms));
    }
    if ended_within(&shim, limit).await.map_err(failed("wait for the session's process"))? {
        return Ok(0);
    }
    let all = tree(shim).map_err(failed("look at the session's tree"))?;
    kill_and_wait(&all).await?;
    // The shim is ours; only the others count as found.
    Ok(u32::try_from(all.len()).unwrap_or(u32::MAX).saturating_sub(1))
}

/// Kills what a killed shim has left: what carries the session's marker, and what still holds the identity's lock for
/// this generation. Returns how many.
async fn sweep(files: &SessionFiles, presence: &Presence, generation: u64) -> Result<u32, EndError> {
    let launch = files::read::<Launch>(&files.launch()).ok().flatten();
    let secret = launch.and_then(|launch| launch.env.get("DORMOUSE_SESSION").cloned());
    let marker = secret.map_or_else(|| marker(&files.secret()), |secret| marker(Path::new(&secret)));
    let lock = presence.lock();
    let spared = |pid| pid == process::id();
    let mut killed = 0;
    loop {
        let mut found = marked(&marker, spared).map_err(failed("look for strays"))?;
        if found.is_empty() && holds(presence, generation)? {
            found = holding_lock(&lock, spared).map_err(failed("look for who holds the identity's lock"))?;
        }
        if found.is_empty() {
            return Ok(killed);
        }
        killed += kill_and_wait(&found).await?;
    }
}

/// Returns how many were there to be killed, once all of them have died.
async fn kill_and_wait(found: &[Held]) -> Result<u32, EndError> {
    let killed = kill_all(found);
    let mut survivors = 0;
    let deadline = tokio::time::Instant::now() + DIE;
    for held in found {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        if !ended_within(held, left).await.map_err(failed("wait for a stray"))? {
            survivors += 1;
        }
    }
    if survivors == 0 { Ok(killed) } else { Err(EndError::Survivors { survivors }) }
}
