//! Where things lie on disk. Pure paths: nothing here looks.

use std::path::{Path, PathBuf};

use crate::model::effect::SessionName;
use crate::model::name::{Identity, Runtime};

/// Longest path a unix socket may have: `sun_path` less its NUL (C22).
pub const SOCKET_BYTES_MAX: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// The folders of one home. Two homes never see each other's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// `config.toml` and `runtimes/`.
    pub config: PathBuf,
    /// `journal/`.
    pub state: PathBuf,
    /// Sockets, locks, session files. 0700.
    pub run: PathBuf,
}

impl Home {
    /// Everything under one folder, as `--home DIR` asks.
    pub fn under(dir: &Path) -> Self {
        Self { config: dir.to_owned(), state: dir.to_owned(), run: dir.join("run") }
    }

    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    pub fn runtimes(&self) -> PathBuf {
        self.config.join("runtimes")
    }

    pub fn runtime_file(&self, runtime: &Runtime) -> PathBuf {
        self.runtimes().join(format!("{runtime}.toml"))
    }

    pub fn journal(&self) -> PathBuf {
        self.state.join("journal")
    }

    pub fn control_socket(&self) -> PathBuf {
        self.run.join("control.sock")
    }

    /// The port agents call at, in decimal, for the next daemon to take again.
    pub fn mcp_port(&self) -> PathBuf {
        self.run.join("mcp.port")
    }

    /// Held by the daemon, and dies with it (C59).
    pub fn daemon_lock(&self) -> PathBuf {
        self.run.join("daemon.lock")
    }

    /// One file for each tmux client under way, locked while it lives (C16).
    pub fn clients(&self) -> PathBuf {
        self.run.join("clients")
    }

    pub fn identity(&self, peer: &Identity) -> Presence {
        Presence(self.run.join("peers").join(peer.to_string()))
    }

    pub fn session(&self, name: &SessionName) -> SessionFiles {
        SessionFiles(self.identity(&name.peer).0.join(format!("g{}", name.generation)))
    }

    /// The tmux server of one session. Short, for the kernel cuts at [`SOCKET_BYTES_MAX`]: a generation is unique in
    /// its home.
    pub fn tmux_socket(&self, name: &SessionName) -> PathBuf {
        self.run.join("tmux").join(format!("{}.sock", name.generation))
    }

    /// The longest tmux socket path this home can come to, for the check at registration (C22).
    pub fn tmux_socket_bytes_max(&self) -> usize {
        self.run.join("tmux").join(format!("{}.sock", u32::MAX)).as_os_str().len()
    }
}

/// Files of one identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence(PathBuf);

impl Presence {
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Held by the shim and everything that came of it (C16).
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The generation that may start, in decimal; absent: none may.
    pub fn wanted(&self) -> PathBuf {
        self.0.join("wanted")
    }
}

/// Files of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFiles(PathBuf);

impl SessionFiles {
    pub fn at(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// The folder of all sessions' homes, sockets and locks: [`Home::run`].
    pub fn run(&self) -> Option<&Path> {
        self.0.ancestors().nth(3)
    }

    /// Settings of ours for the program, in its own form. 0600.
    pub fn settings(&self) -> PathBuf {
        self.0.join("settings.json")
    }

    /// What to start, with its environment. 0600.
    pub fn launch(&self) -> PathBuf {
        self.0.join("launch.json")
    }

    /// The session's secret; its path is the program's `DORMOUSE_SESSION`. 0600.
    pub fn secret(&self) -> PathBuf {
        self.0.join("secret")
    }

    /// What the program is told beside its own system prompt. 0600.
    pub fn prompt(&self) -> PathBuf {
        self.0.join("prompt.md")
    }

    /// Who runs it: pid and start time of the shim. Written before the program starts.
    pub fn born(&self) -> PathBuf {
        self.0.join("born.json")
    }

    /// How it ended. Written whole, after the tree is gone.
    pub fn status(&self) -> PathBuf {
        self.0.join("status.json")
    }

    /// Modes and state that the program wrote to its terminal.
    pub fn terminal(&self) -> PathBuf {
        self.0.join("terminal.json")
    }

    /// When the screen last moved: awake milliseconds, eight bytes, rewritten in place. In a folder of its own, so that
    /// who watches the session's folder is not woken by each byte of output.
    pub fn screen_clock(&self) -> PathBuf {
        self.0.join("screen").join("moved")
    }

    /// What its agent said while the daemon did not answer, one file a call (C61a).
    pub fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }
}
