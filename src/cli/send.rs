use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Because;
use super::client::Heard;
use super::context::Context;
use super::error::CliError;
use crate::config::quantity::{QuantityError, parse_duration};
use crate::model::id::MessageId;
use crate::protocol::{Problem, Reply, SendMessage, Sent, SentOutcome, Verb, Wait};

/// Send a message to a peer
///
/// Accepted means durable: the message is in the peer's queue whatever happens next, and the peer is woken for it.
/// Inside a session the message is the session's own; if no daemon answers within 200 ms it is kept in the session's
/// folder until one does, and `spooled` is said.
#[derive(Debug, clap::Args)]
pub struct Send {
    /// An identity, a personality, a unique prefix of either, or user:NAME
    peer: String,
    /// The message; put `--` before one that looks like a flag
    #[arg(allow_hyphen_values = true, conflicts_with = "file", required_unless_present = "file")]
    text: Option<String>,
    /// Read the message from a file, or from standard input with `-`
    #[arg(short, long, value_name = "FILE", allow_hyphen_values = true)]
    file: Option<PathBuf>,
    /// The thread it belongs to, at most 200 characters
    #[arg(long)]
    topic: Option<String>,
    /// Accept it once: the same id again returns the first outcome
    #[arg(long, value_name = "KEY")]
    id: Option<String>,
    /// Who it is from, as a caller outside sessions says; shown as unverified
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// Its runtime, if not the peer's default one
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,
    /// Of an agent, the message that this one answers; without it, the last one that was delivered to it from this peer
    #[arg(long, value_name = "MESSAGE")]
    answers: Option<MessageId>,
    /// A word in between: the sender's task goes on
    #[arg(long)]
    progress: bool,
    /// What to wait for
    #[arg(long, value_name = "FOR", value_enum, default_value_t)]
    wait: Wait,
    /// Give up waiting after this time; the message stays accepted
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    because: Because,
}

impl Send {
    /// `args` as the process got them: only they tell a text behind `--` from a flag nobody knows.
    pub fn run(self, context: &Context, args: &[OsString]) -> Result<(), CliError> {
        if self.from.is_some() && context.session.is_some() {
            return Err(Problem::from_inside_a_session().into());
        }
        let text = match (self.text, self.file) {
            (_, Some(file)) => read_text(&file)?,
            (Some(text), None) if is_mistyped_flag(&text, args) => return Err(mistyped(&text)),
            (text, None) => text.unwrap_or_default(),
        };
        let message = SendMessage {
            to: self.peer.clone(),
            text,
            topic: self.topic,
            key: self.id,
            runtime: self.runtime,
            progress: self.progress,
            wait: self.wait,
            answers: self.answers,
            timeout_ms: self.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        };
        let mut call = context.call(Verb::Send(Box::new(message)), self.because.reason)?;
        call.from = self.from;
        match context.hear_or_spool(&call)? {
            Some(Heard::Done(data)) => say(context, &Reply::read(data)?),
            Some(Heard::OnlyAccepted(sent)) => {
                let message = sent.message.map(|message| message.to_string()).unwrap_or_default();
                Err(CliError::LeftAlone { message })
            }
            None => say(context, &spooled(self.peer)),
        }
    }
}

fn say(context: &Context, sent: &Sent) -> Result<(), CliError> {
    context.output.print(sent, || match (&sent.reply, sent.outcome) {
        (Some(reply), _) => reply.text.clone(),
        (None, SentOutcome::Spooled) => "spooled".to_owned(),
        (None, outcome) => {
            let message = sent.message.map(|message| message.to_string()).unwrap_or_default();
            let word = if outcome == SentOutcome::Delivered { "delivered" } else { "accepted" };
            let depth = sent.queue_depth.filter(|depth| *depth > 1 && outcome == SentOutcome::Accepted);
            format!(
                "{message} {word}{}",
                depth.map(|depth| format!(", number {depth} in the queue")).unwrap_or_default()
            )
        }
    })
}

fn spooled(peer: String) -> Sent {
    let outcome = SentOutcome::Spooled;
    Sent { message: None, peer, outcome, queue_depth: None, lsn: None, proof: None, reply: None }
}

/// The text as it is, to its last newline.
fn read_text(file: &Path) -> Result<String, CliError> {
    let mut bytes = Vec::new();
    let (what, read) = if file == Path::new("-") {
        ("standard input".to_owned(), io::stdin().lock().read_to_end(&mut bytes).map(|_| ()))
    } else {
        (file.display().to_string(), fs::read(file).map(|read| bytes = read))
    };
    read.map_err(|source| CliError::Text { what: what.clone(), source })?;
    String::from_utf8(bytes).map_err(|error| CliError::NotUtf8 { what, offset: error.utf8_error().valid_up_to() })
}

/// Whether a text is one word that could only be meant as a flag, and nobody said otherwise with `--`: a mistyped flag
/// must not become a message, and a list that begins with a dash must not be an error.
fn is_mistyped_flag(text: &str, args: &[OsString]) -> bool {
    let word = text.trim_start_matches('-');
    let is_flag = text.starts_with('-') && word.starts_with(|c: char| c.is_ascii_alphabetic());
    is_flag && !text.contains(char::is_whitespace) && !args.iter().any(|arg| arg == "--")
}

fn mistyped(text: &str) -> CliError {
    CliError::Usage {
        why: format!("unexpected argument `{text}`"),
        hint: Some(format!("to send it as a message: `dormouse send PEER -- {text}`")),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, QuantityError> {
    parse_duration(text).map(Duration::from_millis)
}
