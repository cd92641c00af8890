//! The daemon's life: lock, journal, reconciliation, sockets, signals.

mod reload;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::company::Company;
use super::control::{self, DaemonLock, Door, LockError, SocketError};
use super::ears::{Ears, conversations};
use super::hands::{self, Order, Orders, Told};
use super::host::Machine;
use super::indexing::Indexing;
use super::input::{Input, Loop};
use super::mcp::{self, ListenError};
use super::refusing::{self, Heard};
use super::signals;
use super::spools;
use super::turning::{Answers, Ended, Turning, tell_callers, warn_of};
use crate::config::{Loaded, SettingFlag};
use crate::executor::Executor;
use crate::executor::tmux::{in_full, wait_for_clients};
use crate::home::Home;
use crate::journal::{AppendError, DirStorage, Journal, OpenError, Options, RecordSource};
use crate::model::effect::{AttentionKind, SessionName};
use crate::model::event::{DaemonStarted, Decision, Event, Fact};
use crate::model::id::Lsn;
use crate::model::record::Draft;
use crate::observe::clock;
use crate::runtime::{RuntimeFileError, Runtimes};
use crate::supervisor::snapshot::Folded;
use crate::supervisor::{Began, Begin, Keeping, Supervisor};

/// Why the daemon did not run, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Runtimes(#[from] RuntimeFileError),
    #[error("cannot use the folder {}", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Journal(#[from] OpenError),
    #[error("the journal failed as the daemon started")]
    Append(#[from] AppendError),
    /// A bug: dying is safe, for the journal is the state.
    #[error("the loop died of a bug; the journal is whole, and sessions go on")]
    LoopDied,
    #[error("the daemon's own threads cannot be made")]
    Threads(#[source] io::Error),
    #[error(transparent)]
    Mcp(#[from] ListenError),
}

/// Settings as they were given: by file and environment, and by flags, which outlive a reload; and how often the state
/// is kept, which is no setting.
struct Given {
    loaded: Loaded,
    flags: Vec<SettingFlag>,
    keeping: Keeping,
}

type Texts = Arc<Mutex<Option<RecordSource>>>;

/// Runs until a signal.
///
/// # Errors
///
/// What keeps it from starting. Once it serves, only a signal ends it.
pub fn run(home: &Home, loaded: Loaded, flags: Vec<SettingFlag>, keeping: Keeping) -> Result<(), DaemonError> {
    // What needs only a look comes before anything is made: a daemon that does not run leaves nothing behind.
    control::fits(home)?;
    let runtimes = Arc::new(Runtimes::load(&home.runtimes())?);
    let lock = DaemonLock::take(home)?;
    make_folders(home)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DaemonError::Threads)?;
    runtime.block_on(serve(home.clone(), lock, Given { loaded, flags, keeping }, runtimes))
}

/// Folders of ours are private: they hold secrets and sockets (C22, C62).
fn make_folders(home: &Home) -> Result<(), DaemonError> {
    for path in [home.clients(), home.run.join("tmux"), home.run.join("peers")] {
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&path);
        made.map_err(|source| DaemonError::Folder { path, source })?;
    }
    Ok(())
}

async fn serve(home: Home, lock: DaemonLock, given: Given, runtimes: Arc<Runtimes>) -> Result<(), DaemonError> {
    // A limit on the size of files is a write that fails, like any other (C63), and not the end: its handler stays.
    let _stays = signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map_err(DaemonError::Threads)?;
    let (inputs, heard) = std::sync::mpsc::channel();
    let (records, _) = broadcast::channel(4096);
    let lines = Loop { inputs: inputs.clone(), records: records.clone(), hears: Arc::default() };
    let ears = Ears::new(Arc::clone(&runtimes));
    let door = Door::new(home.clone(), lines.clone(), control::history(home.journal()), ears.clone());
    // Agents that outlived the daemon before find it at once: a handshake needs no journal.
    let listening = mcp::listen(&home, given.loaded.local.mcp_port).await?;
    let url = listening.url();
    let refusals = mcp::Refusals::new(inputs.clone(), &listening);
    let by_mcp = tokio::spawn(mcp::serve(listening, Arc::clone(&door), refusals.clone()));
    // Clients of a daemon that was killed may still be at work: the world holds still before it is looked at (C16).
    let clients = home.clients();
    let waited = tokio::task::spawn_blocking(move || wait_for_clients(&clients)).await;
    let waited = waited.map_err(|error| DaemonError::Threads(io::Error::other(error)))?;
    waited.map_err(|source| DaemonError::Folder { path: home.clients(), source })?;
    let (orders, ordered) = mpsc::unbounded_channel();
    let (reports, reported) = mpsc::unbounded_channel();
    let texts = Texts::default();
    let executor = Executor::new(home.clone(), Arc::clone(&runtimes), reports, reader_of(&texts)).at_url(url.clone());
    let tmux = executor.tmux().printed().await.ok();
    tokio::spawn(hands::work(executor, ordered, spools::Watch { home: home.clone(), inputs: inputs.clone() }));
    tokio::spawn(forward(reported, inputs.clone(), home.clone()));

    let (answers, answered) = mpsc::unbounded_channel();
    tokio::spawn(tell_callers(answered));

    let (started, has_started) = oneshot::channel();
    let (ended, has_ended) = oneshot::channel();
    let Given { loaded, flags, keeping } = given;
    let started_by = Starting {
        home: home.clone(),
        loaded,
        flags,
        runtimes,
        ears: ears.clone(),
        orders,
        answers,
        lines,
        texts,
        tmux,
        keeping,
    };
    let thread = std::thread::Builder::new().name("loop".to_owned());
    let thread = thread.spawn(move || {
        started_by.live(&heard, started);
        // Whoever waits for this may have gone.
        let _ = ended.send(());
    });
    thread.map_err(DaemonError::Threads)?;
    if let Ok(Err(error)) = has_started.await {
        return Err(error);
    }
    // Look-ups take longer without it; nothing else does.
    let indexing = Indexing::start(&home.journal());
    let _indexing = indexing.inspect_err(|error| tracing::warn!(%error, "segments get no indexes"));
    // Who finds the socket may send a signal at once, and an unheard SIGHUP is the end of a process.
    signals::hear(inputs, refusals)?;
    let listener = control::bind(&home, &lock)?;
    let served = tokio::spawn(control::serve(listener, door));
    tracing::info!(home = %home.run.display(), mcp = url, "serving");
    let ended_in_order = has_ended.await.is_ok();
    served.abort();
    by_mcp.abort();
    // So that callers see at once that nobody is there; the lock goes with the process.
    let _ = std::fs::remove_file(home.control_socket());
    if ended_in_order { Ok(()) } else { Err(DaemonError::LoopDied) }
}

/// Reports of the world into the loop's queue. A session that has started has its spool followed.
async fn forward(
    mut reported: mpsc::UnboundedReceiver<crate::executor::report::Report>,
    inputs: Sender<Input>,
    home: Home,
) {
    let spools = spools::Watch { home, inputs: inputs.clone() };
    while let Some(report) = reported.recv().await {
        let Draft { subject, event, .. } = &report.draft;
        if let (Event::Fact(Fact::SessionStarted(_)), Some(peer), Some(generation)) =
            (event, &subject.peer, subject.generation)
        {
            spools.follow(&SessionName { peer: peer.clone(), generation });
        }
        if inputs.send(Input::Report(Box::new(report))).is_err() {
            return;
        }
    }
}

/// Texts for the executor, out of whichever journal is open now.
fn reader_of(texts: &Texts) -> crate::executor::Texts {
    let texts = Arc::clone(texts);
    Arc::new(move |lsn| {
        let source = texts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let source = source.ok_or("the journal is not open")?;
        let record = source.record(lsn).map_err(|error| in_full(&error))?;
        match record.event {
            Event::Fact(Fact::MessageAccepted(accepted)) => Ok(accepted.text),
            Event::Decision(Decision::ReportMade(report)) => Ok(report.text),
            // A prompt of its own has no text but the prompt (C19).
            Event::Decision(Decision::WakeDecided(_)) => Ok(String::new()),
            other => Err(format!("record {lsn} is {} and holds no text", other.kind().name)),
        }
    })
}

/// All that the loop's thread starts with.
struct Starting {
    home: Home,
    loaded: Loaded,
    flags: Vec<SettingFlag>,
    runtimes: Arc<Runtimes>,
    ears: Ears,
    orders: Orders,
    answers: Answers,
    lines: Loop,
    texts: Texts,
    tmux: Option<String>,
    keeping: Keeping,
}

impl Starting {
    /// Opens, serves, opens again after a failure, until a signal. The first opening is answered to `started`.
    fn live(mut self, inputs: &Receiver<Input>, started: oneshot::Sender<Result<(), DaemonError>>) {
        let mut turning = match self.open() {
            Ok(turning) => turning,
            Err(error) => return drop(started.send(Err(error))),
        };
        let _ = started.send(Ok(()));
        self.lines.hears.store(true, Ordering::Relaxed);
        loop {
            match turning.run(inputs) {
                Ended::Stopped => {
                    match turning.supervisor.close(clock::now()) {
                        Ok(kept) => warn_of(&kept),
                        Err(error) => {
                            tracing::error!(error = in_full(&error), "the journal could not be closed in order");
                        }
                    }
                    return;
                }
                Ended::Reload => {
                    if let Err(error) = self.reload(&mut turning) {
                        tracing::error!(error = in_full(&error), "the journal failed");
                    }
                }
                Ended::JournalFailed(error) => {
                    // State, lanes and writer go before anything is opened again (C63).
                    drop(turning);
                    match self.open_again(inputs, in_full(&error)) {
                        Some(opened) => turning = opened,
                        None => return,
                    }
                }
            }
        }
    }

    /// Full recovery, then a look at the world (C60).
    fn open(&self) -> Result<Turning<DirStorage, Machine>, DaemonError> {
        let path = self.home.journal();
        let storage = DirStorage::open(&path).map_err(|source| DaemonError::Folder { path, source })?;
        let mut folded = Folded::default();
        let now = clock::now();
        let (journal, recovered) = Journal::open(storage, self.options(), now.wall_us, random, &mut folded)?;
        let (records, snapshot) = (recovered.records, recovered.snapshot.map(|through| through.0));
        if recovered.last_lsn > Lsn::ZERO {
            tracing::info!(records, snapshot, "folded the journal");
        }
        for unusable in &recovered.unusable {
            tracing::warn!(error = in_full(unusable), "an older snapshot or the first record serves instead");
        }
        if let Some(torn) = &recovered.torn {
            tracing::warn!(?torn, "an interrupted batch was set aside; nothing of it had been acknowledged");
        }
        *self.texts.lock().unwrap_or_else(PoisonError::into_inner) = Some(journal.source());
        let machine = Machine::new(self.home.clone(), self.orders.clone());
        let mut supervisor = Supervisor::new(journal, machine, folded.state, self.keeping);
        // Sessions that turn out to be gone are known all the same: what they left is no orphan's.
        let mut known = supervisor.sessions();
        let conversations = conversations(supervisor.state(), &known);
        let mut taken = Vec::new();
        let Began { alive, turns: _ } = supervisor.begin(now, self.begin(), || {
            let take = |call: spools::Spooled| {
                taken.push((call.session, call.name));
                call.asked
            };
            spools::read_all(&self.home, &self.ears, &conversations).into_iter().flat_map(take).collect()
        })?;
        for (session, name) in taken {
            spools::remove(&self.home, &session, &name);
        }
        let alive = alive.into_iter().map(|session| (supervisor.host().found(&session), session)).collect();
        known.extend(supervisor.sessions());
        let named = self::conversations(supervisor.state(), &known);
        let _ = self.orders.send(Order::Adopt { alive, known });
        for (session, name) in named {
            let _ = self.orders.send(Order::Tell(Told::Conversation { session, name }));
        }
        let (home, ears, records) = (self.home.clone(), self.ears.clone(), self.lines.records.clone());
        let (orders, answers) = (self.orders.clone(), self.answers.clone());
        let company = Company::default();
        Ok(Turning { supervisor, home, ears, orders, answers, records, unmarked: true, company, low_said: false })
    }

    fn begin(&self) -> Begin {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Begin {
            started: DaemonStarted { version, pid: std::process::id(), tmux: self.tmux.clone() },
            settings: self.loaded.in_force(),
            runtimes: self.runtimes.traits(),
        }
    }

    /// A record holds one text and what is said around it.
    fn options(&self) -> Options {
        const AROUND: u32 = 64 << 10;
        // Room for a limit that is raised while the daemon runs.
        const TEXT_MAX: u32 = 16 << 20;
        let settings = &self.loaded.settings;
        let payload_bytes_max = settings.message_bytes_max.max(TEXT_MAX) + AROUND;
        Options { segment_bytes: settings.segment_bytes, payload_bytes_max }
    }

    fn open_again(&self, inputs: &Receiver<Input>, why: String) -> Option<Turning<DirStorage, Machine>> {
        let _ = self.orders.send(Order::CancelAll);
        let mut why = why;
        tracing::error!(why, "the journal cannot be written: nothing more is decided or done, sessions live on");
        let says = format!("the journal cannot be written: {why}");
        refusing::call(&self.orders, &self.loaded.settings, AttentionKind::JournalRefuses, says);
        let mut delay: Option<Duration> = None;
        loop {
            let patience = refusing::next_delay(delay);
            if let Heard::Stop = refusing::refuse_for(inputs, patience, &why) {
                return None;
            }
            delay = Some(patience);
            // Meanwhile nobody is heard.
            self.lines.hears.store(false, Ordering::Relaxed);
            let opened = self.open();
            self.lines.hears.store(true, Ordering::Relaxed);
            match opened {
                Ok(turning) => {
                    tracing::info!("the journal is open again");
                    return Some(turning);
                }
                Err(error) => {
                    why = in_full(&error);
                    tracing::error!(why, "the journal cannot be opened");
                }
            }
        }
    }
}

/// Sixteen fresh random bytes for names and salts.
fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => bytes,
        // A kernel without random bytes: ids need only differ from each other, and the clock does that.
        Err(_) => (u128::from(clock::now().wall_us) << 32 | u128::from(std::process::id())).to_le_bytes(),
    }
}
