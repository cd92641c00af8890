//! A disk that is full: a small tmpfs as the journal's folder, in a mount namespace of the test's own.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use dormouse::model::id::MessageId;
use serde_json::Value;

use crate::daemon_fixture::{World, text, until};
use crate::events::{about, attention_to, born, calls, count, delivered, fed, send};
use crate::storage::NOWHERE;

/// Set in the namespace.
const INSIDE: &str = "DORMOUSE_TEST_MAY_MOUNT";

/// Runs the test `name` again where it may mount, and returns false; there it returns true. Somewhere it must be able to.
fn may_mount(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let can = |flags: &&str| {
        let mut unshare = Command::new("unshare");
        unshare.args([*flags, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).stderr(Stdio::null());
        unshare.status().expect("unshare, of util-linux").success()
    };
    let flags = ["-Urm", "-m"].into_iter().find(can);
    let flags = flags.expect("a user namespace, or root: without either no small disk can be made");
    let own = std::env::current_exe().unwrap();
    let mut again = Command::new("unshare");
    again.arg(flags).arg(own).args(["--exact", name, "--nocapture", "--test-threads=1"]).env(INSIDE, "1");
    let output = again.output().unwrap();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    false
}

/// A small disk where the journal lies.
struct Disk(PathBuf);

impl Disk {
    fn of(world: &World, size: &str) -> Self {
        let folder = world.home.journal();
        fs::create_dir_all(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"]).arg(&folder);
        assert!(mount.status().unwrap().success());
        Self(folder)
    }

    /// Takes up every byte that is left.
    fn fill(&self) {
        let mut filler = File::create(self.0.join("filler")).unwrap();
        for piece in [4096, 1] {
            while filler.write_all(&vec![1; piece]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

const SETTINGS: &str = "segment_bytes = \"128KiB\"\nretry_delay = \"1h\"\n";

/// C63: a person hears of it early, senders are refused with the reason, sessions live on, and with room again work goes
/// on in the same process.
#[test]
fn c63_a_full_disk_refuses_and_work_goes_on_when_there_is_room() {
    if !may_mount("full_disk::c63_a_full_disk_refuses_and_work_goes_on_when_there_is_room") {
        return;
    }
    let mut world = World::new("");
    attention_to(&world, SETTINGS);
    let disk = Disk::of(&world, "1m");
    world.add_runtime("nowhere", NOWHERE);
    world.start();
    world.add_peer("bob", &["--runtime", "nowhere"]);
    world.add_peer("ada", &["--runtime", "demo"]);
    let session = delivered(&world, send(&world, "ada", "good morning"), 1);
    let (before, pid) = (born(&world, &session), world.daemon_pid());

    disk.fill();
    let (mut known, body): (Vec<MessageId>, _) = (Vec::new(), "x".repeat(10_000));
    let refused: Value = loop {
        let output = fed(&world, &["send", "bob", "-f", "-", "--json"], body.as_bytes());
        if !output.status.success() {
            assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
            break serde_json::from_slice(&output.stderr).unwrap();
        }
        let sent: Value = serde_json::from_slice(&output.stdout).unwrap();
        known.push(sent["message"].as_str().unwrap().parse().unwrap());
        if known.len() == 8 {
            // More than half of a segment has been taken since: long before anybody is refused.
            let low = calls(&world, "disk_low");
            assert!(low["says"].as_str().unwrap().contains("cannot be reserved"), "{low}");
        }
        assert!(known.len() < 100, "{}", world.story());
    };
    assert!(known.len() > 8, "{known:?}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("No space left on device"), "{refused}");
    calls(&world, "journal_refuses");
    let ls = world.run(&["ls"]);
    assert_eq!(ls.status.code(), Some(3));
    assert!(text(&ls.stderr).contains("No space left on device"), "{}", text(&ls.stderr));
    let doctor: Value = serde_json::from_slice(&world.run(&["doctor", "--json"]).stdout).unwrap();
    for check in ["daemon", "disk"] {
        let found = doctor.as_array().unwrap().iter().find(|finding| finding["check"] == check).unwrap();
        assert_eq!(found["verdict"], "fail", "{found}");
    }
    assert!(dormouse::shim::process::stat(before.program_pid).unwrap().is_some(), "the session lives on");
    world.audit_is_clean();

    disk.make_room();
    until("a daemon that takes messages again", || world.run(&["send", "bob", "again"]).status.success());
    assert_eq!(world.daemon_pid(), pid, "without a restart");
    for message in known {
        about(&world, message, "message_accepted");
    }
    let evening = send(&world, "ada", "good evening");
    assert_eq!(delivered(&world, evening, 1), session);
    assert_eq!((count(&world, "session_died"), born(&world, &session)), (0, before));
    world.ok(&["journal", "verify"]);
    world.audit_is_clean();
    world.terminate();
}

/// A daemon that cannot begin says what is wrong and on what, and leaves the journal as it was.
#[test]
fn a_full_disk_at_the_start_is_named() {
    if !may_mount("full_disk::a_full_disk_at_the_start_is_named") {
        return;
    }
    let mut world = World::new(SETTINGS);
    let disk = Disk::of(&world, "1m");
    for round in 0..2 {
        disk.fill();
        let output = world.run(&["daemon"]);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{says}");
        assert!(says.contains("No space left on device"), "{says}");
        assert!(says.contains(world.home.journal().to_str().unwrap()), "{says}");
        assert!(!world.home.journal().join("next.tmp").exists(), "nothing half made is left");
        disk.make_room();
        world.start();
        if round == 0 {
            world.add_peer("ada", &["--runtime", "demo"]);
        }
        world.ok(&["send", "ada", "there is room"]);
        assert_eq!(count(&world, "daemon_started"), round + 1);
        world.terminate();
        world.audit_is_clean();
    }
}
