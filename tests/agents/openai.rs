//! OpenAI's responses, as far as a stream and a prompt need them.

use serde_json::{Value, json};

use crate::anthropic::texts;
use crate::model::{Answer, Asked, unique};

/// The first event of a stream, and those that follow.
pub fn events(answer: &Answer) -> (Value, Vec<Value>) {
    let item = match answer {
        Answer::Bash(command) => {
            let arguments =
                json!({ "cmd": command, "sandbox_permissions": "require_escalated", "justification": "why" });
            json!({ "type": "function_call", "id": unique("fc"), "call_id": unique("call"), "name": "exec_command",
                "arguments": arguments.to_string() })
        }
        Answer::Tool(name, arguments) => called("mcp__dormouse", name, arguments),
        Answer::OfCodex(namespace, name, arguments) => called(namespace, name, arguments),
        Answer::Text(text) | Answer::Held(text) | Answer::Halfway(text) | Answer::Slow(_, text) => {
            json!({ "type": "message", "role": "assistant", "id": unique("msg"),
            "content": [{ "type": "output_text", "text": text }] })
        }
        Answer::Run(command) => {
            let arguments = json!({ "cmd": command });
            json!({ "type": "function_call", "id": unique("fc"), "call_id": unique("call"), "name": "exec_command",
                "arguments": arguments.to_string() })
        }
        Answer::Waits(command) => {
            let arguments = json!({ "session_id": command, "chars": "", "yield_time_ms": 120_000 });
            json!({ "type": "function_call", "id": unique("fc"), "call_id": unique("call"), "name": "write_stdin",
                "arguments": arguments.to_string() })
        }
        Answer::Background(_) | Answer::OfProgram(..) => unreachable!("it has no such tool"),
        Answer::Error(_) => unreachable!("an error is no stream"),
    };
    let response = unique("resp");
    let usage = json!({ "input_tokens": 1, "input_tokens_details": null, "output_tokens": 1,
        "output_tokens_details": null, "total_tokens": 2 });
    let rest = vec![
        json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        json!({ "type": "response.completed", "response": { "id": response, "usage": usage } }),
    ];
    (json!({ "type": "response.created", "response": { "id": response } }), rest)
}

fn called(namespace: &str, name: &str, arguments: &Value) -> Value {
    json!({ "type": "function_call", "id": unique("fc"), "call_id": unique("call"), "namespace": namespace, "name": name,
        "arguments": arguments.to_string() })
}

/// Every text a user has said in the conversation that `asked` sends, in order.
pub fn prompts(asked: &Asked) -> Vec<String> {
    let items = asked.body["input"].as_array().into_iter().flatten();
    items.filter(|item| item["role"] == "user").flat_map(|item| texts(&item["content"], "input_text")).collect()
}

/// What was said last, unless it is a tool's result.
pub fn prompt(asked: &Asked) -> Option<String> {
    let last = asked.body["input"].as_array()?.last()?;
    if last["role"] == "user" { texts(&last["content"], "input_text").pop() } else { None }
}
