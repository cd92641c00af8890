//! Where an agent is put to the test: a home of its own, a daemon, a model, and no way out.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use dormouse::model::delivery::{Gate, Proof};
use dormouse::model::event::{Decision, Delivered, DeliveryWaiting, DialogAnswered, Event, Fact, WakeFailed};
use dormouse::model::id::MessageId;
use dormouse::model::record::Record;
use dormouse::model::text::visible;
use rustix::process::{Pid, Signal, kill_process};

use crate::alike::Prompts;
use crate::daemon_fixture::{World, text, until};
use crate::model::Model;

/// Judged turns end soon, so that a second message need not wait for long.
pub const CONFIG: &str = "ephemeral_quiet = \"1s\"\n";

pub struct Place {
    // Gone first: a program must not outlive the model it talks to.
    pub world: World,
    pub model: Model,
    /// The agent's `HOME`.
    pub home: PathBuf,
    /// What shows a delivery here, however it came to be.
    pub proof: Proof,
}

impl Place {
    /// A daemon that is not yet started, with the programs of `make agents` in its path.
    pub fn new() -> Self {
        Self::with(CONFIG)
    }

    /// As [`Place::new`], with these settings.
    pub fn with(config: &str) -> Self {
        no_way_out();
        let programs = std::env::var("DORMOUSE_AGENTS").expect("run these by `make agents`");
        let (mut world, model) = (World::new(config), Model::start());
        let home = world.path("agent-home");
        fs::create_dir_all(&home).unwrap();
        world.set_env("HOME", &home);
        // A test may put a program of its own before the real ones.
        let own = home.join("bin");
        world.set_env("PATH", format!("{}:{programs}:{}", own.display(), std::env::var("PATH").unwrap()));
        Self { world, model, home, proof: Proof::TranscriptExact }
    }

    /// Sends `message` from a shell and returns once it is in the queue.
    pub fn send(&self, to: &str, message: &str) -> MessageId {
        self.send_with(to, message, &[])
    }

    pub fn send_with(&self, to: &str, message: &str, args: &[&str]) -> MessageId {
        let mut send = self.world.command(&[&["send", to, "--file", "-", "--json"], args].concat());
        let mut sending = send.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        sending.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
        let sent = sending.wait_with_output().unwrap();
        assert!(sent.status.success(), "{}", text(&sent.stderr));
        let said: serde_json::Value = serde_json::from_slice(&sent.stdout).unwrap();
        said["message"].as_str().unwrap_or_else(|| panic!("{said}")).parse().unwrap()
    }

    /// From now on `program` is a script that says `line` and fails; until what comes back is dropped.
    pub fn breaks(&self, program: &str, line: &str) -> Broken {
        let script = self.home.join("bin").join(program);
        fs::create_dir_all(script.parent().unwrap()).unwrap();
        fs::write(&script, format!("#!/bin/sh\necho '{line}' >&2\nexit 1\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Broken(script)
    }

    /// How `message` was proven.
    #[track_caller]
    pub fn delivered(&self, message: MessageId) -> Proof {
        self.world.await_record("the delivery", |record| match &record.event {
            Event::Decision(Decision::Delivered(Delivered { proof, .. })) if is_about(record, message) => Some(*proof),
            Event::Decision(Decision::WakeFailed(failed)) => panic!("{failed:#?}\n{}", self.world.story()),
            _ => None,
        })
    }

    /// Why the wake failed, and after how many milliseconds.
    #[track_caller]
    pub fn wake_failed(&self) -> (WakeFailed, u64) {
        let mut decided = None;
        self.world.await_record("the wake's failure", |record| match &record.event {
            Event::Decision(Decision::WakeDecided(_)) => {
                decided = Some(record.at.awake_ms);
                None
            }
            Event::Decision(Decision::WakeFailed(failed)) => {
                Some((failed.clone(), record.at.awake_ms - decided.unwrap()))
            }
            _ => None,
        })
    }

    /// Dialogs and the keys that were pressed in them, without those that had to be pressed again.
    pub fn answered(&self) -> Vec<(String, String)> {
        let keys = self.world.records().into_iter().filter_map(|record| match record.event {
            Event::Fact(Fact::DialogAnswered(DialogAnswered { dialog, key, .. })) => Some((dialog, key)),
            _ => None,
        });
        let mut keys: Vec<_> = keys.collect();
        keys.dedup();
        keys
    }

    /// What of the conversation the model was sent of `message`, once it was asked for an answer to it.
    #[track_caller]
    pub fn prompt(&self, message: MessageId, prompts: Prompts) -> String {
        let names = format!("message {message}, attempt ");
        let mut found = Vec::new();
        until("the prompt", || {
            let asked = self.model.asked();
            found = asked.last().map(prompts).into_iter().flatten().filter(|said| said.contains(&names)).collect();
            !found.is_empty()
        });
        assert_eq!(found.len(), 1, "once, and no more");
        found.pop().unwrap()
    }

    /// The model has been asked this often, and not once more.
    #[track_caller]
    pub fn asked(&self, times: usize) {
        until("the model to be asked", || self.model.asked().len() >= times);
        assert_eq!(self.model.asked().len(), times);
    }

    /// A key into the agent's own terminal, as a person there would press it.
    pub fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Characters into the agent's own terminal; returns once they show there.
    pub fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
        until("the typed text", || self.screen().contains(text));
    }

    /// What is on the screens of all sessions.
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// How many terminals of people are in sessions.
    pub fn attached(&self) -> usize {
        self.tmux(&["list-clients"]).lines().count()
    }

    /// The processes that sessions have begun with, oldest first.
    pub fn started(&self) -> Vec<u32> {
        let pid = |record: Record| match record.event {
            Event::Fact(Fact::SessionStarted(started)) => Some(started.pid),
            _ => None,
        };
        self.world.records().into_iter().filter_map(pid).collect()
    }

    /// What tmux prints of a command to the server of every session.
    fn tmux(&self, args: &[&str]) -> String {
        let sockets = fs::read_dir(self.world.home.run.join("tmux")).unwrap();
        let sockets = sockets.map(|socket| socket.unwrap().path());
        let printed = sockets.filter(|path| path.extension().is_some_and(|ext| ext == "sock")).map(|socket| {
            let mut tmux = Command::new("tmux");
            let output = tmux.arg("-u").arg("-S").arg(socket).args(args).output().unwrap();
            assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
            text(&output.stdout)
        });
        printed.collect()
    }

    /// Waits until `message` is held for `wanted`.
    #[track_caller]
    pub fn held_for(&self, message: MessageId, wanted: impl Fn(&Gate) -> bool) {
        self.world.await_record("the wait", |record| match &record.event {
            Event::Fact(Fact::DeliveryWaiting(DeliveryWaiting { gate })) if is_about(record, message) => {
                wanted(gate).then_some(())
            }
            _ => None,
        });
    }

    /// No part of a text has made its file, in whatever folder a shell might have been.
    #[track_caller]
    pub fn nothing_was_executed(&self) {
        let mut folders = vec![self.world.path("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                assert_ne!(entry.file_name(), "made", "something was executed: {}", entry.path().display());
                folders.extend(entry.file_type().unwrap().is_dir().then(|| entry.path()));
            }
        }
    }

    /// What runs with the environment of a session of this home, by name.
    pub fn alive(&self) -> Vec<String> {
        let home = format!("\0HOME={}\0", self.home.display());
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let process = entry.ok()?.path();
            let environment = String::from_utf8_lossy(&fs::read(process.join("environ")).ok()?).into_owned();
            let ours = format!("\0{environment}").contains(&home) && environment.contains("PEER_IDENTITY=");
            ours.then(|| fs::read_to_string(process.join("comm")).unwrap_or_default().trim().to_owned())
        });
        processes.collect()
    }
}

pub struct Broken(PathBuf);

impl Drop for Broken {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn is_about(record: &Record, message: MessageId) -> bool {
    record.subject.message == Some(message)
}

/// Nothing but loopback may be there: what these programs say on their own is meant for their makers.
fn no_way_out() {
    let devices = fs::read_to_string("/proc/net/dev").unwrap();
    let names: Vec<&str> = devices.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim).collect();
    let others: Vec<_> = names.into_iter().filter(|name| *name != "lo").collect();
    assert!(others.is_empty(), "this network reaches further than loopback ({others:?}): run these by `make agents`");
}

/// Kills what the session runs whose first process is `pid`.
pub fn kill_program(pid: u32) {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let program: i32 = children.split_whitespace().next().expect("its program").parse().unwrap();
    kill_process(Pid::from_raw(program).unwrap(), Signal::KILL).unwrap();
}

/// Every text that broke a tool of this kind once. Whatever would execute a part of it makes a file named `made`.
pub fn nasty() -> String {
    let mut text = String::from(
        "-n --help\n!touch made\n/exit\n'single' \"double\" $(touch made) `touch made`; touch made | & > #{pane_id} %H \\\n\
         \ttab\tand tab 😀 👩\u{200d}🔬 e\u{301} مرحبا\n\u{1b}[201~\u{15}!touch made\r\nab\u{3}c \u{9b}2J \u{7f} \u{85}\n",
    );
    for row in 0..4 {
        text.push_str(&format!("{row} {}\n", "abc; $X ".repeat(87)));
    }
    text + "exit"
}

/// 64 KiB on many lines.
pub fn long() -> String {
    let rows = (0..1_024).map(|row| format!("{row:05} {}", "x".repeat(57)));
    rows.collect::<Vec<_>>().join("\n")
}

/// Panics unless `prompt` is the envelope of `body`, whole, as `normalise` leaves it.
#[track_caller]
pub fn is_whole(prompt: &str, body: &str, normalise: fn(&str) -> String) {
    let body = normalise(&visible(body).text);
    let (first, rest) = prompt.split_once('\n').unwrap();
    assert!(first.starts_with("[from user:"), "{first}");
    let (said, end) = rest.rsplit_once("\n[end of message ").unwrap();
    assert!(end.ends_with(']') && !end.contains('\n'), "{end}");
    let differs = said.lines().zip(body.lines()).find(|(said, wanted)| said != wanted);
    assert!(said == body, "{} of {} bytes; the first line that differs: {differs:?}", said.len(), body.len());
}
