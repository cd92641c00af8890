//! The control socket: who calls, what they ask, and what they are told (C58, C62).
//!
//! Each caller has a task of its own and deadlines of its own, so that a slow or silent one delays nobody.

mod answer;
mod caller;
mod cause;
mod change;
mod connection;
mod fate;
mod history;
mod hook;
mod join;
mod lock;
pub mod mint;
mod names;
mod own;
mod query;
mod register;
mod send;
mod socket;
mod spooled;
mod typed;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::Semaphore;

use crate::daemon::ears::Ears;
use crate::daemon::input::Loop;
use crate::home::Home;
use crate::model::id::{Lsn, MessageId};
use crate::model::record::Record;
use crate::protocol::{Problem, ProblemCode, Reply};

pub(super) use answer::perform;
pub(super) use caller::Caller;
pub use history::history;
pub use lock::{DaemonLock, LockError};
pub use socket::{SocketError, bind, fits};
pub use spooled::{spooled, spooled_hook};

/// Callers served at once; each holds a file descriptor, of which a shell's default leaves a daemon 1024.
const CALLERS_MAX: usize = 512;
/// Of those, connections that stay for more calls: there is room for callers with one, however many others keep theirs.
const KEPT_MAX: usize = 256;

/// Reads the records about a message, answers to it included, from this lsn on, oldest first. May block.
pub type History = Arc<dyn Fn(MessageId, Lsn) -> Result<Vec<Record>, String> + Send + Sync>;

/// What a call can reach.
pub struct Door {
    pub home: Home,
    pub inputs: Loop,
    pub history: History,
    pub ears: Ears,
    /// Sessions by their secrets, as last seen.
    secrets: caller::Secrets,
    names: names::Names,
}

impl Door {
    pub fn new(home: Home, inputs: Loop, history: History, ears: Ears) -> Arc<Self> {
        Arc::new(Self { home, inputs, history, ears, secrets: Default::default(), names: Default::default() })
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("home", &self.home).finish_non_exhaustive()
    }
}

/// Serves until the task is dropped; calls under way are dropped with it.
pub async fn serve(listener: UnixListener, door: Arc<Door>) {
    let places = Arc::new(Semaphore::new(CALLERS_MAX));
    let kept = Arc::new(Semaphore::new(KEPT_MAX));
    let mut callers = tokio::task::JoinSet::new();
    loop {
        while callers.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors: the caller stays in the queue, and trying at once would spin.
                tracing::warn!(%error, "cannot accept a caller on the control socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let (door, kept) = (Arc::clone(&door), Arc::clone(&kept));
                callers.spawn(async move {
                    connection::serve(stream, &door, &kept).await;
                    drop(place);
                });
            }
            Err(_) => turn_away(&stream),
        }
    }
}

/// One line into an empty socket buffer never blocks, so a caller too many needs no task.
fn turn_away(stream: &tokio::net::UnixStream) {
    let problem = Problem::new(ProblemCode::Busy, format!("{CALLERS_MAX} callers are being served already"));
    if let Err(error) = stream.try_write(&Reply::Error(problem).to_line()) {
        tracing::debug!(%error, "a caller too many has gone");
    }
}
