//! What agents can do through MCP: one table of tools over the verbs of the control protocol, for both transports.
//!
//! A tool acts in the name of the session whose secret the call carries. None takes a name to speak as, or a peer to be
//! done for: whoever would arm another or speak as another has no way to say so (C36, C62).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::model::id::MessageId;

use super::{Problem, ProblemCode, Reply, SendMessage, Sent, SentOutcome, Undone, Verb, Wait};

/// Longest time a tool call may wait for a reply, in seconds. Agents cut calls off by limits of their own.
pub const WAIT_S_MAX: u64 = 600;
const WAIT_S: u64 = 50;

/// One tool as an agent sees it.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    pub name: &'static str,
    /// For agents: what it does, and what its answer means.
    pub description: &'static str,
    /// It changes nothing.
    pub reads_only: bool,
    properties: fn() -> Value,
    required: &'static [&'static str],
}

/// What a tool's call came to, in words alone: where there is data beside them, an agent's program shows it the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub text: String,
    pub is_error: bool,
}

pub const TOOLS: &[Tool] = &[
    Tool {
        name: "send_to_peer",
        description: "Send a message to another agent, or answer one. `accepted` means it is on disk in the peer's queue and \
                      will be delivered, also when the peer is busy or asleep; it does not mean that the peer has read it. \
                      A reply comes to you later as a message of its own, unless you wait for it here. When a message says \
                      that a reply is waited for, give its id as `answers`. If you are a worker with one task, a message \
                      that is not `progress` says that the task is done.",
        reads_only: false,
        properties: send_properties,
        required: &["peer", "text"],
    },
    Tool {
        name: "list_peers",
        description: "List the agents you can write to: name, what each is for, whether it is live or asleep (one that is \
                      asleep is woken by a message), and how many messages wait for it.",
        reads_only: true,
        properties: || json!({}),
        required: &[],
    },
    Tool {
        name: "my_messages",
        description: "List the messages for you and from you, newest last, and what has become of each. Texts are given of \
                      what you sent and of what was delivered to you; one that is still queued for you will be delivered, \
                      so do not act on it before.",
        reads_only: true,
        properties: || json!({}),
        required: &[],
    },
    Tool {
        name: "why",
        description: "Ask why a message or a peer is as it is: a code, one sentence, what led to it, and what you may do next. \
                      You may ask about yourself, a message from you or for you, and a peer that you have written to. Ask \
                      before you send anything twice.",
        reads_only: true,
        properties: || {
            json!({
                "subject": {
                    "type": "string",
                    "description": "The id of a message, the name of a peer you have written to, or `me`",
                },
            })
        },
        required: &["subject"],
    },
    Tool {
        name: "whynot",
        description: "Ask why something does not happen to a peer: what stands in the way, what would end it, and when it \
                      comes by itself. You may ask about yourself and a peer that you have written to.",
        reads_only: true,
        properties: || {
            json!({
                "peer": { "type": "string", "description": "The name of a peer you have written to, or `me`" },
                "question": {
                    "type": "string", "enum": ["delivered", "woken", "reaped", "resumed"],
                    "description": "`delivered`: its next message is handed to it; `woken`: it gets a session; `reaped`: its \
                                    session is ended; `resumed`: its conversation goes on when it is woken",
                },
            })
        },
        required: &["peer", "question"],
    },
    Tool {
        name: "done",
        description: "Say that your task is done and you have nothing more to say. Not needed after an answer with \
                      send_to_peer. Your session may be ended once your turn is over.",
        reads_only: false,
        properties: || json!({ "reason": { "type": "string", "description": "Why, for the journal" } }),
        required: &[],
    },
];

fn send_properties() -> Value {
    json!({
        "peer": {
            "type": "string",
            "description": "Who to: the name in the first line of a message, `[from NAME (runtime)]`, one of list_peers, or \
                            `user:NAME` for a person who wrote to you",
        },
        "text": { "type": "string", "description": "The message, as it is to be read" },
        "topic": { "type": "string", "description": "The thread it belongs to, at most 200 characters" },
        "answers": {
            "type": "string",
            "description": "The id of the message to you that this one answers, from its first line. Default: the last one \
                            delivered to you from this peer",
        },
        "progress": { "type": "boolean", "description": "A word in between: your task goes on. Default: false" },
        "wait_for_reply": {
            "type": "boolean",
            "description": "Return when the peer has replied, with its text. It may be asleep or busy for long. Default: \
                            false",
        },
        "timeout_seconds": {
            "type": "integer", "minimum": 1, "maximum": WAIT_S_MAX,
            "description": "How long to wait for the reply. Default: 50",
        },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendArguments {
    peer: String,
    text: String,
    topic: Option<String>,
    answers: Option<String>,
    #[serde(default)]
    progress: bool,
    #[serde(default)]
    wait_for_reply: bool,
    timeout_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DoneArguments {
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhyArguments {
    subject: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhyNotArguments {
    peer: String,
    question: Undone,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

/// A verb and why it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub verb: Verb,
    pub reason: Option<String>,
}

impl From<Verb> for Asked {
    fn from(verb: Verb) -> Self {
        Self { verb, reason: None }
    }
}

impl Tool {
    /// JSON Schema of its arguments.
    pub fn schema(&self) -> Map<String, Value> {
        let schema = json!({
            "type": "object", "properties": (self.properties)(), "required": self.required, "additionalProperties": false,
        });
        match schema {
            Value::Object(schema) => schema,
            _ => Map::new(),
        }
    }

    /// What `arguments` ask for.
    ///
    /// # Errors
    ///
    /// What does not fit the schema, by its name.
    pub fn asked(&self, arguments: Map<String, Value>) -> Result<Asked, Problem> {
        let arguments = Value::Object(arguments);
        match self.name {
            "send_to_peer" => send(read(arguments)?),
            "done" => {
                let DoneArguments { reason } = read(arguments)?;
                Ok(Asked { verb: Verb::SelfDone, reason })
            }
            "why" => {
                let WhyArguments { subject } = read(arguments)?;
                Ok(Verb::Why { subject }.into())
            }
            "whynot" => {
                let WhyNotArguments { peer, question } = read(arguments)?;
                Ok(Verb::WhyNot { peer, question }.into())
            }
            name => {
                let NoArguments {} = read(arguments)?;
                Ok(if name == "list_peers" { Verb::Peers } else { Verb::Messages }.into())
            }
        }
    }

    /// What its call came to.
    pub fn said(&self, answer: Result<Value, Problem>) -> Said {
        let text = match (self.name, answer) {
            ("send_to_peer", Ok(value)) => match Reply::read::<Sent>(value) {
                Ok(sent) => sent_words(&sent),
                Err(error) => return failed(&Problem::failed(error.to_string())),
            },
            // Not an error: whoever took it for one would send the same again.
            ("send_to_peer", Err(problem)) if problem.code == ProblemCode::TimedOut => not_yet(&problem),
            ("done", Ok(value)) if value["outcome"] == "spooled" => "kept until the daemon is back".to_owned(),
            ("done", Ok(_)) => "done".to_owned(),
            (_, Ok(list)) => serde_json::to_string_pretty(&list).unwrap_or_default(),
            (_, Err(problem)) => return failed(&problem),
        };
        Said { text, is_error: false }
    }
}

/// The tool called `name`.
pub fn tool(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

fn read<T: serde::de::DeserializeOwned>(arguments: Value) -> Result<T, Problem> {
    serde_json::from_value(arguments)
        .map_err(|error| Problem::new(ProblemCode::Usage, format!("these arguments cannot be taken: {error}")))
}

fn send(arguments: SendArguments) -> Result<Asked, Problem> {
    let SendArguments { peer, text, topic, answers, progress, wait_for_reply, timeout_seconds } = arguments;
    let answers = answers.map(|id| message_id(&id)).transpose()?;
    let seconds = timeout_seconds.unwrap_or(WAIT_S);
    if !(1..=WAIT_S_MAX).contains(&seconds) {
        let why = format!("`timeout_seconds` is {seconds}, expected 1 to {WAIT_S_MAX}");
        return Err(Problem::new(ProblemCode::Usage, why).hint("the message was not accepted"));
    }
    let wait = if wait_for_reply { Wait::Replied } else { Wait::Accepted };
    let timeout_ms = wait_for_reply.then_some(seconds * 1_000);
    let message = SendMessage { to: peer, text, topic, key: None, runtime: None, progress, wait, timeout_ms, answers };
    Ok(Verb::Send(Box::new(message)).into())
}

fn message_id(text: &str) -> Result<MessageId, Problem> {
    text.parse().map_err(|error| {
        Problem::new(ProblemCode::Usage, format!("`answers` is `{text}`, no message id: {error}"))
            .hint("it stands in the first line of a message: `[from …] message ID`; the message was not accepted")
    })
}

fn sent_words(sent: &Sent) -> String {
    let message = sent.message.map(|message| message.to_string()).unwrap_or_default();
    match (&sent.reply, sent.outcome) {
        (Some(reply), _) => format!("{} replied:\n{}", reply.from, reply.text),
        (None, SentOutcome::Spooled) => {
            "kept: the daemon does not answer now, and takes the message when it is back; do not send it again"
                .to_owned()
        }
        (None, SentOutcome::Delivered) => format!("message {message} was delivered to {}", sent.peer),
        (None, _) => {
            let ahead =
                sent.queue_depth.filter(|depth| *depth > 1).map(|depth| format!(", number {depth} in its queue"));
            format!("message {message} for {} is accepted{}", sent.peer, ahead.unwrap_or_default())
        }
    }
}

fn not_yet(problem: &Problem) -> String {
    format!(
        "accepted, {}. Do not send it again: nothing of it is lost, and a reply will come to you as a message of its own.",
        problem.message
    )
}

fn failed(problem: &Problem) -> Said {
    let code = serde_json::to_value(problem.code).unwrap_or_default();
    let word = code.as_str().unwrap_or_default();
    let again = if problem.retryable { ", the same call may succeed later" } else { "" };
    let hint = problem.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    Said { text: format!("error ({word}{again}): {}{hint}", problem.message), is_error: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn sample(schema: &Value) -> Value {
        match schema["type"].as_str().unwrap() {
            "string" if schema["enum"].is_array() => schema["enum"][0].clone(),
            "string" if schema["description"].as_str().unwrap().contains("id of the message") => {
                json!(MessageId(7).to_string())
            }
            "string" => json!("ada"),
            "boolean" => json!(true),
            "integer" => json!(7),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_property_of_a_schema_is_taken_and_every_required_one_is_asked_for() {
        for tool in TOOLS {
            let schema = tool.schema();
            let properties = schema["properties"].as_object().unwrap();
            let all: Map<_, _> = properties.iter().map(|(name, schema)| (name.clone(), sample(schema))).collect();
            tool.asked(all.clone()).unwrap();
            for name in all.keys() {
                let without: Map<_, _> = all.clone().into_iter().filter(|(key, _)| key != name).collect();
                let required = tool.required.contains(&name.as_str());
                assert_eq!(tool.asked(without).is_err(), required, "{} without {name}", tool.name);
            }
        }
    }

    /// C36, C62: there is no argument for another's name.
    #[test]
    fn c62_no_tool_takes_a_name_to_speak_as() {
        for tool in TOOLS {
            let schema = tool.schema();
            for name in ["from", "sender", "as", "session", "secret", "identity", "generation"] {
                assert!(!schema["properties"].as_object().unwrap().contains_key(name), "{} has {name}", tool.name);
                let mut all = arguments(json!({
                    "peer": "bob", "text": "x", "subject": "bob", "question": "woken"
                }));
                all.retain(|key, _| schema["properties"].get(key).is_some());
                all.insert(name.to_owned(), json!("boss"));
                let problem = tool.asked(all).unwrap_err();
                assert!(problem.message.contains(&format!("unknown field `{name}`")), "{}", problem.message);
            }
        }
        let done = tool("done").unwrap().asked(arguments(json!({ "peer": "bob" }))).unwrap_err();
        assert!(done.message.contains("unknown field `peer`"), "{}", done.message);
    }

    #[test]
    fn a_wait_without_end_is_not_to_be_had() {
        let asked = |value| tool("send_to_peer").unwrap().asked(arguments(value));
        let verb = asked(json!({ "peer": "bob", "text": "x", "wait_for_reply": true })).unwrap().verb;
        assert!(matches!(verb, Verb::Send(send) if send.timeout_ms == Some(50_000) && send.wait == Wait::Replied));
        let verb = asked(json!({ "peer": "bob", "text": "x", "timeout_seconds": 5 })).unwrap().verb;
        assert!(matches!(verb, Verb::Send(send) if send.timeout_ms.is_none() && send.wait == Wait::Accepted));
        for seconds in [0, 601] {
            let problem = asked(json!({ "peer": "bob", "text": "x", "timeout_seconds": seconds })).unwrap_err();
            assert_eq!(problem.code, ProblemCode::Usage);
        }
    }

    #[test]
    fn a_fault_says_its_code_its_sentence_and_the_next_step() {
        let problem = Problem::refused("`ada` is stopped").hint("the message was not accepted");
        let said = tool("send_to_peer").unwrap().said(Err(problem));
        assert_eq!(said.text, "error (refused): `ada` is stopped\nhint: the message was not accepted");
        assert!(said.is_error);
        let late = Problem::new(ProblemCode::TimedOut, "not replied to within 50000 ms: message 01 is delivered");
        let said = tool("send_to_peer").unwrap().said(Err(late));
        assert!(!said.is_error && said.text.starts_with("accepted, not replied to"), "{}", said.text);
        assert!(!said.text.contains("queue"), "where it is, the first half says: {}", said.text);
    }
}
