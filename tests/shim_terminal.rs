//! The shim and its watcher in a real tmux pane.

#![allow(clippy::disallowed_methods, reason = "real processes, real files")]

mod shim_world;

use dormouse::model::effect::Liveness;
use dormouse::model::session::Ending;
use dormouse::observe::{end_tree, liveness, screen_silent_ms};
use rustix::process::Signal;
use shim_world::pane::{Pane, said};
use shim_world::{World, signal, until};

/// C44: the terminal's end is an ending of its own, and says what the program did then.
#[tokio::test]
async fn c44_a_lost_terminal_is_told_from_a_death() {
    let world = World::new();
    let life = world.life(812, &["sleep", "1000"]);
    let pane = Pane::open(&world, &life);
    life.born().await;
    pane.tmux(&["kill-server"]);
    let status = life.ended().await;
    let then = Some(Box::new(Ending::Signal { signal: 1 }));
    assert_eq!((status.ending, status.asked), (Ending::TerminalLost { then }, false));
}

/// C49: strays that ignore the hangup, or left the terminal, do not survive it.
#[tokio::test]
async fn c49_nothing_survives_the_terminal() {
    let world = World::new();
    let life = world.life(812, &["sh", "-c", "trap '' HUP; setsid sleep 1000 & nohup sleep 1000 & sleep 1000"]);
    let pane = Pane::open(&world, &life);
    life.born().await;
    until(|| life.left().len() == 4).await;
    pane.tmux(&["kill-server"]);
    assert!(matches!(life.ended().await.ending, Ending::TerminalLost { .. }));
    assert_eq!(life.left(), [0; 0]);
}

/// C44: tmux loses statuses, the shim does not.
#[tokio::test]
async fn c44_every_status_is_exact_inside_tmux() {
    for round in 0..5 {
        let world = World::new();
        let life = world.life(812 + round, &["sleep", "1000"]);
        let _pane = Pane::open(&world, &life);
        let born = life.born().await;
        signal(born.program_pid, Signal::KILL);
        assert_eq!(life.ended().await.ending, Ending::Signal { signal: 9 });
    }
}

/// C27: whether the program wants bracketed pastes is seen from its first byte on, as is its screen's last movement.
#[tokio::test]
async fn c27_the_watcher_sees_the_first_bytes_and_the_last() {
    let world = World::new();
    let script = r"printf '\033[?2004h\033]0;a title\007'; printf '\033]7501;sta'; printf 'te=working\033\\'; read line;
        printf '\033[?2004l\033]7501;state=idle\007'; exec sleep 1000";
    let life = world.life(812, &["sh", "-c", script]);
    let pane = Pane::open(&world, &life);
    let seen = said(&life, |seen| seen.bracketed_paste && seen.turns_started == 1).await;
    assert_eq!(seen.turns_ended, 0);
    pane.keys(&["Enter"]);
    said(&life, |seen| !seen.bracketed_paste && seen.turns_ended == 1).await;
    until(|| screen_silent_ms(&life.files, dormouse::observe::clock::awake_ms()).is_some_and(|silent| silent > 30))
        .await;
    let ended = end_tree(&world.home, &life.name).await.unwrap();
    assert!(matches!(ended.liveness, Liveness::Gone { ending: Ending::Signal { signal: 15 }, .. }));
    assert_eq!(liveness(&world.home, &life.name), ended.liveness);
}
