//! The shim as a process: exact endings, whole trees, one life at a time.

#![allow(clippy::disallowed_methods, reason = "real processes, real files")]

mod shim_world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use dormouse::model::session::Ending;
use dormouse::shim::files::Status;
use dormouse::shim::lock::{Holder, holder};
use dormouse::shim::process::children;
use rustix::process::Signal;
use shim_world::{World, await_death, signal, until};

const FOR_EVER: [&str; 2] = ["sleep", "1000"];

/// C44: an exit code is kept exactly, and the shim ends with the same.
#[tokio::test]
async fn c44_an_exit_code_is_exact() {
    let world = World::new();
    let life = world.life(812, &["sh", "-c", "exit 7"]);
    assert_eq!(life.start().exit().await.code(), Some(7));
    let Status { ending, asked, strays, .. } = life.status().unwrap();
    assert_eq!((ending, asked, strays), (Ending::Code { code: 7 }, false, 0));
    assert!(life.files.born().exists(), "it had started, however short");
}

/// C44: so is a signal, whoever sent it.
#[tokio::test]
async fn c44_a_signal_is_exact() {
    for number in [15, 9, 11, 1] {
        let world = World::new();
        let life = world.life(812, &["sh", "-c", &format!("kill -{number} $$; sleep 1000")]);
        assert_eq!(life.start().exit().await.signal(), Some(number));
        assert_eq!(life.status().unwrap().ending, Ending::Signal { signal: number });
    }
}

/// C44: a death is noticed when it happens.
#[tokio::test]
async fn c44_a_killed_program_is_on_the_disk_at_once() {
    let world = World::new();
    let life = world.life(812, &FOR_EVER);
    let _shim = life.start();
    let born = life.born().await;
    let killed = Instant::now();
    signal(born.program_pid, Signal::KILL);
    assert_eq!(life.ended().await.ending, Ending::Signal { signal: 9 });
    let took = killed.elapsed();
    eprintln!("from kill to status: {took:?}");
    assert!(took.as_millis() < 500, "{took:?} is no event, it is a poll");
}

/// C49: strays that left the terminal, their group or their parents are part of the tree.
#[tokio::test]
async fn c49_strays_of_every_kind_end_with_the_program() {
    let world = World::new();
    let strays = "nohup sleep 1000 >/dev/null & setsid sleep 1000 & (sleep 1000 &)
        sh -c 'trap : HUP TERM INT; while :; do sleep 1000; done' & exit 3";
    let life = world.life(812, &["sh", "-c", strays]);
    assert_eq!(life.start().exit().await.code(), Some(3));
    let strays = life.status().unwrap().strays;
    assert!((4..=5).contains(&strays), "four kinds, one of which has a child: {strays}");
    assert_eq!(life.left(), [0; 0]);
}

/// C49: the end that was asked for comes within milliseconds when the program obeys.
#[tokio::test]
async fn c49_an_obedient_program_ends_at_once_when_asked() {
    let world = World::new();
    let mut life = world.life(812, &FOR_EVER);
    life.launch.grace_ms = 60_000;
    life.write_launch();
    let shim = life.start();
    let born = life.born().await;
    fs::remove_file(&life.launch.wanted).unwrap();
    signal(born.pid, Signal::TERM);
    shim.exit().await;
    let status = life.status().unwrap();
    assert_eq!((status.ending, status.asked), (Ending::Signal { signal: 15 }, true));
}

/// C49: one that does not obey is killed when its grace is over, with all that is below it.
#[tokio::test]
async fn c49_a_stubborn_program_is_killed_after_its_grace() {
    let world = World::new();
    let life = world.life(812, &["sh", "-c", "trap : TERM HUP; while :; do sleep 1000; done"]);
    let shim = life.start();
    let born = life.born().await;
    // The trap is set once the first sleep is below it.
    until(|| !children(born.program_pid).unwrap().is_empty()).await;
    signal(born.pid, Signal::TERM);
    shim.exit().await;
    let status = life.status().unwrap();
    assert_eq!(status.ending, Ending::Signal { signal: 9 });
    assert!(!status.asked, "its generation is still wanted: this was no decision of the daemon's");
    assert_eq!(life.left(), [0; 0]);
}

/// C16: a shim that is killed takes its program with it, or nobody would know of it.
#[tokio::test]
async fn c16_the_program_dies_with_its_shim() {
    let world = World::new();
    let life = world.life(812, &FOR_EVER);
    let shim = life.start();
    let born = life.born().await;
    signal(shim.0.id(), Signal::KILL);
    await_death(born.program_pid).await;
    assert_eq!(life.status(), None);
}

/// C16, C52a: a start that comes late finds its generation no longer wanted.
#[tokio::test]
async fn c16_a_late_start_is_refused() {
    let world = World::new();
    let mark = world.path("started");
    let life = world.life(812, &["touch", mark.to_str().unwrap()]);
    for wanted in [None, Some("813"), Some("nonsense")] {
        let _ = fs::remove_file(life.files.status());
        let _ = fs::remove_file(&life.launch.wanted);
        if let Some(wanted) = wanted {
            fs::write(&life.launch.wanted, wanted).unwrap();
        }
        assert_eq!(life.start().exit().await.code(), Some(0));
        assert_eq!(life.status().unwrap().ending, Ending::NeverStarted);
    }
    assert!(!mark.exists());
}

/// C16: a generation has one life, whoever starts its shim again.
#[tokio::test]
async fn c16_a_generation_starts_once() {
    let world = World::new();
    let mark = world.path("starts");
    let life = world.life(812, &["sh", "-c", &format!("echo >> {}; exit 7", mark.display())]);
    life.start().exit().await;
    life.start().exit().await;
    assert_eq!(fs::read_to_string(mark).unwrap(), "\n");
    assert_eq!(life.status().unwrap().ending, Ending::Code { code: 7 }, "the first one's word stands");
}

/// C16: the next generation waits until nothing of the one before is left.
#[tokio::test]
async fn c16_a_second_shim_waits_for_the_identitys_lock() {
    let world = World::new();
    let first = world.life(812, &FOR_EVER);
    let first_shim = first.start();
    let first_born = first.born().await;
    let second = world.life(813, &FOR_EVER);
    let second_shim = second.start();
    assert_eq!(holder(&first.launch.lock).unwrap(), Holder::Tree { generation: Some(812) });
    signal(first_born.pid, Signal::TERM);
    let second_born = second.born().await;
    assert!(first.status().is_some_and(|status| status.asked), "the second began before the first had ended");
    first_shim.exit().await;
    assert_eq!(holder(&first.launch.lock).unwrap(), Holder::Tree { generation: Some(813) });
    signal(second_born.pid, Signal::TERM);
    second_shim.exit().await;
    assert_eq!(holder(&first.launch.lock).unwrap(), Holder::Nobody);
}

/// C44: why there is no program is said exactly, not as a status 127 among others.
#[tokio::test]
async fn c44_a_program_that_cannot_be_started_is_named_with_its_errno() {
    let world = World::new();
    let plain = world.path("plain");
    fs::write(&plain, "no program").unwrap();
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o600)).unwrap();
    for (program, errno) in [("no-such-program", 2), (plain.to_str().unwrap(), 13)] {
        let world = World::new();
        let life = world.life(812, &[program]);
        assert_eq!(life.start().exit().await.code(), Some(127));
        assert_eq!(life.status().unwrap().ending, Ending::ExecFailed { errno, program: program.to_owned() });
        assert!(!life.files.born().exists());
    }
}

/// C21: a missing folder fails the start; it never happens elsewhere.
#[tokio::test]
async fn c21_a_missing_folder_fails_the_start() {
    let world = World::new();
    let mut life = world.life(812, &["true"]);
    life.launch.folder = world.path("nowhere");
    life.write_launch();
    life.start().exit().await;
    let program = format!("cd {}", world.path("nowhere").display());
    assert_eq!(life.status().unwrap().ending, Ending::ExecFailed { errno: 2, program });
}

/// C21: the environment is the launch's, and no tmux of ours or the user's can be reached from it.
#[tokio::test]
async fn c21_the_environment_is_exact() {
    let world = World::new();
    let out = world.path("env");
    let mut life = world.life(812, &["sh", "-c", &format!("env -0 > {}", out.display())]);
    life.launch.env.insert("TMUX".into(), "/tmp/somebodys,1,0".into());
    life.launch.env.insert("MULTI".into(), "two\nlines".into());
    life.write_launch();
    life.start().exit().await;
    let printed = fs::read_to_string(out).unwrap();
    let mut found: Vec<&str> =
        printed.split_terminator('\0').filter_map(|entry| Some(entry.split_once('=')?.0)).collect();
    // `_` is the shell's own; what the terminal says comes from the terminal.
    found.retain(|name| !["_", "SHLVL", "OLDPWD", "TERM", "COLUMNS", "LINES"].contains(name));
    found.sort_unstable();
    assert_eq!(found, ["DORMOUSE_SESSION", "MULTI", "PATH", "PWD", "TMUX_TMPDIR"]);
    assert!(printed.contains(&format!("PWD={}\0", world.folder().display())));
    assert!(printed.contains(&format!("TMUX_TMPDIR={}\0", life.files.dir().join("tmux").display())));
}

/// C44: a shim that cannot do its part says so; nobody waits for a program that never comes.
#[tokio::test]
async fn c44_a_launch_that_cannot_be_read_is_an_ending() {
    let world = World::new();
    let life = world.life(812, &["true"]);
    fs::write(life.files.launch(), "{").unwrap();
    life.start().exit().await;
    assert!(matches!(life.status().unwrap().ending, Ending::ExecFailed { .. }));
}
