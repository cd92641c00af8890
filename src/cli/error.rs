//! How a verb fails: its exit code, its one sentence, and the next step. The only place that writes `error:`.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use super::capsule::asked;
use crate::config::{ConfigError, HomeError};
use crate::daemon::control::{LockError, SocketError};
use crate::daemon::run::DaemonError;
use crate::journal::salvage::SalvageError;
use crate::journal::{OpenError, ReadError};
use crate::model::id::Lsn;
use crate::model::settings::SettingPlace;
use crate::observe::spool::SpoolError;
use crate::protocol::{Problem, ProblemCode, ReplyError};
use crate::runtime::RuntimeFileError;

/// How a verb ended, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Refused = 3,
    NotRunning = 4,
    Damaged = 5,
    TimedOut = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a verb was not done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// As the daemon says it.
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error("no daemon answers on {}", socket.display())]
    NotRunning {
        socket: PathBuf,
        /// Only a question was put, which changes nothing.
        asked: bool,
        source: io::Error,
    },
    #[error("the daemon did not answer within {patience_ms} ms")]
    NoAnswer { patience_ms: u128 },
    #[error("the connection to the daemon was lost before its answer")]
    Lost { source: io::Error },
    /// Nothing is lost with the daemon: the message is durable, only the waiting is over.
    #[error("the daemon went away while message {message} was waited for; it is accepted")]
    LeftAlone { message: String },
    #[error(transparent)]
    Unreadable(#[from] ReplyError),
    /// What clap would say if it could know.
    #[error("{why}")]
    Usage { why: String, hint: Option<String> },
    #[error("cannot read the session's secret {}", path.display())]
    Secret { path: PathBuf, source: io::Error },
    #[error("neither the daemon nor the session's spool took the call")]
    Spool { source: SpoolError },
    #[error("cannot read {what}")]
    Text { what: String, source: io::Error },
    #[error("{what} is not UTF-8: byte {offset} is no part of a character")]
    NotUtf8 { what: String, offset: usize },
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Runtime(#[from] RuntimeFileError),
    #[error(transparent)]
    Journal(#[from] ReadError),
    /// There was an answer all the same.
    #[error("{}; what was said {}", places(errors), rests_on(*as_of))]
    Partly { errors: Vec<ReadError>, as_of: Option<Lsn> },
    /// There was none, and what cannot be read may hold it.
    #[error("{}; nothing that can be read answers this", places(errors))]
    Unanswered { errors: Vec<ReadError> },
    /// The records that are left are many, and a state takes all of them.
    #[error(
        "how things stood cannot be told: {}; and no snapshot tells what they had come to by then",
        sentence(error)
    )]
    Untold { error: ReadError },
    #[error(transparent)]
    Salvage(#[from] SalvageError),
    #[error("cannot run {program}")]
    Program { program: String, source: io::Error },
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error("cannot write the output")]
    Output { source: io::Error },
    #[error("cannot write {}", file.display())]
    File { file: PathBuf, source: io::Error },
}

impl CliError {
    /// The word scripts know it by.
    pub fn code(&self) -> &'static str {
        match self {
            CliError::Problem(problem) => code_word(problem.code),
            CliError::NotRunning { .. } | CliError::LeftAlone { .. } => "daemon_not_running",
            CliError::NoAnswer { .. } => "timed_out",
            CliError::Journal(error) if error.is_damage() => "journal_damaged",
            CliError::Partly { .. } | CliError::Unanswered { .. } | CliError::Untold { .. } => "journal_damaged",
            CliError::Daemon(DaemonError::Journal(error)) if error.is_damage() => "journal_damaged",
            CliError::Journal(ReadError::Newer { .. } | ReadError::Unknown { .. }) => "refused",
            CliError::Daemon(DaemonError::Journal(OpenError::Newer { .. } | OpenError::UnknownKind { .. })) => {
                "refused"
            }
            CliError::Daemon(DaemonError::Lock(LockError::Held { .. })) => "refused",
            CliError::Daemon(DaemonError::Socket(SocketError::TooLong { .. })) => "refused",
            CliError::Salvage(SalvageError::Read(error)) if error.is_damage() => "journal_damaged",
            CliError::Salvage(SalvageError::NotEmpty { .. }) => "refused",
            CliError::Usage { .. } | CliError::Config(ConfigError::UnknownFlag { .. }) => "usage",
            CliError::Config(ConfigError::Value { place: SettingPlace::Flag { .. }, .. }) => "usage",
            CliError::NotUtf8 { .. } => "refused",
            _ => "failed",
        }
    }

    pub fn exit(&self) -> Exit {
        match self.code() {
            "usage" => Exit::Usage,
            "refused" | "journal_refuses" => Exit::Refused,
            "timed_out" => Exit::TimedOut,
            "daemon_not_running" => Exit::NotRunning,
            "journal_damaged" => Exit::Damaged,
            _ => Exit::Failed,
        }
    }

    /// The bytes are at fault, not the circumstances.
    pub fn is_damage(&self) -> bool {
        self.code() == "journal_damaged"
    }

    /// The next step, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            CliError::Problem(problem) => problem.hint.clone(),
            CliError::NotRunning { asked: true, .. } => Some("`dormouse daemon` runs it".to_owned()),
            CliError::NotRunning { .. } => Some("`dormouse daemon` runs it; nothing was accepted".to_owned()),
            CliError::LeftAlone { message } => {
                Some(format!("`dormouse why {message}` says what becomes of it; sent again, it would arrive twice"))
            }
            CliError::Spool { .. } => {
                let says = "nothing was done. Where a sandbox keeps this program from both, the tools `send_to_peer` and `done` \
                            do the same";
                Some(says.to_owned())
            }
            CliError::NoAnswer { .. } | CliError::Lost { .. } => {
                Some("whether it was done is not known: `dormouse log` says what the journal holds".to_owned())
            }
            CliError::Usage { hint, .. } => hint.clone(),
            CliError::Untold { .. } => {
                let of = asked::option();
                Some(format!(
                    "`dormouse log{of}`, `why`, `audit` and `journal export` answer from the records that are left, and \
                     `journal verify` says all that is damaged; nothing is mended in place"
                ))
            }
            CliError::Config(ConfigError::UnknownFlag { .. }) => Some("`dormouse config` lists all of them".to_owned()),
            CliError::Config(ConfigError::Unknown { .. }) => {
                Some("without that line `dormouse config` lists all of them".to_owned())
            }
            CliError::Journal(_) | CliError::Partly { .. } | CliError::Unanswered { .. } | CliError::Daemon(_)
                if self.code() == "journal_damaged" =>
            {
                let of = asked::option();
                Some(format!(
                    "`dormouse journal verify{of}` says all that is damaged, and `dormouse journal salvage --to DIR{of}` \
                     copies what can be read; nothing is mended in place"
                ))
            }
            CliError::Daemon(DaemonError::Lock(LockError::Held { .. })) => {
                Some("one daemon serves a home; `--home DIR` names another".to_owned())
            }
            CliError::Daemon(DaemonError::Runtimes(_)) => {
                Some("correct the file, or move it out of its folder; sessions go on meanwhile".to_owned())
            }
            CliError::Daemon(DaemonError::Socket(SocketError::TooLong { .. })) => {
                Some("`--home DIR` or `XDG_RUNTIME_DIR` with a shorter path".to_owned())
            }
            CliError::Daemon(DaemonError::Journal(OpenError::UnknownKind { writer: Some(version), .. })) => Some(
                format!("install dormouse {version} or newer; nothing was changed, and `dormouse log` can be read"),
            ),
            CliError::Daemon(DaemonError::Journal(OpenError::Newer { .. } | OpenError::UnknownKind { .. }))
            | CliError::Journal(ReadError::Newer { .. } | ReadError::Unknown { .. }) => {
                Some("install the dormouse that wrote it, or a newer one; nothing was changed".to_owned())
            }
            CliError::Journal(ReadError::NoJournal { below: Some(below), .. }) => {
                Some(format!("{} is one", below.display()))
            }
            CliError::Journal(ReadError::NoJournal { .. }) => {
                Some("the first `dormouse daemon` makes it; `--home` or `--journal` names another".to_owned())
            }
            CliError::Journal(ReadError::Removed { .. }) => {
                Some("`retain_bytes` or `retain_age` says so; run it again to read what is kept".to_owned())
            }
            CliError::Salvage(SalvageError::NotEmpty { .. }) => {
                Some("`--to` names an empty folder, or one that is not there yet; nothing was written".to_owned())
            }
            CliError::Salvage(SalvageError::Write { .. }) => {
                Some("the old journal is as it was; remove what is in the new folder before the next try".to_owned())
            }
            CliError::Secret { .. } => {
                Some("`DORMOUSE_SESSION` names a session that has ended; unset it outside sessions".to_owned())
            }
            CliError::NotUtf8 { .. } => Some("messages are UTF-8 text; the message was not accepted".to_owned()),
            _ => None,
        }
    }

    /// The very same call may succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            CliError::Problem(problem) => problem.retryable,
            CliError::NotRunning { .. } | CliError::Journal(ReadError::Removed { .. }) => true,
            _ => false,
        }
    }

    /// The sentence with its causes, outermost first.
    pub fn sentence(&self) -> String {
        sentence(self)
    }

    /// Whoever read our output has had enough: nothing to complain about.
    fn is_broken_pipe(&self) -> bool {
        matches!(self, CliError::Output { source } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Says it on standard error, and how the process ends.
    pub fn report(&self, json: bool) -> Exit {
        if self.is_broken_pipe() {
            return Exit::Done;
        }
        complain(self.code(), &asked::reworded(&self.sentence()), self.hint().as_deref(), self.retryable(), json);
        self.exit()
    }
}

fn places(errors: &[ReadError]) -> String {
    errors.iter().map(|error| sentence(error)).collect::<Vec<_>>().join("; ")
}

fn rests_on(as_of: Option<Lsn>) -> String {
    match as_of {
        Some(lsn) => format!("is as of record {lsn}"),
        None => "rests on the records that can be read".to_owned(),
    }
}

/// An error with its causes, outermost first.
pub fn sentence(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence.push_str(": ");
        sentence.push_str(&error.to_string());
        cause = error.source();
    }
    sentence
}

/// Writes a warning where errors go: what was asked is done, and somebody should know more.
pub fn warn(message: &str, hint: &str, json: bool) {
    let mut err = io::stderr().lock();
    // That nobody can be told is no error.
    let _ = if json {
        writeln!(err, "{}", serde_json::json!({ "warning": { "message": message, "hint": hint } }))
    } else {
        let [warning, note, plain] = if coloured() { ["\x1b[1;33m", "\x1b[1;36m", "\x1b[0m"] } else { [""; 3] };
        writeln!(err, "{warning}warning:{plain} {message}\n{note}hint:{plain} {hint}")
    };
}

/// Writes an error where errors go. That nobody can be told is no further error.
pub fn complain(code: &str, message: &str, hint: Option<&str>, retryable: bool, json: bool) {
    let mut err = io::stderr().lock();
    let _ = if json {
        let error = serde_json::json!({
            "error": { "code": code, "message": message, "hint": hint, "retryable": retryable }
        });
        writeln!(err, "{error}")
    } else {
        let [error, note, plain] = if coloured() { ["\x1b[1;31m", "\x1b[1;36m", "\x1b[0m"] } else { [""; 3] };
        writeln!(err, "{error}error:{plain} {message}")
            .and_then(|()| hint.map_or(Ok(()), |hint| writeln!(err, "{note}hint:{plain} {hint}")))
    };
}

fn coloured() -> bool {
    let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !asked_not_to && io::stderr().is_terminal()
}

fn code_word(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::Usage => "usage",
        ProblemCode::Refused => "refused",
        ProblemCode::Failed => "failed",
        ProblemCode::TimedOut => "timed_out",
        ProblemCode::Version => "version",
        ProblemCode::JournalRefuses => "journal_refuses",
        ProblemCode::Busy => "busy",
        ProblemCode::Ending => "ending",
        ProblemCode::NotDelivered => "not_delivered",
        ProblemCode::NoReply => "no_reply",
    }
}
