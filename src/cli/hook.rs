//! What agents' programs call: it prints nothing, never fails, and costs them next to nothing.

use std::ffi::OsString;
use std::io::Read as _;
use std::process::ExitCode;
use std::thread;

use serde_json::Value;

use super::client::{self, Patience};
use super::error::CliError;
use super::session::Session;
use crate::daemon::control::mint;
use crate::model::time::Timestamp;
use crate::observe::clock;
use crate::protocol::{Call, Hook as Said, ProblemCode, Verb};

/// Longest payload that is read, in bytes. One with the longest message anybody sends is far shorter.
const BYTES_MAX: u64 = 64 << 20;
/// Longest value of a field that is passed on, but for the prompt: what was answered, and what tools were given, is nobody's
/// business here.
const VALUE_BYTES_MAX: usize = 4096;

/// Called by agents' hooks: tells the daemon what the program of its session does
///
/// Reads what the program says from standard input, or from its last argument. Outside a session, with no daemon, or
/// with anything it does not understand it does nothing. It prints nothing and always succeeds: no agent is held up by it.
#[derive(Debug, clap::Args)]
pub struct Hook {
    /// What the program says, where it says it in an argument
    #[arg(value_name = "PAYLOAD", allow_hyphen_values = true, trailing_var_arg = true)]
    said: Vec<OsString>,
}

impl Hook {
    pub fn run(self) -> ExitCode {
        run(&self.said)
    }
}

/// Does it, whatever `args` are.
pub fn run(args: &[OsString]) -> ExitCode {
    // The moment counts, and not when this has been heard (C46b).
    let said_at = clock::now();
    // A bug here must not show on an agent's screen either.
    std::panic::set_hook(Box::new(|_| {}));
    let said = args.last().cloned();
    let _ = thread::spawn(move || tell(said, said_at)).join();
    ExitCode::SUCCESS
}

fn tell(argument: Option<OsString>, said_at: Timestamp) -> Option<()> {
    let session = Session::of_environment()?;
    let payload = slim(serde_json::from_slice(&heard(argument)?).ok()?)?;
    let secret = session.secret().ok()?;
    let verb = Verb::Hook(Box::new(Said { said_at, payload }));
    let call = Call { secret: Some(secret), ..Call::new(mint::message_id(), verb) };
    match client::call(&session.control_socket()?, &call, Patience::Short) {
        Ok(_) => {}
        Err(CliError::Problem(problem)) if is_final(problem.code) => {}
        // The daemon is down, or busy, or its journal refuses: it comes out of the spool (C61a).
        Err(_) => session.spool(&call).ok()?,
    }
    Some(())
}

/// What the program gave it.
fn heard(argument: Option<OsString>) -> Option<Vec<u8>> {
    if let Some(argument) = argument {
        return Some(argument.into_encoded_bytes());
    }
    let mut payload = Vec::new();
    std::io::stdin().lock().take(BYTES_MAX).read_to_end(&mut payload).ok()?;
    Some(payload)
}

/// Without what only makes it long. None for what is no hook's payload.
fn slim(payload: Value) -> Option<Value> {
    let Value::Object(mut fields) = payload else { return None };
    fields.retain(|name, value| match value {
        Value::String(text) => name == "prompt" || text.len() <= VALUE_BYTES_MAX,
        // How many there are is what counts.
        Value::Array(values) => {
            values.iter_mut().for_each(|value| *value = Value::Null);
            values.truncate(VALUE_BYTES_MAX);
            true
        }
        Value::Object(_) => false,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    });
    Some(Value::Object(fields))
}

/// Said again it would be answered the same.
fn is_final(code: ProblemCode) -> bool {
    matches!(code, ProblemCode::Refused | ProblemCode::Usage | ProblemCode::Version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn c62_what_was_answered_and_what_tools_were_given_stays_where_it_is() {
        let long = "x".repeat(2 << 20);
        let payload = json!({ "hook_event_name": "Stop", "prompt": long, "last_assistant_message": long,
            "tool_input": { "command": "ls" }, "background_tasks": [{ "command": long }, 2], "agent_id": null });
        let slim = slim(payload).unwrap();
        let left =
            json!({ "hook_event_name": "Stop", "prompt": long, "background_tasks": [null, null], "agent_id": null });
        assert_eq!(slim, left);
        assert_eq!(super::slim(json!([1])), None);
    }
}
