//! Bad input gets a clear error and the right exit code, and changes nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use dormouse::model::event::{Event, Fact};
use rustix::process::Signal;
use serde_json::Value;

use crate::daemon_fixture::{World, text};
use crate::events::{count, fed, kill, send};

/// Its box never opens, so that its queue stays as it is.
const DEAF: &str = "argv = [\"sleep\", \"3600\"]\n[proof]\ntranscript = \"{cwd}/none\"\n";
const CONFIG: &str = "message_bytes_max = \"4KiB\"\nqueue_max = 2\n";

fn world() -> World {
    let mut world = World::new(CONFIG);
    world.add_runtime("deaf", DEAF);
    world.start();
    world.add_peer("ada", &["--runtime", "demo"]);
    world
}

/// All that a refusal must leave as it was.
fn state(world: &World) -> (Value, Value) {
    (world.json(&["ls"]), world.json(&["queue"]))
}

/// `args` end with `exit` and an error that holds all of `says`; the journal gains nothing but `events`.
#[track_caller]
fn fails(world: &World, args: &[&str], input: &[u8], exit: i32, says: &[&str], events: &[&str]) {
    let (before, known) = (state(world), world.records().len());
    let output = fed(world, args, input);
    complains(&output, exit, says);
    assert_eq!(state(world), before, "{args:?}");
    let records = world.records();
    let kinds: Vec<&str> = records[known..].iter().map(|record| record.event.kind().name).collect();
    assert_eq!(kinds, events, "{args:?}");
}

#[track_caller]
fn complains(output: &Output, exit: i32, says: &[&str]) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{error}");
    assert!(error.starts_with("error: ") && output.stdout.is_empty(), "{error}");
    for word in says {
        assert!(error.contains(word), "`{word}` in {error}");
    }
}

const REFUSED: &[&str] = &["message_refused"];

#[test]
fn c06_a_message_that_fails_a_check_is_refused_and_journaled_without_its_text() {
    let world = world();
    fails(&world, &["send", "eve", "hello"], b"", 3, &["eve", "not accepted"], REFUSED);
    fails(&world, &["send", "Ada!", "hello"], b"", 3, &["Ada!"], REFUSED);
    fails(&world, &["send", "ada\u{1b}[31m", "hello"], b"", 3, &[], REFUSED);
    fails(&world, &["send", "ada", "hello", "--runtime", "claude"], b"", 3, &["does not declare", "demo"], REFUSED);
    fails(&world, &["send", "ada", "hello", "--topic", "a\u{7}b"], b"", 3, &["topic", "control"], REFUSED);
    fails(&world, &["send", "ada", "hello", "--topic", &"t".repeat(201)], b"", 3, &["201", "200"], REFUSED);
    fails(&world, &["send", "ada", "-f", "-"], b"", 3, &["empty"], REFUSED);
    fails(&world, &["send", "ada", "-f", "-"], b"secret\0word", 3, &["NUL"], REFUSED);
    fails(&world, &["send", "ada", "-f", "-"], &[b'x'; 4097], 3, &["4097", "4096"], REFUSED);
    // Too large to be read at all, and not a text at all: nobody knows what to journal.
    fails(&world, &["send", "ada", "-f", "-"], &[b'x'; 2 << 20], 3, &["longer than"], &[]);
    fails(&world, &["send", "ada", "-f", "-"], b"caf\xe9", 3, &["not UTF-8", "byte 3"], &[]);
    let told = text(&world.run(&["log", "--json"]).stdout);
    assert!(!told.contains("secret"), "the text of what was refused is nowhere");
}

#[test]
fn c06_a_full_queue_refuses_and_a_stopped_peer_does() {
    let world = world();
    world.add_peer("bob", &["--runtime", "deaf"]);
    let (first, second) = (send(&world, "bob", "one"), send(&world, "bob", "two"));
    world.await_record("a session that boots", |record| (record.event.kind().name == "session_started").then_some(()));
    fails(&world, &["send", "bob", "three"], b"", 3, &["full", "2 messages, limit 2", "hint: "], REFUSED);
    let late = ["send", "bob", "three", "--wait", "delivered", "--timeout", "100ms"];
    fails(&world, &late, b"", 3, &["full"], REFUSED);
    world.ok(&["queue", "cancel", &second.to_string()]);
    let output = world.run(&late);
    complains(&output, 6, &["100"]);
    world.ok(&["queue", "cancel", &first.to_string()]);
    world.ok(&["stop", "ada"]);
    fails(&world, &["send", "ada", "hello"], b"", 3, &["stopped", "dormouse start", "not accepted"], REFUSED);
}

#[test]
fn c01_a_name_or_profile_that_cannot_be_used_registers_nothing_and_touches_nothing() {
    let world = world();
    let folder = |name: &str, profile: Option<&[u8]>| {
        let folder = world.path(name);
        fs::create_dir_all(folder.join(".dormouse")).unwrap();
        if let Some(profile) = profile {
            fs::write(folder.join(".dormouse/peer-profile.json"), profile).unwrap();
        }
        folder.to_str().unwrap().to_owned()
    };
    for name in ["1st", "Ada", "a_b", "", "a\n", &"a".repeat(33)] {
        let bare = folder("bare", None);
        fails(&world, &["add", &bare, "--runtime", "demo", "--name", name], b"", 3, &[], &[]);
        assert!(!Path::new(&bare).join(".dormouse/peer-profile.json").exists());
    }
    let broken: [(&[u8], &str); 4] = [
        (b"{\"personality\": \"bob\",", "peer-profile.json:1:"),
        (b"{}", "personality"),
        (b"\xff\xfe", "UTF-8"),
        (b"{\"personality\": \"bob\", \"runtime\": \"d-d\"}", "d-d"),
    ];
    for (at, (profile, says)) in broken.iter().enumerate() {
        let folder = folder(&format!("broken{at}"), Some(profile));
        fails(&world, &["add", &folder], b"", 3, &[says], &[]);
        assert_eq!(fs::read(Path::new(&folder).join(".dormouse/peer-profile.json")).unwrap(), *profile);
    }
    fails(&world, &["add", "/nowhere/at/all"], b"", 1, &["/nowhere/at/all"], &[]);
    // C1: one folder, one name.
    let taken = folder("taken", Some(b"{\"personality\": \"ada\", \"runtime\": \"demo\"}"));
    fails(&world, &["add", &taken], b"", 3, &["ada"], &["request_refused"]);
}

/// C3: a profile that becomes unreadable is an event; the last one stays in force, and the message is accepted.
#[test]
fn c03_a_profile_that_becomes_unreadable_stays_in_force_and_is_said_once() {
    let world = world();
    let file = world.path("ada").join(".dormouse/peer-profile.json");
    fs::write(&file, "{\"personality\": \"ad").unwrap();
    let message = send(&world, "ada", "hello");
    crate::events::delivered(&world, message, 1);
    crate::events::delivered(&world, send(&world, "ada", "hello again"), 1);
    assert_eq!(count(&world, "profile_unreadable"), 1);
}

#[test]
fn a_verb_misused_or_without_a_daemon_says_so_by_its_exit_code() {
    let mut world = World::new("");
    complains(&world.run(&["send"]), 2, &["Usage"]);
    complains(&world.run(&["send", "ada", "--tpoic", "x"]), 2, &[]);
    complains(&world.run(&["ls"]), 4, &["no daemon answers", "hint: "]);
    complains(&world.run(&["send", "ada", "hello"]), 4, &["nothing was accepted"]);
    fs::write(world.home.config_file(), "idle = \"soon\"\n").unwrap();
    complains(&world.run(&["daemon"]), 1, &["config.toml", "idle", "soon"]);
    fs::write(world.home.config_file(), "").unwrap();
    world.add_runtime("bad", "argv = [\"x\"]\nargs = 1\n");
    complains(&world.run(&["daemon"]), 1, &["bad.toml:2", "args", "hint: correct the file"]);
    assert!(!world.home.run.exists(), "a daemon that does not run needs no folder");
    fs::remove_file(world.home.runtimes().join("bad.toml")).unwrap();
    world.start();
    assert_eq!(world.json(&["ls"]), Value::Array(Vec::new()));
}

/// C3a: an invalid file read again keeps the old settings, and is an event.
#[test]
fn c03a_settings_that_become_invalid_keep_the_old_ones() {
    let world = world();
    fs::write(world.home.config_file(), "queue_max = 1\nidel = \"1h\"\n").unwrap();
    kill(world.daemon_pid(), Signal::HUP);
    let said = world.await_record("settings_unreadable", |record| match &record.event {
        Event::Fact(Fact::SettingsUnreadable(unreadable)) => Some(unreadable.why.clone()),
        _ => None,
    });
    assert!(said.contains("idel") && said.contains("config.toml"), "{said}");
    world.add_peer("bob", &["--runtime", "deaf"]);
    send(&world, "bob", "one");
    send(&world, "bob", "two");
    let full = world.run(&["send", "bob", "three"]);
    complains(&full, 3, &["limit 2"]);
}

/// C59: the one that runs is named, and not disturbed.
#[test]
fn c59_a_second_daemon_says_who_holds_the_home() {
    let world = world();
    let pid = world.daemon_pid().to_string();
    let left = tree(&world.home.config);
    fails(&world, &["daemon"], b"", 3, &["another daemon", &pid], &[]);
    assert_eq!(tree(&world.home.config), left, "it makes nothing");
}

/// Every path below `folder` but the journal's, which goes on.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() && entry.file_name() != "journal" {
                folders.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// C22: refused before anything is made, with the length it has and may have.
#[test]
fn c22_a_socket_path_too_long_is_refused_with_its_length() {
    let root = tempfile::tempdir().unwrap();
    let begin = root.path().as_os_str().len();
    // One byte too long for the control socket; then just right for it, and too long for a session's.
    let home = |bytes: usize| {
        let around = "/home".len() + "/run/control.sock".len();
        root.path().join("d".repeat(bytes - begin - around - 1)).join("home")
    };
    let mut world = World::new("");
    let too_long = home(108);
    let output = world.run(&["daemon", "--home", too_long.to_str().unwrap()]);
    complains(&output, 3, &["108 bytes", "107", "hint: "]);
    assert_eq!(tree(root.path()), [] as [PathBuf; 0], "before anything is made");
    let fits = home(107);
    fs::create_dir_all(&fits).unwrap();
    world.move_to(&fits);
    world.start();
    let folder = world.path("ada");
    fs::create_dir_all(&folder).unwrap();
    let add = ["add", folder.to_str().unwrap(), "--runtime", "demo"];
    fails(&world, &add, b"", 3, &["115 bytes", "107", "C22"], &[]);
    assert!(!folder.join(".dormouse").exists());
}

/// Not damage: the version that is needed is named, and nothing is touched.
#[test]
fn a_journal_of_a_newer_format_is_left_alone_and_its_version_named() {
    let mut world = world();
    world.terminate();
    const MAGIC: &[u8] = b"\x89JNL\r\n\x1a\n";
    let segments = || {
        let files = fs::read_dir(world.home.journal()).unwrap().map(|entry| entry.unwrap().path());
        let mut segments: Vec<_> =
            files.map(|path| (fs::read(&path).unwrap(), path)).filter(|(bytes, _)| bytes.starts_with(MAGIC)).collect();
        segments.sort();
        segments
    };
    for (mut bytes, path) in segments() {
        // The header and its copy.
        let headers: Vec<usize> = (0..4096).filter(|at| bytes[*at..].starts_with(MAGIC)).collect();
        assert_eq!(headers.len(), 2);
        for at in headers {
            bytes[at + 8] = 2;
            let crc = crc32fast::hash(&bytes[at..at + 124]);
            bytes[at + 124..at + 128].copy_from_slice(&crc.to_le_bytes());
        }
        fs::write(path, bytes).unwrap();
    }
    let before = segments();
    for verb in ["daemon", "log"] {
        complains(&world.run(&[verb]), 3, &["format version 2.0", "newer than this build's 1.0"]);
    }
    assert!(before == segments(), "a byte was changed");
}

#[test]
fn a_home_that_cannot_be_written_is_named() {
    let world = World::new("");
    let file = world.path("file");
    fs::write(&file, "in the way").unwrap();
    for home in [file.join("home").to_str().unwrap(), "/sys/dormouse"] {
        complains(&world.run(&["daemon", "--home", home]), 1, &[home]);
    }
    assert_eq!(fs::read(&file).unwrap(), b"in the way");
    // The journal's own place.
    fs::write(world.home.journal(), "in the way").unwrap();
    complains(&world.run(&["daemon"]), 1, &[world.home.journal().to_str().unwrap()]);
}
