//! The stage between shim and program: what has to be said of a process by itself, then `exec`.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::io::Errno;
use rustix::process::{Signal, set_parent_process_death_signal};

use super::files::{self, Launch};
use super::report::{NotStarted, Teller};
use crate::home::SessionFiles;

/// What tmux says of its terminal, and nobody else knows.
const FROM_TERMINAL: [&str; 3] = ["TERM", "COLUMNS", "LINES"];

/// Becomes the program of the session in `dir`; returns only if there is none.
///
/// A process of its own, because a closure between fork and exec would be unsafe code and the slow way to spawn.
pub fn exec_stage(dir: &Path) -> ExitCode {
    let files = SessionFiles::at(dir);
    // First the death signal, then the question whether the shim lives: whichever way it dies, this process does too.
    let bound = set_parent_process_death_signal(Some(Signal::KILL));
    let Ok(teller) = Teller::open(&files) else { return ExitCode::FAILURE };
    let why = match bound {
        Ok(()) => become_program(&files),
        Err(errno) => NotStarted { errno: errno.raw_os_error(), program: "prctl".to_owned() },
    };
    // For whoever looks at the dead pane.
    eprintln!("dormouse: cannot start `{}`: {}", why.program, io::Error::from_raw_os_error(why.errno));
    match teller.tell(&why) {
        Ok(()) => ExitCode::from(127),
        Err(_) => ExitCode::FAILURE,
    }
}

fn become_program(files: &SessionFiles) -> NotStarted {
    let failed = |program: &str, error: &io::Error| NotStarted {
        errno: error.raw_os_error().unwrap_or(Errno::INVAL.raw_os_error()),
        program: program.to_owned(),
    };
    let launch = match files::read::<Launch>(&files.launch()) {
        Ok(Some(launch)) => launch,
        Ok(None) | Err(_) => return failed("launch.json", &Errno::NOENT.into()),
    };
    let Some((program, arguments)) = launch.argv.split_first() else { return failed("", &Errno::INVAL.into()) };
    // Checked here and not left to tmux, which takes another folder without a word.
    if let Err(error) = env::set_current_dir(&launch.folder) {
        return failed(&format!("cd {}", launch.folder.display()), &error);
    }
    let environment = match environment(files, &launch) {
        Ok(environment) => environment,
        Err(error) => return failed("TMUX_TMPDIR", &error),
    };
    failed(program, &Command::new(program).args(arguments).env_clear().envs(environment).exec())
}

/// What the launch says, with what only this place knows.
fn environment(files: &SessionFiles, launch: &Launch) -> io::Result<BTreeMap<OsString, OsString>> {
    let mut all: BTreeMap<OsString, OsString> =
        launch.env.iter().filter(|(name, _)| !name.starts_with("TMUX")).map(|(k, v)| (k.into(), v.into())).collect();
    for name in FROM_TERMINAL {
        if let Some(value) = env::var_os(name) {
            all.insert(name.into(), value);
        }
    }
    // The launch was written in another folder.
    all.entry("PWD".into()).or_insert_with(|| launch.folder.clone().into());
    // Whatever comes of the program can be found by it (C49).
    all.entry("DORMOUSE_SESSION".into()).or_insert_with(|| files.secret().into());
    // A bare `tmux kill-server` of the program's must reach neither our server nor the user's.
    all.insert("TMUX_TMPDIR".into(), private_tmux(files)?.into());
    Ok(all)
}

fn private_tmux(files: &SessionFiles) -> io::Result<std::path::PathBuf> {
    let dir = files.dir().join("tmux");
    match fs::DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(dir),
    }
}
