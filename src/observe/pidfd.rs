//! Waiting for the end of processes that are not our children.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use crate::shim::process::{Held, hold, stat};

/// Takes hold of the process that has this number and started then. `None`: it is gone, or only waits to be reaped.
pub(super) fn hold_exactly(pid: u32, start_ticks: u64) -> io::Result<Option<Held>> {
    // Held first, compared then: afterwards the number cannot change hands any more.
    let Some(held) = hold(pid)? else { return Ok(None) };
    let same = stat(pid)?.is_some_and(|stat| stat.is_alive_since(start_ticks));
    Ok(same.then_some(held))
}

/// A file to be awaited on. To be called within a tokio runtime.
#[expect(
    deprecated,
    reason = "its successor is unsafe for the sake of types that lie about their file; an `OwnedFd` cannot"
)]
pub(super) fn readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}

/// Resolves when the process has ended.
pub(super) async fn ended(held: &Held) -> io::Result<()> {
    let ended = readable(held.fd.try_clone()?)?;
    let _ = ended.readable().await?;
    Ok(())
}

/// Whether the process has ended before the time was up.
pub(super) async fn ended_within(held: &Held, limit: Duration) -> io::Result<bool> {
    match timeout(limit, ended(held)).await {
        Ok(ended) => ended.map(|()| true),
        Err(_) => Ok(false),
    }
}
