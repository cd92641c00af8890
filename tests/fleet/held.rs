//! One kill at one moment, held open until it has happened.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::session::TaskEnd;
use dormouse::observe::clock;

use crate::daemon_fixture::{World, until};
use crate::kills::spooled;
use crate::load::{QUICK, count};
use crate::orders::{Outside, Pace, Team, await_all_done};
use crate::worker::{self, Noted, WORKER};

/// A tmux of which one client can be held; the daemon finds it as it finds any tmux, by its `PATH`.
struct HeldTmux {
    dir: PathBuf,
}

impl HeldTmux {
    fn before(world: &mut World) -> Self {
        let dir = world.path("tmux");
        fs::create_dir(&dir).unwrap();
        assert!(Command::new("mkfifo").arg(dir.join("gate")).status().unwrap().success());
        let path = std::env::var_os("PATH").unwrap();
        let real = std::env::split_paths(&path).map(|folder| folder.join("tmux")).find(|tmux| tmux.is_file());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fleet/tmux.bash");
        let wrapper =
            format!("#!/bin/sh\nexec bash '{script}' '{}' '{}' \"$@\"\n", dir.display(), real.unwrap().display());
        fs::write(dir.join("tmux"), wrapper).unwrap();
        fs::set_permissions(dir.join("tmux"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::join_paths([dir.clone()].into_iter().chain(std::env::split_paths(&path))).unwrap();
        world.set_env("PATH", path);
        Self { dir }
    }

    /// The next client that is asked for this waits.
    fn hold(&self, word: &str) {
        let hold = self.dir.join("hold");
        fs::write(hold.with_extension("new"), word).unwrap();
        fs::rename(hold.with_extension("new"), hold).unwrap();
    }

    fn await_held(&self) {
        until("a tmux client to be held", || self.dir.join("held").exists());
    }

    fn let_go(&self) {
        fs::write(self.dir.join("gate"), "go\n").unwrap();
    }
}

/// C16: kills the daemon while the tmux client that is asked for `word` is under way, and lets the client go only once
/// the next daemon has come to wait for it.
fn kill_while_client_is_under_way(word: &str) {
    let mut world = World::new(QUICK);
    worker::add_runtime(&world, &["--work", "20"]);
    let tmux = HeldTmux::before(&mut world);
    world.start();
    let team = Team::gather(&world, 1, 2);
    tmux.hold(word);
    let accepted = team.send_all(&Outside::of(&world), Pace::Flood);
    tmux.await_held();
    world.kill();
    world.spawn();
    let pid = world.daemon_pid().to_string();
    until("the next daemon", || fs::read_to_string(world.home.daemon_lock()).is_ok_and(|named| named.trim() == pid));
    let let_go = clock::now();
    tmux.let_go();
    world.await_service();
    await_all_done(&world, team.tasks());
    let tally = team.check(&world, &accepted);
    println!("{word}: {tally:?}");
    assert_eq!(tally.sessions, team.tasks(), "one session for each task\n{}", world.story());
    let second = |record: &&dormouse::model::record::Record| record.event.kind().name == "daemon_started";
    let started = world.records().iter().filter(second).nth(1).unwrap().at;
    assert!(started.awake_ms >= let_go.awake_ms, "the world was looked at while a client was under way");
    world.audit_is_clean();
}

#[test]
fn c16_a_session_that_is_just_being_made_is_waited_for_and_taken_over() {
    kill_while_client_is_under_way("new-session");
}

#[test]
fn c34_a_paste_under_way_is_waited_for_and_its_message_settled() {
    kill_while_client_is_under_way("paste-buffer");
}

#[test]
fn c34_an_enter_under_way_is_waited_for_and_its_message_settled() {
    kill_while_client_is_under_way("send-keys");
}

#[test]
fn c49_an_end_under_way_is_waited_for_and_its_worker_goes_on() {
    kill_while_client_is_under_way("kill-server");
}

/// C61a: what an agent says while no daemon runs is its answer all the same, once.
#[test]
fn c61a_an_answer_given_to_nobody_is_taken_in_by_the_next_daemon() {
    let mut world = World::new(QUICK);
    worker::add_runtime(&world, &["--work", "1500"]);
    world.start();
    let folder: PathBuf = world.add_peer("ada", &["--runtime", WORKER, "--ephemeral"]);
    world.ok(&["send", "ada", "the only task"]);
    world.await_record("its delivery", |record| (record.event.kind().name == "delivered").then_some(()));
    world.kill();
    let peers: &Path = &world.home.run.join("peers");
    until("a word in a spool", || spooled(peers) == 1);
    world.start();
    let how = world.await_record("its end", |record| match &record.event {
        Event::Decision(Decision::TaskDone(done)) => Some(done.how),
        _ => None,
    });
    assert_eq!(how, TaskEnd::Answered);
    let answers = world.records().into_iter().filter(|record| match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) => accepted.answers.is_some(),
        _ => false,
    });
    assert_eq!(answers.count(), 1);
    assert_eq!((count(&world, "session_adopted"), count(&world, "session_died")), (1, 0));
    let noted = Noted::of(&folder);
    assert_eq!((noted.starts.len(), noted.reads.len()), (1, 1), "{noted:?}");
    world.audit_is_clean();
}
