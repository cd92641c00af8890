//! A control group of its own for a session's tmux server. One that a user's service starts would live in the service's:
//! limits and `systemctl kill` of the daemon would reach every session.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::process::Command;

/// `systemd-run`, as long as it works.
#[derive(Debug)]
pub(super) struct Scope {
    program: PathBuf,
    /// Tried once in vain: each further try could take as long as a client may, of a start's time.
    failed: AtomicBool,
}

/// By which it finds the user's manager. Sessions go without them, as they do where there is no scope.
const MANAGER: [&str; 2] = ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

impl Scope {
    pub fn new(program: PathBuf) -> Self {
        Self { program, failed: AtomicBool::new(false) }
    }

    pub fn works(&self) -> bool {
        !self.failed.load(Ordering::Relaxed)
    }

    pub fn give_up(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Starts `program` in a scope that is gone with its last process. It becomes `program`: what is waited for, killed
    /// and locked by the caller is the same process.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear();
        for name in MANAGER {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.args(["--user", "--scope", "--quiet", "--collect", "--", "env"]);
        command.args(MANAGER.iter().flat_map(|name| ["-u", *name])).arg(program);
        command
    }
}

/// The `systemd-run` that is needed here; none: this process lives in no service of a user's, or there is none.
pub fn scopes_needed() -> Option<PathBuf> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = std::env::var_os("PATH").filter(|_| is_to_be_left(&groups))?;
    std::env::split_paths(&path).map(|folder| folder.join("systemd-run")).find(|file| file.is_file())
}

/// The service that a process lives in, as a path of units, by the text of its `/proc/PID/cgroup`.
pub fn service_of(groups: &str) -> Option<&str> {
    let path = groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        // The one hierarchy, or of several the one that is systemd's: the other one has everything at its root then.
        (["", "name=systemd"].contains(&controllers) && path != "/").then_some(path)
    })?;
    let (_, unit) = path.rsplit_once('/')?;
    // A user's manager is one too, and what it has not put elsewhere is nobody's.
    (unit.ends_with(".service") && !unit.starts_with("user@")).then_some(path)
}

/// One of the system's is not left: who puts the daemon there means its limits for all of it.
fn is_to_be_left(groups: &str) -> bool {
    service_of(groups).is_some_and(|path| path.contains("/user@"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_users_service_is_left() {
        let user = "/user.slice/user-1000.slice/user@1000.service";
        let of = |path: &str| (service_of(&format!("0::{path}\n")).is_some(), is_to_be_left(&format!("0::{path}\n")));
        assert_eq!(of(&format!("{user}/app.slice/dormouse.service")), (true, true));
        assert_eq!(of("/system.slice/dormouse.service"), (true, false), "the system's");
        assert_eq!(of(&format!("{user}/app.slice/run-r1.scope")), (false, false), "a scope already");
        assert_eq!(of("/user.slice/user-1000.slice/session-2.scope"), (false, false), "a login's shell");
        assert_eq!(of(user), (false, false), "the manager itself");
        assert_eq!(of("/"), (false, false));
        assert!(is_to_be_left(&format!("5:pids:/a.service\n1:name=systemd:{user}/a.service\n0::/\n")), "both versions");
    }
}
