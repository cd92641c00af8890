//! The other end of the control socket: one call, and the patience to hear its answer.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::error::CliError;
use crate::protocol::{Call, Reply, ReplyError, Sent};

/// How long a daemon may take to say anything at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// A session's own call: beyond this it is spooled (C61a).
    Short,
    /// A person's or a script's.
    Long,
    /// The answer may take as long as the world does.
    Endless,
}

/// How a call went that was answered.
#[derive(Clone, Debug)]
pub enum Heard {
    Done(Value),
    /// Accepted, and then the daemon went away before what was waited for.
    OnlyAccepted(Sent),
}

impl Patience {
    fn limit(self) -> Option<Duration> {
        match self {
            Patience::Short => Some(Duration::from_millis(200)),
            Patience::Long => Some(Duration::from_secs(30)),
            Patience::Endless => None,
        }
    }
}

/// Makes `call` on `socket` and hears it answered. Once the daemon has said a first word, what is waited for may take
/// its time.
pub fn call(socket: &Path, call: &Call, patience: Patience) -> Result<Heard, CliError> {
    let limit = patience.limit();
    let deadline = limit.map(|limit| Instant::now() + limit);
    let stream = UnixStream::connect(socket).map_err(|source| CliError::NotRunning {
        socket: socket.to_owned(),
        asked: call.verb.is_question(),
        source,
    })?;
    let failed = |error: io::Error| match (error.kind(), limit) {
        (io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut, Some(limit)) => {
            CliError::NoAnswer { patience_ms: limit.as_millis() }
        }
        _ => CliError::Lost { source: error },
    };
    stream.set_write_timeout(limit).map_err(failed)?;
    // A daemon that refuses a call before it has read it whole says why, and that is the better story.
    let written = (&stream).write_all(&call.to_line());
    let mut reader = BufReader::new(&stream);
    let first = match (read_line(&mut reader, deadline), written) {
        (Ok(line), _) => line,
        (Err(_), Err(error)) | (Err(error), Ok(())) => return Err(failed(error)),
    };
    let sent = match Reply::from_line(&first)? {
        Reply::Ok(data) => return Ok(Heard::Done(data)),
        Reply::Error(problem) => return Err(problem.into()),
        Reply::Accepted(sent) => sent,
    };
    match read_line(&mut reader, None).map(|line| Reply::from_line(&line)) {
        Ok(Ok(Reply::Ok(data))) => Ok(Heard::Done(data)),
        Ok(Ok(Reply::Error(problem))) => Err(problem.into()),
        Ok(Ok(Reply::Accepted(_))) => Err(ReplyError::Malformed { why: "accepted twice".to_owned() }.into()),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Ok(Heard::OnlyAccepted(sent)),
    }
}

/// One line, or what kept it. Without a deadline it is waited for.
fn read_line(reader: &mut BufReader<&UnixStream>, deadline: Option<Instant>) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        reader.get_ref().set_read_timeout(left)?;
        let bytes = match reader.fill_buf() {
            Ok([]) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(bytes.len(), |end| end + 1);
        line.extend_from_slice(&bytes[..used]);
        reader.consume(used);
        if end.is_some() {
            return Ok(line);
        }
    }
}
