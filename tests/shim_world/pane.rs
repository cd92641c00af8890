//! A real tmux pane on a server of its own, with the shim as its process and the watcher at its output.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use dormouse::observe::FileChange;
use dormouse::shim::files::Terminal;
use regex::Regex;

use super::{Life, World, await_change, until};

pub struct Pane {
    socket: PathBuf,
}

impl Pane {
    pub fn open(world: &World, life: &Life<'_>) -> Self {
        let pane = Self { socket: world.path(&format!("{}.sock", life.launch.generation)) };
        let (program, dir) = (env!("CARGO_BIN_EXE_dormouse"), life.files.dir().display());
        let watch = format!("'{program}' shim watch '{dir}'");
        let made = pane.tmux(&[
            "start-server",
            ";",
            "set",
            "-g",
            "remain-on-exit",
            "on",
            ";",
            "new-session",
            "-d",
            "-s",
            "demo-ada",
            "-x",
            "100",
            "-y",
            "30",
            "--",
            program,
            "shim",
            "run",
            &dir.to_string(),
            ";",
            "pipe-pane",
            "-O",
            &watch,
        ]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        pane
    }

    fn command(&self) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.args(["-u", "-f", "/dev/null", "-S"]).arg(&self.socket).env_clear();
        tmux.env("PATH", std::env::var("PATH").unwrap()).env("LANG", "C.UTF-8");
        tmux
    }

    pub fn tmux(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    pub fn screen(&self) -> String {
        String::from_utf8(self.tmux(&["capture-pane", "-p"]).stdout).unwrap()
    }

    pub async fn shows(&self, pattern: &str) -> String {
        let pattern = Regex::new(pattern).unwrap();
        let mut screen = String::new();
        let mut looks = 0;
        until(|| {
            screen = self.screen();
            looks += 1;
            assert!(looks < 2000, "{pattern} is not to be seen on\n{screen}");
            pattern.is_match(&screen)
        })
        .await;
        screen
    }

    pub fn paste(&self, text: &str) {
        let mut tmux = self.command();
        tmux.args(["load-buffer", "-b", "m", "-", ";", "paste-buffer", "-dpr", "-b", "m"]).stdin(Stdio::piped());
        let mut child = tmux.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    pub fn keys(&self, keys: &[&str]) {
        let mut args = vec!["send-keys"];
        args.extend(keys);
        assert!(self.tmux(&args).status.success());
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// What the program said to its terminal, once it is such.
pub async fn said(life: &Life<'_>, mut such: impl FnMut(&Terminal) -> bool) -> Terminal {
    let change =
        await_change(&mut life.watch(), |change| matches!(change, FileChange::Terminal(seen) if such(seen))).await;
    match change {
        FileChange::Terminal(terminal) => terminal,
        other => unreachable!("{other:?} was not asked for"),
    }
}
