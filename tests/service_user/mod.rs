//! A user for whom a service is installed, and what is written for them.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::cli_support::{err, out, program};

/// What the shell that runs the tests may have, and these users have not.
const OF_WHOEVER_TESTS: [&str; 9] = [
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "XDG_RUNTIME_DIR",
    "CLAUDE_CONFIG_DIR",
    "CODEX_HOME",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "OPENAI_API_KEY",
];

/// A user with a folder of their own, and a `systemctl` that writes down what it is asked.
pub struct User {
    pub dir: TempDir,
}

impl User {
    pub fn new() -> Self {
        let user = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(user.path("bin")).unwrap();
        user.program("systemctl", &format!("echo \"$@\" >> '{}'", user.path("asked").display()));
        user.program("tmux", "true");
        user
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn program(&self, name: &str, does: &str) {
        let file = self.path("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{does}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = program(args);
        command.env("HOME", self.dir.path());
        for name in OF_WHOEVER_TESTS {
            command.env_remove(name);
        }
        command.env("PATH", format!("relative:{}:/usr/bin", self.path("bin").display()));
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        out(&output)
    }

    pub fn asked(&self) -> String {
        fs::read_to_string(self.path("asked")).unwrap_or_default()
    }
}

pub fn unit(user: &User, exec: &str) -> String {
    format!(
        r#"# Written by `dormouse service install`; `dormouse service uninstall` removes it.
[Unit]
Description=dormouse, which keeps a team of terminal agents one message away
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=exec
ExecStart="{}" {exec}
ExecReload=/bin/kill -HUP $MAINPID
Environment="PATH={}:/usr/bin"
# Only the daemon: sessions outlive it, and the next one goes on with them.
KillMode=process
OOMPolicy=continue
TasksMax=infinity
Restart=on-failure
RestartSec=2s
# Misuse, a refusal, a damaged journal: starting again would change nothing.
RestartPreventExitStatus=2 3 5

[Install]
WantedBy=default.target
"#,
        env!("CARGO_BIN_EXE_dormouse"),
        user.path("bin").display()
    )
}

/// The manager's own check, where there is one; what it is given is compared in any case.
pub fn is_a_unit(file: &Path) {
    let verify =
        Command::new("systemd-analyze").args(["--user", "verify"]).arg(file).env("XDG_RUNTIME_DIR", "/tmp").output();
    if let Ok(output) = verify {
        assert!(!err(&output).contains(&format!("{}:", file.display())), "{}", err(&output));
    }
}
