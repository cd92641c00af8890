use std::io;

use rmcp::ServiceExt as _;
use rmcp::transport::stdio;
use serde_json::{Value, json};

use super::client::Heard;
use super::context::Context;
use super::error::CliError;
use crate::daemon::mcp::{Counter, Desk};
use crate::protocol::tools::Asked;
use crate::protocol::{Problem, ProblemCode};

/// Serve an agent's tools over MCP on standard input and output
///
/// For agent programs that have no HTTP: started inside a session by the program itself, it speaks in that session's
/// name. The handshake needs no daemon; what goes wrong later is said in a tool's result. A message or `done` that no
/// daemon takes within 200 ms is kept in the session's folder until one does.
#[derive(Debug, clap::Args)]
pub struct Mcp {}

impl Mcp {
    pub fn run(self, context: Context) -> Result<(), CliError> {
        let program = |source: io::Error| CliError::Program { program: "MCP over standard input".to_owned(), source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(program)?;
        let served = runtime.block_on(async {
            let service = Desk::new(Socket(context)).serve(stdio()).await.map_err(io::Error::other)?;
            service.waiting().await.map_err(io::Error::other)
        });
        // A read of standard input cannot be called off, and nobody waits for what is still asked.
        runtime.shutdown_background();
        served.map(|_| ()).map_err(program)
    }
}

/// The control socket, in the name of the session this runs in.
#[derive(Clone, Debug)]
struct Socket(Context);

impl Counter for Socket {
    async fn perform(&self, asked: Asked) -> Result<Value, Problem> {
        let Self(context) = self.clone();
        let asked = tokio::task::spawn_blocking(move || ask(&context, asked));
        asked.await.map_err(|error| Problem::failed(error.to_string()))?.map_err(said)
    }
}

fn ask(context: &Context, Asked { verb, reason }: Asked) -> Result<Value, CliError> {
    if context.session.is_none() {
        let problem = Problem::refused("`dormouse mcp` speaks for the session it runs in, and this is none (C62)");
        return Err(problem.hint("an agent's program starts it, inside a session of dormouse").into());
    }
    // What only asks has nothing to keep for later.
    if !verb.may_be_spooled() {
        return context.change(verb, reason);
    }
    match context.hear_or_spool(&context.call(verb, reason)?)? {
        Some(Heard::Done(value)) => Ok(value),
        Some(Heard::OnlyAccepted(sent)) => Ok(json!(sent)),
        None => Ok(json!({
            "message": null, "peer": "", "outcome": "spooled", "queue_depth": null, "lsn": null, "proof": null, "reply": null,
        })),
    }
}

/// As the daemon would have said it.
fn said(error: CliError) -> Problem {
    let hint = error.hint();
    match error {
        CliError::Problem(problem) => problem,
        CliError::NotRunning { .. } | CliError::NoAnswer { .. } | CliError::Lost { .. } => {
            Problem { hint, ..Problem::new(ProblemCode::Ending, error.to_string()) }
        }
        error => Problem { hint, ..Problem::failed(error.to_string()) },
    }
}
