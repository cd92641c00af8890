//! The only door to tmux: one server for each session, asked by short-lived clients.

mod argv;
mod client;
mod error;
mod pane;
mod version;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use client::{Call, Client};

pub use argv::{Queue, quoted, shell_word};
pub use client::wait_for_clients;
pub use error::{TmuxError, in_full};
pub use pane::{Look, Pane, Pasted, Pressed};
pub use version::{Version, printed_version};

use tokio::sync::RwLock;

use crate::home::Home;

/// The tmux program, and where its clients leave their locks.
#[derive(Clone, Debug)]
pub struct Tmux {
    program: PathBuf,
    clients: PathBuf,
    /// Asked once.
    version: Arc<OnceLock<Version>>,
}

impl Tmux {
    /// `program` is a path, or a name to be found in `PATH`.
    pub fn new(program: PathBuf, home: &Home) -> Self {
        Self { program, clients: home.clients(), version: Arc::default() }
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
        Ok(self.client(None, &Queue::of(["-V"]), None)?.finish().await?.trim().to_owned())
    }

    /// Which release this is.
    ///
    /// # Errors
    ///
    /// It could not be asked, or its answer is no version.
    pub async fn version(&self) -> Result<Version, TmuxError> {
        if let Some(version) = self.version.get() {
            return Ok(*version);
        }
        let printed = self.printed().await?;
        let version = Version::parse(&printed).ok_or(TmuxError::Unexpected {
            command: "-V".to_owned(),
            found: printed.trim().to_owned(),
            expected: "a version",
        })?;
        Ok(*self.version.get_or_init(|| version))
    }

    /// The server that listens on `socket`, whether or not there is one.
    pub fn server(&self, socket: PathBuf) -> Server {
        Server { tmux: self.clone(), socket, clients: Arc::default() }
    }

    fn client(&self, socket: Option<&Path>, queue: &Queue, stdin: Option<&[u8]>) -> Result<Client, TmuxError> {
        client::start(Call {
            program: &self.program,
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
        self.at_work(queue, None).await
    }

    /// As [`Server::run`], with `bytes` on the client's standard input.
    ///
    /// # Errors
    ///
    /// See [`Server::run`].
    pub async fn run_with_input(&self, queue: &Queue, bytes: &[u8]) -> Result<String, TmuxError> {
        self.at_work(queue, Some(bytes)).await
    }

    /// A client that was started comes to its end, even if nobody waits for it any more.
    async fn at_work(&self, queue: &Queue, stdin: Option<&[u8]>) -> Result<String, TmuxError> {
        let at_work = Arc::clone(&self.clients).read_owned().await;
        let client = self.tmux.client(Some(&self.socket), queue, stdin)?;
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
        let asked = self.tmux.client(Some(&self.socket), &Queue::of(["kill-server"]), None);
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
