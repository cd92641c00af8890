//! What the tour shows, act by act.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::super::error::CliError;
use super::listen::failed;
use super::stage::Stage;
use super::voice::{Voice, seconds};
use crate::protocol::Problem;
use crate::shim::process::children;

pub fn introduce(voice: &Voice, stage: &Stage, keep: bool) -> Result<(), CliError> {
    let dir = stage.dir.display();
    let fate = if keep { "stays behind when it ends" } else { "is gone when it ends" };
    voice.heading("dormouse: a short tour")?;
    voice.say(
        "An agent is a program in a terminal that you write to and that answers. A team of them need not be awake all \
         night: dormouse lets each one sleep until somebody writes to it, wakes it in tmux, types the message in, and \
         puts it to bed again. Every decision is written to a journal before it is carried out, so that in the morning \
         you can ask what happened, and why.",
    )?;
    voice.say(&format!(
        "The agents here are stand-ins built into this program: real processes in real tmux, but no account and no \
         model. Everything lies in {dir} and {fate}; nothing of yours is touched."
    ))
}

pub fn all(voice: &Voice, stage: &mut Stage) -> Result<(), CliError> {
    let mut tour = Tour { voice, stage };
    tour.two_peers()?;
    let good_morning = tour.a_sleeper_is_woken()?;
    tour.three_tasks()?;
    tour.a_crash()?;
    tour.an_idle_peer_goes_to_bed(good_morning)?;
    tour.the_books_are_checked()
}

/// What is said when everything has ended.
pub fn part(voice: &Voice, remains: &Option<PathBuf>, took: Duration) -> Result<(), CliError> {
    let took = seconds(took);
    voice.heading("The end")?;
    let Some(home) = remains else {
        voice.say(&format!(
            "That took {took}. The daemon and every session have ended, and the temporary home is gone. Yours would \
             keep its journal in ~/.local/state/dormouse and its settings in ~/.config/dormouse."
        ))?;
        return voice.say("Next: the quick start in README.md, `dormouse help`, or `dormouse demo --keep`.");
    };
    let home = home.display();
    voice.say(&format!("That took {took}. The daemon and every session have ended; the home is still there:"))?;
    voice.say(&format!(
        "  export DORMOUSE_HOME={home}\n\
         \x20 dormouse log                # all of it, one record a line\n\
         \x20 dormouse why worker         # the causes of one peer's state\n\
         \x20 dormouse audit              # is every promise kept?\n\
         \x20 dormouse daemon &           # and it goes on where it stopped\n\
         \x20 rm -r {home}"
    ))
}

struct Tour<'a> {
    voice: &'a Voice,
    stage: &'a mut Stage,
}

impl Tour<'_> {
    fn say(&self, text: &str) -> Result<(), CliError> {
        self.voice.say(text)
    }

    /// Shows a command, runs it, and shows what it printed.
    fn dormouse(&mut self, args: &[&str]) -> Result<String, CliError> {
        self.voice.command(&shown(args))?;
        let began = Instant::now();
        let printed = self.stage.run(args)?;
        self.voice.output(&printed, began.elapsed())?;
        Ok(printed)
    }

    /// The screen of a peer, without its empty half.
    fn peek(&mut self, peer: &str) -> Result<(), CliError> {
        self.voice.command(&shown(&["peek", peer]))?;
        let began = Instant::now();
        let screen = self.stage.run(&["peek", peer])?;
        let lines: Vec<&str> = screen.lines().filter(|line| !line.trim().is_empty()).collect();
        // Its box is drawn over the whole width of a terminal larger than most.
        let lines = lines.iter().map(|line| if line.starts_with('─') { "────────" } else { line });
        self.voice.output(&lines.collect::<Vec<_>>().join("\n"), began.elapsed())
    }

    /// Starts the daemon, and sees that it has what it needs.
    fn daemon(&mut self) -> Result<(), CliError> {
        self.voice.command("dormouse daemon &")?;
        let began = Instant::now();
        self.stage.open()?;
        self.voice.output("", began.elapsed())?;
        let started = self.stage.await_record("the daemon", |record| is(record, "daemon_started"))?;
        if started["data"]["tmux"].is_null() {
            let missing = Problem::failed("the tour needs tmux 3.2 or later, and there is none");
            return Err(missing.hint("`make demo` installs it, or use your system's package manager").into());
        }
        Ok(())
    }

    fn two_peers(&mut self) -> Result<(), CliError> {
        self.voice.heading("1. Two peers")?;
        self.say(
            "A peer is a folder with a name. ada keeps her conversation from message to message; worker is \
                  ephemeral: each message is one task, and gets a fresh session of its own. A daemon looks after both.",
        )?;
        self.daemon()?;
        for name in ["ada", "worker"] {
            fs::create_dir(self.stage.dir.join(name)).map_err(failed("make a peer's folder"))?;
        }
        self.dormouse(&["add", "ada", "--runtime", "demo"])?;
        self.dormouse(&["add", "worker", "--runtime", "demo", "--ephemeral"])?;
        self.dormouse(&["ls"])?;
        self.say("Asleep means that nothing runs: no process, no terminal, no cost.")
    }

    /// Returns the message's id.
    fn a_sleeper_is_woken(&mut self) -> Result<String, CliError> {
        self.voice.heading("2. A message wakes a sleeper")?;
        self.say(
            "`--wait replied` stays until the answer is there. Meanwhile: the message is made durable, tmux is \
                  started, the program boots, the message is typed, and the program answers.",
        )?;
        self.dormouse(&["send", "ada", "Good morning! What is on your list?", "--wait", "replied"])?;
        self.say("This is her terminal. `dormouse attach ada` would let you join her in it.")?;
        self.peek("ada")?;
        self.say(
            "Delivered is not a guess: the program's own record of the conversation holds this very message, by \
                  its number.",
        )?;
        let to_ada = self
            .stage
            .await_record("the first message", |record| record["peer"] == "demo-ada" && is(record, "delivered"))?;
        text(&to_ada, "message")
    }

    fn three_tasks(&mut self) -> Result<(), CliError> {
        self.voice.heading("3. Three tasks, three fresh sessions")?;
        self.say(
            "Sending takes only as long as it takes to write the task down for good. The worker takes them one \
                  after another, in a new session each, so that no task sees the crumbs of the one before.",
        )?;
        let mut tasks = Vec::new();
        for task in ["Count the apples.", "Count the pears.", "Count the plums."] {
            tasks.push(first_word(&self.dormouse(&["send", "worker", task])?));
        }
        for task in &tasks {
            self.stage
                .await_record("a task to be done", |record| is(record, "task_done") && record["message"] == **task)?;
        }
        self.dormouse(&["log", "--peer", "worker", "--kind", "session_started", "--kind", "task_done"])?;
        self.say(
            "Three tasks, three processes. Each session was ended once its answer was in and it had been quiet, and \
                  the next began at once.",
        )
    }

    fn a_crash(&mut self) -> Result<(), CliError> {
        self.voice.heading("4. A worker is killed in the middle of a task")?;
        self.say(
            "The second line tells the stand-in to take three seconds. In the middle of them its process is \
                  killed, as a machine out of memory would do it.",
        )?;
        let sent = self.dormouse(&["send", "worker", "Count the stars.\ndemo: work 3s", "--wait", "delivered"])?;
        let task = first_word(&sent);
        let this_task = |record: &Value, kind| is(record, kind) && record["message"] == *task;
        let began = self.stage.await_record("the delivery", |record| this_task(record, "delivered"))?;
        let died = self.kill(&began)?;
        self.stage.await_record("the second attempt", |record| {
            this_task(record, "delivered") && record["lsn"].as_u64() > died["lsn"].as_u64()
        })?;
        self.say(
            "The death was noticed when it happened, not at some later look. The task was not lost: it was given \
                  again, in a fresh session. And the agent is told, because half of the work may be there already:",
        )?;
        self.peek("worker")?;
        self.stage.await_record("the task's end", |record| this_task(record, "task_done"))?;
        let since = died["lsn"].to_string();
        self.dormouse(&[
            "log",
            "--since",
            &since,
            "--kind",
            "session_died",
            "--kind",
            "delivered",
            "--kind",
            "task_done",
        ])?;
        Ok(())
    }

    /// Kills the program of the session that `delivered` went into; returns the record of its death.
    fn kill(&mut self, delivered: &Value) -> Result<Value, CliError> {
        let this_session = |record: &Value, kind| is(record, kind) && record["generation"] == delivered["generation"];
        let started = self.stage.await_record("the session", |record| this_session(record, "session_started"))?;
        // A session's first process is ours, and looks after the program.
        let shim = started["data"]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
        let program = children(shim).map_err(failed("find the worker's process"))?;
        let program = program.first().and_then(|pid| Pid::from_raw(i32::try_from(*pid).ok()?));
        let Some(program) = program else { return Err(Problem::failed("the worker has no process").into()) };
        self.voice.command(&format!("kill -KILL {}", program.as_raw_nonzero()))?;
        let began = Instant::now();
        kill_process(program, Signal::KILL).map_err(failed("kill the worker"))?;
        let died = self.stage.await_record("the death", |record| this_session(record, "session_died"))?;
        self.voice.output("", began.elapsed())?;
        Ok(died)
    }

    fn an_idle_peer_goes_to_bed(&mut self, good_morning: String) -> Result<(), CliError> {
        self.voice.heading("5. Whoever is idle goes to bed")?;
        self.say(
            "Nobody has written to ada since. She may be idle for an hour; in this home it is five seconds. An agent that \
                  works, or waits for a person, is never idle, however silent it is.",
        )?;
        self.stage
            .await_record("ada to be idle", |record| record["peer"] == "demo-ada" && is(record, "session_ended"))?;
        self.say(
            "So why is she asleep? The latest comes first, each line a cause of the one above. (C45 \
and the like are the numbers of the rules that dormouse promises to keep.)",
        )?;
        self.dormouse(&["why", "ada"])?;
        self.say("And what became of the first message?")?;
        self.dormouse(&["why", &good_morning])?;
        Ok(())
    }

    fn the_books_are_checked(&mut self) -> Result<(), CliError> {
        self.voice.heading("6. Is all of that true?")?;
        self.say(
            "`audit` reads the whole journal again: the checksum of every record, and every promise, such as never \
                  two sessions of one worker at a time, and no message without a known fate.",
        )?;
        self.dormouse(&["audit"])?;
        Ok(())
    }
}

fn is(record: &Value, kind: &str) -> bool {
    record["kind"] == *kind
}

fn text(record: &Value, field: &str) -> Result<String, CliError> {
    let value = record[field].as_str().map(str::to_owned);
    value.ok_or_else(|| Problem::failed(format!("a record has no {field}")).into())
}

/// A message's id, as `send` prints it.
fn first_word(printed: &str) -> String {
    printed.split_whitespace().next().unwrap_or_default().to_owned()
}

/// As one would type it.
fn shown(args: &[&str]) -> String {
    let quoted = |arg: &&str| if arg.contains([' ', '\n', '!']) { format!("'{arg}'") } else { (*arg).to_owned() };
    let words: Vec<String> = args.iter().map(quoted).collect();
    format!("dormouse {}", words.join(" "))
}
