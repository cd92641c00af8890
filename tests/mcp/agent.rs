//! A session, and a program in it that calls by MCP.

use std::fs;

use dormouse::model::effect::SessionName;
use dormouse::model::event::{Decision, Event};
use dormouse::model::id::MessageId;
use dormouse::model::record::Record;
use serde_json::{Value, json};

use crate::daemon_fixture::World;
use crate::http::{Answer, exchange, request};

/// The smallest runtime a user may write: lines into a file.
pub const CAT: &str = r#"
argv = ["sh", "-c", "exec cat >> inbox.txt"]
[input]
bracketed_paste = false
submit = ""
[proof]
transcript = "{cwd}/inbox.txt"
"#;

/// A daemon that serves, with `peers` on that runtime.
pub fn world(config: &str, peers: &[(&str, &[&str])]) -> World {
    let mut world = World::new(config);
    world.add_runtime("cat", CAT);
    world.start();
    for (name, flags) in peers {
        world.add_peer(name, &[&["--runtime", "cat"], *flags].concat());
    }
    world
}

/// Where agents of this home call.
pub fn port(world: &World) -> u16 {
    fs::read_to_string(world.home.mcp_port()).unwrap().trim().parse().unwrap()
}

pub fn sent(world: &World, to: &str, text: &str) -> MessageId {
    world.json(&["send", to, text])["message"].as_str().unwrap().parse().unwrap()
}

/// The session that `message` was delivered to.
#[track_caller]
pub fn delivered(world: &World, message: MessageId) -> SessionName {
    world.await_record("the delivery", |record| match &record.event {
        Event::Decision(Decision::Delivered(_)) if record.subject.message == Some(message) => session_of(record),
        _ => None,
    })
}

fn session_of(record: &Record) -> Option<SessionName> {
    Some(SessionName { peer: record.subject.peer.clone()?, generation: record.subject.generation? })
}

#[derive(Clone, Debug)]
pub struct Agent {
    pub session: SessionName,
    pub secret: String,
    pub port: u16,
}

impl Agent {
    /// The session of `peer`, woken by a message from a shell.
    pub fn woken(world: &World, peer: &str) -> Self {
        let message = sent(world, peer, "hello");
        Self::of(world, delivered(world, message))
    }

    pub fn of(world: &World, session: SessionName) -> Self {
        let secret = fs::read_to_string(world.home.session(&session).secret()).unwrap();
        Self { session, secret: secret.trim().to_owned(), port: port(world) }
    }

    fn headers<'a>(&self, bearer: &'a str, version: &'a str) -> [(&'a str, &'a str); 4] {
        [
            ("authorization", bearer),
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
            ("mcp-protocol-version", version),
        ]
    }

    /// `message` as a client of protocol `version` says it.
    pub fn post_as(&self, version: &str, message: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.secret);
        exchange(self.port, &request("POST", self.port, &self.headers(&bearer, version), &message.to_string()))
    }

    pub fn post(&self, message: &Value) -> Answer {
        self.post_as("2025-11-25", message)
    }

    /// What a method's call came to.
    #[track_caller]
    pub fn asks(&self, method: &str, params: Value) -> Value {
        let answer = self.post(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }));
        assert_eq!(answer.status, 200, "{answer:?}");
        let message = answer.message();
        assert_eq!(message["id"], 7, "{message}");
        message
    }

    /// What a tool's call came to.
    #[track_caller]
    pub fn calls(&self, tool: &str, arguments: Value) -> Said {
        Said::of(&self.asks("tools/call", json!({ "name": tool, "arguments": arguments })))
    }
}

/// The result of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub text: String,
    pub is_error: bool,
}

impl Said {
    #[track_caller]
    pub fn of(message: &Value) -> Self {
        let result = &message["result"];
        // Where there is data beside it, an agent's program shows it that alone.
        assert_eq!(result["structuredContent"], Value::Null);
        Self {
            text: result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{message:#}")).to_owned(),
            is_error: result["isError"].as_bool().unwrap_or(false),
        }
    }

    /// The id of the message that was accepted.
    #[track_caller]
    pub fn message(&self) -> MessageId {
        let id = self.text.strip_prefix("message ").and_then(|rest| rest.split(' ').next());
        id.unwrap_or_else(|| panic!("{self:?}")).parse().unwrap()
    }

    /// The list it gave.
    #[track_caller]
    pub fn list(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
