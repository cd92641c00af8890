//! Files that a daemon reads again: one that is not in order changes nothing, and hides none of the others.

use std::fs;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use dormouse::model::event::{Event, Fact};
use rustix::process::Signal;

use crate::daemon_fixture::{DEADLINE, Tail, World};
use crate::events::{CAT, delivered, kill, next, send};

const BROKEN: &str = "argv = [\"cat\"]\nargh = 1\n";

/// The next two reasons why a file could not be used.
fn two_unreadable(world: &World, tail: &mut Tail) -> [String; 2] {
    let mut why = || {
        next(world, tail, "settings_unreadable", |record| match &record.event {
            Event::Fact(Fact::SettingsUnreadable(it)) => Some(it.why.clone()),
            _ => None,
        })
    };
    [why(), why()]
}

/// C3a, C51: a slip in one runtime's file is that runtime's trouble, and said where who reloads looks.
#[test]
fn c51_a_runtime_file_that_breaks_keeps_its_last_form_and_hides_no_other() {
    let mut world = World::new("");
    world.add_runtime("inbox", CAT);
    world.start();
    world.add_peer("ada", &["--runtime", "inbox"]);
    let mut tail = world.tail();
    tail.skip();
    world.add_runtime("inbox", BROKEN);
    world.add_runtime("later", CAT);
    world.add_runtime("never", BROKEN);
    kill(world.daemon_pid(), Signal::HUP);
    let whys = two_unreadable(&world, &mut tail);
    let said = fs::read_to_string(world.diagnostics()).unwrap();
    let warnings: Vec<&str> = said.lines().filter(|line| line.contains(" WARN ")).collect();
    for (name, why) in ["inbox", "never"].into_iter().zip(&whys) {
        let place = format!("{name}.toml:2: ");
        assert!(why.contains(&place) && why.contains("argh"), "{why}");
        assert!(warnings.iter().any(|line| line.contains(&place) && line.contains("argh")), "{said}");
    }
    assert!(warnings.iter().any(|line| line.contains("inbox.toml") && line.contains("as it was")), "{said}");

    world.add_peer("bob", &["--runtime", "later"]);
    delivered(&world, send(&world, "bob", "hello"), 1);
    delivered(&world, send(&world, "ada", "hello"), 1);
    let folder = world.path("eve");
    fs::create_dir(&folder).unwrap();
    let refused = world.run(&["add", folder.to_str().unwrap(), "--runtime", "never"]);
    assert_eq!(refused.status.code(), Some(3), "it was never in order");
}

/// C3a: both files at once, each said.
#[test]
fn c03a_a_reload_that_fails_is_said_on_standard_error() {
    let world = World::started("");
    let mut tail = world.tail();
    tail.skip();
    fs::write(world.home.config_file(), "queue_max = 1\nidel = \"1h\"\n").unwrap();
    world.add_runtime("inbox", BROKEN);
    kill(world.daemon_pid(), Signal::HUP);
    two_unreadable(&world, &mut tail);
    let said = fs::read_to_string(world.diagnostics()).unwrap();
    for place in ["config.toml:2: `idel`", "inbox.toml:2: `argh`"] {
        assert!(said.lines().any(|line| line.contains(" WARN ") && line.contains(place)), "{said}");
    }
}

/// C3a, C61: whoever finds the daemon may send it a signal at once. How near that comes differs from start to start.
#[test]
fn c03a_a_signal_is_heard_as_soon_as_the_daemon_can_be_found() {
    for _ in 0..10 {
        let mut world = World::new("");
        world.spawn();
        let until = Instant::now() + DEADLINE;
        while UnixStream::connect(world.home.control_socket()).is_err() {
            assert!(Instant::now() < until, "the daemon does not serve\n{}", world.story());
            std::thread::yield_now();
        }
        kill(world.daemon_pid(), Signal::HUP);
        assert_eq!(world.terminate().code(), Some(0), "{}", world.story());
    }
}
