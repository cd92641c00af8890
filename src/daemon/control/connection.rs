//! One caller: a line in, lines out, each within its time.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Door;
use super::answer::answer;
use super::caller::Credentials;
use crate::protocol::{Call, CallError, LINE_BYTES_MAX, Problem, ProblemCode, Reply, call_bytes_max};

/// For a whole call to arrive, and for a reply to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hears one call and answers it.
pub(super) async fn serve(stream: UnixStream, door: &Door) {
    let credentials = Credentials::of(&stream);
    let (mut reader, mut writer) = stream.into_split();
    let reply = match credentials {
        Ok(credentials) => converse(&mut reader, &mut writer, door, &credentials).await,
        Err(problem) => Some(Reply::Error(problem)),
    };
    if let Some(reply) = reply {
        say(&mut writer, &reply).await;
    }
}

/// The last reply; none when the caller has gone.
async fn converse(
    reader: &mut OwnedReadHalf,
    writer: &mut OwnedWriteHalf,
    door: &Door,
    credentials: &Credentials,
) -> Option<Reply> {
    let call = match timeout(PATIENCE, hear(reader, door)).await {
        Ok(Ok(call)) => call?,
        Ok(Err(problem)) => return Some(Reply::Error(problem)),
        Err(_) => {
            let why = format!("no whole call within {} s", PATIENCE.as_secs());
            return Some(Reply::Error(Problem::new(ProblemCode::TimedOut, why)));
        }
    };
    let (early, mut earlier) = mpsc::unbounded_channel();
    let answered = answer(door, credentials, call, &early);
    let mut answered = std::pin::pin!(answered);
    loop {
        tokio::select! {
            // What was said before the end goes out before the end.
            biased;
            Some(reply) = earlier.recv() => if !say(writer, &reply).await { return None },
            done = &mut answered => {
                while let Ok(reply) = earlier.try_recv() {
                    say(writer, &reply).await;
                }
                return Some(match done {
                    Ok(data) => Reply::Ok(data),
                    Err(problem) => Reply::Error(problem),
                });
            }
            () = gone(reader) => return None,
        }
    }
}

/// Reads one line; none when the caller left without a word.
async fn hear(reader: &mut OwnedReadHalf, door: &Door) -> Result<Option<Call>, Problem> {
    let mut line = Vec::with_capacity(4096);
    let mut bytes_max = LINE_BYTES_MAX;
    loop {
        let seen = line.len();
        match reader.read_buf(&mut line).await {
            Ok(0) if line.is_empty() => return Ok(None),
            Ok(0) => return Err(Problem::new(ProblemCode::Usage, "the call ends before its line does")),
            Ok(_) => {}
            Err(_) => return Ok(None),
        }
        if let Some(end) = line[seen..].iter().position(|byte| *byte == b'\n') {
            return Call::from_line(&line[..seen + end]).map(Some).map_err(misunderstood);
        }
        if line.len() > bytes_max && bytes_max == LINE_BYTES_MAX {
            // The setting may have changed since the start: the state knows.
            bytes_max = call_bytes_max(door.read(|state, _| state.settings.message_bytes_max).await?);
        }
        if line.len() > bytes_max {
            let why = format!("the call is longer than {bytes_max} bytes, the most a message can need (C6)");
            return Err(Problem::refused(why).hint("the message was not accepted"));
        }
    }
}

fn misunderstood(error: CallError) -> Problem {
    match error {
        CallError::Version { .. } => Problem::new(ProblemCode::Version, error.to_string())
            .hint("restart the daemon after an upgrade; sessions go on meanwhile"),
        CallError::Malformed { .. } => Problem::new(ProblemCode::Usage, error.to_string()),
    }
}

/// Ends when the caller has closed its side. What else it says on this connection is not heard.
async fn gone(reader: &mut OwnedReadHalf) {
    let mut more = [0; 256];
    while matches!(reader.read(&mut more).await, Ok(bytes) if bytes > 0) {}
}

/// Whether the caller took it.
async fn say(writer: &mut OwnedWriteHalf, reply: &Reply) -> bool {
    match timeout(PATIENCE, writer.write_all(&reply.to_line())).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a caller has gone before its reply");
            false
        }
        Err(_) => {
            tracing::debug!("a caller does not take its reply");
            false
        }
    }
}
