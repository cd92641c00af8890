//! What `/proc` says of processes. Numbers are reused: a process is a number and a start time, or a pidfd.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// One line of `/proc/PID/stat`, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub parent: u32,
    /// Ticks since the boot (field 22): with the number, a process's name for as long as the machine runs.
    pub start_ticks: u64,
    /// The process group in front of its terminal (field 8), which the kernel tells of a change of its size.
    pub foreground: Option<u32>,
    /// Ended, and waits to be reaped.
    pub zombie: bool,
}

impl Stat {
    /// Whether it is the process that started then, and has not ended.
    pub fn is_alive_since(&self, start_ticks: u64) -> bool {
        self.start_ticks == start_ticks && !self.zombie
    }
}

/// What is known of a process. `None`: there is none of this number.
///
/// # Errors
///
/// Any other failure: nothing may be concluded from it (C43).
pub fn stat(pid: u32) -> io::Result<Option<Stat>> {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(line) => parse_stat(&line)
            .map(Some)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat has no such form"))),
        // Between open and read the process may end: then the read says "no such process".
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

fn parse_stat(line: &str) -> Option<Stat> {
    // The name stands in parentheses and may hold anything, parentheses too.
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let foreground = fields.nth(3)?.parse().ok();
    let start_ticks = fields.nth(13)?.parse().ok()?;
    Some(Stat { parent, start_ticks, foreground, zombie: matches!(state, "Z" | "X") })
}

/// Children of a process, ended ones that wait to be reaped included.
pub fn children(pid: u32) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        match fs::read_to_string(task?.path().join("children")) {
            Ok(list) => found.extend(list.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return children_by_parent(pid),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The slow way, for kernels built without `/proc/PID/task/*/children`.
fn children_by_parent(pid: u32) -> io::Result<Vec<u32>> {
    Ok(all()?.filter(|&child| matches!(stat(child), Ok(Some(stat)) if stat.parent == pid)).collect())
}

/// Every process there is.
pub fn all() -> io::Result<impl Iterator<Item = u32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
}

/// A process that cannot be mistaken for a later one of the same number.
#[derive(Debug)]
pub struct Held {
    pub pid: u32,
    pub fd: OwnedFd,
}

/// Takes hold of a process. `None`: there is none of this number.
pub fn hold(pid: u32) -> io::Result<Option<Held>> {
    let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
    match pidfd_open(raw, PidfdFlags::empty()) {
        Ok(fd) => Ok(Some(Held { pid, fd })),
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The environment entry that every process of a session carries: `DORMOUSE_SESSION` and the path of its secret.
pub fn marker(secret: &Path) -> Vec<u8> {
    let mut entry = b"DORMOUSE_SESSION=".to_vec();
    entry.extend_from_slice(secret.as_os_str().as_encoded_bytes());
    entry
}

/// Processes whose environment carries `marker`, wherever they hang, but for `spared` ones. Processes of other users
/// cannot be read, and are none of ours.
///
/// Costs one small read for each process of this user, 10 µs or so each.
pub fn marked(marker: &[u8], spared: impl Fn(u32) -> bool) -> io::Result<Vec<Held>> {
    let mut found = Vec::new();
    for pid in all()? {
        if !carries(pid, marker) || spared(pid) {
            continue;
        }
        // The hold comes second and is checked again: the number may have changed hands in between.
        if let Some(held) = hold(pid)?
            && carries(pid, marker)
        {
            found.push(held);
        }
    }
    Ok(found)
}

fn carries(pid: u32, marker: &[u8]) -> bool {
    // A zombie's environment is empty, so that it is not found again.
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| env.split(|&byte| byte == 0).any(|entry| entry == marker))
}

/// Processes through whose descriptors the lock on `path` is held, but for `spared` ones: heirs of the one that took it.
/// Who only waits for it, or looks at it, is none of them.
pub fn holding_lock(path: &Path, spared: impl Fn(u32) -> bool) -> io::Result<Vec<Held>> {
    let mut found = Vec::new();
    for pid in all()? {
        if spared(pid) || !holds_lock(pid, path) {
            continue;
        }
        if let Some(held) = hold(pid)?
            && holds_lock(pid, path)
        {
            found.push(held);
        }
    }
    Ok(found)
}

fn holds_lock(pid: u32, path: &Path) -> bool {
    // Processes of other users do not let us look.
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|descriptor| {
        fs::read_link(descriptor.path()).is_ok_and(|target| target == path)
            && fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", descriptor.file_name().display()))
                .is_ok_and(|info| info.lines().any(|line| line.starts_with("lock:") && line.contains(" FLOCK ")))
    })
}

/// A process and everything below it, held. Those that come while we look are missing: look again.
pub fn tree(root: Held) -> io::Result<Vec<Held>> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        for child in children(parent.pid).unwrap_or_default() {
            found.extend(hold(child)?);
        }
        next += 1;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_full_of_parentheses_does_not_shift_the_fields() {
        let line = "42 (a) Z (b) c) S 7 42 42 0 42 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 1 1";
        assert_eq!(
            parse_stat(line),
            Some(Stat { parent: 7, start_ticks: 987_654, foreground: Some(42), zombie: false })
        );
        assert_eq!(parse_stat("42 (sh"), None);
    }

    #[test]
    fn c43_no_such_process_is_an_answer() {
        assert_eq!(stat(u32::MAX).unwrap(), None);
        assert!(hold(u32::MAX).unwrap().is_none());
        assert!(stat(std::process::id()).unwrap().is_some_and(|stat| !stat.zombie));
    }
}
