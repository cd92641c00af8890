//! The life of the shim: lock, program, end.

use std::io;
use std::path::Path;
use std::process::{self, Command, ExitCode};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpgid, kill_process, kill_process_group, set_child_subreaper, wait,
};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTOU};

use super::files::{self, Born, FileError, Launch, Status};
use super::lock::{IdentityLock, wanted};
use super::report::{Heard, Listener, NotStarted};
use super::signals::{Caught, Signals};
use super::{clock, own_end, process as proc, tree};
use crate::home::SessionFiles;
use crate::model::session::Ending;

/// Why a session could not be run.
#[derive(Debug, thiserror::Error)]
enum ShimError {
    #[error("a session's file failed")]
    File(#[from] FileError),
    #[error("no launch.json: nothing says what to start")]
    NoLaunch,
    #[error("cannot {what}")]
    System { what: &'static str, source: io::Error },
}

fn failed<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> ShimError {
    move |error| ShimError::System { what, source: error.into() }
}

/// Runs the session in `dir` from its start to its end, as the pane's process; then ends the way the program ended.
///
/// Waits first for the identity's lock, as long as it takes (C16). SIGTERM asks for the end of the session, SIGHUP
/// says that its terminal is gone; both end it within the launch's `grace_ms`.
pub fn run(dir: &Path) -> ExitCode {
    let files = SessionFiles::at(dir);
    match live(&files) {
        Ok(Some(ending)) => own_end::end_like(&ending),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            eprintln!("dormouse shim: {error}{cause}");
            give_up(&files, &error);
            ExitCode::FAILURE
        }
    }
}

/// Says that there will be no program, unless there has been one: then only the daemon can tell what is left of it.
fn give_up(files: &SessionFiles, error: &ShimError) {
    if files.born().exists() || files.status().exists() {
        return;
    }
    let errno = match error {
        ShimError::System { source, .. } => source.raw_os_error(),
        ShimError::File(_) | ShimError::NoLaunch => None,
    };
    let errno = errno.unwrap_or(Errno::INVAL.raw_os_error());
    let ending = Ending::ExecFailed { errno, program: format!("dormouse shim: {error}") };
    let _ = files::write(&files.status(), &Status { ending, asked: false, lived_ms: 0, strays: 0 });
}

/// `None`: this generation has had its shim before; its files are another's.
fn live(files: &SessionFiles) -> Result<Option<Ending>, ShimError> {
    let launch: Launch = files::read(&files.launch())?.ok_or(ShimError::NoLaunch)?;
    let _lock = IdentityLock::take(&launch.lock, launch.generation).map_err(failed("take the identity's lock"))?;
    if files.born().exists() || files.status().exists() {
        return Ok(None);
    }
    let signals = Signals::catch(&[SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGTSTP, SIGTTOU, SIGCHLD])
        .map_err(failed("catch signals"))?;
    let status = if may_start(&launch) {
        start(files, &launch, signals)?
    } else {
        Status { ending: Ending::NeverStarted, asked: true, lived_ms: 0, strays: 0 }
    };
    files::write(&files.status(), &status)?;
    Ok(Some(status.ending))
}

/// A start that comes late finds its generation no longer wanted (C16, C52a); what cannot be read allows nothing.
fn may_start(launch: &Launch) -> bool {
    matches!(wanted(&launch.wanted), Ok(Some(generation)) if generation == launch.generation)
}

fn start(files: &SessionFiles, launch: &Launch, signals: Signals) -> Result<Status, ShimError> {
    set_child_subreaper(Some(rustix::process::getpid())).map_err(failed("become the reaper of the tree"))?;
    let listener = Listener::open(files).map_err(failed("listen to the stage before the program"))?;
    let started_ms = clock::awake_ms();
    // By this name it is this very binary, even if another one has taken its place on the disk since.
    let stage = Command::new("/proc/self/exe").args(["shim", "exec"]).arg(files.dir()).spawn();
    let pid = match stage {
        Ok(child) => Pid::from_child(&child),
        Err(error) => return Ok(not_spawned(launch, &error)),
    };
    let mut session = Session {
        files,
        launch,
        signals,
        pid,
        started_ms,
        listener: Some(listener),
        not_started: None,
        terminal_lost: false,
        asked: false,
        end: None,
        killed: false,
    };
    session.tend().map_err(failed("wait for the program"))
}

fn not_spawned(launch: &Launch, error: &io::Error) -> Status {
    let program = launch.argv.first().cloned().unwrap_or_default();
    let errno = error.raw_os_error().unwrap_or(Errno::INVAL.raw_os_error());
    Status { ending: Ending::ExecFailed { errno, program }, asked: false, lived_ms: 0, strays: 0 }
}

/// A running program.
struct Session<'a> {
    files: &'a SessionFiles,
    launch: &'a Launch,
    signals: Signals,
    pid: Pid,
    started_ms: u64,
    /// Until the program has taken over, or could not.
    listener: Option<Listener>,
    not_started: Option<NotStarted>,
    terminal_lost: bool,
    asked: bool,
    /// Ending: the awake time from which on the program is killed.
    end: Option<u64>,
    killed: bool,
}

impl Session<'_> {
    /// Waits for the program's end, and hurries it when asked to; then ends what it left behind.
    fn tend(&mut self) -> io::Result<Status> {
        let how = loop {
            let caught = self.signals.take();
            self.obey(&caught);
            self.hear()?;
            if let Some(how) = self.reap()? {
                break how;
            }
            self.kill_when_due();
            self.wait()?;
        };
        let lived_ms = clock::awake_ms() - self.started_ms;
        // What came in the same instant: a terminal's end reaches program and shim together.
        let caught = self.signals.take();
        self.note(&caught);
        self.hear()?;
        let strays = tree::end_children()? + tree::end_marked(&self.marker())?;
        Ok(Status { ending: self.ending(how), asked: self.asked, lived_ms, strays })
    }

    fn marker(&self) -> Vec<u8> {
        match self.launch.env.get("DORMOUSE_SESSION") {
            Some(secret) => proc::marker(Path::new(secret)),
            None => proc::marker(&self.files.secret()),
        }
    }

    fn ending(&mut self, how: WaitStatus) -> Ending {
        if let Some(NotStarted { errno, program }) = self.not_started.take() {
            return Ending::ExecFailed { errno, program };
        }
        let ending = match (how.exit_status(), how.terminating_signal()) {
            (Some(code), _) => Ending::Code { code },
            (None, Some(signal)) => Ending::Signal { signal },
            (None, None) => Ending::NotKnown { why: format!("wait status {:#x}", how.as_raw()) },
        };
        if self.terminal_lost { Ending::TerminalLost { then: Some(Box::new(ending)) } } else { ending }
    }

    /// Marks why the session ends, the first reason only: a terminal that goes after the end was asked for is part of
    /// that end.
    fn note(&mut self, caught: &Caught) {
        let (lost, asked) = (caught.has(SIGHUP), caught.has(SIGTERM));
        if self.end.is_some() || !(lost || asked) {
            return;
        }
        self.terminal_lost = lost && !asked;
        // The daemon takes the generation back before it asks. Anybody else's signal is none of its decisions.
        self.asked = !may_start(self.launch);
    }

    fn obey(&mut self, caught: &Caught) {
        self.note(caught);
        if self.end.is_some() {
            return;
        }
        // A lost terminal is told to the session's leader alone, which is us: as a shell does, we pass it on.
        let signal = match (caught.has(SIGTERM), caught.has(SIGHUP)) {
            (true, _) => Signal::TERM,
            (false, true) => Signal::HUP,
            (false, false) => return,
        };
        self.end = Some(clock::awake_ms() + self.launch.grace_ms);
        self.signal_group(signal);
        // A stopped program cannot obey.
        self.signal_group(Signal::CONT);
    }

    /// Reaches the shim too when the program has stayed in its group; it is ending by then and takes no notice.
    fn signal_group(&self, signal: Signal) {
        let sent = getpgid(Some(self.pid)).is_ok_and(|group| kill_process_group(group, signal).is_ok());
        if !sent {
            let _ = kill_process(self.pid, signal);
        }
    }

    fn kill_when_due(&mut self) {
        if self.end.is_some_and(|due| clock::awake_ms() >= due) {
            // Not reaped yet, so the number is still its own.
            let _ = kill_process(self.pid, Signal::KILL);
            self.killed = true;
        }
    }

    /// Learns whether the program has taken over, and then says who runs it.
    fn hear(&mut self) -> io::Result<()> {
        let Some(listener) = &mut self.listener else { return Ok(()) };
        match listener.hear()? {
            Heard::Nothing => return Ok(()),
            Heard::NotStarted(why) => self.not_started = Some(why),
            Heard::Started => {
                if let Err(error) = self.write_born() {
                    // Nobody could ever find this session, or end it.
                    eprintln!("dormouse shim: the program is ended, for {error}");
                    self.end = Some(0);
                }
            }
        }
        self.listener = None;
        Ok(())
    }

    fn write_born(&self) -> Result<(), FileError> {
        let pid = process::id();
        let start_ticks = proc::stat(pid).ok().flatten().map(|stat| stat.start_ticks).unwrap_or_default();
        let program_pid = self.pid.as_raw_nonzero().get().unsigned_abs();
        let born = Born { pid, start_ticks, program_pid, boot: clock::boot(), awake_ms: self.started_ms };
        files::write(&self.files.born(), &born)
    }

    /// Reaps whatever has ended. Returns how the program did, once it has.
    fn reap(&self) -> io::Result<Option<WaitStatus>> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.pid => return Ok(Some(status)),
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn wait(&self) -> io::Result<()> {
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        fds.extend(self.listener.as_ref().map(|listener| PollFd::new(listener, PollFlags::IN)));
        // A killed program wakes us by its end.
        let timeout = self.end.filter(|_| !self.killed).map(|due| {
            let left = Duration::from_millis(due.saturating_sub(clock::awake_ms()));
            Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() }
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
