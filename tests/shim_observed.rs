//! What the daemon's eyes say of real sessions, and ending them for certain.

#![allow(clippy::disallowed_methods, reason = "real processes, real files")]

mod shim_world;

use std::fs;

use dormouse::model::effect::Liveness;
use dormouse::model::session::Ending;
use dormouse::observe::{FileChange, end_tree, liveness, spool, watch_end, withdraw_unborn};
use dormouse::shim::files::{self, Born, Status, Terminal};
use dormouse::shim::process;
use rustix::process::Signal;
use shim_world::{DEADLINE, Life, World, await_change, await_death, signal, until};
use tokio::time::timeout;

const FOR_EVER: [&str; 2] = ["sleep", "1000"];

fn gone(liveness: &Liveness) -> Option<&Ending> {
    match liveness {
        Liveness::Gone { ending, .. } => Some(ending),
        Liveness::Alive { .. } | Liveness::NotKnown { .. } => None,
    }
}

/// C16, C60: a start that the daemon before never carried out is taken back, and known never to happen. One that was
/// born keeps its leave.
#[tokio::test]
async fn c60_a_start_that_was_never_carried_out_is_taken_back() {
    let world = World::new();
    let life = world.life(812, &FOR_EVER);
    assert!(matches!(liveness(&world.home, &life.name), Liveness::NotKnown { .. }), "it could still come");
    withdraw_unborn(&world.home, &life.name).unwrap();
    assert_eq!(gone(&liveness(&world.home, &life.name)), Some(&Ending::NeverStarted));
    life.start().exit().await;
    assert_eq!(life.status().unwrap().ending, Ending::NeverStarted, "it came late, and was not wanted");

    let other = world.life(813, &FOR_EVER);
    let shim = other.start();
    let born = other.born().await;
    withdraw_unborn(&world.home, &other.name).unwrap();
    assert_eq!(liveness(&world.home, &other.name), Liveness::Alive { pid: born.pid });
    signal(born.program_pid, Signal::KILL);
    shim.exit().await;
}

/// C43, C44: alive while it lives, and its exact end afterwards.
#[tokio::test]
async fn c44_a_session_is_alive_until_its_end_is_known() {
    let world = World::new();
    let life = world.life(812, &FOR_EVER);
    assert!(matches!(liveness(&world.home, &life.name), Liveness::NotKnown { .. }), "on its way");
    let shim = life.start();
    let born = life.born().await;
    assert_eq!(liveness(&world.home, &life.name), Liveness::Alive { pid: born.pid });
    signal(born.program_pid, Signal::SEGV);
    let seen = timeout(DEADLINE, watch_end(&world.home, &life.name)).await.unwrap();
    assert_eq!(gone(&seen), Some(&Ending::Signal { signal: 11 }));
    shim.exit().await;
}

/// C43: another process of the same number is not this session, and another boot ended all of them.
#[test]
fn c43_a_number_is_not_a_process() {
    let world = World::new();
    let life = world.life(812, &FOR_EVER);
    let me = std::process::id();
    let start_ticks = process::stat(me).unwrap().unwrap().start_ticks;
    let boot = dormouse::observe::clock::boot().0;
    let born = Born { pid: me, start_ticks, program_pid: me, boot, awake_ms: 0 };
    let say = |born: &Born| {
        files::write(&life.files.born(), born).unwrap();
        liveness(&world.home, &life.name)
    };
    assert_eq!(say(&born), Liveness::Alive { pid: me });
    assert!(matches!(gone(&say(&Born { start_ticks: 1, ..born.clone() })), Some(Ending::NotKnown { .. })));
    assert_eq!(gone(&say(&Born { boot: boot ^ 1, ..born.clone() })), Some(&Ending::MachineDown));
    fs::write(life.files.born(), "{").unwrap();
    assert!(matches!(liveness(&world.home, &life.name), Liveness::NotKnown { .. }), "a question that fails");
}

/// C52a: what was never started and is not wanted any more will never be.
#[test]
fn c52a_a_generation_taken_back_before_its_start_never_starts() {
    let world = World::new();
    let life = world.life(812, &FOR_EVER);
    fs::remove_file(&life.launch.wanted).unwrap();
    assert_eq!(gone(&liveness(&world.home, &life.name)), Some(&Ending::NeverStarted));
}

/// C49: the end is asked for, comes, and is verified; repeating it says the same.
#[tokio::test]
async fn c49_ending_a_session_takes_its_generation_back_and_says_how_it_ended() {
    let world = World::new();
    let life = world.life(812, &["sh", "-c", "setsid sleep 1000 & exec sleep 1000"]);
    let shim = life.start();
    life.born().await;
    let ended = end_tree(&world.home, &life.name).await.unwrap();
    assert_eq!(gone(&ended.liveness), Some(&Ending::Signal { signal: 15 }));
    assert_eq!(ended.killed, 0, "the shim did all of it");
    assert!(life.status().unwrap().asked && !life.launch.wanted.exists());
    assert_eq!(life.left(), [0; 0]);
    shim.exit().await;
    assert_eq!(end_tree(&world.home, &life.name).await.unwrap(), ended);
}

/// C52a: a session that is just starting is ended too, or refused; never missed.
#[tokio::test]
async fn c52a_an_end_that_meets_a_start_leaves_nothing() {
    for _ in 0..10 {
        let world = World::new();
        let life = world.life(812, &FOR_EVER);
        let shim = life.start();
        let ended = end_tree(&world.home, &life.name).await.unwrap();
        shim.exit().await;
        assert!(gone(&ended.liveness).is_some());
        let said = life.status().map(|status| status.ending);
        assert!(matches!(said, Some(Ending::NeverStarted | Ending::Signal { .. })), "{said:?}");
        assert_eq!(life.left(), [0; 0]);
    }
}

/// C43, C52a: a shim that comes late has just taken the lock, and has named itself neither there nor in its folder: what
/// it says next is waited for.
#[tokio::test]
async fn c52a_a_start_that_comes_late_is_heard_out() {
    let world = World::new();
    let life = world.life(812, &FOR_EVER);
    let lock = fs::File::create(&life.launch.lock).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let late = async {
        until(|| !life.launch.wanted.exists()).await;
        let status = Status { ending: Ending::NeverStarted, asked: true, lived_ms: 0, strays: 0 };
        files::write(&life.files.status(), &status).unwrap();
        drop(lock);
    };
    let (ended, ()) = tokio::join!(end_tree(&world.home, &life.name), late);
    assert_eq!(gone(&ended.unwrap().liveness), Some(&Ending::NeverStarted));
}

/// C54: ending an old generation does not take the new one's place away.
#[tokio::test]
async fn c54_the_wanted_generation_of_another_life_stays() {
    let world = World::new();
    let old = world.life(812, &FOR_EVER);
    let shim = old.start();
    old.born().await;
    let new = world.life(813, &FOR_EVER);
    end_tree(&world.home, &old.name).await.unwrap();
    assert_eq!(fs::read_to_string(&new.launch.wanted).unwrap(), "813");
    shim.exit().await;
}

async fn orphan<'a>(world: &'a World, stray: &str) -> (Life<'a>, u32) {
    let pid_file = world.path("stray");
    let script = format!(
        "{stray} sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000' & exec sleep 1000",
        pid_file.display()
    );
    let life = world.life(812, &["sh", "-c", &script]);
    let shim = life.start();
    let born = life.born().await;
    until(|| pid_file.exists()).await;
    signal(shim.0.id(), Signal::KILL);
    shim.exit().await;
    await_death(born.program_pid).await;
    (life, fs::read_to_string(pid_file).unwrap().trim().parse().unwrap())
}

/// C43, C49: with the shim killed nobody knows, until the identity's lock is free; strays are found by their mark,
/// or by the lock that they inherited.
#[tokio::test]
async fn c49_strays_of_a_killed_shim_are_found() {
    for kind in ["setsid", "nohup", "env -i setsid"] {
        let world = World::new();
        let (life, stray) = orphan(&world, kind).await;
        let seen = liveness(&world.home, &life.name);
        assert!(matches!(seen, Liveness::NotKnown { .. }), "{kind}: {seen:?}");
        let ended = end_tree(&world.home, &life.name).await.unwrap();
        assert!(matches!(gone(&ended.liveness), Some(Ending::NotKnown { .. })), "{kind}: {ended:?}");
        assert_eq!(ended.killed, 1, "{kind}");
        assert!(process::stat(stray).unwrap().is_none_or(|stat| stat.zombie), "{kind}");
    }
}

/// C49: a shim that does not answer is killed, and everything below it.
#[tokio::test]
async fn c49_a_stopped_shim_is_no_obstacle() {
    let world = World::new();
    let life = world.life(812, &["sh", "-c", "trap : TERM; setsid sleep 1000 & while :; do sleep 1000; done"]);
    let shim = life.start();
    let born = life.born().await;
    signal(born.pid, Signal::STOP);
    let ended = end_tree(&world.home, &life.name).await.unwrap();
    assert!(gone(&ended.liveness).is_some());
    shim.exit().await;
    assert_eq!(life.left(), [0; 0]);
}

/// C49: one that does not come to an end in its time is killed with all that is below it.
#[tokio::test]
async fn c49_a_shim_that_takes_too_long_is_killed_with_its_tree() {
    let world = World::new();
    let mut life = world.life(812, &["sh", "-c", "trap : TERM; setsid sleep 1000 & while :; do sleep 1000; done"]);
    life.launch.grace_ms = 600_000;
    life.write_launch();
    let shim = life.start();
    life.born().await;
    until(|| life.left().len() == 3).await;
    // Its own grace is what it read at its start; the daemon goes by the file.
    life.launch.grace_ms = 0;
    life.write_launch();
    let ended = end_tree(&world.home, &life.name).await.unwrap();
    assert!(matches!(gone(&ended.liveness), Some(Ending::NotKnown { .. })), "{ended:?}");
    // The program may have gone with the shim, by its parent-death signal, before it could be counted.
    assert!((2..=3).contains(&ended.killed), "{ended:?}");
    assert_eq!(life.left(), [0u32; 0]);
    shim.exit().await;
}

/// Whoever begins to watch is told what is there, then what comes, in the order of a life.
#[tokio::test]
async fn a_watch_begins_with_what_is_there_and_misses_nothing() {
    let world = World::new();
    let life = world.life(812, &FOR_EVER);
    let mut early = life.watch();
    let shim = life.start();
    assert_eq!(await_change(&mut early, |_| true).await, FileChange::Born);
    let terminal = Terminal { bracketed_paste: true, ..Terminal::default() };
    files::write(&life.files.terminal(), &terminal).unwrap();
    assert_eq!(await_change(&mut early, |_| true).await, FileChange::Terminal(terminal.clone()));
    spool::write(&life.files, b"{}").unwrap();
    assert_eq!(await_change(&mut early, |_| true).await, FileChange::Spool);
    let mut late = life.watch();
    for expected in [FileChange::Born, FileChange::Terminal(terminal), FileChange::Spool] {
        assert_eq!(await_change(&mut late, |_| true).await, expected);
    }
    end_tree(&world.home, &life.name).await.unwrap();
    assert_eq!(await_change(&mut late, |_| true).await, FileChange::Status);
    shim.exit().await;
    fs::remove_dir_all(life.files.dir()).unwrap();
    assert_eq!(timeout(DEADLINE, late.next()).await.unwrap().unwrap(), None);
}

/// A team may have more sessions than the kernel grants a user inotify instances (128); each may be watched twice.
#[tokio::test]
async fn many_sessions_can_be_watched_at_once() {
    let world = World::new();
    let lives: Vec<Life<'_>> = (1..=150).map(|generation| world.life(generation, &FOR_EVER)).collect();
    let mut watches: Vec<_> = lives.iter().flat_map(|life| [life.watch(), life.watch()]).collect();
    for life in &lives {
        let bracketed_paste = life.launch.generation % 2 == 0;
        files::write(&life.files.terminal(), &Terminal { bracketed_paste, ..Terminal::default() }).unwrap();
    }
    for (index, watch) in watches.iter_mut().enumerate() {
        let FileChange::Terminal(seen) = await_change(watch, |_| true).await else { panic!("a terminal was written") };
        assert_eq!(seen.bracketed_paste, (index / 2 + 1) % 2 == 0, "each hears of its own");
    }
}

/// C60: an end that nobody watched is read from its file.
#[tokio::test]
async fn c60_an_end_is_told_after_the_fact() {
    let world = World::new();
    let life = world.life(812, &FOR_EVER);
    let status = Status { ending: Ending::Code { code: 0 }, asked: false, lived_ms: 41, strays: 2 };
    files::write(&life.files.status(), &status).unwrap();
    let seen = timeout(DEADLINE, watch_end(&world.home, &life.name)).await.unwrap();
    assert_eq!(seen, Liveness::Gone { ending: Ending::Code { code: 0 }, lived_ms: 41, strays: 2 });
}
