//! Folders, sockets and room on the disk.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::finding::Finding;
use crate::config::quantity::size_text;
use crate::home::{Home, SOCKET_BYTES_MAX};

/// Whether the kernel takes the paths of our sockets (C22).
pub fn sockets(home: &Home) -> Finding {
    let bytes = home.tmux_socket_bytes_max().max(home.control_socket().as_os_str().len());
    let says = format!("paths of up to {bytes} bytes under {}, of {SOCKET_BYTES_MAX} at most", home.run.display());
    if bytes <= SOCKET_BYTES_MAX {
        Finding::ok("sockets", says)
    } else {
        Finding::fail("sockets", says, "use a shorter `--home`, or `XDG_RUNTIME_DIR` if there is none")
    }
}

/// Whether our folders are there and ours alone, or can be made.
pub fn folders(home: &Home) -> Vec<Finding> {
    let run = [home.run.clone(), home.clients(), home.run.join("tmux"), home.run.join("peers")];
    let mut findings: Vec<Finding> = run.iter().filter_map(|folder| trouble("run folder", folder)).collect();
    if findings.is_empty() {
        let says = if home.run.is_dir() { "nobody else's" } else { "not made yet; it can be" };
        findings.push(Finding::ok("run folder", format!("{}: {says}", home.run.display())));
    }
    findings.extend(trouble("state folder", &home.journal()));
    findings
}

/// Why `folder` would not do; what is not there can be made if the folder around it can be written to.
fn trouble(check: &str, folder: &Path) -> Option<Finding> {
    let shown = folder.display();
    let Ok(meta) = fs::metadata(folder) else {
        let around = nearest(folder);
        return access(&around, Access::WRITE_OK | Access::EXEC_OK).err().map(|errno| {
            let says = format!("{shown} is not there and cannot be made: {} ({errno})", around.display());
            Finding::fail(check, says, format!("make {} writable, or use another `--home`", around.display()))
        });
    };
    let uid = rustix::process::geteuid().as_raw();
    if !meta.is_dir() {
        return Some(Finding::fail(check, format!("{shown} is no folder"), "move it away"));
    }
    if meta.uid() != uid {
        let says = format!("{shown} belongs to uid {}, and this is uid {uid}", meta.uid());
        return Some(Finding::fail(check, says, format!("`chown {uid} {shown}`")));
    }
    if meta.mode() & 0o077 != 0 {
        let says = format!("{shown} has mode {:04o}, so others can reach what is in it", meta.mode() & 0o7777);
        return Some(Finding::fail(check, says, format!("`chmod 700 {shown}`")));
    }
    let writable = access(folder, Access::WRITE_OK | Access::EXEC_OK);
    writable.err().map(|errno| Finding::fail(check, format!("{shown}: {errno}"), "make it writable"))
}

/// The folder itself, or the first one above it that exists.
fn nearest(folder: &Path) -> PathBuf {
    folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// Whether the journal's next segment has room.
pub fn disk(journal: &Path, segment_bytes: u64) -> Finding {
    let place = nearest(journal);
    match statvfs(&place) {
        Ok(disk) => judge_disk(disk.f_bavail.saturating_mul(disk.f_frsize), segment_bytes, &place),
        Err(errno) => {
            Finding::fail("disk", format!("{}: {errno}", place.display()), "see that its file system is mounted")
        }
    }
}

fn judge_disk(free: u64, segment_bytes: u64, place: &Path) -> Finding {
    // In MiB: to the byte it is no more than a moment's truth.
    let says = format!(
        "{} MiB free at {}, a segment of the journal takes {}",
        free >> 20,
        place.display(),
        size_text(segment_bytes)
    );
    let remedy = "make room, or set a smaller `segment_bytes`";
    match free / segment_bytes.max(1) {
        0 => Finding::fail("disk", says, remedy),
        1..4 => Finding::warn("disk", says, remedy),
        _ => Finding::ok("disk", says),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_disk_without_room_for_a_segment_fails_before_it_is_full() {
        let verdict = |free| judge_disk(free, 64 << 20, Path::new("/")).verdict;
        let verdicts = [0, 64 << 20, 255 << 20, 256 << 20, u64::MAX].map(verdict);
        assert_eq!(verdicts, [Verdict::Fail, Verdict::Warn, Verdict::Warn, Verdict::Ok, Verdict::Ok]);
    }
}
