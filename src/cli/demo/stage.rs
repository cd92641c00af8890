//! The tour's temporary home: set up, opened with a daemon, and struck again whatever happened on it.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::inotify;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::super::error::CliError;
use super::follow::Follower;
use super::listen::{Ear, end, failed};
use crate::executor::Executor;
use crate::executor::tmux::wait_for_clients;
use crate::home::{Home, SOCKET_BYTES_MAX};
use crate::protocol::Problem;
use crate::runtime::Runtimes;

/// A tour has no hour to wait for a peer to be idle.
const SETTINGS: &str = "\
# What `dormouse config` shows, as far as the tour needs it shorter.
idle = \"5s\"                # default 1h
ephemeral_quiet = \"300ms\"  # default 20s
";
/// How long a daemon may take to end when it is asked to.
const END: Duration = Duration::from_secs(5);

/// A home of the tour's own, and who runs in it.
#[derive(Debug)]
pub struct Stage {
    pub dir: PathBuf,
    home: Home,
    /// This very program.
    program: PathBuf,
    ear: Ear,
    daemon: Option<Child>,
    follower: Option<Follower>,
    struck: bool,
}

impl Stage {
    /// Makes the home; nothing runs in it yet.
    pub fn set() -> Result<Self, CliError> {
        let ear = Ear::open()?;
        let program = env::current_exe().map_err(failed("find its own program"))?;
        let dir = make_folder()?;
        let home = Home::under(&dir);
        let stage = Self { dir, home, program, ear, daemon: None, follower: None, struck: false };
        fs::write(stage.home.config_file(), SETTINGS).map_err(failed("write its settings"))?;
        Ok(stage)
    }

    /// Starts the daemon and waits until it serves.
    pub fn open(&mut self) -> Result<(), CliError> {
        DirBuilder::new().mode(0o700).create(&self.home.run).map_err(failed("make its folder"))?;
        let socket = SocketWatch::on(&self.home.run)?;
        let log = File::create(self.daemon_log_file()).map_err(failed("write the daemon's log"))?;
        let mut daemon = self.dormouse(&["daemon"]);
        // A group of its own: Ctrl-C is for the tour, which then ends it in order.
        daemon.process_group(0).stdout(Stdio::piped()).stderr(log);
        let mut daemon = daemon.spawn().map_err(failed("start the daemon"))?;
        let stdout = daemon.stdout.take();
        self.daemon = Some(daemon);
        let Some(stdout) = stdout else { return Err(Problem::failed("the daemon has no output").into()) };
        let deadline = Ear::deadline();
        while UnixStream::connect(self.home.control_socket()).is_err() {
            self.ear.wait(&[socket.0.as_fd(), stdout.as_fd()], deadline, "the daemon")?;
            if !socket.has_news()? {
                return Err(Problem::failed("the daemon ended as it started").into());
            }
        }
        self.follower = Some(Follower::start(self.dormouse(&["log", "--follow", "--json"]))?);
        Ok(())
    }

    /// The program, in this home and away from the caller's own.
    fn dormouse(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"DORMOUSE_")) {
            command.env_remove(name);
        }
        command.args(args).env("DORMOUSE_HOME", &self.dir).current_dir(&self.dir).stdin(Stdio::null());
        command
    }

    /// Runs a verb and returns what it printed.
    ///
    /// # Errors
    ///
    /// It did not end well: with what it printed.
    pub fn run(&mut self, args: &[&str]) -> Result<String, CliError> {
        let command = self.dormouse(args);
        let what = format!("`dormouse {}`", args.first().unwrap_or(&""));
        let (status, printed) = self.ear.hear(command, &what)?;
        if status.success() {
            return Ok(printed);
        }
        Err(Problem::failed(format!("{what} failed: {}", printed.trim())).into())
    }

    /// The first record that `is_it`, be it an old one or one to come.
    pub fn await_record(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Result<Value, CliError> {
        match &mut self.follower {
            Some(follower) => follower.await_record(&mut self.ear, what, is_it),
            None => Err(Problem::failed("nobody follows the journal").into()),
        }
    }

    fn daemon_log_file(&self) -> PathBuf {
        self.dir.join("daemon.log")
    }

    /// The last line of the daemon's diagnostics, if it said anything but that all is well.
    pub fn daemon_log(&self) -> String {
        let said = fs::read_to_string(self.daemon_log_file()).unwrap_or_default();
        said.lines().rfind(|line| !line.contains(" INFO ")).unwrap_or_default().to_owned()
    }

    /// Ends everything that runs here and removes the home, unless it is to be kept. Returns what is left.
    pub fn strike(mut self, keep: bool) -> Result<Option<PathBuf>, CliError> {
        self.struck = true;
        self.end_all()?;
        if keep {
            return Ok(Some(self.dir.clone()));
        }
        fs::remove_dir_all(&self.dir).map_err(failed("remove its home"))?;
        Ok(None)
    }

    fn end_all(&mut self) -> Result<(), CliError> {
        self.follower = None;
        if let Some(mut daemon) = self.daemon.take() {
            end_in_order(&mut daemon);
            self.end_sessions()?;
        }
        Ok(())
    }

    /// A daemon leaves its sessions running. These are ended as the orphans they are now.
    fn end_sessions(&self) -> Result<(), CliError> {
        if self.home.clients().exists() {
            wait_for_clients(&self.home.clients()).map_err(failed("wait for tmux"))?;
        }
        let runtimes = Arc::new(Runtimes::load(&self.home.runtimes())?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(failed("end its sessions"))?.block_on(async {
            let (reports, _unheard) = tokio::sync::mpsc::unbounded_channel();
            let texts = Arc::new(|_| Err("nothing is delivered any more".to_owned()));
            Executor::new(self.home.clone(), runtimes, reports, texts).end_orphans(&[]).await;
        });
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.struck {
            // Whatever made the tour end is the better story than what this could add.
            let _ = self.end_all();
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Asks the daemon to end, and makes sure of it.
fn end_in_order(daemon: &mut Child) {
    let asked = i32::try_from(daemon.id()).ok().and_then(Pid::from_raw).map(|pid| {
        // Not waited for yet, so the number is still its own.
        let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty());
        let _ = kill_process(pid, Signal::TERM);
        pidfd
    });
    if let Some(Ok(pidfd)) = asked {
        let mut fds = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
        let limit = rustix::event::Timespec { tv_sec: END.as_secs().cast_signed(), tv_nsec: 0 };
        let _ = rustix::event::poll(&mut fds, Some(&limit));
    }
    end(daemon);
}

/// A private folder for this tour, short enough for the sockets in it.
fn make_folder() -> Result<PathBuf, CliError> {
    let usual = env::temp_dir();
    let fits =
        |dir: &Path| Home::under(&dir.join("dormouse-demo-4194304-99")).tmux_socket_bytes_max() <= SOCKET_BYTES_MAX;
    let parent = if fits(&usual) { usual } else { PathBuf::from("/tmp") };
    for number in 1..100 {
        let dir = parent.join(format!("dormouse-demo-{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&dir) {
            // Where it really is: peers are known by their real folders.
            Ok(()) => return dir.canonicalize().map_err(failed("find its home")),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("make its home")(error)),
        }
    }
    Err(Problem::failed(format!("{} is full of tours", parent.display())).into())
}

/// Whatever happens in the folder of the control socket.
struct SocketWatch(OwnedFd);

impl SocketWatch {
    fn on(dir: &Path) -> Result<Self, CliError> {
        let watch = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK);
        let watch = watch.map_err(failed("watch its folder"))?;
        // Its mode is set once it can be reached.
        let events = inotify::WatchFlags::CREATE | inotify::WatchFlags::ATTRIB;
        inotify::add_watch(&watch, dir, events).map_err(failed("watch its folder"))?;
        Ok(Self(watch))
    }

    fn has_news(&self) -> Result<bool, CliError> {
        let mut events = [0_u8; 4096];
        match rustix::io::read(&self.0, &mut events) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::AGAIN) => Ok(false),
            Err(errno) => Err(failed("watch its folder")(errno)),
        }
    }
}
