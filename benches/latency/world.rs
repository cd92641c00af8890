//! A daemon in a temporary home, the readers in it, and its journal as it grows.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dormouse::daemon::control::mint;
use dormouse::home::Home;
use dormouse::journal::Reader;
use dormouse::model::effect::SessionName;
use dormouse::model::id::{Lsn, MessageId};
use dormouse::model::record::Record;
use dormouse::protocol::{Call, Reply, SendMessage, Sent, Verb, Wait};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::clock::now_ns;
use super::reader::{Said, WORD, Word};

/// A program that never opens its box: whatever is sent to it waits.
const DEAF: &str = "argv = ['sleep', '600']\n[input]\nscreen = 'never'\n[proof]\ntranscript = '{cwd}/none'\n";
const PATIENCE: Duration = Duration::from_secs(30);

/// Ended with everything in it when it is dropped.
pub struct World {
    pub place: TempDir,
    pub home: Home,
    pub ear: Ear,
    pub journal: Journal,
    daemon: Child,
}

impl World {
    pub fn start() -> Self {
        Self::start_on(None)
    }

    /// On a disk whose every sync takes so much longer.
    pub fn start_on(slower: Option<Duration>) -> Self {
        let place = tempfile::Builder::new().prefix("dm").tempdir().expect("a temporary folder");
        let home = Home::under(place.path());
        fs::write(home.config_file(), "crashloop_deaths_max = 1000\nunfinished_retries = 0\nqueue_max = 1000000\n")
            .expect("settings");
        fs::create_dir_all(home.runtimes()).expect("a folder");
        for (name, patterns) in [("bare", false), ("boxed", true)] {
            let text = runtime_file(&place, patterns);
            fs::write(home.runtimes().join(format!("{name}.toml")), text).expect("a runtime's file");
        }
        fs::write(home.runtimes().join("deaf.toml"), DEAF).expect("a runtime's file");
        let ear = Ear::open(&place);
        let mut daemon = match slower {
            None => dormouse(&place, &["daemon"]),
            Some(slower) => sealed(delayed(slower), &place, &[env!("CARGO_BIN_EXE_dormouse"), "daemon"]),
        };
        daemon.env("DORMOUSE_LOG", "info").stderr(Stdio::piped());
        let mut daemon = daemon.spawn().expect("the daemon starts");
        let mut said = BufReader::new(daemon.stderr.take().expect("it is piped")).lines();
        let serves = said.any(|line| line.is_ok_and(|line| line.contains("serving")));
        assert!(serves, "the daemon did not start");
        // What it says later is for whoever watches.
        std::thread::spawn(move || said.map_while(Result::ok).for_each(|line| eprintln!("{line}")));
        let journal = Journal::open(&home);
        let world = Self { place, home, ear, journal, daemon };
        world.add("ada", "bare", &[]);
        world.add("bob", "boxed", &[]);
        world.add("worker", "bare", &["--ephemeral"]);
        world
    }

    pub fn daemon_pid(&self) -> u32 {
        self.daemon.id()
    }

    pub fn add(&self, name: &str, runtime: &str, more: &[&str]) {
        let folder = self.place.path().join(name);
        fs::create_dir(&folder).expect("a folder");
        let folder = folder.to_str().expect("a temporary path is text");
        let added = dormouse(&self.place, &["add", folder, "--runtime", runtime]).args(more).output();
        let added = added.expect("the program runs");
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    }

    /// Takes a runtime's file away, and returns once the daemon knows.
    pub fn forget_runtime(&mut self, name: &str) {
        fs::remove_file(self.home.runtimes().join(format!("{name}.toml"))).expect("its file");
        self.journal.await_kind("runtimes_changed");
        signal(self.daemon_pid(), Signal::HUP);
        self.journal.await_kind("runtimes_changed");
    }

    /// `dormouse send PEER -f FILE`, as a person or a script calls it: when it was called.
    pub fn send_by_program(&self, peer: &str, file: &str) -> (u64, MessageId) {
        let mut send = dormouse(&self.place, &["send", peer, "-f", file]);
        let called = now_ns();
        let sent = send.output().expect("the program runs");
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
        let said = String::from_utf8(sent.stdout).expect("text");
        let id = said.split_whitespace().next().expect("an id").parse().expect("an id");
        (called, id)
    }

    /// `dormouse hook`, as the program of `session` calls it: how long that program waits for it.
    pub fn hook(&self, session: &SessionName) -> u64 {
        let mut hook = dormouse(&self.place, &["hook"]);
        hook.env("DORMOUSE_SESSION", self.home.session(session).secret());
        waited_for(&mut hook, br#"{"hook_event_name":"SubagentStop","session_id":"bench"}"#)
    }

    /// The same call on the daemon's socket: when it was answered, and the message's id.
    pub fn send(&self, peer: &str, text: &str) -> (u64, MessageId) {
        let message = SendMessage {
            to: peer.to_owned(),
            text: text.to_owned(),
            topic: None,
            key: None,
            runtime: None,
            progress: false,
            answers: None,
            wait: Wait::Accepted,
            timeout_ms: None,
        };
        let call = Call::new(mint::message_id(), Verb::Send(Box::new(message)));
        let mut socket = UnixStream::connect(self.home.control_socket()).expect("the daemon listens");
        socket.write_all(&call.to_line()).expect("the daemon reads");
        let mut answer = String::new();
        BufReader::new(socket).read_line(&mut answer).expect("the daemon answers");
        let answered = now_ns();
        match Reply::from_line(answer.as_bytes()).expect("an answer") {
            Reply::Ok(sent) => {
                let sent: Sent = Reply::read(sent).expect("an answer to a message");
                (answered, sent.message.expect("an accepted message has an id"))
            }
            other => panic!("not accepted: {other:?}"),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for peer in ["ada", "bob", "worker", "deaf"] {
            let _ = dormouse(&self.place, &["stop", peer]).output();
        }
        self.journal.await_quiet();
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// The reader as a runtime's file: with nothing to look at, or with a box as agents have one.
fn runtime_file(place: &TempDir, patterns: bool) -> String {
    let program = env::current_exe().expect("a program has a file");
    let socket = Ear::path(place);
    let (mode, input) = if patterns {
        let screen = "screen = '(?m)^─{20,}\\n❯'\nempty = '(?m)^❯ *$'\nlanded = '(?m)^❯ \\[pasted\\]'\n";
        ("box", screen)
    } else {
        ("", "")
    };
    // What a hook costs is measured where none of the other cells would pay for its settings.
    let hooks = if patterns { "[hooks]\nformat = 'claude'\n" } else { "" };
    format!(
        "argv = ['{}', '{WORD}', '{}', '{mode}']\n[input]\nwhile_busy = 'deliver'\n{input}\
         [proof]\ntranscript = '{{cwd}}/record.txt'\n{hooks}",
        program.display(),
        socket.display()
    )
}

/// From the call until `command` has ended, given `input`.
pub fn waited_for(command: &mut Command, input: &[u8]) -> u64 {
    let called = now_ns();
    let mut child = command.stdin(Stdio::piped()).spawn().expect("the program starts");
    // One that reads nothing may be gone already.
    let _ = child.stdin.take().expect("it is piped").write_all(input);
    assert!(child.wait().expect("the program ends").success());
    now_ns() - called
}

/// The program in this home, away from any other.
fn dormouse(place: &TempDir, args: &[&str]) -> Command {
    sealed(Command::new(env!("CARGO_BIN_EXE_dormouse")), place, args)
}

fn sealed(mut command: Command, place: &TempDir, args: &[&str]) -> Command {
    for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"DORMOUSE_")) {
        command.env_remove(name);
    }
    command.args(args).env("DORMOUSE_HOME", place.path()).stdin(Stdio::null());
    command
}

/// strace, which the kernel asks about nothing but the syncs of what it starts. It stands beside that program, whose
/// process is the one that was started here.
fn delayed(slower: Duration) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e"]);
    strace.arg(format!("inject=fdatasync:delay_enter={}", slower.as_micros()));
    strace
}

/// Where the readers speak to.
pub struct Ear(UnixDatagram);

impl Ear {
    fn open(place: &TempDir) -> Self {
        let socket = UnixDatagram::bind(Self::path(place)).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket has a timeout");
        Self(socket)
    }

    pub fn path(place: &TempDir) -> PathBuf {
        place.path().join("ear.sock")
    }

    /// The next word, which must be this one. That a reader is ready is heard only by who waits for it.
    pub fn hear(&self, said: Said) -> Word {
        loop {
            let mut bytes = [0; 128];
            let count = self.0.recv(&mut bytes).unwrap_or_else(|error| panic!("waiting for {said:?}: {error}"));
            let word = Word::parse(&String::from_utf8_lossy(&bytes[..count])).expect("a word");
            if word.said == said {
                return word;
            }
            assert_eq!(word.said, Said::Ready, "heard while waiting for {said:?}");
        }
    }
}

/// Asks a reader to end.
pub fn ask_to_end(pid: u32) {
    signal(pid, Signal::TERM);
}

pub fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a pid");
    kill_process(pid, signal).expect("the reader lives");
}

/// The journal, read beside its writer, woken by its folder.
pub struct Journal {
    reader: Reader,
    changes: OwnedFd,
    next: Lsn,
}

impl Journal {
    fn open(home: &Home) -> Self {
        let changes = inotify::init(inotify::CreateFlags::CLOEXEC).expect("inotify");
        let events = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
        inotify::add_watch(&changes, home.journal(), events).expect("the journal's folder");
        Self { reader: Reader::open(&home.journal()).expect("a journal"), changes, next: Lsn(1) }
    }

    /// Reads on until a record `is_it`; when it was found.
    pub fn await_record(&mut self, is_it: impl Fn(&Record) -> bool) -> (u64, Record) {
        loop {
            self.reader.refresh().expect("the journal can be read");
            for record in self.reader.records(self.next) {
                let record = record.expect("a record");
                self.next = record.lsn.next();
                if is_it(&record) {
                    return (now_ns(), record);
                }
            }
            assert!(self.has_changed(PATIENCE), "the journal stands still");
        }
    }

    pub fn await_kind(&mut self, kind: &str) -> (u64, Record) {
        self.await_record(|record| record.event.kind().name == kind)
    }

    /// The session that it was delivered to.
    pub fn await_delivery(&mut self, message: MessageId) -> SessionName {
        let is_it =
            |record: &Record| record.event.kind().name == "delivered" && record.subject.message == Some(message);
        let subject = self.await_record(is_it).1.subject;
        let (peer, generation) = subject.peer.zip(subject.generation).expect("it is about a session");
        SessionName { peer, generation }
    }

    /// Until nothing has been written for half a second.
    fn await_quiet(&self) {
        while self.has_changed(Duration::from_millis(500)) {}
    }

    fn has_changed(&self, limit: Duration) -> bool {
        let limit = Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: limit.subsec_nanos().into() };
        let mut fds = [PollFd::new(&self.changes, PollFlags::IN)];
        if poll(&mut fds, Some(&limit)).unwrap_or(0) == 0 {
            return false;
        }
        let mut events = [0_u8; 4096];
        rustix::io::read(&self.changes, &mut events).is_ok()
    }
}
