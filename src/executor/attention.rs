//! Calling a person: the user's own command, with what happened as JSON on its standard input.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::voice::Voice;
use crate::model::effect::Attention;
use crate::model::event::AttentionCalled;

/// Longest the command may take.
const CALL_MS_MAX: u64 = 10_000;

/// Runs the command and reports how that went.
pub(super) async fn call(attention: Box<Attention>, voice: Voice) {
    let failed = run(&attention).await.err();
    voice.say(AttentionCalled { what: attention.what.word().to_owned(), failed });
}

async fn run(attention: &Attention) -> Result<(), String> {
    let [program, args @ ..] = attention.command.as_slice() else { return Err("no command is set".to_owned()) };
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("could not start `{program}`: {error}"))?;
    let json = serde_json::json!({
        "what": attention.what.word(),
        "peer": attention.peer.as_ref().map(ToString::to_string),
        "message": attention.message.map(|message| message.to_string()),
        "says": attention.says,
    });
    let talk = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not care to read is not at fault.
            let _ = stdin.write_all(format!("{json}\n").as_bytes()).await;
        }
        child.wait().await
    };
    match tokio::time::timeout(Duration::from_millis(CALL_MS_MAX), talk).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("`{program}` failed: {status}")),
        Ok(Err(error)) => Err(format!("could not wait for `{program}`: {error}")),
        Err(_) => Err(format!("`{program}` did not end in {CALL_MS_MAX} ms")),
    }
}
