//! One tmux client: a short-lived process with a deadline, and a lock that outlives a killed daemon (C16).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::error::TmuxError;
use super::scope::Scope;

/// Longest a client may take. A healthy one takes milliseconds.
const CLIENT_MS_MAX: u64 = 10_000;

/// Names client files within this process; the process id tells those of two daemons apart.
static CLIENTS: AtomicU64 = AtomicU64::new(0);

/// What a client is to do.
pub(super) struct Call<'a> {
    pub program: &'a Path,
    /// In which its server is to live; none: where this process does.
    pub scope: Option<&'a Scope>,
    pub socket: Option<&'a Path>,
    pub args: &'a [String],
    /// For error texts.
    pub summary: String,
    pub stdin: Option<&'a [u8]>,
    /// The folder of client files.
    pub clients: &'a Path,
}

/// The file a client's standard error goes to. Its lock belongs to the open file, which daemon and client share: it is
/// held until both are done with it. The server a client starts has put its own standard error elsewhere by then.
struct ClientFile {
    path: PathBuf,
    file: File,
}

impl ClientFile {
    fn create(clients: &Path) -> Result<Self, TmuxError> {
        let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
        let path = clients.join(format!("{}-{number}", std::process::id()));
        Self::locked(&path)
            .map(|file| Self { path: path.clone(), file })
            .map_err(|source| TmuxError::ClientFile { path, source })
    }

    fn locked(path: &Path) -> io::Result<File> {
        // An earlier process of the same number may have left one; its lock, if somebody still holds it, is on the
        // other file.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let open = || OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let clients = path.parent().ok_or(error)?;
                DirBuilder::new().recursive(true).mode(0o700).create(clients)?;
                open()?
            }
            opened => opened?,
        };
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
    }

    fn for_child(&self) -> Result<Stdio, TmuxError> {
        let copy = self.file.try_clone();
        copy.map(Stdio::from).map_err(|source| TmuxError::ClientFile { path: self.path.clone(), source })
    }

    fn said(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_end(&mut bytes));
        match read {
            Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("(what it said could not be read: {error})"),
        }
    }

    /// The client has ended.
    fn remove(self) {
        // A file that stays costs the next start one look at it.
        let _ = fs::remove_file(&self.path);
    }
}

/// `bytes` as a file without a name. A pipe would end early if we stopped writing, and half a text would be pasted.
fn whole(clients: &Path, bytes: &[u8]) -> io::Result<File> {
    let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
    let path = clients.join(format!("{}-{number}.in", std::process::id()));
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// A client at work.
pub(super) struct Client {
    child: Child,
    file: ClientFile,
    socket: Option<PathBuf>,
    summary: String,
}

/// Starts one client.
pub(super) fn start(call: Call<'_>) -> Result<Client, TmuxError> {
    let file = ClientFile::create(call.clients)?;
    match spawn(&call, &file) {
        Ok(child) => Ok(Client { child, file, socket: call.socket.map(Path::to_owned), summary: call.summary }),
        Err(error) => {
            file.remove();
            Err(error)
        }
    }
}

impl Client {
    /// What it printed, once it has ended.
    ///
    /// # Errors
    ///
    /// After [`TmuxError::TimedOut`] the client has been killed, and what it asked for may still happen.
    pub async fn finish(mut self) -> Result<String, TmuxError> {
        let deadline = Duration::from_millis(CLIENT_MS_MAX);
        let ended = match tokio::time::timeout(deadline, listen(&mut self.child)).await {
            Ok(Ok((status, printed))) if status.success() => Ok(printed),
            Ok(Ok((status, _))) => {
                let said = self.file.said();
                Err(TmuxError::from_client(self.socket.as_deref(), self.summary, &said, status.code()))
            }
            Ok(Err(source)) => Err(TmuxError::Broken { command: self.summary, source }),
            Err(_) => {
                // An error here means that it is gone already.
                let _ = self.child.start_kill();
                let _ = self.child.wait().await;
                Err(TmuxError::TimedOut { command: self.summary, deadline_ms: CLIENT_MS_MAX })
            }
        };
        self.file.remove();
        ended
    }
}

/// The environment is emptied: the first client's becomes the server's own, and that of everything in it.
fn spawn(call: &Call<'_>, file: &ClientFile) -> Result<Child, TmuxError> {
    let mut command = match call.scope {
        Some(scope) => scope.command(call.program),
        None => {
            let mut command = Command::new(call.program);
            command.env_clear();
            command
        }
    };
    for name in ["PATH", "HOME", "USER", "LOGNAME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("LANG", "C.UTF-8").env("SHELL", "/bin/sh").args(["-u", "-f", "/dev/null"]);
    if let Some(socket) = call.socket {
        command.arg("-S").arg(socket);
    }
    let stdin = match call.stdin {
        Some(bytes) => whole(call.clients, bytes)
            .map(Stdio::from)
            .map_err(|source| TmuxError::ClientFile { path: call.clients.to_owned(), source })?,
        None => Stdio::null(),
    };
    command.args(call.args).stdin(stdin).stdout(Stdio::piped()).stderr(file.for_child()?);
    command.spawn().map_err(|source| TmuxError::NotStarted { program: call.program.to_owned(), source })
}

/// How it ended, and what it printed.
async fn listen(child: &mut Child) -> io::Result<(ExitStatus, String)> {
    let mut printed = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut printed).await?;
    }
    let status = child.wait().await?;
    Ok((status, String::from_utf8_lossy(&printed).into_owned()))
}

/// Waits until every client that an earlier daemon of this home started has ended, and removes their files. Only then
/// does a look at the sessions see what those clients have done (C16). Blocks, and may wait for clients of this very
/// process: never to be called where those are listened to.
///
/// # Errors
///
/// The folder cannot be read.
pub fn wait_for_clients(clients: &Path) -> io::Result<u32> {
    let mut waited_for = 0;
    let entries = match fs::read_dir(clients) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        match File::open(&path) {
            Ok(file) => flock(&file, FlockOperation::LockExclusive)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        }
        let _ = fs::remove_file(&path);
        waited_for += 1;
    }
    Ok(waited_for)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C16: a client that outlives its daemon is waited for: the lock is its own as well.
    #[test]
    fn c16_a_client_holds_its_lock_after_the_daemon_is_gone() {
        let clients = tempfile::tempdir().unwrap();
        let file = ClientFile::create(clients.path()).unwrap();
        let path = file.path.clone();
        let mut child = std::process::Command::new("/bin/cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(file.for_child().unwrap())
            .spawn()
            .unwrap();
        drop(file);
        let other = File::open(&path).unwrap();
        flock(&other, FlockOperation::NonBlockingLockExclusive).expect_err("the client holds it");

        let waited = std::thread::spawn({
            let clients = clients.path().to_owned();
            move || wait_for_clients(&clients).unwrap()
        });
        child.stdin.take();
        child.wait().unwrap();
        assert_eq!(waited.join().unwrap(), 1);
        assert!(!path.exists());
    }
}
