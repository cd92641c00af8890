//! Anthropic's messages, as far as a stream and a prompt need them.

use serde_json::{Value, json};

use crate::model::{Answer, Asked, unique};

/// The first event of a stream, and those that follow.
pub fn events(body: &Value, answer: &Answer) -> (Value, Vec<Value>) {
    let usage = json!({ "input_tokens": 1, "output_tokens": 1 });
    let message = json!({ "id": unique("msg"), "type": "message", "role": "assistant", "model": body["model"], "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage });
    let (block, delta, reason) = match answer {
        Answer::Bash(command) | Answer::Run(command) | Answer::Background(command) => {
            let background = matches!(answer, Answer::Background(_));
            let input = json!({ "command": command, "description": "Do it", "run_in_background": background });
            (
                json!({ "type": "tool_use", "id": unique("toolu"), "name": "Bash", "input": {} }),
                json!({ "type": "input_json_delta", "partial_json": input.to_string() }),
                "tool_use",
            )
        }
        Answer::Tool(name, arguments) => (
            json!({ "type": "tool_use", "id": unique("toolu"), "name": format!("mcp__dormouse__{name}"), "input": {} }),
            json!({ "type": "input_json_delta", "partial_json": arguments.to_string() }),
            "tool_use",
        ),
        Answer::OfProgram(name, arguments) => (
            json!({ "type": "tool_use", "id": unique("toolu"), "name": name, "input": {} }),
            json!({ "type": "input_json_delta", "partial_json": arguments.to_string() }),
            "tool_use",
        ),
        Answer::Text(text) | Answer::Held(text) | Answer::Halfway(text) | Answer::Slow(_, text) => {
            (json!({ "type": "text", "text": "" }), json!({ "type": "text_delta", "text": text }), "end_turn")
        }
        Answer::Waits(_) | Answer::OfCodex(..) => unreachable!("it has no such tool"),
        Answer::Error(_) => unreachable!("an error is no stream"),
    };
    let rest = vec![
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null },
            "usage": { "output_tokens": 1 } }),
        json!({ "type": "message_stop" }),
    ];
    (json!({ "type": "message_start", "message": message }), rest)
}

/// Every text a user has said in the conversation that `asked` sends, in order.
pub fn prompts(asked: &Asked) -> Vec<String> {
    let messages = asked.body["messages"].as_array().into_iter().flatten();
    let said = messages.filter(|message| message["role"] == "user").map(|message| &message["content"]);
    said.flat_map(|content| match content {
        Value::String(text) => vec![text.clone()],
        blocks => texts(blocks, "text"),
    })
    .collect()
}

/// The envelope that was said last; none, if this is about a tool's result.
pub fn prompt(asked: &Asked) -> Option<String> {
    let messages = asked.body["messages"].as_array()?;
    let content = &messages.iter().rfind(|message| message["role"] == "user")?["content"];
    let said = match content {
        Value::String(text) => vec![text.clone()],
        blocks => texts(blocks, "text"),
    };
    said.into_iter().rfind(|text| text.contains("[from "))
}

pub fn texts(blocks: &Value, kind: &str) -> Vec<String> {
    let blocks = blocks.as_array().into_iter().flatten().filter(|block| block["type"] == kind);
    blocks.filter_map(|block| block["text"].as_str().map(ToOwned::to_owned)).collect()
}
