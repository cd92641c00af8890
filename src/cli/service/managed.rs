//! What the service manager is asked.

use std::fmt;
use std::path::Path;
use std::process::Command;

use super::Place;
use super::unit::Manager;

/// Why it did not do what it was asked.
#[derive(Debug)]
pub struct NotDone {
    asked: String,
    why: String,
    /// There is none, or none that answers: then it keeps nothing running either.
    pub is_absent: bool,
}

impl fmt::Display for NotDone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` {}", self.asked, self.why)
    }
}

impl Place {
    pub fn start(&self) -> Result<(), NotDone> {
        self.reload()?;
        match self.manager {
            Manager::Systemd => ask("systemctl", &["--user", "enable", "--now", &self.unit()]),
            Manager::Launchd => ask("launchctl", &["load", "-w", &self.shown()]),
        }
    }

    /// Reads the file: to be called while it is there.
    pub fn stop(&self) -> Result<(), NotDone> {
        match self.manager {
            Manager::Systemd => ask("systemctl", &["--user", "disable", "--now", &self.unit()]),
            Manager::Launchd => ask("launchctl", &["unload", "-w", &self.shown()]),
        }
    }

    pub fn reload(&self) -> Result<(), NotDone> {
        match self.manager {
            Manager::Systemd => ask("systemctl", &["--user", "daemon-reload"]),
            Manager::Launchd => Ok(()),
        }
    }

    /// What ends it by hand, whether or not there is a file.
    pub fn stop_by_hand(&self) -> String {
        match self.manager {
            Manager::Systemd => format!("systemctl --user stop {}", self.unit()),
            Manager::Launchd => format!("launchctl remove {}", self.name),
        }
    }

    /// How the service gets a variable that is in no file of ours.
    pub fn give_by_hand(&self) -> String {
        match self.manager {
            Manager::Systemd => format!(
                "`systemctl --user edit {}` with `EnvironmentFile=FILE` below `[Service]`, where FILE is yours alone (0600), \
                 gives them to it",
                self.unit()
            ),
            Manager::Launchd => "`launchctl setenv NAME VALUE`, then the service anew, gives them to it until you log \
                                 out"
            .to_owned(),
        }
    }

    /// What keeps the service beyond the user's last login, where nothing does yet.
    pub fn linger_hint(&self) -> Option<String> {
        let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten()?.name;
        let ends = self.manager == Manager::Systemd && !lingers(&user);
        ends.then(|| format!("`loginctl enable-linger {user}` keeps it and all sessions running when you log out"))
    }

    fn unit(&self) -> String {
        format!("{}.service", self.name)
    }
}

/// Without it the user's services, and every session, end with their last login. Where systemd does not run, nothing
/// ends them.
fn lingers(user: &str) -> bool {
    let asked = Command::new("loginctl").args(["show-user", user, "--property=Linger"]).output();
    match asked.as_ref().map(|output| output.stdout.trim_ascii()) {
        Ok(b"Linger=yes") => true,
        Ok(b"Linger=no") => false,
        // Of a user who is not logged in it says nothing; the file is there all the same.
        _ => {
            let systemd = Path::new("/var/lib/systemd");
            !systemd.is_dir() || systemd.join("linger").join(user).exists()
        }
    }
}

fn ask(program: &str, args: &[&str]) -> Result<(), NotDone> {
    let asked = format!("{program} {}", args.join(" "));
    let output = match Command::new(program).args(args).output() {
        Ok(output) => output,
        Err(error) => return Err(NotDone { asked, why: format!("cannot be run: {error}"), is_absent: true }),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    // The words of every systemctl that finds nobody to ask, up to 257 at least: to a bus, to a user's scope bus.
    let is_absent = said.starts_with("Failed to connect to ");
    Err(NotDone { asked, why: format!("failed: {said}"), is_absent })
}
