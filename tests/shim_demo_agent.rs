//! The demo agent as a person and the daemon meet it: in a pane, by its screen, its transcript and its words.

#![allow(clippy::disallowed_methods, reason = "real processes, real files")]

mod shim_world;

use std::fs;
use std::path::PathBuf;

use dormouse::model::event::TurnSeen;
use dormouse::model::session::Ending;
use rustix::process::Signal;
use serde_json::Value;
use shim_world::pane::{Pane, said};
use shim_world::{Life, World, signal, until};

const RUNTIME: &str = include_str!("../src/runtime/builtin/demo.toml");

fn pattern(table: &str, key: &str) -> String {
    let runtime: toml::Value = toml::from_str(RUNTIME).unwrap();
    runtime[table][key].as_str().unwrap().to_owned()
}

fn transcript(world: &World) -> PathBuf {
    world.path("talk.jsonl")
}

fn life<'a>(world: &'a World, generation: u64, args: &[&str]) -> Life<'a> {
    let path = transcript(world);
    let mut argv = vec![env!("CARGO_BIN_EXE_dormouse"), "demo-agent", "--transcript", path.to_str().unwrap()];
    argv.extend(args);
    world.life(generation, &argv)
}

fn said_by(world: &World, who: &str) -> Vec<String> {
    let entries = fs::read_to_string(transcript(world)).unwrap_or_default();
    let entries = entries.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter(|entry| entry["type"] == who).map(|entry| entry["text"].as_str().unwrap().to_owned()).collect()
}

/// As C27 wants it: the box open and empty, brackets on, the paste seen, and only then Enter.
async fn deliver(pane: &Pane, life: &Life<'_>, text: &str) {
    said(life, |seen| seen.bracketed_paste).await;
    pane.shows(&pattern("input", "empty")).await;
    pane.paste(text);
    pane.shows(&pattern("input", "landed")).await;
    pane.keys(&["Enter"]);
}

/// C27: box, landed paste, Enter, proof; and the box again.
#[tokio::test]
async fn c27_a_message_lands_is_submitted_and_stands_in_the_transcript() {
    let world = World::new();
    let life = life(&world, 812, &["--work", "20"]);
    let pane = Pane::open(&world, &life);
    said(&life, |seen| seen.bracketed_paste && seen.turn == Some(TurnSeen::Idle)).await;
    let text = "[from ada (claude)] message 1\n-x \"quotes\" $(no) `no`; ünï\n  two\n[end of message 1]";
    deliver(&pane, &life, text).await;
    said(&life, |seen| seen.turns_ended == 1).await;
    assert_eq!(said_by(&world, "user"), [text]);
    assert_eq!(said_by(&world, "assistant").len(), 1);
    pane.shows(&pattern("input", "empty")).await;
    // Large ones arrive whole as well.
    let large = format!("demo: silent\n{}", "0123456789 abcdef\n".repeat(6000));
    deliver(&pane, &life, &large).await;
    said(&life, |seen| seen.turns_ended == 2).await;
    assert_eq!(said_by(&world, "user")[1], large);
}

/// C33a: what comes while it works is kept for the next turn.
#[tokio::test]
async fn c33a_what_comes_during_a_turn_is_queued() {
    let world = World::new();
    let life = life(&world, 812, &[]);
    let pane = Pane::open(&world, &life);
    deliver(&pane, &life, "demo: hang").await;
    pane.shows(&pattern("turn", "working")).await;
    deliver(&pane, &life, "the second\ndemo: silent").await;
    pane.shows("1 queued").await;
    assert_eq!(said_by(&world, "user").len(), 1);
    pane.keys(&["Escape"]);
    said(&life, |seen| seen.turns_ended == 2).await;
    assert_eq!(said_by(&world, "user"), ["demo: hang", "the second\ndemo: silent"]);
}

/// C46: a dialog waits for a person; until then a paste is swallowed.
#[tokio::test]
async fn c46_a_dialog_waits_for_a_person() {
    let world = World::new();
    let life = life(&world, 812, &[]);
    let pane = Pane::open(&world, &life);
    deliver(&pane, &life, "demo: dialog\ndemo: silent").await;
    said(&life, |seen| seen.turn == Some(TurnSeen::Waiting { on: "permission".into() })).await;
    let screen = pane.shows(&pattern("turn", "waiting")).await;
    let input = regex::Regex::new(&pattern("input", "screen")).unwrap();
    assert!(!input.is_match(&screen), "no box is open:\n{screen}");
    pane.paste("lost");
    pane.keys(&["y"]);
    said(&life, |seen| seen.turns_ended == 1).await;
    pane.shows(&pattern("input", "empty")).await;
}

/// C44: it ends as it is told, exactly.
#[tokio::test]
async fn c44_it_ends_as_it_is_told() {
    let endings = [("demo: exit 7", Ending::Code { code: 7 }), ("demo: signal 11", Ending::Signal { signal: 11 })];
    for (direction, ending) in endings {
        let world = World::new();
        let life = life(&world, 812, &[]);
        let pane = Pane::open(&world, &life);
        deliver(&pane, &life, direction).await;
        assert_eq!(life.ended().await.ending, ending);
    }
}

/// It leaves well: on Ctrl-C at an empty box, and on SIGTERM even while it works.
#[tokio::test]
async fn it_leaves_with_code_0_when_told_to() {
    let world = World::new();
    let idle = life(&world, 812, &[]);
    let pane = Pane::open(&world, &idle);
    pane.shows(&pattern("input", "empty")).await;
    pane.keys(&["x", "C-c"]);
    pane.shows(&pattern("input", "empty")).await;
    pane.keys(&["C-c"]);
    assert_eq!(idle.ended().await.ending, Ending::Code { code: 0 });
    let busy = life(&world, 813, &[]);
    let pane = Pane::open(&world, &busy);
    deliver(&pane, &busy, "demo: hang").await;
    said(&busy, |seen| seen.turn == Some(TurnSeen::Running)).await;
    signal(busy.born().await.program_pid, Signal::TERM);
    assert_eq!(busy.ended().await.ending, Ending::Code { code: 0 });
}

/// C17: a conversation is gone on with, or the start fails.
#[tokio::test]
async fn c17_a_resumed_conversation_remembers() {
    let world = World::new();
    let lost = life(&world, 811, &["--resume", "talk"]);
    let _pane = Pane::open(&world, &lost);
    assert_eq!(lost.ended().await.ending, Ending::Code { code: 1 });
    let first = life(&world, 812, &[]);
    let pane = Pane::open(&world, &first);
    deliver(&pane, &first, "demo: silent").await;
    said(&first, |seen| seen.turns_ended == 1).await;
    pane.keys(&["C-c"]);
    first.ended().await;
    let second = life(&world, 813, &["--resume", "talk"]);
    let pane = Pane::open(&world, &second);
    pane.shows("resumed talk: 1 earlier messages remembered").await;
}

/// A typed message is an exchange like any other, and a resized window shows the box again.
#[tokio::test]
async fn it_is_usable_by_hand() {
    let world = World::new();
    let life = life(&world, 812, &["--work", "0", "--reply", "heard: {first_line}"]);
    let pane = Pane::open(&world, &life);
    pane.shows(&pattern("input", "empty")).await;
    pane.keys(&["-l", "hello there"]);
    pane.shows("(?m)^❯ hello there").await;
    pane.tmux(&["resize-window", "-x", "60", "-y", "20"]);
    pane.shows("(?m)^─{59}\n❯ hello there").await;
    pane.keys(&["Enter"]);
    pane.shows("(?m)^● heard: hello there").await;
    until(|| said_by(&world, "assistant") == ["heard: hello there"]).await;
}
