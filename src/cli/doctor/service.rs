//! The daemon: whether one serves this home, and what it sees of the world.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::finding::Finding;
use super::journal::Past;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::config::SettingFlag;
use crate::protocol::{Problem, ProblemCode, Verb, Viewed};

/// The daemon's surroundings; without a daemon those that one started here would have.
pub struct Service {
    pub pid: Option<u32>,
    /// The program that runs as the daemon, which is what `{dormouse}` stands for in its sessions.
    pub dormouse: PathBuf,
    /// What it was given with `--set`.
    pub flags: Vec<SettingFlag>,
    environment: BTreeMap<OsString, OsString>,
}

impl Service {
    /// As a daemon that is started here would have it.
    pub fn here() -> Self {
        Self { pid: None, dormouse: own(), flags: Vec::new(), environment: env::vars_os().collect() }
    }
}

/// Whether a daemon serves `context`'s home.
pub fn examine(context: &Context, past: &Past) -> (Finding, Service) {
    let socket = context.home.control_socket();
    let Ok(stream) = UnixStream::connect(&socket) else {
        let last = past.state.daemon.as_ref().filter(|daemon| daemon.running);
        let ended = last.map_or_else(String::new, |it| format!("; process {} ended without a word", it.pid));
        let says = format!("none answers on {}{ended}", socket.display());
        let finding = Finding::warn("daemon", says, "`dormouse daemon` runs it");
        return (finding, Service::here());
    };
    // Of whoever listens, as the kernel knows it.
    let peer = rustix::net::sockopt::socket_peercred(&stream);
    let pid = peer.ok().and_then(|peer| u32::try_from(peer.pid.as_raw_nonzero().get()).ok());
    let environment = pid.and_then(environment_of).unwrap_or_else(|| env::vars_os().collect());
    let (flags, dormouse) = (pid.map(flags_of).unwrap_or_default(), pid.and_then(program_of).unwrap_or_else(own));
    (answers(context, past, pid), Service { pid, dormouse, flags, environment })
}

fn answers(context: &Context, past: &Past, pid: Option<u32>) -> Finding {
    let process = pid.map_or("a process".to_owned(), |pid| format!("process {pid}"));
    let restart = || {
        let kill = pid.map_or("end it with SIGTERM".to_owned(), |pid| format!("`kill {pid}`"));
        format!("{kill}, then `dormouse daemon`; sessions go on meanwhile")
    };
    let asked: Result<Viewed, CliError> = context.ask(Verb::Ls);
    match asked {
        Ok(_) => {
            let own = env!("CARGO_PKG_VERSION");
            let running = past.daemon.as_ref().filter(|daemon| Some(daemon.pid) == pid).map(|it| it.version.as_str());
            match running {
                Some(version) if version != own => {
                    let says = format!("{process} serves, as version {version}; this program is {own}");
                    Finding::warn("daemon", says, restart())
                }
                _ => Finding::ok("daemon", format!("{process} serves, version {}", running.unwrap_or(own))),
            }
        }
        Err(CliError::Problem(Problem { code: ProblemCode::Version, message, .. })) => {
            Finding::fail("daemon", message, restart())
        }
        Err(error) => Finding::fail("daemon", format!("{process}: {}", error.sentence()), restart()),
    }
}

/// Readable for its own user only, which is us or nobody's business.
fn environment_of(pid: u32) -> Option<BTreeMap<OsString, OsString>> {
    let text = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let pairs = text.split(|&byte| byte == 0).filter_map(|pair| {
        let at = pair.iter().position(|&byte| byte == b'=')?;
        Some((OsString::from_vec(pair[..at].to_vec()), OsStr::from_bytes(&pair[at + 1..]).to_owned()))
    });
    Some(pairs.collect())
}

fn own() -> PathBuf {
    env::current_exe().unwrap_or_default()
}

/// Its path as it was when the daemon started: after an upgrade in place another file of the same name serves as well.
fn program_of(pid: u32) -> Option<PathBuf> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let named = path.as_os_str().as_bytes();
    Some(PathBuf::from(OsStr::from_bytes(named.strip_suffix(b" (deleted)").unwrap_or(named))))
}

fn flags_of(pid: u32) -> Vec<SettingFlag> {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<&str> = text.split(|&byte| byte == 0).filter_map(|word| str::from_utf8(word).ok()).collect();
    let apart = words.windows(2).filter(|pair| pair[0] == "--set").map(|pair| pair[1]);
    let joined = words.iter().filter_map(|word| word.strip_prefix("--set="));
    apart.chain(joined).filter_map(|flag| flag.parse().ok()).collect()
}

impl Service {
    pub fn environment(&self) -> impl Iterator<Item = (OsString, OsString)> {
        self.environment.clone().into_iter()
    }

    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The file that `program` starts, looked for in `path` or else in the daemon's own `PATH`.
    pub fn find(&self, program: &str, path: Option<&str>) -> Option<PathBuf> {
        if program.contains('/') {
            return Some(PathBuf::from(program)).filter(|file| is_program(file));
        }
        let path = path.map(OsStr::new).or_else(|| self.variable("PATH"))?;
        env::split_paths(path).map(|folder| folder.join(program)).find(|file| is_program(file))
    }
}

fn is_program(file: &Path) -> bool {
    file.is_file() && access(file, Access::EXEC_OK).is_ok()
}
