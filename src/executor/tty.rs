//! The pane's terminal, asked through the kernel: what a program has read, and how it reads.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::termios::{LocalModes, tcgetattr};

/// Longest line, without its end, that a terminal in line mode hands on whole.
pub const LINE_BYTES_MAX: usize = 4095;

/// What a terminal holds unread; tmux writes more only once there is room again. With some left for the brackets.
const TERMINAL_BYTES: usize = 4_000;

/// A terminal that programs of a pane read from.
#[derive(Debug)]
pub struct Tty {
    file: File,
    path: PathBuf,
}

impl Tty {
    /// Never becomes our controlling terminal, and never waits.
    ///
    /// # Errors
    ///
    /// It is gone.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Bytes typed that no program has read. Zero also means that tmux holds none back: it fills the terminal first.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn unread(&self) -> io::Result<u64> {
        Ok(rustix::io::ioctl_fionread(&self.file)?)
    }

    /// Whether the kernel collects whole lines before a program sees them.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn is_in_line_mode(&self) -> io::Result<bool> {
        Ok(tcgetattr(&self.file)?.local_modes.contains(LocalModes::ICANON))
    }

    /// Returns true once all of `typed` bytes have been read, false at the deadline. The kernel has no event for it.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub async fn read_within(&self, typed: usize, deadline: Duration) -> io::Result<bool> {
        let until = tokio::time::Instant::now() + deadline;
        let mut pause = Duration::from_millis(1);
        let in_one_write = typed < TERMINAL_BYTES;
        loop {
            if self.unread()? == 0 {
                if in_one_write {
                    return Ok(true);
                }
                // tmux may be between two writes of one paste: what is read must stay read.
                tokio::time::sleep(pause).await;
                if self.unread()? == 0 {
                    return Ok(true);
                }
            }
            if tokio::time::Instant::now() >= until {
                return Ok(false);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    /// Whether a process of `program`'s tree waits for input on this terminal. Where the kernel does not show what a
    /// process waits for, one that sleeps counts.
    pub fn is_read_by(&self, program: u32) -> bool {
        let mut tree = vec![program];
        while let Some(pid) = tree.pop() {
            if self.waits(pid) {
                return true;
            }
            tree.extend(children(pid));
        }
        false
    }

    fn waits(&self, pid: u32) -> bool {
        let is_ours = |fd: &str| fs::read_link(format!("/proc/{pid}/fd/{fd}")).is_ok_and(|to| to == self.path);
        match fs::read_to_string(format!("/proc/{pid}/syscall")) {
            Ok(call) => match input_wait(&call) {
                Some(Wait::Read { fd }) => is_ours(&fd.to_string()),
                Some(Wait::Any) => is_ours("0"),
                None => false,
            },
            Err(_) => is_ours("0") && is_asleep(pid),
        }
    }
}

/// What a process waits for, by the kernel's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// In a read of this descriptor.
    Read { fd: u64 },
    /// In a call that waits for several at once.
    Any,
}

/// Numbers of calls that wait for input: read; then poll, select and epoll in their forms.
#[cfg(target_arch = "x86_64")]
const READ_AND_WAITS: (&str, &[&str]) = ("0", &["7", "23", "232", "270", "271", "281", "441"]);
#[cfg(not(target_arch = "x86_64"))]
const READ_AND_WAITS: (&str, &[&str]) = ("63", &["22", "72", "73", "441"]);

/// Reads `/proc/PID/syscall`: the call's number and its arguments in hexadecimal.
fn input_wait(call: &str) -> Option<Wait> {
    let mut words = call.split_ascii_whitespace();
    let number = words.next()?;
    let (read, waits) = READ_AND_WAITS;
    if number == read {
        let fd = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
        return Some(Wait::Read { fd });
    }
    waits.contains(&number).then_some(Wait::Any)
}

fn is_asleep(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|pids| pids.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_word_for_a_wait_is_read() {
        assert_eq!(input_wait("0 0x0 0x7f93 0x20000 0x0 0x0 0x0 0x7ffc 0x7f93"), Some(Wait::Read { fd: 0 }));
        assert_eq!(input_wait("232 0x5 0x7f93"), Some(Wait::Any));
        assert_eq!(input_wait("running"), None);
        assert_eq!(input_wait("61 0xffffffff 0x7ffd"), None, "wait4: a shell that waits for its child");
    }
}
