//! Watching the pane: what the program says to its terminal, and when the screen last moved.

use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::clock;
use super::files::{self, Terminal};
use super::screen_clock::ScreenClock;
use super::terminal::Follower;
use crate::home::SessionFiles;

/// Between two notes of the screen's movement.
const MOVED_EVERY_MS: u64 = 20;
/// Between two notes of a title that nothing came with: some programs turn a spinner in it.
const TITLE_EVERY_MS: u64 = 300;

/// Reads what the pane of the session in `dir` prints from standard input, until it ends.
///
/// Never stops reading over a failure to write: tmux would keep the output in its own memory.
pub fn watch(dir: &Path) -> ExitCode {
    let files = SessionFiles::at(dir);
    match Watch::open(&files).and_then(|mut watch| watch.follow()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dormouse shim watch: {}: {error}", dir.display());
            ExitCode::FAILURE
        }
    }
}

struct Watch<'a> {
    files: &'a SessionFiles,
    follower: Follower,
    written: Option<Terminal>,
    title_written_ms: u64,
    screen: ScreenClock,
    /// The last movement, if it is not on the disk yet.
    moved_ms: Option<u64>,
    moved_written_ms: u64,
}

impl<'a> Watch<'a> {
    fn open(files: &'a SessionFiles) -> io::Result<Self> {
        // An earlier watcher of this pane has counted turns; one that cannot be read begins anew.
        let terminal = files::read(&files.terminal()).ok().flatten().unwrap_or_default();
        Ok(Self {
            files,
            follower: Follower::from(terminal),
            written: None,
            title_written_ms: 0,
            screen: ScreenClock::open(files)?,
            moved_ms: None,
            moved_written_ms: 0,
        })
    }

    fn follow(&mut self) -> io::Result<()> {
        let mut input = io::stdin().lock();
        let mut output = vec![0; 64 * 1024];
        self.note_terminal(clock::awake_ms(), true);
        loop {
            if !self.wait(&input)? {
                self.note(clock::awake_ms(), false);
                continue;
            }
            match input.read(&mut output) {
                Ok(0) => break,
                Ok(count) => {
                    self.follower.read(&output[..count]);
                    let now = clock::awake_ms();
                    self.moved_ms = Some(now);
                    self.note(now, false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.note(clock::awake_ms(), true);
        Ok(())
    }

    /// Until there is output (true), or something is due to be written.
    fn wait(&self, input: &io::StdinLock<'_>) -> io::Result<bool> {
        let now = clock::awake_ms();
        let timeout = self.due().map(|due| {
            let left = due.saturating_sub(now).cast_signed();
            Timespec { tv_sec: left / 1000, tv_nsec: left % 1000 * 1_000_000 }
        });
        match poll(&mut [PollFd::new(input, PollFlags::IN)], timeout.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// When something that was held back has to be written.
    fn due(&self) -> Option<u64> {
        let moved = self.moved_ms.map(|_| self.moved_written_ms + MOVED_EVERY_MS);
        let title = self.terminal_changed().then_some(self.title_written_ms + TITLE_EVERY_MS);
        moved.into_iter().chain(title).min()
    }

    fn terminal_changed(&self) -> bool {
        self.written.as_ref() != Some(self.follower.terminal())
    }

    fn note(&mut self, now: u64, last: bool) {
        self.note_terminal(now, last);
        if let Some(moved) = self.moved_ms
            && (last || now >= self.moved_written_ms + MOVED_EVERY_MS)
        {
            // A full disk makes silence look longer; the next movement tries again.
            let _ = self.screen.moved(moved);
            self.moved_written_ms = now;
            self.moved_ms = None;
        }
    }

    fn note_terminal(&mut self, now: u64, last: bool) {
        if !self.terminal_changed() {
            return;
        }
        let seen = self.follower.terminal();
        let only_title = self.written.as_ref().is_some_and(|written| {
            *seen == Terminal { title: seen.title.clone(), titles: seen.titles, ..written.clone() }
        });
        if only_title && !last && now < self.title_written_ms + TITLE_EVERY_MS {
            return;
        }
        self.title_written_ms = now;
        // Not written: it still counts as changed, and is tried again when due.
        if files::write(&self.files.terminal(), seen).is_ok() {
            self.written = Some(seen.clone());
        }
    }
}
