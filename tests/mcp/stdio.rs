//! `dormouse mcp`: the same tools for programs that have no HTTP.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use dormouse::model::actor::Sender;
use dormouse::model::event::{Event, Fact};
use serde_json::{Value, json};

use crate::agent::{Agent, Said, delivered, world};
use crate::daemon_fixture::World;

/// The program, past its handshake.
struct Client {
    program: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Client {
    /// In `session`, or outside all.
    fn start(world: &World, session: Option<&Agent>) -> Self {
        let mut command = world.command(&["mcp"]);
        if let Some(agent) = session {
            command.env("DORMOUSE_SESSION", world.home.session(&agent.session).secret());
        }
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (program.stdin.take().unwrap(), program.stdout.take().unwrap());
        let mut client = Self { program, input, output: BufReader::new(output).lines() };
        let info = json!({ "name": "test", "version": "1" });
        let begun = client
            .asks("initialize", json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info }));
        assert_eq!(begun["result"]["protocolVersion"], "2025-06-18", "{begun}");
        client.says(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    fn says(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
    }

    fn asks(&mut self, method: &str, params: Value) -> Value {
        self.says(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }));
        serde_json::from_str(&self.output.next().unwrap().unwrap()).unwrap()
    }

    fn calls(&mut self, tool: &str, arguments: Value) -> Said {
        Said::of(&self.asks("tools/call", json!({ "name": tool, "arguments": arguments })))
    }

    /// Its input ends, and so does it.
    fn ends(self) -> Option<i32> {
        let Self { mut program, input, output } = self;
        drop((input, output));
        program.wait().unwrap().code()
    }
}

/// C62: the same tools, in the name of the session whose secret file `DORMOUSE_SESSION` names.
#[test]
fn c62_the_tools_are_the_same_over_standard_input() {
    let world = world("", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::woken(&world, "ada");
    let mut client = Client::start(&world, Some(&ada));
    let here = client.asks("tools/list", json!({}))["result"]["tools"].clone();
    assert_eq!(here, ada.asks("tools/list", json!({}))["result"]["tools"]);
    let message = client.calls("send_to_peer", json!({ "peer": "bob", "text": "- hello" })).message();
    let from = world.await_record("the message", |record| match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) if record.subject.message == Some(message) => {
            Some(accepted.from.clone())
        }
        _ => None,
    });
    assert_eq!(from, Sender::Session { peer: ada.session.peer.clone(), generation: ada.session.generation });
    // What both see is then the same until somebody writes again.
    delivered(&world, message);
    assert_eq!(client.calls("list_peers", json!({})), ada.calls("list_peers", json!({})));
    assert_eq!(client.calls("my_messages", json!({})), ada.calls("my_messages", json!({})));
    let refused = client.calls("send_to_peer", json!({ "peer": "nobody", "text": "x" }));
    assert!(refused.is_error && refused.text.contains("no peer is called `nobody`"), "{refused:?}");
    assert_eq!(client.ends(), Some(0));
    world.audit_is_clean();
}

/// C61a: the handshake needs no daemon, what a session says is kept for the next one, and what cannot be is said.
#[test]
fn c61a_what_is_said_while_no_daemon_runs_is_kept() {
    let mut world = world("", &[("ada", &[]), ("bob", &[])]);
    let ada = Agent::woken(&world, "ada");
    world.terminate();
    let mut client = Client::start(&world, Some(&ada));
    let kept = client.calls("send_to_peer", json!({ "peer": "bob", "text": "when you are back" }));
    assert!(
        !kept.is_error && kept.text.starts_with("kept: ") && kept.text.contains("do not send it again"),
        "{kept:?}"
    );
    let asked = client.calls("list_peers", json!({}));
    assert!(asked.is_error && asked.text.contains("no daemon answers") && asked.text.contains("hint: "), "{asked:?}");
    world.start();
    world.await_record("the kept message", |record| match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) => (accepted.text == "when you are back").then_some(()),
        _ => None,
    });
    assert!(!client.calls("list_peers", json!({})).is_error);
    assert_eq!(client.ends(), Some(0));
    world.audit_is_clean();
}

/// C62: outside a session there is nobody to speak for.
#[test]
fn c62_outside_a_session_every_tool_says_so() {
    let world = world("", &[("ada", &[])]);
    let mut client = Client::start(&world, None);
    let (why, whynot) = (json!({ "subject": "ada" }), json!({ "peer": "ada", "question": "woken" }));
    let none = || json!({});
    for (tool, arguments) in
        [("list_peers", none()), ("my_messages", none()), ("why", why), ("whynot", whynot), ("done", none())]
    {
        let said = client.calls(tool, arguments);
        assert!(said.is_error && said.text.contains("speaks for the session it runs in"), "{said:?}");
    }
    assert_eq!(client.ends(), Some(0));
}
