//! The port: told to every session at its start, so the same one afterwards.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::agent::{Agent, CAT, port, world};
use crate::daemon_fixture::{World, text};

/// C60, C62: a session that outlives its daemon finds the next one where it found the last.
#[test]
fn c60_a_session_finds_the_next_daemon_at_the_same_port() {
    let mut world = world("", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::woken(&world, "ada");
    assert!(!ada.calls("list_peers", json!({})).is_error);
    for kill in [false, true] {
        if kill {
            world.kill()
        } else {
            world.terminate()
        };
        world.start();
        assert_eq!(port(&world), ada.port);
        let said = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "still here" }));
        assert!(!said.is_error, "{said:?}");
    }
    world.audit_is_clean();
}

/// Somebody else has taken it: another is found, kept, and said, also of whom it leaves without tools.
#[test]
fn a_port_that_is_taken_is_given_up_for_another() {
    let mut world = World::new("");
    world.add_runtime("cat", &CAT.replace("inbox.txt\"]", "inbox.txt\", \"sh\", \"{mcp_url}\"]"));
    world.start();
    world.add_peer("ada", &["--runtime", "cat"]);
    world.add_peer("bob", &["--runtime", "cat"]);
    Agent::woken(&world, "ada");
    let before = port(&world);
    let named = |world: &World| {
        let doctor: Value = serde_json::from_slice(&world.run(&["doctor", "--json"]).stdout).unwrap();
        let found =
            doctor.as_array().unwrap().iter().filter(|it| it["says"].as_str().unwrap().contains("agents called"));
        found.map(|it| (it["check"].clone(), it["verdict"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(named(&world), []);
    world.terminate();
    let taken = TcpListener::bind(("127.0.0.1", before)).unwrap();
    world.start();
    let after = port(&world);
    assert_ne!(after, before);
    drop(taken);
    let log = std::fs::read_to_string(world.diagnostics()).unwrap();
    assert!(log.contains("the port agents knew is taken"), "{log}");
    Agent::woken(&world, "bob");
    assert_eq!(named(&world), [(json!("session of cat-ada"), json!("warn"))]);
    world.terminate();
    world.start();
    assert_eq!(port(&world), after);
}

/// Two homes never share: each has a port of its own, and one that somebody asked for is had by one alone.
#[test]
fn two_homes_have_two_ports() {
    let (one, two) = (world("", &[]), world("", &[]));
    assert_ne!(port(&one), port(&two));
    let asked = port(&one);
    let other = World::new(&format!("mcp_port = {asked}\n"));
    let output = other.run(&["daemon"]);
    assert_eq!(output.status.code(), Some(1));
    let says = text(&output.stderr);
    assert!(says.contains(&format!("cannot listen on 127.0.0.1:{asked}")) && says.contains("mcp_port"), "{says}");
}

/// A port of one's own choice, and what programs are told of it.
#[test]
fn a_port_can_be_chosen_and_is_told_to_programs() {
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut world = World::new(&format!("mcp_port = {free}\n"));
    let told = CAT.replace("exec cat", "echo $DORMOUSE_TOKEN $1 > told.txt; exec cat").replace(
        "inbox.txt\"]\n[input]",
        "inbox.txt\", \"sh\", \"{mcp_url}\"]\nenv = { DORMOUSE_TOKEN = \"{session_secret}\" }\n[input]",
    );
    world.add_runtime("cat", &told);
    world.start();
    world.add_peer("ada", &["--runtime", "cat"]);
    let ada = Agent::woken(&world, "ada");
    assert_eq!(ada.port, free);
    let told = std::fs::read_to_string(world.path("ada").join("told.txt")).unwrap();
    assert_eq!(told.trim(), format!("{} http://127.0.0.1:{free}/mcp", ada.secret));
    assert!(!ada.calls("list_peers", json!({})).is_error);
}
