//! How the stage before the program tells the shim why there is no program.
//!
//! A FIFO in the session's folder: its writing end closes by itself when the program takes over, so that an end
//! without a word means "it runs". Opened by name, for an inherited descriptor cannot be taken up without unsafe code.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use crate::home::SessionFiles;

fn path(files: &SessionFiles) -> PathBuf {
    files.dir().join("exec")
}

/// Why there is no program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotStarted {
    pub errno: i32,
    pub program: String,
}

/// The shim's end.
#[derive(Debug)]
pub struct Listener {
    file: File,
    path: PathBuf,
}

/// What has been heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Nothing,
    Started,
    NotStarted(NotStarted),
}

impl Listener {
    pub fn open(files: &SessionFiles) -> io::Result<Self> {
        let path = path(files);
        // One that was killed before it had started anything may have left its own.
        let _ = fs::remove_file(&path);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let file = OpenOptions::new().read(true).custom_flags(nonblocking()).open(&path)?;
        Ok(Self { file, path })
    }

    /// Without waiting.
    pub fn hear(&mut self) -> io::Result<Heard> {
        let mut fds = [PollFd::new(&self.file, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
        let seen = fds[0].revents();
        // Both at once when the stage wrote and ended: the words come first. Neither while nobody has opened it yet.
        if seen.contains(PollFlags::IN) {
            let mut words = Vec::new();
            let _ = self.file.read_to_end(&mut words);
            return Ok(Heard::NotStarted(parse(&words)));
        }
        Ok(if seen.contains(PollFlags::HUP) { Heard::Started } else { Heard::Nothing })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The stage's end; closed by the exec.
#[derive(Debug)]
pub struct Teller {
    file: File,
}

impl Teller {
    /// Fails when nobody listens: the shim is gone.
    pub fn open(files: &SessionFiles) -> io::Result<Self> {
        Ok(Self { file: OpenOptions::new().write(true).custom_flags(nonblocking()).open(path(files))? })
    }

    pub fn tell(mut self, why: &NotStarted) -> io::Result<()> {
        // One write, far below what a pipe takes whole.
        let program: String = why.program.chars().take(1000).collect();
        self.file.write_all(format!("{}\n{program}", why.errno).as_bytes())
    }
}

fn nonblocking() -> i32 {
    OFlags::NONBLOCK.bits().cast_signed()
}

fn parse(words: &[u8]) -> NotStarted {
    let words = String::from_utf8_lossy(words);
    let (errno, program) = words.split_once('\n').unwrap_or((&words, ""));
    NotStarted { errno: errno.parse().unwrap_or(0), program: program.to_owned() }
}
