//! What the machine takes without dormouse, and what the tool took that it replaces.

use std::env;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::clock::now_ns;
use super::reader::{Said, WORD};
use super::world::{Ear, ask_to_end, waited_for};

/// The reader started by itself: from the call until its first instruction.
pub fn spawn(place: &TempDir, ear: &Ear) -> u64 {
    let program = env::current_exe().expect("a program has a file");
    let mut command = Command::new(program);
    command.arg(WORD).arg(Ear::path(place)).stdin(Stdio::null());
    let called = now_ns();
    let mut child = command.spawn().expect("the reader starts");
    let born = ear.hear(Said::Born);
    child.wait().expect("the reader ends, without a terminal");
    born.at_ns - called
}

/// The least program there is, called as a hook is.
pub fn nothing() -> u64 {
    waited_for(&mut Command::new("/bin/true"), b"{}")
}

/// One small write into a file that has its blocks, made durable: what each commit of the journal costs.
pub struct Disk {
    file: File,
    at: u64,
}

impl Disk {
    pub fn prepare(place: &TempDir) -> Self {
        let file = File::create(place.path().join("floor")).expect("a file");
        file.write_all_at(&vec![0; 1 << 20], 0).and_then(|()| file.sync_all()).expect("a file with its blocks");
        Self { file, at: 0 }
    }

    pub fn sync(&mut self) -> u64 {
        self.sync_of(512)
    }

    /// The same with so many bytes in one write.
    pub fn sync_of(&mut self, bytes: usize) -> u64 {
        if self.at + bytes as u64 > 1 << 20 {
            self.at = 0;
        }
        let text = vec![7; bytes];
        let called = now_ns();
        self.file.write_all_at(&text, self.at).and_then(|()| self.file.sync_data()).expect("a durable write");
        let took = now_ns() - called;
        self.at += bytes as u64;
        took
    }
}

/// A tmux server of the bench's own, with the reader in its pane.
pub struct Plain<'a> {
    place: &'a TempDir,
    pid: u32,
}

/// From the call until the paste was read, and until its Enter was.
pub struct Typed {
    pub read_ns: u64,
    pub submitted_ns: u64,
}

impl<'a> Plain<'a> {
    /// Starts it; returns how long until the reader's first instruction too.
    pub fn start(place: &'a TempDir, ear: &Ear) -> (Self, u64) {
        let program = env::current_exe().expect("a program has a file");
        let called = now_ns();
        let mut new = tmux(place);
        new.args(["new-session", "-d", "-s", "plain", "-x", "200", "-y", "50", "--"]);
        new.arg(program).arg(WORD).arg(Ear::path(place));
        assert!(new.status().expect("tmux starts").success());
        let born = ear.hear(Said::Born);
        (Self { place, pid: born.pid }, born.at_ns - called)
    }

    /// As the tool did that dormouse replaces: each step a tmux client of its own, a fixed pause for the paste to
    /// land, the Enter in the hope that it has. Nothing is looked at, nothing is proven, nothing is durable.
    pub fn type_in(&self, ear: &Ear, text: &str) -> Typed {
        let called = now_ns();
        let mut load = tmux(self.place);
        let load = load.args(["load-buffer", "-b", "message", "-"]).stdin(Stdio::piped());
        let mut load = load.spawn().expect("tmux starts");
        load.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("tmux reads");
        assert!(load.wait().expect("tmux ends").success());
        self.run(&["paste-buffer", "-p", "-d", "-b", "message", "-t", "=plain:"]);
        thread::sleep(Duration::from_millis(300));
        self.run(&["send-keys", "-t", "=plain:", "Enter"]);
        let read_ns = ear.hear(Said::Read).at_ns - called;
        let submitted_ns = ear.hear(Said::Submitted).at_ns - called;
        Typed { read_ns, submitted_ns }
    }

    fn run(&self, args: &[&str]) {
        assert!(tmux(self.place).args(args).status().expect("tmux starts").success(), "{args:?}");
    }

    pub fn end(self, ear: &Ear) {
        ask_to_end(self.pid);
        ear.hear(Said::Ends);
    }
}

impl Drop for Plain<'_> {
    fn drop(&mut self) {
        let killed = tmux(self.place).arg("kill-server").stderr(Stdio::null()).status();
        drop(killed);
    }
}

fn tmux(place: &TempDir) -> Command {
    let mut command = Command::new("tmux");
    // Where its reader keeps its record, as well.
    command.args(["-f", "/dev/null", "-S"]).arg(place.path().join("plain.sock")).current_dir(place.path());
    command.env_remove("TMUX").stdin(Stdio::null());
    command
}
