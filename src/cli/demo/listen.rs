//! Waiting for a program's output or a signal, whichever comes first.

use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::super::error::CliError;
use crate::protocol::{Problem, ProblemCode};
use crate::shim::Signals;

/// No step of the tour takes this long, even on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// The signals that end a tour early, each with everything cleaned up behind it.
#[derive(Debug)]
pub struct Ear {
    signals: Signals,
}

impl Ear {
    pub fn open() -> Result<Self, CliError> {
        let signals = Signals::catch(&[SIGINT, SIGTERM, SIGHUP]);
        Ok(Self { signals: signals.map_err(failed("catch signals"))? })
    }

    /// The moment up to which anything of the tour may be waited for from now on.
    pub fn deadline() -> Instant {
        Instant::now() + PATIENCE
    }

    /// Until one of `sources` can be read.
    ///
    /// # Errors
    ///
    /// A signal came first, or the deadline.
    pub fn wait(&mut self, sources: &[BorrowedFd<'_>], deadline: Instant, what: &str) -> Result<(), CliError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            let mut fds = vec![PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN)];
            fds.extend(sources.iter().map(|source| PollFd::from_borrowed_fd(*source, PollFlags::IN)));
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) => return Err(too_late(what)),
                Ok(_) if !fds[0].revents().is_empty() => {
                    self.signals.take();
                    return Err(Problem::failed("the tour was interrupted; nothing is left of it").into());
                }
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(failed("wait")(errno)),
            }
        }
    }

    /// Runs `command` to its end; returns what it printed, on both of its streams and in its order.
    pub fn hear(&mut self, mut command: Command, what: &str) -> Result<(ExitStatus, String), CliError> {
        let (mut output, into) = io::pipe().map_err(failed("make a pipe"))?;
        let both = into.try_clone().map_err(failed("make a pipe"))?;
        let mut child = command.stdout(into).stderr(both).spawn().map_err(failed("start a program"))?;
        // It holds the other end of the pipe, which would then never end.
        drop(command);
        let mut printed = Vec::new();
        match self.read_to_end(&mut output, &mut printed, what) {
            Ok(()) => {
                let status = child.wait().map_err(failed("wait for a program"))?;
                Ok((status, String::from_utf8_lossy(&printed).into_owned()))
            }
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    fn read_to_end(&mut self, output: &mut io::PipeReader, printed: &mut Vec<u8>, what: &str) -> Result<(), CliError> {
        let deadline = Self::deadline();
        loop {
            self.wait(&[output.as_fd()], deadline, what)?;
            let mut bytes = [0; 8192];
            match output.read(&mut bytes).map_err(failed("read a program's output"))? {
                0 => return Ok(()),
                count => printed.extend_from_slice(&bytes[..count]),
            }
        }
    }
}

/// Ends a program of ours that nobody needs any more.
pub fn end(child: &mut Child) {
    // An error here means that it has ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// "cannot …", with the system's reason.
pub fn failed<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> CliError {
    move |error| Problem::failed(format!("the tour cannot {what}: {}", error.into())).into()
}

fn too_late(what: &str) -> CliError {
    Problem::new(ProblemCode::TimedOut, format!("the tour waited {} s for {what}", PATIENCE.as_secs())).into()
}
