//! Storage that fails under a real daemon: calls that the kernel refuses, kills in the middle of one, and a disk that is
//! full (C63).

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use dormouse::model::id::MessageId;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::daemon_fixture::{World, text, until};
use crate::events::{about, attention_to, born, calls, delivered, fed, send};

/// Where messages are accepted and wait: no session comes of it.
pub const NOWHERE: &str = r#"
argv = ["/nowhere/at/all"]
[input]
submit = ""
[proof]
transcript = "{cwd}/inbox.txt"
"#;
pub const SETTINGS: &str = "segment_bytes = \"64KiB\"\nretry_delay = \"1h\"\n";

/// strace at a daemon that runs already. A missing strace is a failure.
struct Tracer {
    strace: Child,
    _says: BufReader<ChildStderr>,
}

impl Tracer {
    /// From now on calls fail as `inject` says, strace's option of that name.
    fn attach(world: &World, inject: &str) -> Self {
        let call = inject.split(':').next().unwrap();
        let mut command = Command::new("strace");
        command.args(["-f", "-p", &world.daemon_pid().to_string(), "-o", "/dev/null"]);
        command.args(["-e", &format!("trace={call}"), "-e", &format!("inject={inject}")]);
        let mut strace = command.stderr(Stdio::piped()).spawn().expect("strace, which `make test` installs");
        let mut says = BufReader::new(strace.stderr.take().unwrap());
        let mut line = String::new();
        says.read_line(&mut line).unwrap();
        assert!(line.contains("attached"), "{line}");
        Self { strace, _says: says }
    }
}

impl Drop for Tracer {
    /// The daemon goes on by itself: the kernel lets go of whatever a tracer held. Asked politely, strace would stop each
    /// thread first, and wait for ever for one that is starting a program.
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

fn accepted(output: &Output) -> Option<MessageId> {
    let sent: Value = serde_json::from_slice(&output.stdout).ok()?;
    sent["message"].as_str()?.parse().ok()
}

/// Sends until one is refused, and returns the refusal. What was accepted is added to `known`.
#[track_caller]
fn send_until_refused(world: &World, body: &str, known: &mut Vec<MessageId>) -> Value {
    for _ in 0..200 {
        let output = fed(world, &["send", "bob", "-f", "-", "--json"], body.as_bytes());
        if output.status.success() {
            known.push(accepted(&output).unwrap());
            continue;
        }
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        return serde_json::from_slice(&output.stderr).unwrap();
    }
    panic!("never refused\n{}", world.story());
}

/// The daemon of process `pid` takes messages again.
#[track_caller]
fn goes_on(world: &World, pid: u32, known: &mut Vec<MessageId>) {
    until("a daemon that takes messages again", || {
        let output = fed(world, &["send", "bob", "-f", "-", "--json"], b"again");
        known.extend(accepted(&output));
        output.status.success()
    });
    assert_eq!(world.daemon_pid(), pid);
    for message in known {
        about(world, *message, "message_accepted");
    }
    world.audit_is_clean();
}

/// While it refuses, every verb that needs the journal says why, and so does `doctor`; the disk itself is not blamed.
fn says_why(world: &World, why: &str) {
    let ls = world.run(&["ls"]);
    assert_eq!(ls.status.code(), Some(3), "{}", text(&ls.stdout));
    assert!(text(&ls.stderr).contains(why), "{}", text(&ls.stderr));
    let doctor = world.run(&["doctor", "--json"]);
    let findings: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let daemon = findings.as_array().unwrap().iter().find(|finding| finding["check"] == "daemon").unwrap().clone();
    assert_eq!(daemon["verdict"], "fail", "{daemon}");
    assert!(daemon["says"].as_str().unwrap().contains(why), "{daemon}");
}

/// C63: one error of each sort, at a live session's daemon; and it goes on by itself, in the same process.
#[test]
fn c63_a_call_of_the_journal_that_fails_costs_no_message_and_no_session() {
    let mut world = World::new("");
    attention_to(&world, SETTINGS);
    world.add_runtime("nowhere", NOWHERE);
    world.start();
    world.add_peer("bob", &["--runtime", "nowhere"]);
    world.add_peer("ada", &["--runtime", "demo"]);
    let session = delivered(&world, send(&world, "ada", "good morning"), 1);
    let (before, pid, mut known) = (born(&world, &session), world.daemon_pid(), Vec::new());
    let long = "x".repeat(9_000);
    for (inject, why) in [
        ("fdatasync:error=EIO:when=1+", "Input/output error"),
        ("fdatasync:error=EIO:when=2", "Input/output error"),
        ("pwrite64:error=EIO:when=1+", "Input/output error"),
        ("fsync:error=EIO:when=1+", "Input/output error"),
        ("fallocate:error=ENOSPC:when=1+", "No space left on device"),
    ] {
        let tracer = Tracer::attach(&world, inject);
        let refused = send_until_refused(&world, &long, &mut known);
        assert_eq!(refused["error"]["code"], "journal_refuses", "{inject}: {refused}");
        assert!(refused["error"]["message"].as_str().unwrap().contains(why), "{inject}: {refused}");
        if inject.ends_with('+') {
            says_why(&world, why);
        }
        drop(tracer);
        goes_on(&world, pid, &mut known);
    }
    calls(&world, "journal_refuses");
    assert_eq!(born(&world, &session), before);
    let last = send(&world, "ada", "good evening");
    assert_eq!(delivered(&world, last, 1), session, "the session lived through all of it");
    // The other peer's launch may have been cut off by a failure, and counts as a death of its own.
    let died = world.records().into_iter().filter(|record| record.event.kind().name == "session_died");
    assert_eq!(died.filter(|record| record.subject.peer.as_ref() == Some(&session.peer)).count(), 0);
}

/// A daemon with strace in front of it; both end with the test.
struct Traced {
    strace: Child,
    lock: PathBuf,
}

impl Traced {
    /// Asks the daemon to end, and returns whether it has lived to do so. strace ends as its program does.
    fn end(&mut self, signal: Signal) -> bool {
        let pid = fs::read_to_string(&self.lock).ok().and_then(|pid| pid.trim().parse().ok());
        if let (Some(pid), None) = (pid.and_then(Pid::from_raw), self.strace.try_wait().unwrap()) {
            // It may have died since.
            let _ = kill_process(pid, signal);
        }
        self.strace.wait().unwrap().success()
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.end(Signal::KILL);
    }
}

/// The daemon as `world` would start it, with strace in front of it from its first call on.
fn traced_daemon(world: &World, inject: &str) -> Traced {
    let (daemon, call) = (world.command(&["daemon"]), inject.split(':').next().unwrap());
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &format!("inject={inject}")]);
    command.arg(daemon.get_program()).args(daemon.get_args());
    for (name, value) in daemon.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Traced { strace: command.spawn().expect("strace, which `make test` installs"), lock: world.home.daemon_lock() }
}

/// C7, C61: killed at its first call of each name, its second and so on, until it lives through all that is asked of it
/// and ends in order. What is asked makes no session, for speed.
#[test]
fn c61_a_daemon_killed_at_any_call_of_its_journal_has_lost_nothing_it_accepted() {
    for (call, kills_min) in [("pwrite64", 5), ("fdatasync", 5), ("rename", 1)] {
        let mut kills = 0;
        for when in 1.. {
            // Room is made ready by many equal writes, and each is a place to be killed at: a small segment needs few.
            let mut world = World::new("segment_bytes = \"64KiB\"\n");
            let mut daemon = traced_daemon(&world, &format!("{call}:signal=KILL:when={when}"));
            until("a daemon that serves or has died", || {
                let serves = std::os::unix::net::UnixStream::connect(world.home.control_socket()).is_ok();
                serves || daemon.strace.try_wait().unwrap().is_some()
            });
            let mut known = BTreeSet::new();
            for name in ["ada", "bob", "eve"] {
                let folder = world.path(name);
                fs::create_dir(&folder).unwrap();
                let added = world.run(&["add", folder.to_str().unwrap(), "--name", name, "--runtime", "demo"]);
                known.extend(added.status.success().then_some(format!("demo-{name}")));
            }
            // Its end in order is work as well.
            let survived = daemon.end(Signal::TERM);
            world.start();
            let registered = world.records().into_iter().filter(|it| it.event.kind().name == "peer_registered");
            let registered: BTreeSet<_> = registered.map(|it| it.subject.peer.unwrap().to_string()).collect();
            assert!(registered.is_superset(&known), "{call} {when}: {known:?}\n{}", world.story());
            world.audit_is_clean();
            if survived {
                assert_eq!(known.len(), 3, "{call} {when}");
                break;
            }
            kills += 1;
        }
        println!("{call}: killed {kills} times");
        assert!(kills >= kills_min, "{call}: {kills}");
    }
}
