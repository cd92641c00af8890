//! A worker killed under its task: the right event each time, and the right next step (C41a, C43, C44, C48, C49).

use std::fs;
use std::path::Path;
use std::process::Command;

use dormouse::model::effect::SessionName;
use dormouse::model::event::{Decision, Event, Fact, SessionDied};
use dormouse::model::session::Ending;
use dormouse::observe::clock;
use dormouse::shim::files::Born;
use dormouse::shim::process;
use rustix::process::Signal;

use crate::daemon_fixture::{World, text, until};
use crate::events::{CAT, about, attention_to, born, calls, count, delivered, died, first, kill, send};

fn worker() -> (World, std::path::PathBuf) {
    let mut world = World::new("");
    attention_to(&world, "retry_delay = \"20ms\"\n");
    world.add_runtime("lines", CAT);
    world.start();
    let folder = world.add_peer("ada", &["--runtime", "lines", "--ephemeral"]);
    (world, folder)
}

/// Gives a worker a task, and kills each of its sessions in `how`'s way: given again with a note, then dead and
/// reported; a third death is one too many.
#[track_caller]
fn dies_thrice(how: fn(&World, &SessionName), is_it: fn(&Ending) -> bool, said: &str) {
    let (world, folder) = worker();
    let task = send(&world, "ada", "count the mice");
    let session = delivered(&world, task, 1);
    let files = born(&world, &session);
    how(&world, &session);
    let death = died(&world, session.generation);
    assert!(is_it(&death.ending), "{death:?}");
    assert_eq!((death.counted, death.deaths, death.task), (true, 1, Some(task)));
    gone(&files);

    let again = delivered(&world, task, 2);
    assert!(again.generation > session.generation);
    is_marked(&world, &folder.join("inbox.txt"), said);
    how(&world, &again);
    let death = died(&world, again.generation);
    assert!(is_it(&death.ending), "{death:?}");
    assert_eq!(death.deaths, 2);
    is_dead_and_reported(&world, &death);

    let next = send(&world, "ada", "count the cats");
    let third = delivered(&world, next, 1);
    how(&world, &third);
    let quarantined = first(&world, "quarantined");
    let Event::Decision(Decision::Quarantined(guard)) = &quarantined.event else { unreachable!() };
    assert_eq!(guard.deaths.len(), 3);
    assert_eq!(world.json(&["ls"])[0]["phase"], "quarantined");
    calls(&world, "quarantine");

    // Its task is kept, and an operator's word is enough (C53).
    world.ok(&["start", "ada"]);
    let last = delivered(&world, next, 2);
    how(&world, &last);
    about(&world, next, "message_dead");
    world.audit_is_clean();
}

/// C49: the whole tree, verified.
#[track_caller]
fn gone(born: &Born) {
    for pid in [born.pid, born.program_pid] {
        let left = process::stat(pid).unwrap().filter(|stat| !stat.zombie && stat.start_ticks >= born.start_ticks);
        assert_eq!(left, None, "process {pid}");
    }
}

/// C41a: who gets it again knows that half of the work may be there.
#[track_caller]
fn is_marked(world: &World, inbox: &Path, said: &str) {
    let inbox = fs::read_to_string(inbox).unwrap();
    let (_, again) = inbox.split_once(", attempt 2, ").unwrap_or_else(|| panic!("{inbox}\n{}", world.story()));
    let note = again.lines().nth(1).unwrap();
    assert!(note.starts_with(&format!("[note: attempt 2; the session before {said}")), "{note}");
    assert!(again.contains("[note: possible duplicate;") && again.contains("\ncount the mice\n"), "{again}");
}

#[track_caller]
fn is_dead_and_reported(world: &World, death: &SessionDied) {
    let task = death.task.unwrap();
    let dead = about(world, task, "message_dead");
    let Event::Decision(Decision::MessageDead(dead)) = &dead.event else { unreachable!() };
    assert_eq!(dead.unfinished, 2);
    first(world, "report_made");
    let call = calls(world, "message_dead");
    assert_eq!((call["message"].as_str(), call["peer"].as_str()), (Some(&*task.to_string()), Some("lines-ada")));
    let row = &world.json(&["queue", "ada"])[0];
    assert_eq!((row["state"].as_str(), row["message"].as_str()), (Some("dead"), Some(&*task.to_string())));
}

fn program(world: &World, session: &SessionName, signal: Signal) {
    kill(born(world, session).program_pid, signal);
}

/// C29, C48: a program that ends before it can be talked to, and one that cannot be started at all, trip the guard; what
/// was for them is kept.
#[test]
fn c48_a_program_that_never_comes_up_is_quarantined_and_its_message_kept() {
    let mut world = World::new("");
    attention_to(&world, "retry_delay = \"20ms\"\n");
    let proof = "[proof]\ntranscript = \"{cwd}/none\"\n";
    world.add_runtime("brief", &format!("argv = [\"sh\", \"-c\", \"echo no licence; exit 3\"]\n{proof}"));
    world.add_runtime("absent", &format!("argv = [\"/nowhere/at/all\"]\n{proof}"));
    world.start();
    for (peer, ending) in [("brief", "exited with code 3"), ("absent", "could not start `/nowhere/at/all`")] {
        world.add_peer(peer, &["--runtime", peer]);
        let message = send(&world, peer, "are you there?");
        let deaths = world.await_record("a guard that trips", |record| match &record.event {
            Event::Decision(Decision::Quarantined(guard)) if record.subject.peer.as_ref()?.runtime.as_str() == peer => {
                Some(guard.deaths.clone())
            }
            _ => None,
        });
        assert_eq!(deaths.len(), 3, "{}", world.story());
        let why = world.ok(&["why", peer]);
        assert!(why.contains(ending), "{why}");
        let row = &world.json(&["queue", peer])[0];
        assert_eq!((row["state"].as_str(), row["message"].as_str()), (Some("queued"), Some(&*message.to_string())));
        assert!(row["waits_for"].as_str().unwrap().contains("quarantine"), "{row}");
    }
    calls(&world, "quarantine");
    world.audit_is_clean();
}

/// C49: what a worker left behind goes with it, also what has left its terminal, whichever of the two was killed.
#[test]
fn c49_strays_of_a_killed_worker_are_ended_with_it() {
    let mut world = World::new("retry_delay = \"20ms\"\n");
    let strays = "setsid sleep 3600 & echo $! >> strays.txt; exec cat >> inbox.txt";
    world.add_runtime("lines", &CAT.replace("exec cat >> inbox.txt", strays));
    world.start();
    let folder = world.add_peer("ada", &["--runtime", "lines", "--ephemeral"]);
    let task = send(&world, "ada", "count the mice");
    let how: [fn(&Born) -> u32; 2] = [|born| born.program_pid, |born| born.pid];
    for (number, victim) in (1..).zip(how) {
        let session = delivered(&world, task, number);
        let files = born(&world, &session);
        let noted = fs::read_to_string(folder.join("strays.txt")).unwrap();
        let stray: u32 = noted.lines().last().unwrap().parse().unwrap();
        let lives = |pid: u32| process::stat(pid).unwrap().is_some_and(|stat| !stat.zombie);
        assert!(lives(stray), "{noted}");
        kill(victim(&files), Signal::KILL);
        died(&world, session.generation);
        assert!(!lives(stray), "session {number} left process {stray}\n{}", world.story());
        gone(&files);
        let found = world.await_record("what was found", |record| match &record.event {
            Event::Fact(Fact::SessionGone(gone)) if record.subject.generation == Some(session.generation) => {
                Some(gone.strays)
            }
            _ => None,
        });
        assert!(found >= 1, "{}", world.story());
    }
    about(&world, task, "message_dead");
    assert_eq!(count(&world, "attention_called"), 0, "nobody asked to be called");
    world.audit_is_clean();
}

/// C44: SIGTERM from outside is no decision of ours.
#[test]
fn c44_a_worker_killed_by_sigterm_has_died_by_it() {
    let how = |world: &World, session: &SessionName| program(world, session, Signal::TERM);
    dies_thrice(how, |ending| *ending == Ending::Signal { signal: 15 }, "died by signal 15");
}

#[test]
fn c44_a_worker_killed_by_sigkill_has_died_by_it() {
    let how = |world: &World, session: &SessionName| program(world, session, Signal::KILL);
    dies_thrice(how, |ending| *ending == Ending::Signal { signal: 9 }, "died by signal 9");
}

#[test]
fn c44_a_worker_killed_by_sigsegv_has_died_by_it() {
    let how = |world: &World, session: &SessionName| program(world, session, Signal::SEGV);
    dies_thrice(how, |ending| *ending == Ending::Signal { signal: 11 }, "died by signal 11");
}

/// C43, C49: with the one process that would have known gone as well, its end is known, and how is not; what it left
/// is ended.
#[test]
fn c49_a_worker_whose_shim_is_killed_is_gone_and_nobody_says_how() {
    let how = |world: &World, session: &SessionName| kill(born(world, session).pid, Signal::KILL);
    dies_thrice(
        how,
        |ending| matches!(ending, Ending::NotKnown { .. }),
        "is gone, nobody saw how (the process that would have known was killed as well)",
    );
}

/// C44: the tmux server takes the terminal with it.
#[test]
fn c44_a_worker_whose_tmux_server_is_killed_has_lost_its_terminal() {
    let how = |world: &World, session: &SessionName| {
        let socket = world.home.tmux_socket(session);
        let asked = Command::new("tmux").arg("-S").arg(socket).args(["display-message", "-p", "#{pid}"]).output();
        kill(text(&asked.unwrap().stdout).trim().parse().unwrap(), Signal::KILL);
    };
    dies_thrice(how, |ending| matches!(ending, Ending::TerminalLost { .. }), "lost its terminal and ");
}

/// C28, C60: a boot that one daemon began and another one takes up has the time that the boot has, and not all of it once more.
#[test]
fn c28_a_boot_that_is_taken_up_goes_on_with_the_time_it_has() {
    let mut world = World::new("boot_deadline = \"6s\"\n");
    let mute = "argv = [\"sh\", \"-c\", \"exec sleep 600\"]\n[input]\nscreen = '^never shown$'\n[proof]\nkeys = true\n";
    world.add_runtime("mute", mute);
    world.start();
    world.add_peer("ada", &["--runtime", "mute"]);
    send(&world, "ada", "hello");
    let woken = first(&world, "wake_decided").at;
    first(&world, "session_started");
    world.kill();
    until("the boot's time to be over", || clock::now().since(woken) > 6_000);
    world.start();
    let failed = first(&world, "launch_failed");
    let mut starts = world.records().into_iter().filter(|it| matches!(it.event, Event::Fact(Fact::DaemonStarted(_))));
    let after_ms = failed.at.since(starts.next_back().unwrap().at);
    assert!(after_ms < 3_000, "{after_ms} ms after the start: all of its time once more");
}
