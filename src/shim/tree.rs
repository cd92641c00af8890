//! Ending whatever is left once the program has ended (C49).

use std::io;
use std::os::unix::process::parent_id;
use std::process;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, pidfd_send_signal, wait};

use super::clock;
use super::process::{Held, children, marked, stat};

/// How long processes that are not our children may take to die of a SIGKILL. Longer: they hang in the kernel, and the
/// identity's lock says whether anything is left.
const DIE_MS_MAX: u64 = 2000;

/// Kills and reaps everything below this process, which must be a subreaper. Returns how many had to be killed.
///
/// Only children are signalled: their numbers cannot be reused before they are reaped, and only this process reaps
/// them. What hung below a killed one comes to us and is next. Returns when none is left, however long that takes.
pub fn end_children() -> io::Result<u32> {
    let mut killed = 0;
    loop {
        for child in children(process::id())? {
            if let Some(pid) = child.try_into().ok().and_then(Pid::from_raw) {
                // It may have ended by itself meanwhile.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        let mut options = WaitOptions::empty();
        loop {
            match wait(options) {
                Ok(Some((_, status))) if status.terminating_signal() == Some(Signal::KILL.as_raw()) => killed += 1,
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                Err(Errno::CHILD) => return Ok(killed),
                Err(error) => return Err(error.into()),
            }
            options = WaitOptions::NOHANG;
        }
    }
}

/// Kills what carries this session's marker and hangs elsewhere. Returns how many were found.
///
/// Spares what tmux made beside us: if somebody put the marker into the server's own environment, it is no stray.
pub fn end_marked(marker: &[u8]) -> io::Result<u32> {
    let (me, server) = (process::id(), parent_id());
    let spared = |pid: u32| {
        pid == me || pid == server || matches!(stat(pid), Ok(Some(stat)) if stat.parent == server && server != 1)
    };
    let deadline = clock::awake_ms() + DIE_MS_MAX;
    let mut killed = 0;
    loop {
        let found = marked(marker, spared)?;
        if found.is_empty() || clock::awake_ms() >= deadline {
            return Ok(killed);
        }
        killed += kill_all(&found);
        await_deaths(&found, deadline)?;
    }
}

/// Sends SIGKILL to each. Returns how many were still there to get it.
pub fn kill_all(found: &[Held]) -> u32 {
    let struck = found.iter().filter(|held| pidfd_send_signal(&held.fd, Signal::KILL).is_ok());
    u32::try_from(struck.count()).unwrap_or(u32::MAX)
}

fn await_deaths(found: &[Held], deadline: u64) -> io::Result<()> {
    for held in found {
        let left = Duration::from_millis(deadline.saturating_sub(clock::awake_ms()));
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&held.fd, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
