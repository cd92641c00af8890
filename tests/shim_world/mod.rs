//! A home of its own with one peer, whose sessions are real processes.

#![allow(dead_code, reason = "each test file uses its part of it")]

pub mod pane;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use dormouse::home::{Home, SessionFiles};
use dormouse::model::effect::SessionName;
use dormouse::model::id::{Generation, Lsn};
use dormouse::observe::{FileChange, FileWatch, watch_files};
use dormouse::shim::files::{self, Born, Launch, Status};
use dormouse::shim::process;
use dormouse::shim::tree::kill_all;
use rustix::process::{Pid, Signal};
use tokio::time::timeout;

/// Longer than anything here takes, however busy the machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct World {
    dir: tempfile::TempDir,
    pub home: Home,
}

/// One generation of the peer.
pub struct Life<'a> {
    world: &'a World,
    pub name: SessionName,
    pub files: SessionFiles,
    pub launch: Launch,
}

/// A shim under way. Killed at the end of the test, if it is still there.
pub struct Shim(pub Child);

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::under(&dir.path().join("home"));
        fs::create_dir_all(dir.path().join("work")).unwrap();
        Self { dir, home }
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A generation that is wanted and would start `argv`.
    pub fn life(&self, generation: u64, argv: &[&str]) -> Life<'_> {
        let name = SessionName { peer: "demo-ada".parse().unwrap(), generation: Generation(Lsn(generation)) };
        let (files, presence) = (self.home.session(&name), self.home.identity(&name.peer));
        fs::create_dir_all(files.dir()).unwrap();
        fs::write(files.secret(), "secret").unwrap();
        let env = BTreeMap::from([
            ("PATH".to_owned(), std::env::var("PATH").unwrap()),
            ("DORMOUSE_SESSION".to_owned(), files.secret().to_str().unwrap().to_owned()),
        ]);
        let launch = Launch {
            generation,
            argv: argv.iter().map(ToString::to_string).collect(),
            folder: self.folder(),
            env,
            lock: presence.lock(),
            wanted: presence.wanted(),
            grace_ms: 300,
            resume_ref: None,
        };
        let life = Life { world: self, name, files, launch };
        life.write_launch();
        life.want();
        life
    }
}

/// Whatever a failed test leaves dies with its world.
impl Drop for World {
    fn drop(&mut self) {
        let peer = self.home.run.join("peers/demo-ada");
        for session in fs::read_dir(peer).into_iter().flatten().flatten() {
            let marker = process::marker(&SessionFiles::at(&session.path()).secret());
            kill_all(&process::marked(&marker, |_| false).unwrap_or_default());
        }
    }
}

impl Life<'_> {
    pub fn write_launch(&self) {
        files::write(&self.files.launch(), &self.launch).unwrap();
    }

    pub fn want(&self) {
        fs::write(&self.launch.wanted, self.launch.generation.to_string()).unwrap();
    }

    /// Runs the shim, outside any terminal but in a process group of its own.
    pub fn start(&self) -> Shim {
        let mut shim = Command::new(env!("CARGO_BIN_EXE_dormouse"));
        shim.args(["shim", "run"]).arg(self.files.dir()).process_group(0);
        Shim(shim.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    pub fn watch(&self) -> FileWatch {
        watch_files(&self.world.home, &self.name).unwrap()
    }

    pub async fn born(&self) -> Born {
        await_change(&mut self.watch(), |change| *change == FileChange::Born).await;
        files::read(&self.files.born()).unwrap().unwrap()
    }

    pub async fn ended(&self) -> Status {
        await_change(&mut self.watch(), |change| *change == FileChange::Status).await;
        self.status().unwrap()
    }

    pub fn status(&self) -> Option<Status> {
        files::read(&self.files.status()).unwrap()
    }

    /// Processes of this session, wherever they hang.
    pub fn left(&self) -> Vec<u32> {
        let marked = process::marked(&process::marker(&self.files.secret()), |_| false).unwrap();
        marked.into_iter().map(|held| held.pid).collect()
    }
}

pub async fn await_change(watch: &mut FileWatch, mut wanted: impl FnMut(&FileChange) -> bool) -> FileChange {
    let found = timeout(DEADLINE, async {
        loop {
            let change = watch.next().await.unwrap().expect("the session's folder stays");
            if wanted(&change) {
                return change;
            }
        }
    });
    found.await.expect("the change comes in time")
}

impl Shim {
    /// How it ended, once it has.
    pub async fn exit(mut self) -> ExitStatus {
        await_death(self.0.id()).await;
        self.0.wait().unwrap()
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Resolves when a process has ended.
pub async fn await_death(pid: u32) {
    let Some(held) = process::hold(pid).unwrap() else { return };
    #[expect(deprecated, reason = "its successor is unsafe")]
    let fd = tokio::io::unix::AsyncFd::with_interest(held.fd, tokio::io::Interest::READABLE).unwrap();
    let _ = timeout(DEADLINE, fd.readable()).await.expect("the process dies in time").unwrap();
}

/// Resolves when `condition` holds: for what no system call tells.
pub async fn until(mut condition: impl FnMut() -> bool) {
    let held = timeout(DEADLINE, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    held.await.expect("the condition holds in time");
}

pub fn signal(pid: u32, signal: Signal) {
    rustix::process::kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}
