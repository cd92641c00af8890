//! A home of its own with an executor in it, and an ear for what it reports.

#![allow(dead_code, reason = "each test file uses its part of it")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use dormouse::executor::report::Report;
use dormouse::executor::{Executor, Programs, attach_command};
use dormouse::home::Home;
use dormouse::model::actor::Sender;
use dormouse::model::delivery::DeliveryOutcome;
use dormouse::model::effect::{DeliverMessage, Effect, Envelope, SessionName, StartSession, Task};
use dormouse::model::event::{DeliveryEnded, Event, Fact, SessionGone};
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::message::Purpose;
use dormouse::model::record::Draft;
use dormouse::model::session::WakeMode;
use dormouse::observe::clock;
use dormouse::runtime::Runtimes;
use tokio::sync::mpsc;

const DEADLINE: Duration = Duration::from_secs(30);

/// A home that is gone at the end, with every server and session in it.
pub struct World {
    pub executor: Executor,
    pub home: Home,
    pub folder: PathBuf,
    reports: mpsc::UnboundedReceiver<Report>,
    _dir: tempfile::TempDir,
}

impl World {
    /// `runtimes`: names and files. `text` is what every message says.
    pub fn new(runtimes: &[(&str, &str)], text: &str) -> Self {
        Self::with_tmux("tmux", runtimes, text)
    }

    pub fn with_tmux(tmux: &str, runtimes: &[(&str, &str)], text: &str) -> Self {
        Self::with_programs(tmux, None, runtimes, text)
    }

    pub fn with_programs(tmux: &str, systemd_run: Option<PathBuf>, runtimes: &[(&str, &str)], text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::under(&dir.path().join("home"));
        let folder = dir.path().join("peer");
        for path in [home.runtimes(), home.clients(), folder.clone()] {
            std::fs::create_dir_all(path).unwrap();
        }
        for (name, file) in runtimes {
            std::fs::write(home.runtimes().join(format!("{name}.toml")), file).unwrap();
        }
        let known = Arc::new(Runtimes::load(&home.runtimes()).unwrap());
        let (send, reports) = mpsc::unbounded_channel();
        let text = text.to_owned();
        let texts = Arc::new(move |_: Lsn| Ok(text.clone()));
        let programs = Programs { tmux: tmux.into(), dormouse: env!("CARGO_BIN_EXE_dormouse").into(), systemd_run };
        let executor = Executor::with_programs(programs, home.clone(), known, send, texts);
        Self { executor, home, folder, reports, _dir: dir }
    }

    pub fn start(&mut self, name: &SessionName) {
        let order = StartSession {
            session: name.clone(),
            folder: self.folder.clone(),
            mode: WakeMode::Fresh,
            args: Vec::new(),
            consents: Vec::new(),
            roster: Vec::new(),
            worker: false,
            woken: clock::now(),
            boot_deadline_ms: 20_000,
        };
        self.run(name.generation.0, Task::StartSession(Box::new(order)));
    }

    pub fn run(&mut self, cause: Lsn, task: Task) {
        self.executor.run([Effect { cause, task }]);
    }

    /// The next report, taken as durable.
    pub async fn next(&mut self) -> Draft {
        let report = tokio::time::timeout(DEADLINE, self.reports.recv()).await.expect("a report").expect("an executor");
        if let Some(durable) = report.durable {
            let _ = durable.send(());
        }
        report.draft
    }

    /// The next report, which the journal refuses.
    pub async fn next_undurable(&mut self) -> Draft {
        tokio::time::timeout(DEADLINE, self.reports.recv()).await.expect("a report").expect("an executor").draft
    }

    /// Reports up to the first that `wanted` takes.
    pub async fn until<T>(&mut self, wanted: impl Fn(&Fact) -> Option<T>) -> (T, Vec<Draft>) {
        let mut before = Vec::new();
        loop {
            let draft = self.next().await;
            let Event::Fact(fact) = &draft.event else { panic!("an executor concludes nothing: {draft:?}") };
            if let Some(found) = wanted(fact) {
                return (found, before);
            }
            if let Fact::LaunchFailed(failed) = fact {
                panic!("{failed:?} after {before:?}");
            }
            before.push(draft);
        }
    }

    /// Starts a session and waits for its input surface.
    pub async fn open(&mut self, identity: &str, generation: u64) -> SessionName {
        let name = session(identity, generation);
        self.start(&name);
        self.until(|fact| matches!(fact, Fact::BoxOpened(_)).then_some(())).await;
        name
    }

    pub async fn delivery_ends(&mut self) -> (DeliveryOutcome, Vec<Draft>) {
        self.until(|fact| match fact {
            Fact::DeliveryEnded(DeliveryEnded { outcome, .. }) => Some(outcome.clone()),
            _ => None,
        })
        .await
    }

    /// Ends a session and waits for the word of it.
    pub async fn end(&mut self, name: &SessionName) -> SessionGone {
        self.run(Lsn(9_000), Task::EndSession { session: name.clone() });
        self.until(|fact| if let Fact::SessionGone(gone) = fact { Some(gone.clone()) } else { None }).await.0
    }

    pub fn tmux(&self, name: &SessionName, args: &[&str]) -> String {
        let socket = self.home.tmux_socket(name);
        let output =
            Command::new("tmux").args(["-u", "-f", "/dev/null", "-S"]).arg(socket).args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.executor.cancel_all();
        for peer in list(&self.home.run.join("peers")) {
            for session in list(&peer) {
                end_by_hand(&session);
            }
        }
        for socket in list(&self.home.run.join("tmux")) {
            let _ = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output();
        }
    }
}

/// For a test that failed half-way: asks the session's own process to end its tree.
fn end_by_hand(session: &Path) {
    let born = std::fs::read(session.join("born.json")).ok();
    let born = born.and_then(|json| serde_json::from_slice::<dormouse::shim::files::Born>(&json).ok());
    if let Some(pid) = born.filter(|_| !session.join("status.json").exists()).map(|born| born.pid) {
        let _ = Command::new("kill").arg(pid.to_string()).output();
    }
}

fn list(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

pub fn session(identity: &str, generation: u64) -> SessionName {
    SessionName { peer: identity.parse().unwrap(), generation: Generation(Lsn(generation)) }
}

pub fn delivery(name: &SessionName, message: u128) -> DeliverMessage {
    DeliverMessage {
        session: name.clone(),
        managed: None,
        message: MessageId(message),
        accepted: Lsn(1),
        attempt: 1,
        envelope: Envelope {
            from: Sender::User { name: "ada".to_owned(), uid: 1000 },
            sent: clock::now(),
            topic: None,
            purpose: Purpose::Message,
            possible_duplicate: false,
            session_before: None,
            reply_asked: false,
        },
        initial_prompt: None,
        turn_running: false,
        last_delivered: None,
        ready_deadline_ms: 10_000,
        human_typing_hold_ms: 120_000,
    }
}

pub fn deliver(order: DeliverMessage) -> Task {
    Task::DeliverMessage(Box::new(order))
}

/// Waits for a condition the system has no event for.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The runtime file of the agent in miniature, with what it is to do.
pub fn agent(does: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/executor_world/agent.bash");
    format!(
        r#"
argv = ["bash", "{script}", "{does}"]
[input]
screen = '(?m)^─{{20,}}\n❯'
empty = '(?m)^❯\s*$'
landed = '(?m)^❯ \[pasted \d+ lines\]'
clear = ["C-u"]
[proof]
transcript = "{{cwd}}/inbox.txt"
[turn]
waiting = 'Do you want to proceed'
[[dialog]]
name = "folder-trust"
screen = 'Do you trust this folder'
select = '(?m)^❯ Yes'
step = "Down"
confirm = "Enter"
consent = "trust_folder"
[[fatal]]
screen = 'Select login method'
says = "not signed in"
"#
    )
}

/// Somebody who has joined a session in a terminal of 90 columns and 30 rows.
pub struct Person(Child);

impl Person {
    pub fn begin(world: &World, name: &SessionName) -> Self {
        let attach = attach_command("tmux".as_ref(), &world.home, name);
        let words: Vec<_> = attach.get_args().map(|word| format!("'{}'", word.to_str().unwrap())).collect();
        let line = format!("stty cols 90 rows 30; exec tmux {}", words.join(" "));
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").env_remove("TMUX");
        Self(script.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    pub async fn attach(world: &World, name: &SessionName) -> Self {
        let person = Self::begin(world, name);
        until("the person", || !world.tmux(name, &["list-clients"]).is_empty()).await;
        person
    }

    pub fn leave(mut self, world: &World, name: &SessionName) {
        world.tmux(name, &["detach-client", "-s", &format!("={}", name.peer)]);
        self.0.stdin.take();
        self.0.wait().unwrap();
    }
}
