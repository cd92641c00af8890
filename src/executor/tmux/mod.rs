//! The only door to tmux: one server for each session, asked by short-lived clients.

mod argv;
mod client;
mod error;
mod pane;
mod scope;
mod version;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use client::{Call, Client};
use scope::Scope;

pub use argv::{Queue, quoted, shell_word};
pub use client::wait_for_clients;
pub use error::{TmuxError, in_full};
pub use pane::{Look, Pane, Pasted, Pressed};
pub use scope::{scopes_needed, service_of};
pub use version::{Version, printed_version};

use tokio::sync::RwLock;

use crate::home::Home;

/// The tmux program, and where its clients leave their locks.
#[derive(Clone, Debug)]
pub struct Tmux {
    program: PathBuf,
    clients: PathBuf,
    shared: Arc<Shared>,
}

/// What all copies of a [`Tmux`] have in common.
#[derive(Debug, Default)]
struct Shared {
    scope: Option<Scope>,
    /// Asked once.
    version: OnceLock<Version>,
}

impl Tmux {
    /// `program` is a path, or a name to be found in `PATH`.
    pub fn new(program: PathBuf, home: &Home) -> Self {
        Self { program, clients: home.clients(), shared: Arc::default() }
    }

    /// Has `systemd_run` put each server that is started into a control group of its own.
    #[must_use]
    pub fn scoped_by(self, systemd_run: Option<PathBuf>) -> Self {
        let scope = systemd_run.map(Scope::new);
        Self { shared: Arc::new(Shared { scope, version: OnceLock::new() }), ..self }
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// What `tmux -V` prints, letter and all.
    ///
    /// # Errors
    ///
    /// It could not be asked.
    pub async fn printed(&self) -> Result<String, TmuxError> {
        Ok(self.client(None, &Queue::of(["-V"]), None, None)?.finish().await?.trim().to_owned())
    }

    /// Which release this is.
    ///
    /// # Errors
    ///
    /// It could not be asked, or its answer is no version.
    pub async fn version(&self) -> Result<Version, TmuxError> {
        if let Some(version) = self.shared.version.get() {
            return Ok(*version);
        }
        let printed = self.printed().await?;
        let version = Version::parse(&printed).ok_or(TmuxError::Unexpected {
            command: "-V".to_owned(),
            found: printed.trim().to_owned(),
            expected: "a version",
        })?;
        Ok(*self.shared.version.get_or_init(|| version))
    }

    /// The server that listens on `socket`, whether or not there is one.
    pub fn server(&self, socket: PathBuf) -> Server {
        Server { tmux: self.clone(), socket, clients: Arc::default() }
    }

    fn client(
        &self,
        socket: Option<&Path>,
        queue: &Queue,
        stdin: Option<&[u8]>,
        scope: Option<&Scope>,
    ) -> Result<Client, TmuxError> {
        client::start(Call {
            program: &self.program,
            scope,
            socket,
            args: queue.argv(),
            summary: queue.summary(),
            stdin,
            clients: &self.clients,
        })
    }
}

/// One tmux server.
#[derive(Clone, Debug)]
pub struct Server {
    tmux: Tmux,
    socket: PathBuf,
    /// Held for reading by each client at work, so that the end of the server can wait for them: one that comes late
    /// would start it anew.
    clients: Arc<RwLock<()>>,
}

impl Server {
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Runs `queue` in one client and returns what it printed.
    ///
    /// # Errors
    ///
    /// See [`TmuxError`]; what stood before the failing command has been done.
    pub async fn run(&self, queue: &Queue) -> Result<String, TmuxError> {
        self.at_work(queue, None, None).await
    }

    /// As [`Server::run`], for the client that starts the server: in a control group of its own where that is wanted and
    /// can be had, else in ours. `queue` may be run again where the first try failed.
    ///
    /// # Errors
    ///
    /// See [`Server::run`].
    pub async fn start(&self, queue: &Queue) -> Result<String, TmuxError> {
        let Some(scope) = self.tmux.shared.scope.as_ref().filter(|scope| scope.works()) else {
            return self.run(queue).await;
        };
        let failed = match self.at_work(queue, None, Some(scope)).await {
            Err(error) if !error.is_answer() => error,
            ended => return ended,
        };
        let plain = self.run(queue).await;
        // Where tmux itself fails, it fails in both ways.
        if plain.as_ref().err().is_none_or(TmuxError::is_answer) {
            scope.give_up();
            tracing::warn!("sessions are started in the daemon's own control group from now on: {}", in_full(&failed));
        }
        plain
    }

    /// As [`Server::run`], with `bytes` on the client's standard input.
    ///
    /// # Errors
    ///
    /// See [`Server::run`].
    pub async fn run_with_input(&self, queue: &Queue, bytes: &[u8]) -> Result<String, TmuxError> {
        self.at_work(queue, Some(bytes), None).await
    }

    /// A client that was started comes to its end, even if nobody waits for it any more.
    async fn at_work(&self, queue: &Queue, stdin: Option<&[u8]>, scope: Option<&Scope>) -> Result<String, TmuxError> {
        let at_work = Arc::clone(&self.clients).read_owned().await;
        let client = self.tmux.client(Some(&self.socket), queue, stdin, scope)?;
        let ended = tokio::spawn(async move {
            let ended = client.finish().await;
            drop(at_work);
            ended
        });
        let broken = |source| TmuxError::Broken { command: queue.summary(), source: std::io::Error::other(source) };
        ended.await.map_err(broken)?
    }

    /// Ends the server and unlinks its socket. A server that does not answer is killed: the kernel says who listens
    /// on our own socket (C23).
    ///
    /// # Errors
    ///
    /// It could not be asked, and could not be killed either.
    pub async fn kill(&self) -> Result<(), TmuxError> {
        let _alone = self.clients.write().await;
        let asked = self.tmux.client(Some(&self.socket), &Queue::of(["kill-server"]), None, None);
        let killed = match asked {
            Ok(client) => client.finish().await,
            Err(error) => Err(error),
        };
        match killed {
            Ok(_) | Err(TmuxError::NoServer { .. }) => {}
            Err(error) => self.kill_listener().map_err(|_| error)?,
        }
        // Absent is what is wanted.
        let _ = std::fs::remove_file(&self.socket);
        Ok(())
    }

    fn kill_listener(&self) -> std::io::Result<()> {
        use std::os::unix::net::UnixStream;
        let stream = match UnixStream::connect(&self.socket) {
            Ok(stream) => stream,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let listener = rustix::net::sockopt::socket_peercred(&stream)?.pid;
        let pidfd = rustix::process::pidfd_open(listener, rustix::process::PidfdFlags::empty())?;
        // Still the listener once its handle is open, so the handle is its own (the connection refuses otherwise).
        UnixStream::connect(&self.socket)?;
        rustix::process::pidfd_send_signal(&pidfd, rustix::process::Signal::KILL)?;
        Ok(())
    }
}
