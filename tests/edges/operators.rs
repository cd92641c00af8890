//! What an operator is told: nothing that is not so, and next steps that work as they are printed.

use std::process::Stdio;

use crate::daemon_fixture::{World, text};
use crate::events::{CAT, count, delivered, first, send};

fn world(peer: &[&str]) -> World {
    let mut world = World::new("");
    world.add_runtime("lines", CAT);
    world.start();
    world.add_peer("ada", &[&["--runtime", "lines"], peer].concat());
    world
}

/// C4, C51: whatever waits for a peer goes with it, and the daemon stays.
#[test]
fn c4_a_peer_with_a_long_queue_is_removed() {
    let world = world(&["--ephemeral"]);
    let task = send(&world, "ada", "this one is never answered");
    delivered(&world, task, 1);
    for number in 0..150 {
        send(&world, "ada", &format!("number {number}"));
    }
    let removed = world.ok(&["rm", "ada", "--force"]);
    first(&world, "peer_forgotten");
    assert_eq!(count(&world, "message_cancelled"), 151, "{removed}");
    assert_eq!(world.json(&["ls"]), serde_json::json!([]));
    world.audit_is_clean();
}

/// C52: a mark that is there already, or is not there, is called that.
#[test]
fn c52_what_changes_nothing_says_so() {
    let world = world(&[]);
    for (verb, says) in [
        ("start", "lines-ada was not stopped: nothing changed (record "),
        ("stop", "stopped lines-ada (record "),
        ("stop", "lines-ada was stopped already: nothing changed (record "),
        ("start", "started lines-ada (record "),
    ] {
        let said = world.ok(&[verb, "ada"]);
        assert!(said.starts_with(says), "{verb}: {said}");
    }
}

/// C61: a daemon that goes while somebody waits has lost nothing; the code is that of a daemon that does not run.
#[test]
fn c61_who_waits_when_the_daemon_goes_is_told_that_the_message_is_accepted() {
    let mut world = world(&["--ephemeral"]);
    let waiting = world
        .command(&["send", "ada", "hello", "--wait", "replied"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    first(&world, "delivered");
    world.kill();
    let said = waiting.wait_with_output().unwrap();
    let says = text(&said.stderr);
    assert_eq!(said.status.code(), Some(4), "{says}");
    assert!(says.contains("the daemon went away while message") && says.contains("it is accepted"), "{says}");
    assert!(says.contains("hint: `dormouse why"), "{says}");
}

/// C13: a wait that ends says what holds the message, by a verb that does.
#[test]
fn c13_the_next_step_behind_a_wait_that_ended_is_one() {
    let world = world(&["--ephemeral"]);
    let task = send(&world, "ada", "this one is never answered");
    delivered(&world, task, 1);
    let late = world.run(&["send", "ada", "behind it", "--wait", "delivered", "--timeout", "1s"]);
    let said = text(&late.stderr);
    assert!(said.starts_with("error: not delivered within 1 s: message "), "{said}");
    let steps: Vec<Vec<&str>> =
        said.split('`').skip(1).step_by(2).map(|step| step.split(' ').skip(1).collect()).collect();
    let [whynot, cancel] = &steps[..] else { panic!("{said}") };
    let held = world.ok(whynot);
    assert!(held.contains("one task at a time") || held.contains("(C35)"), "{held}");
    world.ok(cancel);
    first(&world, "message_cancelled");
}
