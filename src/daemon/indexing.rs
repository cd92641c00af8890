//! A thread that gives each sealed segment its index, out of everybody's way.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::executor::tmux::in_full;
use crate::journal::Indexer;

/// What the system runs when nothing else wants to.
const NICE: i32 = 19;

/// The thread, until this is dropped. It makes what is missing at once, and goes on whenever a segment gets its name:
/// the one before is sealed then. An index that cannot be made is a line in the log: look-ups take longer without it.
#[derive(Debug)]
pub(super) struct Indexing {
    /// Its end is the thread's.
    ends: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Indexing {
    /// `journal` is the journal's folder.
    pub fn start(journal: &Path) -> io::Result<Self> {
        let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        // Watched before the first look: nothing falls in between.
        inotify::add_watch(&watch, journal, WatchFlags::MOVED_TO | WatchFlags::ONLYDIR)?;
        let (ended, ends) = pipe_with(PipeFlags::CLOEXEC)?;
        let worker = Worker { journal: journal.to_owned(), watch, ended };
        let thread = std::thread::Builder::new().name("index".to_owned()).spawn(move || worker.work())?;
        Ok(Self { ends: Some(ends), thread: Some(thread) })
    }
}

impl Drop for Indexing {
    fn drop(&mut self) {
        self.ends = None;
        if let Some(thread) = self.thread.take() {
            // One that has panicked has said so already; nothing depends on it.
            let _ = thread.join();
        }
    }
}

struct Worker {
    journal: PathBuf,
    watch: OwnedFd,
    ended: OwnedFd,
}

impl Worker {
    fn work(&self) {
        // Of this thread alone: that is what the number zero means here. Without it we are merely less polite.
        let _ = rustix::process::setpriority_process(None, NICE);
        let mut indexer = Indexer::new(self.journal.clone());
        loop {
            match indexer.catch_up(|| self.goes_on()) {
                Ok(0) => {}
                Ok(made) => tracing::debug!(made, "segments were indexed"),
                Err(error) => {
                    tracing::warn!(error = in_full(&error), "a segment has no index: look-ups read all of it")
                }
            }
            if !self.wait() {
                return;
            }
        }
    }

    fn goes_on(&self) -> bool {
        let mut fds = [PollFd::new(&self.ended, PollFlags::IN)];
        matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
    }

    /// Until a name has come; false once the daemon ends.
    fn wait(&self) -> bool {
        let mut fds = [PollFd::new(&self.ended, PollFlags::IN), PollFd::new(&self.watch, PollFlags::IN)];
        loop {
            match poll(&mut fds, None) {
                Err(Errno::INTR) => {}
                Ok(_) if fds[0].revents().is_empty() => break,
                _ => return false,
            }
        }
        let mut events = [0; 4096];
        while matches!(rustix::io::read(self.watch.as_fd(), &mut events), Ok(read) if read > 0) {}
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::journal::{DirStorage, Journal, Options};
    use crate::model::event::DaemonStopped;
    use crate::model::record::{Draft, Subject};
    use crate::model::time::{BootId, Timestamp};

    /// Until every segment but the last has an index.
    fn await_indexes(journal: &Path, told: &OwnedFd) -> usize {
        let ends = Instant::now() + Duration::from_secs(20);
        let stems = |extension: &str| -> BTreeSet<String> {
            let names =
                std::fs::read_dir(journal).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter_map(|name| name.strip_suffix(extension).map(str::to_owned)).collect()
        };
        loop {
            let mut sealed = stems(".jnl");
            sealed.pop_last();
            if stems(".idx") == sealed {
                return sealed.len();
            }
            let left = ends.checked_duration_since(Instant::now()).expect("indexes within 20 seconds");
            poll(&mut [PollFd::new(told, PollFlags::IN)], Some(&left.try_into().unwrap())).unwrap();
            let _ = rustix::io::read(told, &mut [0; 4096]);
        }
    }

    #[test]
    fn segments_are_indexed_at_the_start_and_as_they_are_sealed_until_the_daemon_ends() {
        let dir = tempfile::tempdir().unwrap();
        let mut salt = 0;
        let salts = move || {
            salt += 1;
            [salt; 16]
        };
        let options = Options { segment_bytes: 16 << 10, ..Options::default() };
        let mut journal = Journal::open(DirStorage::open(dir.path()).unwrap(), options, 5, salts, |_| {}).unwrap().0;
        let mut append = |count: usize| {
            for _ in 0..count {
                let draft = Draft::own(Subject::NONE, None, DaemonStopped { why: "x".repeat(3_000) });
                let record = draft.at(journal.next_lsn(), Timestamp { wall_us: 5, awake_ms: 5, boot: BootId(1) });
                let _ = journal.append(&[vec![record]], ()).unwrap();
            }
        };
        let count = |extension: &str| {
            let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
            names.filter(|name| name.to_str().is_some_and(|name| name.ends_with(extension))).count()
        };
        append(10);
        let told = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&told, dir.path(), WatchFlags::MOVED_TO).unwrap();
        let indexing = Indexing::start(dir.path()).unwrap();
        let before = await_indexes(dir.path(), &told);
        append(10);
        let after = await_indexes(dir.path(), &told);
        assert!(0 < before && before < after, "{before}, {after}");
        drop(indexing);
        append(10);
        assert_eq!(count(".idx"), after, "nobody makes indexes any more");
        assert!(count(".jnl") > after + 2);
    }
}
