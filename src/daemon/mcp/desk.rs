//! The protocol's server over the table of tools, whoever carries the calls on.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool as McpTool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;
use tokio::sync::mpsc;

use super::Own;
use crate::daemon::control::mint::message_id;
use crate::daemon::control::{Caller, perform};
use crate::protocol::tools::{Asked, Said, TOOLS, Tool, tool};
use crate::protocol::{Call, Problem, ProblemCode};

const INSTRUCTIONS: &str = "You are one of several agents on this machine, each with a name. Messages of others appear in \
                            your input, from a line `[from NAME (runtime)] message ID, …` to a line `[end of message ID; …]`. \
                            To answer one, use send_to_peer with that NAME.";

/// Carries a tool's call on, in the name of the session it is for.
pub trait Counter: Send + Sync + 'static {
    fn perform(&self, asked: Asked) -> impl Future<Output = Result<Value, Problem>> + Send;
}

/// An MCP server: it knows the tools by heart and asks its counter for the rest.
#[derive(Debug)]
pub struct Desk<C>(Arc<C>);

impl<C> Clone for Desk<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Counter> Desk<C> {
    pub fn new(counter: C) -> Self {
        Self(Arc::new(counter))
    }
}

impl<C: Counter> ServerHandler for Desk<C> {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("dormouse", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(TOOLS.iter().map(shown).collect()))
    }

    fn get_tool(&self, name: &str) -> Option<McpTool> {
        tool(name).map(shown)
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = tool(&call.name) else {
            return Err(ErrorData::invalid_params(format!("no tool is called `{}`", call.name), None));
        };
        let answer = match tool.asked(call.arguments.unwrap_or_default()) {
            Ok(asked) => tokio::select! {
                answer = self.0.perform(asked) => answer,
                // Nobody waits any more. What was accepted stays accepted.
                () = context.ct.cancelled() => Err(Problem::failed("the call was cancelled")),
            },
            Err(problem) => Err(problem),
        };
        let Said { text, is_error } = tool.said(answer);
        let text = vec![ContentBlock::text(text)];
        Ok(if is_error { CallToolResult::error(text) } else { CallToolResult::success(text) }.into())
    }
}

fn shown(tool: &Tool) -> McpTool {
    let hints = ToolAnnotations::new().read_only(tool.reads_only).destructive(false).open_world(false);
    McpTool::new(Cow::Borrowed(tool.name), Cow::Borrowed(tool.description), Arc::new(tool.schema()))
        .with_annotations(hints)
}

impl Counter for Own {
    async fn perform(&self, asked: Asked) -> Result<Value, Problem> {
        if !self.door.inputs.serves() {
            return Err(recovers());
        }
        match self.door.lives(self.session.clone()).await? {
            (true, _) => {}
            (false, _) => return Err(Problem::refused("this session has ended (C62)")),
        }
        let Asked { verb, reason } = asked;
        let call = Call { reason, ..Call::new(message_id(), verb) };
        let (early, _heard) = mpsc::unbounded_channel();
        perform(&self.door, Caller::from(self.session.clone()), call, &early).await
    }
}

/// Nothing has been accepted, and nothing can be until the journal has been read.
fn recovers() -> Problem {
    Problem::new(ProblemCode::Ending, "the daemon is starting: it reads its journal first")
        .hint("nothing was accepted; try again in a moment")
}
