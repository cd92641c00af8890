//! `replay --verify`, `--diff` and `--step`: a history gone through again, from the journal alone.

mod cli_support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use cli_support::{err, history, out, program};
use serde_json::Value;
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(30);

/// Its records, as `log --json` has them.
fn records(journal: &Path) -> Vec<Value> {
    let output = program(&["log", "--json", "--journal", journal.to_str().unwrap()]).output().unwrap();
    out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn replay(journal: &Path, args: &[&str]) -> Output {
    program(&["replay", "--journal", journal.to_str().unwrap()]).args(args).output().unwrap()
}

fn json(journal: &Path, args: &[&str]) -> (Option<i32>, Value) {
    let output = replay(journal, &[args, &["--json"]].concat());
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", err(&output)));
    (output.status.code(), document)
}

/// I2: the rules of this build come to every decision of a recorded fleet.
#[test]
fn i2_a_recorded_history_is_decided_again_as_it_is_recorded() {
    let (_dir, journal) = history("v3-fleet");
    let all = records(&journal);
    let (records, decisions) = (all.len(), all.iter().filter(|record| record["class"] == "decision").count());
    assert!(decisions > 300, "{decisions}");
    for how in ["--verify", "--diff"] {
        let output = replay(&journal, &[how]);
        assert_eq!(output.status.code(), Some(0), "{}", out(&output));
        let said = format!("records 1 to {records}: all {decisions} decisions come out as they are recorded\n");
        assert_eq!(out(&output), said);
    }
    let (code, said) = json(&journal, &["--verify"]);
    assert_eq!((code, &said["decisions"], &said["divergences"]), (Some(0), &decisions.into(), &Value::Array(vec![])));
}

/// I2: the upgrade check over a history of an older dormouse: a wake after one that had failed was told as the first.
#[test]
fn i2_what_an_older_build_decided_otherwise_is_listed() {
    let (_dir, journal) = history("v2-fleet");
    let output = replay(&journal, &["--diff"]);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("nothing was ever parked") && text.contains("the session before died"), "{text}");
    assert!(text.ends_with("this build decides otherwise in 1 place\n"), "{text}");
}

/// I2: where they do not, both sides are shown. This history was put together by hand, and no rules made it.
#[test]
fn i2_a_decision_that_comes_out_otherwise_is_shown_with_what_comes_out() {
    let (_dir, journal) = history("v1");
    let output = replay(&journal, &["--verify"]);
    assert_eq!(output.status.code(), Some(1));
    let text = out(&output);
    let (recorded, decided) = text.split_once("  decided now:\n").expect("both sides");
    assert!(recorded.contains("  recorded:\n     4  ") && recorded.contains("wake_decided"), "{text}");
    assert!(decided.contains("     -  ") && decided.contains("delivery_decided"), "{text}");
    assert!(text.ends_with("this build decides otherwise in 1 place\n"), "{text}");
    let (code, said) = json(&journal, &["--diff"]);
    let found = &said["divergences"][0];
    assert_eq!((code, &found["after"]["lsn"], &found["recorded"][0]["lsn"]), (Some(1), &3.into(), &4.into()));
    assert_eq!((&found["decided"][0]["lsn"], &found["decided"][0]["cause"]), (&Value::Null, &3.into()));
}

/// C64: what each record changed, and nothing else.
#[test]
fn c64_each_step_shows_what_its_record_changed() {
    let (_dir, journal) = history("v1-fleet");
    let output = replay(&journal, &["--step", "--json"]);
    let steps: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = records(&journal).len() as u64;
    let lsns: Vec<u64> = steps.iter().map(|step| step["record"]["lsn"].as_u64().unwrap()).collect();
    assert!(lsns.iter().copied().eq(1..=last));
    let changes = |lsn: usize| steps[lsn - 1]["changes"].as_array().unwrap();
    let change = |lsn: usize, path: &str| {
        let found = changes(lsn).iter().find(|change| change["path"] == path);
        found.map(|change| (change["before"].clone(), change["after"].clone()))
    };
    assert_eq!(change(15, "peers.demo-ada.queue.waiting"), Some((0.into(), 1.into())));
    assert_eq!(change(16, "peers.demo-ada.phase"), Some(("asleep".into(), "waking".into())));
    assert!(changes(14).is_empty(), "settings that cannot be read change nothing: {:?}", changes(14));

    // All of them together make what `--at` shows of the end.
    let mut phase = Value::Null;
    for step in &steps {
        for change in step["changes"].as_array().unwrap() {
            match change["path"].as_str().unwrap() {
                "peers.demo-ada" => phase = change["after"]["phase"].clone(),
                "peers.demo-ada.phase" => phase = change["after"].clone(),
                _ => {}
            }
        }
    }
    let (_, end) = json(&journal, &[]);
    let ada = end["peers"].as_array().unwrap().iter().find(|peer| peer["peer"] == "demo-ada").unwrap();
    assert_eq!(phase, ada["phase"]);

    let from = replay(&journal, &["--step", "--at", "780"]);
    assert!(out(&from).starts_with("   780  "), "{}", out(&from));
}

/// At a terminal one goes to and fro.
#[test]
fn c64_a_terminal_steps_forwards_and_backwards() {
    let (dir, journal) = history("v1-fleet");
    let last = records(&journal).len();
    let at = |lsn: usize| format!("-- {lsn} of {last}");
    let terminal = Terminal::open(&dir, &["replay", "--journal", journal.to_str().unwrap(), "--step", "--at", "15"]);
    terminal.shows(&at(15));
    terminal.enters("");
    terminal.shows(&at(16));
    terminal.shows("~ peers.demo-ada.phase: asleep → waking");
    terminal.enters("700");
    terminal.shows(&at(700));
    terminal.enters("p");
    terminal.shows(&at(699));
    terminal.enters(&(last + 1).to_string());
    terminal.shows(&format!("there is no record {}", last + 1));
    // The arrow to the left, as a terminal sends it.
    terminal.enters("\u{1b}[D");
    terminal.shows(&at(698));
    terminal.enters("what");
    terminal.shows("that is none of these");
    terminal.enters("q");
    terminal.until("the end", |terminal| terminal.tmux(&["display-message", "-p", "#{pane_dead}"]).trim() == "1");
}

/// A pane in which the program runs.
struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    fn open(dir: &TempDir, args: &[&str]) -> Self {
        let terminal = Self { socket: dir.path().join("tmux.sock") };
        let begin = ["-f", "/dev/null", "start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";"];
        let run = ["new-session", "-d", "-x", "120", "-y", "40", "--", env!("CARGO_BIN_EXE_dormouse")];
        let home = [("DORMOUSE_HOME", dir.path())];
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(&terminal.socket).args(begin).args(run).args(args).envs(home).env_remove("TMUX");
        let opened = tmux.output().unwrap();
        assert!(opened.status.success(), "{}", err(&opened));
        terminal
    }

    fn tmux(&self, args: &[&str]) -> String {
        let output = Command::new("tmux").arg("-u").arg("-S").arg(&self.socket).args(args).output().unwrap();
        out(&output)
    }

    fn enters(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
        self.tmux(&["send-keys", "Enter"]);
    }

    #[track_caller]
    fn shows(&self, what: &str) {
        self.until(what, |terminal| terminal.tmux(&["capture-pane", "-p"]).contains(what));
    }

    #[track_caller]
    fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !condition(self) {
            assert!(begun.elapsed() < DEADLINE, "never came: {what}\n{}", self.tmux(&["capture-pane", "-p"]));
            std::thread::yield_now();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn bisect(journal: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = program(&["bisect", "--journal", journal.to_str().unwrap()]).args(args).output().unwrap();
    (output.status.code(), out(&output) + &err(&output))
}

/// C64: the record that ended it, with what the condition asked for before and after.
#[test]
fn c64_bisect_finds_the_record_after_which_a_condition_no_longer_held() {
    let (_dir, journal) = history("v1-fleet");
    let holds = "queue(demo-ada).waiting > 0 and phase(demo-ada) == asleep";
    let (code, said) = bisect(&journal, &["--holds", holds]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("    16  ") && said.contains("wake_decided"), "{said}");
    assert!(said.contains("\n  phase(demo-ada): asleep → waking\n"), "{said}");
    assert!(said.contains("\n  queue(demo-ada).waiting is 1 as before\n"), "{said}");

    let (code, said) = bisect(&journal, &["--holds", holds, "--json"]);
    let found: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &found["outcome"], &found["record"]["lsn"]), (Some(0), &"stopped".into(), &16.into()));
    assert_eq!(found["terms"][0]["term"], "phase(demo-ada)");

    let message = "message(00000000000000000000000001).state == delivering";
    let (_, said) = bisect(&journal, &["--holds", message]);
    assert!(said.contains("message(00000000000000000000000001).state: delivering → null"), "{said}");
}

/// What never held, or holds to this day, was ended by nothing.
#[test]
fn c64_bisect_says_so_where_nothing_ended_it() {
    let (_dir, journal) = history("v1-fleet");
    let (code, said) = bisect(&journal, &["--holds", "phase(demo-ada) == external"]);
    let last = records(&journal).len();
    assert_eq!((code, said), (Some(1), format!("it never held, up to record {last}\n")));
    let (code, said) = bisect(&journal, &["--holds", "daemon().running == true", "--until", "500"]);
    assert_eq!((code, said.as_str()), (Some(1), "it has held since record 1, and holds at the end\n"));
}

/// C64: a slip of the pen is no condition that never held.
#[test]
fn c64_bisect_refuses_what_could_never_hold() {
    let (_dir, journal) = history("v1-fleet");
    for (holds, says) in [
        ("queue(demo-ada).wating > 0", "found `wating`: expected one of its fields: waiting, dead"),
        ("phase(demo-ada) == lve", "found `lve`: expected one of asleep, waking, live,"),
        ("phase(demo-nobody) == asleep", "in the condition, no record is about a peer called `demo-nobody`"),
        (
            "message(01ARZ3NDEKTSV4RRFFQ69G5FAV).state == dead",
            "in the condition, no record is about message 01ARZ3NDEKTSV4RRFFQ69G5FAV",
        ),
    ] {
        let (code, said) = bisect(&journal, &["--holds", holds]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
    for span in [["--since", "100", "--until", "50"], ["--since", "100", "--until", "100"]] {
        let (code, said) = bisect(&journal, &[&["--holds", "phase(demo-ada) == asleep"], &span[..]].concat());
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("`--until` is not behind `--since`, which is record 100"), "{said}");
    }
}

/// C64: whoever slips in a name is told whom they may have meant, as git does; "it never held" would be an answer.
#[test]
fn c64_bisect_says_which_name_nobody_ever_had_and_which_is_nearest() {
    let (_dir, journal) = history("v1-fleet");
    for (name, nearest) in [("demo-adda", "`demo-ada`"), ("aad", "`ada`"), ("Ada", "`ada`")] {
        let holds = format!("phase(ada) == live and queue({name}).waiting == 0");
        let (code, said) = bisect(&journal, &["--holds", &holds]);
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.starts_with(&format!("error: in the condition, no record is about a peer called `{name}`")),
            "{said}"
        );
        assert!(
            said.contains(&format!("hint: did you mean {nearest}? this history tells of 15 peers, such as demo-ada, ")),
            "{said}"
        );
    }
    let (code, said) = bisect(&journal, &["--holds", "phase(nobody) == asleep", "--json"]);
    let error = &serde_json::from_str::<Value>(&said).unwrap()["error"];
    assert_eq!((code, &error["code"]), (Some(2), &"usage".into()), "{said}");
    assert!(error["hint"].as_str().unwrap().starts_with("this history tells of "), "nobody is near: {said}");
}

/// A peer is named as everywhere.
#[test]
fn a_condition_names_a_peer_by_its_personality_too() {
    let (_dir, journal) = history("v1-fleet");
    let (code, said) = bisect(&journal, &["--holds", "queue(ada).waiting > 0 and phase(ada) == asleep"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\n  phase(demo-ada): asleep → waking\n"), "{said}");
}

/// C64: every record is looked at. What held, stopped, and holds again at both ends is found all the same.
#[test]
fn c64_bisect_finds_what_came_and_went_between_two_moments_at_which_it_held() {
    let (_dir, journal) = history("v1-fleet");
    let holds = "phase(demo-ada) == asleep";
    let (_, end) = json(&journal, &["--at", "126"]);
    let phase = |moment: &Value| {
        let peers = moment["peers"].as_array().unwrap();
        peers.iter().find(|peer| peer["peer"] == "demo-ada").map(|peer| peer["phase"].clone())
    };
    let (_, begin) = json(&journal, &["--at", "15"]);
    assert_eq!((phase(&begin), phase(&end)), (Some("asleep".into()), Some("asleep".into())));
    let (code, said) = bisect(&journal, &["--holds", holds, "--since", "15", "--until", "126", "--json"]);
    let found: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &found["record"]["lsn"]), (Some(0), &16.into()), "{said}");
}
