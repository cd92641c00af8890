//! What the machine gives: tmux, open files, clocks.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;
use super::service::Service;
use crate::executor::tmux::{Version, printed_version};
use crate::model::time::Timestamp;

/// The daemon itself, and what one peer takes: pipes, watches, a pidfd, clients.
const FILES_BASE: u64 = 128;
const FILES_PER_PEER: u64 = 8;
/// A clock is compared with one that a moment has passed on since.
const CLOCK_SLACK_MS: u64 = 1_000;

/// The tmux that the daemon starts.
pub fn tmux(service: &Service) -> Finding {
    let install = format!("install tmux {}.{} or newer", Version::OLDEST.major, Version::OLDEST.minor);
    let Some(program) = service.find("tmux", None) else {
        return Finding::fail("tmux", "it is not in the daemon's PATH", install);
    };
    match printed_version(&program) {
        Ok(printed) => judge_tmux(&printed, &program, install),
        Err(error) => Finding::fail("tmux", format!("{} cannot be run: {error}", program.display()), install),
    }
}

/// What is known of each release, from measurements of 3.2a to 3.7c.
fn judge_tmux(printed: &str, program: &Path, install: String) -> Finding {
    let at = |major, minor| Version { major, minor };
    let file = program.display();
    let Some(version) = Version::parse(printed) else {
        return Finding::fail("tmux", format!("{file} says `{}`, which is no version", printed.trim()), install);
    };
    let known = format!("{} at {file}", printed.trim());
    if version < Version::OLDEST {
        return Finding::fail("tmux", format!("{known}: too old"), install);
    }
    if version >= at(3, 8) {
        let says = format!("{known}: newer than any that was measured (3.2 to 3.7)");
        return Finding::warn("tmux", says, "if something does not work, try one of those");
    }
    let faults = [
        (version < at(3, 4), "a paste into a dead pane ends its server, so panes are looked at first"),
        (version < at(3, 6), "it may lose exit statuses, so our own process reports them"),
        (version.paste_needs_raw_flag(), "it rewrites pastes unless told not to, and is told"),
    ];
    let faults: Vec<&str> = faults.into_iter().filter_map(|(has, fault)| has.then_some(fault)).collect();
    let faults = if faults.is_empty() { String::new() } else { format!("; {}", faults.join("; ")) };
    Finding::ok("tmux", format!("{known}{faults}"))
}

/// How many files the daemon may have open.
pub fn open_files(service: &Service, peers: usize) -> Finding {
    let soft = service.pid.and_then(soft_limit_of).unwrap_or_else(|| getrlimit(Resource::Nofile).current);
    let needed = FILES_BASE + FILES_PER_PEER * peers as u64;
    match soft {
        None => Finding::ok("open files", "as many as it likes"),
        Some(soft) if soft >= needed => Finding::ok("open files", format!("at most {soft}")),
        Some(soft) => Finding::fail(
            "open files",
            format!("at most {soft}; {peers} peers may need {needed}"),
            format!("`ulimit -n {}` before the daemon is started", needed.next_power_of_two().max(1024)),
        ),
    }
}

/// The inner `None` is no limit.
fn soft_limit_of(pid: u32) -> Option<Option<u64>> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(None),
        soft => soft.parse().ok().map(Some),
    }
}

/// Records carry the wall clock as it was; one that has gone back makes times hard to read.
pub fn clock(now: Timestamp, last: Option<Timestamp>) -> Finding {
    let Some(last) = last else { return Finding::ok("clock", "nothing to compare it with yet") };
    let back_ms = last.wall_us.saturating_sub(now.wall_us) / 1000;
    if back_ms <= CLOCK_SLACK_MS {
        return Finding::ok("clock", "not before the last record");
    }
    Finding::warn(
        "clock",
        format!("the wall clock is {} s before the last record", back_ms / 1000),
        "set the clock; limits count the time the machine was awake, but across a restart of it the wall clock serves",
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;
    use crate::model::time::BootId;

    #[test]
    fn each_tmux_is_judged_by_what_was_measured_of_it() {
        let judged = |printed| judge_tmux(printed, Path::new("/bin/tmux"), "install it".to_owned());
        for (printed, verdict, part) in [
            ("tmux 3.1c", Verdict::Fail, "too old"),
            ("screen 4", Verdict::Fail, "no version"),
            ("tmux 3.2a", Verdict::Ok, "dead pane"),
            ("tmux 3.3a\n", Verdict::Ok, "exit statuses"),
            ("tmux 3.5a", Verdict::Ok, "exit statuses"),
            ("tmux 3.6b", Verdict::Ok, "tmux 3.6b at /bin/tmux"),
            ("tmux 3.7", Verdict::Ok, "rewrites pastes"),
            ("tmux 3.8", Verdict::Warn, "newer than any"),
            ("tmux master", Verdict::Warn, "newer than any"),
        ] {
            let found = judged(printed);
            assert!(found.verdict == verdict && found.says.contains(part), "{printed}: {found:?}");
        }
        assert!(!judged("tmux 3.4").says.contains("dead pane"), "3.4 has that fault no more");
    }

    /// C50a: a clock that went back decides nothing, and is worth a word.
    #[test]
    fn c50a_a_clock_before_the_last_record_is_said() {
        let at = |wall_ms: u64| Timestamp { wall_us: wall_ms * 1000, awake_ms: 0, boot: BootId(1) };
        assert_eq!(clock(at(5_000), None).verdict, Verdict::Ok);
        assert_eq!(clock(at(5_000), Some(at(5_900))).verdict, Verdict::Ok);
        let found = clock(at(5_000), Some(at(65_000)));
        assert!(found.verdict == Verdict::Warn && found.says.contains("60 s before"), "{found:?}");
    }
}
