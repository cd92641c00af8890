//! A real daemon over a long history: its start reads the tail, and retention takes nothing that is still needed (C13,
//! C60).

mod daemon_fixture;

use std::fs;
use std::path::Path;

use daemon_fixture::{World, touch, until};
use dormouse::model::record::Record;
use dormouse::runtime::Runtimes;
use serde_json::{Value, json};

const TEXT: &str = "an old text that is still worth something";
const WAIT: &str = "until [ -e go ]; do read -rt 0.05 <> <(:); done; exec \"$@\"";

/// Small segments, snapshots after few records, and room for little history.
fn world(retain: &str) -> World {
    let mut world = World::new(&format!("segment_bytes = \"64KiB\"\n{retain}"));
    world.daemon_args = vec!["--snapshot-records".to_owned(), "6".to_owned()];
    world
}

/// The demo agent, which comes up only once the file `go` lies in its folder.
fn add_late_runtime(world: &World) {
    let runtimes = Runtimes::load(Path::new("/nonexistent")).expect("what is built in");
    let text = runtimes.text(&"demo".parse().unwrap()).expect("demo is built in");
    let mut runtime: toml::Table = toml::from_str(text).unwrap();
    let argv = ["bash", "-c", WAIT, "late", "{dormouse}", "demo-agent", "--transcript", "transcript.jsonl"];
    runtime.insert("argv".into(), argv.map(toml::Value::from).to_vec().into());
    runtime.remove("resume_argv");
    world.add_runtime("late", &toml::to_string(&runtime).unwrap());
}

fn count(world: &World, kind: &str) -> usize {
    world.json_lines(&["log", "--kind", kind]).len()
}

/// History of about 180 KiB: peers with long words for their programs. Returns once a snapshot was taken after it.
fn grow(world: &World, round: usize) {
    let before = count(world, "snapshot_taken");
    let long = "x".repeat(30 << 10);
    for peer in 0..6 {
        world.add_peer(&format!("p{round}-{peer}"), &["--runtime", "demo", "--arg", &long]);
    }
    let mut taken = 0;
    world.await_record("a snapshot", |record| {
        taken += usize::from(record.event.kind().name == "snapshot_taken");
        (taken > before).then_some(())
    });
}

fn segments(world: &World) -> Vec<String> {
    let names = fs::read_dir(world.home.journal()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".jnl"));
    names.sort();
    names
}

fn has_first(world: &World) -> bool {
    segments(world)[0] == format!("{:020}.jnl", 1)
}

/// What the last daemon said of its start: records folded, and the snapshot's lsn.
fn folded(world: &World) -> (u64, Option<u64>) {
    let said = fs::read_to_string(world.diagnostics()).unwrap();
    let line = said.lines().rfind(|line| line.contains("folded the journal")).expect("it says so").to_owned();
    let number = |name: &str| {
        let rest = line.split_once(&format!("{name}="))?.1;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    (number("records").expect("how many"), number("snapshot"))
}

fn last_lsn(world: &World) -> u64 {
    world.json(&["replay"])["lsn"].as_u64().unwrap()
}

/// C60: after a kill the next daemon folds what came after the newest snapshot, and knows everything all the same.
#[test]
fn c60_a_start_after_a_long_history_folds_only_its_tail() {
    let mut world = world("");
    world.start();
    for round in 0..4 {
        grow(&world, round);
    }
    let ls = world.json(&["ls"]);
    world.kill();
    let last = last_lsn(&world);
    world.start();
    let (records, snapshot) = folded(&world);
    let snapshot = snapshot.expect("it began from a snapshot");
    assert_eq!(records, last - snapshot, "all that came behind it");
    assert!(records < 8 && last > 24, "{records} of {last}");
    assert_eq!(world.json(&["ls"]), ls);
    assert!(world.terminate().success());
    assert_eq!(world.json(&["audit"])["violations"], json!([]));
    world.start();
    let (records, _) = folded(&world);
    assert!(records < 8, "an end in order leaves little to fold: {records}");
}

/// C13: the text of a message that waits lies in an old segment. Everything behind that could go, and stays; the message
/// is delivered after a kill; then history goes, and the next daemon begins without it.
#[test]
fn c13_a_message_that_waits_keeps_the_segment_its_text_lies_in() {
    let mut world = world("retain_bytes = \"128KiB\"\n");
    add_late_runtime(&world);
    world.start();
    let ada = world.add_peer("ada", &["--runtime", "late"]);
    world.ok(&["send", "ada", TEXT]);
    for round in 0..4 {
        grow(&world, round);
    }
    assert!(has_first(&world) && segments(&world).len() > 6, "{:?}", segments(&world));
    assert_eq!(count(&world, "history_removed"), 0);
    world.kill();
    world.start();
    assert!(folded(&world).1.is_some(), "it began from a snapshot");
    touch(&ada.join("go"));
    let delivered = |record: &Record| (record.event.kind().name == "delivered").then_some(record.lsn);
    world.await_record("the delivery", delivered);
    let transcript = fs::read_to_string(ada.join("transcript.jsonl")).unwrap();
    assert!(transcript.contains(TEXT), "{transcript}");
    let removed = |record: &Record| (record.event.kind().name == "history_removed").then_some(record.lsn);
    world.await_record("the removal", removed);
    until("the first segment to go", || !has_first(&world));
    assert!(world.terminate().success());
    let (before, ls) = (segments(&world), world.json(&["ls", "--at", "now"]));
    world.start();
    world.audit_is_clean();
    // Its own start may be what fills a segment, and so be what another one goes for.
    assert!(segments(&world)[0] >= before[0], "what went does not come back");
    let alive: fn(&Value) -> Vec<&Value> = |rows| rows.as_array().unwrap().iter().map(|row| &row["peer"]).collect();
    assert_eq!(alive(&world.json(&["ls"])), alive(&ls));
    let early = world.run(&["replay", "--at", "2"]);
    assert_eq!(early.status.code(), Some(3));
    assert!(daemon_fixture::text(&early.stderr).contains("were removed by retain_bytes"));
}
