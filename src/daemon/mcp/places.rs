//! Who has a place at the agents' door, and who makes room.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use crate::model::effect::SessionName;

/// Connections at once: of callers that are not known yet, of one session, and of callers that wait or are told to come later.
const STRANGERS_MAX: usize = 64;
const CALLS_OF_ONE_MAX: usize = 16;
const OUTSIDE_MAX: usize = 64;

/// Longest that a caller waits for a place that somebody silent is to leave.
const LEAVES: Duration = Duration::from_secs(1);

/// Those that have said nothing yet, oldest first.
type Silent = VecDeque<(u64, oneshot::Sender<()>)>;

/// Strangers have places of their own, so that they never take a session's. Where all are taken, the one that has been silent
/// longest leaves: an agent says all it has to say at once, and must not be kept out by callers that say nothing.
pub(super) struct Places {
    strangers: Arc<Semaphore>,
    outside: Arc<Semaphore>,
    silent: Arc<Mutex<Silent>>,
    next: AtomicU64,
    sessions: Mutex<BTreeMap<SessionName, Arc<Semaphore>>>,
}

/// A place: a stranger's at first, then one of the session's own.
pub(super) struct Place {
    held: Mutex<OwnedSemaphorePermit>,
    silence: Silence,
}

/// Ends when its caller is heard, or has gone.
struct Silence {
    number: u64,
    silent: Arc<Mutex<Silent>>,
}

/// Told to a caller that is to make room.
pub(super) struct Leave(oneshot::Receiver<()>);

impl Default for Places {
    fn default() -> Self {
        Self {
            strangers: Arc::new(Semaphore::new(STRANGERS_MAX)),
            outside: Arc::new(Semaphore::new(OUTSIDE_MAX)),
            silent: Arc::default(),
            next: AtomicU64::default(),
            sessions: Mutex::default(),
        }
    }
}

impl Places {
    /// A stranger's. None: there is none, and nobody who could make room for it.
    pub(super) async fn stranger(&self) -> Option<(Place, Leave)> {
        let held = match Arc::clone(&self.strangers).try_acquire_owned() {
            Ok(held) => held,
            Err(_) => self.after_somebody().await?,
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (leave, told) = oneshot::channel();
        let silent = Arc::clone(&self.silent);
        silent.lock().unwrap_or_else(PoisonError::into_inner).push_back((number, leave));
        Some((Place { held: Mutex::new(held), silence: Silence { number, silent } }, Leave(told)))
    }

    async fn after_somebody(&self) -> Option<OwnedSemaphorePermit> {
        let _outside = self.outside()?;
        let oldest = self.silent.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        // It may have left by itself just now.
        let _ = oldest.map(|(_, leave)| leave.send(()));
        timeout(LEAVES, Arc::clone(&self.strangers).acquire_owned()).await.ok()?.ok()
    }

    /// For a caller that is told to come later.
    pub(super) fn outside(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.outside).try_acquire_owned().ok()
    }

    /// One of the session's own. None: it has taken them all.
    pub(super) fn of(&self, session: &SessionName) -> Option<OwnedSemaphorePermit> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds a place of are forgotten.
        sessions.retain(|_, places| places.available_permits() < CALLS_OF_ONE_MAX);
        let places = sessions.entry(session.clone()).or_insert_with(|| Arc::new(Semaphore::new(CALLS_OF_ONE_MAX)));
        Arc::clone(places).try_acquire_owned().ok()
    }
}

impl Place {
    /// Its caller has said who it is, or who it is not: nobody takes its place any more.
    pub(super) fn is_heard(&self) {
        self.silence.end();
    }

    pub(super) fn becomes(&self, own: OwnedSemaphorePermit) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = own;
    }
}

impl Silence {
    fn end(&self) {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).retain(|(number, _)| *number != self.number);
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        self.end();
    }
}

impl Leave {
    /// Never, once its caller has been heard.
    pub(super) async fn told(self) {
        if self.0.await.is_err() {
            pending::<()>().await;
        }
    }
}
