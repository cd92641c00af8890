//! The text that a service manager is given (pure).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The first words of every file of ours: what lacks them is somebody else's.
pub const OURS: &str = "Written by `dormouse service install`";

/// Who keeps the daemon running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Manager {
    /// A user unit of systemd
    Systemd,
    /// An agent of launchd (macOS)
    Launchd,
}

/// What the daemon is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Without the manager's own ending.
    pub name: String,
    pub dormouse: PathBuf,
    /// None: the home of the XDG folders.
    pub home: Option<PathBuf>,
    /// `PATH` first, then what else the daemon and its programs go by. No secret: others may read the file.
    pub environment: Vec<(String, String)>,
    /// Where diagnostics go for a manager that keeps none.
    pub log: PathBuf,
}

impl Service {
    /// The file's text.
    pub fn text(&self, manager: Manager) -> String {
        match manager {
            Manager::Systemd => self.systemd(),
            Manager::Launchd => self.launchd(),
        }
    }

    fn argv(&self) -> Vec<String> {
        let home = self.home.iter().flat_map(|home| ["--home".to_owned(), shown(home)]);
        [shown(&self.dormouse)].into_iter().chain(home).chain(["daemon".to_owned()]).collect()
    }

    fn systemd(&self) -> String {
        let argv: Vec<String> = self.argv().iter().map(|word| quoted(word).replace('$', "$$")).collect();
        let environment = self.environment.iter().fold(String::new(), |mut text, (name, value)| {
            // A text without an end to write to cannot fail.
            let _ = writeln!(text, "Environment={}", quoted(&format!("{name}={value}")));
            text
        });
        format!(
            "# {OURS}; `dormouse service uninstall` removes it.\n\
             [Unit]\n\
             Description=dormouse, which keeps a team of terminal agents one message away\n\
             StartLimitIntervalSec=300\n\
             StartLimitBurst=5\n\
             \n\
             [Service]\n\
             Type=exec\n\
             ExecStart={}\n\
             ExecReload=/bin/kill -HUP $MAINPID\n\
             {environment}\
             # Only the daemon: sessions outlive it, and the next one goes on with them.\n\
             KillMode=process\n\
             OOMPolicy=continue\n\
             TasksMax=infinity\n\
             Restart=on-failure\n\
             RestartSec=2s\n\
             # Misuse, a refusal, a damaged journal: starting again would change nothing.\n\
             RestartPreventExitStatus=2 3 5\n\
             \n\
             [Install]\n\
             WantedBy=default.target\n",
            argv.join(" ")
        )
    }

    fn launchd(&self) -> String {
        let argv: String = self.argv().iter().map(|word| format!("        <string>{}</string>\n", xml(word))).collect();
        let pair = |(name, value): &(String, String)| {
            format!("        <key>{}</key>\n        <string>{}</string>\n", xml(name), xml(value))
        };
        let environment: String = self.environment.iter().map(pair).collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <!-- {OURS}; `dormouse service uninstall` removes it. -->\n\
             <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
             <plist version=\"1.0\">\n\
             <dict>\n    \
                 <key>Label</key>\n    <string>{}</string>\n    \
                 <key>ProgramArguments</key>\n    <array>\n{argv}    </array>\n    \
                 <key>EnvironmentVariables</key>\n    <dict>\n{environment}    </dict>\n    \
                 <key>RunAtLoad</key>\n    <true/>\n    \
                 <key>KeepAlive</key>\n    <dict>\n        <key>SuccessfulExit</key>\n        <false/>\n    </dict>\n    \
                 <!-- Only the daemon: sessions outlive it, and the next one goes on with them. -->\n    \
                 <key>AbandonProcessGroup</key>\n    <true/>\n    \
                 <key>StandardErrorPath</key>\n    <string>{}</string>\n\
             </dict>\n\
             </plist>\n",
            xml(&self.name),
            xml(&shown(&self.log))
        )
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// One word as systemd reads it: in quotes, on one line, and without its specifiers.
fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{}\"", escaped.replace('\n', "\\n").replace('\r', "\\r"))
}

/// The `PATH` that a file of ours has.
pub fn path_in(text: &str, manager: Manager) -> Option<String> {
    match manager {
        Manager::Systemd => {
            let value = text.lines().find_map(|line| line.strip_prefix("Environment=\"PATH="))?.strip_suffix('"')?;
            Some(value.replace("%%", "%").replace("\\\"", "\"").replace("\\\\", "\\"))
        }
        Manager::Launchd => {
            let (_, behind) = text.split_once("<key>PATH</key>")?;
            let (value, _) = behind.split_once("<string>")?.1.split_once("</string>")?;
            Some(value.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
        }
    }
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The service's name: one home is plain, any other is told by its folder.
pub fn name(home: Option<&Path>, manager: Manager) -> String {
    let plain = match manager {
        Manager::Systemd => "dormouse",
        Manager::Launchd => "org.dormouse.daemon",
    };
    let Some(home) = home else { return plain.to_owned() };
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let folder: String = shown(home).chars().map(word).collect();
    format!("{plain}-{}", folder.trim_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `doctor` looks into is what was written.
    #[test]
    fn a_path_is_read_back_as_it_was_written() {
        let path = "/a b/\"c\"&d<e>:/50%/x\\y:/usr/bin".to_owned();
        let environment = vec![("PATH".to_owned(), path.clone())];
        let (dormouse, log) = (PathBuf::from("/d"), PathBuf::from("/l"));
        let service = Service { name: "dormouse".to_owned(), dormouse, home: None, environment, log };
        for manager in [Manager::Systemd, Manager::Launchd] {
            assert_eq!(path_in(&service.text(manager), manager).as_ref(), Some(&path), "{manager:?}");
        }
        assert_eq!(path_in("[Service]\n", Manager::Systemd), None);
    }
}
