//! A control socket with a scripted loop behind it, and the program in front of it.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use dormouse::daemon::control::{self, DaemonLock, Door};
use dormouse::daemon::ears::Ears;
use dormouse::daemon::input::{Answer, Ask, Input, Loop};
use dormouse::home::Home;
use dormouse::journal::{DirStorage, Journal, Options};
use dormouse::model::actor::{Actor, Sender as From};
use dormouse::model::effect::SessionName;
use dormouse::model::event::{DaemonStarted, Event, MessageAccepted, PeerRegistered, Recipient};
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::name::Identity;
use dormouse::model::profile::{Registration, WakePolicy};
use dormouse::model::record::{Record, Subject};
use dormouse::model::request::{Request, Verb as Asked};
use dormouse::model::session::{Source, Turn, WakeBranch, WakeMode, WakeReason};
use dormouse::model::state::{Peer, Presence, Session, SessionPhase, State};
use dormouse::model::time::{BootId, Timestamp};
use dormouse::protocol::{Call, Reply};
use dormouse::runtime::Runtimes;
use tempfile::TempDir;
use tokio::sync::{broadcast, oneshot};

/// A copy of a recorded history.
pub fn history(name: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    fs::create_dir(&journal).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    for file in fs::read_dir(golden).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), journal.join(file.file_name())).unwrap();
    }
    (dir, journal)
}

/// A moment that is over.
pub const NOW: Timestamp = Timestamp { wall_us: 1_700_000_000_000_000, awake_ms: 60_000, boot: BootId(1) };

/// What the loop says to a request; none leaves the caller without an answer.
pub type Script = Box<dyn FnMut(&Request) -> Option<Answer> + Send>;

/// A daemon whose loop is a script.
pub struct Daemon {
    pub dir: TempDir,
    pub home: Home,
    pub asked: Receiver<Request>,
    pub records: broadcast::Sender<Arc<Record>>,
    pub state: Arc<Mutex<State>>,
    pub history: Arc<Mutex<Vec<Record>>>,
    end: Option<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Daemon {
    pub fn start(state: State, script: impl FnMut(&Request) -> Option<Answer> + Send + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::under(dir.path());
        let state = Arc::new(Mutex::new(state));
        let history = Arc::new(Mutex::new(Vec::new()));
        let (inputs, heard) = channel();
        let (records, _) = broadcast::channel(64);
        let (told, asked) = channel();
        let (end, ended) = oneshot::channel();
        let lines = Loop { inputs, records: records.clone(), hears: Arc::default() };
        let scripted = Scripted { state: Arc::clone(&state), script: Box::new(script), told };
        let mut threads = vec![std::thread::spawn(move || scripted.run(&heard))];
        let (ready, is_ready) = channel();
        let past = Arc::clone(&history);
        let own = home.clone();
        threads.push(std::thread::spawn(move || serve(own, lines, past, &ready, ended)));
        is_ready.recv().unwrap();
        Self { dir, home, asked, records, state, history, end: Some(end), threads }
    }

    /// The line `call` is answered with, and those after it.
    pub fn call(&self, call: &Call) -> Vec<Reply> {
        let mut line = self.connect();
        // A call that is too long is answered before it has been read.
        let _ = line.write_all(&call.to_line());
        let lines = BufReader::new(line).lines().map_while(Result::ok);
        lines.map(|line| Reply::from_line(line.as_bytes()).unwrap()).collect()
    }

    pub fn connect(&self) -> UnixStream {
        UnixStream::connect(self.home.control_socket()).unwrap()
    }

    /// The real program, in this home.
    pub fn program(&self, args: &[&str]) -> Command {
        let mut command = program(args);
        command.env("DORMOUSE_HOME", self.dir.path());
        command
    }

    /// Writes the secret of a session and says where.
    pub fn mint_secret(&self, session: &SessionName, secret: &str) -> PathBuf {
        let files = self.home.session(session);
        std::fs::create_dir_all(files.dir()).unwrap();
        std::fs::write(files.secret(), format!("{secret}\n")).unwrap();
        files.secret()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.end.take());
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "a thread of the scripted daemon panicked");
        }
    }
}

struct Scripted {
    state: Arc<Mutex<State>>,
    script: Script,
    told: Sender<Request>,
}

impl Scripted {
    fn run(mut self, heard: &Receiver<Input>) {
        // Held as long as the daemon lives: their callers wait in vain.
        let mut unanswered = Vec::new();
        for input in heard {
            match input {
                Input::Read(question) => question(Ok((&self.state.lock().unwrap(), NOW))),
                Input::Ask(ask) => unanswered.extend(self.say(ask)),
                Input::AskAll(asks) => unanswered.extend(asks.into_iter().filter_map(|ask| self.say(ask))),
                Input::Peek { session, answer } => drop(answer.send(Ok(format!("screen of {}\n", session.peer)))),
                other => panic!("not for a control socket: {other:?}"),
            }
        }
    }

    /// Whose answer is not in the script is given back.
    fn say(&mut self, Ask { request, answer }: Ask) -> Option<oneshot::Sender<Answer>> {
        let said = (self.script)(&request);
        let _ = self.told.send(request);
        match said {
            Some(said) => {
                drop(answer.send(said));
                None
            }
            None => Some(answer),
        }
    }
}

fn serve(home: Home, lines: Loop, past: Arc<Mutex<Vec<Record>>>, ready: &Sender<()>, ended: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let lock = DaemonLock::take(&home).unwrap();
        let listener = control::bind(&home, &lock).unwrap();
        ready.send(()).unwrap();
        let history = Arc::new(move |_, _| Ok(past.lock().unwrap().clone()));
        let ears = Ears::new(Arc::new(Runtimes::load(&home.runtimes()).unwrap()));
        tokio::select! {
            () = control::serve(listener, Door::new(home, lines, history, ears)) => {}
            _ = ended => {}
        }
    });
}

/// The real program, away from any home and session of whoever runs the tests.
pub fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    command.args(args).stdin(Stdio::null()).env_remove("NO_COLOR");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DORMOUSE_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it with `input` on its standard input.
pub fn fed(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

pub fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn ada() -> Identity {
    "demo-ada".parse().unwrap()
}

pub fn record(lsn: u64, subject: Subject, event: impl Into<Event>) -> Record {
    Record { lsn: Lsn(lsn), at: NOW, subject, cause: None, actor: Actor::Dormouse, event: event.into() }
}

/// The acceptance of `message`, as record `lsn`.
pub fn accepted(lsn: u64, message: MessageId, from: From, text: &str, answers: Option<MessageId>) -> Record {
    let event = MessageAccepted {
        to: Recipient::Peer(ada()),
        from,
        topic: None,
        text: text.to_owned(),
        replaced: 0,
        key: None,
        progress: false,
        answers,
        policy: WakePolicy::Persistent,
        queue_depth: 1,
        reason: None,
        named: false,
        reply_asked: false,
    };
    record(lsn, Subject::peer(&ada()).with_message(message), event)
}

/// Accepts every message as record 813, and leaves other verbs without an answer.
pub fn accepting(request: &Request) -> Option<Answer> {
    let Asked::Send(send) = &request.verb else { return None };
    Some(Answer::Done(vec![accepted(813, send.mint, send.from.clone(), &send.text, None)]))
}

/// Peers by identity, each live in the given generation, if any.
pub fn team(peers: &[(&str, Option<u64>)]) -> State {
    let mut state = State::default();
    for (identity, generation) in peers {
        let identity: Identity = identity.parse().unwrap();
        let registration = Registration::plain(
            format!("/peers/{}", identity.personality),
            identity.personality.clone(),
            identity.runtime.clone(),
        );
        let peer = Peer { registration, registered: Lsn(1), profile_unreadable: None };
        state.peers.insert(identity.personality.clone(), peer);
        let mut presence = Presence::new(NOW);
        presence.session = generation.map(|lsn| session(Generation(Lsn(lsn))));
        state.presences.insert(identity, presence);
    }
    state
}

pub fn session(generation: Generation) -> Session {
    Session {
        generation,
        woken: NOW,
        mode: WakeMode::Fresh,
        branch: WakeBranch::FirstWake,
        reason: WakeReason::Message,
        policy: WakePolicy::Persistent,
        phase: SessionPhase::Ready { since: NOW },
        slot: false,
        pid: None,
        socket: None,
        resume_ref: None,
        first_input: None,
        task: None,
        topics: Vec::new(),
        turn: Turn::Unknown,
        turns_open: 0,
        turn_told: None,
        turn_names: dormouse::model::turn_names::TurnNames::default(),
        armed: None,
        delivering: None,
        last_delivered: None,
        last_delivered_from: None,
        questions: Vec::new(),
        last_sign: NOW,
        last_sign_source: Source::Wake,
        last_proof: None,
        looking: false,
        look_failed_at: None,
        screen_moved: None,
        transcript_moved: None,
        kept: None,
        person_seen: None,
        work_seen: None,
        turn_said: None,
        waits_by: None,
        failing: false,
        last_words: None,
        taken: None,
    }
}

/// A journal in which ada is registered, in `folder`.
pub fn register(home: &Path, folder: &Path, consents: &[&str], runtimes: &[&str]) {
    let mut registration = team(&[("demo-ada", None)]).peers.values().next().unwrap().registration.clone();
    registration.folder = folder.to_owned();
    registration.profile.runtimes = runtimes.iter().map(|it| it.parse().unwrap()).collect();
    registration.consents = consents.iter().map(|it| (*it).to_owned()).collect();
    let storage = DirStorage::open(&home.join("journal")).unwrap();
    let options = Options { segment_bytes: 64 << 10, ..Options::default() };
    let mut journal = Journal::open(storage, options, NOW.wall_us, || [7; 16], |_| ()).unwrap().0;
    let started = DaemonStarted { version: "0.0.1".to_owned(), pid: std::process::id(), tmux: None };
    let records = vec![
        record(1, Subject::NONE, started),
        record(2, Subject::peer(&ada()), PeerRegistered { registration, reason: None }),
    ];
    let _ = journal.append(&[records], ()).unwrap();
}
