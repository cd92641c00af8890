//! The tour as a person takes it: whole, and cut short.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A tour in a temporary folder of the test's own, ended with the test.
struct Tour {
    place: TempDir,
    child: Child,
}

impl Tour {
    fn start(args: &[&str]) -> Self {
        // Sockets lie in it, and their paths are short.
        let place = tempfile::Builder::new().prefix("dm").tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
        command.arg("demo").args(args).env("TMPDIR", place.path()).stdin(Stdio::null());
        // As it is called from inside a session: the tour must not take that for its own.
        command.env("DORMOUSE_HOME", place.path().join("another")).env("DORMOUSE_SESSION", "/nowhere/secret");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { place, child }
    }

    /// Its exit code, what it printed, and what it complained of.
    fn end(&mut self) -> (Option<i32>, String, String) {
        let (mut printed, mut complaint) = (String::new(), String::new());
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut printed).unwrap();
        }
        self.child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        (self.child.wait().unwrap().code(), printed, complaint)
    }

    fn left_behind(&self) -> Vec<String> {
        let names = fs::read_dir(self.place.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Tour {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for (pid, _) in processes_of(self.place.path()) {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
    }
}

/// Processes whose command line names `place`, or that were given it in their environment.
fn processes_of(place: &Path) -> Vec<(i32, String)> {
    let place = place.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        let says = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let cmdline = String::from_utf8_lossy(&says("cmdline")).replace('\0', " ");
        if cmdline.contains(place) || String::from_utf8_lossy(&says("environ")).contains(place) {
            found.push((pid, cmdline));
        }
    }
    found
}

/// C15 to C41a as a newcomer sees them: the whole tour, on real tmux, in under a minute, and nothing is left of it.
#[test]
fn the_tour_ends_well_in_under_a_minute_and_leaves_nothing() {
    let began = Instant::now();
    let mut tour = Tour::start(&[]);
    let (code, printed, complaint) = tour.end();
    assert_eq!(code, Some(0), "{printed}\n{complaint}");
    assert!(began.elapsed() < Duration::from_secs(60), "it took {:?}", began.elapsed());
    for sentence in [
        "$ dormouse send ada 'Good morning! What is on your list?' --wait replied",
        "re: Good morning! What is on your list?",
        "Three tasks, three processes.",
        "$ kill -KILL ",
        "[note: attempt 2; the session before died by signal 9",
        "its session is ended (reaped): idle for 5.",
        "proven by the transcript at attempt 1",
        "every byte and every promise holds",
    ] {
        assert!(printed.contains(sentence), "{sentence:?} is missing in:\n{printed}");
    }
    assert_eq!(complaint, "");
    assert_eq!(processes_of(tour.place.path()), [], "processes are left");
    assert_eq!(tour.left_behind(), [] as [&str; 0]);
}

/// C61: Ctrl-C in the middle, with a daemon and a session alive.
#[test]
fn a_tour_that_is_interrupted_leaves_nothing() {
    let mut tour = Tour::start(&[]);
    let mut lines = BufReader::new(tour.child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("$ dormouse peek ada")), "the tour ended early");
    let pid = Pid::from_raw(i32::try_from(tour.child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    // It may go on printing until it notices.
    lines.for_each(drop);
    let (code, _, complaint) = tour.end();
    assert_eq!((code, complaint.as_str()), (Some(1), "error: the tour was interrupted; nothing is left of it\n"));
    assert_eq!(processes_of(tour.place.path()), [], "processes are left");
    assert_eq!(tour.left_behind(), [] as [&str; 0]);
}

#[test]
fn a_home_that_is_kept_can_be_looked_at_without_a_daemon() {
    let mut tour = Tour::start(&["--keep"]);
    let (code, printed, complaint) = tour.end();
    assert_eq!(code, Some(0), "{printed}\n{complaint}");
    assert_eq!(processes_of(tour.place.path()), [], "processes are left");
    let home = printed.lines().find_map(|line| line.trim().strip_prefix("export DORMOUSE_HOME=")).unwrap();
    let log = Command::new(env!("CARGO_BIN_EXE_dormouse")).args(["--home", home, "why", "worker"]).output().unwrap();
    assert!(log.status.success(), "{log:?}");
    assert!(String::from_utf8(log.stdout).unwrap().contains("ended as decided"));
}
