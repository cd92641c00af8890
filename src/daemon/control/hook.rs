//! What a session's program says by its hooks: facts, and nothing that could be refused.

use serde_json::Value;
use tokio::sync::oneshot;

use super::Door;
use super::answer::{ending, in_doubt, journal_refuses};
use crate::daemon::ears::conversation;
use crate::daemon::input::{Answer, Input};
use crate::protocol::{Hook, Problem};

/// Answers once what the hook says is durable.
pub(super) async fn hook(door: &Door, secret: Option<&str>, hook: Hook) -> Result<Value, Problem> {
    let secret = secret.ok_or_else(|| Problem::refused("a hook speaks for the session it runs in (C62)"))?;
    let session = door.holder(secret.trim()).await?;
    let name = session.clone();
    let known = door.read(move |state, _| conversation(state, &name)).await?;
    let drafts = door.ears.facts(&session, known.as_deref(), &hook);
    if drafts.is_empty() {
        return Ok(Value::Null);
    }
    let (answer, answered) = oneshot::channel();
    door.tell(Input::Heard { drafts, answer })?;
    match answered.await.map_err(|_| ending())? {
        Answer::JournalRefuses { why, in_doubt: false } => Err(journal_refuses(&why)),
        Answer::JournalRefuses { why, in_doubt: true } => Err(in_doubt(&why)),
        Answer::Done(_) | Answer::Known { .. } | Answer::Refused { .. } => Ok(Value::Null),
    }
}
