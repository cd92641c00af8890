//! How the programs begin, each as it was seen to.

use std::fs::{self, File};
use std::net::TcpStream;

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use crate::agent::{Agent, world};
use crate::daemon_fixture::until;
use crate::http::{exchange, request};

fn initialize(version: &str, client: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": client, "version": "1" },
    } })
}

/// The handshake of `version` up to the tools; their names.
#[track_caller]
fn begins(agent: &Agent, version: &str, client: &str) -> Vec<String> {
    let answer = agent.post_as(version, &initialize(version, client));
    assert_eq!(answer.status, 200, "{answer:?}");
    let result = answer.message()["result"].clone();
    assert_eq!(result["protocolVersion"], version);
    assert_eq!(result["serverInfo"]["name"], "dormouse");
    assert!(!answer.head.to_ascii_lowercase().contains("mcp-session-id"), "nothing is kept between two calls");
    let told = agent.post_as(version, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    assert_eq!(told.status, 202, "{told:?}");
    let listed = agent.post_as(version, &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })).message();
    let tools = listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("{listed}"));
    assert!(tools.iter().all(|tool| tool["inputSchema"]["type"] == "object"), "{listed}");
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

const TOOLS: [&str; 6] = ["send_to_peer", "list_peers", "my_messages", "why", "whynot", "done"];

/// C62: Claude looks for a newer way first, and then for a stream that we do not have.
#[test]
fn c62_claude_finds_its_tools() {
    let world = world("", &[("ada", &[])]);
    let ada = Agent::woken(&world, "ada");
    assert_eq!(begins(&ada, "2025-11-25", "claude-code"), TOOLS);
    let bearer = format!("Bearer {}", ada.secret);
    let stream = [("authorization", &*bearer), ("accept", "text/event-stream")];
    assert_eq!(exchange(ada.port, &request("GET", ada.port, &stream, "")).status, 405);
}

#[test]
fn c62_codex_finds_its_tools() {
    let world = world("", &[("ada", &[])]);
    let ada = Agent::woken(&world, "ada");
    assert_eq!(begins(&ada, "2025-06-18", "codex-mcp-client"), TOOLS);
}

/// C62: what a client of the newest protocol asks first.
#[test]
fn c62_what_is_spoken_here_can_be_asked() {
    let world = world("", &[("ada", &[])]);
    let ada = Agent::woken(&world, "ada");
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "claude-code", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let asked = json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": { "_meta": meta } });
    let bearer = format!("Bearer {}", ada.secret);
    let headers = [
        ("authorization", &*bearer),
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "server/discover"),
    ];
    let answer = exchange(ada.port, &request("POST", ada.port, &headers, &asked.to_string()));
    assert_eq!(answer.status, 200, "{answer:?}");
    let result = answer.message()["result"].clone();
    let spoken = |version: &str| result["supportedVersions"].as_array().unwrap().contains(&json!(version));
    assert!(["2025-06-18", "2025-11-25", "2026-07-28"].into_iter().all(spoken), "{result}");
    // Without the rest of what the newest protocol asks for, it is answered as any method that is not known.
    let bare = ada.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "server/dance" })).message();
    assert_eq!(bare["error"]["code"], -32601, "{bare}");
}

/// C63: while the journal cannot be written the handshake is answered, and a call is told why it is refused.
#[test]
fn c63_a_call_is_told_that_the_journal_refuses() {
    let world = world("", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::woken(&world, "ada");
    let limit = |bytes: Option<u64>| {
        let pid = Pid::from_raw(world.daemon_pid().cast_signed());
        prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    };
    limit(Some(4096));
    let told = |code: &str| {
        let said = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "into the void" }));
        assert!(said.is_error, "{said:?}");
        said.text.starts_with(&format!("error ({code}")) && said.text.contains("the journal")
    };
    until("the journal to refuse", || told("journal_refuses"));
    assert_eq!(begins(&ada, "2025-11-25", "claude-code"), TOOLS);
    limit(None);
    until("the journal to be written again", || {
        !ada.calls("send_to_peer", json!({ "peer": "bob", "text": "at last" })).is_error
    });
}

/// The handshake needs no journal, and whoever calls a tool too early is told so and nothing is taken.
#[test]
fn c62_the_handshake_is_answered_while_the_daemon_recovers() {
    let mut world = world("", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::woken(&world, "ada");
    world.terminate();
    // A tmux client of the daemon before that is still at work: nothing is looked at until it has ended.
    let client = world.home.clients().join("late");
    let held = File::create(&client).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    world.spawn();
    until("the port to be taken again", || TcpStream::connect(("127.0.0.1", ada.port)).is_ok());
    assert!(!world.home.control_socket().exists(), "it does not serve yet");

    assert_eq!(begins(&ada, "2025-11-25", "claude-code"), TOOLS);
    let said = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "too early" }));
    assert!(said.is_error, "{said:?}");
    assert!(said.text.starts_with("error (ending, the same call may succeed later): "), "{said:?}");
    assert!(said.text.contains("reads its journal first") && said.text.contains("nothing was accepted"), "{said:?}");

    drop(held);
    world.await_service();
    let said = ada.calls("send_to_peer", json!({ "peer": "bob", "text": "in time" }));
    assert!(!said.is_error, "{said:?}");
    let texts = fs::read_to_string(world.diagnostics()).unwrap();
    assert!(texts.contains("serving"), "{texts}");
    world.audit_is_clean();
}
