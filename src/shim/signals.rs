//! Signals as something to poll beside other files.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::{flag, low_level::pipe};

/// Handlers for a set of signals, each remembered until asked for.
///
/// Handlers and not "ignore": an exec gives the program the defaults back by itself.
#[derive(Debug)]
pub struct Signals {
    wakes: UnixStream,
    caught: Vec<(i32, Arc<AtomicBool>)>,
}

/// Which of them have come since the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caught(Vec<i32>);

impl Caught {
    pub fn has(&self, signal: i32) -> bool {
        self.0.contains(&signal)
    }
}

impl Signals {
    pub fn catch(signals: &[i32]) -> io::Result<Self> {
        let (wakes, waker) = UnixStream::pair()?;
        wakes.set_nonblocking(true)?;
        let mut caught = Vec::with_capacity(signals.len());
        for &signal in signals {
            let came = Arc::new(AtomicBool::new(false));
            // In this order: whoever is woken finds the flag up.
            flag::register(signal, Arc::clone(&came))?;
            pipe::register(signal, waker.try_clone()?)?;
            caught.push((signal, came));
        }
        Ok(Self { wakes, caught })
    }

    /// What has come since the last call.
    pub fn take(&mut self) -> Caught {
        // Emptied before the flags are read: a signal in between wakes once more.
        let mut sink = [0; 64];
        while matches!(self.wakes.read(&mut sink), Ok(count) if count > 0) {}
        let came = self.caught.iter().filter(|(_, came)| came.swap(false, Ordering::SeqCst));
        Caught(came.map(|(signal, _)| *signal).collect())
    }
}

/// Readable once one has come.
impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wakes.as_fd()
    }
}
