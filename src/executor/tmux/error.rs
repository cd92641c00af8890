//! What can go wrong with a question to tmux. "Could not ask" and "answered no" are never the same (C43).

use std::io;
use std::path::PathBuf;

/// A question to tmux without a good answer.
#[derive(Debug, thiserror::Error)]
pub enum TmuxError {
    /// No process: the program is missing, or the system has no room for one more.
    #[error("could not start `{}`", program.display())]
    NotStarted {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("could not keep the client's file {}", path.display())]
    ClientFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("could not talk to the tmux client ({command})")]
    Broken {
        command: String,
        #[source]
        source: io::Error,
    },
    #[error("tmux did not answer in {deadline_ms} ms ({command})")]
    TimedOut { command: String, deadline_ms: u64 },
    /// It failed in a way we do not know as an answer. `code` is its own exit code; none if it was killed.
    #[error("tmux failed ({command}): {said}")]
    Failed { command: String, said: String, code: Option<i32> },
    #[error("tmux answered `{found}` ({command}), expected {expected}")]
    Unexpected { command: String, found: String, expected: &'static str },
    /// Nobody listens on this socket.
    #[error("no tmux server on {}", socket.display())]
    NoServer { socket: PathBuf },
    /// The server is there and knows no such session or pane.
    #[error("tmux has no such target ({command}): {said}")]
    NoTarget { command: String, said: String },
    /// The server already has a session of this name.
    #[error("tmux has this session already: {said}")]
    Duplicate { said: String },
}

impl TmuxError {
    /// tmux was asked and said no. Everything else is "not known", and nothing may be decided on it (C43).
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::NoServer { .. } | Self::NoTarget { .. } | Self::Duplicate { .. })
    }

    /// Whether the last command of the queue that failed was certainly not done: no client came to life, or it gave up
    /// by itself, which it does at the first command that fails. One that was killed, or whose server went away, may
    /// have been heard to the end.
    pub fn stopped_short(&self) -> bool {
        match self {
            Self::NotStarted { .. } | Self::ClientFile { .. } => true,
            Self::Failed { said, code, .. } => {
                code.is_some() && !["server exited", "lost server"].iter().any(|lost| said.contains(lost))
            }
            _ => false,
        }
    }

    /// What a client said on its standard error before it failed.
    pub(super) fn from_client(
        socket: Option<&std::path::Path>,
        command: String,
        said: &str,
        code: Option<i32>,
    ) -> Self {
        let said = said.trim().to_owned();
        let absent = said.starts_with("error connecting to") && said.ends_with("(No such file or directory)");
        match socket {
            Some(socket) if absent || said.starts_with("no server running on") => {
                Self::NoServer { socket: socket.to_owned() }
            }
            Some(_) if said.contains("can't find ") || said.contains("target pane has exited") => {
                Self::NoTarget { command, said }
            }
            Some(_) if said.starts_with("duplicate session") => Self::Duplicate { said },
            _ => Self::Failed { command, said, code },
        }
    }
}

/// An error with its causes, on one line, for an event's text.
pub fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// C43: only what tmux is known to say is an answer.
    #[test]
    fn c43_a_failure_nobody_knows_is_no_answer() {
        let said = |text: &str| TmuxError::from_client(Some(Path::new("/s")), "has-session".to_owned(), text, Some(1));
        assert!(said("no server running on /s").is_answer());
        assert!(said("error connecting to /s (No such file or directory)").is_answer());
        assert!(said("can't find session: x").is_answer());
        assert!(said("duplicate session: x").is_answer());
        assert!(!said("error connecting to /s (Permission denied)").is_answer());
        assert!(!said("server exited unexpectedly").is_answer());
        assert!(!said("fork failed: Resource temporarily unavailable").is_answer());
        assert!(!said("").is_answer());
    }

    /// C13, C14: what may have been typed is told from what certainly was not.
    #[test]
    fn c13_a_client_that_gave_up_by_itself_has_not_come_to_its_last_command() {
        let failed = |said: &str, code| TmuxError::from_client(Some(Path::new("/s")), String::new(), said, code);
        assert!(failed("fork failed: Resource temporarily unavailable", Some(1)).stopped_short());
        assert!(!failed("server exited unexpectedly", Some(1)).stopped_short());
        assert!(!failed("lost server", Some(1)).stopped_short());
        assert!(!failed("", None).stopped_short(), "killed");
    }
}
