//! A real daemon in a home of its own, the program in front of it, and an eye on its journal.
//!
//! Whatever becomes of a test, nothing of it is left: the daemon, its tmux clients and servers, and every session's
//! process tree end with the [`World`].
#![allow(dead_code, reason = "each test file uses its own part")]

mod ending;
mod screens;
mod tail;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use dormouse::home::Home;
use dormouse::model::record::Record;
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use tail::Tail;

/// For everything that has to happen at all: a loaded machine is slow, and a test that waits this long has failed.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// One home, with or without a daemon in it.
pub struct World {
    pub home: Home,
    daemon: Option<Child>,
    /// The pid of the one before.
    ended: Option<i32>,
    /// Of the daemon alone, from its next start on.
    pub daemon_args: Vec<String>,
    program: Program,
    dir: TempDir,
}

/// The program as it is run in one home; for threads of their own.
#[derive(Clone, Debug)]
pub struct Program {
    home: PathBuf,
    /// Of the daemon and of every verb.
    environment: Vec<(String, OsString)>,
}

impl Program {
    /// The program with `args`, away from any home and session of whoever runs the tests.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("DORMOUSE_") || name.starts_with("TMUX") {
                command.env_remove(name.as_ref());
            }
        }
        command.env("DORMOUSE_HOME", &self.home).env("NO_COLOR", "1");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(args).stdin(Stdio::null());
        command
    }
}

impl World {
    /// A home with these settings, the text of a `config.toml`. No daemon runs yet.
    pub fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::under(&dir.path().join("home"));
        fs::create_dir_all(home.runtimes()).unwrap();
        fs::write(home.config_file(), config).unwrap();
        let program = Program { home: home.config.clone(), environment: Vec::new() };
        Self { home, daemon: None, ended: None, daemon_args: Vec::new(), program, dir }
    }

    /// A home with these settings and a daemon that serves.
    pub fn started(config: &str) -> Self {
        let mut world = Self::new(config);
        world.start();
        world
    }

    /// Another home, from the next daemon on.
    pub fn move_to(&mut self, home: &Path) {
        self.home = Home::under(home);
        self.program.home = home.to_owned();
    }

    /// For the daemon from its next start on, and for every verb.
    pub fn set_env(&mut self, name: &str, value: impl Into<OsString>) {
        self.program.environment.push((name.to_owned(), value.into()));
    }

    /// A place for the test's own files, outside the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The file of a runtime of the user's own. Read at the next start.
    pub fn add_runtime(&self, name: &str, file: &str) {
        fs::write(self.home.runtimes().join(format!("{name}.toml")), file).unwrap();
    }

    /// Starts the daemon and returns once it serves.
    pub fn start(&mut self) {
        self.spawn();
        self.await_service();
    }

    /// Starts the daemon and returns at once.
    pub fn spawn(&mut self) {
        assert!(self.daemon.is_none(), "one daemon at a time");
        let log = OpenOptions::new().create(true).append(true).open(self.diagnostics()).unwrap();
        let mut command = self.command(&["daemon"]);
        command.args(&self.daemon_args);
        self.daemon = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// Returns once the daemon takes calls.
    ///
    /// Asked again and again: no event tells that somebody listens on a socket that lies there from an earlier daemon.
    pub fn await_service(&mut self) {
        let until = Instant::now() + DEADLINE;
        while !self.serves() {
            let ended = self.daemon.as_mut().and_then(|daemon| daemon.try_wait().unwrap());
            assert!(ended.is_none(), "the daemon ended at its start: {ended:?}\n{}", self.story());
            assert!(Instant::now() < until, "the daemon does not serve\n{}", self.story());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether somebody listens who is not the daemon of before: what that was about to run when it was killed holds its
    /// sockets until it runs, and a call that gets there is reset.
    fn serves(&self) -> bool {
        let listens = UnixStream::connect(self.home.control_socket()).ok();
        let whose = listens.and_then(|stream| socket_peercred(&stream).ok()).map(|it| it.pid.as_raw_nonzero().get());
        whose.is_some() && whose != self.ended
    }

    pub fn daemon_pid(&self) -> u32 {
        self.daemon.as_ref().expect("a daemon").id()
    }

    /// `kill -9` of the daemon alone: its clients and sessions live on.
    pub fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::KILL)
    }

    /// SIGTERM, and the daemon's own end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM)
    }

    /// Sends the daemon `signal` and returns once it has ended.
    pub fn signal(&mut self, signal: Signal) -> ExitStatus {
        let mut daemon = self.daemon.take().expect("a daemon");
        let pid = Pid::from_child(&daemon);
        self.ended = Some(pid.as_raw_nonzero().get());
        kill_process(pid, signal).unwrap();
        daemon.wait().unwrap()
    }

    /// As it is run in this home now.
    pub fn program(&self) -> Program {
        self.program.clone()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        self.program.command(args)
    }

    /// Runs a verb to its end, whatever comes of it.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a verb that must succeed prints.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}\n{}", output.status, text(&output.stderr));
        text(&output.stdout)
    }

    /// What a verb that must succeed says as JSON.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["--json"]].concat();
        serde_json::from_str(&self.ok(&args)).unwrap()
    }

    /// What a verb that must succeed says as a line of JSON for each record.
    #[track_caller]
    pub fn json_lines(&self, args: &[&str]) -> Vec<Value> {
        let args = [args, &["--json"]].concat();
        self.ok(&args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Makes a folder a peer named `name` and returns the folder. `args` go to `add`.
    #[track_caller]
    pub fn add_peer(&self, name: &str, args: &[&str]) -> PathBuf {
        let folder = self.path(name);
        fs::create_dir_all(&folder).unwrap();
        self.ok(&[&["add", folder.to_str().unwrap(), "--name", name], args].concat());
        folder
    }

    /// Follows the journal from its first record on.
    pub fn tail(&self) -> Tail {
        Tail::of(&self.home.journal())
    }

    /// The whole history so far.
    pub fn records(&self) -> Vec<Record> {
        self.tail().all()
    }

    /// The first record, from the beginning, that `wanted` takes; waits for it. On failure the story is told.
    #[track_caller]
    pub fn await_record<T>(&self, what: &str, mut wanted: impl FnMut(&Record) -> Option<T>) -> T {
        let mut tail = self.tail();
        match tail.find(DEADLINE, &mut wanted) {
            Some(found) => found,
            None => panic!("never came: {what}\n{}", self.story()),
        }
    }

    /// Panics unless `audit` finds every byte and every promise in order.
    #[track_caller]
    pub fn audit_is_clean(&self) -> Value {
        let output = self.run(&["audit", "--json"]);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let clean = output.status.code() == Some(0) && found["damage"] == json!([]) && found["violations"] == json!([]);
        let says = text(&output.stderr);
        assert!(clean, "{}\naudit: {says}\n{:#}\n{:#}", self.story(), found["damage"], found["violations"]);
        found
    }

    /// What a failed test shows: the end of the journal and of the daemon's diagnostics, and what is on the screens.
    pub fn story(&self) -> String {
        let log = self.command(&["log"]).output().map(|output| text(&output.stdout)).unwrap_or_default();
        let diagnostics = fs::read_to_string(self.diagnostics()).unwrap_or_default();
        let (log, diagnostics) = (end_of(&log, 120), end_of(&diagnostics, 30));
        format!("--- journal\n{log}\n--- diagnostics\n{diagnostics}{}", screens::of(&self.home))
    }

    /// What the daemons of this home wrote to standard error.
    pub fn diagnostics(&self) -> PathBuf {
        self.path("daemon.log")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        if std::thread::panicking() && std::env::var_os("DORMOUSE_TEST_KEEP").is_some() {
            // For whoever looks into a failure: a copy of the journal and the diagnostics stay.
            let kept = tempfile::tempdir().map(TempDir::keep);
            if let Ok(kept) = kept {
                copy(&self.home.journal(), &kept.join("journal"));
                let _ = fs::copy(self.diagnostics(), kept.join("daemon.log"));
                eprintln!("kept in {}", kept.display());
            }
        }
        ending::end_everything(&self.home);
    }
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::create_dir_all(to);
    for entry in fs::read_dir(from).into_iter().flatten().flatten().filter(|entry| entry.path().is_file()) {
        let _ = fs::copy(entry.path(), to.join(entry.file_name()));
    }
}

/// An empty file, there at once.
pub fn touch(path: &Path) {
    File::create(path).unwrap();
}

/// Waits for a condition the system has no event for.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < until, "never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn end_of(text: &str, lines_max: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(lines_max)..].join("\n")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
