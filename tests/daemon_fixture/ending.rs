//! The end of a test's world, also of one that failed half-way: everything by its recorded pid or its own socket.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use dormouse::executor::tmux::wait_for_clients;
use dormouse::home::Home;
use dormouse::shim::files::Born;
use dormouse::shim::process::{Stat, hold, stat, tree};
use rustix::process::{Signal, pidfd_send_signal};

/// To be called once no daemon runs.
pub(super) fn end_everything(home: &Home) {
    let presences = list(&home.run.join("peers"));
    for presence in &presences {
        // What starts late finds that it is not wanted.
        let _ = fs::remove_file(presence.join("wanted"));
    }
    let _ = wait_for_clients(&home.clients());
    let sessions: Vec<PathBuf> = presences.iter().flat_map(|presence| list(presence)).collect();
    for session in sessions.iter().filter(|session| !session.join("status.json").exists()) {
        end_session(session);
    }
    for socket in list(&home.run.join("tmux")) {
        let _ = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output();
    }
}

/// Kills the whole tree of a session, its own process last. What is killed is held by its pid and start time.
fn end_session(session: &Path) {
    let born = fs::read(session.join("born.json")).ok();
    let Some(born) = born.and_then(|json| serde_json::from_slice::<Born>(&json).ok()) else { return };
    // tmux may be slow to reap it, or forget to; a zombie is gone.
    let lives = |stat: Stat| stat.start_ticks == born.start_ticks && !stat.zombie;
    let is_it = |pid| stat(pid).ok().flatten().is_some_and(lives);
    let Ok(Some(shim)) = hold(born.pid) else { return };
    if !is_it(born.pid) {
        return;
    }
    let Ok(held) = tree(shim) else { return };
    for held in held.iter().rev() {
        let _ = pidfd_send_signal(&held.fd, Signal::KILL);
    }
    let until = Instant::now() + Duration::from_secs(5);
    while is_it(born.pid) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(super) fn list(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
